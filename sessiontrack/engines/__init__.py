"""What is one database engine's alone; db.py asks here, and nobody else knows which engine it is."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine


class DatabaseEngine(ABC):
    """How an engine is opened, how its transactions begin, and what its errors mean."""

    # The statements that begin a transaction on the driver's connection.
    begin_reading: str
    begin_writing: str
    # Takes the memory that a million new rows need.
    prepare_bulk: str | None = None
    # Tells the database's bytes; None where `file_sizes` does.
    size_query: str | None = None
    # A row for each fault of the file, or one that says "ok".
    integrity_query: str | None = None

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
    def is_unavailable(self, error: BaseException) -> bool:
        """Whether the fault is the disk's, the network's or another process's, not the statement's."""

    def is_there(self) -> bool:
        """Whether there is a database already; to open it may make one."""
        return True

    def file_sizes(self) -> tuple[int, int]:
        """Bytes of the database's file and of its write-ahead log."""
        raise NotImplementedError

    def writer_turn(self) -> AbstractContextManager[None]:
        """Held while somebody writes, where the engine has only one writer."""
        return nullcontext()
