"""A fair queue before SQLite's one writer.

SQLite's own waiting polls, and starves some writers for seconds: 16 of them saturating for 60 s met 76
"database is locked". A lock among the threads and then one among the processes met none.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from sessiontrack.exceptions import StorageUnavailable

BUSY = "The database is busy; try again shortly."


class WriterLock:
    """Held by one thread of one process on this host at a time."""

    def __init__(self, path: Path, timeout_seconds: int) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._threads = threading.Lock()
        self._file: _FileLock | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for one's turn.

        Raises:
            StorageUnavailable: the turn did not come in time.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> None:
        """Wait for one's turn; `release` ends it.

        Raises:
            StorageUnavailable: the turn did not come in time, as where its holder was stopped.
        """
        deadline = monotonic() + self._timeout
        if not self._threads.acquire(timeout=self._timeout):
            raise StorageUnavailable(BUSY)
        try:
            if self._file is None or self._file.pid != os.getpid():
                # One inherited over a fork would share its parent's lock.
                self._file = _FileLock(self._path)
            self._file.acquire(max(0.0, deadline - monotonic()))
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Let the next one have the turn."""
        assert self._file is not None
        self._file.release()
        self._threads.release()


class _FileLock:
    """The lock among processes: `flock`, first come first served, with the time-out that it lacks.

    Who must wait lets a thread of its own do so: that one cannot be called back, but it can be told to let go
    of what it gets too late.
    """

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailable("The database's folder cannot be written.") from error
        self._wishes: SimpleQueue[_Wish] = SimpleQueue()
        self._waiter: threading.Thread | None = None
        self._is_waiting = False

    def acquire(self, seconds: float) -> None:
        if not self._is_waiting:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                pass
        if self._waiter is None:
            self._waiter = threading.Thread(target=self._wait, name="writer lock", daemon=True)
            self._waiter.start()
        wish = _Wish()
        self._is_waiting = True
        self._wishes.put(wish)
        if not wish.granted.acquire(timeout=seconds) and wish.give_up():
            raise StorageUnavailable(BUSY)
        self._is_waiting = False

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _wait(self) -> None:
        while True:
            wish = self._wishes.get()
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if not wish.grant():
                fcntl.flock(self._file, fcntl.LOCK_UN)


class _Wish:
    """One wait: granted or given up, whichever comes first."""

    def __init__(self) -> None:
        self.granted = threading.Lock()
        self.granted.acquire()
        self._state = threading.Lock()
        self._was_granted = False
        self._was_given_up = False

    def grant(self) -> bool:
        """Whether somebody still wants it."""
        with self._state:
            if self._was_given_up:
                return False
            self._was_granted = True
        self.granted.release()
        return True

    def give_up(self) -> bool:
        """Whether it was given up; False where it was granted just now."""
        with self._state:
            if not self._was_granted:
                self._was_given_up = True
            return self._was_given_up
