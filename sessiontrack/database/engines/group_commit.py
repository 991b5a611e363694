"""Concurrent brief writes of one process share a transaction, and so one wait for the disk.

A thread that holds the turn does its work, leaves the transaction open for the next waiter and waits;
the last one commits for all. From the second member on, each works within a savepoint, so a failure undoes
only that member's work. A member returns only after the commit.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sessiontrack.database.engines.writer_lock import WriterLock
from sessiontrack.exceptions import StorageUnavailable

# A group commits after at most this time in the processes' lock, even if threads still wait.
LONGEST_SECONDS = 0.02
MOST_MEMBERS = 64


class _Group:
    def __init__(self) -> None:
        self.ended = threading.Event()
        self.members = 0
        self.until = time.monotonic() + LONGEST_SECONDS
        self.error: BaseException | None = None


class GroupCommit:
    """Passes SQLite's single writer from thread to thread."""

    def __init__(
        self, lock: WriterLock, connect: Callable[[], sqlite3.Connection], timeout_seconds: int
    ) -> None:
        self._lock = lock
        self._connect = connect
        self._timeout = timeout_seconds
        self._turn = threading.Lock()
        # Guards the fields below, and every release of the turn.
        self._state = threading.Lock()
        self._waiting = 0
        self._group: _Group | None = None
        self._connection: sqlite3.Connection | None = None
        self._pid = -1

    @contextmanager
    def member(self) -> Iterator[sqlite3.Connection]:
        """Write on the shared connection; commit at the end, or undo this member's work if it raised.

        Raises:
            StorageUnavailable: the turn did not come in time.
        """
        self._take_turn()
        group = None
        try:
            group = self._joined()
            yield from self._work(group)
        except BaseException as error:
            self._after_failure(group, error)
            raise
        else:
            self._pass_on(group)
        if not group.ended.wait(self._timeout + 60):
            raise StorageUnavailable("The database is busy; try again shortly.")
        if group.error is not None:
            raise group.error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the turn for a transaction outside of any group, which may be long."""
        self._take_turn()
        try:
            if self._group is not None:
                self._end(self._group)
            with self._lock.held():
                yield
        finally:
            self._turn.release()

    def is_wanted(self) -> bool:
        """Whether another thread waits for the turn that this thread has, or had just now."""
        return self._waiting > 0 or self._lock.is_wanted()

    def close(self) -> None:
        """Close the shared connection once it is free, and the lock's file; the next member opens them."""
        self._close_connection()
        self._lock.close()

    def _close_connection(self) -> None:
        if self._connection is None or self._pid != os.getpid():
            return
        has_turn = self._turn.acquire(timeout=self._timeout)
        try:
            self._connection.close()
            self._connection = None
        finally:
            if has_turn:
                self._turn.release()

    def _take_turn(self) -> None:
        with self._state:
            self._waiting += 1
        has_turn = self._turn.acquire(timeout=self._timeout)
        with self._state:
            self._waiting -= 1
            # The previous holder skipped its commit because it counted us as waiting: take the turn even
            # after our timeout.
            has_turn = has_turn or self._turn.acquire(blocking=False)
        if not has_turn:
            raise StorageUnavailable("The database is busy; try again shortly.")

    def _joined(self) -> _Group:
        """The open group, or a new one with its own transaction."""
        if self._group is not None:
            return self._group
        if self._connection is None or self._pid != os.getpid():
            self._connection, self._pid = self._connect(), os.getpid()
        self._lock.acquire()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._group = _Group()
        return self._group

    def _work(self, group: _Group) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        assert connection is not None
        if not group.members:
            yield connection
        else:
            connection.execute("SAVEPOINT member")
            yield connection
            connection.execute("RELEASE member")
        group.members += 1

    def _pass_on(self, group: _Group) -> None:
        with self._state:
            is_last = not self._waiting or group.members >= MOST_MEMBERS or time.monotonic() > group.until
            if not is_last:
                self._turn.release()
                return
        try:
            self._end(group)
        finally:
            self._turn.release()

    def _after_failure(self, group: _Group | None, error: BaseException) -> None:
        """Undo this member's work and keep that of the others."""
        connection = self._connection
        if group is None or connection is None:
            # No transaction was begun.
            self._turn.release()
            return
        if group.members and connection.in_transaction:
            try:
                connection.execute("ROLLBACK TO member")
                connection.execute("RELEASE member")
            except sqlite3.Error as failed:
                self._give_up(group, failed)
            else:
                with suppress(Exception):
                    self._pass_on(group)
                return
        else:
            # This was the first member, or SQLite rolled back the whole transaction (a full disk does that).
            self._give_up(group, error)
        self._turn.release()

    def _end(self, group: _Group) -> None:
        """Commit for all members; an error is stored in the group and each member raises it."""
        assert self._connection is not None
        try:
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._give_up(group, error)
            return
        self._group = None
        self._lock.release()
        group.ended.set()

    def _give_up(self, group: _Group, error: BaseException) -> None:
        connection = self._connection
        assert connection is not None
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._group = None
        self._lock.release()
        group.error = error
        group.ended.set()
