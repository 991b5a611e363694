"""Device sessions that are reported: created safely however often it is asked, deleted with a trace.

A reported session conflicts only with another reported one. What is derived gives way to it, and is derived
around it.
"""

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence import evidence
from sessiontrack.presence.derivation import is_concerned
from sessiontrack.services import devices, events
from sessiontrack.services.announcing import announce
from sessiontrack.services.presence import PresenceRules, reporting
from sessiontrack.values.changes import Change
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.reports import NewSession
from sessiontrack.values.timestamps import FOREVER, IN_UTC

_IS_REPORTED = f"coalesce(source, '') <> '{DERIVED}'"
AT_START = Statement(
    "SELECT id, disconnected_at, still_connected, ip, conn_type, disc_type FROM device_session"
    f" WHERE device_id = :device_id AND connected_at = :start AND {_IS_REPORTED}"
)
# A session with one known end is taken as that instant; `s < upper AND lower < e` holds for those too.
# Of those that began before it only the last one can reach into it: a long history is not read.
OVERLAPPING = Statement(
    "SELECT id, begin_at, end_at FROM device_session"
    " WHERE device_id = :device_id AND begin_at < :end AND (still_connected OR end_at > :start)"
    " AND begin_at >= coalesce((SELECT max(begin_at) FROM device_session"
    " WHERE device_id = :device_id AND begin_at < :start), :start)"
    f" AND {_IS_REPORTED} AND id <> :itself ORDER BY begin_at LIMIT 1"
)
# The open one is looked up by itself: asked in one, SQLite reads every earlier session of the device.
EARLIER_OPEN = Statement(
    f"SELECT id, connected_at FROM device_session WHERE connected_at < :start AND {_IS_REPORTED}"
    " AND id = (SELECT id FROM device_session WHERE device_id = :device_id AND still_connected)"
)
LOSE_END = Statement("UPDATE device_session SET still_connected = false WHERE id = :session_id")
LATER = Statement(
    "SELECT id FROM device_session WHERE device_id = :device_id AND begin_at > :start"
    f" AND {_IS_REPORTED} LIMIT 1"
)
# What the closing report says of the rest of the session counts from then on.
CLOSE = Statement(
    "UPDATE device_session SET still_connected = false, disconnected_at = :end, disc_type = :disc_type,"
    " ip = :ip, ip_key = :ip_key, conn_type = :conn_type WHERE id = :session_id"
)
REMEMBER = Statement(
    "INSERT INTO earlier_report (session_id, ip, conn_type, disc_type)"
    " VALUES (:session_id, :ip, :conn_type, :disc_type) ON CONFLICT (session_id) DO NOTHING"
)
EARLIER_REPORT = Statement(
    "SELECT ip, conn_type, disc_type FROM earlier_report WHERE session_id = :session_id"
)
INSERT = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, source) VALUES (:device_id, :start, :end, :still_connected, :ip, :ip_key,"
    " :conn_type, :disc_type, :source) RETURNING id"
)
COUNT_EVENTS = Statement(
    "SELECT count(*) FROM event WHERE session_id = :session_id AND NOT voided"
    f" AND coalesce(source, '') <> '{DERIVED}'"
)
DELETE = Statement("DELETE FROM device_session WHERE device_id = :device_id")


def create_session(tx: Transaction, now: int, new: NewSession, rules: PresenceRules) -> int:
    """Record a session with its device and its events, once, and announce what is news.

    The same session again changes nothing; with an end, it closes the one that began then without one. Of
    reported sessions without an end the last one is open; one that another follows has a missing
    disconnection. It does not matter which of them was reported first.

    Returns:
        the session's id.
    Raises:
        Conflict: another reported session of the device overlaps it, or began then and differs.
    """
    device_id, is_new = devices.ensure_device(tx, new.mac, new.start)
    stored = tx.row(AT_START, device_id=device_id, start=new.start)
    if stored is not None:
        return _repeat(tx, now, device_id, stored, new, rules)
    open_id, open_since = tx.row(EARLIER_OPEN, device_id=device_id, start=new.start) or (None, new.start)
    if open_id is not None:
        tx.run(LOSE_END, session_id=open_id)
    is_open = new.end is None and tx.row(LATER, device_id=device_id, start=new.start) is None
    until = FOREVER if is_open else new.start if new.end is None else new.end
    _refuse_overlap(tx, device_id, new, until)
    until = until if open_id is None else FOREVER
    if is_new or not is_concerned(tx, device_id, open_since, until):
        changes: list[Change] = []
        session_id = _insert(tx, device_id, new, is_open, changes)
        announce(tx, now, changes, rules.flapping, rules.grace)
        return session_id
    with reporting(tx, now, {device_id: (open_since, until)}, rules) as changes:
        return _insert(tx, device_id, new, is_open, changes)


