"""Maintenance of the database: its file, its size and damage in it."""

from pathlib import Path

from sessiontrack.database.statements import db
from sessiontrack.database.transactions import database_engine, storage_errors


def sqlite_file() -> Path | None:
    """The file of the application's SQLite database; None on PostgreSQL."""
    return database_engine().file


def find_damage(most: int = 100, *, thorough: bool = True) -> list[str]:
    """List the errors that the back end finds in its pages and values; thorough: in its indexes too."""
    with storage_errors():
        return database_engine().find_damage(db.engine, most, thorough=thorough)


def rebuild_index(name: str) -> None:
    """Rebuild an index from its table; drop a unique index that duplicates prevent: it enforces nothing."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rebuild_index(db.engine, name)


def used_bytes() -> int:
    """Bytes in use; free pages do not count."""
    with storage_errors():
        return database_engine().used_bytes(db.engine)


def database_sizes() -> tuple[int, int | None]:
    """Bytes of the database and of its write-ahead log; the log's are None on PostgreSQL."""
    with storage_errors():
        return database_engine().sizes(db.engine)


def rewrite() -> None:
    """Rewrite the database without its free space; on SQLite, writers wait meanwhile."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rewrite(db.engine)


def others_wait_to_write() -> bool:
    """Whether other writers wait for this thread; True where that cannot be known."""
    return database_engine().others_wait()


def give_back_pages(most: int) -> bool:
    """Return some free pages to the file system; True if more are left.

    Raises:
        Conflict: `rewrite` has never run on this database.
    """
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        return engine.give_back_pages(db.engine, most)
