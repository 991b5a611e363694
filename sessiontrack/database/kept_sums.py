"""Sums that triggers maintain because computing them on request would take too long.

A sum changes in the transaction that changes its rows, so the two always agree. SQLite has one writer, which
updates the one row of a key. On PostgreSQL two writers would wait for each other at that row, so there each
change adds a row, numbered in the column `part`; `fold` regularly adds these up into part 0. A reader always
adds up all parts.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, event

from sessiontrack.database.statements import Statement

# Numbers the parts on PostgreSQL.
PART = "kept_part"
# While this table has a row, SQLite's triggers leave the sums of deleted rows to the transaction that put it
# there.
APART = "kept_apart"
_COLUMN = re.compile(r"\{row\}(\w+)")
# Of the numbers that keys make: any large odd ones, whose products with instants and digests are below 2^63.
_FACTOR, _DIVIDED, _BITS = 305_419_901, 8_765_432_198_765_432_101, 2**31 - 1


@dataclass(frozen=True)
class KeptSum:
    """Sums over the rows of the table `source` that meet `when`, grouped by keys, in the table `target`.

    keys, sums: column of the target -> SQL with `{row}` before each column of the source. The first sum is
    the number of rows. The target's key consists of those keys and `part`; `when` must never be null.
    joined: a faster query for the keys and sums of each row, which ends with a condition.
    there: the same of all rows, faster still; it may read sums that come before it in the target.
    """

    name: str
    source: str
    target: str
    keys: Mapping[str, str]
    sums: Mapping[str, str]
    when: str = "true"
    joined: str = ""
    there: str = ""

    def columns(self) -> list[str]:
        """The columns of the source that the sums depend on."""
        return _columns(*self.keys.values(), *self.sums.values(), self.when)

    def fill(self) -> str:
        """The statement that computes the sums of the existing rows."""
        return f"INSERT INTO {self.target} ({_names(self.keys, self.sums)}) {self.rows_there()}"

    def rows_there(self, sign: str = "") -> str:
        """The query for the sums of all rows of the source."""
        return self._added_up(self.each(), sign)

    def each(self) -> str:
        """The query for the keys and sums of each row of the source."""
        return self.there or self._each_row()

    def _each_row(self) -> str:
        row = f"{self.source}."
        return self.joined or f"SELECT {self._row(row, '')} FROM {self.source} WHERE {_of(self.when, row)}"

    def _added_up(self, rows: str, sign: str = "") -> str:
        sums = ", ".join(f"{sign}sum({name}) AS {name}" for name in self.sums)
        added = f"SELECT {_names(self.keys)}, {sums} FROM ({rows}) AS each_row"
        # SQLite takes ON CONFLICT behind a table's name for a join.
        return f"{added} WHERE true GROUP BY {self._places()}"

    def rows_of(self, table: str, sign: str = "") -> str:
        """The query for the sums of a table with the source's columns."""
        row = f"{table}."
        keys = ", ".join(f"{_of(sql, row)} AS {name}" for name, sql in self.keys.items())
        sums = ", ".join(f"{sign}sum({_of(sql, row)}) AS {name}" for name, sql in self.sums.items())
        return f"SELECT {keys}, {sums} FROM {table} WHERE {_of(self.when, row)} GROUP BY {self._places()}"

    def difference(self) -> str:
        """The query for the change of the sums by an updated row; no rows if there is none."""
        before, after = (
            f"SELECT {self._row('OLD.', '-')} WHERE {_of(self.when, 'OLD.')}",
            f"SELECT {self._row('NEW.', '')} WHERE {_of(self.when, 'NEW.')}",
        )
        sums = ", ".join(f"sum({name}) AS {name}" for name in self.sums)
        differs = " OR ".join(f"sum({name}) <> 0" for name in self.sums)
        return (
            f"SELECT {_names(self.keys)}, {sums} FROM ({before} UNION ALL {after}) AS moved"
            f" WHERE true GROUP BY {self._places()} HAVING {differs}"
        )

    def _places(self) -> str:
        return ", ".join(str(number) for number in range(1, len(self.keys) + 1))

    def _row(self, row: str, sign: str) -> str:
        keys = (f"{_of(sql, row)} AS {name}" for name, sql in self.keys.items())
        sums = (f"{sign}{_of(sql, row)} AS {name}" for name, sql in self.sums.items())
        return ", ".join((*keys, *sums))

    def in_sqlite(self, *, apart: bool = False) -> Iterator[str]:
        """The statements that create its triggers on SQLite; apart: as since there is the table APART."""
        number = next(iter(self.sums))
        gone = " AND ".join(f"{name} = {_of(sql, 'OLD.')}" for name, sql in self.keys.items())
        forget = f"DELETE FROM {self.target} WHERE {gone} AND part = 0 AND {number} = 0;"
        add, take = (
            self._insert(self._row(row, sign), "true") for row, sign in (("NEW.", ""), ("OLD.", "-"))
        )
        for what, row, done in (("added", "NEW.", add), ("gone", "OLD.", f"{take} {forget}")):
            on = {"added": "INSERT", "gone": "DELETE"}[what]
            unless = f" AND NOT EXISTS (SELECT 1 FROM {APART})" if apart and what == "gone" else ""
            yield self._trigger(what, f"{on} ON {self.source} WHEN {_of(self.when, row)}{unless}", done)
        yield from self.changes_in_sqlite()

    def changes_in_sqlite(self) -> Iterator[str]:
        """Those of updates: a row that keeps its key, as a ping's does, changes one row of the sums."""
        update = f"UPDATE ON {self.source} WHEN"
        keys = _columns(*self.keys.values(), self.when)
        moved = " OR ".join(dict.fromkeys(_differences((*self.keys.values(), self.when))))
        rows = (("OLD.", "-"), ("NEW.", ""))
        done = (self._insert(self._row(row, sign), _of(self.when, row)) for row, sign in rows)
        yield self._trigger("moved", f"{update} {moved}", " ".join(done))
        others = [name for name in _columns(*self.sums.values()) if name not in keys]
        if others:
            differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in others)
            when = f"({differs}) AND NOT ({moved}) AND {_of(self.when, 'NEW.')}"
            news = (_of(sql, "NEW.") for sql in self.keys.values())
            sums = (f"{_of(sql, 'NEW.')} - {_of(sql, 'OLD.')}" for sql in self.sums.values())
            change = self._insert(", ".join((*news, *sums)), "true")
            yield self._trigger("changed", f"{update} {when}", change)

    def _trigger(self, what: str, when: str, done: str) -> str:
        return f"CREATE TRIGGER keep_{self.name}_{what} AFTER {when} BEGIN {done} END"

    def _insert(self, values: str, when: str) -> str:
        """Add values to the sums of their key, on SQLite."""
        return f"{self._upsert(f'SELECT {values} WHERE {when}')};"

    def _upsert(self, rows: str) -> str:
        sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in self.sums)
        return (
            f"INSERT INTO {self.target} ({_names(self.keys, self.sums)}) {rows}"
            f" ON CONFLICT ({_names(self.keys)}, part) DO UPDATE SET {sums}"
        )

    def take(self, column: str) -> str:
        """The statement that takes rows from the sums, on SQLite; it answers what is left, and of which key.

        Args:
            column: the rows where it is among :ids are about to be deleted.
        """
        rows = self._added_up(f"{self._each_row()} AND {column} AMONG(:ids)", "-")
        return f"{self._upsert(rows)} RETURNING {next(iter(self.sums))}, {_names(self.keys)}"

    def add(self) -> str:
        """The statement that adds to the sums the rows which came after :last_id, on SQLite."""
        return self._upsert(self._added_up(f"{self._each_row()} AND {self.source}.id > :last_id"))

    def forget(self) -> str:
        """The statement that deletes a key without rows."""
        return (
            f"DELETE FROM {self.target} WHERE part = 0 AND {' AND '.join(f'{n} = :{n}' for n in self.keys)}"
        )

    def insert_part(self, rows: str) -> str:
        """The statement that adds these rows as parts, on PostgreSQL."""
        sums = ", ".join(self.sums)
        return (
            f"INSERT INTO {self.target} ({_names(self.keys)}, part, {sums})"
            f" SELECT {_names(self.keys)}, nextval('{PART}'), {sums} FROM ({rows}) AS found;"
        )


