"""The database of a test's instance folder: a SQLite file in it, or one on the private PostgreSQL.

On PostgreSQL each folder gets its own database at first use: an empty one, or for a copy of the template's
folder a copy of the template's database.
"""

import atexit
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, make_url
from sqlalchemy.pool import Pool

from sessiontrack import base
from sessiontrack.config import Settings, load_settings
from tests.support.engine import IS_POSTGRES, SERVER

# The name of the database, in a template's folder and so in its copies.
MARK = "template-database"
_made: dict[Path, str] = {}
_open: set[psycopg.Connection[Any]] = set()


def url_of(folder: Path) -> str | None:
    """The URL of the folder's database; None for the default, the SQLite file."""
    if not IS_POSTGRES:
        return None
    folder = folder.absolute()
    if folder not in _made:
        name = f"t_{hashlib.sha256(str(folder).encode()).hexdigest()[:24]}"
        mark = folder / MARK
        template = mark.read_text() if mark.exists() else "template0"
        # Copying files is faster than logging their pages.
        _server().execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        _made[folder] = name
    return _url(_made[folder])


def any_url_of(folder: Path) -> str:
    """The URL of the folder's database, on either back end."""
    return url_of(folder) or f"sqlite:///{folder / 'sessiontrack.sqlite3'}"


def copy(folder: Path, other: Path) -> None:
    """Copy an instance folder with its current database, to which no one may be connected."""
    shutil.copytree(folder, other)
    if IS_POSTGRES:
        close_connections(_made[folder.absolute()])
        (other / MARK).write_text(_made[folder.absolute()])


def mark_template(folder: Path) -> None:
    """Make this folder a template, whose copies get a copy of its database; it must have no connections."""
    if IS_POSTGRES:
        (folder / MARK).write_text(_made[folder.absolute()])


def tell_folder(folder: Path) -> None:
    """Write the folder's database into its settings, for programs that only know the folder."""
    if (url := url_of(folder)) is not None:
        (folder / "sessiontrack.toml").write_text(f'database_url = "{url}"\n')


def drop_below(folder: Path) -> None:
    """Drop the databases of all instance folders below this one."""
    for each in [each for each in _made if each.is_relative_to(folder.absolute())]:
        name = _made.pop(each)
        close_connections(name)
        _server().execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def close_connections(name: str | None = None) -> None:
    """Close the connections of unused applications to that database, or to any."""
    for connection in list(_open):
        if connection.closed or name in (None, connection.info.dbname):
            connection.close()
            _open.discard(connection)


def conninfo(folder: Path) -> str:
    """The address of the folder's database, as libpq's parameters."""
    return _words(_url(_made[folder.absolute()]))


def conninfo_of_template(folder: Path) -> str:
    """The address of the template's database."""
    return _words(_url((folder / MARK).read_text()))


def _words(url: str) -> str:
    parsed = make_url(url)
    query = {name: str(value) for name, value in parsed.query.items()}
    return " ".join(
        f"{name}={value}"
        for name, value in {**query, "user": parsed.username, "dbname": parsed.database}.items()
    )


@contextmanager
def connection_to(folder: Path) -> Iterator[Any]:
    """A driver's connection to the folder's database, in autocommit mode."""
    url = url_of(folder)
    if url is None:
        with closing(sqlite3.connect(folder / "sessiontrack.sqlite3", isolation_level=None)) as connection:
            yield connection
    else:
        with closing(psycopg.connect(_conninfo(url), autocommit=True)) as server:
            yield server


def rows(folder: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """The result of a statement with "?" for each value, without the application."""
    with connection_to(folder) as connection:
        if IS_POSTGRES:
            sql = sql.replace("?", "%s")
        cursor = connection.execute(sql, values) if values else connection.execute(sql)
        return [] if cursor.description is None else list(cursor.fetchall())


@contextmanager
def busy(folder: Path) -> Iterator[Any]:
    """Another program with an open write transaction: other writers wait until its ROLLBACK."""
    with connection_to(folder) as connection:
        if IS_POSTGRES:
            _lock_all_tables(connection)
        else:
            connection.execute("BEGIN IMMEDIATE")
        yield connection


def _lock_all_tables(connection: Any) -> None:
    """Lock all tables; retry after a deadlock, because the server's own jobs lock them in another order."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = ", ".join(f'"{name}"' for (name,) in tables.fetchall())
    for is_last in (False, False, True):
        connection.execute("BEGIN")
        try:
            connection.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
            return
        except psycopg.errors.DeadlockDetected:
            connection.execute("ROLLBACK")
            if is_last:
                raise


def waits_for_a_lock(folder: Path) -> bool:
    """Whether a connection to the folder's database on the server waits for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(rows(folder, waiting))


def use_in_this_process() -> None:
    """Let create_app() use the folder's database if neither the test nor the settings name one."""
    if not IS_POSTGRES:
        return

    def load(overrides: Mapping[str, object] | None = None) -> Settings:
        settings = load_settings(overrides)
        if settings.database_url != Settings.database_url:
            return settings
        return replace(settings, database_url=url_of(settings.instance))

    base.load_settings = load
    event.listen(Pool, "connect", _keep)


def _keep(connection: object, record: object) -> None:
    if isinstance(connection, psycopg.Connection):
        _open.add(connection)


@cache
def _conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _url(name: str) -> str:
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


@cache
def _server() -> psycopg.Connection[Any]:
    connection = psycopg.connect(_conninfo(SERVER), autocommit=True)
    atexit.register(connection.close)
    return connection
