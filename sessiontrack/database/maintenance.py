"""Looking after the database itself: its file, its size, damage in it."""

from pathlib import Path

from sessiontrack.database.statements import db
from sessiontrack.database.transactions import database_engine, storage_errors


def sqlite_file() -> Path | None:
    """The file of this application's database; None where it is a server's."""
    return database_engine().file


def find_damage(most: int = 100) -> list[str]:
    """What the engine finds wrong with its own pages, indexes and values."""
    with storage_errors():
        return database_engine().find_damage(db.engine, most)


def rebuild_index(name: str) -> None:
    """Make an index anew from its table; a unique one that cannot be is dropped, for it forbids nothing."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rebuild_index(db.engine, name)


def used_bytes() -> int:
    """What the database has in use: pages that are free again do not count."""
    with storage_errors():
        return database_engine().used_bytes(db.engine)


def database_sizes() -> tuple[int, int | None]:
    """Bytes of the database, and of the write-ahead log beside it; None where that is a server's matter."""
    with storage_errors():
        return database_engine().sizes(db.engine)


def rewrite() -> None:
    """Write the database anew, without what is free in it; whoever wants to write waits."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rewrite(db.engine)


def give_back_pages(most: int) -> bool:
    """Give some free pages back to the disk; whether there are more.

    Raises:
        Conflict: this database was never written anew by `rewrite`.
    """
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        return engine.give_back_pages(db.engine, most)
