"""Backups of a SQLite database, made while it is in use.

A backup is one file with the database. It excludes the signing key, so that a stolen backup cannot be used to
make tokens.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sessiontrack.database import database_file
from sessiontrack.database.database_file import Progress
from sessiontrack.exceptions import InvalidInput, StorageUnavailable
from sessiontrack.process.whole_file import writing

# In the name of a backup that somebody asked the server for. Each kind makes room for its own alone, so that
# neither a click nor a stolen token removes what was made every night.
ASKED = "-asked"
# The names of backups in a folder; other files are left alone.
DATED = re.compile(rf"sessiontrack-[0-9]{{8}}T[0-9]{{6}}Z({ASKED})?\.sqlite3")
PART = ".part"
# The offset of `PRAGMA user_version` in SQLite's file format, which stores the backup's number.
ORDER_OFFSET, ORDER_BYTES = 60, 4


@dataclass(frozen=True)
class Backup:
    """A backup that was made; `removed` lists the older ones that were deleted.

    dangling: rows whose reference is broken. The backup is made all the same.
    """

    path: Path
    size_bytes: int
    rows: dict[str, int]
    removed: list[Path]
    dangling: int


def back_up(
    database: Path, target: Path, now: int, keep: int | None, tell: Progress, kind: str = ""
) -> Backup:
    """Copy the database, verify the copy, and give it its name at the end.

    Args:
        target: a file, or an existing folder for a file with a dated name.
        keep: how many backups of this kind to keep in the folder, including this one; None for all.
        kind: of the name in a folder, ASKED or none.
    Raises:
        InvalidInput: the target exists and is no backup.
        StorageUnavailable: the copy cannot be made, or there is no database yet.
        Unwritable: not into that folder.
    """
    if not database.exists():
        raise StorageUnavailable(f"There is no database {database} yet.")
    with writing(target):
        return _back_up(database, target, now, keep, tell, kind)


def _back_up(database: Path, target: Path, now: int, keep: int | None, tell: Progress, kind: str) -> Backup:
    file = target / f"sessiontrack-{stamp(now)}{kind}.sqlite3" if target.is_dir() else target
    _refuse_other_file(database, file)
    with alone_in(file.parent):
        for old in file.parent.glob(f"*{PART}*"):
            if DATED.fullmatch(old.name.partition(PART)[0]) or old.name.startswith(f"{file.name}{PART}"):
                old.unlink(missing_ok=True)
        draft = file.with_name(file.name + PART)
        with discarded(draft):
            refuse_little_space(file.parent, size_of(database))
            rows = database_file.copy_database(database, draft, tell)
            dangling = database_file.count_dangling(draft)
            if target.is_dir():
                _put_last(draft)
            draft.replace(file)
        database_file.sync(file.parent)
        removed = _remove_old(file, keep) if target.is_dir() and keep is not None else []
    return Backup(file, file.stat().st_size, rows, removed, dangling)


def _refuse_other_file(database: Path, file: Path) -> None:
    """Refuse to overwrite anything but an older backup."""
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent}.")
    if not file.exists():
        return
    if file.samefile(database):
        raise InvalidInput(f"{file} is the database itself.")
    try:
        is_ours = file.is_file() and database_file.find_revision(file) is not None
    except StorageUnavailable:
        is_ours = False
    if not is_ours:
        raise InvalidInput(f"{file} already exists and is not a sessiontrack backup; it was not changed.")


def refuse_little_space(folder: Path, needed: int) -> None:
    """Refuse to begin what would not fit."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageUnavailable(
            f"There is too little space in {folder}: {needed:,} bytes are needed, {free:,} are free."
        )


def _remove_old(made: Path, keep: int) -> list[Path]:
    """Delete all but the backups that were made last, by number: a wrong clock makes names unreliable."""
    alike = (each for each in dated(made.parent) if each != made and is_asked(each) == is_asked(made))
    older = sorted(alike, key=lambda each: (_order(each), each))
    removed = older[: max(0, len(older) - keep + 1)]
    for each in removed:
        each.unlink(missing_ok=True)
    return removed


def dated(folder: Path) -> list[Path]:
    """The backups in a folder, in no order."""
    return [each for each in folder.iterdir() if DATED.fullmatch(each.name)]


def is_asked(backup: Path) -> bool:
    """Whether somebody asked the server for it."""
    return backup.stem.endswith(ASKED)


def _order(backup: Path) -> int:
    """The backup's number in its folder; 0 for a backup of a version without numbers."""
    with suppress(OSError), backup.open("rb") as file:
        file.seek(ORDER_OFFSET)
        return int.from_bytes(file.read(ORDER_BYTES))
    return 0


def _put_last(draft: Path) -> None:
    """Give a draft the next number of its folder."""
    number = 1 + max(map(_order, dated(draft.parent)), default=0)
    with draft.open("r+b") as file:
        file.seek(ORDER_OFFSET)
        file.write(number.to_bytes(ORDER_BYTES))
        os.fsync(file.fileno())


@contextmanager
def discarded(draft: Path) -> Iterator[None]:
    """Remove the draft at the end, unless it was renamed."""
    try:
        with writing(draft):
            yield
    finally:
        for ending in ("", *database_file.BESIDE, "-journal", "-writer"):
            Path(f"{draft}{ending}").unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Allow one backup at a time per folder, so that a draft found there is a killed run's."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageUnavailable(f"Another backup into {folder} is running.") from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def size_of(database: Path) -> int:
    """Of a database, with what is not yet written back."""
    files = (Path(f"{database}{ending}") for ending in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def stamp(now: int) -> str:
    """An instant as names of files have it: `20250815T030000Z`."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def stamped(name: str) -> int:
    """The instant that is in the name of a backup."""
    text = name.removeprefix("sessiontrack-").partition(".")[0].removesuffix(ASKED)
    return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
