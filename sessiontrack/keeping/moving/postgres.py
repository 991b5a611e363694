"""A PostgreSQL database, read or filled in one transaction."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import ColumnElement, Connection, Table, cast, func, inspect, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import DBAPIError

from sessiontrack import migrations
from sessiontrack.database import db
from sessiontrack.database.transactions import READS
from sessiontrack.exceptions import Conflict, StorageUnavailable
from sessiontrack.keeping.moving.place import refuse_other_version
from sessiontrack.keeping.moving.store import (
    Store,
    Target,
    Totals,
    not_taken,
    refuse_same,
    rows_of,
    totals_of,
    written_columns,
)

BLOCK_BYTES = 1 << 18
# The server's identity of a database: two URLs may lead to the same one.
IDENTITY = (
    "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " current_schema() FROM pg_control_system()"
)
OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
# Constraints and indexes that are dropped while rows are inserted and created afterwards; references last.
LEFT_OUT = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
  format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
  contype = 'f' AS is_reference
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype IN ('f', 'u', 'x')
UNION ALL
SELECT format('DROP INDEX %%s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid), false
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
ORDER BY 3
"""
# For sorting the keys of an index; allocated for each index in turn.
MEMORY = "SET LOCAL maintenance_work_mem = '256MB'"
MOST_IDLE = "SET LOCAL idle_in_transaction_session_timeout = '10min'"


class PostgresStore(Store):
    """One snapshot of the database, while others go on writing."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.engine.url.render_as_string()
        self._connection = connection
        driver: Any = connection.connection.driver_connection
        self._cursor = driver.cursor

    def identity(self) -> object:
        with _said_of(self.name):
            return tuple(self._connection.exec_driver_sql(IDENTITY).one())

    def totals(self, table: Table) -> Totals:
        with _said_of(self.name):
            found = self._connection.execute(totals_of(table)).one()
        return tuple(None if value is None else int(value) for value in found)

    def read(self, table: Table) -> Iterator[bytes]:
        rows = str(rows_of(table).compile(self._connection))
        block = bytearray()
        with _said_of(self.name), self._cursor() as cursor, cursor.copy(f"COPY ({rows}) TO STDOUT") as copied:
            for line in copied:
                block += line
                if len(block) > BLOCK_BYTES:
                    yield bytes(block)
                    block.clear()
        if block:
            yield bytes(block)

    def last_number(self, table: Table) -> int:
        with _said_of(self.name):
            given = self._connection.execute(select(func.pg_sequence_last_value(_sequence(table)))).scalar()
            highest = self._connection.execute(select(func.max(table.c.id))).scalar()
        return max(given or 0, highest or 0)


class PostgresTarget(PostgresStore, Target):
    """Tables that are invisible before the commit; a killed process leaves nothing behind."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        left_out = connection.exec_driver_sql(LEFT_OUT).all()
        for drop, _, _ in reversed(left_out):
            connection.exec_driver_sql(drop)
        self._to_make = [make for _, make, _ in left_out]

    def write(self, table: Table, blocks: Iterable[bytes]) -> None:
        columns = ", ".join(f'"{column.name}"' for column in written_columns(table))
        into = f'COPY "{table.name}" ({columns}) FROM STDIN (FREEZE)'
        with _said_of(self.name), self._cursor() as cursor, cursor.copy(into) as copied:
            for block in blocks:
                copied.write(block)

    def number_on_after(self, table: Table, number: int) -> None:
        with _said_of(self.name):
            self._connection.execute(select(func.setval(_sequence(table), number)))

    def finish(self) -> None:
        with _said_of(self.name):
            for make in self._to_make:
                self._connection.exec_driver_sql(make)
            self._connection.exec_driver_sql("ANALYZE")


def _sequence(table: Table) -> ColumnElement[Any]:
    return cast(func.pg_get_serial_sequence(f'"{table.name}"', "id"), REGCLASS)


@contextmanager
def reading(app: Flask) -> Iterator[PostgresStore]:
    """Open the database for reading.

    Raises:
        StorageUnavailable: the database is unreachable, or belongs to another version or program.
    """
    with app.app_context():
        engine = db.engine.execution_options(**{READS: True})
    name = engine.url.render_as_string()
    with _said_of(name), engine.connect() as connection:
        refuse_other_version(name, migrations.revision_of(connection))
        store = PostgresStore(connection)
        store.in_use = bool(connection.exec_driver_sql(OTHERS).scalar())
        yield store


@contextmanager
def filling(app: Flask, source: Store) -> Iterator[PostgresTarget]:
    """Create the tables and commit them if nothing is raised; programs that start meanwhile wait.

    Raises:
        InvalidInput: the target is the source.
        Conflict: the database has tables already.
        StorageUnavailable: the database is unreachable or not writable.
    """
    with app.app_context():
        name = db.engine.url.render_as_string()
        with _said_of(name), db.engine.begin() as connection:
            refuse_same(PostgresStore(connection).identity(), source)
            if inspect(connection).get_table_names():
                raise Conflict(f"{name} is not empty; nothing was changed. Create an empty database for it.")
            connection.exec_driver_sql(MEMORY)
            connection.exec_driver_sql(MOST_IDLE)
            migrations.upgrade_within(connection)
            yield PostgresTarget(connection)


@contextmanager
def _said_of(name: str) -> Iterator[None]:
    from psycopg import DataError, Error, IntegrityError

    try:
        yield
    except (Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, DataError | IntegrityError):
            raise not_taken(name, cause) from error
        reason = " ".join(str(cause).partition("\n")[0].split())
        raise StorageUnavailable(f"The database {name} cannot be used: {reason}.") from error
