"""Device sessions as `/sessions/list` and `/sessions/<mac>` show them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.row_count import DEVICE_SESSIONS
from sessiontrack.queries import row_counts
from sessiontrack.queries.rendering import (
    JSON_BOOL,
    MISSING,
    OPEN,
    duration_seconds,
    duration_text,
    quoted,
)
from sessiontrack.values.timestamps import SiteTime

COLUMNS = (
    DeviceSession.id,
    Device.mac,
    DeviceSession.connected_at,
    DeviceSession.disconnected_at,
    DeviceSession.still_connected,
    DeviceSession.ip,
    DeviceSession.info,
)


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions; instants in UTC epoch seconds, None where not asked for.

    start: connected at or after it. end: disconnected at or before it (an open one has not ended).
    overlapping: was there between these two instants, both included, or is still open.
    before: connected before it, an open one too.
    camel: each row with NetAlertX's newer names too.
    """

    mac: str | None = None
    start: int | None = None
    end: int | None = None
    overlapping: tuple[int, int] | None = None
    newest_first: bool = False
    before: int | None = None
    camel: bool = False


def list_sessions(
    tx: Transaction, wanted: SessionFilter, limit: int | None, offset: int, now: int, site: SiteTime
) -> Iterator[str]:
    """The sessions in their order, one after another, in JSON."""
    shape, values = _shape(wanted), _values(wanted)
    is_placed = limit is not None and offset > row_counts.MOST_SKIPPED and not any(shape)
    if is_placed:
        place = row_counts.place(tx, DEVICE_SESSIONS, offset, newest_first=wanted.newest_first)
        values["edge"], offset = place["edge"], place["offset"]
    statement = _statement(*shape, wanted.newest_first, placed=is_placed)
    rows = tx.stream(statement, limit=limit or EVERYTHING, offset=offset, **values)
    return _written(rows, now, site, wanted.camel)


def count_sessions(tx: Transaction, wanted: SessionFilter) -> int:
    """How many there are, whatever the page."""
    shape = _shape(wanted)
    if not any(shape):
        return row_counts.total(tx, DEVICE_SESSIONS)
    found: int = tx.value(_statement(*shape, counted=True), **_values(wanted))
    return found


def _written(rows: Iterator[Row], now: int, site: SiteTime, camel: bool) -> Iterator[str]:
    """Each as documented, with the same facts for programs beside it.

    camel: with the names too that NetAlertX's page of a device reads since its version 26.
    """
    for session_id, mac, connected_at, disconnected_at, still_connected, ip, info in rows:
        seconds = duration_seconds(connected_at, disconnected_at, still_connected, now)
        connection, connection_at = _instant(connected_at, MISSING, site)
        missing = OPEN if still_connected else MISSING
        disconnection, disconnection_at = _instant(disconnected_at, missing, site)
        order = disconnection_at if connected_at is None else connection_at
        duration, remark = duration_text(seconds), quoted[info]
        more = (
            f',"sesDateTimeOrder":{order},"sesMac":"{mac}","sesConnection":"{connection}",'
            f'"sesDisconnection":"{disconnection}","sesDuration":"{duration}","sesIp":"{ip}","sesInfo":{remark}'
            if camel
            else ""
        )
        yield (
            f'{{"id":{session_id},"ses_DateTimeOrder":{order},"ses_MAC":"{mac}",'
            f'"ses_Connection":"{connection}","ses_Disconnection":"{disconnection}",'
            f'"ses_Duration":"{duration}","ses_IP":"{ip}","ses_Info":{remark},'
            f'"ses_StillConnected":{JSON_BOOL[still_connected]},'
            f'"ses_DateTimeConnection":{connection_at},"ses_DateTimeDisconnection":{disconnection_at},'
            f'"ses_DurationSeconds":{"null" if seconds is None else seconds}{more}}}'
        )


def _instant(at: int | None, missing: str, site: SiteTime) -> tuple[str, str]:
    """For people, and for programs."""
    if at is None:
        return missing, "null"
    day, minute, second, offset = site.parts(at)
    return f"{day} {minute}", f'"{day}T{minute}{second}{offset}"'


def first_begin(device: SQLColumnExpression[int], start: ColumnElement[int]) -> ColumnElement[int]:
    """Where to begin to read a device's sessions for a window that starts then.

    They never overlap, so of those that began before it, only the last one can reach into it, or up to it.
    """
    earlier = aliased(DeviceSession)
    last = select(func.max(earlier.begin_at)).where(earlier.device_id == device, earlier.begin_at < start)
    return func.coalesce(last.scalar_subquery(), start)


def _shape(wanted: SessionFilter) -> tuple[bool, bool, bool, bool, bool]:
    """Which filters there are: each combination is one statement."""
    return (
        wanted.mac is not None,
        wanted.start is not None,
        wanted.end is not None,
        wanted.overlapping is not None,
        wanted.before is not None,
    )


def _values(wanted: SessionFilter) -> dict[str, Any]:
    window_start, window_end = wanted.overlapping or (None, None)
    values = {
        "mac": wanted.mac,
        "start": wanted.start,
        "end": wanted.end,
        "window_start": window_start,
        "window_end": window_end,
        "before": wanted.before,
    }
    return {name: value for name, value in values.items() if value is not None}


@cache
def _statement(
    by_mac: bool,
    by_start: bool,
    by_end: bool,
    by_window: bool,
    by_before: bool,
    newest_first: bool = False,
    *,
    placed: bool = False,
    counted: bool = False,
) -> Statement:
    where: list[ColumnElement[bool]] = []
    device = device_with(bind("mac"))
    if by_mac:
        where.append(DeviceSession.device_id == device)
    if by_mac and by_window:
        where.append(DeviceSession.begin_at >= first_begin(device, bind("window_start")))
    if by_start:
        where.append(DeviceSession.begin_at >= bind("start"))
    if by_end:
        # What has ended by then began by then: that bounds what is read of the index.
        where += [DeviceSession.end_at <= bind("end"), DeviceSession.begin_at <= bind("end")]
    if by_window:
        open_or_within = or_(
            DeviceSession.still_connected,
            (DeviceSession.end_at >= bind("window_start")) & (DeviceSession.begin_at <= bind("window_end")),
        )
        where.append(open_or_within)
    if by_before:
        where.append(DeviceSession.begin_at < bind("before"))
    if placed:
        edge = bind("edge")
        where.append(DeviceSession.begin_at < edge if newest_first else DeviceSession.begin_at >= edge)
    if counted:
        return Statement(select(func.count()).select_from(DeviceSession).where(*where))
    listed: Select[*tuple[Any, ...]] = select(*COLUMNS).join(Device, Device.id == DeviceSession.device_id)
    order = [
        column.desc() if newest_first else column for column in (DeviceSession.begin_at, DeviceSession.id)
    ]
    if not placed:
        return Statement(listed.where(*where).order_by(*order).limit(bind("limit")).offset(bind("offset")))
    # Found in the index alone: what is stepped over has no row looked at.
    found = select(DeviceSession.id).where(*where).order_by(*order)
    page = found.limit(bind("limit")).offset(bind("offset")).subquery()
    return Statement(listed.where(DeviceSession.id.in_(select(page.c.id))).order_by(*order))
