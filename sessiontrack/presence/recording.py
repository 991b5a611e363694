"""Brings what is recorded of devices in line with what is derived; only differences are written.

A session keeps its id where it has the same start, else where it shares an instant with what it becomes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.facts import Recorded, Stored, StoredEvent
from sessiontrack.presence.history import (
    CONNECTED,
    DISCONNECTED,
    DOWN,
    NEW,
    OF_SESSIONS,
    RECONNECTED,
    Derived,
    History,
    Key,
)
from sessiontrack.presence.links import LINK
from sessiontrack.values.changes import Change
from sessiontrack.values.ips import ip_sort_key

DELETE_SESSION = Statement("DELETE FROM device_session WHERE id = :session_id")
CHANGE_SESSION = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :end, still_connected = :is_open,"
    " conn_type = :conn_type, disc_type = :disc_type, ip = :ip, ip_key = :ip_key, info = :info"
    " WHERE id = :session_id"
)
INSERT_SESSION = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, info, source) VALUES (:device_id, :start, :end, :is_open, :ip, :ip_key,"
    f" :conn_type, :disc_type, :info, '{DERIVED}')"
)
COVER = Statement(
    "INSERT INTO covered_session (device_id, connected_at, disconnected_at, conn_type, disc_type, ip, info)"
    " VALUES (:device_id, :start, :end, :conn_type, :disc_type, :ip, :info)"
)
UNCOVER = Statement(
    "DELETE FROM covered_session WHERE device_id = :device_id"
    " AND coalesce(connected_at, disconnected_at) = :begin"
)
VOID_EVENT = Statement(
    "UPDATE event SET voided = true, session_id = NULL, void_cause = :cause, void_cause_at = :seen_at,"
    " void_source = :source WHERE id = :event_id"
)
CHANGE_EVENT = Statement("UPDATE event SET ip = :ip, ip_key = :ip_key, info = :info WHERE id = :event_id")
MOVE_EVENT = Statement(
    "UPDATE event SET at = :at, ip = :ip, ip_key = :ip_key, info = :info WHERE id = :event_id"
)
INSERT_EVENT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, source)"
    f" VALUES (:device_id, :at, :type, :ip, :ip_key, :info, '{DERIVED}')"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)
# The derived session that begins at that instant; where its start is not known, the one that ends then.
INSERT_LINKED = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, source, session_id)"
    f" VALUES (:device_id, :at, :type, :ip, :ip_key, :info, '{DERIVED}', (SELECT id FROM device_session"
    f" WHERE device_id = :device_id AND begin_at = :begin AND source = '{DERIVED}'))"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)
LINK_DERIVED = Statement(
    "UPDATE event SET session_id = (SELECT id FROM device_session WHERE device_id = :device_id"
    f" AND begin_at = :begin AND source = '{DERIVED}') WHERE id = :event_id"
)
LINK_REPORTED = Statement(
    f"UPDATE event SET session_id = {LINK} WHERE device_id = :device_id AND at = :at AND NOT voided"
    f" AND coalesce(source, '') <> '{DERIVED}' AND type <> '{NEW}'"
)
EVENTS_AT = Statement(
    "SELECT id, type, ip, info, source, session_id FROM event"
    " WHERE device_id = :device_id AND at = :at AND NOT voided"
)
NEW_DEVICE = Statement(
    "SELECT id, at, ip, info, source, session_id FROM event"
    f" WHERE device_id = :device_id AND type = '{NEW}' AND NOT voided ORDER BY at"
)
SEEN_FIRST = Statement("UPDATE device SET first_seen_at = :at WHERE id = :device_id")

# What an end of a session may be called too: by the alert of its device, or by what was before it.
_OTHER_NAME = {CONNECTED: RECONNECTED, RECONNECTED: CONNECTED, DISCONNECTED: DOWN, DOWN: DISCONNECTED}


class Writer:
    """Collects what differs, and writes it in an order that no constraint of the database minds."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._work: dict[Statement, list[dict[str, Any]]] = {
            statement: []
            for statement in (
                SEEN_FIRST,
                VOID_EVENT,
                DELETE_SESSION,
                UNCOVER,
                COVER,
                CHANGE_SESSION,
                INSERT_SESSION,
                MOVE_EVENT,
                CHANGE_EVENT,
                INSERT_EVENT,
                INSERT_LINKED,
                LINK_DERIVED,
                LINK_REPORTED,
            )
        }

    def clear(self) -> None:
        """Forget what was collected."""
        for rows in self._work.values():
            rows.clear()

    def flush(self) -> None:
        """Write what was collected."""
        # One that is still open may become so only after the one before it was closed.
        self._work[CHANGE_SESSION].sort(key=lambda values: bool(values["is_open"]))
        for statement, rows in self._work.items():
            if rows:
                self._tx.run_many(statement, rows)
                rows.clear()

    def record(self, device: Stored, history: History) -> list[Change]:
        """Write the device's history.

        Returns:
            the events that are news; one that only moves to another instant, or gets another name, is none.
        """
        kept = _matched(device.recorded, history.sessions)
        touched = self._sessions(device, history.sessions, kept)
        self._covered(device, history.sessions)
        return self._events(device, history, kept, touched)

    def _sessions(
        self, device: Stored, sessions: Iterable[Derived], kept: dict[Derived, Recorded]
    ) -> set[int]:
        """The instants at which a session that is written begins or ends, or did before."""
        touched: set[int | None] = set()
        ids = {each.id for each in kept.values()}
        for each in device.recorded:
            if each.id not in ids:
                self._work[DELETE_SESSION].append({"session_id": each.id})
                touched |= {each.start, each.end}
        for session in sessions:
            keeper = kept.get(session)
            before = None if keeper is None else keeper.described()
            if before is None or (before.start, before.conn_type) != (session.start, session.conn_type):
                touched |= {session.start, None if before is None else before.start}
            if before is None or (before.end, before.disc_type) != (session.end, session.disc_type):
                touched |= {session.end, None if before is None else before.end}
            if (
                before is not None
                and keeper is not None
                and not keeper.is_parked
                and before[:6] == session[:6]
            ):
                continue
            values = {
                "start": session.start,
                "end": session.end,
                "is_open": session.end is None,
                "conn_type": session.conn_type,
                "disc_type": session.disc_type,
                "ip": session.ip,
                "ip_key": ip_sort_key(session.ip),
                "info": session.info,
            }
            if keeper is None:
                self._work[INSERT_SESSION].append({**values, "device_id": device.id})
            else:
                self._work[CHANGE_SESSION].append({**values, "session_id": keeper.id})
        return {at for at in touched if at is not None}

    def _covered(self, device: Stored, sessions: Iterable[Derived]) -> None:
        """Keep what a reported session took from what is over, for when that time is free again."""
        whole = {(each.start, each.end) for each in sessions}
        facts = device.facts
        for each in facts.remembered:
            if each.end is None or each.end >= facts.floor:
                continue
            is_whole = (each.start, each.end) in whole
            taken = [
                other for other in facts.reported if other.begin <= each.end and other.until >= each.begin
            ]
            if each in device.covered and (is_whole or not taken):
                self._work[UNCOVER].append({"device_id": device.id, "begin": each.begin})
            elif each not in device.covered and taken and not is_whole:
                values = {"start": each.start, "end": each.end, "ip": each.ip, "info": each.info}
                types = {"conn_type": each.conn_type, "disc_type": each.disc_type}
                self._work[COVER].append({"device_id": device.id, **values, **types})

    def _events(
        self,
        device: Stored,
        history: History,
        kept: dict[Derived, Recorded],
        touched: set[int],
    ) -> list[Change]:
        floor = device.facts.floor
        stored = dict(device.events)
        for at in sorted(at for at in touched if at < floor):
            for event_id, event_type, ip, info, source, session_id in self._tx.rows(
                EVENTS_AT, device_id=device.id, at=at
            ):
                stored[at, event_type] = StoredEvent(event_id, ip, info, source == DERIVED, session_id)
        wanted = {key: value for key, value in history.events.items() if key[0] >= floor or key[0] in touched}
        begins = _begins(history.sessions)
        for (at, event_type), event in stored.items():
            is_due = at >= floor or event_type in OF_SESSIONS
            if event.is_derived and is_due and event_type != NEW and (at, event_type) not in wanted:
                self._work[VOID_EVENT].append({"event_id": event.id, **_cause(device, at, event_type)})
        ids = {session.begin: keeper.id for session, keeper in kept.items()}
        moved = {after for before, after in _moves(kept) if before in stored}
        changes = []
        for key, (ip, info) in wanted.items():
            found = stored.get(key)
            if found is None:
                if key not in moved and (key[0], _OTHER_NAME.get(key[1])) not in stored:
                    changes.append(Change(device.mac, key[1], key[0], ip, info))
                self._insert(device, key, ip, info, begins.get(key))
            elif found.is_derived:
                self._update(found, key[0] >= floor, ip, info)
                begin = begins.get(key)
                if begin is not None and (found.session_id is None or found.session_id != ids.get(begin)):
                    link = {"device_id": device.id, "begin": begin, "event_id": found.id}
                    self._work[LINK_DERIVED].append(link)
        reported = {at for (at, _), event in stored.items() if not event.is_derived}
        for at in sorted(touched & reported):
            self._work[LINK_REPORTED].append({"device_id": device.id, "at": at})
        # A device that was only reported has one where its first report made one; a merge may move it.
        if device.facts.evidence.is_known() or _has_new_device(device):
            changes += self._new_device(device)
        return changes

    def _insert(self, device: Stored, key: Key, ip: str, info: str, begin: int | None) -> None:
        values = {"device_id": device.id, "at": key[0], "type": key[1], "info": info}
        values |= {"ip": ip, "ip_key": ip_sort_key(ip)}
        if begin is None:
            self._work[INSERT_EVENT].append(values)
        else:
            self._work[INSERT_LINKED].append({**values, "begin": begin})

    def _update(self, event: StoredEvent, is_recent: bool, ip: str, info: str) -> None:
        if is_recent and (event.ip, event.info) != (ip, info):
            values = {"event_id": event.id, "ip": ip, "ip_key": ip_sort_key(ip), "info": info}
            self._work[CHANGE_EVENT].append(values)

    def _new_device(self, device: Stored) -> Iterator[Change]:
        """`New Device` stands where the device was seen first; one that moves is no news."""
        at, ip = _first(device)
        if at != device.first_seen_at:
            self._work[SEEN_FIRST].append({"device_id": device.id, "at": at})
        there = device.events.get((at, NEW))
        others = [event for (each, kind), event in device.events.items() if kind == NEW and each != at]
        if there is None and (at >= device.facts.floor or at != device.first_seen_at):
            rows = self._tx.rows(NEW_DEVICE, device_id=device.id)
            found = [(row[1], StoredEvent(row[0], row[2], row[3], row[4] == DERIVED, row[5])) for row in rows]
            there = next((event for each, event in found if each == at), None)
            others = [event for each, event in found if each != at]
        others = [event for event in others if event.is_derived]
        if there is None and others:
            event = others.pop(0)
            key = ip_sort_key(ip)
            self._work[MOVE_EVENT].append(
                {"event_id": event.id, "at": at, "ip": ip, "ip_key": key, "info": event.info}
            )
        elif there is None and at >= device.facts.floor:
            self._insert(device, (at, NEW), ip, "", None)
            yield Change(device.mac, NEW, at, ip, "")
        elif there is not None and there.is_derived:
            self._update(there, at >= device.facts.floor, ip, "")
        for event in others:
            values = {"cause": "evidence", "seen_at": None, "source": None}
            self._work[VOID_EVENT].append({"event_id": event.id, **values})


