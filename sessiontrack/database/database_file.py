"""A SQLite database as a file: inspect it, check it, copy it while it is in use.

Always through SQLite, never through open(): closing a file that SQLite has open drops SQLite's locks on it.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sessiontrack.database.index_sums import differing_indexes
from sessiontrack.exceptions import DamagedDatabase, StorageUnavailable
from sessiontrack.process.whole_file import user_name

# The files beside a database in WAL mode.
BESIDE = ("-wal", "-shm")
PAGES_A_STEP = 4096
# Virtual machine steps between two checks of the deadline.
STEPS_A_LOOK = 100_000
# Room for the pages of all indexes that many rows go into or are looked up in; SQLite's default is 2 MB.
BULK_CACHE = "PRAGMA cache_size = -65536"
# Tables of every sessiontrack database; without them it belongs to another program.
OURS = {"alembic_version", "device", "device_session", "event", "user_session"}

Progress = Callable[[int], None]


def open_database(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """Open a separate connection; `ro` never writes, `rw` never creates the file."""
    address = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=5)


@contextmanager
def said_of(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the path of the file.

    Raises:
        DamagedDatabase: the file is no database, or is damaged.
        StorageUnavailable: the file cannot be opened, read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(path, str(error)) from error
        raise StorageUnavailable(f"The database {path} cannot be used: {error}.") from error


def damaged(path: Path, reason: str) -> DamagedDatabase:
    """The error for a damaged file: one line that says what to do."""
    return DamagedDatabase(
        f"The database {path} is damaged ({reason}); nothing was changed."
        " Put a backup in its place: sessiontrack restore <backup>."
    )


def find_revision(path: Path) -> str | None:
    """The schema revision in the file; None for a database without tables.

    Raises:
        DamagedDatabase: the file is no database, or is damaged.
        StorageUnavailable: the file cannot be read, or belongs to another program.
    """
    with said_of(path), closing(open_database(path)) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if not tables:
            return None
        if not tables >= OURS:
            raise StorageUnavailable(f"{path} is a database of another program; nothing was changed.")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if found is None:
            raise damaged(path, "it has no revision")
        return str(found[0])


def refuse_damaged(path: Path, seconds: float | None = None, *, thorough: bool = False) -> None:
    """Check every page of the file, for a limited time.

    Args:
        seconds: the limit; None for no limit.
        thorough: also compare each index with its table.
    Raises:
        DamagedDatabase: names the first error found.
    """
    with said_of(path), closing(open_database(path)) as connection:
        if seconds is not None:
            until = time.monotonic() + seconds
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS_A_LOOK)
        if thorough:
            # Each row is looked up in each index: with SQLite's 2 MB that takes a third longer.
            connection.execute(BULK_CACHE)
        try:
            first = connection.execute(f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return
            raise
    if first != ("ok",):
        raise damaged(path, " ".join(str(first[0]).split()))


def refuse_unwritable(path: Path) -> None:
    """Check that this user may write the database and the files beside it.

    Raises:
        StorageUnavailable: names the path that is not writable, and the user.
    """
    for each in (path.parent, path, *(Path(f"{path}{ending}") for ending in (*BESIDE, "-writer", "-in-use"))):
        if not each.exists() or os.access(each, os.W_OK):
            continue
        if os.statvfs(each).f_flag & os.ST_RDONLY:
            raise StorageUnavailable(f"{each} cannot be written: its file system is read-only.")
        raise StorageUnavailable(
            f"{each} cannot be written by the user {user_name(os.geteuid())}; it belongs to"
            f" {user_name(each.stat().st_uid)}."
        )


def copy_database(path: Path, target: Path, tell: Progress = lambda done: None) -> dict[str, int]:
    """Copy one snapshot of the database into a single file, while others go on writing.

    A read transaction holds the snapshot: without it, each write between two steps would restart the copy,
    and under load it would never end.

    Args:
        target: must not exist; created with mode 0600.
        tell: called with the percentage done.
    Returns:
        The number of rows in each table, the same in both.
    Raises:
        DamagedDatabase: the original is damaged, and so is the copy.
        StorageUnavailable: the copy cannot be made.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with said_of(path), closing(open_database(path, "rw")) as source:
        source.execute("BEGIN")
        rows = _row_counts(source)
        with closing(open_database(target, "rw")) as copy:
            source.backup(
                copy,
                pages=PAGES_A_STEP,
                progress=lambda status, remaining, total: tell(100 - 100 * remaining // max(1, total)),
            )
            # In WAL mode the last pages would be in a second file.
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("PRAGMA synchronous = FULL")
        source.execute("ROLLBACK")
    refuse_damaged(target)
    with said_of(target), closing(open_database(target)) as copy:
        for index in differing_indexes(copy):
            raise damaged(path, f"the index {index} does not match its table")
        if _row_counts(copy) != rows:
            raise damaged(path, "its copy is not equal to it")
    sync(target)
    return rows


def count_dangling(path: Path) -> int:
    """Count the rows whose foreign key refers to a missing row."""
    with said_of(path), closing(open_database(path)) as connection:
        return len(connection.execute("PRAGMA foreign_key_check").fetchall())


def last_numbers(path: Path) -> dict[str, int]:
    """The last number that was given in each table, where ids are given once only."""
    with closing(open_database(path)) as connection, said_of(path):
        there = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if "sqlite_sequence" not in there:
            return {}
        return dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))


def number_on_after(connection: sqlite3.Connection, table: str, number: int) -> None:
    """Give no new row of the table a number up to this one."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    if last is None:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
    elif last[0] < number:
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (number, table))


def fold_wal(path: Path) -> None:
    """Move the write-ahead log into the database file, which no one else may use, so that it can be renamed.

    Raises:
        DamagedDatabase: the file is damaged.
    """
    with said_of(path), closing(open_database(path, "rw")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}


def sync(path: Path) -> None:
    """Flush a closed file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner_of(other: Path, path: Path) -> None:
    """When root replaces the file, give it to the owner of `other`, so that the service can write it."""
    if os.geteuid() == 0:
        status = other.stat()
        os.chown(path, status.st_uid, status.st_gid)
