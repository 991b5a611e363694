"""What a device did in a period: how much it was connected, when in the week, and in how long stretches."""

from statistics import mean, median
from typing import Any

from sqlalchemy import select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.values.timestamps import IN_UTC, SiteTime
from sessiontrack.values.week_hours import seconds_by_week_hour

_device = select(Device.id).where(Device.mac == bind("mac")).scalar_subquery()
SESSIONS = Statement(
    select(DeviceSession.connected_at, DeviceSession.disconnected_at, DeviceSession.still_connected)
    .where(
        DeviceSession.device_id == _device,
        DeviceSession.begin_at >= first_begin(_device, bind("start")),
        DeviceSession.begin_at <= bind("end"),
    )
    .order_by(DeviceSession.begin_at, DeviceSession.id)
)


def device_statistics(
    tx: Transaction, device: dict[str, Any], since: int, end: int, now: int, site: SiteTime
) -> dict[str, Any]:
    """The statistics of [since, end], or from when the device was first seen on.

    A session that lacks an end has no length: it is counted, and adds no time.

    Args:
        device: as devices.find_device gives it.
        end: at most `now`, up to which an open session has lasted.
    """
    start = min(end, max(since, IN_UTC.parse_start(device["first_seen"])))
    rows = [
        row
        for row in tx.rows(SESSIONS, mac=device["mac"], start=start, end=end)
        if _is_within(row, start, end, now)
    ]
    whole = [
        (connected_at, max(connected_at, now) if still_connected else disconnected_at)
        for connected_at, disconnected_at, still_connected in rows
        if connected_at is not None and (disconnected_at is not None or still_connected)
    ]
    lengths = [last - first for first, last in whole]
    stretches = [(max(first, start), min(last, end)) for first, last in whole if first < end and last > start]
    covered, total = seconds_by_week_hour(stretches, start, end, site)
    connected = sum(last - first for first, last in stretches)
    return {
        "start": site.format_offset(start),
        "end": site.format_offset(end),
        "first_seen": device["first_seen"],
        "last_seen": device["last_seen"],
        "observed_seconds": end - start,
        "connected_seconds": connected,
        "uptime": _share(connected, end - start),
        "sessions": len(rows),
        "missing_connections": sum(row[0] is None for row in rows),
        "missing_disconnections": sum(row[1] is None and not row[2] for row in rows),
        "average_seconds": round(mean(lengths)) if lengths else None,
        "median_seconds": round(median(lengths)) if lengths else None,
        "longest_seconds": max(lengths, default=None),
        "week": [
            [_share(part, whole_hour) for part, whole_hour in zip(*day, strict=True)]
            for day in zip(covered, total, strict=True)
        ],
    }


def _is_within(row: Row, start: int, end: int, now: int) -> bool:
    """As `/sessions/<mac>` judges: it was there from start to now, or before an earlier end, or is open."""
    connected_at, disconnected_at, still_connected = row
    first = disconnected_at if connected_at is None else connected_at
    last = connected_at if disconnected_at is None else disconnected_at
    if end < now:
        return bool((still_connected or last >= start) and first < end)
    return bool(still_connected or (last >= start and first <= end))


def _share(part: int, whole: int) -> float | None:
    """None where there was no time at all."""
    return round(part / whole, 4) if whole else None
