"""`sessiontrack restore`"""

from pathlib import Path

import click

from sessiontrack import clock, migrations
from sessiontrack.cli.application import bare_app, own_file
from sessiontrack.keeping import backups


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Put a backup in the database's place; stop the service first.

    The old database stays beside it under another name. A backup of an older version is brought up to date; a
    damaged file, another program's or a newer version's is refused. Everybody has to sign in again.

    Example: sessiontrack restore /var/backups/sessiontrack/sessiontrack-20250815T030000Z.sqlite3
    """
    database = own_file(bare_app(), "use pg_restore")
    done = backups.restore(database, file, clock.now())
    if done.kept is not None:
        click.echo(f"The database that was there is now {done.kept}")
    if done.revision != migrations.newest_revision():
        click.echo(f"It was of an older version (revision {done.revision}), and is now current.")
    click.echo(f"{database} is restored from {file}.")
    click.echo("API tokens revoked and users disabled since that backup are good again: look at")
    click.echo("sessiontrack token list and sessiontrack user list.")
