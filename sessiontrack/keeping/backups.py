"""Backups of a SQLite database: made while it is in use, and restored.

A backup is one file with the database. It excludes the signing key, so that a stolen backup cannot be used to
make tokens. After a restore a new key is made, and all users sign in again.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sessiontrack import create_app, migrations
from sessiontrack.database import Statement, database_file, db, in_use, write_transaction
from sessiontrack.database.database_file import Progress
from sessiontrack.exceptions import DamagedDatabase, InvalidInput, StorageUnavailable
from sessiontrack.keeping.kept_accounts import keep_accounts

# The names of backups in a folder; other files are left alone.
DATED = re.compile(r"sessiontrack-[0-9]{8}T[0-9]{6}Z\.sqlite3")
PART = ".part"
# The offset of `PRAGMA user_version` in SQLite's file format, which stores the backup's number.
ORDER_OFFSET, ORDER_BYTES = 60, 4
MAGIC = b"SQLite format 3\0"
# Tokens revoked since the backup would be valid again, so all users must sign in again.
SIGN_OUT = Statement("DELETE FROM login")


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


@dataclass(frozen=True)
class Restored:
    """The result of a restore: the backup's revision, and the path of the previous database."""

    revision: str
    kept: Path | None


def back_up(database: Path, target: Path, now: int, keep: int | None, tell: Progress) -> Backup:
    """Copy the database, verify the copy, and give it its name at the end.

    Args:
        target: a file, or an existing folder for a file with a dated name.
        keep: how many backups to keep in the folder, including this one; None for all.
    Raises:
        InvalidInput: the target exists and is no backup.
        StorageUnavailable: the copy cannot be made, or there is no database yet.
    """
    if not database.exists():
        raise StorageUnavailable(f"There is no database {database} yet.")
    file = target / f"sessiontrack-{stamp(now)}.sqlite3" if target.is_dir() else target
    _refuse_other_file(database, file)
    with alone_in(file.parent):
        for old in file.parent.glob(f"*{PART}*"):
            if DATED.fullmatch(old.name.partition(PART)[0]) or old.name.startswith(f"{file.name}{PART}"):
                old.unlink(missing_ok=True)
        draft = file.with_name(file.name + PART)
        with _discarded(draft):
            _refuse_little_space(file.parent, _size(database))
            rows = database_file.copy_database(database, draft, tell)
            dangling = database_file.count_dangling(draft)
            if target.is_dir():
                _put_last(draft)
            draft.replace(file)
        database_file.sync(file.parent)
        removed = _remove_old(file, keep) if target.is_dir() and keep is not None else []
    return Backup(file, file.stat().st_size, rows, removed, dangling)


def restore(database: Path, backup: Path, now: int, *, with_present_accounts: bool = False) -> Restored:
    """Replace the database by a backup, which is only read; keep the old database beside it.

    An interruption leaves the old database or the new one, complete.

    Args:
        with_present_accounts: users and API tokens stay those of the old database.
    Raises:
        InvalidInput: the file cannot be read, or is the database itself; or there are no accounts to keep.
        DamagedDatabase: the file is no database, or is damaged.
        StorageUnavailable: the file belongs to another program or a newer version; or the database is in use.
    """
    _refuse_unreadable(backup, database)
    with in_use.use_alone(database):
        _refuse_little_space(database.parent, 2 * _size(backup))
        draft = database.with_name(f"{database.name}.restoring")
        for stale in database.parent.glob(f"{draft.name}*"):
            stale.unlink()
        with _discarded(draft):
            revision = _make_draft(backup, draft)
            if with_present_accounts:
                keep_accounts(database, draft)
            _number_on_after(database, draft)
            kept = _set_aside(database, now)
            database_file.give_to_owner_of(database if kept else database.parent, draft)
            draft.replace(database)
        database_file.sync(database.parent)
    return Restored(revision, kept)


