"""PostgreSQL: any number of writers, on any number of hosts.

A writer reads what is committed when each of its statements begins, so a rule that looks at rows before it
changes others locks first what it looks at (services say `FOR UPDATE`, or `tx.exclude_writers`), and looks
then. A reader sees one state from its first statement on.
"""

from collections.abc import Iterable
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, event

from sessiontrack.database.engines.engine import DatabaseEngine
from sessiontrack.exceptions import (
    Conflict,
    Contention,
    InvalidInput,
    SessiontrackError,
    StorageUnavailable,
)

# Of transactions that wait for each other, or that met what another one did, one must begin anew.
CONTENTION = frozenset({"40001", "40P01"})
# Two hosts at once, where one statement could not forbid it: unique, foreign key, check, exclusion.
CONFLICT = frozenset({"23503", "23505", "23514", "23P01"})
# The server goes down or is a standby; a transaction was idle for too long; the disk is full or damaged.
UNAVAILABLE = frozenset({"25006", "25P03", "42501", "57P01", "57P02", "57P03", "58030", "XX001", "XX002"})
# The shortest that the driver knows.
REPLICA_CONNECT_SECONDS = 2
OUT_OF_RANGE = "22003"
# What keeps a transaction's locks while nothing is heard of its host.
MOST_IDLE = "10min"
# A number of ours for the lock that migrations wait for: there may be no table yet that could be locked.
MIGRATING = 7_347_117_220
_stream_numbers = count()
# How far the log has come that replicas follow, at least to the end of the transaction that was just written.
POSITION = "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
# Text compares by code point as in SQLite, whatever the database's locale.
COLLATE = """
DO $$ DECLARE found record; BEGIN
  FOR found IN
    SELECT a.attrelid::regclass AS place, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped AND l.collname = 'default'
  LOOP
    EXECUTE format(
      'ALTER TABLE %%s ALTER COLUMN %%I TYPE %%s COLLATE "C"', found.place, found.name, found.type);
  END LOOP;
END $$
"""


class PostgreSQL(DatabaseEngine):
    """A PostgreSQL server; it queues its writers well by itself."""

    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    has_parts = True

    def __init__(self, busy_timeout_seconds: int) -> None:
        self._timeout = busy_timeout_seconds
        self.begin_writing = (
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
            f" SET LOCAL lock_timeout = '{busy_timeout_seconds}s';"
            f" SET LOCAL idle_in_transaction_session_timeout = '{MOST_IDLE}'"
        )

    def options(self, *, is_replica: bool = False) -> dict[str, Any]:
        """autocommit: the driver begins nothing by itself; we say BEGIN.

        For a replica nobody waits long: there is another one to ask.

        No statement is prepared on the server: behind PgBouncer each transaction may meet another one.
        """
        timeout = REPLICA_CONNECT_SECONDS if is_replica else self._timeout + 1
        connect = {"autocommit": True, "prepare_threshold": None, "connect_timeout": timeout}
        return {"connect_args": connect, "use_native_hstore": False, "pool_size": 16, "max_overflow": 48}

    def prepare(self, engine: Engine) -> None:
        """Send numbers as bigint and text as text.

        The driver takes the smallest type that a number fits into, and sums of small ones overflow; of text
        it lets the server guess, who finds two types where a parameter is used twice.
        """
        from psycopg.types.numeric import Int8Dumper
        from psycopg.types.string import StrDumper

        @event.listens_for(engine, "connect")
        def choose_types(connection: Any, record: object) -> None:
            connection.adapters.register_dumper(int, Int8Dumper)
            connection.adapters.register_dumper(str, StrDumper)

    def begin_migrating(self, connection: Connection) -> None:
        """The others wait as long as it takes."""
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")

    def check_database(self, connection: Connection) -> None:
        """Text is UTF-8.

        Raises:
            StorageUnavailable: this database cannot hold what sessiontrack stores.
        """
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise StorageUnavailable(f"The database's encoding is {encoding}; make one with UTF8.")

    def after_migrating(self, connection: Connection) -> None:
        """Give every column of text that is new the collation of all."""
        connection.exec_driver_sql(COLLATE)

    def begin_again(self, connection: Any) -> bool:
        """Whether a pooled connection had been lost before its transaction began, so that another may do."""
        return bool(connection.closed)

    def open_stream(self, connection: Any) -> Any:
        """A cursor of the server's; an ordinary one takes all rows at once."""
        return connection.cursor(f"stream_{next(_stream_numbers)}")

    def lock_tables(self, names: Iterable[str]) -> str | None:
        """Readers, and who locks rows, are not kept waiting."""
        quoted = ", ".join(f'"{name}"' for name in names)
        return f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"

    def meaning_of(self, error: BaseException) -> SessiontrackError | None:
        """By its SQLSTATE; what the driver finds itself has none."""
        from psycopg import DataError, InterfaceError, OperationalError

        state: str | None = getattr(error, "sqlstate", None)
        if state in CONTENTION:
            return Contention("Others are changing the same just now; try again shortly.")
        if state in CONFLICT:
            return Conflict("Somebody else has changed the same meanwhile; look again, then repeat it.")
        if state in UNAVAILABLE or isinstance(error, OperationalError | InterfaceError):
            return StorageUnavailable("The database cannot be used just now; try again shortly.")
        if state == OUT_OF_RANGE:
            return InvalidInput("A number is too large.")
        if state is None and isinstance(error, DataError):
            return InvalidInput("Text cannot hold a NUL character.")
        return None

    def used_bytes(self, engine: Engine) -> int:
        """All that it takes: what is free inside is the server's to know."""
        return self.sizes(engine)[0]

    def sizes(self, engine: Engine) -> tuple[int, None]:
        """Of the tables and their indexes; the log is the server's, of all its databases."""
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchall()[0][0]), None
        finally:
            connection.close()

    def rewrite(self, engine: Engine) -> None:
        """By VACUUM, which locks nobody out; outside of a transaction."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM (ANALYZE)")
        finally:
            connection.close()
