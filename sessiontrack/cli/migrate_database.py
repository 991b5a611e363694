"""`sessiontrack migrate-database`: to another engine, and back."""

import click

from sessiontrack.cli.progress import progress_bar
from sessiontrack.keeping.moving.move import move


@click.command("migrate-database")
@click.argument("from_url")
@click.argument("to_url")
def migrate_database(from_url: str, to_url: str) -> None:
    """Copy a whole database, SQLite or PostgreSQL, into an empty one; in either direction.

    Stop the service first: what it writes meanwhile is not in the copy. The URLs are those of the setting
    DATABASE_URL. The source is only read. Every row is read back and compared before the target can be seen;
    whatever cuts it short leaves nothing there.

    \b
    Example: sessiontrack migrate-database sqlite:////var/lib/sessiontrack/sessiontrack.sqlite3 \\
               postgresql+psycopg://sessiontrack@db.example/sessiontrack
    """
    moved = move(from_url, to_url, progress_bar, lambda words: click.echo(f"Note: {words}", err=True))
    for each in moved:
        click.echo(f"{each.rows:>12,} {each.table:<18} {each.checksum[:16]}")
    rows = sum(each.rows for each in moved)
    click.echo(f"{rows:,} rows are the same in both. The service takes the other one by DATABASE_URL.")
