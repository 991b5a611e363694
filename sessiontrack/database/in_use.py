"""A lock on the use of a database: shared by the programs that work on it, exclusive to replace the file."""

import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessiontrack.exceptions import StorageUnavailable

# The lock lasts as long as the descriptor is open in this process or in its children, however they end.
SHARED = fcntl.LOCK_SH | fcntl.LOCK_NB
ALONE = fcntl.LOCK_EX | fcntl.LOCK_NB
# A restore holds the lock for longer; who only asks whether the database is used, for an instant.
PATIENCE_SECONDS, STEP_SECONDS = 2.0, 0.02


class _Locked(StorageUnavailable):
    """Another program holds the lock."""


def use_with_others(database: Path, user: object) -> None:
    """Hold the shared lock while `user` exists, in this process and its children.

    Raises:
        StorageUnavailable: a restore is replacing the database.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            descriptor = _locked(database, SHARED, f"{database} is being restored; try again shortly.")
            break
        except _Locked:
            if time.monotonic() > until:
                raise
            time.sleep(STEP_SECONDS)
    weakref.finalize(user, os.close, descriptor)


@contextmanager
def use_alone(database: Path) -> Iterator[None]:
    """Hold the exclusive lock, so that no other program starts to use the database.

    Raises:
        StorageUnavailable: a program uses the database.
    """
    users = "a running sessiontrack: stop every serve, scan and listen first"
    in_use = f"{database} is in use by {users}. Nothing was changed."
    descriptor = _locked(database, ALONE, in_use)
    try:
        yield
    finally:
        os.close(descriptor)


def is_used(database: Path) -> bool:
    """Whether a program uses the database now."""
    try:
        with use_alone(database):
            return False
    except StorageUnavailable:
        return True


def _locked(database: Path, how: int, refusal: str) -> int:
    path = Path(f"{database}-in-use")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError as error:
        os.close(descriptor)
        raise _Locked(refusal) from error
    except OSError as error:
        os.close(descriptor)
        raise without_locks(path, error) from error
    return descriptor


def without_locks(path: Path, error: OSError) -> StorageUnavailable:
    """The error for a file system without `flock`, such as some network file systems."""
    return StorageUnavailable(
        f"{path} cannot be locked: {error.strerror}. The database needs a file system with flock()."
    )
