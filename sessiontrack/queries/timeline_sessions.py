"""What the timeline draws, session by session: for tables, and for what its bars are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, Subquery, case, func, select
from sqlalchemy.orm import aliased

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind, holds
from sessiontrack.queries import devices, long_windows
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.devices import DeviceFilter
from sessiontrack.queries.drawn_sessions import (
    FOUND,
    INFERRED_SECONDS,
    in_window,
    overlapping,
    with_shown_ends,
)
from sessiontrack.queries.event_places import SORTS, devices_of_page
from sessiontrack.queries.rendering import duration_seconds
from sessiontrack.queries.timeline import KINDS, kind_of
from sessiontrack.values.timestamps import SiteTime

ARCHIVED = Statement("SELECT id FROM device WHERE archived")


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

    def shape(self) -> tuple[bool, str, bool | None, bool | None]:
        """What the statements depend on."""
        return self.mac is not None, *self.of.shape(), self.of.narrowing()[1]

    def is_long(self) -> bool:
        """Whether it is a long window of all devices that are not archived."""
        return self.shape() == (False, "all", None, None) and long_windows.is_long(self.start, self.end)


def list_timeline_sessions(
    tx: Transaction, wanted: TimelineSessionFilter, limit: int, offset: int, now: int, site: SiteTime
) -> Iterator[dict[str, Any]]:
    """One page of them."""
    values = {**wanted.values(now), "limit": limit, "offset": offset}
    statement = _listed(*wanted.shape(), wanted.sort, wanted.descending)
    if wanted.is_long() and (wanted.sort, wanted.descending) == ("connection", False):
        statement = _in_order()
        last = offset + limit
        values["end"] = long_windows.end_of_page(tx, wanted.start, wanted.end, last, archived=False)
    elif wanted.is_long() and (found := _devices_of_page(tx, wanted, values)) is not None:
        statement = _listed_of_some(wanted.sort, wanted.descending)
        values["devices"], values["offset"] = found
    for row in tx.stream(statement, **values):
        yield _as_dict(row, now, site)


def _devices_of_page(
    tx: Transaction, wanted: TimelineSessionFilter, values: Mapping[str, Any]
) -> tuple[list[int], int] | None:
    """The devices whose sessions are the page, and its offset among these; None where that does not help."""
    if wanted.sort not in SORTS:
        return None
    archived = {device_id for (device_id,) in tx.rows(ARCHIVED)}

    def count(device_id: int, _: str) -> int:
        return (
            0 if device_id in archived else int(tx.value(_counted_of_some(), **values, devices=[device_id]))
        )

    limit, offset = values["limit"], values["offset"]
    found = devices_of_page(tx, wanted.sort, count, limit, offset, descending=wanted.descending)
    return found if found is not None and found[0] else None


def count_timeline_sessions(tx: Transaction, wanted: TimelineSessionFilter, now: int) -> int:
    """How many there are, whatever the page."""
    if wanted.is_long():
        counted = long_windows.count_sessions(tx, wanted.start, wanted.end, now)
        archived = [device_id for (device_id,) in tx.rows(ARCHIVED)]
        if not archived:
            return counted
        return counted - int(tx.value(_counted_of_some(), **wanted.values(now), devices=archived))
    return int(tx.value(_counted(*wanted.shape()), **wanted.values(now)))


def _as_dict(row: Row, now: int, site: SiteTime) -> dict[str, Any]:
    session_id, mac, name, owner, ip, connected_at, disconnected_at, still_connected, start, end = row
    return {
        "id": session_id,
        "mac": mac,
        "name": name,
        "owner": owner,
        "ip": ip,
        "kind": KINDS[kind_of(connected_at, disconnected_at, still_connected)],
        "connected_at": None if connected_at is None else site.format_offset(connected_at),
        "disconnected_at": None if disconnected_at is None else site.format_offset(disconnected_at),
        "duration_seconds": duration_seconds(connected_at, disconnected_at, still_connected, now),
        "start": site.format_offset(start),
        "end": site.format_offset(end),
    }


@cache
def _listed(
    by_mac: bool, status: str, is_ascii: bool | None, tag: bool | None, sort: str, descending: bool
) -> Statement:
    shown, where = _shown(by_mac, status, is_ascii, tag)
    found = shown.c
    rows = _rows(shown).where(*where)
    by = {
        "connection": found.shown_begin,
        "disconnection": found.shown_end,
        # Unknown lengths come last when the longest come first, and first otherwise.
        "duration": case((_is_missing(shown), -1), else_=found.shown_end - found.shown_begin),
        "ip": found.ip_key,
        **SORTS,
    }[sort]
    return _page(rows, shown, by, descending)


def _page(
    rows: Select[*tuple[Any, ...]], shown: Subquery, by: SQLColumnExpression[Any], descending: bool
) -> Statement:
    """One page of them by a column; what is equal in it is in the order of time."""
    order = (by.desc() if descending else by.asc(), shown.c.shown_begin, shown.c.id)
    return Statement(rows.order_by(*order).limit(bind("limit")).offset(bind("offset")))


@cache
def _in_order() -> Statement:
    listed = long_windows.in_order(lambda shown: _rows(shown).where(devices.are("all", None)))
    return Statement(listed.limit(bind("limit")).offset(bind("offset")))


def _rows(shown: Subquery) -> Select[*tuple[Any, ...]]:
    found = shown.c
    rows = select(
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
    return rows.join(Device, Device.id == found.device_id)


@cache
def _counted_of_some() -> Statement:
    """How many sessions of some devices are in the window."""
    shown = with_shown_ends(_of_some())
    return Statement(select(func.count()).select_from(shown).where(*in_window(shown)))


@cache
def _listed_of_some(sort: str, descending: bool) -> Statement:
    """Those of some devices, in the order of a column of devices."""
    shown = with_shown_ends(_of_some())
    rows = _rows(shown).where(*in_window(shown), devices.are("all", None))
    return _page(rows, shown, SORTS[sort], descending)


def _of_some() -> Subquery:
    """Sessions of some devices, by the index of each, from where they reach into the window."""
    device = aliased(Device, name="chosen")
    found = select(*FOUND).where(
        holds("chosen.id AMONG(:devices)"),
        DeviceSession.device_id == device.id,
        DeviceSession.begin_at >= first_begin(device.id, bind("start") - INFERRED_SECONDS),
        # Not the column itself: its index has the sessions of all devices.
        DeviceSession.begin_at + 0 < bind("end") + INFERRED_SECONDS,
    )
    return found.subquery()


@cache
def _counted(by_mac: bool, status: str, is_ascii: bool | None, tag: bool | None) -> Statement:
    shown, where = _shown(by_mac, status, is_ascii, tag)
    rows = select(func.count()).select_from(shown).join(Device, Device.id == shown.c.device_id)
    return Statement(rows.where(*where))


def _shown(
    by_mac: bool, status: str, is_ascii: bool | None, tag: bool | None
) -> tuple[Subquery, tuple[ColumnElement[bool], ...]]:
    shown, overlaps = overlapping(by_mac)
    return shown, (*overlaps, devices.are(status, is_ascii, tag))


def _is_missing(shown: Subquery) -> ColumnElement[bool]:
    lacks_end = shown.c.disconnected_at.is_(None) & ~shown.c.still_connected
    return shown.c.connected_at.is_(None) | lacks_end
