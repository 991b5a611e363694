"""What is recorded of devices, brought in line with what their evidence says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import holds
from sessiontrack.presence.evidence import REMEMBERED
from sessiontrack.presence.rules import Interval, SourceEvidence, connected_intervals
from sessiontrack.values.ips import ip_sort_key

CHUNK = 400
DOWN = "Device Down"
OF_SESSIONS = frozenset({"Connected", "Down Reconnected", "Disconnected", DOWN})
# The sessions and events that are derived from evidence; all others were told.
DERIVED = "presence"

# Locked in one order: nobody else changes their sessions until the transaction ends.
DEVICES = Statement(
    select(Device.id, Device.mac, Device.first_seen_at, Device.grace_seconds, Device.alert_down)
    .where(holds("device.id AMONG(:ids)"))
    .order_by(Device.id)
    .with_for_update()
)
RUNS = Statement(
    "SELECT device_id, source_id, first_at, last_at, ip, settled FROM sighting_run"
    " WHERE device_id AMONG(:ids) ORDER BY first_at"
)
SAID = Statement(
    "SELECT device_id, source_id, at, kind, ip, info, settled, since_at FROM device_evidence"
    " WHERE device_id AMONG(:ids) ORDER BY at"
)
# They never overlap, so of those that began before the floor only the last one can reach to it.
SESSIONS = Statement(
    "SELECT s.device_id, s.id, s.connected_at, s.disconnected_at, s.still_connected, s.conn_type,"
    " s.disc_type, s.source FROM device d JOIN device_session s ON s.device_id = d.id"
    " AND s.begin_at >= coalesce((SELECT max(l.begin_at) FROM device_session l"
    " WHERE l.device_id = d.id AND l.begin_at < :floor), :floor)"
    " WHERE d.id AMONG(:ids) AND (s.still_connected OR s.end_at >= :floor) ORDER BY s.begin_at"
)
EVENTS = Statement(
    "SELECT device_id, id, at, type FROM event WHERE device_id AMONG(:ids) AND at >= :floor"
    " AND NOT voided AND (source = 'presence' OR type = 'New Device')"
)
SOURCE_NAMES = Statement("SELECT id, name FROM source")
SCANS = Statement("SELECT at, trusted FROM scan WHERE source_id = :source_id ORDER BY at")
ENDED_BEFORE = Statement(
    "SELECT disc_type FROM device_session WHERE device_id = :device_id AND begin_at < :start"
    " ORDER BY begin_at DESC LIMIT 1"
)

DELETE_SESSION = Statement("DELETE FROM device_session WHERE id = :session_id")
CHANGE_SESSION = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :end, still_connected = :is_open,"
    " conn_type = :conn_type, disc_type = :disc_type WHERE id = :session_id"
)
INSERT_SESSION = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, info, source) VALUES (:device_id, :start, :end, :is_open, :ip, :ip_key,"
    " :conn_type, :disc_type, :info, 'presence')"
)
VOID_EVENT = Statement(
    "UPDATE event SET voided = true, session_id = NULL, void_cause = :cause, void_cause_at = :seen_at,"
    " void_source = :source WHERE id = :event_id"
)
INSERT_EVENT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, source, session_id)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, :info, 'presence', CASE WHEN :of_session THEN"
    " (SELECT id FROM device_session WHERE device_id = :device_id AND source = 'presence'"
    " AND (connected_at = :at OR disconnected_at = :at) LIMIT 1) END)"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)


class Change(NamedTuple):
    """An event that was recorded: what happened to a device, and when."""

    mac: str
    type: str
    at: int
    ip: str
    info: str


class _Session(NamedTuple):
    """A session as it is recorded."""

    id: int
    start: int | None
    end: int | None
    is_open: bool
    conn_type: str
    disc_type: str


class _Part(NamedTuple):
    """A session as it should be; keeper is the recorded one that becomes it."""

    start: int | None
    end: int | None
    conn_type: str
    disc_type: str
    keeper: _Session | None


_Witness = tuple[str, bool]


@dataclass
class _Device:
    """All that is known of one device."""

    id: int
    mac: str
    first_seen_at: int
    grace: int
    alert_down: bool
    sources: dict[int, SourceEvidence] = field(default_factory=lambda: defaultdict(SourceEvidence))
    # Where each witness saw it: a source's scans are one, what it says of single devices is another.
    addresses: dict[tuple[int, _Witness], str] = field(default_factory=dict)
    # What a source said beside a connection.
    infos: dict[int, str] = field(default_factory=dict)
    derived: list[_Session] = field(default_factory=list)
    told: list[_Session] = field(default_factory=list)
    events: dict[tuple[int, str], int] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    source_names: dict[int, str] = field(default_factory=dict)

    def refuted_by(self, at: int, event_type: str) -> tuple[int, str] | None:
        """The sighting nearest to an end of a session that was none, and its source.

        That is the next one after a disconnection, and the last one before a connection.
        """
        if event_type not in OF_SESSIONS:
            return None
        is_end = event_type in ("Disconnected", DOWN)
        seen = [
            (instant, self.source_names[source_id])
            for source_id, source in self.sources.items()
            for instant in source.sightings_beside(at)
            if (instant > at if is_end else instant < at)
        ]
        return (min if is_end else max)(seen, default=None)

    def is_known(self) -> bool:
        """Whether there is any evidence of it."""
        return any(
            source.blocks or source.connected or source.left or source.known_before
            for source in self.sources.values()
        )

    def saw(self, at: int, witness: _Witness, ip: str) -> None:
        """Two addresses at once: always the same one of them."""
        if ip:
            self.addresses[at, witness] = max(ip, self.addresses.get((at, witness), ""))

    def address_at(self, at: int | None) -> str:
        """The last address seen by then, else the first one seen after it."""
        found = ""
        for (each, _), ip in self.addresses.items():
            if found and at is not None and each > at:
                break
            found = ip
        return found


def reconcile(tx: Transaction, device_ids: Iterable[int], floor: int, grace: int) -> list[Change]:
    """Derive the sessions and events of these devices, and write what differs from what is recorded.

    What ended before the floor stays as it is: the evidence for it may be gone.

    Args:
        floor: UTC epoch seconds.
        grace: seconds, for devices without a grace time of their own.
    Returns:
        the events that were recorded, oldest first.
    """
    changes: list[Change] = []
    writer = _Writer(tx)
    for chunk in _chunks(sorted(device_ids)):
        for device in _load(tx, chunk, floor, grace):
            parts = list(_parts(tx, device, floor))
            stale = _stale(device, parts, floor)
            writer.sessions(device, parts, stale)
            changes += writer.events(device, parts, stale, floor)
    writer.flush()
    return sorted(changes, key=lambda change: (change.at, change.mac))


def _chunks(ids: list[int]) -> Iterator[dict[str, list[int]]]:
    """The parameters of the statements above."""
    for first in range(0, len(ids), CHUNK):
        chunk = ids[first : first + CHUNK]
        yield {"ids": chunk}


def _load(tx: Transaction, chunk: dict[str, list[int]], floor: int, grace: int) -> list[_Device]:
    devices = {
        row[0]: _Device(row[0], row[1], row[2], grace if row[3] is None else row[3], bool(row[4]))
        for row in tx.rows(DEVICES, **chunk)
    }
    names: dict[int, str] = dict(tx.rows(SOURCE_NAMES))
    scans = _Scans(tx)
    for device_id, source_id, first, last, ip, settled in tx.rows(RUNS, **chunk):
        device = devices[device_id]
        end = scans.newest(source_id) if last is None else last
        source = scans.give(device.sources[source_id], source_id)
        if ip == REMEMBERED:
            source.excused.append((first, end))
            continue
        if settled:
            source.known_before = True
        else:
            source.blocks.append((first, end))
        device.saw(first, (names[source_id], True), ip)
    for device_id, source_id, at, kind, ip, info, settled, since in tx.rows(SAID, **chunk):
        device = devices[device_id]
        source = scans.give(device.sources[source_id], source_id)
        if settled:
            source.known_before = True
            continue
        if kind == "seen" or since is not None:
            source.blocks.append((at if since is None else since, at))
        if kind != "seen":
            (source.connected if kind == "connected" else source.left).append(at)
        device.saw(at, (names[source_id], False), ip)
        if kind == "connected" and info:
            device.infos[at] = max(info, device.infos.get(at, ""))
    for device in devices.values():
        device.addresses = dict(sorted(device.addresses.items()))
        device.source_names = names
        device.intervals = connected_intervals(device.sources.values(), device.grace, floor)
    ends = (
        end
        for device in devices.values()
        for each in device.intervals
        for end in (each.start, each.end)
        if end is not None
    )
    since = min((floor, *ends))
    for device_id, *values, source_name in tx.rows(SESSIONS, **chunk, floor=since):
        device = devices[device_id]
        (device.derived if source_name == DERIVED else device.told).append(_Session(*values))
    for device_id, event_id, at, event_type in tx.rows(EVENTS, **chunk, floor=since):
        devices[device_id].events[at, event_type] = event_id
    # Of a device that was only ever remembered there is nothing to derive.
    return [device for device in devices.values() if device.is_known()]


class _Scans:
    """The scans of each source, read once where a device's evidence needs them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._found: dict[int, tuple[list[int], list[int]]] = {}

    def _of(self, source_id: int) -> tuple[list[int], list[int]]:
        if source_id not in self._found:
            rows = self._tx.rows(SCANS, source_id=source_id)
            self._found[source_id] = ([at for at, _ in rows], [at for at, trusted in rows if trusted])
        return self._found[source_id]

    def newest(self, source_id: int) -> int:
        return self._of(source_id)[0][-1]

    def give(self, evidence: SourceEvidence, source_id: int) -> SourceEvidence:
        evidence.scans, evidence.trusted = self._of(source_id)
        return evidence


