"""`sessiontrack backup`"""

import os
from pathlib import Path

import click
from flask import Flask

from sessiontrack import clock
from sessiontrack.backups import copies, dumps
from sessiontrack.cli import instance_folder, work_as_owner
from sessiontrack.cli.application import bare_app
from sessiontrack.cli.progress import progress_bar
from sessiontrack.config import settings_of
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import InvalidInput
from sessiontrack.process import last_backup
from sessiontrack.process.owner import owner_to_become
from sessiontrack.process.whole_file import writing


@click.command()
@click.argument("target", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="In a folder: leave the newest N backups, and remove the older ones.",
)
def backup(target: Path, keep: int | None) -> None:
    """Copy the database, while it is in use, into one file; verified before it takes its name.

    Into a folder under a dated name; with --keep the folder is made, for the owner of the instance, where the
    one above it is there. It holds everything but the signing key and the settings file.

    \b
    Example: sessiontrack backup sessiontrack-today.sqlite3
    Example: sessiontrack backup /var/backups/sessiontrack --keep 14
    """
    if keep is not None or target.is_dir():
        last_backup.remember_try(instance_folder(), clock.now())
    if keep is not None:
        _make_folder(target)
    # Before that as root, who alone may make it in most places.
    work_as_owner()
    app, now = bare_app(), clock.now()
    with app.app_context():
        database = sqlite_file()
    if database is None:
        dumped = dumps.dump(app.config["SQLALCHEMY_DATABASE_URI"], target, now, keep)
        _remember(app, target, now)
        _print_removed(dumped.removed)
        click.echo(f"{dumped.path}: {dumped.size_bytes:,} bytes, by pg_dump; pg_restore reads it.")
        return
    with progress_bar("Copying", 100) as tell:
        done = copies.back_up(database, target, now, keep, tell)
    _remember(app, target, now)
    _print_removed(done.removed)
    if done.dangling:
        note = "rows refer to others that are not there; see sessiontrack check"
        click.echo(f"Note: {done.dangling} {note}.", err=True)
    click.echo(f"{done.path}: {done.size_bytes:,} bytes, {sum(done.rows.values()):,} rows, verified.")


def _remember(app: Flask, target: Path, now: int) -> None:
    """Of those into a folder, which are made again and again, when; a single file is none to wait for."""
    instance = settings_of(app).instance
    if target.is_dir():
        last_backup.remember(instance, now)
    else:
        last_backup.forget_try(instance)


def _print_removed(removed: list[Path]) -> None:
    for old in removed:
        click.echo(f"Removed {old}")


def _make_folder(folder: Path) -> None:
    """Make it where it is not there; it is the instance owner's, as whom root goes on.

    Raises:
        InvalidInput: the folder above it is not there; on a disk that is not mounted it would be on this one.
        Unwritable: it cannot be made.
    """
    with writing(folder):
        if folder.is_dir():
            return
        if folder.exists():
            raise click.UsageError(f"--keep is for a folder, and {folder} is a file.")
        owner = owner_to_become(instance_folder())
        # Not one that another program has put there meanwhile.
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError as error:
            raise InvalidInput(
                f"{folder.parent} is not there, so {folder} is not made: is its disk not mounted?"
            ) from error
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
