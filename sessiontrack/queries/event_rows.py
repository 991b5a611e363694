"""Rows of events.py as `/sessions/session-events` shows them: objects, a table's columns, or cells of CSV."""

from typing import Any

from sessiontrack.database import Row
from sessiontrack.queries.rendering import (
    JSON_BOOL,
    MISSING,
    cells,
    duration_seconds,
    duration_text,
    end_text,
)
from sessiontrack.values.ips import ip_number
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.timestamps import SiteTime

# What people read; the objects have the instants for programs beside it.
EVENT_KEYS = ("id", "mac", "name", "owner", "ip", "time", "type", "info")
SESSION_KEYS = (
    *EVENT_KEYS[:5],
    "connection",
    "disconnection",
    "duration",
    "duration_seconds",
    "still_connected",
    "info",
)


def event_object(row: Row, now: int, site: SiteTime) -> dict[str, Any]:
    """An event, for JSON."""
    row_id, at, mac, name, owner, ip, info, event_type = row[:8]
    voided, cause, cause_at, source = row[9:13]
    return {
        "id": row_id,
        "mac": mac,
        "name": name,
        "owner": owner,
        "ip": ip,
        "time": site.format_minute(at),
        "type": event_type,
        "info": info,
        "at": site.format_offset(at),
        "explanation": _explanation(cause or "unknown", cause_at, source, site) if voided else None,
    }


def event_cells(row: Row, now: int, site: SiteTime) -> tuple[str, ...]:
    """The values of EVENT_KEYS, for CSV."""
    row_id, at, mac, name, owner, ip, info, event_type = row[:8]
    time = site.format_minute(at)
    return str(row_id), mac, cells[name], cells[owner], ip, time, cells[event_type], cells[info]


def session_cells(row: Row, now: int, site: SiteTime) -> tuple[str, ...]:
    """The values of SESSION_KEYS, for CSV."""
    row_id, _, mac, name, owner, ip, info = row[:7]
    connection, disconnection, seconds = _session_texts(row, now, site)
    what = (str(row_id), mac, cells[name], cells[owner], ip, connection, disconnection)
    return *what, duration_text(seconds), as_cell(seconds), JSON_BOOL[row[9]], cells[info]


def _explanation(code: str, at: int | None, source: str | None, site: SiteTime) -> dict[str, Any]:
    """Why an event is voided, or an end missing."""
    return {"code": code, "at": None if at is None else site.format_offset(at), "source": source}


def _why_missing(row: Row, site: SiteTime) -> dict[str, Any] | None:
    """What is known of why an end is missing."""
    connected_at, disconnected_at, still_connected, next_at = row[7:11]
    if connected_at is None:
        return _explanation("no_connection", None, None, site)
    if disconnected_at is not None or still_connected:
        return None
    return _explanation("no_disconnection" if next_at is None else "next_connection", next_at, None, site)


def event_columns(row: Row, now: int, site: SiteTime) -> list[Any]:
    """An event as the 15 columns of a table."""
    _, at, mac, name, owner, ip, info, event_type, pending = row[:9]
    time = site.format_minute(at)
    what = [time, name, owner, time, event_type, None, None, None, None]
    return [*what, ip, ip_number(ip), info, None, mac, int(pending)]


def _session_texts(row: Row, now: int, site: SiteTime) -> tuple[str, str, int | None]:
    """(connection, disconnection, seconds)"""
    connected_at, disconnected_at, still_connected = row[7:10]
    connection = MISSING if connected_at is None else site.format_minute(connected_at)
    seconds = duration_seconds(connected_at, disconnected_at, still_connected, now)
    return connection, end_text(disconnected_at, still_connected, site), seconds


def session_object(row: Row, now: int, site: SiteTime) -> dict[str, Any]:
    """A device session, for JSON."""
    row_id, _, mac, name, owner, ip, info, connected_at, disconnected_at, still_connected = row[:10]
    connection, disconnection, seconds = _session_texts(row, now, site)
    return {
        "id": row_id,
        "mac": mac,
        "name": name,
        "owner": owner,
        "ip": ip,
        "connection": connection,
        "disconnection": disconnection,
        "duration": duration_text(seconds),
        "duration_seconds": seconds,
        "still_connected": bool(still_connected),
        "info": info,
        "connected_at": None if connected_at is None else site.format_offset(connected_at),
        "disconnected_at": None if disconnected_at is None else site.format_offset(disconnected_at),
        "explanation": _why_missing(row, site),
    }


def session_columns(row: Row, now: int, site: SiteTime) -> list[Any]:
    """A device session as the 15 columns of a table."""
    _, begin_at, mac, name, owner, ip, info = row[:7]
    connection, disconnection, seconds = _session_texts(row, now, site)
    what = [site.format_minute(begin_at), name, owner, None, None]
    times = [connection, disconnection, duration_text(seconds), seconds]
    return [*what, *times, ip, ip_number(ip), info, int(row[9]), mac, 0]
