"""What the timeline draws, session by session: for tables, and for what its bars are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.queries import devices
from sessiontrack.queries.calendar import overlapping
from sessiontrack.queries.devices import DeviceFilter
from sessiontrack.queries.rendering import duration_seconds
from sessiontrack.queries.timeline import CLOSED, KINDS, NO_CONNECTION, NO_DISCONNECTION, OPEN
from sessiontrack.values.timestamps import SiteTime


@dataclass(frozen=True)
class TimelineSessionFilter:
    """Sessions of those devices that overlap [start, end), UTC epoch seconds, in the order of `sort`."""

    of: DeviceFilter
    start: int
    end: int
    mac: str | None = None
    sort: str = "connection"
    descending: bool = False

    def values(self, now: int) -> dict[str, Any]:
        """The parameters of the statements."""
        own = {"start": self.start, "end": self.end, **self.of.values(now)}
        return own if self.mac is None else {**own, "mac": self.mac}

    def shape(self) -> tuple[bool, str, bool | None]:
        """What the statements depend on."""
        return self.mac is not None, *self.of.shape()


def list_timeline_sessions(
    tx: Transaction, wanted: TimelineSessionFilter, limit: int, offset: int, now: int, site: SiteTime
) -> Iterator[dict[str, Any]]:
    """One page of them."""
    statement = _listed(*wanted.shape(), wanted.sort, wanted.descending)
    for row in tx.stream(statement, limit=limit, offset=offset, **wanted.values(now)):
        yield _as_dict(row, now, site)


def count_timeline_sessions(tx: Transaction, wanted: TimelineSessionFilter, now: int) -> int:
    """How many there are, whatever the page."""
    return int(tx.value(_counted(*wanted.shape()), **wanted.values(now)))


def _as_dict(row: Row, now: int, site: SiteTime) -> dict[str, Any]:
    session_id, mac, name, owner, ip, connected_at, disconnected_at, still_connected, start, end = row
    return {
        "id": session_id,
        "mac": mac,
        "name": name,
        "owner": owner,
        "ip": ip,
        "kind": KINDS[_kind(connected_at, disconnected_at, still_connected)],
        "connected_at": None if connected_at is None else site.format_offset(connected_at),
        "disconnected_at": None if disconnected_at is None else site.format_offset(disconnected_at),
        "duration_seconds": duration_seconds(connected_at, disconnected_at, still_connected, now),
        "start": site.format_offset(start),
        "end": site.format_offset(end),
    }


def _kind(connected_at: int | None, disconnected_at: int | None, still_connected: bool) -> int:
    if connected_at is None:
        return NO_CONNECTION
    if disconnected_at is not None:
        return CLOSED
    return OPEN if still_connected else NO_DISCONNECTION


@cache
def _listed(by_mac: bool, status: str, is_ascii: bool | None, sort: str, descending: bool) -> Statement:
    shown, where = _shown(by_mac, status, is_ascii)
    found = shown.c
    rows = (
        select(
            found.id,
            Device.mac,
            Device.name,
            Device.owner,
            found.ip,
            found.connected_at,
            found.disconnected_at,
            found.still_connected,
            found.shown_begin,
            found.shown_end,
        )
        .join(Device, Device.id == found.device_id)
        .where(*where)
    )
    by = {
        "connection": found.shown_begin,
        "disconnection": found.shown_end,
        # What nobody knows comes last, then first.
        "duration": case((_is_missing(shown), -1), else_=found.shown_end - found.shown_begin),
        "name": func.lower(Device.name),
        "mac": Device.mac,
        "ip": found.ip_key,
    }[sort]
    order = (by.desc() if descending else by.asc(), found.shown_begin, found.id)
    return Statement(rows.order_by(*order).limit(bind("limit")).offset(bind("offset")))


@cache
def _counted(by_mac: bool, status: str, is_ascii: bool | None) -> Statement:
    shown, where = _shown(by_mac, status, is_ascii)
    rows = select(func.count()).select_from(shown).join(Device, Device.id == shown.c.device_id)
    return Statement(rows.where(*where))


def _shown(
    by_mac: bool, status: str, is_ascii: bool | None
) -> tuple[Subquery, tuple[ColumnElement[bool], ...]]:
    shown, in_window = overlapping(by_mac)
    return shown, (*in_window, devices.are(status, is_ascii))


def _is_missing(shown: Subquery) -> ColumnElement[bool]:
    lacks_end = shown.c.disconnected_at.is_(None) & ~shown.c.still_connected
    return shown.c.connected_at.is_(None) | lacks_end
