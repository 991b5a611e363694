"""Presence: device sessions and events, derived from evidence.

Evidence is taken in (evidence.py); then, for the devices that it concerns, what should be recorded is derived
anew (presence/rules.py) and what is recorded is brought in line with it (presence/reconciliation.py). So
neither order nor repeats matter, and what later evidence refutes is voided.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sessiontrack.config import Settings
from sessiontrack.database import Transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.presence import evidence
from sessiontrack.presence.evidence import Taken
from sessiontrack.presence.forgetting import forget
from sessiontrack.presence.reconciliation import Change, reconcile
from sessiontrack.services.announcing import announce
from sessiontrack.services.flapping import FlappingRules
from sessiontrack.values.observations import DeviceEvent, Observation
from sessiontrack.values.timestamps import IN_UTC

FUTURE_SECONDS = 300
CONNECTIONS = ("Connected", "Down Reconnected")
DISCONNECTIONS = ("Disconnected", "Device Down")


@dataclass(frozen=True)
class PresenceRules:
    """How evidence is judged on this site; seconds, and a share from 0 to 1.

    grace: how long a device may be missed without having left, where it has no time of its own.
    late: how far back evidence is accepted.
    least_share: a complete scan that sees less than this share of what its source saw before is suspicious.
    flapping: how often a device connects of which receivers of webhooks hear no more.
    """

    grace: int
    late: int
    least_share: float
    flapping: FlappingRules = field(default_factory=FlappingRules)

    @classmethod
    def of(cls, settings: Settings) -> "PresenceRules":
        """As this install's settings say."""
        least_share = settings.presence_least_percent / 100
        flapping = FlappingRules.of(settings)
        return cls(settings.presence_grace, settings.presence_late, least_share, flapping)


@dataclass(frozen=True)
class Outcome:
    """What an observation has changed."""

    seen: int
    suspicious: bool
    changes: list[Change] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How much of each kind, as POST /presence/scans answers it."""
        by_type = Counter(change.type for change in self.changes)
        return {
            "seen": self.seen,
            "connected": sum(by_type[each] for each in CONNECTIONS),
            "disconnected": sum(by_type[each] for each in DISCONNECTIONS),
            "new": by_type["New Device"],
            "down": by_type["Device Down"],
            "ip_changed": by_type["IP Changed"],
        }


def observe_scan(
    tx: Transaction,
    now: int,
    source: str,
    at: int,
    sightings: Sequence[Observation],
    rules: PresenceRules,
    *,
    complete: bool = True,
) -> Outcome:
    """Take in who was seen at an instant; a scan that is not complete tells nothing of those it lacks.

    Raises:
        InvalidInput: the instant lies more than 5 minutes in the future, or too far back.
    """
    _refuse_wrong_time(now, at, rules)
    evidence.hold_evidence(tx)
    if complete:
        taken = evidence.take_scan(tx, source, at, sightings, rules.grace, rules.least_share)
    else:
        taken = evidence.take_evidence(tx, source, at, "seen", sightings)
    return _outcome(tx, now, [source], taken, rules)


def observe_event(
    tx: Transaction,
    now: int,
    source: str,
    at: int,
    kind: str,
    sighting: Observation,
    rules: PresenceRules,
    info: str = "",
) -> Outcome:
    """Take in what a source says of one device: "connected", "disconnected" or "seen".

    Raises:
        InvalidInput: the instant lies more than 5 minutes in the future, or too far back.
    """
    _refuse_wrong_time(now, at, rules)
    evidence.hold_evidence(tx)
    taken = evidence.take_evidence(tx, source, at, kind, [sighting], info)
    return _outcome(tx, now, [source], taken, rules)


def observe_events(tx: Transaction, now: int, events: Sequence[DeviceEvent], rules: PresenceRules) -> Outcome:
    """Take in what sources say of single devices, many at once: one derivation for all of it.

    Raises:
        InvalidInput: an instant lies more than 5 minutes in the future, or too far back; nothing is taken.
    """
    for event in events:
        _refuse_wrong_time(now, event.at, rules)
    evidence.hold_evidence(tx)
    sources = sorted({event.source for event in events})
    return _outcome(tx, now, sources, evidence.take_events(tx, events), rules)


def _outcome(
    tx: Transaction, now: int, sources: Iterable[str], taken: Taken, rules: PresenceRules
) -> Outcome:
    floor = now - rules.late
    changes = reconcile(tx, taken.affected, floor, rules.grace)
    announce(tx, now, changes, rules.flapping, rules.grace)
    for source in sources:
        forget(tx, source, now, floor, rules.grace)
    return Outcome(taken.seen, taken.suspicious, changes)


def _refuse_wrong_time(now: int, at: int, rules: PresenceRules) -> None:
    wrong = ""
    if at > now + FUTURE_SECONDS:
        wrong = f"{IN_UTC.format_offset(at)} is more than 5 minutes in the future."
    elif at < now - rules.late:
        wrong = f"{IN_UTC.format_offset(at)} is too late: evidence is accepted {rules.late} seconds back."
    if wrong:
        raise InvalidInput(wrong, {"at": [wrong]})
