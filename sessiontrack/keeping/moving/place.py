"""The database behind a URL, and the check that it has this version's schema."""

from pathlib import Path

from flask import Flask
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sessiontrack import migrations
from sessiontrack.base import create_base_app
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import InvalidInput, InvalidSetting, StorageUnavailable

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
# How the message begins where the URL is a setting, which it is not here.
IN_SETTING = "DATABASE_URL cannot be used: "
# Settings that apply only to the database of the environment.
NO_OTHERS = {"READ_DATABASE_URL": "", "RETENTION_MAX_BYTES": "0"}


def app_of(url: str) -> Flask:
    """Create an application for that database, without opening it.

    Raises:
        InvalidInput: the URL does not name a supported database.
    """
    parsed = _parsed(url)
    try:
        return create_base_app({"DATABASE_URL": parsed.render_as_string(hide_password=False), **NO_OTHERS})
    except InvalidSetting as error:
        raise InvalidInput(
            f"{parsed.render_as_string()}: {error.message.removeprefix(IN_SETTING)}"
        ) from error


def file_of(app: Flask) -> Path | None:
    """The SQLite file; None on PostgreSQL."""
    with app.app_context():
        return sqlite_file()


def refuse_other_version(name: str, revision: str | None) -> None:
    """Refuse any schema but this version's.

    Raises:
        StorageUnavailable: the schema is older, newer, or not sessiontrack's.
    """
    if revision is None:
        raise StorageUnavailable(f"{name} is not a sessiontrack database.")
    migrations.refuse_newer(revision)
    if revision != migrations.newest_revision():
        raise StorageUnavailable(
            f"{name} has an older version (revision {revision}), and this command only reads it:"
            " run sessiontrack migrate on it first."
        )


def _parsed(url: str) -> URL:
    """Parse the URL; the error for an invalid one omits it, because it may contain a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(
            "A database is named like sqlite:////path/to/file or postgresql+psycopg://user@host/name."
        ) from error
    backend = parsed.get_backend_name()
    if backend not in (SQLITE, POSTGRESQL):
        raise InvalidInput(f"sessiontrack does not support {backend}: use sqlite or postgresql+psycopg.")
    return parsed if backend == SQLITE else parsed.set(drivername="postgresql+psycopg")