def _columns(*texts: str) -> list[str]:
    return list(dict.fromkeys(name for text in texts for name in _COLUMN.findall(text)))


def _differences(texts: Iterable[str]) -> Iterator[str]:
    """The conditions that one of these differs between OLD and NEW; where it reads a table, its columns."""
    for sql in texts:
        for each in [f"{{row}}{name}" for name in _columns(sql)] if "SELECT" in sql else [sql]:
            if _columns(each):
                yield f"({_of(each, 'OLD.')}) IS NOT ({_of(each, 'NEW.')})"


def _of(sql: str, row: str) -> str:
    return sql.replace("{row}", row)


def _names(*columns: Iterable[str]) -> str:
    return ", ".join(name for each in columns for name in each)


class Deletion:
    """Deletes the rows of a table that are found by `rows`, its FROM and WHERE with the table as `s`."""

    def __init__(self, table: str, rows: str) -> None:
        self.find = Statement(f"SELECT s.id{rows}")
        self.delete = Statement(f"DELETE{rows}")
        self.delete_found = Statement(f"DELETE FROM {table} WHERE id AMONG(:ids)")


class Taken:
    """Takes rows that are about to be deleted from one of the sums that they are in, on SQLite."""

    def __init__(self, kept: KeptSum, column: str) -> None:
        self.take = Statement(kept.take(column))
        self.forget = Statement(kept.forget())
        self.keys = tuple(kept.keys)


