"""`sessiontrack import`: history from other tools, and from what export wrote."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial, wraps
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.progress import EVERY, progress_bar
from sessiontrack.cli.tables import print_table
from sessiontrack.config import Settings, settings_of, source_of
from sessiontrack.database import write_transaction
from sessiontrack.exceptions import UnreadableHistory
from sessiontrack.models.device import PROPERTIES
from sessiontrack.services.clock_door import pass_once
from sessiontrack.services.history import Tally, import_history
from sessiontrack.services.history_devices import Known
from sessiontrack.services.history_sessions import DIFFERS
from sessiontrack.services.presence import PresenceRules
from sessiontrack.sources.app_db import AppDatabase, Ended, ended_sections
from sessiontrack.sources.history_rows import read_file, read_user_sessions
from sessiontrack.sources.history_values import Values
from sessiontrack.values.records import (
    DEVICES,
    KINDS,
    NOT_TAKEN,
    DeviceRecord,
    EventRecord,
    Fault,
    Item,
    Record,
    Section,
    SessionRecord,
    UserSessionRecord,
)
from sessiontrack.values.timestamps import SiteTime

MOST_SHOWN = 20
OPEN_SESSIONS = (
    "Warning: sessions taken without an end, which stay open: {}. Scans, RADIUS and other sources do not end"
    " them, because an import is a report. {}"
)
END_THEM = (
    "Again with --end-open it ends them at the last instant that the other tool recorded; or import a later"
    " copy of its database."
)
IF_ENDED = (
    "If --end-open has ended the sessions here that differ: restore the backup of before it, which takes back"
    " what was recorded since, and import this copy."
)
REPORT_THEM = 'Report each with its end: docs/history.md, "Open sessions".'
UTC_BY_DEFAULT = (
    "Warning: local is the setting TIMEZONE, and TIMEZONE is not set: times without an offset are taken as"
    " UTC. If the other tool wrote them in another zone, name it: --naive-times Europe/Berlin."
)
# Of all kinds of records; below, those that each kind has.
INSTANTS = (
    "first_seen_at",
    "last_seen_at",
    "connected_at",
    "disconnected_at",
    "at",
    "started_at",
    "last_ping",
    "ended_at",
)
INSTANTS_OF = {
    kind: [attrgetter(name) for name in INSTANTS if name in kind._fields]
    for kind in (DeviceRecord, SessionRecord, EventRecord, UserSessionRecord)
}
end_open_option = click.option(
    "--end-open",
    is_flag=True,
    help="End what is still open at the last instant that the other tool recorded: it runs no more.",
)
file_argument = click.argument("file", metavar="FILE")
options = (
    click.option(
        "--skip-ahead", is_flag=True, help="Where rows lie ahead of now, take the rest instead of nothing."
    ),
    click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing."),
    click.option("--json", "as_json", is_flag=True, help="For programs; with every refused row."),
)


class Wanted(NamedTuple):
    """The options that every import has."""

    skip_ahead: bool
    dry_run: bool
    as_json: bool


def _with_wanted(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(skip_ahead: bool, dry_run: bool, as_json: bool, **others: Any) -> None:
        command(wanted=Wanted(skip_ahead, dry_run, as_json), **others)

    for option in reversed(options):
        run = option(run)
    return run


def _naive_times(default: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    return click.option(
        "--naive-times",
        "zone",
        default=default,
        show_default=True,
        metavar="utc|local|ZONE",
        help="The zone of times without an offset, like Europe/Berlin; local is the setting TIMEZONE.",
    )


@dataclass
class Span:
    """The first and the last instant of a section."""

    first: int | None = None
    last: int | None = None

    def add(self, record: Record) -> None:
        found: list[int] = [at for of_it in INSTANTS_OF[type(record)] if (at := of_it(record)) is not None]
        if not found:
            return
        first, last = (min(found), max(found)) if len(found) > 1 else (found[0], found[0])
        if self.first is None or first < self.first:
            self.first = first
        if self.last is None or last > self.last:
            self.last = last

    def shown(self, site: SiteTime) -> dict[str, str]:
        """As the dry run and programs see it."""
        assert self.first is not None
        assert self.last is not None
        return {"first": site.format_offset(self.first), "last": site.format_offset(self.last)}


class _DryRun(Exception):
    """Leaves the transaction without its changes."""


@click.group("import")
def import_() -> None:
    """Bring history along, from another tool or from an export.

    All in one transaction: whatever goes wrong, nothing is half done. Done again, it changes nothing. What
    is wrong with a row, or contradicts what is stored here, is said row by row, and the rest is taken.

    Example: sessiontrack import netalertx app.db --dry-run
    """


@import_.command()
@file_argument
@_naive_times("utc")
@end_open_option
@_with_wanted
def netalertx(file: str, zone: str, end_open: bool, wanted: Wanted) -> None:
    """Read the devices, sessions and events of NetAlertX (app.db), without changing it.

    Its times are in UTC in versions after 26.2.6, before that in the zone that it ran in: name that one.

    \b
    Example: sessiontrack import netalertx /app/db/app.db --dry-run
    Example: sessiontrack import netalertx app.db --naive-times Europe/Berlin
    Example: sessiontrack import netalertx app.db --end-open
    """
    _import_database(Path(file), zone, end_open, wanted)


@import_.command()
@file_argument
@_naive_times("local")
@end_open_option
@_with_wanted
def pialert(file: str, zone: str, end_open: bool, wanted: Wanted) -> None:
    """Read the devices, sessions and events of Pi.Alert (pialert.db), without changing it.

    Example: sessiontrack import pialert ~/pialert/db/pialert.db
    """
    _import_database(Path(file), zone, end_open, wanted)


@import_.command()
@file_argument
@_with_wanted
def canopsis(file: str, wanted: Wanted) -> None:
    """Read user sessions: a JSON array of them, or one object a line; FILE - is standard input.

    They have the shape of GET /api/v2/sessions.

    Example: sessiontrack import canopsis sessions.json
    """
    with _opened(file) as opened:
        _import(lambda values: [read_user_sessions(opened, values)], "local", opened, wanted)


def _add_format(file_format: str) -> None:
    @import_.command(
        file_format,
        help=f"""Read a {file_format.upper()} file that `sessiontrack export` wrote; FILE - is standard input.

        Restore devices first, then sessions, then events. Devices may also come from a list of your own, of
        mac and what you know of each, such as name and owner.

        \b
        Example: sessiontrack import {file_format} sessions sessions.{file_format}
        Example: sessiontrack import {file_format} devices names.{file_format} --overwrite
        """,
    )
    @click.argument("kind", type=click.Choice(KINDS))
    @file_argument
    @click.option(
        "--overwrite",
        is_flag=True,
        help="Of known devices take what the file says; what is empty in it stays. Without it all stays.",
    )
    @_with_wanted
    def read(kind: str, file: str, overwrite: bool, wanted: Wanted) -> None:
        if overwrite and kind != DEVICES:
            raise click.UsageError("--overwrite is for devices.")
        with _opened(file) as opened:
            _import(
                lambda values: [read_file(opened, file_format, kind, values, PROPERTIES)],
                "local",
                opened,
                wanted,
                known=Known(overwrite),
            )


for each in ("csv", "json", "ndjson"):
    _add_format(each)


def _import_database(path: Path, zone: str, end_open: bool, wanted: Wanted) -> None:
    if zone.lower() == "local" and source_of("TIMEZONE") == "default":
        click.echo(UTC_BY_DEFAULT, err=True)
    database = AppDatabase(path)
    ended = Ended() if end_open else None
    try:
        read = database.sections if ended is None else partial(ended_sections, database, ended)
        _import(read, zone, database, wanted, ended)
    finally:
        database.close()


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        # Only the opening is tried: what goes wrong later is another matter.
        opened = Path(file).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UnreadableHistory(f"{file} cannot be read: {error.strerror}.") from error
    with opened:
        yield opened


class _Refused:
    """The rows that were not taken: the first ones are shown at the end, all of them are for programs."""

    def __init__(self, keep: int | None) -> None:
        self._keep = keep
        self.kept: list[Fault] = []
        self.count = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        if self._keep is None or len(self.kept) < self._keep:
            self.kept.append(fault)


def _import(
    read: Callable[[Values], Iterable[Section]],
    zone: str,
    origin: BinaryIO | AppDatabase,
    wanted: Wanted,
    ended: Ended | None = None,
    known: Known | None = None,
) -> None:
    app = prepared_app()
    settings = settings_of(app)
    if not wanted.dry_run:
        with app.app_context():
            pass_once(settings)
    naive = _zone(zone, settings)
    values, rules = Values(naive), PresenceRules.of(settings)
    refused = _Refused(None if wanted.as_json else MOST_SHOWN)
    tallies: dict[str, Tally] = {}
    spans: dict[str, Span] = {}
    is_database = isinstance(origin, AppDatabase)
    with app.app_context(), suppress(_DryRun), write_transaction() as tx:
        total = _total(origin)
        with progress_bar("Reading", total) as tell:
            position = None if total is None or isinstance(origin, AppDatabase) else origin.tell
            sections = _counted(read(values), position, tell, spans)
            tallies = import_history(tx, clock.now(), sections, refused.add, rules, settings.timezone, known)
        if refused.count and refused.count == sum(tally.read for tally in tallies.values()):
            first = refused.kept[0]
            hint = f" {IF_ENDED}" if first.reason.endswith(DIFFERS) else ""
            raise UnreadableHistory(
                f"Nothing can be taken: every row is refused. {first.kind} {first.row}: {first.reason}{hint}"
            )
        ahead = _ahead(tallies, is_zone_given=is_database)
        if wanted.dry_run:
            raise _DryRun
        if ahead and not wanted.skip_ahead:
            raise UnreadableHistory(f"Nothing is taken. {ahead} With --skip-ahead the rest is taken.")
    if ahead:
        click.echo(ahead, err=True)
    if known is not None and known.rows and not wanted.as_json:
        rows = "1 row differs" if known.rows == 1 else f"{known.rows} rows differ"
        columns = ", ".join(f"{name} {count}" for name, count in known.columns.items())
        click.echo(f"{rows} from what is set here, which stays: {columns}. --overwrite takes them.", err=True)
    what_now = END_THEM if is_database else REPORT_THEM
    if wanted.dry_run and is_database and not wanted.as_json:
        click.echo(f"Times without an offset are taken as {naive.name} (--naive-times).")
    _print(tallies, refused, spans, ended, known, settings.timezone, what_now, wanted)


def _ahead(tallies: dict[str, Tally], *, is_zone_given: bool) -> str:
    """How many rows lie ahead of the clock, and a question; empty where none do."""
    found = [
        f"{tally.ahead} {kind.removesuffix('s') if tally.ahead == 1 else kind}"
        for kind, tally in tallies.items()
        if tally.ahead
    ]
    if not found:
        return ""
    question = "Is --naive-times right?" if is_zone_given else "Is the clock of this host right?"
    return f"Ahead of now: {', '.join(found)}. {question}"


def _zone(name: str, settings: Settings) -> SiteTime:
    if name.lower() == "local":
        return settings.timezone
    return SiteTime("UTC" if name.lower() == "utc" else name)


def _total(origin: BinaryIO | AppDatabase) -> int | None:
    """Rows of a database, bytes of a file; None for a pipe, whose length is not known."""
    if isinstance(origin, AppDatabase):
        return origin.total
    try:
        return os.fstat(origin.fileno()).st_size or None
    except OSError:  # no file of the system's
        return None


def _counted(
    sections: Iterable[Section],
    position: Callable[[], int] | None,
    tell: Callable[[int], None],
    spans: dict[str, Span],
) -> Iterator[Section]:
    """The sections, telling now and then how far they are read: the position in the file, or rows.

    Args:
        spans: takes the first and the last instant of each section.
    """
    rows = 0

    def items(section: Section) -> Iterator[Item]:
        nonlocal rows
        span = spans.setdefault(section.kind, Span())
        for item in section.items:
            if not isinstance(item, NOT_TAKEN):
                span.add(item[1])
            if rows % EVERY == 0:
                tell(rows if position is None else position())
            rows += 1
            yield item

    for section in sections:
        yield section._replace(items=items(section))


def _print(
    tallies: dict[str, Tally],
    refused: _Refused,
    spans: dict[str, Span],
    ended: Ended | None,
    known: Known | None,
    site: SiteTime,
    what_now: str,
    wanted: Wanted,
) -> None:
    still_open = sum(tally.still_open for tally in tallies.values())
    if still_open:
        click.echo(OPEN_SESSIONS.format(still_open, what_now), err=True)
    counts = {kind: asdict(tally) for kind, tally in tallies.items()}
    if wanted.as_json:
        faults = [fault._asdict() for fault in refused.kept]
        instants = {kind: span.shown(site) for kind, span in spans.items() if span.first is not None}
        body = {"dry_run": wanted.dry_run, "counts": counts, "instants": instants, "refused": faults}
        if known is not None:
            body["differing"] = {"rows": known.rows, "columns": dict(known.columns)}
        if ended is not None:
            at = None if ended.at is None else site.format_offset(ended.at)
            body["ended"] = {"sessions": ended.count, "at": at}
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    for fault in refused.kept:
        click.echo(f"Refused: {fault.kind}, row {fault.row}: {fault.reason}", err=True)
    if refused.count > len(refused.kept):
        click.echo(f"... and {refused.count - len(refused.kept)} more; --json shows all.", err=True)
    if any(fault.reason.endswith(DIFFERS) for fault in refused.kept):
        click.echo(IF_ENDED, err=True)
    print_table([{"": kind, **tally} for kind, tally in counts.items()], as_json=False)
    for kind, span in spans.items() if wanted.dry_run else ():
        if span.first is not None:
            shown = span.shown(site)
            click.echo(f"{kind}: from {shown['first']} to {shown['last']}, site time")
    if ended is not None and ended.at is not None:
        at = site.format_offset(ended.at)
        click.echo(f"Open in it, and ended at {at} where they are taken: {ended.count}")
    if wanted.dry_run:
        click.echo("This was a dry run: nothing is written.")
    elif not any(tally.added or tally.changed for tally in tallies.values()):
        click.echo("Nothing was new.")
