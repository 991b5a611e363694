"""Indexes that do not hold what their tables do are found by sums."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from sessiontrack.database.index_sums import differing_indexes

TABLES = (
    "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER, type VARCHAR(64), session_id INTEGER)",
    "CREATE TABLE kept (name TEXT PRIMARY KEY, part INTEGER) WITHOUT ROWID",
    "INSERT INTO event VALUES (1, 100, 'Connected', NULL), (2, 200, 'Disconnected', 7), (3, 200, 'x', 7)",
    "INSERT INTO kept VALUES ('a', 0), ('b', 1)",
    "CREATE INDEX by_instant ON event (at, type)",
    "CREATE INDEX by_session ON event (session_id)",
    "CREATE INDEX by_number ON event (id)",
    "CREATE INDEX unlinked ON event (at) WHERE session_id IS NULL",
    "CREATE INDEX by_part ON kept (part) WHERE part > 0",
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        for statement in TABLES:
            found.execute(statement)
        yield found


def describe(connection: sqlite3.Connection, index: str, otherwise: str) -> None:
    """Let an index contain what another one would."""
    ((true,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchall()
    connection.execute(f"DROP INDEX {index}")
    connection.execute(f"CREATE INDEX {index} ON {otherwise}")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (true, index))
    connection.execute("PRAGMA writable_schema = RESET")


def test_sound_indexes_do_not_differ(connection: sqlite3.Connection) -> None:
    assert differing_indexes(connection) == []
    assert not connection.in_transaction


@pytest.mark.parametrize(
    ("index", "otherwise"),
    [
        ("by_instant", "event (at, type) WHERE id <> 2"),
        ("by_instant", "event (at + (id = 2), type)"),
        ("by_instant", "event (at, upper(type))"),
        # The same values, of other rows.
        ("by_instant", "event (CASE id WHEN 1 THEN 200 WHEN 2 THEN 100 ELSE at END, type)"),
        ("by_session", "event (session_id) WHERE session_id IS NOT NULL"),
        ("by_session", "event (ifnull(session_id, 8))"),
        ("unlinked", "event (at) WHERE session_id IS NULL AND at > 100"),
        ("unlinked", "event (at) WHERE at < 300"),
        ("by_part", "kept (part) WHERE part > 7"),
        ("by_part", "kept (part + 1) WHERE part > 0"),
    ],
)
def test_an_index_that_differs_is_named(connection: sqlite3.Connection, index: str, otherwise: str) -> None:
    describe(connection, index, otherwise)
    assert differing_indexes(connection) == [index]