def _has_new_device(device: Stored) -> bool:
    return any(kind == NEW and event.is_derived for (_, kind), event in device.events.items())


def _first(device: Stored) -> tuple[int, str]:
    """When the device was seen first, and where."""
    facts = device.facts
    seen = facts.evidence.first_at()
    at = min(each for each in (device.first_seen_at, seen) if each is not None)
    first = min((each.begin for each in facts.reported), default=None)
    ip = max((each.ip for each in facts.reported if each.begin == first), default="")
    if first is not None and first <= at:
        return first, ip
    return at, facts.evidence.address_at(at) or ip


def _matched(recorded: Iterable[Recorded], sessions: Iterable[Derived]) -> dict[Derived, Recorded]:
    """The recorded session that each becomes."""
    free = {each.id: each for each in recorded}
    by_start = {each.start if each.start is not None else -each.begin: each for each in free.values()}
    found = {}
    for session in sessions:
        same = by_start.get(session.start if session.start is not None else -session.begin)
        if same is not None:
            found[session] = free.pop(same.id)
    for session in sessions:
        until = session.end
        if session in found or not free:
            continue
        touching = (
            each
            for each in free.values()
            if each.until >= session.begin and (until is None or each.begin <= until)
        )
        near = next(touching, None)
        if near is not None:
            found[session] = free.pop(near.id)
    return found


