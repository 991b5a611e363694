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
        """The statements that created its triggers on SQLite before migration 0050; apart: since 0045."""
        yield self.added_in_sqlite()
        unless = f" AND NOT EXISTS (SELECT 1 FROM {APART})" if apart else ""
        when = f"DELETE ON {self.source} WHEN {_of(self.when, 'OLD.')}{unless}"
        yield self._trigger("gone", when, self.gone("true"))
        yield from self.changes_in_sqlite()

    def added_in_sqlite(self) -> str:
        """That of inserted rows."""
        when = f"INSERT ON {self.source} WHEN {_of(self.when, 'NEW.')}"
        return self._trigger("added", when, self._insert(self._row("NEW.", ""), "true"))

    def gone(self, when: str) -> str:
        """What a trigger does with a deleted row on SQLite, if a condition is met."""
        key = " AND ".join(f"{name} = {_of(sql, 'OLD.')}" for name, sql in self.keys.items())
        forget = f"DELETE FROM {self.target} WHERE {key} AND part = 0 AND {next(iter(self.sums))} = 0;"
        return f"{self._insert(self._row('OLD.', '-'), when)} {forget}"

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

    def take(self, gone: str) -> str:
        """The statement that takes from the sums, on SQLite, the rows that are about to be deleted.

        Row by row: to sort them by their keys first takes longer, as most are the only one of theirs.

        Args:
            gone: the table of these rows, or of the rows `s` that the query `joined` begins with.
        """
        if self.joined:
            sums = ", ".join(f"-{name}" for name in self.sums)
            each = f"{self.joined} AND s.id IN (SELECT id FROM {gone})"
            return self._upsert(f"SELECT {_names(self.keys)}, {sums} FROM ({each}) AS each_row WHERE true")
        row = f"{gone}."
        return self._upsert(f"SELECT {self._row(row, '-')} FROM {gone} WHERE {_of(self.when, row)}")

    def add(self) -> str:
        """The statement that adds to the sums the rows which came after :last_id, on SQLite."""
        return self._upsert(self._added_up(f"{self._each_row()} AND {self.source}.id > :last_id"))

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
    """Deletes the rows of a table that are found by `rows`, its FROM and WHERE with the table as `s`.

    On SQLite they are noted in a temporary table first, with the columns that their sums depend on: each is
    looked up once, not once a sum.

    kept: all sums that they are in, and those of the rows that go with them, which are `joined`.
    referring: the foreign keys to the table, as (table, column, ON DELETE). SQLite would look for the rows of
    each deleted one by a program of its own, so the connection that deletes does not enforce them.
    """

    def __init__(
        self, table: str, rows: str, kept: Iterable[KeptSum], referring: Iterable[tuple[str, str, str]]
    ) -> None:
        sums, gone = list(kept), f"gone_{table}"
        names = dict.fromkeys(name for each in sums if not each.joined for name in each.columns())
        columns = _names(("id INTEGER PRIMARY KEY",), names)
        noted = _names(f"s.{name}" for name in ("id", *names))
        forgotten = dict.fromkeys(forget_zeros(each.target, each) for each in sums)
        self.delete = Statement(f"DELETE{rows}")
        self.make = Statement(f"CREATE TEMP TABLE IF NOT EXISTS {gone} ({columns})")
        self.clear = Statement(f"DELETE FROM {gone}")
        self.note = Statement(f"INSERT INTO {gone} SELECT {noted}{rows}")
        self.take = [Statement(each.take(gone)) for each in sums]
        self.forget = [Statement(each) for each in forgotten]
        self.release = [Statement(_release(*each, gone)) for each in referring]
        self.delete_noted = Statement(f"DELETE FROM {table} WHERE id IN (SELECT id FROM {gone})")


def _release(table: str, column: str, on_delete: str, gone: str) -> str:
    """What a foreign key does with the rows that refer to those of `gone`."""
    change = f"DELETE FROM {table}" if on_delete == "CASCADE" else f"UPDATE {table} SET {column} = NULL"
    return f"{change} WHERE {column} IN (SELECT id FROM {gone})"


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
    """Create the triggers of all sums in a database made from the models; `first`: from `deleted_first`."""
    sums = list(kept)

    @event.listens_for(metadata, "after_create")
    def make(target: MetaData, connection: Connection, **_: object) -> None:
        dialect = connection.dialect.name
        made = _in_sqlite(sums) if dialect == "sqlite" else triggers(dialect, sums)
        for sql in (*made, *(first or {}).get(dialect, ())):
            connection.exec_driver_sql(sql)


def _in_sqlite(sums: list[KeptSum]) -> Iterator[str]:
    """The triggers on SQLite; those of deleted rows are one for each table, which looks at APART once."""
    for each in sums:
        yield each.added_in_sqlite()
        yield from each.changes_in_sqlite()
    for source in dict.fromkeys(each.source for each in sums):
        of_it = sorted((each for each in sums if each.source == source), key=lambda each: each.name)
        done = " ".join(each.gone(_of(each.when, "OLD.")) for each in of_it)
        when = f"DELETE ON {source} WHEN NOT EXISTS (SELECT 1 FROM {APART})"
        yield f"CREATE TRIGGER keep_{source}_gone AFTER {when} BEGIN {done} END"


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
