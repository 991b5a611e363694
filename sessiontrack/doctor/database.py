"""What the database says of itself, and who may sign in with which password."""

import shlex
from collections.abc import Iterator

from sessiontrack import migrations
from sessiontrack.database import db, read_transaction, write_transaction
from sessiontrack.database.maintenance import database_sizes, find_damage, sqlite_file
from sessiontrack.doctor.findings import Finding, Patient, ok, warning, wrong
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.presence.ahead import count_set_aside, devices_ahead
from sessiontrack.process import instance
from sessiontrack.queries.accounts import admins_against_the_rule, password_hash_of
from sessiontrack.queries.figures import contradicted_open, forgotten_open, latest_instant, underived
from sessiontrack.queries.sources import list_sources
from sessiontrack.queries.webhooks import count_dead
from sessiontrack.services.users import FIRST_ADMIN, is_password
from sessiontrack.services.write_probe import probe
from sessiontrack.values.timestamps import IN_UTC

# Beyond the size that SQLite is configured to keep; and so much that something holds it open.
LARGE_WAL = 128 * 1024**2
HUGE_WAL = 1024**3
AHEAD_SECONDS = 360
WEEK = 7 * 86_400
MOST_NAMED = 5
MOST_FAULTS = 5
END_IT = 'Only a report ends a reported session: docs/history.md, "Open sessions".'
# What people take for a first password.
GUESSED = ("admin", "password", "sessiontrack", "changeme")


def schema(patient: Patient) -> Iterator[Finding]:
    """Whether it is the one that this version of the program works with."""
    found, newest = migrations.current_revision(db.engine), migrations.newest_revision()
    if found == newest:
        yield ok("schema", f"current ({found}).")
    elif found is None or found in migrations.known_revisions():
        yield wrong("schema", f"{found or 'none'}, and this version needs {newest}: sessiontrack migrate")
    else:
        yield wrong("schema", f"{found}, of a newer version of sessiontrack; install that one.")


def integrity(patient: Patient) -> Iterator[Finding]:
    """Whether each page of the file can be read; a server looks after its own."""
    if patient.fast or sqlite_file() is None:
        return
    if damage := find_damage(MOST_FAULTS, thorough=False):
        yield wrong("integrity", f"damaged: {'; '.join(damage)}. What can be done: sessiontrack check")
    else:
        yield ok("integrity", "every page can be read; sessiontrack check compares the indexes too.")


def writing(patient: Patient) -> Iterator[Finding]:
    """Whether a write is possible."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    try:
        with write_transaction() as tx:
            probe(tx)
    except StorageUnavailable as error:
        yield wrong("writing", f"not possible: {error.reason}.")
    else:
        yield ok("writing", "possible.")


def write_ahead_log(patient: Patient) -> Iterator[Finding]:
    """Whether it is written back; a reader that never ends keeps it from that."""
    size, wal = database_sizes()
    shown = f"{size / 1024**2:.1f} MiB"
    if wal is None:
        yield ok("size", f"{shown}.")
        return
    shown = f"{shown}, write-ahead log {wal / 1024**2:.1f} MiB"
    if wal > HUGE_WAL:
        yield wrong("size", f"{shown}: some program has been reading for very long; restart the service.")
    elif wal > LARGE_WAL:
        yield warning("size", f"{shown}, which is more than it should grow to.")
    else:
        yield ok("size", f"{shown}.")


def order_of_time(patient: Patient) -> Iterator[Finding]:
    """Whether the clock is behind what was recorded."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        latest = latest_instant(tx)
    if latest is not None and latest > patient.now + AHEAD_SECONDS:
        shown = IN_UTC.format_minute(latest)
        yield wrong("recorded", f"something was recorded at {shown} UTC: the clock is behind, or was ahead.")
    else:
        yield ok("recorded", "nothing is later than now.")


