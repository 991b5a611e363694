"""Who has the database in use: all programs that work on it, or one alone that puts another in its place."""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sessiontrack.exceptions import StorageUnavailable

# Held for as long as the file is open: it ends with the process, however that ends, and its children.
SHARED = fcntl.LOCK_SH | fcntl.LOCK_NB
ALONE = fcntl.LOCK_EX | fcntl.LOCK_NB


def use_with_others(database: Path, user: object) -> None:
    """Say that it is in use, for as long as this process and those it forks are there, and `user` is.

    Raises:
        StorageUnavailable: somebody is putting another database in its place.
    """
    descriptor = _locked(database, SHARED, f"{database} is being restored; try again shortly.")
    weakref.finalize(user, os.close, descriptor)


@contextmanager
def use_alone(database: Path) -> Iterator[None]:
    """Nobody else begins to use it meanwhile.

    Raises:
        StorageUnavailable: somebody uses it.
    """
    in_use = f"{database} is in use by a running sessiontrack: stop that first. Nothing was changed."
    descriptor = _locked(database, ALONE, in_use)
    try:
        yield
    finally:
        os.close(descriptor)


def is_used(database: Path) -> bool:
    """Whether anybody uses it just now."""
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
        raise StorageUnavailable(refusal) from error
    return descriptor
