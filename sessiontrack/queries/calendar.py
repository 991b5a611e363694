"""Device sessions as calendar widgets draw them, with an end for those that lack one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, Subquery, func, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.queries import long_windows
from sessiontrack.queries.drawn_sessions import overlapping
from sessiontrack.queries.rendering import MISSING
from sessiontrack.values.timestamps import SiteTime

CLOSED_COLOR = "#00a659"
OPEN_COLOR = "#0073b7"
MISSING_COLOR = "#f39c12"
# As many as an answer has before it is sent piece by piece.
AT_ONCE = 10_000
STILL_CONNECTED = "<still connected>"


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

    def is_long(self) -> bool:
        """Whether it is a long window of all devices."""
        return self.mac is None and long_windows.is_long(self.start, self.end)


def list_calendar(
    tx: Transaction, wanted: CalendarFilter, limit: int | None, offset: int, now: int, site: SiteTime
) -> Iterator[str]:
    """The calendar events in JSON, earliest begin first."""
    values = wanted.values(now)
    if wanted.is_long():
        return _written(_of_long_window(tx, wanted, limit, offset, values), site)
    statement = _statement(wanted.mac is not None, counted=False)
    return _written(tx.stream(statement, **values, limit=limit or EVERYTHING, offset=offset), site)


def _of_long_window(
    tx: Transaction, wanted: CalendarFilter, limit: int | None, offset: int, values: dict[str, Any]
) -> Iterator[Row]:
    """The first AT_ONCE rows by a statement of their own: PostgreSQL sorts all rows before it sends one."""

    def part(limit: int | None, offset: int) -> Iterator[Row]:
        last = None if limit is None else offset + limit
        end = long_windows.end_of_page(tx, wanted.start, wanted.end, last, archived=True)
        return tx.stream(_in_order(), **{**values, "end": end}, limit=limit or EVERYTHING, offset=offset)

    if limit is not None and limit <= AT_ONCE:
        yield from part(limit, offset)
        return
    found = 0
    for row in part(AT_ONCE, offset):
        found += 1
        yield row
    if found == AT_ONCE:
        yield from part(None if limit is None else limit - AT_ONCE, offset + AT_ONCE)


def count_calendar(tx: Transaction, wanted: CalendarFilter, now: int) -> int:
    """How many there are, whatever the page."""
    if wanted.is_long():
        return long_windows.count_sessions(tx, wanted.start, wanted.end, now)
    found: int = tx.value(_statement(wanted.mac is not None, counted=True), **wanted.values(now))
    return found


def _written(rows: Iterator[Row], site: SiteTime) -> Iterator[str]:
    """Addresses are stored in forms that need no escaping."""
    parts = site.parts
    for mac, ip, connected_at, disconnected_at, still_connected, shown_begin, shown_end, _ in rows:
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
    listed = _rows(shown).where(*overlaps).order_by(shown.c.shown_begin, shown.c.id)
    return Statement(listed.limit(bind("limit")).offset(bind("offset")))


@cache
def _in_order() -> Statement:
    listed = long_windows.in_order(_rows)
    return Statement(listed.limit(bind("limit")).offset(bind("offset")))


def _rows(shown: Subquery) -> Select[*tuple[Any, ...]]:
    columns = (
        shown.c.ip,
        shown.c.connected_at,
        shown.c.disconnected_at,
        shown.c.still_connected,
        shown.c.shown_begin,
        shown.c.shown_end,
        shown.c.id,
    )
    return select(Device.mac, *columns).join(Device, Device.id == shown.c.device_id)
