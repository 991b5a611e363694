"""Backups of a SQLite database: made while it is written to, and put back in its place.

A backup is the database, one file. It is not the signing key: who finds a backup must not be able to make
tokens of this install. Nothing is lost by that: a new key is made, and everybody signs in again.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sessiontrack import create_app, migrations
from sessiontrack.database import Statement, database_file, db, in_use, write_transaction
from sessiontrack.database.database_file import Progress
from sessiontrack.exceptions import DamagedDatabase, InvalidInput, StorageUnavailable

# What backups in a folder are called; nothing else in it is touched.
DATED = re.compile(r"sessiontrack-[0-9]{8}T[0-9]{6}Z\.sqlite3")
PART = ".part"
MAGIC = b"SQLite format 3\0"
# Those that were revoked since the backup would be good again; so all of them sign in anew.
SIGN_OUT = Statement("DELETE FROM login")


@dataclass(frozen=True)
class Backup:
    """A backup that was made; `removed` are the older ones that had to go.

    dangling: rows in it that refer to others that are not there. A backup of these is better than none.
    """

    path: Path
    size_bytes: int
    rows: dict[str, int]
    removed: list[Path]
    dangling: int


@dataclass(frozen=True)
class Restored:
    """What was put in place: the revision it had, and where the database is that was there before."""

    revision: str
    kept: Path | None


def back_up(database: Path, target: Path, now: int, keep: int | None, tell: Progress) -> Backup:
    """Copy the database, verify the copy, and give it its name at the end.

    Args:
        target: a file, or a folder that is there: then the name is dated.
        keep: how many backups to leave in the folder, this one included; None for all.
    Raises:
        InvalidInput: the target is some other file.
        StorageUnavailable: it cannot be copied, or there is no database yet.
    """
    if not database.exists():
        raise StorageUnavailable(f"There is no database {database} yet.")
    file = target / f"sessiontrack-{_stamp(now)}.sqlite3" if target.is_dir() else target
    _refuse_other_file(database, file)
    with _alone_in(file.parent):
        for old in file.parent.glob(f"*{PART}*"):
            if DATED.fullmatch(old.name.partition(PART)[0]) or old.name.startswith(f"{file.name}{PART}"):
                old.unlink(missing_ok=True)
        draft = file.with_name(file.name + PART)
        with _discarded(draft):
            _refuse_little_space(file.parent, _size(database))
            rows = database_file.copy_database(database, draft, tell)
            dangling = database_file.count_dangling(draft)
            draft.replace(file)
        database_file.sync(file.parent)
        removed = _remove_old(file, keep) if target.is_dir() and keep is not None else []
    return Backup(file, file.stat().st_size, rows, removed, dangling)


def restore(database: Path, backup: Path, now: int) -> Restored:
    """Put a backup in the database's place; the backup is only read, the old database kept beside it.

    Whatever cuts it short leaves the old database or the new one, whole.

    Raises:
        InvalidInput: the file cannot be read, or it is the database itself.
        DamagedDatabase: it is no database, or a damaged one.
        StorageUnavailable: it is another program's, or a newer version's; or the database is in use.
    """
    _refuse_unreadable(backup, database)
    with in_use.use_alone(database):
        _refuse_little_space(database.parent, 2 * _size(backup))
        draft = database.with_name(f"{database.name}.restoring")
        for stale in database.parent.glob(f"{draft.name}*"):
            stale.unlink()
        with _discarded(draft):
            revision = _make_draft(backup, draft)
            kept = _set_aside(database, now)
            database_file.give_to_owner_of(database if kept else database.parent, draft)
            draft.replace(database)
        database_file.sync(database.parent)
    return Restored(revision, kept)


def _make_draft(backup: Path, draft: Path) -> str:
    """A current, sound copy of the backup, from which everybody is signed out; the revision it had."""
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


def _set_aside(database: Path, now: int) -> Path | None:
    """Give the database a second name, under which it stays; with what is beside it, where that is needed."""
    if not database.exists():
        return None
    kept = _free_name(database.with_name(f"{database.name}.before-restore-{_stamp(now)}"))
    # A damaged one cannot be folded: what is beside it goes with it, and must not stay beside another.
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
    """Only a backup is ever read by open(): nobody has it open as a database."""
    try:
        if database.exists() and backup.samefile(database):
            raise InvalidInput(f"{backup} is the database itself.")
        if not backup.is_file():
            raise InvalidInput(f"{backup} is no file.")
        with backup.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise InvalidInput(f"{backup} cannot be read: {error.strerror}.") from error
    if not head:
        raise InvalidInput(f"{backup} is empty.")
    if head != MAGIC:
        raise DamagedDatabase(f"{backup} is damaged, or no database; nothing was changed.")


def _refuse_other_file(database: Path, file: Path) -> None:
    """An older backup may be replaced; nothing else."""
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
        raise InvalidInput(f"{file} is there already, and is no backup of sessiontrack; it was not changed.")


def _refuse_little_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageUnavailable(
            f"There is too little space in {folder}: {needed:,} bytes are needed, {free:,} are free."
        )


def _remove_old(made: Path, keep: int) -> list[Path]:
    """All but the newest ones; never the one just made, whatever the clock said."""
    older = sorted(each for each in made.parent.iterdir() if DATED.fullmatch(each.name) and each != made)
    removed = older[: max(0, len(older) - keep + 1)]
    for each in removed:
        each.unlink(missing_ok=True)
    return removed


@contextmanager
def _discarded(draft: Path) -> Iterator[None]:
    """Leave no draft, unless it has taken another name."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"{draft} cannot be written: {error.strerror}.") from error
    finally:
        for ending in ("", *database_file.BESIDE, "-journal", "-writer"):
            Path(f"{draft}{ending}").unlink(missing_ok=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One backup at a time into a folder, so that what a killed one left can be told from one going on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageUnavailable(f"Another backup into {folder} is going on.") from error
    except OSError:  # a file system without such locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def _size(database: Path) -> int:
    files = (Path(f"{database}{ending}") for ending in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _free_name(path: Path) -> Path:
    """That name, or the first one with a number after it that nothing has."""
    names = (path if number == 1 else path.with_name(f"{path.name}-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def _stamp(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
