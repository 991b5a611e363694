"""`sessiontrack restore`"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sessiontrack import clock, migrations
from sessiontrack.cli import work_as_owner
from sessiontrack.cli.application import bare_app, own_file
from sessiontrack.config import load_settings
from sessiontrack.exceptions import InvalidInput
from sessiontrack.keeping import restoring
from sessiontrack.process.owner import owner_to_become


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keep-accounts",
    is_flag=True,
    help="Users and API tokens stay those of the database that is there: what was revoked stays revoked.",
)
def restore(file: Path, keep_accounts: bool) -> None:
    """Put a backup in the database's place; stop the service first.

    The old database stays beside it under another name. A backup of an older version is brought up to date; a
    damaged file, another program's or a newer version's is refused. Everybody has to sign in again.

    \b
    Example: sessiontrack restore /var/backups/sessiontrack/sessiontrack-20250815T030000Z.sqlite3
    """
    with _readable_by_owner(file) as readable:
        database = own_file(bare_app(makes_instance=True), "use pg_restore")
        done = restoring.restore(database, readable, clock.now(), with_present_accounts=keep_accounts)
    if done.kept is not None:
        click.echo(f"The database that was there is now {done.kept}")
    if done.revision != migrations.newest_revision():
        click.echo(f"It was of an older version (revision {done.revision}), and is now current.")
    click.echo(f"{database} is restored from {file}.")
    if keep_accounts:
        click.echo("Users and API tokens are those of the database that was there.")
        return
    click.echo("API tokens revoked and users disabled since that backup are good again: look at")
    click.echo("sessiontrack token list and sessiontrack user list.")


@contextmanager
def _readable_by_owner(file: Path) -> Iterator[Path]:
    """The file; as root a copy of it beside the database, whose owner may not read it where it is."""
    folder = load_settings().instance
    owner = owner_to_become(folder)
    if owner is None:
        yield file
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="restore-") as copies:
        copy = Path(copies) / file.name
        try:
            shutil.copyfile(file, copy)
        except OSError as error:
            raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error
        for path in (Path(copies), copy):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        work_as_owner()
        yield copy
