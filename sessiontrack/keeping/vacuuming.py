"""Returning the space of removed rows to the disk."""

import shutil
import tempfile
from pathlib import Path

from sessiontrack.database.maintenance import (
    database_sizes,
    give_back_pages,
    rewrite,
    sqlite_file,
    used_bytes,
)
from sessiontrack.exceptions import StorageUnavailable

# Pages of 4 KiB; one step is a short write.
PAGES_A_STEP = 256


def vacuum(*, incremental: bool) -> tuple[int, int]:
    """Shrink the database.

    Returns:
        The bytes freed, and the bytes now in use.
    Raises:
        StorageUnavailable: too little space is free to rewrite the database.
    """
    before = _taken_bytes()
    if incremental:
        while give_back_pages(PAGES_A_STEP):
            pass
    else:
        _refuse_little_space()
        rewrite()
    after = _taken_bytes()
    return before - after, after


def _taken_bytes() -> int:
    size, wal = database_sizes()
    return size + (wal or 0)


def _refuse_little_space() -> None:
    """SQLite writes a temporary copy, and then copies that into the WAL."""
    file = sqlite_file()
    if file is None:
        return
    needed = used_bytes()
    for folder in {file.parent, Path(tempfile.gettempdir())}:
        free = shutil.disk_usage(folder).free
        if free < 2 * needed:
            raise StorageUnavailable(
                f"There is too little space in {folder}: {2 * needed:,} bytes are needed, {free:,} are free."
            )
