"""What is one database engine's alone; only database/ asks here, so nothing else knows which engine it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from sessiontrack.exceptions import Conflict, SessiontrackError


class Kind(Enum):
    """What a transaction is for, by the name that Server-Timing has for it."""

    # One statement, which needs no transaction around it.
    LOOK_UP = "look_up"
    READ = "read"
    WRITE = "write"
    # A few statements that take no time: those of others may share its commit.
    BRIEF_WRITE = "brief_write"


class DatabaseEngine(ABC):
    """How an engine is opened, how its transactions begin, and what its errors mean."""

    # The statements that begin a transaction on the driver's connection.
    begin_reading: str
    begin_writing: str
    # Takes the memory that a million new rows need.
    prepare_bulk: str | None = None
    # Whether kept sums have parts, because several transactions write at once.
    has_parts = False
    # Where it is one file.
    file: Path | None = None

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """SQLAlchemy's options for it."""

    @abstractmethod
    def prepare(self, engine: Engine) -> None:
        """Set up the connections that SQLAlchemy will make."""

    @abstractmethod
    def begin_migrating(self, connection: Connection) -> None:
        """Begin the transaction of a migration: of several at once, the others wait for its end."""

    @abstractmethod
    def meaning_of(self, error: BaseException) -> SessiontrackError | None:
        """What an error of the driver's means for the caller; None where it is a defect of the program."""

    @abstractmethod
    def check_database(self, connection: Connection) -> None:
        """Refuse, before it is migrated, a database that cannot hold what is stored."""

    @abstractmethod
    def after_migrating(self, connection: Connection) -> None:
        """What the engine needs for tables and columns that a migration has made."""

    def begin_again(self, connection: Any) -> bool:
        """Whether a transaction that could not begin on this connection may do so on another one."""
        return False

    def open_stream(self, connection: Any) -> Any:
        """A cursor that holds few rows at a time."""
        return connection.cursor()

    def lock_tables(self, names: Iterable[str]) -> str | None:
        """The statement that keeps other writers from these tables until the transaction ends."""
        return None

    def find_damage(self, engine: Engine, most: int) -> list[str]:
        """What is wrong with pages, indexes and values; a server sees to its own."""
        return []

    def rebuild_index(self, engine: Engine, name: str) -> None:
        """Make an index anew from its table; a unique one that cannot be is dropped."""
        raise NotImplementedError

    @abstractmethod
    def used_bytes(self, engine: Engine) -> int:
        """What the database has in use."""

    @abstractmethod
    def sizes(self, engine: Engine) -> tuple[int, int | None]:
        """Bytes of the database, and of the write-ahead log beside it; None where there is no such file."""

    @abstractmethod
    def rewrite(self, engine: Engine) -> None:
        """Write it anew, without what is free in it."""

    def give_back_pages(self, engine: Engine, most: int) -> bool:
        """Give free pages back to the disk; whether there are more."""
        raise Conflict("--incremental is for SQLite; on PostgreSQL run sessiontrack vacuum without it.")

    def is_there(self) -> bool:
        """Whether there is a database already; to open it may make one."""
        return True

    def own_transaction(self, kind: Kind) -> AbstractContextManager[Any] | None:
        """The driver's connection within a transaction, for engines that do not take it from the pool."""
        return None

    def writer_turn(self) -> AbstractContextManager[None]:
        """Held while somebody writes, where the engine has only one writer."""
        return nullcontext()
