"""SQLite: one file, one writer at a time, any number of concurrent readers."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, event

from sessiontrack.database.database_file import BULK_CACHE
from sessiontrack.database.engines.engine import NO_ROOM, READ_ONLY, TOO_SLOW, DatabaseEngine, Kind
from sessiontrack.database.engines.group_commit import GroupCommit
from sessiontrack.database.engines.held_connections import HeldConnections
from sessiontrack.database.engines.writer_lock import WriterLock
from sessiontrack.database.index_sums import add_digest, differing_indexes
from sessiontrack.database.statements import DIGITS
from sessiontrack.exceptions import (
    Conflict,
    DamagedDatabase,
    InvalidSetting,
    QueryTooSlow,
    SessiontrackError,
    StorageUnavailable,
    TakesNoWrites,
)

# Error codes caused by the disk or another process, not by the statement.
UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
# Of SQLite's virtual machine, between two looks at the time: a millisecond or less.
STEPS = 20_000
# How long a start waits for another one that migrates a large database; requests do not wait that long.
MIGRATION_MILLISECONDS = 600_000
NUMBER = re.compile("[0-9]+")
TAKES_NO_WRITES: dict[int | None, str] = {sqlite3.SQLITE_FULL: NO_ROOM, sqlite3.SQLITE_READONLY: READ_ONLY}
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


# How a list gets to json_each().
sqlite3.register_adapter(list, json.dumps)


# In KiB per connection (2000 by default); the system's page cache serves the misses.
CACHE = "PRAGMA cache_size = -512"


class _Connection(sqlite3.Connection):
    """Closed when nothing refers to it any more, as when its thread ends; Python 3.13 warns of others."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # It was never opened.
            self.close()