def _parts(tx: Transaction, device: _Device, floor: int) -> Iterator[_Part]:
    """The sessions that should be recorded; what somebody told through the API is left to that."""
    taken: set[int] = set()
    before: _Part | None = None
    for interval in _without(device.intervals, device.told):
        touched = [each for each in device.derived if _touch(each, interval)]
        start = interval.start
        keeper = next((each for each in touched if each.id not in taken), None)
        if keeper is not None:
            taken.add(keeper.id)
            if _is_over(keeper, floor) and interval.end is not None and interval.end < floor:
                continue
            if keeper.start is not None and keeper.start < floor:
                start = keeper.start
        same_end = next((each for each in touched if each.end == interval.end), None)
        disc_type = DOWN if device.alert_down else "Disconnected"
        if same_end is not None and interval.end is not None:
            disc_type = same_end.disc_type
        if before is not None:
            was_down = before.disc_type == DOWN
        elif keeper is not None and keeper.start == start:
            was_down = keeper.conn_type == "Down Reconnected"
        else:
            was_down = tx.value(ENDED_BEFORE, device_id=device.id, start=start) == DOWN
        conn_type = "Down Reconnected" if was_down else "Connected"
        before = _Part(start, interval.end, conn_type, disc_type, keeper)
        yield before


def _is_over(session: _Session, floor: int) -> bool:
    """Whether it is recorded as having ended before the floor."""
    return not session.is_open and (session.end or session.start or 0) < floor


