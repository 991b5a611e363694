"""A fair queue before SQLite's single writer.

SQLite's own waiting polls and starves some writers for seconds: 16 of them saturating for 60 s met 76
"database is locked". With a lock among the threads and one among the processes they met none.
"""

import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from sessiontrack.database.in_use import without_locks
from sessiontrack.exceptions import StorageUnavailable

BUSY = "The database is busy; try again shortly."
# A `struct flock`: the kind of lock, where from, and how many bytes.
_FLOCK = "hhqqi4x"


class WriterLock:
    """Held by one thread of one process on this host at a time."""

    def __init__(self, path: Path, timeout_seconds: int) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._threads = threading.Lock()
        self._file: _FileLock | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StorageUnavailable: the lock was not free in time.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> None:
        """Wait for the lock; `release` frees it.

        Raises:
            StorageUnavailable: the lock was not free in time, for instance because its holder was stopped.
        """
        deadline = monotonic() + self._timeout
        if not self._threads.acquire(timeout=self._timeout):
            raise StorageUnavailable(BUSY)
        try:
            if self._file is None or self._file.pid != os.getpid():
                # A descriptor inherited over a fork would share the parent's lock.
                self._file = _FileLock(self._path)
            self._file.acquire(max(0.0, deadline - monotonic()))
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Let the next waiter have the lock."""
        assert self._file is not None
        self._file.release()
        self._threads.release()

    def close(self) -> None:
        """Close its file, unless the lock is held; the next writer opens it again."""
        if not self._threads.acquire(blocking=False):
            return
        try:
            if self._file is not None:
                self._file.close()
            self._file = None
        finally:
            self._threads.release()

    def is_wanted(self) -> bool:
        """Whether another process waits for the lock that this one holds; True where that cannot be known."""
        return self._file is None or self._file.is_wanted()


class _FileLock:
    """The lock among processes: `flock`, first come first served, with a timeout.

    `flock()` has no timeout, so a helper thread blocks in it. That thread cannot be interrupted, but it
    releases a lock that it gets after the timeout.
    """

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self._path = path
        self._file = -1
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageUnavailable("The database's folder cannot be written.") from error
        self._wishes: SimpleQueue[_Wish | None] = SimpleQueue()
        self._waiter: threading.Thread | None = None
        self._is_waiting = False

    def acquire(self, seconds: float) -> None:
        if not self._is_waiting:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                pass
            except OSError as error:
                raise without_locks(self._path, error) from error
        if self._waiter is None:
            self._waiter = threading.Thread(target=self._wait, name="writer lock", daemon=True)
            self._waiter.start()
        wish = _Wish()
        self._is_waiting = True
        self._mark(fcntl.F_RDLCK)
        self._wishes.put(wish)
        try:
            if not wish.granted.acquire(timeout=seconds) and wish.give_up():
                raise StorageUnavailable(BUSY)
        finally:
            self._mark(fcntl.F_UNLCK)
        self._is_waiting = False

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def __del__(self) -> None:
        # Of an application that nothing refers to any more; a thread that waits refers to this.
        self._close_file()

    def close(self) -> None:
        if self._waiter is None or self.pid != os.getpid():
            self._close_file()
        else:
            # The helper thread may still wait for a lock that is no longer needed.
            self._wishes.put(None)

    def is_wanted(self) -> bool:
        """Whether another process has marked that it waits; flock() itself does not show that."""
        try:
            return self._lock_byte(fcntl.F_OFD_GETLK, fcntl.F_WRLCK) != fcntl.F_UNLCK
        except OSError:
            return True

    def _mark(self, kind: int) -> None:
        # Where the file system has no such locks, `is_wanted` cannot tell either.
        with suppress(OSError):
            self._lock_byte(fcntl.F_OFD_SETLK, kind)

    def _lock_byte(self, command: int, kind: int) -> int:
        """Lock the first byte, which flock() does not heed; the answer is the kind of another's lock."""
        answer = fcntl.fcntl(self._file, command, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 1, 0))
        found: int = struct.unpack_from("h", answer)[0]
        return found

    def _wait(self) -> None:
        while (wish := self._wishes.get()) is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if not wish.grant():
                fcntl.flock(self._file, fcntl.LOCK_UN)
        self._close_file()

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


class _Wish:
    """One wait: granted or given up, whichever comes first."""

    def __init__(self) -> None:
        self.granted = threading.Lock()
        self.granted.acquire()
        self._state = threading.Lock()
        self._was_granted = False
        self._was_given_up = False

    def grant(self) -> bool:
        """Grant the lock; False if the waiter has given up."""
        with self._state:
            if self._was_given_up:
                return False
            self._was_granted = True
        self.granted.release()
        return True

    def give_up(self) -> bool:
        """Give up waiting; False if the lock was granted just before."""
        with self._state:
            if not self._was_granted:
                self._was_given_up = True
            return self._was_given_up
