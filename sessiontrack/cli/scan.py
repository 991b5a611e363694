"""`sessiontrack scan`: what looks at the network have seen, taken in; sessions open and close by it."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.scan_delivery import Delivered, LocalDatabase, Look, RemoteServer, Target
from sessiontrack.cli.scan_input import read_file, run_command
from sessiontrack.cli.scan_watch import Watch, guessed_format
from sessiontrack.cli.seconds import parse_seconds
from sessiontrack.cli.tables import print_table
from sessiontrack.config import load_settings
from sessiontrack.exceptions import InvalidInput, UnreadableObservations
from sessiontrack.sources import network
from sessiontrack.sources.formats import FORMATS, Format, Reading
from sessiontrack.sources.segment import Segment, find_segment
from sessiontrack.values.changes import Change
from sessiontrack.values.names import has_control_characters
from sessiontrack.values.observations import Observation, Observations
from sessiontrack.values.timestamps import SiteTime
from sessiontrack.values.vendors import vendor_of

MOST_NOTES = 20
LONGEST_SOURCE = 64
# The longest look: at a /16 without any answer.
LONGEST_LOOK_SECONDS = 3600
AnyFunction = Callable[..., None]


@dataclass(frozen=True)
class Options:
    """What all of them take."""

    as_json: bool
    is_partial: bool
    source: str | None
    url: str | None
    token: str | None
    is_trial: bool = False

    def target(self) -> Target:
        """Where the scan goes."""
        if self.url is None:
            if self.token is not None:
                raise click.UsageError("A token without a URL: --url (or SESSIONTRACK_URL) says whose it is.")
            return LocalDatabase(prepared_app(), is_trial=self.is_trial)
        if self.token is None:
            raise click.UsageError("A remote sessiontrack wants --token (or SESSIONTRACK_TOKEN).")
        if self.is_trial:
            raise click.UsageError("--dry-run is for the local database; a remote one keeps what it is sent.")
        return RemoteServer(self.url, self.token)

    def look(self, format_name: str, found: Observations, at: int | None) -> Look:
        """What was found, under the name of its source."""
        source = self.source or format_name
        if len(source) > LONGEST_SOURCE or has_control_characters(source):
            raise InvalidInput(
                f"The name of a source has 1 to {LONGEST_SOURCE} characters, no control characters."
            )
        return Look(source, found, at, found.is_whole and not self.is_partial)


def _with_target(command: AnyFunction) -> AnyFunction:
    for option in (
        click.option("--token", envvar="SESSIONTRACK_TOKEN", help="An operator's API token for --url."),
        click.option("--url", envvar="SESSIONTRACK_URL", help="Send it to this sessiontrack instead."),
        click.option("--source", metavar="NAME", help="Whose evidence it is.  [default: the format's name]"),
        click.option(
            "--partial", "is_partial", is_flag=True, help="Who is missing in it may still be there."
        ),
        click.option("--json", "as_json", is_flag=True, help="For programs."),
    ):
        command = option(command)
    return command


_trial_option = click.option(
    "--dry-run", "is_trial", is_flag=True, help="Show what would change; change nothing."
)


def _with_file(command: AnyFunction) -> AnyFunction:
    return click.argument("file", default="-", metavar="[FILE|-]")(_trial_option(_with_target(command)))


@click.group()
def scan() -> None:
    """Take in who was seen on the network; open and close sessions by it.

    Into the local database, or with --url and --token (in the environment SESSIONTRACK_URL and
    SESSIONTRACK_TOKEN) to a remote sessiontrack. A FILE speaks of the instant at which it was last written,
    standard input (-) of now.

    Example: sessiontrack scan network --every 60s
    """


def _add_format(format_: Format) -> None:
    @scan.command(format_.name, help=format_.help)
    @_with_file
    @click.pass_context
    def read(context: click.Context, /, file: str, **options: Any) -> None:
        is_given = context.get_parameter_source("file") is not click.core.ParameterSource.DEFAULT
        runs = bool(format_.command) and not is_given
        _scan(format_, None if runs else file, Options(**options))


for each in FORMATS.values():
    _add_format(each)


@scan.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--every",
    type=parse_seconds,
    metavar="TIME",
    default="60s",
    show_default=True,
    help="From one look to the next: 60s, 5 min.",
)
@click.option("--format", "format_name", type=click.Choice(sorted(FORMATS)), help="What the command prints.")
@click.option(
    "--timeout",
    type=parse_seconds,
    metavar="TIME",
    default="300s",
    show_default=True,
    help="The command's longest time.",
)
@click.option("--times", type=click.IntRange(min=1), help="End after so many looks.")
@_with_target
def watch(
    command: tuple[str, ...],
    every: int,
    format_name: str | None,
    timeout: int,
    times: int | None,
    **options: Any,
) -> None:
    """Run a command over and over, and take in what it prints.

    When it fails, takes too long, or prints what cannot be read, and when the database or the server cannot
    be reached, that is one line on standard error: no scan is taken, so nobody is disconnected by it. Ends on
    SIGTERM and SIGINT.

    \b
    Example: sessiontrack scan watch --every 60s -- ssh router ip -j neigh
    Example: sessiontrack scan watch --every "5 min" -- arp-scan --localnet
    """
    given = Options(**options)
    name = format_name or guessed_format(command)
    if name is None:
        raise click.UsageError("What this command prints is not known: say it with --format.")
    source = given.source or name
    begins = f"Running {shlex.join(command)} every {every}s, as the source {source}  (Ctrl-C ends it)"
    look = _CommandLook(command, timeout, FORMATS[name], begins, given)
    Watch(source, every, timeout, times).run(given.target, look)


@scan.command("network")
@click.argument("segment", required=False)
@click.option(
    "--every", type=parse_seconds, metavar="TIME", help="Look again and again: 60s, 5 min.  [default: once]"
)
@click.option("--times", type=click.IntRange(min=1), help="With --every: end after so many looks.")
@_trial_option
@_with_target
def network_(segment: str | None, every: int | None, times: int | None, **options: Any) -> None:
    """Look at the network from this host: no rights, no other program.

    Every address of the SEGMENT is asked (an interface, or a network like 192.168.1.0/24 or fd00::/64; left
    out: that of this host's default route). Who answers is seen, who does not is missed; a device that was
    there before is asked twice, since phones sleep. Shows each device as it answers. A /24 takes 4 to 10
    seconds. Does not see this host itself, nor what is behind a router.

    \b
    Example: sessiontrack scan network --every 60s
    Example: sessiontrack scan network 192.168.1.0/24
    """
    given = Options(**options)
    name = network.NAME if segment is None else f"{network.NAME}:{segment.strip()}"
    look_at = _NetworkLook(segment, name, every, given)
    if every is None:
        look_at(given.target())
    else:
        Watch(given.source or name, every, LONGEST_LOOK_SECONDS, times).run(given.target, look_at)


class _CommandLook:
    """Runs a command; says so, what the first look that worked has seen, and what has changed after each."""

    def __init__(
        self, command: Sequence[str], timeout: int, format_: Format, begins: str, options: Options
    ) -> None:
        self._command = command
        self._timeout = timeout
        self._format = format_
        self._begins = "" if options.as_json else begins
        self._options = options
        self._site = load_settings().timezone
        self._is_first = True

    def __call__(self, target: Target) -> None:
        if self._begins:
            click.echo(self._begins)
            self._begins = ""
        found = _useful(self._format.parse(run_command(self._command, self._timeout), self._site))
        delivered = target.deliver(self._options.look(self._format.name, found, found.at))
        _report_briefly(found, delivered, self._options, always=self._is_first)
        self._is_first = False


class _NetworkLook:
    """Looks, prints devices as they are seen in the first look, and what has changed after each."""

    def __init__(self, segment: str | None, source: str, every: int | None, options: Options) -> None:
        self._segment = segment
        self._source = source
        self._begins = "" if every is None else f", every {every}s  (Ctrl-C ends it)"
        self._options = options
        self._scanner: network.Scanner | None = None
        self._found: Segment | None = None
        self._shows = not options.as_json

    def __call__(self, target: Target) -> None:
        segment = find_segment(self._segment)
        if self._scanner is None or segment != self._found:
            # Its addresses may change while this runs for months.
            self._found = segment
            self._scanner = network.Scanner(segment, network.ThisKernel(segment), self._show)
        self._scanner.know(target.connected_addresses())
        if self._shows:
            click.echo(f"{segment.link.name}: {', '.join(map(str, segment.networks))}{self._begins}")
            click.echo(f"{'MAC':18} {'IP':24} VENDOR")
        found = self._scanner.look()
        delivered = target.deliver(self._options.look(self._source, found, None))
        if self._shows:
            for note in found.notes:
                click.echo(f"Note: {note}", err=True)
        _report_briefly(found, delivered, self._options, always=self._shows)
        self._shows = False

    def _show(self, device: Observation) -> None:
        if self._shows:
            click.echo(f"{device.mac:18} {device.ip:24} {vendor_of(device.mac)}".rstrip())


def _scan(format_: Format, file: str | None, options: Options) -> None:
    site = load_settings().timezone
    reading = _output_of(format_.command) if file is None else read_file(file, format_)
    found = _useful(format_.parse(reading, site))
    at = None if reading.is_now else reading.at
    look = options.look(format_.name, found, at if found.at is None else found.at)
    delivered = options.target().deliver(look)
    if delivered.is_unchanged and not reading.is_now and look.at == reading.at:
        written = site.format_offset(reading.at)
        delivered.refused.append(
            f"{file} was not written since {written}: it says nothing new, and disconnects nobody."
        )
    _report(found, delivered, options, site)


def _useful(found: Observations) -> Observations:
    """What was found.

    Raises:
        UnreadableObservations: it says nothing of any device.
    """
    if found.useless:
        raise UnreadableObservations(found.useless)
    return found


def _output_of(command: Sequence[str]) -> Reading:
    try:
        return run_command(command)
    except UnreadableObservations as error:
        raise UnreadableObservations(f"{error.message} You can also give a file, or -.") from error


def _notes(found: Observations, delivered: Delivered) -> list[str]:
    problems = [*found.faults, *delivered.refused]
    notes = problems[:MOST_NOTES]
    if len(problems) > MOST_NOTES:
        notes.append(f"and {len(problems) - MOST_NOTES} more like these.")
    if not found.is_whole:
        notes.append("It is not whole; who is missing in it may still be there.")
    if delivered.is_suspicious:
        notes.append("This look saw nobody, or far fewer devices than usual; it disconnects nobody.")
    return notes


def _report(found: Observations, delivered: Delivered, options: Options, site: SiteTime) -> None:
    for note in (*_notes(found, delivered), *found.notes):
        click.echo(f"Note: {note}", err=True)
    if options.as_json:
        click.echo(json.dumps(_as_dict(found, delivered, options), indent=2, ensure_ascii=False))
        return
    if delivered.changes:
        print_table([_row(change, site) for change in delivered.changes], as_json=False)
    if options.is_trial:
        click.echo("A trial; nothing was changed.")
    click.echo(_summary(delivered))
    click.echo(f"Lines: {found.taken} taken, {found.left_out} left out, {len(found.faults)} faulty")


def _row(change: Change, site: SiteTime) -> dict[str, str]:
    return {**change._asdict(), "at": site.format_offset(change.at)}


def _report_briefly(found: Observations, delivered: Delivered, options: Options, *, always: bool) -> None:
    """One line of notes at most, and one line where something changed: it is repeated for years."""
    notes = _notes(found, delivered)
    if notes:
        more = f" (and {len(notes) - 1} more notes)" if len(notes) > 1 else ""
        click.echo(f"Note: {notes[0]}{more}", err=True)
    if options.as_json:
        click.echo(json.dumps(_as_dict(found, delivered, options), ensure_ascii=False))
    elif always or any(count for name, count in delivered.counts.items() if name != "seen"):
        click.echo(_summary(delivered))


def _summary(delivered: Delivered) -> str:
    return ", ".join(f"{count} {name}" for name, count in delivered.counts.items())


def _as_dict(found: Observations, delivered: Delivered, options: Options) -> dict[str, Any]:
    lines = {"taken": found.taken, "left_out": found.left_out, "faulty": len(found.faults)}
    answer: dict[str, Any] = {**delivered.counts, "suspicious": delivered.is_suspicious, "lines": lines}
    if options.is_trial:
        answer["dry_run"] = True
    if delivered.changes is not None:
        answer["changes"] = [change._asdict() for change in delivered.changes]
    return answer
