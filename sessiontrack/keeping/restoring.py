"""Restoring a backup of a SQLite database.

A backup has no signing key. After a restore a new key is made, and all users sign in again.
"""

import os
import shutil
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sessiontrack import migrations
from sessiontrack.backups.copies import discarded, refuse_little_space, size_of, stamp
from sessiontrack.base import create_base_app
from sessiontrack.database import Statement, database_file, db, in_use, write_transaction
from sessiontrack.exceptions import DamagedDatabase, InvalidInput, StorageUnavailable
from sessiontrack.keeping.kept_accounts import keep_accounts

MAGIC = b"SQLite format 3\0"
# Tokens revoked since the backup would be valid again, so all users must sign in again.
SIGN_OUT = Statement("DELETE FROM login")


@dataclass(frozen=True)
class Restored:
    """The result of a restore: the backup's revision, and the path of the previous database."""

    revision: str
    kept: Path | None


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
        refuse_little_space(database.parent, 2 * size_of(backup))
        draft = database.with_name(f"{database.name}.restoring")
        for stale in database.parent.glob(f"{draft.name}*"):
            stale.unlink()
        with discarded(draft):
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
    app = create_base_app({"INSTANCE": draft.parent, "DATABASE_URL": f"sqlite:///{draft}"})
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


def _free_name(path: Path) -> Path:
    """The path itself, or with the first number after it that is free."""
    names = (path if number == 1 else path.with_name(f"{path.name}-{number}") for number in count(1))
    return next(name for name in names if not name.exists())