def _begins(sessions: Iterable[Derived]) -> dict[Key, int]:
    """Which session an event is of, by that one's first instant."""
    found: dict[Key, int] = {}
    for each in sessions:
        if each.end is not None:
            found[each.end, each.disc_type] = each.begin
    for each in sessions:
        if each.start is not None:
            found[each.start, each.conn_type] = each.begin
    return found


def _moves(kept: dict[Derived, Recorded]) -> Iterator[tuple[Key, Key]]:
    """Where an end of a session lay, and where it lies now: that it is another instant is no news."""
    for session, keeper in kept.items():
        before = keeper.described()
        if before.start is not None and session.start is not None and before.start != session.start:
            yield (before.start, before.conn_type), (session.start, session.conn_type)
        if before.end is not None and session.end is not None and before.end != session.end:
            yield (before.end, before.disc_type), (session.end, session.disc_type)


def _cause(device: Stored, at: int, event_type: str) -> dict[str, Any]:
    """Why an event is voided: the sighting nearest to an end of a session that was none, and its source.

    That is the next one after a disconnection, and the last one before a connection.
    """
    is_end = event_type in (DISCONNECTED, DOWN)
    seen = [
        (instant, name)
        for name, source in device.facts.evidence.sources.items()
        for instant in source.sightings_beside(at)
        if (instant > at if is_end else instant < at)
    ]
    if event_type not in OF_SESSIONS or not seen:
        return {"cause": "evidence", "seen_at": None, "source": None}
    seen_at, name = (min if is_end else max)(seen)
    return {"cause": "seen", "seen_at": seen_at, "source": name}
