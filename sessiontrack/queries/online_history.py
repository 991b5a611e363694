"""How many devices were connected over time.

At the ends of quarters of an hour it follows from how many sessions began and ended in each, which the
database keeps; at other instants, from the sessions themselves.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from sqlalchemy import SQLColumnExpression, case, func, literal_column, null, union_all
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import DeviceSession
from sessiontrack.models.columns import bind
from sessiontrack.models.presence_change import QUARTER_SECONDS
from sessiontrack.queries.overlaps import overlapping_parts

# How many devices more are connected at each instant than at the one before. A sum for each of them takes a
# third of the time that grouping all quarters takes.
KEPT_CHANGES = Statement(
    "WITH RECURSIVE instant(number, until) AS (SELECT 1, CAST(:first AS bigint) + :apart"
    " UNION ALL SELECT number + 1, until + :apart FROM instant WHERE until < :last)"
    " SELECT number, (SELECT sum(CASE ended WHEN 0 THEN rows ELSE -rows END) FROM presence_change"
    " WHERE quarter > until - :apart AND quarter <= until) FROM instant"
)


def connected_at_each(tx: Transaction, instants: Sequence[int]) -> list[int]:
    """How many devices were connected at each instant.

    At the instant of its connection a device is connected, at that of its disconnection no more.

    Args:
        instants: in order, UTC epoch seconds, none of them in the future.
    """
    return [
        count
        for run, step in _even_runs(instants)
        for count in (_connected_by_quarters if _are_quarters(run, step) else _connected)(tx, run, step)
    ]


def _even_runs(instants: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
    """The instants in runs that are equally far apart, with how far; a day of 23 hours ends one."""
    first = 0
    while first < len(instants):
        last = first + 1
        step = instants[last] - instants[first] if last < len(instants) else 1
        while last < len(instants) and instants[last] - instants[last - 1] == step:
            last += 1
        yield instants[first:last], step
        first = last


def _are_quarters(instants: Sequence[int], step: int) -> bool:
    return (
        len(instants) > 1 and instants[0] >= 0 and not instants[0] % QUARTER_SECONDS | step % QUARTER_SECONDS
    )


def _connected_by_quarters(tx: Transaction, instants: Sequence[int], step: int) -> Iterator[int]:
    changes = [*_connected(tx, instants[:1], 1), *([0] * (len(instants) - 1))]
    first, last = instants[0] // QUARTER_SECONDS, instants[-1] // QUARTER_SECONDS
    for number, change in tx.rows(KEPT_CHANGES, first=first, last=last, apart=step // QUARTER_SECONDS):
        changes[number] = int(change or 0)
    return accumulate(changes)


def _connected(tx: Transaction, instants: Sequence[int], step: int) -> Iterator[int]:
    changes = [0] * (len(instants) + 1)
    values = {"start": instants[0], "end": instants[-1] + 1, "step": step}
    for first, after, sessions in tx.stream(_changes(), **values):
        changes[first] += sessions
        if after is not None:
            changes[min(after, len(instants))] -= sessions
    return accumulate(changes[:-1])


@cache
def _changes() -> Statement:
    """(number of the first instant within, of the first one after, how many such sessions).

    Those that none of the instants are within are left out, nearly all where instants are far apart.
    """
    first, after = _number(DeviceSession.begin_at), _number(DeviceSession.end_at)
    count = func.count()
    *ended, still_open = overlapping_parts(first, after, count, has_instants=False)
    by: tuple[ColumnElement[int], ...] = (literal_column("1"), literal_column("2"))
    parts = [part.where(first != after).group_by(*by) for part in ended]
    opened = still_open.with_only_columns(first, null(), count).group_by(literal_column("1"))
    return Statement(union_all(*parts, opened))


def _number(instant: SQLColumnExpression[int] | SQLColumnExpression[int | None]) -> ColumnElement[int]:
    start, step = bind("start"), bind("step")
    # Rounded up.
    return case((instant <= start, 0), else_=(instant - start + step - 1) // step)
