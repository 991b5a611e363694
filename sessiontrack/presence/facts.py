"""What is stored of devices: what was accepted about them, and what is recorded of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import holds
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.history import (
    NEW,
    Derived,
    Evidence,
    Facts,
    Key,
    Reported,
    first_instant,
    last_instant,
)
from sessiontrack.presence.rules import KINDS, Said, SourceEvidence, rank_of
from sessiontrack.values.timestamps import FOREVER

CHUNK = 400
Chunk = dict[str, list[int]]

# Locked in one order: no other transaction changes their sessions until this one ends.
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
    "SELECT device_id, source_id, at, kind, ip, info, arrival, settled, since_at, mac FROM device_evidence"
    " WHERE device_id AMONG(:ids) ORDER BY at"
)
# From the last one on that began before the instant: no earlier one reaches it.
SESSIONS = Statement(
    "SELECT s.device_id, s.id, s.connected_at, s.disconnected_at, s.still_connected, s.conn_type,"
    " s.disc_type, s.ip, s.info, s.source FROM device d CROSS JOIN device_session s"
    " WHERE d.id AMONG(:ids) AND s.device_id = d.id AND s.begin_at <= :until"
    " AND s.begin_at >= coalesce((SELECT max(p.begin_at) FROM device_session p"
    " WHERE p.device_id = d.id AND p.begin_at < :since), :since) ORDER BY s.begin_at, s.id"
)
COVERED = Statement(
    "SELECT device_id, connected_at, disconnected_at, conn_type, disc_type, ip, info FROM covered_session"
    " WHERE device_id AMONG(:ids)"
)
EVENTS = Statement(
    "SELECT device_id, id, at, type, ip, info, source, session_id FROM event"
    " WHERE device_id AMONG(:ids) AND at >= :floor AND NOT voided"
)
NEW_DEVICES = Statement(
    "SELECT d.id, e.id, e.at, e.type, e.ip, e.info, e.source, e.session_id FROM device d JOIN event e"
    " ON e.device_id = d.id AND e.at = d.first_seen_at AND e.type = 'New Device' AND NOT e.voided"
    " WHERE d.id AMONG(:ids) AND d.first_seen_at < :floor"
)
# Of a stretch that is reported anew, also those that stand elsewhere: a merge may tell of an earlier instant.
NEW_DEVICES_WITHIN = Statement(
    "SELECT device_id, id, at, type, ip, info, source, session_id FROM event WHERE device_id = :device_id"
    " AND at >= :since AND at <= :until AND at < :floor AND type = 'New Device' AND NOT voided"
)
SOURCE_NAMES = Statement("SELECT id, name FROM source")
SCANS = Statement("SELECT at, trusted FROM scan WHERE source_id = :source_id ORDER BY at")


class Recorded(NamedTuple):
    """A derived session as it is recorded; `is_open` where it has no end yet."""

    id: int
    start: int | None
    end: int | None
    is_open: bool
    conn_type: str
    disc_type: str
    ip: str
    info: str
    is_parked: bool = False

    @property
    def begin(self) -> int:
        """Its first known instant."""
        return first_instant(self.start, self.end)

    @property
    def until(self) -> int:
        """Its last instant."""
        return last_instant(self.start, self.end, is_open=self.is_open)

    def described(self) -> Derived:
        """As a session that is derived."""
        end = None if self.is_open else self.until
        return Derived(self.start, end, self.conn_type, self.disc_type, self.ip, self.info)


class StoredEvent(NamedTuple):
    """An event that is not voided."""

    id: int
    ip: str
    info: str
    is_derived: bool
    session_id: int | None


@dataclass(slots=True)
class Stored:
    """All that is known of one device, as far as it matters.

    covered: those of the remembered sessions that a reported one had taken time from before.
    """

    id: int
    mac: str
    first_seen_at: int
    facts: Facts
    recorded: list[Recorded] = field(default_factory=list)
    covered: set[Derived] = field(default_factory=set)
    events: dict[Key, StoredEvent] = field(default_factory=dict)


# Stretches of time in which something is reported anew, by device.
Stretches = Mapping[int, tuple[int, int]]


class Reader:
    """Reads what is stored of devices; what many of them share, once.

    Args:
        floor: UTC epoch seconds; what is recorded of the time before it stays, but for what is reported. Of a
            device of which anything later is settled, the floor lies after that.
        grace: seconds, for devices without a grace time of their own.
    """

    def __init__(self, tx: Transaction, floor: int, grace: int) -> None:
        self._tx = tx
        self._floor = floor
        self._grace = grace
        self._names: dict[int, str] | None = None
        self._scans: dict[int, tuple[list[int], list[int]]] = {}

    def recorded(self, stretches: Stretches) -> dict[int, list[Recorded]]:
        """The derived sessions that may change where something is reported of these stretches."""
        found = {}
        for device_id, (since, until) in stretches.items():
            since, until = self._with_covered(device_id, since, until)
            rows = self._sessions({"ids": [device_id]}, since, until)
            found[device_id] = [_recorded(row) for row in rows if row[9] == DERIVED]
        return found

    def devices(
        self, device_ids: Iterable[int], before: Mapping[int, Sequence[Recorded]], stretches: Stretches
    ) -> Iterator[Stored]:
        """What is stored of these devices.

        Args:
            before: derived sessions as they were before something was reported; else as they are.
        """
        for chunk in chunks(device_ids):
            yield from self._of_chunk(chunk, before, stretches)

    def _of_chunk(
        self,
        chunk: Chunk,
        before: Mapping[int, Sequence[Recorded]],
        stretches: Stretches,
    ) -> Iterator[Stored]:
        tx, floor = self._tx, self._floor
        graces = {}
        devices: dict[int, Stored] = {}
        for device_id, mac, first_seen_at, grace, alert_down in tx.rows(DEVICES, **chunk):
            graces[device_id] = self._grace if grace is None else grace
            facts = Facts(Evidence(), grace=graces[device_id], alert_down=bool(alert_down), floor=floor)
            devices[device_id] = Stored(device_id, mac, first_seen_at, facts)
        self._read_evidence(chunk, devices)
        for device in devices.values():
            settled_at = device.facts.evidence.settled_at
            if settled_at is not None:
                device.facts.floor = max(floor, settled_at + 1)
        rows: dict[int, list[Row]] = defaultdict(list)
        for row in self._sessions(chunk, floor, FOREVER):
            rows[row[0]].append(row)
        for device_id, since in self._reaching_back(devices, rows).items():
            rows[device_id] = self._sessions({"ids": [device_id]}, since, FOREVER)
        covered: dict[int, list[Derived]] = defaultdict(list)
        for device_id, *values in tx.rows(COVERED, **chunk):
            covered[device_id].append(Derived(*values))
        for device_id, device in devices.items():
            stretch = stretches.get(device_id)
            of_device = {row[1]: row for row in rows[device_id]}
            if stretch is not None:
                since, until = self._with_covered(device_id, *stretch)
                of_device |= {row[1]: row for row in self._sessions({"ids": [device_id]}, since, until)}
                _put_sessions(device, list(of_device.values()), before.get(device_id, ()))
                _put_covered(device, covered[device_id], since, until)
            else:
                _put_sessions(device, list(of_device.values()), ())
        events = tx.rows(EVENTS, **chunk, floor=floor) + tx.rows(NEW_DEVICES, **chunk, floor=floor)
        for device_id in devices.keys() & stretches.keys():
            since, until = stretches[device_id]
            within = {"since": since, "until": until, "floor": floor}
            events += tx.rows(NEW_DEVICES_WITHIN, device_id=device_id, **within)
        for device_id, event_id, at, event_type, ip, info, source, session_id in events:
            device = devices[device_id]
            if at >= device.facts.floor or event_type == NEW:
                event = StoredEvent(event_id, ip, info, source == DERIVED, session_id)
                device.events[at, event_type] = event
        yield from devices.values()

    def _sessions(self, chunk: Chunk, since: int, until: int) -> list[Row]:
        return self._tx.rows(SESSIONS, **chunk, since=since, until=until)

    def _with_covered(self, device_id: int, since: int, until: int) -> tuple[int, int]:
        """The stretch, with the whole of each covered session that it reaches."""
        one = {"ids": [device_id]}
        for each in [Derived(*row[1:]) for row in self._tx.rows(COVERED, **one)]:
            end = each.begin if each.end is None else each.end
            if each.begin <= until and end >= since:
                since, until = min(since, each.begin), max(until, end)
        return since, until

    def _reaching_back(self, devices: dict[int, Stored], rows: dict[int, list[Row]]) -> dict[int, int]:
        """Devices that by their evidence were connected across the floor, where nothing recorded says so."""
        found = {}
        for device_id, device in devices.items():
            begins = [row[2] if row[3] is None or row[2] is not None else row[3] for row in rows[device_id]]
            floor = device.facts.floor
            first = min(begins, default=floor)
            at = device.facts.evidence.first_at()
            if at is not None and at < min(first, floor):
                found[device_id] = at
        return found

    def _read_evidence(self, chunk: Chunk, devices: dict[int, Stored]) -> None:
        tx = self._tx
        for device_id, source_id, first, last, ip, settled in tx.rows(RUNS, **chunk):
            evidence = devices[device_id].facts.evidence
            name = self._name(source_id)
            evidence.add_run(
                name, first, self._newest(source_id) if last is None else last, ip, settled=bool(settled)
            )
            self._give(evidence.source(name), source_id)
        for device_id, source_id, *word in tx.rows(SAID, **chunk):
            evidence = devices[device_id].facts.evidence
            name = self._name(source_id)
            put_word(evidence, name, word)
            self._give(evidence.source(name), source_id)

    def _name(self, source_id: int) -> str:
        if self._names is None:
            self._names = dict(self._tx.rows(SOURCE_NAMES))
        return self._names[source_id]

    def _scans_of(self, source_id: int) -> tuple[list[int], list[int]]:
        if source_id not in self._scans:
            rows = self._tx.rows(SCANS, source_id=source_id)
            self._scans[source_id] = ([at for at, _ in rows], [at for at, trusted in rows if trusted])
        return self._scans[source_id]

    def _newest(self, source_id: int) -> int:
        return self._scans_of(source_id)[0][-1]

    def _give(self, evidence: SourceEvidence, source_id: int) -> None:
        evidence.scans, evidence.trusted = self._scans_of(source_id)


def put_word(evidence: Evidence, source: str, word: Sequence[Any]) -> None:
    """Add a row of SAID, without the ids of its device and its source."""
    at, kind, ip, info, arrival, settled, since, mac = word
    if settled:
        evidence.add_settled(source, at, mac, ip)
    else:
        said = Said(at, rank_of(KINDS[kind], arrival), KINDS[kind], mac)
        evidence.add_word(source, said, ip, info, since)


def chunks(ids: Iterable[int]) -> Iterator[Chunk]:
    """The parameters of the statements, for some devices at a time."""
    ordered = sorted(set(ids))
    for first in range(0, len(ordered), CHUNK):
        yield {"ids": ordered[first : first + CHUNK]}


def _recorded(row: Row) -> Recorded:
    _, session_id, start, end, is_open, conn_type, disc_type, ip, info, _ = row
    return Recorded(session_id, start, end, bool(is_open), conn_type, disc_type, ip, info)


def _put_sessions(device: Stored, rows: Sequence[Row], before: Sequence[Recorded]) -> None:
    """What is recorded, and what of it is remembered or reported.

    Args:
        before: derived sessions as they were read before; some of them are parked since.
    """
    floor = device.facts.floor
    known = {each.id: each for each in before}
    recorded = {row[1]: known.get(row[1]) or _recorded(row) for row in rows if row[9] == DERIVED}
    recorded |= known
    device.recorded = sorted(recorded.values(), key=lambda each: (each.begin, each.id))
    device.facts.remembered = [each.described() for each in device.recorded if each.begin < floor]
    reported = []
    for _, _, start, end, is_open, _, disc_type, ip, _, source in rows:
        if source != DERIVED:
            reported.append(Reported(start, end, bool(is_open), disc_type, ip))
    device.facts.reported = reported


def _put_covered(device: Stored, covered: Iterable[Derived], since: int, until: int) -> None:
    """Covered sessions in place of what was left of them."""
    for each in covered:
        end = each.begin if each.end is None else each.end
        if each.begin > until or end < since:
            continue
        rest = [
            other
            for other in device.facts.remembered
            if other.begin > end or (FOREVER if other.end is None else other.end) < each.begin
        ]
        device.facts.remembered = [*rest, each]
        device.covered.add(each)
