"""A SQLite file: one to read, or a draft to fill that is renamed at the end."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import URL, Table, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from sessiontrack import migrations
from sessiontrack.database import database_file, db, in_use
from sessiontrack.exceptions import Conflict, DamagedDatabase, StorageUnavailable
from sessiontrack.keeping.moving.lines import decoder, encode
from sessiontrack.keeping.moving.place import app_of, refuse_other_version
from sessiontrack.keeping.moving.store import (
    Store,
    Target,
    Totals,
    not_taken,
    refuse_same,
    rows_of,
    totals_of,
    written_columns,
)
from sessiontrack.process import instance
from sessiontrack.process.whole_file import writing

DIALECT = sqlite.dialect(paramstyle="qmark")
ROWS_A_BLOCK = 500
ENDING = ".moving"
LAST_GIVEN = "SELECT seq FROM sqlite_sequence WHERE name = ?"


class SQLiteStore(Store):
    """One snapshot of the file, while others go on writing."""

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self.name = str(file)
        self._file = file
        self._connection = connection

    def identity(self) -> object:
        return _identity(self._file)

    def totals(self, table: Table) -> Totals:
        with self._said():
            found: Totals = self._connection.execute(_sql(totals_of(table))).fetchone()
            return found

    def read(self, table: Table) -> Iterator[bytes]:
        with self._said():
            cursor = self._connection.execute(_sql(rows_of(table)))
            while rows := cursor.fetchmany(ROWS_A_BLOCK):
                yield encode(rows)

    def last_number(self, table: Table) -> int:
        """The highest that is there, or the last that was given where that is kept."""
        with self._said():
            highest = self._connection.execute(_sql(select(func.max(table.c.id)))).fetchone()[0]
            given = self._connection.execute(LAST_GIVEN, (table.name,)).fetchone()
            return max(int(highest or 0), 0 if given is None else int(given[0]))

    @contextmanager
    def _said(self) -> Iterator[None]:
        with database_file.said_of(Path(self.name)):
            try:
                yield
            except (sqlite3.IntegrityError, ValueError) as error:
                raise not_taken(self.name, error) from error


class SQLiteTarget(SQLiteStore, Target):
    """A draft that no other program uses, so no write has to be durable before the end."""

    def __init__(self, file: Path, draft: Path, connection: sqlite3.Connection) -> None:
        super().__init__(draft, connection)
        self.name = str(file)
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''")
        self._indexes = dict(made.fetchall())
        for name in self._indexes:
            connection.execute(f'DROP INDEX "{name}"')

    def write(self, table: Table, blocks: Iterable[bytes]) -> None:
        columns = written_columns(table)
        decode = decoder(columns)
        sql = str(table.insert().values(dict.fromkeys(columns)).compile(dialect=DIALECT))
        with self._said():
            self._connection.execute("BEGIN")
            for block in blocks:
                self._connection.executemany(sql, decode(block))
            self._connection.execute("COMMIT")

    def number_on_after(self, table: Table, number: int) -> None:
        """Where it keeps the last number of a table."""
        if table.dialect_options["sqlite"]["autoincrement"]:
            with self._said():
                database_file.number_on_after(self._connection, table.name, number)

    def finish(self) -> None:
        with self._said():
            for sql in self._indexes.values():
                self._connection.execute(sql)
            if dangling := self._connection.execute("PRAGMA foreign_key_check").fetchone():
                table, row_id, other, _ = dangling
                raise sqlite3.IntegrityError(f"row {row_id} of {table} refers to no row of {other}")


def _sql(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


@contextmanager
def reading(file: Path, app: Flask) -> Iterator[SQLiteStore]:
    """Open the file for reading.

    Raises:
        StorageUnavailable: the file is missing, or belongs to another version or program.
    """
    if not file.exists():
        raise StorageUnavailable(f"There is no database {file}.")
    is_used = in_use.is_used(file)
    in_use.use_with_others(file, app)
    refuse_other_version(str(file), database_file.find_revision(file))
    with closing(database_file.open_database(file)) as connection:
        with database_file.said_of(file):
            connection.execute("BEGIN")
        store = SQLiteStore(file, connection)
        store.in_use = is_used
        yield store


@contextmanager
def filling(file: Path, source: Store) -> Iterator[SQLiteTarget]:
    """Create a draft that takes the file's name if nothing is raised.

    Raises:
        InvalidInput: the target is the source.
        Conflict: the file is not empty.
        StorageUnavailable: the file is in use, or cannot be created.
    """
    if file.exists():
        refuse_same(_identity(file), source)
    with in_use.use_alone(file):
        _refuse_full(file)
        draft = file.with_name(f"{file.name}{ENDING}")
        with _discarded(draft):
            instance.make_private(draft)
            _make_tables(draft)
            with closing(database_file.open_database(draft, "rw")) as connection:
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute(database_file.BULK_CACHE)
                yield SQLiteTarget(file, draft, connection)
            database_file.sync(draft)
            database_file.give_to_owner_of(file if file.exists() else file.parent, draft)
            draft.replace(file)
        database_file.sync(file.parent)


def _make_tables(draft: Path) -> None:
    app = app_of(URL.create("sqlite", database=str(draft)).render_as_string())
    with app.app_context():
        migrations.upgrade(db.engine)
        db.engine.dispose()
    database_file.fold_wal(draft)


def _refuse_full(file: Path) -> None:
    """Accept a missing file or an empty one (as `touch` makes it)."""
    try:
        is_empty = not file.exists() or database_file.find_revision(file) is None
    except DamagedDatabase:
        is_empty = False
    if not is_empty:
        raise Conflict(f"{file} is not empty; nothing was changed. Name a file that does not exist.")


@contextmanager
def _discarded(draft: Path) -> Iterator[None]:
    """Remove the draft at the end, and at the beginning that of a killed run."""
    _remove(draft)
    try:
        with writing(draft):
            yield
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    for ending in ("", *database_file.BESIDE, "-journal", "-writer"):
        Path(f"{draft}{ending}").unlink(missing_ok=True)


def _identity(file: Path) -> object:
    status = file.stat()
    return status.st_dev, status.st_ino
