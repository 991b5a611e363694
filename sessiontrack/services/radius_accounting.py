"""What RADIUS accounting says of devices, turned into evidence.

Start is a connection, Interim-Update a sighting, Stop a departure; Accounting-On and -Off are the departure
of every device that this NAS has connected. Each NAS is a source of its own.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sessiontrack.database import Transaction
from sessiontrack.presence.ahead import FUTURE_SECONDS
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.words import connected_by, has_said
from sessiontrack.services.presence import PresenceRules, observe_events
from sessiontrack.sources.radius import INTERIM, OFF, ON, OTHER, START, STOP, Accounting
from sessiontrack.values.observations import DeviceEvent, Observation

# For how long a packet that comes again is the same one. Senders give up after half a minute or so.
REPEAT_SECONDS = 60
MOST_REMEMBERED = 100_000
WITHOUT_MAC = "without a MAC address"
# A start that is worked out from a session's length is off by the seconds that the packets took.
START_SLACK_SECONDS = 5


@dataclass(frozen=True)
class Received:
    """A packet, with its sender's address and the instant at which it came."""

    packet: Accounting
    client: str
    received_at: int


@dataclass(frozen=True)
class _Session:
    """What is remembered of a NAS's session: its start, where known, and its stop, once it came."""

    started_at: int | None
    stopped_at: int | None = None


class Memory:
    """What was received lately, so that it is not counted twice; the evidence itself is in the database."""

    def __init__(self) -> None:
        self._known: OrderedDict[Any, Any] = OrderedDict()
        self._staged: dict[Any, Any] = {}

    @contextmanager
    def staged(self) -> Iterator["Memory"]:
        """Keep what is remembered within only where the end is reached: what rolls back was not received."""
        self._staged = {}
        try:
            yield self
            self._known.update(self._staged)
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        finally:
            self._staged = {}

    def get(self, key: Any) -> Any:
        """What is remembered under a key, or None."""
        return self._staged.get(key, self._known.get(key))

    def put(self, key: Any, value: Any) -> None:
        """Remember it; what was not touched for the longest time is forgotten first."""
        self._staged[key] = value
        if key in self._known:
            self._known.move_to_end(key)


def record(
    tx: Transaction, now: int, batch: Sequence[Received], rules: PresenceRules, memory: Memory
) -> Counter[str]:
    """Take in packets in the order in which they came.

    Returns:
        how many were "recorded" and "repeated", and what was answered without saying anything of a device.
    """
    hold_evidence(tx)
    counts: Counter[str] = Counter()
    events: list[DeviceEvent] = []
    for received in batch:
        packet = received.packet
        at = _instant(received, rules)
        if _is_repeated(received, memory):
            counts["repeated"] += 1
        elif at < now - rules.late:
            counts["too old to be evidence"] += 1
        elif packet.status in (ON, OFF):
            # It closes what this very batch opened, too.
            observe_events(tx, now, events, rules)
            macs = connected_by(tx, packet.source, at)
            events = [DeviceEvent(packet.source, at, "disconnected", Observation(mac)) for mac in macs]
            memory.put(("restart", packet.source), at)
            counts["recorded"] += 1
        elif packet.status == OTHER:
            counts["recorded"] += 1
        elif packet.mac is None:
            counts[WITHOUT_MAC] += 1
        else:
            events += _events(tx, now, packet, at, rules, memory)
            counts["recorded"] += 1
    observe_events(tx, now, events, rules)
    return counts


def is_dated_wrongly(received: Received, rules: PresenceRules) -> bool:
    """Whether the NAS's clock says an instant that cannot be: further back than evidence may be, or ahead."""
    told = received.packet.happened_at
    return told is not None and not _is_possible(told, received, rules)


def _is_possible(told: int, received: Received, rules: PresenceRules) -> bool:
    return received.received_at - rules.late < told <= received.received_at + FUTURE_SECONDS


def _instant(received: Received, rules: PresenceRules) -> int:
    """When it happened: by the NAS's clock where that can be, else reckoned from the receipt."""
    told = received.packet.happened_at
    if told is not None and _is_possible(told, received, rules):
        return min(told, received.received_at)
    return received.received_at - received.packet.delay_seconds


def _is_repeated(received: Received, memory: Memory) -> bool:
    key = ("packet", received.client, received.packet.key)
    before = memory.get(key)
    if before is not None and received.received_at - before <= REPEAT_SECONDS:
        return True
    memory.put(key, received.received_at)
    return False


def _events(
    tx: Transaction, now: int, packet: Accounting, at: int, rules: PresenceRules, memory: Memory
) -> Iterator[DeviceEvent]:
    """What a packet about one device says of it; nothing, where another packet has said it."""
    if packet.mac is None:
        return
    event = DeviceEvent(packet.source, at, "seen", Observation(packet.mac, packet.ip), packet.info)
    key = ("session", packet.source, packet.mac, packet.session_id)
    session: _Session | None = memory.get(key) if packet.session_id else None
    restarted_at: int | None = memory.get(("restart", packet.source))
    if session is not None and restarted_at is not None and (session.started_at or 0) < restarted_at <= at:
        # A NAS that restarted may give its sessions the same names again.
        session = None
    if packet.status == START:
        if session is not None and session.stopped_at == at:
            # Within one second, the other way round: a connection would count as the later of the two.
            at -= 1
        elif session is not None and session.stopped_at is None and session.started_at is not None:
            return
        memory.put(
            key, _Session(at, session.stopped_at if session and session.stopped_at == at + 1 else None)
        )
        _remember_newest(packet, at, memory)
        yield replace(event, at=at, kind="connected")
    elif session is not None and session.stopped_at is not None:
        return
    else:
        started_at = session.started_at if session else None
        if session is None:
            started_at = _unseen_start(tx, now, packet, at, rules)
            if started_at is not None:
                yield replace(event, at=started_at, kind="connected")
        if packet.status == INTERIM:
            memory.put(key, _Session(started_at))
            yield event
        else:
            left_at = at if started_at is None else max(at, started_at + 1)
            memory.put(key, _Session(started_at, left_at))
            if not _is_replaced(packet, started_at, left_at, memory):
                yield replace(event, at=left_at, kind="disconnected")
    if restarted_at is not None and at < restarted_at and packet.status != STOP:
        yield replace(event, at=restarted_at, kind="disconnected")


def _unseen_start(tx: Transaction, now: int, packet: Accounting, at: int, rules: PresenceRules) -> int | None:
    """When a session began whose Start never came, by its length; None where that is not to be known."""
    if not packet.session_seconds or packet.mac is None:
        return None
    started_at = at - packet.session_seconds
    if started_at < now - rules.late:
        return None
    if has_said(tx, packet.source, packet.mac, started_at - START_SLACK_SECONDS, at):
        return None
    return started_at


def _remember_newest(packet: Accounting, at: int, memory: Memory) -> None:
    key = ("newest", packet.source, packet.mac)
    newest = memory.get(key)
    if newest is None or newest[1] <= at:
        memory.put(key, (packet.session_id, at))


def _is_replaced(packet: Accounting, started_at: int | None, at: int, memory: Memory) -> bool:
    """Whether the NAS began another session of the device meanwhile, which still goes on."""
    newest = memory.get(("newest", packet.source, packet.mac))
    if newest is None or started_at is None or newest[0] == packet.session_id:
        return False
    other: _Session | None = memory.get(("session", packet.source, packet.mac, newest[0]))
    still_on = other is not None and other.stopped_at is None
    return still_on and started_at <= newest[1] <= at
