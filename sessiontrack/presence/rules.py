"""When a device was connected, from what its sources saw of it: the rules, without a database.

Everything is a function of the set of observations: neither their order of arrival nor repeats matter.

- A source's word: the device is there from a sighting on, until the source says that it left, or until one
  of the source's complete and trusted scans misses it more than its grace time after the last sighting.
  Then it left at that last sighting. Silence says nothing, and after a silence longer than the grace time
  the scans must miss it for one more grace time.
- A device that has several addresses is there while any of them is: that one left says nothing of the others
  that the source spoke of. A scan does not tell which of them it saw, and a departure of any ends that.
- The device is connected while any source's word is that it is there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from sessiontrack.values.timestamps import FOREVER

# The order at one instant: seen, then left, then connected anew; then what came without an instant of its
# own, as it arrived.
SEEN, LEFT, CONNECTED = range(3)
KINDS = {"seen": SEEN, "disconnected": LEFT, "connected": CONNECTED}
# Which address of a device evidence is about: its own, or an unknown one. Further addresses are named.
OWN, ANY = "", "*"


def rank_of(kind: int, arrival: int | None) -> int:
    """The place of what a source said among what it said at the same instant.

    Args:
        arrival: 1 for what arrived first at that instant; None where the source named the instant.
    """
    return kind if arrival is None else CONNECTED + arrival


class Said(NamedTuple):
    """What a source said of one address of a device at an instant."""

    at: int
    rank: int
    kind: int
    mac: str = OWN


class Stay(NamedTuple):
    """One address of a device, seen from first to last, between which the source did not say that it left."""

    first: int
    last: int
    mac: str = OWN


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Connected from start to end, UTC epoch seconds; no start: it is not known; no end: still."""

    start: int | None
    end: int | None