class Addition:
    """Adds many rows to a table that these sums are of.

    indexes: those that no statement looks at meanwhile.
    """

    def __init__(self, table: str, kept: Iterable[KeptSum], indexes: Iterable[str]) -> None:
        sums = [each for each in kept if each.source == table]
        self.count = Statement(f"SELECT count(*), coalesce(max(id), 0) FROM {table}")
        self.add = [Statement(each.add()) for each in sums]
        self.triggers = [f"keep_{each.name}_added" for each in sums]
        self.indexes = list(indexes)


def keep(metadata: MetaData, kept: Iterable[KeptSum], first: Mapping[str, list[str]] | None = None) -> None:
    """Create the triggers of these sums in a database made from the models; `first`: from `deleted_first`."""
    sums = list(kept)

    @event.listens_for(metadata, "after_create")
    def make(target: MetaData, connection: Connection, **_: object) -> None:
        dialect = connection.dialect.name
        for sql in (*triggers(dialect, sums, apart=True), *(first or {}).get(dialect, ())):
            connection.exec_driver_sql(sql)


def triggers(dialect: str, kept: Iterable[KeptSum], *, apart: bool = False) -> Iterator[str]:
    """The statements that create the triggers, all sums of one target together; apart: see `in_sqlite`."""
    sums = list(kept)
    if dialect == "sqlite":
        for each in sums:
            yield from each.in_sqlite(apart=apart)
        return
    yield f"CREATE SEQUENCE IF NOT EXISTS {PART}"
    for target, source in dict.fromkeys((each.target, each.source) for each in sums):
        of_both = [each for each in sums if (each.target, each.source) == (target, source)]
        yield from _in_postgresql(f"keep_{target}_{source}", source, of_both)


def _in_postgresql(prefix: str, source: str, sums: list[KeptSum]) -> Iterator[str]:
    """Triggers that run once per statement for added and deleted rows."""
    columns = dict.fromkeys(name for each in sums for name in each.columns())
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
    for what, when, rows in (
        ("added", "INSERT ON {} REFERENCING NEW TABLE AS seen FOR EACH STATEMENT", KeptSum.rows_of),
        ("gone", "DELETE ON {} REFERENCING OLD TABLE AS seen FOR EACH STATEMENT", KeptSum.rows_of),
        ("changed", "UPDATE ON {} FOR EACH ROW", None),
    ):
        sign = "-" if what == "gone" else ""
        found = (each.difference() if rows is None else rows(each, "seen", sign) for each in sums)
        done = " ".join(each.insert_part(one) for each, one in zip(sums, found, strict=True))
        if rows is None:
            # Not a condition of the trigger, because then the columns' types could not be changed.
            done = f"IF {changed} THEN {done} END IF;"
        name = f"{prefix}_{what}"
        yield _function(name, f"{done} RETURN NULL;")
        yield f"CREATE TRIGGER {name} AFTER {when.format(source)} EXECUTE FUNCTION {name}()"


