"""A connection a thread, kept: to take one from SQLAlchemy's pool and give it back costs ten point reads."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HeldConnections:
    """Of one process; after a fork the child makes its own."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._of_thread = threading.local()

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection; a fresh one while that is in use, as by a stream that goes on."""
        mine = self._of_thread
        if getattr(mine, "pid", None) != os.getpid():
            # One that was inherited over a fork is neither used nor closed: its locks are the parent's.
            mine.inherited = getattr(mine, "connection", None)
            mine.connection, mine.pid, mine.is_free = None, os.getpid(), True
        if not mine.is_free:
            connection = self._connect()
            try:
                yield connection
            finally:
                connection.close()
            return
        if mine.connection is None:
            mine.connection = self._connect()
        mine.is_free = False
        try:
            yield mine.connection
        finally:
            mine.is_free = True

    def close(self) -> None:
        """Close this thread's connection, if it has a free one."""
        mine = self._of_thread
        if getattr(mine, "pid", None) == os.getpid() and mine.is_free and mine.connection is not None:
            mine.connection.close()
            mine.connection = None