@dataclass(slots=True)
class SourceEvidence:
    """What one source saw of one device; every list is sorted, in UTC epoch seconds.

    blocks: [first, last] sightings between which no complete scan of the source missed the device.
    said: that it connected or left; and that it was seen, where that has a place in the order of arrival.
    excused: [first, last] scans that only remembered it, which is neither a sighting nor a miss.
    stays: sightings of one of its addresses.
    known_before: it saw the device before all this.
    scans: all complete scans of the source; trusted: those of them that are evidence of absence.
    """

    blocks: list[tuple[int, int]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    known_before: bool = False
    excused: list[tuple[int, int]] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    scans: Sequence[int] = ()
    trusted: Sequence[int] = ()

    def sightings_beside(self, at: int) -> Iterator[int]:
        """Known sightings, of which those nearest before and after that instant are some."""
        for first, last in self.blocks:
            yield from (first, last)
            if first <= at <= last:
                # Every complete scan in between saw it too.
                place = bisect_left(self.scans, at)
                yield from (
                    each for each in self.scans[max(0, place - 1) : place + 2] if first <= each <= last
                )
        for stay in self.stays:
            yield from (stay.first, stay.last)
        yield from (each.at for each in self.said if each.kind != LEFT)

    def last_sighting(self) -> int | None:
        """When the source last saw the device; None where it did not."""
        found = [last for _, last in self.blocks] + [each.last for each in self.stays]
        return max(found + [each.at for each in self.said if each.kind != LEFT], default=None)

    def first_sighting(self) -> int | None:
        """When the source first saw the device, or said anything of it; None where it did not."""
        found = [first for first, _ in self.blocks] + [each.first for each in self.stays]
        return min(found + [each.at for each in self.said], default=None)

    def missed(self, last: int, until: int | None, grace: int) -> int | None:
        """The trusted scan before `until` by which it is known to have left after a sighting.

        That is the first to miss it more than the grace time after the sighting. Once the source was silent
        for longer than the grace time, it is the first that is also a grace time or more after the first scan
        to miss it since. A scan that remembers the device is no silence, and no miss.
        """
        before, again = last, None
        for place in range(bisect_right(self.trusted, last), len(self.trusted)):
            at = self.trusted[place]
            if until is not None and at >= until:
                break
            if any(start <= at <= end for start, end in self.excused):
                before, again = at, None
                continue
            if again is None and at - before > grace:
                again = at
            if at > last + grace and (again is None or at >= again + grace):
                return at
            before = at
        return None

    def first_miss(self, last: int) -> int | None:
        """The first trusted scan after a sighting to miss the device."""
        for at in self.trusted[bisect_right(self.trusted, last) :]:
            if not any(start <= at <= end for start, end in self.excused):
                return at
        return None


def connected_intervals(evidence: Iterable[SourceEvidence], grace: int) -> list[Interval]:
    """When the device was connected, by the word of any source; in order, not touching each other.

    It is disconnected only once every source's word is over. Until the last end was reported, a
    sighting by any source goes on with the same connection; that ends at the last sighting or departure.

    Args:
        grace: seconds that a device may be missed without having left.
    """
    words = [word for source in evidence for word in _words(source, grace).found]
    merged = _union([word for word in words if word.start is not None])
    for end in sorted({word.end for word in words if word.start is None and word.end is not None}):
        if not any(_holds(interval, end) for interval in merged):
            merged.append(Interval(None, end))
    return sorted(
        merged, key=lambda each: (each.start if each.start is not None else each.end, each.end or 0)
    )


def held_addresses(source: SourceEvidence, grace: int) -> set[str]:
    """The addresses of the device that by the source's word are there now; none: the device is not."""
    return _words(source, grace).held


class _Word(NamedTuple):
    """A source's word: there from start to end, as was reported at that instant; None while it goes on."""

    start: int | None
    end: int | None
    told: int | None


class _Words(NamedTuple):
    """All words of a source about a device, and the addresses that the last one goes on by."""

    found: list[_Word]
    held: set[str]


def _words(source: SourceEvidence, grace: int) -> _Words:
    """One source's words. A departure that nothing precedes ends a connection whose start is not known."""
    items = [(stay.first, SEEN, SEEN, stay.last, stay.mac) for stay in _split_at_departures(source)]
    items += [(at, rank, kind, at, mac) for at, rank, kind, mac in source.said]
    found: list[_Word] = []
    held: set[str] = set()
    start = last = 0
    anything_before = source.known_before
    for at, _, kind, end, mac in sorted(items):
        missed_at = source.missed(last, at, grace) if held else None
        if missed_at is not None:
            found.append(_Word(start, last, missed_at))
            held = set()
        if kind != LEFT:
            start, last = (start, max(last, end)) if held else (at, end)
            held.add(mac)
        elif held:
            held = left_by(held, mac)
            if not held:
                found.append(_Word(start, at, at))
        elif not anything_before:
            found.append(_Word(None, at, at))
        anything_before = True
    if held:
        missed_at = source.missed(last, None, grace)
        found.append(_Word(start, None if missed_at is None else last, missed_at))
        held = held if missed_at is None else set()
    return _Words(found, held)


def left_by(held: Iterable[str], mac: str) -> set[str]:
    """The addresses that are still there once one of them left."""
    return set() if mac == ANY else {each for each in held if each not in (mac, ANY)}


def _split_at_departures(source: SourceEvidence) -> list[Stay]:
    """Blocks and stays, none of which has a departure between its first and its last sighting."""
    stays = [Stay(first, last, ANY) for first, last in source.blocks] + source.stays
    for left, mac in sorted((each.at, each.mac) for each in source.said if each.kind == LEFT):
        split: list[Stay] = []
        for stay in stays:
            first, last, its = stay
            if not first <= left < last or its in left_by({its}, mac):
                split.append(stay)
                continue
            place = bisect_right(source.scans, left)
            before = source.scans[place - 1] if place else first
            split.append(Stay(first, max(first, before), its))
            # Where the scan that was next is forgotten, the block's last sighting is known in any case.
            split.append(
                Stay(min(source.scans[place], last) if place < len(source.scans) else last, last, its)
            )
        stays = split
    return stays


def _union(words: list[_Word]) -> list[Interval]:
    merged: list[_Word] = []
    for word in sorted(words, key=lambda each: each.start or 0):
        last = merged[-1] if merged else None
        if last is None or (last.told is not None and (word.start or 0) > last.told):
            merged.append(word)
        elif last.end is None or last.told is None or word.end is None or word.told is None:
            merged[-1] = _Word(last.start, None, None)
        else:
            merged[-1] = _Word(last.start, max(last.end, word.end), max(last.told, word.told))
    return [Interval(word.start, word.end) for word in merged]


def _holds(interval: Interval, at: int) -> bool:
    return (
        interval.start is not None and interval.start <= at and (interval.end is None or at <= interval.end)
    )


# A source whose count fell is believed again a day after the last scan that was: networks do shrink.
SUSPICION_SECONDS = 86_400
LEAST_SUSPICIOUS = 5


def are_trusted(counts: Iterable[tuple[int, int]], least_share: float) -> list[bool]:
    """Which complete scans of a source are evidence of absence.

    A scan that sees no device is not; nor is one that sees less than the given share of the last trusted
    scan within a day before, if that saw five devices or more.

    Args:
        counts: (instant, devices seen) of each scan, in order.
        least_share: 0.2 for a fifth.
    """
    trusted = []
    reference: tuple[int, int] | None = None
    for at, seen in counts:
        before = reference[1] if reference and at - reference[0] <= SUSPICION_SECONDS else 0
        believed = seen > 0 and not (before >= LEAST_SUSPICIOUS and seen < least_share * before)
        trusted.append(believed)
        if believed:
            reference = (at, seen)
    return trusted


# In place of an address: the scan only remembered the device, which is neither a sighting nor a miss.
REMEMBERED = "-"


def weight(ip: str | None) -> tuple[int, str]:
    """Of a device that one scan reports twice: a sighting counts before a memory, a memory before a miss."""
    return (0, "") if ip is None else (1 if ip == REMEMBERED else 2, ip)


class Run(NamedTuple):
    """Seen by every complete scan of a source from first to last, with that address.

    last is None while the newest scan saw it.
    """

    first: int
    last: int | None
    ip: str


def united_runs(runs: Iterable[Run], scans: Sequence[int]) -> list[Run]:
    """The runs of several addresses of one device, as if a scan had always known that they are one.

    Args:
        runs: of one source.
        scans: all complete scans of that source, in order.
    Returns:
        runs that do not overlap, in order; of two addresses in one scan, the greater, and a sighting rather
        than a memory.
    """
    waiting = sorted((run.first, _following(scans, run.last), run.ip) for run in runs)
    bounds = sorted({bound for first, after, _ in waiting for bound in (first, after)})
    place = 0
    active: list[tuple[int, str]] = []
    spans: list[tuple[int, int, str]] = []
    for begin, after in pairwise(bounds):
        active = [each for each in active if each[0] > begin]
        while place < len(waiting) and waiting[place][0] <= begin:
            active.append(waiting[place][1:])
            place += 1
        if not active:
            continue
        ip = max((ip for _, ip in active), key=weight)
        if spans and spans[-1][1:] == (begin, ip):
            spans[-1] = (spans[-1][0], after, ip)
        else:
            spans.append((begin, after, ip))
    return [Run(begin, _preceding(scans, begin, after), ip) for begin, after, ip in spans]


def _following(scans: Sequence[int], last: int | None) -> int:
    """The first scan that did not see it."""
    if last is None:
        return FOREVER
    place = bisect_right(scans, last)
    return scans[place] if place < len(scans) else last + 1


def _preceding(scans: Sequence[int], begin: int, after: int) -> int | None:
    """The last scan that did."""
    if after == FOREVER:
        return None
    place = bisect_left(scans, after)
    return max(begin, scans[place - 1]) if place else begin