def deleted_first(child: str, parent: str, reference: str) -> dict[str, list[str]]:
    """Triggers, by back end, that delete a parent's rows of a child before it, because their sums read it."""
    name = f"{child}_goes_first"
    delete = f"DELETE FROM {child} WHERE {reference} = OLD.id;"
    when = f"CREATE TRIGGER {name} BEFORE DELETE ON {parent}"
    return {
        "sqlite": [f"{when} BEGIN {delete} END"],
        "postgresql": [
            _function(name, f"{delete} RETURN OLD;"),
            f"{when} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ],
    }


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


def fold(target: str, kept: KeptSum) -> str:
    """The statement that adds up the parts of a table on PostgreSQL, except for locked ones."""
    keys, sums = _names(kept.keys), list(kept.sums)
    parts = f"SELECT ctid FROM {target} WHERE part > 0 FOR UPDATE SKIP LOCKED"
    return (
        f"WITH gone AS (DELETE FROM {target} WHERE ctid = ANY (ARRAY({parts})) RETURNING *)"
        f" INSERT INTO {target} ({keys}, part, {', '.join(sums)})"
        f" SELECT {keys}, 0, {', '.join(f'sum({name})' for name in sums)} FROM gone"
        f" GROUP BY {keys} ORDER BY {keys} ON CONFLICT ({keys}, part)"
        f" DO UPDATE SET {', '.join(f'{name} = {target}.{name} + excluded.{name}' for name in sums)}"
    )


def forget_zeros(target: str, kept: KeptSum) -> str:
    """The statement that deletes keys without rows."""
    return f"DELETE FROM {target} WHERE part = 0 AND {next(iter(kept.sums))} = 0"


def checksum(target: str, kept: Iterable[KeptSum], texts: Collection[str]) -> str:
    """The query for a number that is 0 if the sums are those of the source's rows.

    Each row counts times a number that its keys make: to sort the rows by their keys takes three times as
    long. Of a million wrong sums one goes unnoticed.

    Args:
        texts: the keys that are texts.
    """
    sums = list(kept)
    numbers = (f"DIGEST({name})" if name in texts else name for name in sums[0].keys)
    mixed = " + ".join(
        f"CAST({_FACTOR * (2 * place + 1)} AS BIGINT) * ({each})" for place, each in enumerate(numbers)
    )
    # A remainder, so that sums which are wrong under two keys do not make up for each other.
    weight = f"({_DIVIDED} % (1 + ({mixed} & {_BITS})) & 1048575)"
    value = " + ".join(f"{1021**place} * {name}" for place, name in enumerate(sums[0].sums))
    added = f"coalesce(sum({weight} * ({value})), 0)"
    taken = (f"SELECT -{added} FROM ({each.each()}) AS each_row" for each in sums)
    both = " UNION ALL ".join((f"SELECT {added} AS found FROM {target}", *taken))
    return f"SELECT sum(found) FROM ({both}) AS compared"


def wrong(target: str, kept: Iterable[KeptSum]) -> str:
    """The query for the keys whose sums differ from the source's rows."""
    sums = list(kept)
    keys, names = _names(sums[0].keys), list(sums[0].sums)
    there = f"SELECT {keys}, {', '.join(names)} FROM {target}"
    all_of_them = " UNION ALL ".join((there, *(each.rows_there("-") for each in sums)))
    differs = " OR ".join(f"sum({name}) <> 0" for name in names)
    return f"SELECT {keys} FROM ({all_of_them}) AS compared GROUP BY {keys} HAVING {differs} ORDER BY {keys}"
