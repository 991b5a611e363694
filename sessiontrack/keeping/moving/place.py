"""Where a URL says that a database is, and whether that has this version's schema."""

from pathlib import Path

from flask import Flask
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sessiontrack import create_app, migrations
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import InvalidInput, InvalidSetting, StorageUnavailable

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
# Settings that are of the database which the environment names, and of no other.
NO_OTHERS = {"READ_DATABASE_URL": "", "RETENTION_MAX_BYTES": "0"}


def app_of(url: str) -> Flask:
    """An application on that database, which is not touched yet.

    Raises:
        InvalidInput: it is no URL of a database that sessiontrack works with.
    """
    parsed = _parsed(url)
    try:
        return create_app({"DATABASE_URL": parsed.render_as_string(hide_password=False), **NO_OTHERS})
    except InvalidSetting as error:
        raise InvalidInput(f"{parsed.render_as_string()}: {error.message}") from error


def file_of(app: Flask) -> Path | None:
    """The SQLite file that it is; None where it is a server's."""
    with app.app_context():
        return sqlite_file()


def refuse_other_version(name: str, revision: str | None) -> None:
    """Take nothing from a schema that this version does not know by heart.

    Raises:
        StorageUnavailable: it is an older version's, a newer one's, or nobody's.
    """
    if revision is None:
        raise StorageUnavailable(f"{name} holds no database of sessiontrack.")
    migrations.refuse_newer(revision)
    if revision != migrations.newest_revision():
        raise StorageUnavailable(
            f"{name} is of an older version (revision {revision}), and is only read here:"
            " run sessiontrack migrate on it first."
        )


def _parsed(url: str) -> URL:
    """What is no URL is not shown: it may have a password in it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(
            "A database is named like sqlite:////path/to/file or postgresql+psycopg://user@host/name."
        ) from error
    backend = parsed.get_backend_name()
    if backend not in (SQLITE, POSTGRESQL):
        raise InvalidInput(f"sessiontrack keeps nothing in {backend}: only in sqlite and postgresql+psycopg.")
    return parsed if backend == SQLITE else parsed.set(drivername="postgresql+psycopg")
