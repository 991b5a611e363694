"""The history of one device, from what was reported and seen of it: the function, without a database.

It is a function of the set of what was accepted: neither the order of arrival nor repeats matter.

- What was reported stands as it was reported.
- Derived time is what the evidence says, minus what was reported. A reported session that has one end only
  is that instant.
- Where a derived session touches a reported one nobody came or left: there is no derived event.
- With its alert on a device is down whenever it is away, however its departure is recorded.
- What ended before the floor stays as it was derived then: its evidence may be forgotten. So does the start
  of a session that began before the floor. A device's floor lies after all that is settled of it: where the
  clock was ahead, that may be later than what is accepted late.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import itemgetter
from typing import NamedTuple

from sessiontrack.presence.rules import (
    ANY,
    LEFT,
    REMEMBERED,
    SEEN,
    Interval,
    Said,
    SourceEvidence,
    Stay,
    connected_intervals,
)
from sessiontrack.values.timestamps import FOREVER

CONNECTED, DISCONNECTED = "Connected", "Disconnected"
DOWN, RECONNECTED = "Device Down", "Down Reconnected"
NEW, MOVED = "New Device", "IP Changed"
OF_SESSIONS = frozenset({CONNECTED, RECONNECTED, DISCONNECTED, DOWN})

# Of where a device is, a source's scans are one witness, what it says of each address of the device another.
Witness = tuple[str, str]
# Between the infos of a session, and the characters of all of them.
APART, LONGEST_INFOS = "; ", 1000
Key = tuple[int, str]


@dataclass(slots=True)
class Evidence:
    """All that was seen of one device.

    sources: by the name of the source.
    addresses: (instant, witness) -> the address that it saw.
    infos: what sources said beside a connection or a sighting, with the instants.
    partings: what they said beside a disconnection.
    settled_at: the last instant of what is settled, and so forgotten but for a mark; None: nothing is.
    """

    sources: dict[str, SourceEvidence] = field(default_factory=dict)
    addresses: dict[tuple[int, Witness], str] = field(default_factory=dict)
    infos: set[tuple[int, str]] = field(default_factory=set)
    partings: set[tuple[int, str]] = field(default_factory=set)
    settled_at: int | None = None

    def source(self, name: str) -> SourceEvidence:
        """What that source saw, to be added to."""
        return self.sources.setdefault(name, SourceEvidence())

    def add_run(self, source: str, first: int, last: int, ip: str, *, settled: bool = False) -> None:
        """The source's complete scans saw it, or only remembered it, from the first to the last instant."""
        of_source = self.source(source)
        if ip == REMEMBERED:
            of_source.excused.append((first, last))
            return
        if settled:
            self._settle(of_source, last)
        else:
            of_source.blocks.append((first, last))
        self._saw(first, (source, ANY), ip)

    def add_word(self, source: str, said: Said, ip: str, info: str, since: int | None = None) -> None:
        """The source said something of it; `since`: older words of the same that this one stands for."""
        of_source = self.source(source)
        if since is not None or (said.kind == SEEN and said.rank == SEEN):
            of_source.stays.append(Stay(said.at if since is None else since, said.at, said.mac))
        if (said.kind, said.rank) != (SEEN, SEEN):
            of_source.said.append(said)
        self._saw(said.at, (source, said.mac), ip)
        if info:
            (self.partings if said.kind == LEFT else self.infos).add((said.at, info))

    def add_settled(self, source: str, at: int, mac: str, ip: str) -> None:
        """A mark that the source knew it; all else of that time is settled."""
        self._settle(self.source(source), at)
        self._saw(at, (source, mac), ip)

    def _settle(self, source: SourceEvidence, at: int) -> None:
        source.known_before = True
        self.settled_at = at if self.settled_at is None else max(self.settled_at, at)

    def _saw(self, at: int, witness: Witness, ip: str) -> None:
        """Two addresses at once: always the same one of them."""
        if ip:
            self.addresses[at, witness] = max(ip, self.addresses.get((at, witness), ""))

    def is_known(self) -> bool:
        """Whether any source ever saw it; one that only remembers it did not."""
        return any(each.known_before or each.first_sighting() is not None for each in self.sources.values())

    def address_at(self, at: int) -> str:
        """The address that it had then, as far as anybody saw."""
        return _Addresses(self.addresses).of(at, at)

    def first_at(self) -> int | None:
        """When it was there for the first time, as far as is not forgotten."""
        found = (each.first_sighting() for each in self.sources.values())
        return min((at for at in found if at is not None), default=None)


def first_instant(start: int | None, end: int | None) -> int:
    """Of a session of which one end is known at least."""
    begin = end if start is None else start
    assert begin is not None
    return begin


def last_instant(start: int | None, end: int | None, *, is_open: bool) -> int:
    """The same at its other side; FOREVER for an open one."""
    if is_open:
        return FOREVER
    return first_instant(start, end) if end is None else end


