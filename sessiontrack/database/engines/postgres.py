"""PostgreSQL: any number of writers, on any number of hosts.

In a writing transaction each statement reads what was committed before that statement. A rule that reads rows
before it changes others therefore locks them first (`FOR UPDATE` or `tx.exclude_writers`). A reading
transaction sees one snapshot from its first statement on.
"""

from collections.abc import Iterable
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, event

from sessiontrack.database.engines.engine import NO_ROOM, READ_ONLY, TOO_SLOW, DatabaseEngine
from sessiontrack.exceptions import (
    Conflict,
    Contention,
    InvalidInput,
    QueryTooSlow,
    SessiontrackError,
    StorageUnavailable,
    TakesNoWrites,
)

# Serialization failure and deadlock: one of the transactions must be run again.
CONTENTION = frozenset({"40001", "40P01"})
# A concurrent transaction broke a constraint: unique, foreign key, check, exclusion.
CONFLICT = frozenset({"23503", "23505", "23514", "23P01"})
# The server shuts down; a transaction was idle too long; the disk is damaged.
UNAVAILABLE = frozenset({"25P03", "42501", "57P01", "57P02", "57P03", "58030", "XX001", "XX002"})
TAKES_NO_WRITES: dict[str | None, str] = {"53100": NO_ROOM, "25006": READ_ONLY}
# The shortest timeout that the driver supports.
REPLICA_CONNECT_SECONDS = 2
# By statement_timeout, or by an administrator.
CANCELED = "57014"
OUT_OF_RANGE = "22003"
# How long a transaction keeps its locks after its host has gone silent.
MOST_IDLE = "10min"
# Our number for the migrations' advisory lock: on an empty database there is no table to lock.
MIGRATING = 7_347_117_220
_stream_numbers = count()
# The log position that replicas must reach: at or after the end of the transaction just committed.
POSITION = "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
# Text sorts by code point, as in SQLite, whatever the database's locale.
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
    """A PostgreSQL server, which queues writers itself."""

    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    has_parts = True
    check_deferred = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"

    def __init__(self, busy_timeout_seconds: int) -> None:
        self._timeout = busy_timeout_seconds
        self.begin_writing = (
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
            f" SET LOCAL lock_timeout = '{busy_timeout_seconds}s';"
            f" SET LOCAL idle_in_transaction_session_timeout = '{MOST_IDLE}'"
        )

    def options(self, *, is_replica: bool = False) -> dict[str, Any]:
        """Set autocommit, so that only our BEGIN begins a transaction.

        The connect timeout of a replica is short: the primary can answer instead.

        Statements are not prepared on the server: behind PgBouncer each transaction may use another server
        connection.
        """
        timeout = REPLICA_CONNECT_SECONDS if is_replica else self._timeout + 1
        connect: dict[str, Any] = {"autocommit": True, "prepare_threshold": None, "connect_timeout": timeout}
        connect["fallback_application_name"] = "sessiontrack"
        return {"connect_args": connect, "use_native_hstore": False, "pool_size": 16, "max_overflow": 48}

    def prepare(self, engine: Engine) -> None:
        """Send numbers as bigint and text as text.

        By default the driver sends a number as the smallest type that fits, and sums of small types overflow.
        It sends text without a type, and the server may infer two types for a parameter that is used twice.
        """
        from psycopg.types.numeric import Int8Dumper
        from psycopg.types.string import StrDumper

        @event.listens_for(engine, "connect")
        def choose_types(connection: Any, record: object) -> None:
            connection.adapters.register_dumper(int, Int8Dumper)
            connection.adapters.register_dumper(str, StrDumper)

    def limited(self, begin: str, seconds: int | None) -> str:
        """By the server, for each statement and each piece of a stream."""
        return begin if seconds is None else f"{begin}; SET LOCAL statement_timeout = '{seconds}s'"

    def begin_migrating(self, connection: Connection) -> None:
        """Other migrations wait without a timeout."""
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")

    def check_database(self, connection: Connection) -> None:
        """Check that the encoding is UTF-8.

        Raises:
            StorageUnavailable: the encoding is another one.
        """
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise StorageUnavailable(f"The database's encoding is {encoding}; make one with UTF8.")

    def after_migrating(self, connection: Connection) -> None:
        """Give new text columns the collation "C"."""
        connection.exec_driver_sql(COLLATE)

    def begin_again(self, connection: Any) -> bool:
        """Whether a pooled connection was lost before its transaction began; then another is tried."""
        return bool(connection.closed)

    def open_stream(self, connection: Any) -> Any:
        """A server-side cursor; an ordinary cursor fetches all rows at once."""
        return connection.cursor(f"stream_{next(_stream_numbers)}")

    def lock_tables(self, names: Iterable[str]) -> str | None:
        """Lock out writers, but neither readers nor row locks."""
        quoted = ", ".join(f'"{name}"' for name in names)
        return f"LOCK TABLE {quoted} IN SHARE ROW EXCLUSIVE MODE"

    def meaning_of(self, error: BaseException) -> SessiontrackError | None:
        """Map by SQLSTATE; errors that the driver finds itself have none."""
        from psycopg import DataError, InterfaceError, OperationalError

        state: str | None = getattr(error, "sqlstate", None)
        if state in CONTENTION:
            return Contention("Another transaction is changing the same data; try again shortly.")
        if state in CONFLICT:
            return Conflict("Another user has changed the same meanwhile; look again, then repeat it.")
        if state == CANCELED:
            return QueryTooSlow(TOO_SLOW)
        if (refused := TAKES_NO_WRITES.get(state)) is not None:
            return TakesNoWrites(refused)
        if state in UNAVAILABLE or isinstance(error, OperationalError | InterfaceError):
            return StorageUnavailable("The database cannot be used just now; try again shortly.")
        if state == OUT_OF_RANGE:
            return InvalidInput("A number is too large.")
        if state is None and isinstance(error, DataError):
            return InvalidInput("Text cannot hold a NUL character.")
        return None

    def used_bytes(self, engine: Engine) -> int:
        """The whole size: PostgreSQL does not report the free space inside."""
        return self.sizes(engine)[0]

    def sizes(self, engine: Engine) -> tuple[int, None]:
        """The size of the tables and indexes; None for the log, which all databases of the server share."""
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchall()[0][0]), None
        finally:
            connection.close()

    def rewrite(self, engine: Engine) -> None:
        """Run VACUUM outside of a transaction; it blocks neither readers nor writers."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM (ANALYZE)")
        finally:
            connection.close()