def _stale(device: _Device, parts: list[_Part], floor: int) -> list[_Session]:
    """Recorded sessions that should not be: nothing bears them, or another one takes them in."""
    kept = {part.keeper.id for part in parts if part.keeper is not None}
    found = []
    for session in device.derived:
        taken_in = any(_touch(session, Interval(part.start, part.end)) for part in parts)
        if session.id not in kept and (taken_in or not _is_over(session, floor)):
            found.append(session)
    return found


def _without(intervals: list[Interval], told: list[_Session]) -> list[Interval]:
    """The intervals less the sessions that were told; a missing end of those counts as the known one."""
    for session in told:
        start, end = session.start, session.end
        if start is None or (end is None and not session.is_open):
            start = end = start if end is None else end
        intervals = [rest for each in intervals for rest in _less(each, start or 0, end)]
    return intervals


def _less(interval: Interval, start: int, end: int | None) -> Iterator[Interval]:
    """What is left of an interval without [start, end]; end None is for ever."""
    if interval.start is None:
        known = interval.end or 0
        if not start <= known or (end is not None and known > end):
            yield interval
        return
    if interval.end is not None and interval.end <= start and interval.start < start:
        yield interval
        return
    if interval.start < start:
        yield Interval(interval.start, start)
    if end is not None and (interval.end is None or interval.end > end):
        yield Interval(max(interval.start, end), interval.end)


