"""Whether each index of a SQLite database holds what its table does, found by sums over both.

integrity_check looks up each row in each index, which takes twice as long. What sums do not show: that an
index is in the wrong order, or that a unique one holds the same twice because the table does.
"""

import re
import sqlite3
from collections.abc import Iterator

_CONDITION = re.compile(r"\sWHERE\s(.*)", re.DOTALL | re.IGNORECASE)
_TABLES = (
    "SELECT name, CASE WHEN wr THEN '1' ELSE 'rowid' END FROM pragma_table_list"
    " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite#_%' ESCAPE '#'"
)
# A table without row numbers is its own index of the primary key.
# CROSS JOIN keeps SQLite from listing a table's indexes anew for each name in the schema.
_INDEXES = (
    "SELECT i.name, coalesce(m.sql, '') FROM pragma_index_list(:table) AS i"
    " CROSS JOIN sqlite_master AS m ON m.name = i.name"
)
_COLUMNS = (
    "SELECT t.name, t.type FROM pragma_index_xinfo(:index) AS x"
    " CROSS JOIN pragma_table_xinfo(:table) AS t ON t.cid = x.cid"
)


def add_digest(connection: sqlite3.Connection) -> None:
    """Give a connection the function `digest`: a number of a value, by which sums distinguish texts."""
    connection.create_function("digest", 1, hash, deterministic=True)


def differing_indexes(connection: sqlite3.Connection) -> list[str]:
    """The names of the indexes that do not hold each row of their table once, with its values."""
    add_digest(connection)
    # One snapshot: others may be writing.
    connection.execute("BEGIN")
    try:
        tables = connection.execute(_TABLES).fetchall()
        return [index for table, row in tables for index in _differing(connection, table, row)]
    finally:
        connection.execute("ROLLBACK")


def _differing(connection: sqlite3.Connection, table: str, row: str) -> Iterator[str]:
    conditions, sums = {}, {}
    for name, sql in connection.execute(_INDEXES, {"table": table}).fetchall():
        found = _CONDITION.search(sql)
        conditions[name] = f"WHERE {found[1]}" if found else ""
        columns = connection.execute(_COLUMNS, {"index": name, "table": table})
        numbers = (f"{3**place} * {_number(*each)}" for place, each in enumerate(columns))
        sums[name] = f"sum({row} * ({' + '.join(numbers)}) & 4294967295)"
    if not sums:
        return
    filters = {name: f"FILTER ({each})" if each else "" for name, each in conditions.items()}
    # One look through the table for all of its indexes.
    wanted = ", ".join(f"count(*) {filters[name]}, {each} {filters[name]}" for name, each in sums.items())
    by_table = iter(connection.execute(f'SELECT {wanted} FROM "{table}" NOT INDEXED').fetchone())
    for name, each in sums.items():
        entries = f'"{table}" INDEXED BY "{name}" {conditions[name]}'
        by_index = connection.execute(f"SELECT count(*), {each} FROM {entries}").fetchone()
        if by_index != (next(by_table), next(by_table)):
            yield name


def _number(column: str, type_: str) -> str:
    """A number of each value, never null; times the row's number, the sum depends on which row has it."""
    is_text = type_.startswith(("TEXT", "VARCHAR"))
    return f'(digest("{column}") & 1048575)' if is_text else f'ifnull("{column}", 1)'