class Reported(NamedTuple):
    """A reported session; `is_open` where it has no end yet."""

    start: int | None
    end: int | None
    is_open: bool
    disc_type: str
    ip: str

    @property
    def begin(self) -> int:
        """The first instant that it takes."""
        return first_instant(self.start, self.end)

    @property
    def until(self) -> int:
        """The last instant that it takes."""
        return last_instant(self.start, self.end, is_open=self.is_open)


class Derived(NamedTuple):
    """A derived session; no start: it is not known; no end: still connected.

    from_reported, to_reported: it begins, or ends, only where a reported one lies.
    """

    start: int | None
    end: int | None
    conn_type: str
    disc_type: str
    ip: str
    info: str
    from_reported: bool = False
    to_reported: bool = False

    @property
    def begin(self) -> int:
        """Its first known instant."""
        return first_instant(self.start, self.end)


@dataclass(slots=True)
class Facts:
    """What was accepted about one device, as far as it matters from some instant on.

    remembered: derived sessions that began before the floor; those that ended before it, whole, as they
        were before anything was reported of their time.
    """

    evidence: Evidence
    reported: Sequence[Reported] = ()
    remembered: Sequence[Derived] = ()
    grace: int = 0
    alert_down: bool = False
    floor: int = 0


class History(NamedTuple):
    """Derived sessions in order, and derived events: (instant, type) -> (address, info)."""

    sessions: list[Derived]
    events: dict[Key, tuple[str, str]]


def derive(facts: Facts) -> History:
    """The derived sessions and events of a device; `New Device` is not among them."""
    intervals = connected_intervals(facts.evidence.sources.values(), facts.grace)
    intervals = _with_remembered(intervals, facts.remembered, facts.reported, facts.floor)
    parts = _less(intervals, sorted(facts.reported, key=lambda each: (each.begin, each.until)))
    sessions = list(_described(facts, sorted(parts, key=lambda part: part.begin)))
    events: dict[Key, tuple[str, str]] = {}
    addresses = _Addresses(facts.evidence.addresses)
    infos, partings = _by_instant(facts.evidence.infos), _by_instant(facts.evidence.partings)
    for each in sessions:
        if each.start is not None and not each.from_reported:
            events[each.start, each.conn_type] = (each.ip, infos.get(each.start, ""))
        if each.end is not None and not each.to_reported:
            ip = addresses.last(each.begin, each.end) or each.ip
            events[each.end, each.disc_type] = (ip, partings.get(each.end, ""))
    for at, ip, old in address_changes(facts.evidence.addresses):
        events[at, MOVED] = (ip, old)
    return History(sessions, events)


# --- with what is remembered


def _with_remembered(
    intervals: Sequence[Interval], remembered: Sequence[Derived], reported: Iterable[Reported], floor: int
) -> list[Interval]:
    """The intervals as far as they are not settled, and those that are only remembered.

    One that began before the floor has the start that is remembered of it. Nothing is reported of the time
    before a reported session that lies across the floor: what is recorded there stays.
    """
    heads = (each for each in remembered if not _is_over(each, floor))
    head = min(heads, key=lambda each: each.begin, default=None)
    across = next((each.begin for each in reported if each.begin < floor <= each.until), None)
    found = []
    for start, end in [(each.start, each.end) for each in intervals]:
        if end is not None and end < floor and (head is None or end < head.begin):
            continue
        if head is not None and start is not None and start < floor:
            start, head = head.start, None
        elif across is not None and start is not None:
            start = max(start, across)
        found.append(Interval(start, end))
    return _united(
        [*found, *(Interval(each.start, each.end) for each in remembered if _is_over(each, floor))]
    )


def _is_over(session: Derived, floor: int) -> bool:
    return session.end is not None and session.end < floor


def _reaches(interval: Interval, first: int, last: int) -> bool:
    begin = interval.end if interval.start is None else interval.start
    return (begin or 0) <= last and (interval.end is None or interval.end >= first)


def _united(intervals: Iterable[Interval]) -> list[Interval]:
    """In order; those that share an instant as one."""
    united: list[Interval] = []
    ends_alone = []
    for each in sorted(intervals, key=lambda one: (one.start or 0, FOREVER if one.end is None else one.end)):
        if each.start is None:
            ends_alone.append(each)
        elif united and (united[-1].end is None or each.start <= united[-1].end):
            last = united[-1]
            end = None if last.end is None or each.end is None else max(last.end, each.end)
            united[-1] = Interval(last.start, end)
        else:
            united.append(each)
    for each in set(ends_alone):
        if not any(_reaches(other, each.end or 0, each.end or 0) for other in united):
            united.append(each)
    return united


# --- minus what was reported


class _Part(NamedTuple):
    start: int | None
    end: int | None
    from_reported: bool
    to_reported: bool

    @property
    def begin(self) -> int:
        return (self.end if self.start is None else self.start) or 0

    @property
    def until(self) -> int:
        return FOREVER if self.end is None else self.end


