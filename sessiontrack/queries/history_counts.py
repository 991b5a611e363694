"""How many events and sessions of all devices there are from an instant on, by counts that are kept."""

from functools import cache, reduce
from operator import add

from sqlalchemy import Select, func, select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import DeviceSession, Event
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.device_session import IS_LONG, IS_MISSING, IS_OPEN, IS_SHORT, SHORT_SECONDS
from sessiontrack.models.event import IS_DOWN, IS_NEW, IS_VOIDED
from sessiontrack.models.row_count import DEVICE_SESSIONS, EVENTS
from sessiontrack.queries import row_counts

# Sessions that lack an end, and which one; None: either.
MISSING_CONDITIONS = {
    "missing": None,
    "missing_connection": DeviceSession.connected_at.is_(None),
    "missing_disconnection": DeviceSession.connected_at.is_not(None),
}
SESSION_TYPES = frozenset({"sessions", *MISSING_CONDITIONS})
# In the order of `/sessions/totals`; None is no condition.
EVENT_CONDITIONS = {"all": None, "voided": IS_VOIDED, "new": IS_NEW, "down": IS_DOWN}
TOTALS = ("all", "sessions", "missing", "voided", "new", "down")
# By which name the rows of a type are counted, in the order of their `at` or `end_at`.
COUNTED_BY = {**{kind: kind for kind in TOTALS}, "all": EVENTS, "sessions": "session_end"}
_BEGUN_BETWEEN = (
    select(func.count())
    .select_from(DeviceSession)
    .where(DeviceSession.begin_at >= bind("since"), DeviceSession.begin_at < bind("until"))
)
BEGUN = Statement(select(row_counts.IN_STRETCHES.scalar_subquery() + _BEGUN_BETWEEN.scalar_subquery()))
OPEN = Statement(select(func.count()).select_from(DeviceSession).where(holds(IS_OPEN)))


def count_from(tx: Transaction, kind: str, since: int) -> int:
    """How many rows of a type happened, or ended, at an instant or later; open sessions have not ended."""
    return int(tx.value(_counted_from(kind), **row_counts.from_instant(COUNTED_BY[kind], since)))


def count_begun(tx: Transaction, since: int) -> int:
    """How many sessions began at an instant or later."""
    return int(tx.value(BEGUN, **row_counts.from_instant(DEVICE_SESSIONS, since)))


def count_open(tx: Transaction) -> int:
    """How many sessions are open."""
    return int(tx.value(OPEN))


@cache
def _counted_from(kind: str) -> Statement:
    parts = (row_counts.IN_STRETCHES, *_between(kind))
    return Statement(select(reduce(add, (each.scalar_subquery() for each in parts))))


def _between(kind: str) -> list[Select[int]]:
    """Counts of those of all devices from `since` until `until`, apart from open sessions, by parts."""
    since, until = bind("since"), bind("until")
    if kind not in SESSION_TYPES:
        condition = EVENT_CONDITIONS[kind]
        events = select(func.count()).select_from(Event).where(Event.at >= since, Event.at < until)
        return [events if condition is None else events.where(holds(condition))]
    # Each part by the index of its own.
    begin_at, end_at = DeviceSession.begin_at, DeviceSession.end_at
    within = (end_at >= since, end_at < until)
    count = select(func.count()).select_from(DeviceSession)
    if kind == "missing":
        return [count.where(holds(IS_MISSING), *within)]
    short = count.where(holds(IS_SHORT), begin_at >= since - SHORT_SECONDS, begin_at < until, *within)
    long = count.where(holds(IS_LONG), *within)
    return [short, long]
