"""Everything that is recorded of a kind, row by row, as `sessiontrack export` writes it."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, or_, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession, Event, UserSession, ViewTime
from sessiontrack.models.columns import bind
from sessiontrack.models.device import PROPERTIES
from sessiontrack.queries import user_sessions
from sessiontrack.values.records import (
    DEVICES,
    EVENTS,
    SESSIONS,
    USER_SESSION_COLUMNS,
    USER_SESSIONS,
    EventRecord,
    SessionRecord,
)
from sessiontrack.values.timestamps import IN_UTC

EXPORTED = [each for each in Device.__table__.columns if each.name not in ("id", "announced")]
FLAGS = [each.file_name for each in PROPERTIES if isinstance(each.unset, bool)]
COLUMNS = {
    DEVICES: tuple(each.info.get("file_name", each.name) for each in EXPORTED),
    SESSIONS: SessionRecord._fields,
    EVENTS: EventRecord._fields,
    USER_SESSIONS: USER_SESSION_COLUMNS,
}


class Window(NamedTuple):
    """From .. until, both included, UTC epoch seconds."""

    start: int
    end: int


def export_rows(
    tx: Transaction, kind: str, window: Window | None, active_since: int
) -> Iterator[dict[str, Any]]:
    """The rows of a kind, oldest first; instants are ISO 8601 in UTC, those of user sessions epoch seconds.

    Args:
        window: what happened in it: sessions that overlap it, events in it, and devices that were first seen
            in it or have any of these. None: everything.
        active_since: user sessions with a ping after it, and not ended, are active.
    """
    values = {} if window is None else window._asdict()
    rows = tx.stream(_STATEMENTS[kind](window is not None), **values)
    if kind == USER_SESSIONS:
        for found, ended_at in user_sessions.session_objects(rows, active_since):
            yield {**found, "ended_at": ended_at}
        return
    as_dict = {DEVICES: _device, SESSIONS: _session, EVENTS: _event}[kind]
    yield from map(as_dict, rows)


def _at(at: int | None) -> str | None:
    return None if at is None else IN_UTC.format_offset(at)


def _device(row: Row) -> dict[str, Any]:
    found = dict(zip(COLUMNS[DEVICES], row, strict=True))
    for name in FLAGS:
        found[name] = bool(found[name])
    return {**found, "first_seen_at": _at(found["first_seen_at"]), "last_seen_at": _at(found["last_seen_at"])}


def _session(row: Row) -> dict[str, Any]:
    mac, connected_at, disconnected_at, still_connected, ip, conn_type, disc_type, info = row
    return {
        "mac": mac,
        "connected_at": _at(connected_at),
        "disconnected_at": _at(disconnected_at),
        "still_connected": bool(still_connected),
        "ip": ip,
        "conn_type": _type(conn_type, connected_at, "conn_type"),
        "disc_type": _type(disc_type, disconnected_at, "disc_type"),
        "info": info,
    }


def _type(word: str, at: int | None, name: str) -> str | None:
    """Of an end; None where there is no such event, and reading it back gives the same word."""
    return None if at is None and word == SessionRecord._field_defaults[name] else word


def _event(row: Row) -> dict[str, Any]:
    mac, at, event_type, ip, info, voided, pending_alert = row
    return {
        "mac": mac,
        "at": _at(at),
        "type": event_type,
        "ip": ip,
        "info": info,
        "voided": bool(voided),
        "pending_alert": bool(pending_alert),
    }


@cache
def _devices(windowed: bool) -> Statement:
    found = select(*EXPORTED).order_by(Device.id)
    if windowed:
        start, end = bind("start"), bind("end")
        session = exists().where(
            DeviceSession.device_id == Device.id,
            DeviceSession.begin_at <= end,
            or_(DeviceSession.still_connected, DeviceSession.end_at >= start),
        )
        event = exists().where(Event.device_id == Device.id, Event.at >= start, Event.at <= end)
        first = and_(Device.first_seen_at >= start, Device.first_seen_at <= end)
        found = found.where(or_(first, event, session))
    return Statement(found)


@cache
def _sessions(windowed: bool) -> Statement:
    found: Select[*tuple[Any, ...]] = (
        select(
            Device.mac,
            DeviceSession.connected_at,
            DeviceSession.disconnected_at,
            DeviceSession.still_connected,
            DeviceSession.ip,
            DeviceSession.conn_type,
            DeviceSession.disc_type,
            DeviceSession.info,
        )
        .join(Device, Device.id == DeviceSession.device_id)
        .order_by(DeviceSession.begin_at, DeviceSession.id)
    )
    if windowed:
        found = found.where(
            DeviceSession.begin_at <= bind("end"),
            or_(DeviceSession.still_connected, DeviceSession.end_at >= bind("start")),
        )
    return Statement(found)


@cache
def _events(windowed: bool) -> Statement:
    found: Select[*tuple[Any, ...]] = (
        select(Device.mac, Event.at, Event.type, Event.ip, Event.info, Event.voided, Event.pending_alert)
        .join(Device, Device.id == Event.device_id)
        .order_by(Event.at, Event.id)
    )
    if windowed:
        found = found.where(Event.at >= bind("start"), Event.at <= bind("end"))
    return Statement(found)


@cache
def _users(windowed: bool) -> Statement:
    """One row for each view of each session, sessions together."""
    found: Select[*tuple[Any, ...]] = (
        select(*user_sessions.COLUMNS, ViewTime.view, ViewTime.tab, ViewTime.seconds)
        .join(ViewTime, ViewTime.session_id == UserSession.id, isouter=True)
        .order_by(UserSession.started_at, UserSession.id, ViewTime.view, ViewTime.tab)
    )
    if windowed:
        found = found.where(UserSession.started_at <= bind("end"), UserSession.last_ping >= bind("start"))
    return Statement(found)


_STATEMENTS = {DEVICES: _devices, SESSIONS: _sessions, EVENTS: _events, USER_SESSIONS: _users}
