"""The sessions that overlap a window of months or years: read in their order, and counted by kept counts.

`calendar.py` sorts what it finds in a window, which takes long where that is most of the history.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Select,
    SQLColumnExpression,
    Subquery,
    case,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.device_session import IS_MISSING, IS_OPEN
from sessiontrack.models.row_count import DEVICE_SESSIONS
from sessiontrack.queries import row_counts
from sessiontrack.queries.drawn_sessions import (
    FOUND,
    INFERRED_SECONDS,
    in_window,
    inferred_end,
    missing_between,
    with_shown_ends,
)
from sessiontrack.queries.history_counts import COUNTED_BY, count_begun, count_from
from sessiontrack.queries.overlaps import overlapping_parts

# Longer windows are read here: a page of a calendar has at most 42 days.
LONG_SECONDS = 62 * 86_400
_START, _END, _NOW = bind("start"), bind("end"), bind("now")
_COUNTED = select(func.count()).select_from(DeviceSession)
# Sessions of no length that begin with the window are in it.
_INSTANTS = Statement(
    _COUNTED.where(
        DeviceSession.begin_at == _START, DeviceSession.end_at == _START, holds(f"NOT {IS_MISSING}")
    )
)
# Open sessions end now: those that began before a window of the future are not in it.
_OPEN_BEFORE = Statement(_COUNTED.where(holds(IS_OPEN), DeviceSession.begin_at < _START, _NOW <= _START))
Part = Select[*tuple[Any, ...]]


def is_long(start: int, end: int) -> bool:
    """Whether a window is to be read here."""
    return end - start > LONG_SECONDS


def in_order(rows: Callable[[Subquery], Part]) -> CompoundSelect[*tuple[Any, ...]]:
    """The rows of all sessions in the window, by shown_begin and id.

    Each part comes in this order from an index or is small, and the engines merge them.

    Args:
        rows: the query for the rows of a part, which has the columns FOUND, shown_begin and shown_end; two of
            the row's columns have the names shown_begin and id.
    """
    # Nearly all are within: last, they pass through one merge.
    found = union_all(*(rows(part) for part in (*_reaching(), *_missing(), _within())))
    names = found.selected_columns.keys()
    # By number: SQLite does not find all names in the parts of a union.
    order: list[ColumnElement[Any]] = [
        literal_column(str(names.index(name) + 1)) for name in ("shown_begin", "id")
    ]
    return found.order_by(*order)


def end_of_page(tx: Transaction, start: int, end: int, last: int | None, *, archived: bool) -> int:
    """Where a window may end, which has the same first `last` sessions; None: all of them.

    archived: whether sessions of archived devices are among them.
    """
    if last is None:
        return end
    found = tx.value(_beginning(archived), start=start, end=end, last=last)
    return end if found is None else int(found) + 1


def count_sessions(tx: Transaction, start: int, end: int, now: int) -> int:
    """How many sessions of all devices are in the window.

    Of a session that lacks an end, the other one is in the window, or at most INFERRED_SECONDS beside it.
    """
    begun = row_counts.total(tx, DEVICE_SESSIONS) - count_begun(tx, end)
    over = _total(tx, "sessions") - count_from(tx, "sessions", start + 1)
    known = begun - over + int(tx.value(_INSTANTS, start=start))
    known -= int(tx.value(_OPEN_BEFORE, start=start, now=now))
    # Of those that lack an end, that counts the ones with the other end after the start and before the end.
    return known + int(tx.value(_missing_beside(), start=start, end=end, now=now))


def _total(tx: Transaction, kind: str) -> int:
    return row_counts.total(tx, COUNTED_BY[kind])


def _drawn(begin: SQLColumnExpression[int], *where: ColumnElement[bool]) -> Part:
    """Sessions that have both ends or are open, as they are drawn."""
    shown: Part = select(*FOUND, begin.label("shown_begin"), _shown_end().label("shown_end"))
    return shown.where(holds(f"NOT {IS_MISSING}"), *where)


def _shown_end() -> ColumnElement[int]:
    until_now = case((DeviceSession.begin_at < _NOW, _NOW), else_=DeviceSession.begin_at)
    return case((DeviceSession.still_connected, until_now), else_=DeviceSession.disconnected_at)


def _within() -> Subquery:
    """Those that began in the window, by the index of all beginnings."""
    begin_at = DeviceSession.begin_at
    return _drawn(begin_at, begin_at >= _START, begin_at < _END).subquery()


def _reaching() -> list[Subquery]:
    """Those that began before the window and reach into it: a few of each length."""
    # Not the column itself: in the order of its index all of the past would be read.
    begin = DeviceSession.begin_at + 0
    # Short ones began a day before it at most; all those of a window of years would be the whole history.
    short, *_ = overlapping_parts(DeviceSession.id, began_before=_START)
    _, *longer = overlapping_parts(DeviceSession.id)
    parts = (short.whereclause, *(part.where(begin < _START).whereclause for part in longer))
    return [_drawn(begin, where, _shown_end() > _START).subquery() for where in parts if where is not None]


def _missing() -> list[Subquery]:
    """Those that lack an end: the many that began in the window in the order of their index."""
    has_begin = DeviceSession.connected_at.is_not(None)
    sorted_parts = (
        missing_between(_START - INFERRED_SECONDS, _END + INFERRED_SECONDS).where(~has_begin),
        missing_between(_START - INFERRED_SECONDS, _START).where(has_begin),
    )
    shown = [with_shown_ends(each.subquery()) for each in sorted_parts]
    begin, end = DeviceSession.end_at, inferred_end(DeviceSession.__table__)
    within = missing_between(_START, _END).where(has_begin)
    in_order = within.add_columns(begin.label("shown_begin"), end.label("shown_end"))
    return [*(select(each).where(*in_window(each)).subquery() for each in shown), in_order.subquery()]


@cache
def _beginning(archived: bool) -> Statement:
    """The beginning of a session before which so many in the window began, however they are drawn."""
    begin_at = DeviceSession.begin_at
    found = select(begin_at).where(begin_at > _START, begin_at < _END).order_by(begin_at)
    if not archived:
        found = found.join(Device, Device.id == DeviceSession.device_id).where(~Device.archived)
    return Statement(found.limit(1).offset(bind("last")))


@cache
def _missing_beside() -> Statement:
    """How many sessions that lack an end are in the window though their known end is not."""
    before, after = (_START - INFERRED_SECONDS, _START + 1), (_END, _END + INFERRED_SECONDS)
    counts = []
    for between in (before, after):
        shown = with_shown_ends(missing_between(*between).subquery())
        counts.append(select(func.count()).select_from(shown).where(*in_window(shown)).scalar_subquery())
    return Statement(select(counts[0] + counts[1]))
