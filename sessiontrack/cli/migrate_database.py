"""`sessiontrack migrate-database`: to another engine, and back."""

import os
import sys

import click
from sqlalchemy import make_url

from sessiontrack.cli.progress import progress_bar
from sessiontrack.config import FILE_NAME, PREFIX, load_settings
from sessiontrack.keeping.moving.move import move
from sessiontrack.keeping.moving.settings_file import line_of, set_database_url

VARIABLE = f"{PREFIX}DATABASE_URL"


@click.command("migrate-database")
@click.argument("from_url")
@click.argument("to_url")
@click.option("--switch", is_flag=True, help="Write the new DATABASE_URL into the settings file; do not ask.")
def migrate_database(from_url: str, to_url: str, switch: bool) -> None:
    """Copy a whole database, SQLite or PostgreSQL, into an empty one; in either direction.

    Stop the service first: what it writes meanwhile is not in the copy. The URLs are those of the setting
    DATABASE_URL. The source is only read. Every row is read back and compared before the target can be seen;
    whatever cuts it short leaves nothing there. On a terminal it then asks whether to change the settings
    file, so that the service uses the copy.

    \b
    Example: sessiontrack migrate-database sqlite:////var/lib/sessiontrack/sessiontrack.sqlite3 \\
               postgresql+psycopg://sessiontrack@db.example/sessiontrack
    """
    moved = move(from_url, to_url, progress_bar, lambda words: click.echo(f"Note: {words}", err=True))
    for each in moved:
        click.echo(f"{each.rows:>12,} {each.table:<18} {each.checksum[:16]}")
    rows = sum(each.rows for each in moved)
    click.echo(f"{rows:,} rows are the same in both.")
    _offer(to_url, switch)


def _offer(url: str, switch: bool) -> None:
    folder = load_settings().instance
    path = folder / FILE_NAME
    asks = not switch and sys.stdin.isatty()
    if switch or (
        asks and click.confirm(f"Let {path} name the copy, so that the service uses it?", err=True)
    ):
        click.echo(f"Note: {set_database_url(folder, url)} names it; start the service.", err=True)
        if VARIABLE in os.environ:
            click.echo(f"Note: {VARIABLE} in the environment comes before the file.", err=True)
        return
    shown = line_of(make_url(url).render_as_string(hide_password=True))
    click.echo(f"Note: the service uses it once {path} has the line  {shown}", err=True)
