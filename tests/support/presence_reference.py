"""A slow reference for presence, by contract 6: it checks every instant between two sightings."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

GRACE = 10
LEAST_SHARE = 0.5
DAY = 86_400
NEVER = DAY * 10**6
# In place of an address of a device: its own, and one that a scan saw. They sort before others.
OWN, SCANNED = "", "*"


@dataclass(frozen=True)
class Observation:
    """A scan (devices with their addresses), or a source's report about one device."""

    source: str
    at: int
    kind: str  # "complete", "partial", "seen", "connected", "disconnected"
    devices: tuple[tuple[str, str], ...] = ()
    # Devices of which a complete scan proves neither presence nor absence.
    remembered: tuple[str, ...] = ()
    # What came without an instant of its own: 1 for the first at that instant, 2 for the second.
    arrival: int = 0
    # How many it saw of whom everything was deleted since.
    forgotten: int = 0
    # (device, address, IP address): the addresses of devices that it told of, where not their own. A complete
    # scan's are not known.
    told_of: tuple[tuple[str, str, str], ...] = ()
    info: str = ""

    def addresses(self, mac: str) -> dict[str, str]:
        """Those of the device that it told of, as they sort, with the IP address of each."""
        own = {OWN if self.kind != "complete" else SCANNED: ip for other, ip in self.devices if other == mac}
        if self.kind == "complete" or not self.told_of:
            return own
        return {OWN if each == mac else each: ip for device, each, ip in self.told_of if device == mac}


def infos(observations: list[Observation], mac: str) -> list[tuple[int, str]]:
    """(instant, what was said beside a sighting); of two of one source, in one second, the greater."""
    said: dict[tuple[str, int, str, str], str] = {}
    for each in observations:
        if each.kind in ("seen", "connected") and each.info:
            for address in each.addresses(mac):
                key = (each.source, each.at, each.kind, address)
                said[key] = max(each.info, said.get(key, ""))
    return sorted((key[1], info) for key, info in said.items())


def told_in(said: list[tuple[int, str]], begin: int, end: int | None, following: int | None) -> str:
    """What was said within a session, each once; where another one follows at once, its end is that one's."""
    last = NEVER if end is None else end - (following == end)
    found = [info for at, info in said if at == begin or begin < at <= last]
    return "; ".join(dict.fromkeys(found))


@dataclass
class Truth:
    """(start, end) of each session, end None while open; and (instant, type) of each event."""

    sessions: list[tuple[int | None, int | None]] = field(default_factory=list)
    events: set[tuple[int, str]] = field(default_factory=set)


def _trusted(observations: list[Observation], source: str, least_share: float) -> list[int]:
    seen_at: dict[int, set[str]] = defaultdict(set)
    for each in observations:
        if each.source == source and each.kind == "complete":
            seen_at[each.at] |= {mac for mac, _ in each.devices} | set(each.remembered)
            seen_at[each.at] |= {f"forgotten {n}" for n in range(each.forgotten)}
    trusted: list[int] = []
    for at in sorted(seen_at):
        last = trusted[-1] if trusted and at - trusted[-1] <= DAY else None
        reference = 0 if last is None else len(seen_at[last])
        too_few = reference >= 5 and len(seen_at[at]) < least_share * reference
        if seen_at[at] and not too_few:
            trusted.append(at)
    return trusted


def _words(
    observations: list[Observation], source: str, mac: str, least_share: float, grace: int
) -> tuple[list[tuple[int | None, int | None, int]], set[str]]:
    """(start, end, told): one source's periods of presence, and when it reported their ends.

    And by which addresses the device is there now.
    """
    order = {"complete": 0, "partial": 0, "seen": 0, "disconnected": 1, "connected": 2}
    marks = sorted(
        {
            (each.at, order[each.kind] if not each.arrival else 2 + each.arrival, order[each.kind], address)
            for each in observations
            if each.source == source and any(mac == other for other, _ in each.devices)
            for address in each.addresses(mac)
        }
    )
    excused = {
        each.at
        for each in observations
        if each.source == source and each.kind == "complete" and mac in each.remembered
    }
    trusted = _trusted(observations, source, least_share)
    found: list[tuple[int | None, int | None, int]] = []
    start: int | None = None
    last = 0
    there: set[str] = set()
    for place, (at, _, kind, address) in enumerate(marks):
        following = marks[place + 1] if place + 1 < len(marks) else None
        if kind == 1 and start is not None:
            # Which of the addresses a scan saw is not known: perhaps this one.
            there -= {address, SCANNED}
            if not there:
                found.append((start, at, at))
                start = None
        elif kind == 1 and place == 0:
            found.append((None, at, at))
        elif kind != 1:
            start, last = at if start is None else start, at
            there.add(address)
        if start is None:
            continue
        until = following[0] if following else max([at, *trusted]) + 1
        told = _told(last, [scan for scan in trusted if last < scan < until], excused, grace)
        if told is not None:
            found.append((start, last, told))
            start, there = None, set()
    if start is not None:
        found.append((start, None, NEVER))
    return found, there


