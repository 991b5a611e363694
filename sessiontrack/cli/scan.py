"""`sessiontrack scan`: looks at the network, and opens and closes sessions by it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.tables import print_table
from sessiontrack.db import write_transaction
from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.services.presence import Outcome, PresenceRules, observe_scan
from sessiontrack.sources import ip_neigh

# A scheduled job's PATH often lacks them, and ip lives there.
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
COMMAND_SECONDS = 30


@click.group()
def scan() -> None:
    """Look at the network; open and close sessions by what is there.

    Example: sessiontrack scan ip-neigh
    """


@scan.command("ip-neigh")
@click.argument("file", default="", metavar="[FILE|-]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def ip_neigh_(file: str, as_json: bool) -> None:
    """Read this host's neighbour table: `ip -j neigh`, or its output from a FILE, or - for standard input.

    Who answered is connected. Who was missing from the table for longer than its grace time is not, since
    the last sighting. Entries that are only remembered (STALE, PERMANENT, NOARP) change nothing. Run it every
    minute or so.

    \b
    Example: sessiontrack scan ip-neigh
    Example: ssh router ip -j neigh | sessiontrack scan ip-neigh -
    """
    found = ip_neigh.parse_neighbours(_text(file))
    app = prepared_app()
    rules = PresenceRules.of(app.extensions["sessiontrack.settings"])
    with app.app_context(), write_transaction() as tx:
        now = clock.now()
        outcome = observe_scan(tx, now, ip_neigh.NAME, now, found.devices, rules)
    for fault in found.faults:
        click.echo(f"Note: {fault}", err=True)
    if outcome.suspicious:
        click.echo("Note: this look saw suspiciously little; it disconnects nobody.", err=True)
    _print(outcome, as_json)


def _print(outcome: Outcome, as_json: bool) -> None:
    rows = [change._asdict() for change in outcome.changes]
    counts = outcome.counts()
    if as_json:
        click.echo(
            json.dumps(
                {**counts, "suspicious": outcome.suspicious, "changes": rows}, indent=2, ensure_ascii=False
            )
        )
        return
    if rows:
        print_table(rows, as_json=False)
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))


def _text(file: str) -> str:
    if not file:
        raw = _run()
    elif file == "-":
        raw = sys.stdin.buffer.read()
    else:
        try:
            raw = Path(file).read_bytes()
        except OSError as error:
            raise UnreadableObservations(f"{file} cannot be read: {error.strerror}.") from error
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableObservations("The neighbour table is not UTF-8 text.") from error


def _run() -> bytes:
    """What `ip -j neigh` prints; a host without it cannot be scanned this way."""
    name, *arguments = ip_neigh.COMMAND
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    program = shutil.which(name, path=path)
    if program is None:
        raise UnreadableObservations(f"There is no command {name} (iproute2) here; give a file, or - .")
    try:
        run = subprocess.run([program, *arguments], capture_output=True, timeout=COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreadableObservations(f"{' '.join(ip_neigh.COMMAND)} did not work: {error}.") from error
    if run.returncode:
        said = run.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise UnreadableObservations(
            f"{' '.join(ip_neigh.COMMAND)} failed with exit code {run.returncode}: {said}"
        )
    return run.stdout