def _less(intervals: Iterable[Interval], reported: Sequence[Reported]) -> Iterator[_Part]:
    for interval in intervals:
        parts = [_Part(interval.start, interval.end, False, False)]
        for each in reported:
            parts = [rest for part in parts for rest in _rest(part, each.begin, each.until)]
        yield from parts


def _rest(part: _Part, begin: int, until: int) -> Iterator[_Part]:
    """What is left of a part beside a reported session."""
    if part.until < begin or part.begin > until:
        yield part
        return
    if part.start is None:
        # Reported time says more of that end.
        return
    if part.start < begin:
        yield _Part(part.start, begin, part.from_reported, True)
    # A reported instant takes its second: no two sessions of a device have the same start.
    start = until + 1 if begin == until else until
    if until < FOREVER and part.until > until and part.until >= start:
        yield _Part(max(part.start, start), part.end, True, part.to_reported)


# --- described


def _described(facts: Facts, parts: Sequence[_Part]) -> Iterator[Derived]:
    """The parts in order, with their types, addresses and infos."""
    remembered = {each.start: each for each in facts.remembered if each.start is not None}
    ended = {each.end: each for each in facts.remembered if each.end is not None}
    addresses = _Addresses(facts.evidence.addresses)
    is_watched = facts.alert_down
    downs = sorted(
        [
            (each.until, each.end is not None and (is_watched or each.disc_type == DOWN))
            for each in facts.reported
        ]
    )
    was_down, place = False, 0
    for part, following in zip_longest(parts, parts[1:]):
        while place < len(downs) and downs[place][0] <= part.begin:
            was_down = downs[place][1]
            place += 1
        last = ended.get(part.until)
        known = last if part.start is None else remembered.get(part.start)
        conn_type = RECONNECTED if was_down and not part.from_reported else CONNECTED
        ip = addresses.of(part.begin, part.until)
        info = ""
        if known is not None and part.begin < facts.floor:
            conn_type, ip, info = known.conn_type, known.ip, known.info
        if known is None or part.until >= facts.floor:
            is_followed = part.to_reported or (following is not None and following.begin == part.until)
            info = _infos(facts.evidence.infos, part, info, is_followed=is_followed)
        disc_type = DOWN if is_watched else DISCONNECTED
        if last is not None and part.until < facts.floor:
            disc_type = last.disc_type
        if part.to_reported or part.end is None:
            disc_type = DISCONNECTED
        was_down = part.end is not None and (is_watched or disc_type == DOWN)
        yield Derived(part.start, part.end, conn_type, disc_type, ip, info, part[2], part[3])


def _by_instant(said: Iterable[tuple[int, str]]) -> dict[int, str]:
    """What was said at each instant, in one text."""
    found: dict[int, str] = {}
    for at, info in sorted(said):
        found[at] = (f"{found[at]}{APART}{info}" if at in found else info)[:LONGEST_INFOS]
    return found


def _infos(said: Iterable[tuple[int, str]], part: _Part, known: str, *, is_followed: bool) -> str:
    """What was said within a session, each once, in the order of time: the access points, the users.

    Args:
        known: what is recorded of it already.
        is_followed: another session begins where this one ends, and has what was said then.
    """
    last = part.until - is_followed
    for _, info in sorted(each for each in said if each[0] == part.begin or part.begin < each[0] <= last):
        if f"{APART}{info}{APART}" not in f"{APART}{known}{APART}":
            known = f"{known}{APART}{info}" if known else info
    return known[:LONGEST_INFOS]


class _Addresses:
    """Where a device was seen, in order."""

    def __init__(self, seen: Mapping[tuple[int, Witness], str]) -> None:
        self._seen = [(at, ip) for (at, _), ip in sorted(seen.items(), key=itemgetter(0))]

    def of(self, begin: int, until: int) -> str:
        """The first address seen in that time, else the last one before it, else the first one after it."""
        before = ""
        for at, ip in self._seen:
            if at >= begin:
                return before if at > until and before else ip
            before = ip
        return before

    def last(self, begin: int, until: int) -> str:
        """The last address seen in that time, else before it."""
        found = ""
        for at, ip in self._seen:
            if at > until:
                break
            found = ip
        return found


def address_changes(seen: Mapping[tuple[int, Witness], str]) -> Iterator[tuple[int, str, str]]:
    """(instant, new address, old address): where a witness saw the device move to another one."""
    current: dict[bool, str] = {}
    by_witness: dict[tuple[Witness, bool], str] = {}
    for (at, witness), ip in sorted(seen.items(), key=itemgetter(0)):
        is_ipv6 = ":" in ip
        moved = by_witness.get((witness, is_ipv6)) != ip
        by_witness[witness, is_ipv6] = ip
        old = current.get(is_ipv6)
        if moved and old != ip:
            current[is_ipv6] = ip
            if old is not None:
                yield at, ip, old
