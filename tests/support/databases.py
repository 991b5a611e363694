"""Which database an instance folder of a test has: a SQLite file in it, or one on the private PostgreSQL.

On PostgreSQL each folder has a database of its own, made when it is first asked for: empty, or where the
folder is a copy of the template's, a copy of the template's database.
"""

import atexit
import hashlib
import os
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

from sessiontrack import application
from sessiontrack.config import Settings, load_settings
from tests.support.postgres import VARIABLE

SERVER = os.environ.get(VARIABLE, "")
IS_POSTGRES = bool(SERVER)
# Tests of modules that ask no database need not run once for each.
WITHOUT_DATABASE = frozenset(
    f"test_{name}"
    for name in (
        "architecture",
        "arp_scan",
        "instance",
        "ip_neigh",
        "ips",
        "json_rows",
        "macs",
        "nmap",
        "paths",
        "periods",
        "proxies",
        "radius",
        "simulation",
        "timestamps",
        "vendors",
        "writer_lock",
    )
)
# In a template's folder, and so in copies of it: the name of its database.
MARK = "template-database"
_made: dict[Path, str] = {}
_open: set[psycopg.Connection[Any]] = set()


def url_of(folder: Path) -> str | None:
    """The URL of the folder's database; None where that is the SQLite file that is the default."""
    if not IS_POSTGRES:
        return None
    folder = folder.absolute()
    if folder not in _made:
        name = f"t_{hashlib.sha256(str(folder).encode()).hexdigest()[:24]}"
        mark = folder / MARK
        template = mark.read_text() if mark.exists() else "template0"
        # Few files: faster copied than written to the log as pages.
        _server().execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        _made[folder] = name
    return _url(_made[folder])


def any_url_of(folder: Path) -> str:
    """The URL of the folder's database, whichever kind it is."""
    return url_of(folder) or f"sqlite:///{folder / 'sessiontrack.sqlite3'}"


def copy(folder: Path, other: Path) -> None:
    """A copy of an instance folder with what its database holds now; nobody may be connected to that."""
    shutil.copytree(folder, other)
    if IS_POSTGRES:
        close_connections(_made[folder.absolute()])
        (other / MARK).write_text(_made[folder.absolute()])


def mark_template(folder: Path) -> None:
    """From now on copies of this folder get a copy of its database; nobody may be connected to that."""
    if IS_POSTGRES:
        (folder / MARK).write_text(_made[folder.absolute()])


def tell_folder(folder: Path) -> None:
    """Write into the folder's settings which database it has, for programs that are told no more than it."""
    if (url := url_of(folder)) is not None:
        (folder / "sessiontrack.toml").write_text(f'database_url = "{url}"\n')


def drop_below(folder: Path) -> None:
    """Drop the databases of all instance folders in this one."""
    for each in [each for each in _made if each.is_relative_to(folder.absolute())]:
        name = _made.pop(each)
        close_connections(name)
        _server().execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def close_connections(name: str | None = None) -> None:
    """Close what applications that are not used any more have open to that database, or to any."""
    for connection in list(_open):
        if connection.closed or name in (None, connection.info.dbname):
            connection.close()
            _open.discard(connection)


def conninfo(folder: Path) -> str:
    """Where the folder's database is, in libpq's words."""
    return _words(_url(_made[folder.absolute()]))


def conninfo_of_template(folder: Path) -> str:
    """Where the template's is."""
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
    """The driver's own connection to the folder's database, each statement for itself."""
    url = url_of(folder)
    if url is None:
        with closing(sqlite3.connect(folder / "sessiontrack.sqlite3", isolation_level=None)) as connection:
            yield connection
    else:
        with closing(psycopg.connect(_conninfo(url), autocommit=True)) as server:
            yield server


def rows(folder: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement with "?" for each value answers, without the application."""
    with connection_to(folder) as connection:
        if IS_POSTGRES:
            sql = sql.replace("?", "%s")
        cursor = connection.execute(sql, values) if values else connection.execute(sql)
        return [] if cursor.description is None else list(cursor.fetchall())


@contextmanager
def busy(folder: Path) -> Iterator[Any]:
    """Another program in the middle of a write: whoever wants to write waits until its ROLLBACK."""
    with connection_to(folder) as connection:
        if IS_POSTGRES:
            _lock_all_tables(connection)
        else:
            connection.execute("BEGIN IMMEDIATE")
        yield connection


def _lock_all_tables(connection: Any) -> None:
    """A server that runs writes now and then by itself, and takes its tables in another order."""
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
    """Whether a connection to the folder's database on the server waits for what another one has locked."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(rows(folder, waiting))


def use_in_this_process() -> None:
    """Let create_app() find the folder's database, where neither the test nor the settings name one."""
    if not IS_POSTGRES:
        return

    def load(overrides: Mapping[str, object] | None = None) -> Settings:
        settings = load_settings(overrides)
        if settings.database_url != Settings.database_url:
            return settings
        return replace(settings, database_url=url_of(settings.instance))

    application.load_settings = load
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
