"""`sessiontrack export`: what is recorded, as a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of
from sessiontrack.database import read_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.process.whole_file import discarding, writing
from sessiontrack.queries.history import COLUMNS, Window, export_rows
from sessiontrack.values.periods import parse_period, window_start
from sessiontrack.values.record_files import FORMATS, encode
from sessiontrack.values.records import KINDS
from sessiontrack.values.timestamps import EARLIEST, LATEST, SiteTime


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--period", metavar="PERIOD", help="What reaches into the time since then, like 7 days.")
@click.option("--start", metavar="TIME", help="What reaches into the time from here on.")
@click.option("--end", metavar="TIME", help="What reaches into the time until here, a date included whole.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Instead of standard output; complete, or not there.",
)
def export(
    kind: str, file_format: str, period: str | None, start: str | None, end: str | None, output: Path | None
) -> None:
    """Write what is recorded, all of it or of a stretch of time; `sessiontrack import` reads it back.

    In CSV, a text that a spreadsheet would run as a formula has an apostrophe before it.

    \b
    Example: sessiontrack export sessions --period "1 month" > sessions.csv
    Example: sessiontrack export events --format ndjson --start 2025-08-01 --output events.ndjson
    """
    app = prepared_app()
    settings = settings_of(app)
    now = clock.now()
    window = _window(settings.timezone, now, period, start, end)
    with app.app_context(), _opened(output) as file, read_transaction() as tx:
        rows = export_rows(tx, kind, window, now - settings.session_alive_seconds)
        for piece in encode(rows, COLUMNS[kind], file_format):
            file.write(piece)


def _window(
    site: SiteTime, now: int, period: str | None, start: str | None, end: str | None
) -> Window | None:
    if period is not None:
        if start or end:
            raise click.UsageError("--period goes without --start and --end.")
        return Window(window_start(parse_period(period), now, site), now)
    if start is None and end is None:
        return None
    window = Window(
        EARLIEST if start is None else site.parse_start(start),
        LATEST if end is None else site.parse_end(end),
    )
    if window.end < window.start:
        raise InvalidInput("--end is before --start.")
    return window


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that takes its name when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        return
    draft = path.with_name(f"{path.name}.part")
    with writing(path), discarding(draft):
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