def _make_draft(backup: Path, draft: Path) -> str:
    """Copy, check and migrate the backup and end all its logins; return the revision it had."""
    try:
        for ending in ("", "-wal"):
            original = Path(f"{backup}{ending}")
            if original.exists():
                shutil.copyfile(original, f"{draft}{ending}")
        draft.chmod(0o600)
    except OSError as error:
        raise StorageUnavailable(f"{backup} cannot be copied to {draft}: {error.strerror}.") from error
    try:
        revision = database_file.find_revision(draft)
        if revision is None:
            raise InvalidInput(f"{backup} is empty.")
        migrations.refuse_newer(revision)
        database_file.refuse_damaged(draft, thorough=True)
    except DamagedDatabase as error:
        reason = error.message.partition("(")[2].rpartition(");")[0]
        raise DamagedDatabase(f"{backup} is damaged ({reason}); nothing was changed.") from error
    except StorageUnavailable as error:
        raise StorageUnavailable(error.message.replace(str(draft), str(backup))) from error
    app = create_app({"INSTANCE": draft.parent, "DATABASE_URL": f"sqlite:///{draft}"})
    with app.app_context():
        migrations.upgrade(db.engine)
        with write_transaction() as tx:
            tx.run(SIGN_OUT)
        db.engine.dispose()
    database_file.fold_wal(draft)
    database_file.sync(draft)
    return revision


def _number_on_after(database: Path, draft: Path) -> None:
    """An id that was given since the backup is not given again."""
    if not database.exists():
        return
    # Of a damaged one nothing is known.
    with suppress(DamagedDatabase):
        numbers = database_file.last_numbers(database)
        with closing(database_file.open_database(draft, "rw")) as connection:
            for table, number in numbers.items():
                database_file.number_on_after(connection, table, number)
        database_file.fold_wal(draft)
        database_file.sync(draft)


def _set_aside(database: Path, now: int) -> Path | None:
    """Keep the database, and if needed its WAL, under a second name."""
    if not database.exists():
        return None
    kept = _free_name(database.with_name(f"{database.name}.before-restore-{stamp(now)}"))
    # The WAL of a damaged database cannot be folded: it moves along, and must not stay beside another one.
    with suppress(DamagedDatabase):
        database_file.fold_wal(database)
    try:
        os.link(database, kept)
        for ending in database_file.BESIDE:
            if Path(f"{database}{ending}").exists():
                Path(f"{database}{ending}").replace(f"{kept}{ending}")
    except OSError as error:
        raise StorageUnavailable(f"{database} cannot be kept as {kept}: {error.strerror}.") from error
    database_file.sync(database.parent)
    return kept


def _refuse_unreadable(backup: Path, database: Path) -> None:
    """Read with open() only if the file is not in use as a database."""
    try:
        if database.exists() and backup.samefile(database):
            raise InvalidInput(f"{backup} is the database itself.")
        if not backup.is_file():
            raise InvalidInput(f"{backup} is not a file.")
        with backup.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise InvalidInput(f"{backup} cannot be read: {error.strerror}.") from error
    if not head:
        raise InvalidInput(f"{backup} is empty.")
    if head != MAGIC:
        raise DamagedDatabase(f"{backup} is damaged, or not a database; nothing was changed.")


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


def _refuse_little_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageUnavailable(
            f"There is too little space in {folder}: {needed:,} bytes are needed, {free:,} are free."
        )


def _remove_old(made: Path, keep: int) -> list[Path]:
    """Delete all but the backups that were made last, by number: a wrong clock makes names unreliable."""
    older = sorted(
        (each for each in _dated(made.parent) if each != made), key=lambda each: (_order(each), each)
    )
    removed = older[: max(0, len(older) - keep + 1)]
    for each in removed:
        each.unlink(missing_ok=True)
    return removed


def _dated(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if DATED.fullmatch(each.name)]


def _order(backup: Path) -> int:
    """The backup's number in its folder; 0 for a backup of a version without numbers."""
    with suppress(OSError), backup.open("rb") as file:
        file.seek(ORDER_OFFSET)
        return int.from_bytes(file.read(ORDER_BYTES))
    return 0


def _put_last(draft: Path) -> None:
    """Give a draft the next number of its folder."""
    number = 1 + max(map(_order, _dated(draft.parent)), default=0)
    with draft.open("r+b") as file:
        file.seek(ORDER_OFFSET)
        file.write(number.to_bytes(ORDER_BYTES))
        os.fsync(file.fileno())


@contextmanager
def _discarded(draft: Path) -> Iterator[None]:
    """Remove the draft at the end, unless it was renamed."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"{draft} cannot be written: {error.strerror}.") from error
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


def _size(database: Path) -> int:
    files = (Path(f"{database}{ending}") for ending in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _free_name(path: Path) -> Path:
    """The path itself, or with the first number after it that is free."""
    names = (path if number == 1 else path.with_name(f"{path.name}-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def stamp(now: int) -> str:
    """An instant as names of files have it: `20250815T030000Z`."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