def histories(patient: Patient) -> Iterator[Finding]:
    """Whether every device could be derived; what lies ahead of the clock, or waits for an end for ever."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        failed = underived(tx)
        contradicted = contradicted_open(tx)
        known = {mac for mac, _, _ in contradicted}
        unseen = [each for each in forgotten_open(tx, patient.now - WEEK) if each[0] not in known]
        ahead = len(devices_ahead(tx, patient.now))
        aside, latest = count_set_aside(tx)
    for mac, error in failed[:MOST_NAMED]:
        yield wrong("histories", f"{mac} could not be derived and is left as it was: {error}")
    for mac, start, end in contradicted[:MOST_NAMED]:
        since, until = IN_UTC.format_offset(start), IN_UTC.format_offset(end)
        yield warning(
            "histories",
            f"{mac} is reported connected since {since}; a source reported its disconnection at {until}."
            f" {END_IT}",
        )
    for mac, at in unseen[:MOST_NAMED]:
        since = IN_UTC.format_offset(at)
        yield warning(
            "histories", f"{mac} is reported connected since {since}, and unseen for a week. {END_IT}"
        )
    more = sum(max(0, len(each) - MOST_NAMED) for each in (contradicted, unseen))
    if more:
        yield warning("histories", f"{more} more devices are reported connected, against what sources say.")
    if ahead:
        yield warning("histories", f"{ahead} devices have what lies ahead of the clock: check --repair")
    if latest is not None:
        until = IN_UTC.format_offset(latest)
        yield warning("histories", f"{aside} observations up to {until} are set aside: the clock was ahead.")
    if not (failed or contradicted or unseen or ahead or aside):
        yield ok("histories", "every device could be derived.")


def first_password(patient: Patient) -> Iterator[Finding]:
    """Whether it is still what it was at the start, or what anybody would try."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        stored = password_hash_of(tx, FIRST_ADMIN)
    if stored is None:
        yield ok("password", f"there is no enabled user {FIRST_ADMIN}.")
        return
    file = patient.settings.instance / instance.PASSWORD_FILE
    first = file.read_text().strip() if file.is_file() else ""
    if any(is_password(stored, guess) for guess in GUESSED):
        yield wrong("password", "admin's is one that anybody would try: sessiontrack user passwd admin")
    elif first and is_password(stored, first):
        yield warning("password", f"admin's is still the one in {file}: sessiontrack user passwd admin")
    elif patient.settings.admin_password and is_password(stored, patient.settings.admin_password):
        yield warning(
            "password", "admin's is still the one in ADMIN_PASSWORD: sessiontrack user passwd admin"
        )
    else:
        # A restored database comes without the file of its first password.
        is_known = first or patient.settings.admin_password
        yield ok(
            "password",
            "admin's is not the first one any more."
            if is_known
            else "admin's is none that anybody would try.",
        )


def admins_passwords(patient: Patient) -> Iterator[Finding]:
    """Whether an admin's was chosen before there was a rule."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        broken, untold = admins_against_the_rule(tx)
    for name in broken:
        yield warning("passwords", f"that of {name} is short or common: {_new_password(name)}")
    for name in untold:
        yield warning(
            "passwords",
            f"that of {name} is from before there was a rule, and was not used since: {_new_password(name)}",
        )
    if not (broken or untold):
        yield ok("passwords", "those of all admins meet the rule.")


def _new_password(username: str) -> str:
    return f"sessiontrack user passwd {shlex.quote(username)}"


def dead_webhooks(patient: Patient) -> Iterator[Finding]:
    """Whether there is news that never reached its receiver."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        dead = count_dead(tx)
    if dead:
        yield warning(
            "webhooks",
            f"deliveries given up: {dead}. Why: sessiontrack webhook list;"
            " again: sessiontrack webhook retry <name>",
        )
    else:
        yield ok("webhooks", "no delivery was given up.")


def sources(patient: Patient) -> Iterator[Finding]:
    """Whether what feeds us fails, or has been silent for longer than is usual for it."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        found = list_sources(tx, patient.now)
    for each in found:
        if each.failing_since is not None:
            since = IN_UTC.format_minute(each.failing_since)
            yield wrong("source", f"{each.name} fails since {since} UTC: {each.reason}")
        elif each.silent_since is not None:
            since = IN_UTC.format_minute(each.silent_since)
            yield warning(
                "source",
                f"{each.name} is silent since {since} UTC; does its scanner run?"
                f" If it was retired: sessiontrack source archive {shlex.quote(each.name)}",
            )
    if not any(each.failing_since or each.silent_since for each in found):
        used = sum(not each.archived for each in found)
        yield ok("source", f"{used} heard of, none silent or failing.")
