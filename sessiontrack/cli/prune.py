"""`sessiontrack prune`"""

import json

import click

from sessiontrack import clock
from sessiontrack.background import housekeeping
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.progress import progress_bar
from sessiontrack.config import Settings
from sessiontrack.values.timestamps import IN_UTC


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what would be removed, and remove nothing.")
@click.option("--at-once", is_flag=True, help="Though the clock is far ahead of the last look.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def prune(dry_run: bool, at_once: bool, as_json: bool) -> None:
    """Remove history that is older than the settings RETENTION_... keep it, or too much of it.

    serve does the same by itself, every PRUNE_EVERY. A hundred rows are removed at a time, so that nobody
    waits for it.

    \b
    Example: sessiontrack prune --dry-run
    Example: SESSIONTRACK_RETENTION_EVENTS="1 year" sessiontrack prune
    """
    app = prepared_app()
    settings: Settings = app.extensions["sessiontrack.settings"]
    now = clock.now()
    with app.app_context():
        if dry_run:
            _print(housekeeping.preview(settings, now), as_json, dry_run=True)
            return
        total = sum(housekeeping.preview(settings, now).values())
        with progress_bar("Pruning", total) as tell:
            done = housekeeping.prune(settings, now, at_once=at_once, tell=tell)
    if done is None:
        click.echo("Another run is going on; nothing was removed by this one.", err=True)
        return
    if done.held_until is not None:
        click.echo(
            "The clock is more than a week ahead of the last look; nothing is removed before"
            f" {IN_UTC.format_minute(done.held_until)} UTC, or with --at-once.",
            err=True,
        )
    _print(done.removed, as_json, dry_run=False)


def _print(counts: dict[str, int], as_json: bool, *, dry_run: bool) -> None:
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "removed": counts}, indent=2))
        return
    for name, count in counts.items():
        click.echo(f"{count:>10} {name.replace('_', ' ')}")
    if dry_run:
        click.echo("This was a dry run: nothing is removed.")
