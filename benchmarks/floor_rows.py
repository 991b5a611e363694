"""The floor's formatting: a row becomes a dict in minimal Python."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

from sessiontrack.values.ips import ip_number
from sessiontrack.values.periods import format_duration
from sessiontrack.values.timestamps import IN_UTC

MISSING = "<missing event>"
minute, second, with_offset = IN_UTC.format_minute, IN_UTC.format_second, IN_UTC.format_offset
Row = tuple[Any, ...]


def _seconds(connected_at: int | None, disconnected_at: int | None, is_open: bool, now: int) -> int | None:
    if connected_at is None:
        return None
    if is_open:
        return max(0, now - connected_at)
    return None if disconnected_at is None else disconnected_at - connected_at


def _end(disconnected_at: int | None, is_open: bool) -> str:
    if disconnected_at is not None:
        return minute(disconnected_at)
    return "..." if is_open else MISSING


def session(row: Row, now: int) -> dict[str, Any]:
    """`/sessions/list`."""
    session_id, mac, connected_at, disconnected_at, is_open, ip, info = row
    seconds = _seconds(connected_at, disconnected_at, is_open, now)
    began = disconnected_at if connected_at is None else connected_at
    return {
        "id": session_id,
        "ses_DateTimeOrder": with_offset(began),
        "ses_MAC": mac,
        "ses_Connection": MISSING if connected_at is None else minute(connected_at),
        "ses_Disconnection": _end(disconnected_at, is_open),
        "ses_Duration": "..." if seconds is None else format_duration(seconds),
        "ses_IP": ip,
        "ses_Info": info,
        "ses_StillConnected": bool(is_open),
        "ses_DateTimeConnection": None if connected_at is None else with_offset(connected_at),
        "ses_DateTimeDisconnection": None if disconnected_at is None else with_offset(disconnected_at),
        "ses_DurationSeconds": seconds,
    }


def device_session(row: Row, now: int) -> dict[str, Any]:
    """`/sessions/<mac>`, which has newer names too."""
    found = session(row, now)
    return {
        **found,
        "sesDateTimeOrder": found["ses_DateTimeOrder"],
        "sesMac": found["ses_MAC"],
        "sesConnection": found["ses_Connection"],
        "sesDisconnection": found["ses_Disconnection"],
        "sesDuration": found["ses_Duration"],
        "sesIp": found["ses_IP"],
        "sesInfo": found["ses_Info"],
    }


def calendar(row: Row, now: int) -> dict[str, Any]:
    """`/sessions/calendar`."""
    mac, ip, connected_at, disconnected_at, is_open, begin, end = row
    if is_open:
        color = "#0073b7"
    else:
        color = "#f39c12" if connected_at is None or disconnected_at is None else "#00a659"
    connection = MISSING if connected_at is None else minute(connected_at)
    if disconnected_at is not None:
        disconnection = minute(disconnected_at)
    else:
        disconnection = "<still connected>" if is_open else MISSING
    return {
        "resourceId": mac,
        "title": "",
        "start": second(begin),
        "end": second(end),
        "color": color,
        "tooltip": f"Connection: {connection}\nDisconnection: {disconnection}\nIP: {ip}",
        "className": "no-border",
    }


def event(row: Row, now: int) -> dict[str, Any]:
    """`/sessions/session-events` of events."""
    row_id, at, mac, name, owner, ip, info, kind, _, voided, cause, cause_at, source = row
    described = {"id": row_id, "mac": mac, "name": name, "owner": owner, "ip": ip}
    explanation = _explanation(cause or "unknown", cause_at, source) if voided else None
    told = {"time": minute(at), "type": kind, "info": info, "at": with_offset(at)}
    return {**described, **told, "explanation": explanation}


def _explanation(code: str, at: int | None, source: str | None) -> dict[str, Any]:
    return {"code": code, "at": None if at is None else with_offset(at), "source": source}


def _why_missing(connected_at: int | None, has_end: bool, next_at: int | None) -> dict[str, Any] | None:
    if connected_at is None:
        return _explanation("no_connection", None, None)
    if has_end:
        return None
    return _explanation("no_disconnection" if next_at is None else "next_connection", next_at, None)


def event_session(row: Row, now: int) -> dict[str, Any]:
    """`/sessions/session-events` of sessions."""
    row_id, _, mac, name, owner, ip, info, connected_at, disconnected_at, is_open, next_at = row
    seconds = _seconds(connected_at, disconnected_at, is_open, now)
    return {
        "id": row_id,
        "mac": mac,
        "name": name,
        "owner": owner,
        "ip": ip,
        "connection": MISSING if connected_at is None else minute(connected_at),
        "disconnection": _end(disconnected_at, is_open),
        "duration": "..." if seconds is None else format_duration(seconds),
        "duration_seconds": seconds,
        "still_connected": bool(is_open),
        "info": info,
        "connected_at": None if connected_at is None else with_offset(connected_at),
        "disconnected_at": None if disconnected_at is None else with_offset(disconnected_at),
        "explanation": _why_missing(connected_at, is_open or disconnected_at is not None, next_at),
    }


def event_columns(row: Row, now: int) -> list[Any]:
    """`/sessions/session-events?format=datatables` of events."""
    _, at, mac, name, owner, ip, info, kind, pending = row[:9]
    time = minute(at)
    what = [time, name, owner, time, kind, None, None, None, None]
    return [*what, ip, ip_number(ip), info, None, mac, int(pending)]


def user_sessions(rows: list[Row], active_since: int) -> list[dict[str, Any]]:
    """`/api/v2/sessions`."""
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        same = list(group)
        _, public_id, login_key, username, began, ping, visible_ping, view, tab, visible, ended = same[0][:11]
        views: dict[str, dict[str, int]] = {}
        for row in same:
            if row[11] is not None:
                views.setdefault(row[11], {})[row[12]] = row[13]
        found.append(
            {
                "_id": public_id,
                "id_beaker_session": login_key,
                "username": username,
                "start": began,
                "last_ping": ping,
                "last_visible_ping": visible_ping,
                "last_visible_path": [] if view is None else [view, tab] if tab else [view],
                "visible_duration": visible,
                "tab_duration": {v: t[""] if set(t) == {""} else t for v, t in views.items()},
                "active": ended is None and ping > active_since,
            }
        )
    return found


FORMATS: dict[str, Callable[[Row, int], object]] = {
    "session": session,
    "device_session": device_session,
    "calendar": calendar,
    "event": event,
    "event_session": event_session,
    "event_columns": event_columns,
}