class SQLite(DatabaseEngine):
    """A SQLite file, with the writer lock beside it."""

    file: Path
    begin_reading = "BEGIN"
    begin_writing = "BEGIN IMMEDIATE"
    prepare_bulk = BULK_CACHE
    # What a statement changes is noted in memory instead of a file, in case it fails. A batch does not wait
    # for the disk while others wait for it: a power failure brings back the last removed rows at most. What
    # refers to removed rows is changed by one statement for all of them (`kept_sums.Deletion`).
    prepare_pruning = (
        BULK_CACHE,
        "PRAGMA temp_store = MEMORY",
        "PRAGMA synchronous = NORMAL",
        "PRAGMA foreign_keys = OFF",
    )

    def __init__(self, url: URL, synchronous: str, busy_timeout_seconds: int) -> None:
        if not url.database or url.database.endswith(":memory:"):
            raise InvalidSetting("DATABASE_URL must name a file: several processes share the database.")
        self.file = Path(url.database)
        self._synchronous = synchronous
        durable = f"PRAGMA synchronous = {self._synchronous}"
        self.end_pruning = (CACHE, "PRAGMA temp_store = DEFAULT", durable, "PRAGMA foreign_keys = ON")
        self._timeout = busy_timeout_seconds
        self._held = HeldConnections(self._connect)
        lock = WriterLock(Path(f"{url.database}-writer"), busy_timeout_seconds)
        self._writers = GroupCommit(lock, self._connect, busy_timeout_seconds)

    def options(self) -> dict[str, Any]:
        """For Alembic's connections; we open all others ourselves."""
        return {"paramstyle": "named", "connect_args": self._arguments()}

    def prepare(self, engine: Engine) -> None:
        """Set the PRAGMAs of each new connection, and close our own connections with SQLAlchemy's."""

        @event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, record: object) -> None:
            self._set_up(connection)

        @event.listens_for(engine, "engine_disposed")
        def close(engine: Engine) -> None:
            self._held.close()
            self._writers.close()

    def _arguments(self) -> dict[str, Any]:
        """Set isolation_level to None, so that only our BEGIN begins a transaction."""
        return {
            "timeout": self._timeout,
            "isolation_level": None,
            "check_same_thread": False,
            "factory": _Connection,
        }

    def _connect(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(str(self.file), **self._arguments())
        self._set_up(connection)
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute(CACHE)
        # SQLite's own lower() handles ASCII only.
        connection.create_function("lower", 1, _lower, deterministic=True)
        connection.create_function("natural_order", 1, _natural_order, deterministic=True)
        add_digest(connection)

    def begin_migrating(self, connection: Connection) -> None:
        """Take the write lock with the first statement; wait for the migration of another start to end."""
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {MIGRATION_MILLISECONDS}")
        connection.exec_driver_sql(self.begin_writing)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(self._timeout)}000")

    def check_database(self, connection: Connection) -> None:
        """Accept any file."""

    def before_migrating(self, connection: Connection) -> None:
        """Reserve the memory for writing whole tables anew: a million rows take a third of the time."""
        connection.exec_driver_sql(self.prepare_bulk)

    def after_migrating(self, connection: Connection) -> None:
        """Give that memory back."""
        connection.exec_driver_sql(CACHE)

    def meaning_of(self, error: BaseException) -> SessiontrackError | None:
        """A busy, full, read-only or damaged file."""
        if _code(error) == sqlite3.SQLITE_INTERRUPT:
            return QueryTooSlow(TOO_SLOW)
        if _code(error) in DAMAGED:
            return DamagedDatabase(
                "The database is damaged: stop the service, and put a backup in its place"
                " with sessiontrack restore."
            )
        if (refused := TAKES_NO_WRITES.get(_code(error))) is not None:
            return TakesNoWrites(refused)
        if _code(error) in UNAVAILABLE:
            return StorageUnavailable("The database cannot be used just now; try again shortly.")
        return None

    def find_damage(self, engine: Engine, most: int, *, thorough: bool) -> list[str]:
        """Run SQLite's quick_check; thorough: if an index differs, integrity_check, which names the rows."""
        with _driver(engine) as connection:
            # integrity_check seeks each row in each index.
            connection.execute(self.prepare_bulk)
            try:
                found = _found_by("quick_check", connection, most)
                if thorough and (found or differing_indexes(connection)):
                    found = _found_by("integrity_check", connection, most)
            finally:
                connection.execute(CACHE)
        return found

    def rebuild_index(self, engine: Engine, name: str) -> None:
        """Run REINDEX, which is a transaction of its own."""
        with _driver(engine) as connection:
            try:
                connection.execute(f'REINDEX "{name}"')
            except sqlite3.IntegrityError:
                connection.execute(f'DROP INDEX "{name}"')

    def used_bytes(self, engine: Engine) -> int:
        """Bytes of the pages in use; free pages are reused before the file grows."""
        with _driver(engine) as connection:
            pages, free, size = (
                int(connection.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def sizes(self, engine: Engine) -> tuple[int, int]:
        """The sizes of both files; 0 for a missing one."""
        return _size(self.file), _size(Path(f"{self.file}-wal"))

    def rewrite(self, engine: Engine) -> None:
        """Run VACUUM; afterwards free pages can be returned a few at a time."""
        with _driver(engine) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def give_back_pages(self, engine: Engine, most: int) -> bool:
        """Run incremental_vacuum, which needs a database with auto_vacuum INCREMENTAL."""
        with _driver(engine) as connection:
            if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
                raise Conflict("Run sessiontrack vacuum once; from then on --incremental is enough.")
            connection.execute(f"PRAGMA incremental_vacuum({int(most)})").fetchall()
            if connection.execute("PRAGMA freelist_count").fetchone()[0]:
                return True
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return False

    def is_there(self) -> bool:
        """Whether the file exists."""
        return self.file.is_file()

    def own_transaction(self, kind: Kind, seconds: int | None) -> AbstractContextManager[sqlite3.Connection]:
        """On this thread's own connection, or on the one that brief writers share."""
        if kind is Kind.BRIEF_WRITE:
            return self._writers.member()
        if kind is Kind.WRITE:
            return self._written()
        if kind is Kind.READ:
            return self._read(seconds)
        return self._held.borrowed()

    def writer_turn(self) -> AbstractContextManager[None]:
        """Let one thread of one process on this host write at a time."""
        return self._writers.alone()

    def others_wait(self) -> bool:
        """Whether another thread or process waits for the turn."""
        return self._writers.is_wanted()

    @contextmanager
    def _read(self, seconds: int | None) -> Iterator[sqlite3.Connection]:
        with self._held.borrowed() as connection, _between(connection, self.begin_reading):
            if seconds is None:
                yield connection
                return
            until = time.monotonic() + seconds
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            try:
                yield connection
            finally:
                connection.set_progress_handler(None, STEPS)

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        with (
            self.writer_turn(),
            self._held.borrowed() as connection,
            _between(connection, self.begin_writing),
        ):
            yield connection


@contextmanager
def _between(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def _driver(engine: Engine) -> Iterator[sqlite3.Connection]:
    """A driver's connection outside of any transaction."""
    connection = engine.raw_connection()
    try:
        yield cast(sqlite3.Connection, connection.driver_connection)
    finally:
        connection.close()


def _found_by(check: str, connection: sqlite3.Connection, most: int) -> list[str]:
    """The errors that it names; the last one may be why it stopped early."""
    found = []
    try:
        found += [str(row[0]) for row in connection.execute(f"PRAGMA {check}({int(most)})")]
    except sqlite3.DatabaseError as error:
        if _code(error) not in DAMAGED:
            raise
        found.append(str(error))
    return [] if found == ["ok"] else found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _code(error: BaseException) -> int | None:
    """The low byte of the extended error code, which is the kind; None for errors without a code."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _lower(value: str | float | None) -> str | float | None:
    return value.lower() if isinstance(value, str) else value


def _natural_order(value: str | None) -> str | None:
    """What a name is sorted by: in lower case, with each number in it padded."""
    return None if value is None else NUMBER.sub(_padded, value.lower())


def _padded(number: re.Match[str]) -> str:
    return number[0][-DIGITS:].zfill(DIGITS)
