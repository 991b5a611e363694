"""`sessiontrack source`: what feeds us, and which of it was retired."""

from collections.abc import Callable
from typing import Any

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.tables import print_table
from sessiontrack.database import Transaction, read_transaction, write_transaction
from sessiontrack.queries.sources import SourceStatus, list_sources
from sessiontrack.services.sources import archive_source, unarchive_source
from sessiontrack.values.timestamps import IN_UTC


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
    with prepared_app().app_context(), read_transaction() as tx:
        found = list_sources(tx, clock.now())
    print_table([_row(each) for each in found], as_json=as_json)


def _row(found: SourceStatus) -> dict[str, Any]:
    state = "ok"
    if found.archived:
        state = "archived"
    elif found.failing_since is not None:
        state = f"fails since {IN_UTC.format_minute(found.failing_since)} UTC: {found.reason}"
    elif found.silent_since is not None:
        state = "silent"
    look = None if found.last_look is None else f"{IN_UTC.format_minute(found.last_look)} UTC"
    return {"name": found.name, "kind": found.kind, "last_look": look, "seen": found.seen, "state": state}


@source.command()
@click.argument("name")
def archive(name: str) -> None:
    """Report a retired source neither silent nor failing, until it is heard of again.

    Its history stays.

    Example: sessiontrack source archive arp-scan
    """
    _change(archive_source, name)
    click.echo(f"Archived source {name}.")


@source.command()
@click.argument("name")
def unarchive(name: str) -> None:
    """Take a source back out of the archive.

    Example: sessiontrack source unarchive arp-scan
    """
    _change(unarchive_source, name)
    click.echo(f"Source {name} is no longer archived.")


def _change(change: Callable[[Transaction, int, str], SourceStatus], name: str) -> None:
    with prepared_app().app_context(), write_transaction() as tx:
        change(tx, clock.now(), name)