def _insert(tx: Transaction, device_id: int, new: NewSession, is_open: bool, changes: list[Change]) -> int:
    session_id: int = tx.value(
        INSERT,
        device_id=device_id,
        start=new.start,
        end=new.end,
        still_connected=is_open,
        ip=new.ip,
        ip_key=ip_sort_key(new.ip),
        conn_type=new.conn_type,
        disc_type=new.disc_type,
        source=new.source,
    )
    changes += _report_events(tx, device_id, session_id, new)
    return session_id


def _report_events(tx: Transaction, device_id: int, session_id: int, new: NewSession) -> list[Change]:
    changes = devices.place_new_device(tx, device_id, new.mac, new.start)
    connected = Change(new.mac, new.conn_type, new.start, new.ip, "")
    changes += events.report_event(tx, device_id, connected, session_id)
    return [*changes, *_report_end(tx, device_id, session_id, new)]


def _report_end(tx: Transaction, device_id: int, session_id: int, new: NewSession) -> list[Change]:
    if new.end is None:
        return []
    disconnected = Change(new.mac, new.disc_type, new.end, new.ip, "")
    return events.report_event(tx, device_id, disconnected, session_id)


def _repeat(
    tx: Transaction, now: int, device_id: int, stored: Row, new: NewSession, rules: PresenceRules
) -> int:
    """The device's session that began at the same instant, if it is this one."""
    session_id: int = stored[0]
    ended_at, still_connected, *rest = stored[1:]
    said = [new.ip, new.conn_type, new.disc_type]
    if ended_at is None and new.end is not None:
        _refuse_overlap(tx, device_id, new, new.end, session_id)
        until = FOREVER if still_connected else new.end
        if is_concerned(tx, device_id, new.start, until):
            with reporting(tx, now, {device_id: (new.start, until)}, rules) as changes:
                changes += _close(tx, device_id, session_id, rest, new)
        else:
            announce(tx, now, _close(tx, device_id, session_id, rest, new), rules.flapping, rules.grace)
        return session_id
    if ended_at == new.end and rest == said:
        # An import reports a session without its events.
        if tx.value(COUNT_EVENTS, session_id=session_id) < (1 if new.end is None else 2):
            announce(tx, now, _report_events(tx, device_id, session_id, new), rules.flapping, rules.grace)
        return session_id
    if new.end is None and tx.row(EARLIER_REPORT, session_id=session_id) == tuple(said):
        return session_id
    raise Conflict(
        f"Session {session_id} of {new.mac} also began at {IN_UTC.format_offset(new.start)}, and differs."
    )


def _close(
    tx: Transaction, device_id: int, session_id: int, before: list[str], new: NewSession
) -> list[Change]:
    """End a session that lacks an end, with its events; what was reported of it before is remembered."""
    ip, conn_type, disc_type = before
    tx.run(REMEMBER, session_id=session_id, ip=ip, conn_type=conn_type, disc_type=disc_type)
    tx.run(
        CLOSE,
        session_id=session_id,
        end=new.end,
        disc_type=new.disc_type,
        ip=new.ip,
        ip_key=ip_sort_key(new.ip),
        conn_type=new.conn_type,
    )
    types = (conn_type, new.conn_type)
    if events.correct_event(tx, device_id, session_id, new.start, types, new.ip) and ip == new.ip:
        return _report_end(tx, device_id, session_id, new)
    return _report_events(tx, device_id, session_id, new)


def _refuse_overlap(tx: Transaction, device_id: int, new: NewSession, until: int, itself: int = 0) -> None:
    hit = tx.row(OVERLAPPING, device_id=device_id, start=new.start, end=until, itself=itself)
    if hit is not None:
        session_id, begin_at, end_at = hit
        last = "now" if end_at is None else IN_UTC.format_offset(end_at)
        raise Conflict(
            f"This overlaps session {session_id} of {new.mac}, {IN_UTC.format_offset(begin_at)} to {last}."
        )


def delete_sessions(tx: Transaction, mac: str) -> int:
    """Delete the device's sessions; the events they rested on stay, voided. The device stays.

    Returns:
        how many there were, 0 also for an unknown device.
    """
    evidence.hold_evidence(tx)
    device_id = devices.find_device(tx, mac)
    if device_id is None:
        return 0
    events.void_events_of(tx, device_id)
    evidence.forget_device(tx, device_id)
    return tx.run(DELETE, device_id=device_id)
