"""`sessiontrack source`: what feeds us, and which of it was retired."""

from typing import Any

import click

from sessiontrack import clock
from sessiontrack.cli.application import reading_database, writing_database
from sessiontrack.cli.tables import print_table
from sessiontrack.queries.sources import SourceStatus, list_sources
from sessiontrack.services.presence import PresenceRules
from sessiontrack.services.sources import archive_source, unarchive_source
from sessiontrack.values.timestamps import SiteTime


@click.group()
def source() -> None:
    """List what feeds us (scanners, listeners, hooks), and archive what was retired.

    Example: sessiontrack source list
    """


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List the sources: when each was last heard of, and whether it is silent or fails.

    Example: sessiontrack source list
    """
    with reading_database() as (tx, settings):
        found = list_sources(tx, clock.now())
    print_table([_row(each, settings.timezone) for each in found], as_json=as_json)


def _row(found: SourceStatus, site: SiteTime) -> dict[str, Any]:
    state = "ok"
    if found.archived:
        state = "archived"
    elif found.failing_since is not None:
        state = f"fails since {site.format_offset(found.failing_since)}: {found.reason}"
    elif found.silent_since is not None:
        state = "silent"
    look = None if found.last_look is None else site.format_offset(found.last_look)
    return {"name": found.name, "kind": found.kind, "last_look": look, "seen": found.seen, "state": state}


@source.command()
@click.argument("name")
@click.option(
    "--disconnect", is_flag=True, help="The devices that it holds as connected left when it last saw them."
)
def archive(name: str, disconnect: bool) -> None:
    """Report a retired source neither silent nor failing, until it is heard of again.

    Its history stays, and its devices stay connected. With --disconnect they left when it last saw them; one
    that another source still sees stays.

    \b
    Example: sessiontrack source archive arp-scan
    Example: sessiontrack source archive arp-scan --disconnect
    """
    with writing_database() as (tx, settings):
        rules = PresenceRules.of(settings) if disconnect else None
        _, count = archive_source(tx, clock.now(), name, rules)
    click.echo(f"Archived source {name}.")
    if disconnect:
        click.echo(f"Disconnected {count} device{'' if count == 1 else 's'}.")


@source.command()
@click.argument("name")
def unarchive(name: str) -> None:
    """Take a source back out of the archive.

    Example: sessiontrack source unarchive arp-scan
    """
    with writing_database() as (tx, _):
        unarchive_source(tx, clock.now(), name)
    click.echo(f"Source {name} is no longer archived.")
