"""Checks of the database's pages, schema and invariants, and their repair."""

import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field

from flask import current_app
from sqlalchemy import Index, inspect
from sqlalchemy.exc import DBAPIError

import sessiontrack.models  # noqa: F401 - so that the metadata knows every table
from sessiontrack import clock
from sessiontrack.config import settings_of
from sessiontrack.database import db, read_transaction, write_transaction
from sessiontrack.database.maintenance import find_damage, rebuild_index, sqlite_file
from sessiontrack.database.transactions import READS
from sessiontrack.presence.ahead import devices_ahead
from sessiontrack.queries.invariants import INVARIANTS, Invariant, Key
from sessiontrack.services.presence import PresenceRules
from sessiontrack.services.repairs import REPAIRS, derive_anew

# SQLite's errors about an index whose table is intact: the index can be rebuilt.
_OF_INDEX = re.compile(
    r"(?:row \d+ missing from|wrong # of entries in|non-unique entry in|rowid .* missing from) index (\S+)"
)
# SQLite's errors about values; most of them also break an invariant, which can be repaired.
_OF_VALUE = re.compile(r"(?:CHECK constraint failed in|NULL value in) (\w+)")
MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check; `count` is the number of violations."""

    name: str
    says: str
    count: int = 0
    examples: list[str] = field(default_factory=list)
    can_be_mended: bool = False


def examine() -> list[Finding]:
    """Run all checks; writes nothing and blocks no one.

    Raises:
        StorageUnavailable: the database cannot be read at all.
    """
    damage = find_damage()
    pages = [each for each in damage if not _OF_INDEX.search(each) and not _OF_VALUE.match(each)]
    indexes = [each for each in damage if _OF_INDEX.search(each)]
    missing = missing_indexes()
    found = [
        _finding("schema", "every index exists", [f"{each.name}" for each in missing], can_be_mended=True)
    ]
    # PostgreSQL checks its own pages and indexes.
    if sqlite_file() is not None:
        found = [
            _finding("pages", "every page of the file can be read", pages, can_be_mended=False),
            _finding("indexes", "every index matches its table", indexes, can_be_mended=True),
            *found,
        ]
    # Unreadable pages make further checks meaningless.
    if pages:
        return found
    examined = [_examine(each) for each in INVARIANTS]
    values = [each for each in damage if _OF_VALUE.match(each)]
    others = _finding("values", "every value is allowed", _others(values, examined), can_be_mended=False)
    return [*found, *examined, others]


def _others(values: list[str], examined: list[Finding]) -> list[str]:
    """Errors about values in tables whose invariants all hold."""
    broken = [each for each, found in zip(INVARIANTS, examined, strict=True) if found.count]
    known = {table for each in broken for table in (each.table, *each.others)}
    return [each for each in values if (found := _OF_VALUE.match(each)) and found[1] not in known]


def _examine(invariant: Invariant) -> Finding:
    with read_transaction() as tx:
        keys = invariant.find(tx)
    examples: list[Key] = [f"{invariant.table} {key}" for key in keys]
    return _finding(invariant.name, invariant.says, examples, can_be_mended=invariant.name in REPAIRS)


def _finding(name: str, says: str, found: list[Key] | list[str], *, can_be_mended: bool) -> Finding:
    examples = [" ".join(str(each).split()) for each in found[:MOST_EXAMPLES]]
    return Finding(name, says, len(found), examples, bool(found) and can_be_mended)


def mend(findings: list[Finding]) -> list[Finding]:
    """Repair what can be repaired, and check again.

    Indexes first, because queries use them. Duplicates are removed before a unique index is rebuilt.

    Returns:
        The findings after the repair.
    """
    if any(each.name == "pages" and each.count for each in findings):
        return findings
    for name in sorted({found[1] for each in find_damage() if (found := _OF_INDEX.search(each))}):
        rebuild_index(name)
    broken = {each.name for each in findings if each.count}
    for name, repair in REPAIRS.items():
        # One repair may break another invariant: the tabs' times of a session that was too long.
        if name in broken or _is_broken(name):
            with write_transaction() as tx:
                repair(tx)
    rules = PresenceRules.of(settings_of(current_app))
    with write_transaction() as tx:
        derive_anew(tx, clock.now(), rules)
    for index in missing_indexes():
        with suppress(DBAPIError, sqlite3.Error), db.engine.begin() as connection:
            index.create(connection)
    return examine()


def is_ahead() -> bool:
    """Whether anything lies more than a day ahead of the clock, which `mend` sets aside."""
    with read_transaction() as tx:
        return bool(devices_ahead(tx, clock.now()))


def _is_broken(name: str) -> bool:
    find = next(each.find for each in INVARIANTS if each.name == name)
    with read_transaction() as tx:
        return bool(find(tx))


def missing_indexes() -> list[Index]:
    """The schema's indexes that the database lacks: without them it is slow, or permits duplicates."""
    with db.engine.execution_options(**{READS: True}).connect() as connection:
        inspector = inspect(connection)
        there = {
            index["name"] for table in inspector.get_table_names() for index in inspector.get_indexes(table)
        }
    wanted = (index for table in db.metadata.sorted_tables for index in table.indexes)
    return sorted((each for each in wanted if each.name not in there), key=lambda each: str(each.name))
