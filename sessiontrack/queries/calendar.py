"""Device sessions as calendar widgets draw them, with an end for those that lack one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Subquery, case, func, literal_column, or_, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import EVERYTHING, bind, holds
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import IS_MISSING
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.overlaps import overlapping_parts
from sessiontrack.queries.rendering import MISSING
from sessiontrack.values.timestamps import SiteTime

CLOSED_COLOR = "#00a659"
OPEN_COLOR = "#0073b7"
MISSING_COLOR = "#f39c12"
STILL_CONNECTED = "<still connected>"
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


@dataclass(frozen=True)
class CalendarFilter:
    """Sessions that overlap [start, end), UTC epoch seconds; of one device where a MAC is given."""

    start: int
    end: int
    mac: str | None = None

    def values(self, now: int) -> dict[str, Any]:
        """The parameters of the statements."""
        values = {"start": self.start, "end": self.end, "now": now}
        return values if self.mac is None else {**values, "mac": self.mac}


def list_calendar(
    tx: Transaction, wanted: CalendarFilter, limit: int | None, offset: int, now: int, site: SiteTime
) -> Iterator[str]:
    """The calendar events in JSON, earliest begin first."""
    statement = _statement(wanted.mac is not None, counted=False)
    rows = tx.stream(statement, **wanted.values(now), limit=limit or EVERYTHING, offset=offset)
    return _written(rows, site)


def count_calendar(tx: Transaction, wanted: CalendarFilter, now: int) -> int:
    """How many there are, whatever the page."""
    found: int = tx.value(_statement(wanted.mac is not None, counted=True), **wanted.values(now))
    return found


def _written(rows: Iterator[Row], site: SiteTime) -> Iterator[str]:
    """Addresses are stored in forms that need no escaping."""
    parts = site.parts
    for mac, ip, connected_at, disconnected_at, still_connected, shown_begin, shown_end in rows:
        first_day, first_minute, first_second, _ = parts(shown_begin)
        last_day, last_minute, last_second, _ = parts(shown_end)
        connection = MISSING if connected_at is None else f"{first_day} {first_minute}"
        color = CLOSED_COLOR
        if disconnected_at is not None:
            disconnection = f"{last_day} {last_minute}"
        else:
            disconnection = STILL_CONNECTED if still_connected else MISSING
        if still_connected:
            color = OPEN_COLOR
        elif connected_at is None or disconnected_at is None:
            color = MISSING_COLOR
        yield (
            f'{{"resourceId":"{mac}","title":"","start":"{first_day}T{first_minute}{first_second}",'
            f'"end":"{last_day}T{last_minute}{last_second}","color":"{color}",'
            f'"tooltip":"Connection: {connection}\\nDisconnection: {disconnection}\\nIP: {ip}",'
            '"className":"no-border"}'
        )


@cache
def _statement(by_mac: bool, *, counted: bool) -> Statement:
    shown, overlaps = overlapping(by_mac)
    if counted:
        return Statement(select(func.count()).select_from(shown).where(*overlaps))
    columns = (
        shown.c.ip,
        shown.c.connected_at,
        shown.c.disconnected_at,
        shown.c.still_connected,
        shown.c.shown_begin,
        shown.c.shown_end,
    )
    listed = (
        select(Device.mac, *columns)
        .join(Device, Device.id == shown.c.device_id)
        .where(*overlaps)
        .order_by(shown.c.shown_begin, shown.c.id)
    )
    return Statement(listed.limit(bind("limit")).offset(bind("offset")))


def overlapping(by_mac: bool) -> tuple[Subquery, tuple[ColumnElement[bool], ...]]:
    """Sessions with the ends that are shown of them, and the conditions for those of the window.

    Its parameters: start, end, now, and with by_mac mac.
    """
    shown = _with_shown_ends(_of_device() if by_mac else _of_all_devices())
    in_window = (
        shown.c.shown_begin < bind("end"),
        or_(shown.c.shown_end > bind("start"), shown.c.shown_begin >= bind("start")),
    )
    return shown, in_window


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
    end_at = DeviceSession.end_at
    missing = select(*FOUND).where(
        holds(IS_MISSING),
        end_at > bind("start") - INFERRED_SECONDS - 1,
        end_at < bind("end") + INFERRED_SECONDS,
    )
    return union_all(*overlapping_parts(*FOUND), missing).subquery()


def _with_shown_ends(found: Subquery) -> Subquery:
    begin = case((found.c.connected_at.is_not(None), found.c.connected_at), else_=_inferred_begin(found))
    end = case(
        (found.c.disconnected_at.is_not(None), found.c.disconnected_at),
        (found.c.still_connected, _later(bind("now"), found.c.connected_at)),
        else_=_inferred_end(found),
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


def _inferred_end(found: Subquery) -> ColumnElement[int]:
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
