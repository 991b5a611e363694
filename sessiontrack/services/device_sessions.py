"""Device sessions: created safely however often it is asked, never overlapping, deleted with a trace."""

from dataclasses import dataclass

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.presence import evidence
from sessiontrack.presence.reconciliation import Change
from sessiontrack.services import devices, events
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.timestamps import IN_UTC

AT_START = Statement(
    "SELECT id, disconnected_at, still_connected, ip, conn_type, disc_type FROM device_session"
    " WHERE device_id = :device_id AND connected_at = :start"
)
# A session with one known end is taken as that instant; `s < upper AND lower < e` holds for those too.
# Of those that began before it only the last one can reach into it: a long history is not read.
OVERLAPPING = Statement(
    "SELECT id, begin_at, end_at FROM device_session"
    " WHERE device_id = :device_id AND begin_at < :end AND (still_connected OR end_at > :start)"
    " AND begin_at >= coalesce((SELECT max(begin_at) FROM device_session"
    " WHERE device_id = :device_id AND begin_at < :start), :start)"
    " ORDER BY begin_at LIMIT 1"
)
# The open one is looked up by itself: asked in one, SQLite reads every earlier session of the device.
LOSE_EARLIER_OPEN = Statement(
    "UPDATE device_session SET still_connected = false WHERE connected_at < :start"
    " AND id = (SELECT id FROM device_session WHERE device_id = :device_id AND still_connected)"
)
CLOSE = Statement(
    "UPDATE device_session SET still_connected = false, disconnected_at = :end, disc_type = :disc_type"
    " WHERE id = :session_id AND still_connected AND connected_at <= :end"
)
# What the closing call says of the rest of the session counts from then on: repeated, it finds itself equal.
RETELL = Statement(
    "UPDATE device_session SET ip = :ip, ip_key = :ip_key, conn_type = :conn_type WHERE id = :session_id"
)
INSERT = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, source) VALUES (:device_id, :start, :end, :still_connected, :ip, :ip_key,"
    " :conn_type, :disc_type, :source) RETURNING id"
)
DELETE = Statement("DELETE FROM device_session WHERE device_id = :device_id")
FOREVER = 2**62


@dataclass(frozen=True)
class NewSession:
    """A session as somebody tells it; instants in UTC epoch seconds, end None while still connected."""

    mac: str
    ip: str
    start: int
    end: int | None = None
    conn_type: str = "Connected"
    disc_type: str = "Disconnected"
    source: str | None = None


def create_session(tx: Transaction, new: NewSession, changes: list[Change] | None = None) -> int:
    """Record a session with its device and its events, once.

    The same session again changes nothing; with an end, it closes the one that began then. An open
    session of the device that began earlier ends here, with a missing disconnection.

    Args:
        changes: where the events that were recorded are added.
    Returns:
        the session's id.
    Raises:
        Conflict: another session of the device overlaps it, or began then and differs.
    """
    device_id = devices.ensure_device(tx, new.mac, new.ip, new.start, changes)
    stored = tx.row(AT_START, device_id=device_id, start=new.start)
    if stored is not None:
        return _repeat(tx, device_id, stored, new, changes)
    tx.run(LOSE_EARLIER_OPEN, device_id=device_id, start=new.start)
    _refuse_overlap(tx, device_id, new)
    session_id: int = tx.value(
        INSERT,
        device_id=device_id,
        start=new.start,
        end=new.end,
        still_connected=new.end is None,
        ip=new.ip,
        ip_key=ip_sort_key(new.ip),
        conn_type=new.conn_type,
        disc_type=new.disc_type,
        source=new.source,
    )
    connected = Change(new.mac, new.conn_type, new.start, new.ip, "")
    events.tell_event(tx, device_id, connected, session_id, changes)
    if new.end is not None:
        disconnected = Change(new.mac, new.disc_type, new.end, new.ip, "")
        events.tell_event(tx, device_id, disconnected, session_id, changes)
    return session_id


def _repeat(
    tx: Transaction, device_id: int, stored: Row, new: NewSession, changes: list[Change] | None
) -> int:
    """The device's session that began at the same instant, if it is this one."""
    session_id: int = stored[0]
    ended_at, still_connected, *rest = stored[1:]
    if still_connected and new.end is not None:
        _close(tx, device_id, session_id, Change(new.mac, new.disc_type, new.end, new.ip, ""), changes)
        ip_key = ip_sort_key(new.ip)
        tx.run(RETELL, session_id=session_id, ip=new.ip, ip_key=ip_key, conn_type=new.conn_type)
        return session_id
    if ended_at == new.end and rest == [new.ip, new.conn_type, new.disc_type]:
        return session_id
    raise Conflict(
        f"Session {session_id} of {new.mac} also began at {IN_UTC.format_offset(new.start)}, and differs."
    )


def _refuse_overlap(tx: Transaction, device_id: int, new: NewSession) -> None:
    end = FOREVER if new.end is None else new.end
    hit = tx.row(OVERLAPPING, device_id=device_id, start=new.start, end=end)
    if hit is not None:
        session_id, begin_at, end_at = hit
        until = "now" if end_at is None else IN_UTC.format_offset(end_at)
        raise Conflict(
            f"This overlaps session {session_id} of {new.mac}, {IN_UTC.format_offset(begin_at)} to {until}."
        )


def _close(
    tx: Transaction, device_id: int, session_id: int, end: Change, changes: list[Change] | None
) -> None:
    """End an open session, with its event; nothing where it is not open or began after that instant."""
    if tx.run(CLOSE, session_id=session_id, end=end.at, disc_type=end.type):
        events.tell_event(tx, device_id, end, session_id, changes)


def delete_sessions(tx: Transaction, mac: str) -> int:
    """Delete the device's sessions; the events they rested on stay, voided. The device stays.

    Returns:
        how many there were, 0 also for an unknown device.
    """
    evidence.hold_evidence(tx)
    device_id = devices.find_device(tx, mac)
    if device_id is None:
        return 0
    events.void_session_events(tx, device_id)
    evidence.forget_device(tx, device_id)
    return tx.run(DELETE, device_id=device_id)
