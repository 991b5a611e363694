"""`sessiontrack restore`"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask

from sessiontrack import clock, migrations
from sessiontrack.cli import work_as_owner
from sessiontrack.cli.application import bare_app, own_file
from sessiontrack.config import load_settings
from sessiontrack.database import db, read_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.keeping import restoring
from sessiontrack.process import instance
from sessiontrack.process.owner import owner_to_become
from sessiontrack.queries.accounts import password_hash_of
from sessiontrack.services import users


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
        app = bare_app(makes_instance=True)
        database = own_file(app, "use pg_restore")
        done = restoring.restore(database, readable, clock.now(), with_present_accounts=keep_accounts)
        removed = _drop_foreign_password(app)
    if done.kept is not None:
        click.echo(f"The database that was there is now {done.kept}")
    if done.revision != migrations.newest_revision():
        click.echo(f"It was of an older version (revision {done.revision}), and is now current.")
    click.echo(f"{database} is restored from {file}.")
    if removed is not None:
        click.echo(f"Removed {removed}, whose password does not hold any more.")
    if keep_accounts:
        click.echo("Users and API tokens are those of the database that was there.")
        return
    click.echo("Users, passwords and API tokens are those of the backup.")
    click.echo("API tokens revoked and users disabled since that backup are good again: look at")
    click.echo("sessiontrack token list and sessiontrack user list.")


def _drop_foreign_password(app: Flask) -> Path | None:
    """Delete the file of the first password where `admin` has another one now, and return its path."""
    file = load_settings().instance / instance.PASSWORD_FILE
    if not file.is_file():
        return None
    with app.app_context():
        with read_transaction() as tx:
            stored = password_hash_of(tx, users.FIRST_ADMIN)
        db.engine.dispose()
    if users.is_password(stored, file.read_text("utf-8").strip()):
        return None
    file.unlink()
    return file


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