def _told(last: int, scans: list[int], excused: set[int], grace: int) -> int | None:
    """The scan by which the device is known to have left after a sighting.

    After a silence longer than the grace time it must be missed for one more grace time.
    """
    for told in scans:
        # What a scan remembers of it is neither a silence nor a miss.
        since = max([last, *(scan for scan in scans if scan <= told and scan in excused)])
        looks = [scan for scan in scans if since < scan <= told]
        silences = [at for before, at in pairwise([since, *looks]) if at - before > grace]
        is_long = not silences or told - silences[0] >= grace
        if told not in excused and told > last + grace and is_long:
            return told
    return None


def held(
    observations: list[Observation], source: str, mac: str, *, least_share: float = LEAST_SHARE, grace: int
) -> tuple[int, set[str]]:
    """When the source last saw the device, and by which addresses the device is still there by its word."""
    _, there = _words(observations, source, mac, least_share, grace)
    last = max(
        (
            each.at
            for each in observations
            if each.source == source
            and each.kind != "disconnected"
            and any(mac == other for other, _ in each.devices)
        ),
        default=0,
    )
    return last, {mac if address in (OWN, SCANNED) else address for address in there}


def truth(
    observations: list[Observation],
    mac: str,
    *,
    alert_down: bool = False,
    least_share: float = LEAST_SHARE,
    grace: int = GRACE,
) -> Truth:
    """The expected records of a device, from all observations."""
    of_device = [each for each in observations if any(mac == other for other, _ in each.devices)]
    if not of_device:
        return Truth()
    words = [
        word
        for source in {each.source for each in of_device}
        for word in _words(observations, source, mac, least_share, grace)[0]
    ]
    # Sorted by start; by the time its end is reported, each one has ended, as far as is known then.
    merged: list[tuple[int, int, int]] = []
    for start, end, told in sorted((s, NEVER if e is None else e, t) for s, e, t in words if s is not None):
        if merged and start <= merged[-1][2]:
            first, last, until = merged.pop()
            start, end, told = first, max(last, end), max(until, told)
        merged.append((start, end, told))
    sessions: list[tuple[int | None, int | None]] = [
        (start, None if end == NEVER else end) for start, end, _ in merged
    ]
    alone = [end for start, end, _ in words if start is None]
    sessions += [(None, at) for at in alone if not any(a <= (at or 0) <= b for a, b, _ in merged)]
    sessions = sorted(set(sessions), key=lambda each: each[0] if each[0] is not None else each[1] or 0)
    result = Truth(sessions)
    down = False
    for start, end in sessions:
        if start is not None:
            result.events.add((start, "Down Reconnected" if down else "Connected"))
        if end is not None:
            result.events.add((end, "Device Down" if alert_down else "Disconnected"))
            down = alert_down
    result.events.add((min(each.at for each in of_device), "New Device"))
    result.events |= {(at, "IP Changed") for at in _moves(of_device, mac)}
    return result


def _moves(observations: list[Observation], mac: str) -> set[int]:
    """Address changes: a witness saw another address than before, and another than the last known one.

    A source's complete scans are one witness, its other reports of each address of the device are another.
    """
    sightings: dict[tuple[int, tuple[str, str]], str] = {}
    for each in observations:
        for address, ip in each.addresses(mac).items():
            if ip:
                key = (each.at, (each.source, address))
                sightings[key] = max(ip, sightings.get(key, ""))
    current = ""
    of_witness: dict[tuple[str, str], str] = {}
    moved = set()
    for (at, witness), ip in sorted(sightings.items()):
        if of_witness.get(witness) != ip and current != ip:
            if current:
                moved.add(at)
            current = ip
        of_witness[witness] = ip
    return moved
