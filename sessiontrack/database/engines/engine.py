"""The interface of a back end; only database/ uses it, so no other module knows which one runs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine.interfaces import Dialect

from sessiontrack.exceptions import Conflict, SessiontrackError

TOO_SLOW = "This takes the database too long: ask for a shorter period, for fewer rows, or for one device."
NO_ROOM = "There is no room left for the database: its disk is full."
READ_ONLY = "The database is read-only."


class Kind(Enum):
    """The purpose of a transaction; the value is its name in Server-Timing."""

    # One statement, outside of a transaction.
    LOOK_UP = "look_up"
    READ = "read"
    WRITE = "write"
    # A few quick statements, which may share their commit with others.
    BRIEF_WRITE = "brief_write"


class DatabaseEngine(ABC):
    """How a back end is opened, how its transactions begin, and what its errors mean."""

    # What statements are compiled for.
    dialect: Dialect
    # The statements that begin a transaction on the driver's connection.
    begin_reading: str
    begin_writing: str
    # Reserves the memory that changing a million rows needs.
    prepare_bulk: str | None = None
    # Set a connection up for pruning, outside of a transaction, and as it was.
    prepare_pruning: tuple[str, ...] = ()
    end_pruning: tuple[str, ...] = ()
    # Checks deferred constraints now instead of at commit.
    check_deferred: str | None = None
    # Whether kept sums have parts, for concurrent writers.
    has_parts = False
    # The database file, if it is one.
    file: Path | None = None

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The options for SQLAlchemy's engine."""

    @abstractmethod
    def prepare(self, engine: Engine) -> None:
        """Set up the connections that SQLAlchemy will make."""

    @abstractmethod
    def begin_migrating(self, connection: Connection) -> None:
        """Begin a migration's transaction; concurrent migrations wait for its end."""

    @abstractmethod
    def meaning_of(self, error: BaseException) -> SessiontrackError | None:
        """The domain error for a driver's error; None if it is a defect of the program."""

    @abstractmethod
    def check_database(self, connection: Connection) -> None:
        """Refuse, before migrating, a database that cannot hold our data."""

    def before_migrating(self, connection: Connection) -> None:
        """Prepare the connection for writing whole tables anew."""
        return None

    @abstractmethod
    def after_migrating(self, connection: Connection) -> None:
        """Adjust the tables and columns that a migration has made."""

    def begin_again(self, connection: Any) -> bool:
        """Whether a transaction that could not begin on this connection may be tried on another."""
        return False

    def open_stream(self, connection: Any) -> Any:
        """A cursor that keeps few rows in memory."""
        return connection.cursor()

    def lock_tables(self, names: Iterable[str]) -> str | None:
        """The statement that keeps other writers out of these tables until the transaction ends."""
        return None

    def find_damage(self, engine: Engine, most: int, *, thorough: bool) -> list[str]:
        """Errors in pages, indexes and values; PostgreSQL has tools of its own for this."""
        return []

    def rebuild_index(self, engine: Engine, name: str) -> None:
        """Rebuild an index from its table; drop a unique index that duplicates prevent."""
        raise NotImplementedError

    @abstractmethod
    def used_bytes(self, engine: Engine) -> int:
        """Bytes in use."""

    @abstractmethod
    def sizes(self, engine: Engine) -> tuple[int, int | None]:
        """Bytes of the database and of its write-ahead log; the log's are None if it is not a file."""

    @abstractmethod
    def rewrite(self, engine: Engine) -> None:
        """Rewrite the database without its free space."""

    def give_back_pages(self, engine: Engine, most: int) -> bool:
        """Return free pages to the file system; True if more are left."""
        raise Conflict("--incremental is for SQLite; on PostgreSQL run sessiontrack vacuum without it.")

    def is_there(self) -> bool:
        """Whether the database exists; opening it may create it."""
        return True

    def limited(self, begin: str, seconds: int | None) -> str:
        """What begins a transaction whose statements may take so long; None: however long."""
        return begin

    def own_transaction(self, kind: Kind, seconds: int | None) -> AbstractContextManager[Any] | None:
        """The driver's connection within a transaction, for engines that do not take it from the pool.

        Args:
            seconds: how long it may read; None: however long.
        """
        return None

    def others_wait(self) -> bool:
        """Whether others wait to write while this thread does; True where that cannot be known."""
        return True

    def writer_turn(self) -> AbstractContextManager[None]:
        """A lock held while writing, on a back end with a single writer."""
        return nullcontext()
