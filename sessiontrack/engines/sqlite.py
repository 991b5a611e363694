"""SQLite: one file, one writer at a time, any number of readers beside it."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event

from sessiontrack.engines import DatabaseEngine
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.writer_lock import WriterLock

# What it answers when the fault is the disk's or another process's, not the statement's.
UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)


class SQLite(DatabaseEngine):
    """A SQLite file, with the writer lock beside it."""

    begin_reading = "BEGIN"
    begin_writing = "BEGIN IMMEDIATE"
    # The pages of all indexes that they go into.
    prepare_bulk = "PRAGMA cache_size = -65536"
    integrity_query = "PRAGMA quick_check(5)"

    def __init__(self, url: URL, synchronous: str, busy_timeout_seconds: int) -> None:
        if not url.database or url.database.endswith(":memory:"):
            raise InvalidSetting("DATABASE_URL must name a file: several processes share the database.")
        self._synchronous = synchronous
        self._timeout = busy_timeout_seconds
        self._file = Path(url.database)
        self._lock = WriterLock(Path(f"{url.database}-writer"), busy_timeout_seconds)

    def options(self) -> dict[str, Any]:
        """isolation_level None: the driver begins nothing by itself; we say BEGIN."""
        connect = {"timeout": self._timeout, "isolation_level": None, "check_same_thread": False}
        return {"paramstyle": "named", "connect_args": connect, "pool_size": 16, "max_overflow": 48}

    def prepare(self, engine: Engine) -> None:
        """Set the PRAGMAs of each new connection."""

        @event.listens_for(engine, "connect")
        def set_pragmas(connection: sqlite3.Connection, record: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            # In KiB (of each thread's connection, 2000 by default); what it misses, the system still has.
            connection.execute("PRAGMA cache_size = -512")
            # SQLite's own lower() knows ASCII only.
            connection.create_function("lower", 1, _lower, deterministic=True)

    def begin_migrating(self, connection: Connection) -> None:
        """A migration is the writer from its first statement on."""
        connection.exec_driver_sql(self.begin_writing)

    def is_unavailable(self, error: BaseException) -> bool:
        """The low byte is the kind; the rest tells more of it. A damaged file has no code in some places."""
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in UNAVAILABLE

    def is_there(self) -> bool:
        """Whether there is the file."""
        return self._file.is_file()

    def file_sizes(self) -> tuple[int, int]:
        """0 for a file that is not there."""
        wal = self._file.with_name(f"{self._file.name}-wal")
        sizes = []
        for path in (self._file, wal):
            try:
                sizes.append(path.stat().st_size)
            except FileNotFoundError:
                sizes.append(0)
        return sizes[0], sizes[1]

    def writer_turn(self) -> AbstractContextManager[None]:
        """One thread of one process on this host at a time."""
        return self._lock.held()


def _lower(value: str | float | None) -> str | float | None:
    return value.lower() if isinstance(value, str) else value
