"""Presence: evidence is taken in, and the devices that it concerns are derived and announced."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sessiontrack.config import Settings
from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.presence import derivation, scans, words
from sessiontrack.presence.ahead import FUTURE_SECONDS, set_aside
from sessiontrack.presence.derivation import Terms, derive_devices
from sessiontrack.presence.evidence import Taken, hold_evidence
from sessiontrack.presence.facts import Stretches, chunks
from sessiontrack.presence.forgetting import forget
from sessiontrack.presence.holding import held_by
from sessiontrack.services.announcing import announce
from sessiontrack.services.flapping import FlappingRules
from sessiontrack.values.changes import Change
from sessiontrack.values.observations import DeviceEvent, Observation
from sessiontrack.values.timestamps import IN_UTC

DERIVED_BY = Statement("SELECT grace_seconds, least_percent FROM derived_by")
ANY_SOURCE = Statement("SELECT 1 FROM source LIMIT 1")
SET_DERIVED_BY = Statement(
    "INSERT INTO derived_by (id, grace_seconds, least_percent) VALUES (1, :grace, :least_percent)"
    " ON CONFLICT (id) DO UPDATE SET grace_seconds = excluded.grace_seconds,"
    " least_percent = excluded.least_percent"
)
COUNT_CONNECTED = Statement(
    "SELECT count(*) FROM device_session WHERE device_id AMONG(:ids) AND still_connected"
)
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

    def terms(self, now: int) -> Terms:
        """By what histories are derived at this instant."""
        return Terms(now, now - self.late, self.grace)


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
    arrives: bool = False,
) -> Outcome:
    """Take in who was seen at an instant; a scan that is not complete tells nothing of those it lacks.

    Args:
        arrives: it has no instant of its own; within one second it comes after what came before.
    Raises:
        InvalidInput: the instant lies more than 5 minutes in the future, or too far back.
    """
    _refuse_wrong_time(now, at, rules)
    rules, ahead = _begin(tx, now, rules)
    if complete:
        taken = scans.take_scan(tx, source, at, sightings, rules.grace, rules.least_share, arrives=arrives)
    else:
        taken = words.take_evidence(tx, source, at, "seen", sightings, arrives=arrives)
    return _outcome(tx, now, [source], taken, ahead, rules)


def observe_event(
    tx: Transaction,
    now: int,
    source: str,
    at: int,
    kind: str,
    sighting: Observation,
    rules: PresenceRules,
    info: str = "",
    *,
    arrives: bool = False,
) -> Outcome:
    """Take in what a source says of one device: "connected", "disconnected" or "seen".

    Args:
        arrives: it has no instant of its own; within one second it comes after what came before.
    Raises:
        InvalidInput: the instant lies more than 5 minutes in the future, or too far back.
    """
    _refuse_wrong_time(now, at, rules)
    rules, ahead = _begin(tx, now, rules)
    taken = words.take_evidence(tx, source, at, kind, [sighting], info, arrives=arrives)
    return _outcome(tx, now, [source], taken, ahead, rules)


def observe_events(tx: Transaction, now: int, events: Sequence[DeviceEvent], rules: PresenceRules) -> Outcome:
    """Take in what sources say of single devices, many at once: one derivation for all of it.

    Raises:
        InvalidInput: an instant lies more than 5 minutes in the future, or too far back; nothing is taken.
    """
    for event in events:
        _refuse_wrong_time(now, event.at, rules)
    rules, ahead = _begin(tx, now, rules)
    sources = sorted({event.source for event in events})
    return _outcome(tx, now, sources, words.take_events(tx, events), ahead, rules)


def disconnect_held(tx: Transaction, now: int, source: str, rules: PresenceRules) -> int:
    """Take in that every device which the source holds as connected left when the source last saw it.

    That may be longer ago than other evidence is accepted: nothing but the source's own sightings is later.

    Returns:
        how many devices are connected no more; those that another source holds still are.
    """
    hold_evidence(tx)
    held = held_by(tx, source, in_force(tx, rules).grace)
    if not held:
        return 0
    device_ids = [each.device_id for each in held]
    before = _count_connected(tx, device_ids)
    words.say_left(tx, source, held)
    derive_and_announce(tx, now, device_ids, rules)
    return before - _count_connected(tx, device_ids)


def _count_connected(tx: Transaction, device_ids: Iterable[int]) -> int:
    return sum(tx.value(COUNT_CONNECTED, **chunk) for chunk in chunks(device_ids))


def in_force(tx: Transaction, rules: PresenceRules) -> PresenceRules:
    """The rules, as far as the last start has settled them for all processes.

    After a change of the settings a scanner that still runs must not judge otherwise than the service.
    """
    found = tx.row(DERIVED_BY)
    return rules if found is None else replace(rules, grace=found[0], least_share=found[1] / 100)


def _begin(tx: Transaction, now: int, rules: PresenceRules) -> tuple[PresenceRules, set[int]]:
    """Keep others from taking in evidence.

    Returns:
        the rules in force, and the devices of which something was set aside.
    """
    hold_evidence(tx)
    return in_force(tx, rules), set_aside(tx, now, rules.late)


def _outcome(
    tx: Transaction, now: int, sources: Iterable[str], taken: Taken, ahead: set[int], rules: PresenceRules
) -> Outcome:
    changes = _derive_and_announce(tx, now, taken.affected | ahead, rules)
    for source in sources:
        forget(tx, source, now, now - rules.late, rules.grace)
    return Outcome(taken.seen, taken.suspicious, changes)


def derive_and_announce(
    tx: Transaction, now: int, device_ids: Iterable[int], rules: PresenceRules
) -> list[Change]:
    """Derive the history of these devices anew, announce what is new, and return it."""
    return _derive_and_announce(tx, now, device_ids, in_force(tx, rules))


def _derive_and_announce(
    tx: Transaction, now: int, device_ids: Iterable[int], rules: PresenceRules
) -> list[Change]:
    changes = derive_devices(tx, rules.terms(now), device_ids)
    announce(tx, now, changes, rules.flapping, rules.grace)
    return changes


@contextmanager
def reporting(
    tx: Transaction,
    now: int,
    stretches: Stretches,
    rules: PresenceRules,
    merged: Mapping[int, int] = MappingProxyType({}),
) -> Iterator[list[Change]]:
    """Within it something is reported, of these stretches of time of these devices.

    At its end they are derived anew, and webhooks are notified of what is new.

    Args:
        merged: devices that become part of another one.
    Yields:
        where to add events that were reported.
    """
    rules = in_force(tx, rules)
    changes: list[Change] = []
    with derivation.reporting(tx, rules.terms(now), stretches, changes, merged):
        yield changes
    announce(tx, now, changes, rules.flapping, rules.grace)


def _refuse_wrong_time(now: int, at: int, rules: PresenceRules) -> None:
    wrong = ""
    if at > now + FUTURE_SECONDS:
        wrong = f"{IN_UTC.format_offset(at)} is more than 5 minutes in the future."
    elif at < now - rules.late:
        wrong = f"{IN_UTC.format_offset(at)} is too late: evidence is accepted {rules.late} seconds back."
    if wrong:
        raise InvalidInput(wrong, {"at": [wrong]})


def is_derived_by(tx: Transaction, rules: PresenceRules) -> bool:
    """Whether everything is derived by these rules, or there is nothing to derive yet."""
    found = tx.row(DERIVED_BY)
    if found is None:
        return tx.row(ANY_SOURCE) is None
    return found == (rules.grace, round(rules.least_share * 100))


def derive_all_if_judged_otherwise(tx: Transaction, now: int, rules: PresenceRules) -> None:
    """Derive everything anew where the rules by which it was derived are no longer the same."""
    if is_derived_by(tx, rules):
        return
    hold_evidence(tx)
    affected = scans.judge_all_anew(tx, rules.least_share) | set_aside(tx, now, rules.late)
    _derive_and_announce(tx, now, affected, rules)
    tx.run(SET_DERIVED_BY, grace=rules.grace, least_percent=round(rules.least_share * 100))