def _touch(session: _Session, interval: Interval) -> bool:
    """Whether they share an instant."""
    session_start = session.end if session.start is None else session.start
    interval_start = interval.end if interval.start is None else interval.start
    ends_before = session.end is not None and session.end < (interval_start or 0)
    begins_after = interval.end is not None and interval.end < (session_start or 0)
    return not ends_before and not begins_after


def _address_changes(device: _Device) -> Iterator[tuple[int, str, str]]:
    """(instant, new address, old address): where a witness saw the device move to another one."""
    current: dict[bool, str] = {}
    by_witness: dict[tuple[_Witness, bool], str] = {}
    for (at, witness), ip in device.addresses.items():
        is_ipv6 = ":" in ip
        moved = by_witness.get((witness, is_ipv6)) != ip
        by_witness[witness, is_ipv6] = ip
        old = current.get(is_ipv6)
        if moved and old != ip:
            current[is_ipv6] = ip
            if old is not None:
                yield at, ip, old


def _cause(device: _Device, at: int, event_type: str) -> dict[str, Any]:
    """Why an event is voided."""
    seen = device.refuted_by(at, event_type)
    if seen is None:
        return {"cause": "evidence", "seen_at": None, "source": None}
    return {"cause": "seen", "seen_at": seen[0], "source": seen[1]}


class _Writer:
    """Collects what differs, and writes it in an order that no constraint of the database minds."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._work: dict[Statement, list[dict[str, Any]]] = {
            VOID_EVENT: [],
            DELETE_SESSION: [],
            CHANGE_SESSION: [],
            INSERT_SESSION: [],
            INSERT_EVENT: [],
        }

    def flush(self) -> None:
        for statement, rows in self._work.items():
            if rows:
                self._tx.run_many(statement, rows)

    def sessions(self, device: _Device, parts: list[_Part], stale: list[_Session]) -> None:
        self._work[DELETE_SESSION] += [{"session_id": each.id} for each in stale]
        for part in parts:
            values = {
                "start": part.start,
                "end": part.end,
                "is_open": part.end is None,
                "conn_type": part.conn_type,
                "disc_type": part.disc_type,
            }
            if part.keeper is None:
                ip = device.address_at(part.start if part.start is not None else part.end)
                info = device.infos.get(part.start or 0, "")
                new = {**values, "device_id": device.id, "ip": ip, "ip_key": ip_sort_key(ip), "info": info}
                self._work[INSERT_SESSION].append(new)
            elif part.keeper[1:] != tuple(values.values()):
                self._work[CHANGE_SESSION].append({**values, "session_id": part.keeper.id})

    def events(self, device: _Device, parts: list[_Part], stale: list[_Session], floor: int) -> list[Change]:
        # Before the floor, only what ends or begins a session that is changed now.
        keepers = [part.keeper for part in parts if part.keeper is not None]
        instants = {at for each in (*stale, *keepers) for at in (each.start, each.end)}
        instants |= {at for part in parts for at in (part.start, part.end)}
        wanted: dict[tuple[int, str], tuple[str, str]] = {}
        for part in parts:
            if part.start is not None:
                wanted[part.start, part.conn_type] = (device.address_at(part.start), "")
            if part.end is not None:
                wanted[part.end, part.disc_type] = (device.address_at(part.end), "")
        for at, ip, old in _address_changes(device):
            wanted[at, "IP Changed"] = (ip, old)
        wanted[device.first_seen_at, "New Device"] = (device.address_at(device.first_seen_at), "")
        self._work[VOID_EVENT] += [
            {"event_id": event_id, **_cause(device, *key)}
            for key, event_id in device.events.items()
            if key not in wanted and (key[0] >= floor or (key[0] in instants and key[1] in OF_SESSIONS))
        ]
        new = [
            Change(device.mac, event_type, at, ip, info)
            for (at, event_type), (ip, info) in wanted.items()
            if (at, event_type) not in device.events
            and (at >= floor or (at in instants and event_type in OF_SESSIONS))
        ]
        for change in new:
            self._work[INSERT_EVENT].append(
                {
                    "device_id": device.id,
                    "at": change.at,
                    "type": change.type,
                    "ip": change.ip,
                    "ip_key": ip_sort_key(change.ip),
                    "info": change.info,
                    "of_session": change.type in OF_SESSIONS,
                }
            )
        return new
