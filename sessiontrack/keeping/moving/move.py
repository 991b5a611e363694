"""Copy a whole database into another one, of either back end, and compare both."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Table

import sessiontrack.models  # noqa: F401 - so that the metadata knows every table
from sessiontrack.database import db
from sessiontrack.exceptions import DamagedDatabase
from sessiontrack.keeping.moving import postgres, sqlite
from sessiontrack.keeping.moving.place import app_of, file_of
from sessiontrack.keeping.moving.store import Store, Target, Totals, is_numbered
from sessiontrack.models.kept import KEPT

# last_write holds positions in one server's log, which mean nothing on another server. Triggers fill
# the kept sums while the rows are inserted.
LEFT_BEHIND = {"last_write", *KEPT}
# Called with the rows done; the total is None if it is unknown.
Tell = Callable[[int], None]
Note = Callable[[str], None]
Bar = Callable[[str, int | None], AbstractContextManager[Tell]]


@dataclass(frozen=True)
class Moved:
    """A copied table; the checksum covers all its rows in key order, and is the same in both databases."""

    table: str
    rows: int
    checksum: str


def move(from_url: str, to_url: str, bar: Bar, note: Note = lambda words: None) -> list[Moved]:
    """Copy everything, read it back and compare; the target appears complete or not at all.

    Args:
        bar: shows the progress of a step.
        note: called with a warning for the user.
    Raises:
        InvalidInput: a URL cannot be used, or both lead to the same database.
        Conflict: the target is not empty, or rejects rows of the source.
        StorageUnavailable: a database cannot be used, or has another version.
    """
    with _reading(from_url) as source, _filling(to_url, source) as target:
        if source.in_use:
            note(f"{source.name} is in use: later writes will not be in the copy.")
        expected = {table.name: source.totals(table) for table in _tables()}
        total = sum(rows for rows, *_ in expected.values() if rows)
        with bar("Copying", total) as tell:
            checksums = _copy(source, target, tell)
        with bar("Making indexes", None):
            target.finish()
        with bar("Verifying", total) as tell:
            return _compare(target, expected, checksums, tell)


def _tables() -> list[Table]:
    """Order the tables so that referenced ones come first."""
    return [table for table in db.metadata.sorted_tables if table.name not in LEFT_BEHIND]


def _reading(url: str) -> AbstractContextManager[Store]:
    app = app_of(url)
    file = file_of(app)
    return postgres.reading(app) if file is None else sqlite.reading(file, app)


def _filling(url: str, source: Store) -> AbstractContextManager[Target]:
    app = app_of(url)
    file = file_of(app)
    return postgres.filling(app, source) if file is None else sqlite.filling(file, source)


def _copy(source: Store, target: Target, tell: Tell) -> dict[str, str]:
    """Copy all tables; return the checksum of each as read from the source."""
    checksums, done = {}, 0
    for table in _tables():
        passing = _Passing(done, tell)
        target.write(table, passing.by(source.read(table)))
        if is_numbered(table) and (number := source.last_number(table)):
            target.number_on_after(table, number)
        checksums[table.name], done = passing.checksum(), passing.rows
    return checksums


def _compare(
    target: Target, expected: dict[str, Totals], checksums: dict[str, str], tell: Tell
) -> list[Moved]:
    """Read the target back, and compare checksums and the totals that its back end computes."""
    moved, done = [], 0
    for table in _tables():
        passing = _Passing(done, tell)
        for _ in passing.by(target.read(table)):
            pass
        if passing.checksum() != checksums[table.name] or target.totals(table) != expected[table.name]:
            raise DamagedDatabase(f"The copy of {table.name} differs from the original; nothing was changed.")
        moved.append(Moved(table.name, passing.rows - done, passing.checksum()))
        done = passing.rows
    return moved


class _Passing:
    """Hashes the blocks that pass through and counts their rows, on top of those done before."""

    def __init__(self, done: int, tell: Tell) -> None:
        self._hash = hashlib.sha256()
        self._tell = tell
        self.rows = done

    def by(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._hash.update(block)
            self.rows += block.count(b"\n")
            self._tell(self.rows)
            yield block

    def checksum(self) -> str:
        return self._hash.hexdigest()
