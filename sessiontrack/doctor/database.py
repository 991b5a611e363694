"""The database, what is recorded in it, and the passwords of admins."""

import shlex
from collections.abc import Iterator

from sessiontrack import migrations
from sessiontrack.database import db, read_transaction, write_transaction
from sessiontrack.database.maintenance import database_sizes, find_damage, sqlite_file
from sessiontrack.doctor.findings import Finding, Patient, ok, warning, wrong
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.presence.ahead import count_set_aside, devices_ahead
from sessiontrack.process import instance
from sessiontrack.queries.accounts import admins_against_the_rule, list_users, password_hash_of
from sessiontrack.queries.figures import contradicted_open, forgotten_open, latest_instant, underived
from sessiontrack.queries.sources import list_sources
from sessiontrack.queries.webhooks import count_dead
from sessiontrack.services.users import FIRST_ADMIN, is_password
from sessiontrack.services.write_probe import probe
from sessiontrack.values.roles import ADMIN

# Beyond the size that SQLite is configured to keep; and so much that something holds it open.
LARGE_WAL = 128 * 1024**2
HUGE_WAL = 1024**3
AHEAD_SECONDS = 360
WEEK = 7 * 86_400
MOST_NAMED = 5
MOST_FAULTS = 5
# What people take for a first password.
GUESSED = ("admin", "password", "sessiontrack", "changeme")


def schema(patient: Patient) -> Iterator[Finding]:
    """Whether it is the one that this version of the program works with."""
    found, newest = migrations.current_revision(db.engine), str(migrations.newest_revision())
    if found == newest:
        yield ok("schema.ok", revision=newest)
    elif found is None:
        yield wrong("schema.none", needed=newest)
    elif found in migrations.known_revisions():
        yield wrong("schema.old", revision=found, needed=newest)
    else:
        yield wrong("schema.newer", revision=found)


def integrity(patient: Patient) -> Iterator[Finding]:
    """Whether each page of the file can be read; a server looks after its own."""
    if patient.fast or sqlite_file() is None:
        return
    if damage := find_damage(MOST_FAULTS, thorough=False):
        yield wrong("integrity.damaged", damage="; ".join(damage))
    else:
        yield ok("integrity.ok")


def writing(patient: Patient) -> Iterator[Finding]:
    """Whether a write is possible."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    try:
        with write_transaction() as tx:
            probe(tx)
    except StorageUnavailable as error:
        yield wrong("writing.impossible", reason=error.reason)
    else:
        yield ok("writing.ok")


def write_ahead_log(patient: Patient) -> Iterator[Finding]:
    """Whether it is written back; a reader that never ends keeps it from that."""
    size, wal = database_sizes()
    mib = round(size / 1024**2, 1)
    if wal is None:
        yield ok("size.ok", mib=mib)
        return
    log = round(wal / 1024**2, 1)
    if wal > HUGE_WAL:
        yield wrong("size.log-huge", mib=mib, log=log)
    elif wal > LARGE_WAL:
        yield warning("size.log-large", mib=mib, log=log)
    else:
        yield ok("size.log-ok", mib=mib, log=log)


def order_of_time(patient: Patient) -> Iterator[Finding]:
    """Whether the clock is behind what was recorded."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        latest = latest_instant(tx)
    if latest is not None and latest > patient.now + AHEAD_SECONDS:
        yield wrong("recorded.ahead", time=patient.settings.timezone.format_offset(latest))
    else:
        yield ok("recorded.ok")


def histories(patient: Patient) -> Iterator[Finding]:
    """Whether every device could be derived; what lies ahead of the clock, or waits for an end for ever."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    site = patient.settings.timezone
    with read_transaction() as tx:
        failed = underived(tx)
        contradicted = contradicted_open(tx)
        known = {mac for mac, _, _ in contradicted}
        unseen = [each for each in forgotten_open(tx, patient.now - WEEK) if each[0] not in known]
        ahead = len(devices_ahead(tx, patient.now))
        aside, latest = count_set_aside(tx)
    for mac, error in failed[:MOST_NAMED]:
        yield wrong("histories.underived", mac=mac, error=error)
    for mac, start, end in contradicted[:MOST_NAMED]:
        since, until = site.format_offset(start), site.format_offset(end)
        yield warning("histories.contradicted", mac=mac, since=since, until=until)
    for mac, at in unseen[:MOST_NAMED]:
        yield warning("histories.unseen", mac=mac, since=site.format_offset(at))
    more = sum(max(0, len(each) - MOST_NAMED) for each in (contradicted, unseen))
    if more:
        yield warning("histories.more", count=more)
    if ahead:
        yield warning("histories.ahead", count=ahead)
    if latest is not None:
        yield warning("histories.set-aside", count=aside, until=site.format_offset(latest))
    if not (failed or contradicted or unseen or ahead or aside):
        yield ok("histories.ok")


def first_password(patient: Patient) -> Iterator[Finding]:
    """Whether it is still what it was at the start, or what anybody would try."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        stored = password_hash_of(tx, FIRST_ADMIN)
        admins = [
            each["username"]
            for each in list_users(tx)
            if each["role"] == ADMIN and each["disabled_at"] is None
        ]
    if not admins:
        yield wrong("password.nobody")
        return
    if stored is None:
        yield ok("password.absent")
        return
    file = patient.settings.instance / instance.PASSWORD_FILE
    first = file.read_text().strip() if file.is_file() else ""
    if any(is_password(stored, guess) for guess in GUESSED):
        yield wrong("password.guessable")
    elif first and is_password(stored, first):
        yield warning("password.file", file=str(file))
    elif patient.settings.admin_password and is_password(stored, patient.settings.admin_password):
        yield warning("password.setting")
    elif first or patient.settings.admin_password:
        yield ok("password.changed")
    else:
        # A restored database comes without the file of its first password.
        yield ok("password.ok")


def admins_passwords(patient: Patient) -> Iterator[Finding]:
    """Whether an admin's was chosen before there was a rule."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        broken, untold = admins_against_the_rule(tx)
    for name in broken:
        yield warning("passwords.weak", user=name, argument=shlex.quote(name))
    for name in untold:
        yield warning("passwords.untold", user=name, argument=shlex.quote(name))
    if not (broken or untold):
        yield ok("passwords.ok")


def dead_webhooks(patient: Patient) -> Iterator[Finding]:
    """Whether there is news that never reached its receiver."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        dead = count_dead(tx)
    if dead:
        yield warning("webhooks.dead", count=dead)
    else:
        yield ok("webhooks.ok")


def sources(patient: Patient) -> Iterator[Finding]:
    """Whether what feeds us fails, or has been silent for longer than is usual for it."""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        return
    with read_transaction() as tx:
        found = list_sources(tx, patient.now)
    for each in found:
        if each.failing_since is not None:
            since = patient.settings.timezone.format_offset(each.failing_since)
            yield wrong("source.failing", source=each.name, since=since, reason=each.reason)
        elif each.silent_since is not None:
            since = patient.settings.timezone.format_offset(each.silent_since)
            argument = shlex.quote(each.name)
            yield warning(f"source.silent.{each.kind}", source=each.name, since=since, argument=argument)
    if not any(each.failing_since or each.silent_since for each in found):
        used = sum(not each.archived for each in found)
        yield ok("source.ok", count=used)
