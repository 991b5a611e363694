"""Sessions of a window with the ends that are drawn of them, also of those that lack one."""

from typing import Any

from sqlalchemy import Select, Subquery, case, literal_column, or_, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause

from sessiontrack.models import DeviceSession
from sessiontrack.models.columns import EVERYTHING, bind, holds
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import IS_MISSING
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.overlaps import overlapping_parts

# How far from its known end a session with a missing one is drawn at most.
INFERRED_SECONDS = 3600
# What is looked at of a session that may be in the window.
FOUND = (
    DeviceSession.id,
    DeviceSession.device_id,
    DeviceSession.connected_at,
    DeviceSession.disconnected_at,
    DeviceSession.still_connected,
    DeviceSession.ip,
    DeviceSession.ip_key,
)


def overlapping(by_mac: bool) -> tuple[Subquery, tuple[ColumnElement[bool], ...]]:
    """Sessions with the ends that are shown of them, and the conditions for those of the window.

    Its parameters: start, end, now, and with by_mac mac.
    """
    shown = with_shown_ends(_of_device() if by_mac else _of_all_devices())
    return shown, in_window(shown)


def in_window(shown: Subquery) -> tuple[ColumnElement[bool], ...]:
    """The conditions for those of the window; its parameters: start, end."""
    return (
        shown.c.shown_begin < bind("end"),
        or_(shown.c.shown_end > bind("start"), shown.c.shown_begin >= bind("start")),
    )


def _of_device() -> Subquery:
    device = device_with(bind("mac"))
    found = select(*FOUND).where(
        DeviceSession.device_id == device,
        DeviceSession.begin_at >= first_begin(device, bind("start") - INFERRED_SECONDS),
        DeviceSession.begin_at < bind("end") + INFERRED_SECONDS,
    )
    return found.subquery()


def _of_all_devices() -> Subquery:
    """Together with those that lack an end, wherever within an hour they may be drawn."""
    missing = missing_between(bind("start") - INFERRED_SECONDS, bind("end") + INFERRED_SECONDS)
    return union_all(*overlapping_parts(*FOUND), missing).subquery()


def missing_between(start: ColumnElement[int], end: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """Those that lack an end and have the other one in [start, end)."""
    end_at = DeviceSession.end_at
    return select(*FOUND).where(holds(IS_MISSING), end_at >= start, end_at < end)


def with_shown_ends(found: Subquery) -> Subquery:
    """The same sessions with shown_begin and shown_end; its parameter: now."""
    begin = case((found.c.connected_at.is_not(None), found.c.connected_at), else_=_inferred_begin(found))
    end = case(
        (found.c.disconnected_at.is_not(None), found.c.disconnected_at),
        (found.c.still_connected, _later(bind("now"), found.c.connected_at)),
        else_=inferred_end(found),
    )
    shown = select(found, begin.label("shown_begin"), end.label("shown_end"))
    # A LIMIT keeps SQLite from working these out anew wherever they are named.
    return shown.limit(literal_column(str(EVERYTHING))).subquery()


def _inferred_begin(found: Subquery) -> ColumnElement[int]:
    """The device's previous disconnection, or an hour before the known one, whichever is later."""
    other = aliased(DeviceSession)
    previous = (
        select(other.disconnected_at)
        .where(
            other.device_id == found.c.device_id,
            other.begin_at <= found.c.disconnected_at,
            other.disconnected_at <= found.c.disconnected_at,
            other.id != found.c.id,
        )
        .order_by(other.begin_at.desc(), other.disconnected_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    earliest = found.c.disconnected_at - INFERRED_SECONDS
    return case((previous > earliest, previous), else_=earliest)


def inferred_end(found: FromClause) -> ColumnElement[int]:
    """The device's next connection, or an hour after the known one, whichever is earlier."""
    other = aliased(DeviceSession)
    following = (
        select(other.connected_at)
        .where(other.device_id == found.c.device_id, other.connected_at > found.c.connected_at)
        .order_by(other.connected_at)
        .limit(1)
        .scalar_subquery()
    )
    latest = found.c.connected_at + INFERRED_SECONDS
    return case((following < latest, following), else_=latest)


def _later(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one > other, one), else_=other)
