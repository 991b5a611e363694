"""Lists on a terminal, or as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sessiontrack.config import load_settings
from sessiontrack.process.log_lines import one_line
from sessiontrack.values.timestamps import SiteTime

WIDEST = 100_000


def print_table(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what a query gave; columns that end in `_at` are instants, shown in site time."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo("None.")
        return
    site = load_settings().timezone
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(escape(_cell(name, value, site)) for name, value in row.items()))
    # As wide as it is: squeezed into a narrow terminal, or the 80 columns of a pipe, it could not be read.
    endless = Console(width=WIDEST)
    Console(width=endless.measure(table).maximum).print(table, crop=False)


def _cell(name: str, value: object, site: SiteTime) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at") and isinstance(value, int):
        return site.format_offset(value)
    # What turns text around, or moves the cursor, is shown by its number.
    return one_line(str(value))
