"""One kept connection per thread: a checkout from SQLAlchemy's pool costs as much as ten point reads."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class HeldConnections:
    """The connections of one process; after a fork the child opens its own."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._of_thread = threading.local()

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection; a new one while that is in use, for instance by a stream."""
        mine = self._of_thread
        if getattr(mine, "pid", None) != os.getpid():
            # A connection inherited over a fork is neither used nor closed: its locks are the parent's.
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
        """Close this thread's connection unless it is in use."""
        mine = self._of_thread
        if getattr(mine, "pid", None) == os.getpid() and mine.is_free and mine.connection is not None:
            mine.connection.close()
            mine.connection = None
