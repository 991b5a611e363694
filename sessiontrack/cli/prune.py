"""`sessiontrack prune`"""

import json

import click

from sessiontrack import clock
from sessiontrack.background import housekeeping
from sessiontrack.cli.application import prepared_app
from sessiontrack.cli.progress import progress_bar
from sessiontrack.config import settings_of
from sessiontrack.values.timestamps import SiteTime


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what would be removed, and remove nothing.")
@click.option("--at-once", is_flag=True, help="Though the clock is far ahead of the last look.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def prune(dry_run: bool, at_once: bool, as_json: bool) -> None:
    """Remove history that is older than the settings RETENTION_... keep it, or too much of it.

    serve does the same by itself, every PRUNE_EVERY. So many rows are removed at a time as take 20 ms at
    most, so that other writers hardly wait.

    \b
    Example: sessiontrack prune --dry-run
    Example: SESSIONTRACK_RETENTION_EVENTS="1 year" sessiontrack prune
    """
    app = prepared_app()
    settings = settings_of(app)
    now = clock.now()
    with app.app_context():
        if dry_run:
            found = housekeeping.preview(settings, now)
            if as_json:
                click.echo(_json(found.counts, dry_run=True))
            else:
                _print(found.counts, found.cutoffs, settings.timezone)
                click.echo("This was a dry run: nothing is removed.")
            return
        total = sum(housekeeping.preview(settings, now).counts.values())
        with progress_bar("Pruning", total) as tell:
            done = housekeeping.prune(settings, now, at_once=at_once, tell=tell)
    if done is None:
        click.echo(
            "Another run is going on, or was killed less than two minutes ago; nothing is removed now.",
            err=True,
        )
        return
    if done.held_until is not None:
        click.echo(
            "The clock is more than a week ahead of the last look; nothing is removed before"
            f" {settings.timezone.format_offset(done.held_until)}, or with --at-once.",
            err=True,
        )
    if as_json:
        click.echo(_json(done.removed, dry_run=False))
    else:
        _print(done.removed, {}, settings.timezone)


def _json(counts: dict[str, int], *, dry_run: bool) -> str:
    return json.dumps({"dry_run": dry_run, "removed": counts}, indent=2)


def _print(counts: dict[str, int], cutoffs: dict[str, int | None], site: SiteTime) -> None:
    """One line a kind, and before which instant it goes where that is given; None is no limit."""
    for name, count in counts.items():
        line = f"{count:>10} {name.replace('_', ' ')}"
        if name in cutoffs:
            at = cutoffs[name]
            unlimited = f", without a limit (RETENTION_{name.upper()})"
            line += unlimited if at is None else f", from before {site.format_offset(at)}"
        click.echo(line)
