"""Every call that writes of devices, mixed at random: after each, all that must be true, and what a slow
reference says; at the end, the same in another order.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW, Clients
from tests.support.history_reference import Report, history
from tests.support.history_world import DAY, GRACE, MACS, RULES, World
from tests.support.presence_reference import Observation, held, infos, told_in
from tests.support.thorough import made_up

STEP = 300
# What is accepted ahead of the clock.
AHEAD = 300

macs = st.sampled_from(MACS)
places = st.integers(-10, 0)
addresses = st.sampled_from(["", "10.0.0.1", "10.0.0.2"])
reported_ips = st.sampled_from(["10.0.0.9", "10.0.0.9", "10.0.0.8"])
conn_types = st.sampled_from(["Connected", "Connected", "Login"])
sources = st.sampled_from(["arp", "dhcp"])


@dataclass(frozen=True)
class Fact:
    """Something that was accepted: a report or an observation, as it was of which address."""

    mac: str
    report: Report | None = None
    seen: Observation | None = None


class HistoryMachine(RuleBasedStateMachine):
    """The world, and beside it what was accepted."""

    world: ClassVar[World]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        # Instants are taken round this one.
        self.base = NOW
        # Of a time before the floor no reference says what must be recorded.
        self.is_beyond = False
        self.latest = NOW
        self.grace = GRACE
        self.facts: list[Fact] = []
        self.arrivals: dict[Any, int] = {}
        self.owner = {mac: mac for mac in MACS}
        self.graces: dict[str, int] = {}
        self.has_deleted = False
        self.world.begin(NOW)

    @initialize(number=st.integers(0, 2**32))
    def choose(self, number: int) -> None:
        self.dice = random.Random(number)

    def _known(self) -> list[str]:
        return sorted({mac for mac, owner in self.owner.items() if owner})

    def _facts_of(self, mac: str) -> list[Fact]:
        return [each for each in self.facts if each.report and self.owner[each.mac] == self.owner[mac]]

    def _accept(self, mac: str, report: Report) -> None:
        self.owner[mac] = self.owner[mac] or mac
        for fact in [
            each for each in self._facts_of(mac) if each.report and each.report.start == report.start
        ]:
            assert fact.report is not None
            if fact.report.end is None and report.end is not None:
                # It was closed by this.
                self.facts.remove(fact)
                continue
            if fact.report.end == report.end and report.has_events:
                self.facts[self.facts.index(fact)] = Fact(fact.mac, replace(fact.report, has_events=True))
            return
        self.facts.append(Fact(mac, report))

    @rule(
        mac=macs,
        start=places,
        length=st.one_of(st.none(), st.integers(0, 4)),
        ip=reported_ips,
        conn_type=conn_types,
        down=st.booleans(),
    )
    def create(self, mac: str, start: int, length: int | None, ip: str, conn_type: str, down: bool) -> None:
        at = self.base + start * STEP
        end = None if length is None else at + length * STEP
        disc_type = "Device Down" if down else "Disconnected"
        report = Report(at, end, ip=ip, conn_type=conn_type, disc_type=disc_type)
        if self.world.create(mac, report):
            self._accept(mac, report)

    @rule(mac=macs, start=places, length=st.one_of(st.none(), st.integers(0, 4)), ip=reported_ips)
    def bring(self, mac: str, start: int, length: int | None, ip: str) -> None:
        at = self.base + start * STEP
        if any(each.report and each.report.start == at for each in self._facts_of_any(mac)):
            return
        report = Report(at, None if length is None else at + length * STEP, ip=ip, has_events=False)
        if self.world.bring(mac, report):
            self._accept(mac, report)

    def _facts_of_any(self, mac: str) -> list[Fact]:
        return self._facts_of(mac) if self.owner[mac] else []

    @rule(
        source=sources,
        at=places,
        seen=st.lists(st.tuples(macs, addresses), max_size=3, unique_by=lambda pair: pair[0]),
        remembered=st.lists(macs, max_size=1),
        complete=st.sampled_from([True, True, True, False]),
    )
    def scan(
        self,
        source: str,
        at: int,
        seen: list[tuple[str, str]],
        remembered: list[str],
        complete: bool,
    ) -> None:
        kept = tuple(mac for mac in remembered if self.owner[mac] and mac not in dict(seen))
        kind = "complete" if complete else "partial"
        self._observe(Observation(source, self.base + at * STEP, kind, tuple(seen), kept if complete else ()))

    @rule(
        source=sources,
        mac=macs,
        at=st.one_of(places, st.none()),
        kind=st.sampled_from(["seen", "connected", "disconnected"]),
        ip=addresses,
        info=st.sampled_from(["", "", "radio 1", "radio 2"]),
    )
    def event(self, source: str, mac: str, at: int | None, kind: str, ip: str, info: str) -> None:
        seen = Observation(source, self.now, kind, ((mac, ip),), info=info)
        if at is not None:
            self._observe(replace(seen, at=self.base + at * STEP))
            return
        key = (source, self.now)
        self.arrivals[key] = self.arrivals.get(key, 0) + 1
        self._observe(replace(seen, arrival=self.arrivals[key]))

    def _observe(self, seen: Observation) -> None:
        is_accepted = self.world.observe(seen)
        assert is_accepted is (self.now - RULES.late <= seen.at <= self.now + AHEAD)
        if not is_accepted:
            return
        for mac, _ in seen.devices:
            self.owner[mac] = self.owner[mac] or mac
        self.facts.append(Fact(seen.devices[0][0] if len(seen.devices) == 1 else "", seen=seen))

    @precondition(lambda self: self.dice.random() < 0.3)
    @rule(source=sources)
    def retire(self, source: str) -> None:
        """Its devices left when it last saw them: the same as if it had said so itself."""
        body = {"name": source, "archived": True, "disconnect": True}
        if not self.world.call("PATCH", "/presence/sources", body)["success"] or self.is_beyond:
            return
        for mac in {owner for owner in self.owner.values() if owner}:
            grace = self.graces.get(mac, self.grace)
            at, there = held(self._seen_of(mac), source, mac, least_share=0.0, grace=grace)
            for address in sorted(there):
                key = (source, at)
                self.arrivals[key] = self.arrivals.get(key, 0) + 1
                left = Observation(source, at, "disconnected", ((address, ""),), arrival=self.arrivals[key])
                self.facts.append(Fact(address, seen=left))

    @rule(mac=macs, minutes=st.sampled_from([None, 5, 10, 30]))
    def patch(self, mac: str, minutes: int | None) -> None:
        grace = None if minutes is None else f"{minutes} minutes"
        if self.world.call("PATCH", f"/devices/{mac}", {"grace": grace})["success"]:
            if minutes is None:
                self.graces.pop(self.owner[mac], None)
            else:
                self.graces[self.owner[mac]] = minutes * 60

    @rule(mac=macs)
    def delete_sessions(self, mac: str) -> None:
        self.world.call("DELETE", "/sessions/delete", {"mac": mac})
        self._forget(mac)

    @precondition(lambda self: self.dice.random() < 0.2)
    @rule(mac=macs)
    def delete_device(self, mac: str) -> None:
        if self.world.call("DELETE", f"/devices/{mac}", None)["success"]:
            self._forget(mac)
            gone = self.owner[mac]
            self.graces.pop(gone, None)
            for each, owner in self.owner.items():
                if owner == gone:
                    self.owner[each] = ""

    def _forget(self, mac: str) -> None:
        self.has_deleted = True
        gone = {each for each, owner in self.owner.items() if owner and owner == self.owner[mac]}
        kept = []
        for fact in self.facts:
            if fact.report is not None and fact.mac in gone:
                continue
            if fact.seen is not None:
                left = tuple(pair for pair in fact.seen.devices if pair[0] not in gone)
                remembered = tuple(each for each in fact.seen.remembered if each not in gone)
                lost = len(fact.seen.devices) + len(fact.seen.remembered) - len(left) - len(remembered)
                if not left and fact.seen.kind not in ("complete", "partial"):
                    continue
                lost += fact.seen.forgotten
                fact = replace(
                    fact, seen=replace(fact.seen, devices=left, remembered=remembered, forgotten=lost)
                )
            kept.append(fact)
        self.facts = kept

    @precondition(lambda self: self.dice.random() < 0.3)
    @rule(mac=macs, other=macs)
    def merge(self, mac: str, other: str) -> None:
        if not (self.owner[mac] and self.owner[other]) or self.owner[mac] == self.owner[other]:
            return
        reports = [each.report for each in (*self._facts_of(mac), *self._facts_of(other)) if each.report]
        if _overlap(reports):
            return
        assert self.world.call("POST", f"/devices/{mac}/merge", {"mac": other})["success"]
        before, after = self.owner[other], self.owner[mac]
        self.graces.pop(before, None)
        self.owner = {each: after if owner == before else owner for each, owner in self.owner.items()}

    @rule(seconds=st.sampled_from([1, 300, 900, -1, -300, -900]))
    def step_clock(self, seconds: int) -> None:
        # What was forgotten while the clock was ahead is forgotten up to now: that must not go back again.
        if seconds > 0 or not self.is_beyond:
            self._move_clock(self.now + seconds)

    def _move_clock(self, now: int) -> None:
        self.now = now
        self.latest = max(self.latest, now)
        self.world.clock.move_to(now)

    @precondition(lambda self: self.dice.random() < 0.2)
    @rule(grace=st.sampled_from([GRACE, GRACE, 300]))
    def restart(self, grace: int) -> None:
        self.grace = grace
        self.world.restart(grace)

    @precondition(lambda self: self.dice.random() < 0.1)
    @rule(days=st.sampled_from([8, 8, 20]))
    def go_on_later(self, days: int) -> None:
        """What was seen until now lies before the floor."""
        self.is_beyond = True
        self._move_clock(self.now + days * DAY)
        self.base = self.now

    @precondition(lambda self: self.is_beyond or self.dice.random() < 0.2)
    @rule()
    def prune(self) -> None:
        self.world.prune(self.now)

    @precondition(lambda self: self.dice.random() < 0.05)
    @rule(mac=macs, source=sources, is_repaired=st.booleans())
    def look_while_the_clock_is_ahead(self, mac: str, source: str, is_repaired: bool) -> None:
        """What came by it is set aside by the repair, or with the next evidence."""
        self.is_beyond = True
        far = self.now + 3650 * DAY
        self.world.clock.move_to(far)
        self.world.observe(Observation(source, far, "complete", ((mac, ""),)))
        self.world.observe(Observation(source, far, "connected", ((mac, ""),)))
        self.world.create(mac, Report(far, None))
        self.world.clock.move_to(self.now)
        for each in self.owner:
            self.owner[each] = self.owner[each] or (each if each == mac else "")
        if is_repaired:
            self.world.mend()

    # --- what must be true after each of them

    @invariant()
    def all_invariants_hold(self) -> None:
        type(self).steps += 1
        assert self.world.wrong() == {}

    @invariant()
    def it_is_what_the_reference_says(self) -> None:
        if self.is_beyond:
            return
        for mac in {owner for owner in self.owner.values() if owner}:
            told = self._reference(mac)
            sessions, events = self.world.recorded(mac)
            assert [(row[0], row[1], bool(row[2])) for row in sessions] == told.sessions, mac
            assert {row[:2] for row in events if row[1] != "New Device"} == told.events, mac
            said = infos(self._seen_of(mac), mac)
            begins = [*map(_first, sessions), None]
            for row, following in zip(sessions, begins[1:], strict=True):
                assert row[5] or row[4] == told_in(said, _first(row), row[1], following), mac

    def _reference(self, mac: str) -> Any:
        facts = self._facts_of_owner(mac)
        reports = [each.report for each in facts if each.report is not None]
        return history(self._seen_of(mac), reports, mac, self.graces.get(mac, self.grace))

    def _seen_of(self, mac: str) -> list[Observation]:
        return [_renamed(each.seen, self.owner, mac) for each in self.facts if each.seen is not None]

    def _facts_of_owner(self, mac: str) -> list[Fact]:
        return [each for each in self.facts if each.report is not None and self.owner[each.mac] == mac]

    @invariant()
    def deriving_again_changes_nothing(self) -> None:
        before = self.world.everything()
        self.world.derive_again(self.now)
        assert self.world.everything() == before

    @invariant()
    def all_readers_tell_the_same(self) -> None:
        _assert_readers_agree(self.world.clients, MACS, self.now)

    def teardown(self) -> None:
        """At the end: the same set in another order, some of it twice, gives the same."""
        if not hasattr(self, "dice") or self.is_beyond:
            return
        owners = sorted({owner for owner in self.owner.values() if owner})
        before = {mac: self._comparable(mac) for mac in owners}
        self.world.begin(min([NOW, self.now]))
        if self.grace != GRACE:
            self.world.restart(self.grace)
        merges = [(owner, mac) for mac, owner in self.owner.items() if owner not in ("", mac)]
        changes = [("PATCH", f"/devices/{mac}", grace) for mac, grace in self.graces.items()]
        merges_first = self.dice.random() < 0.5
        if merges_first:
            self._merge_all(merges)
        ordered = [fact for fact in self.facts if fact.seen is not None and fact.seen.arrival]
        for fact in sorted(ordered, key=lambda each: (each.seen.at, each.seen.arrival)):  # type: ignore[union-attr]
            self.world.clock.move_to(fact.seen.at)  # type: ignore[union-attr]
            self.world.observe(_with_stand_ins(fact.seen))  # type: ignore[arg-type]
        self.world.clock.move_to(self.latest)
        seen: list[Any] = [fact for fact in self.facts if fact.seen and not fact.seen.arrival]
        seen += self.dice.choices(seen, k=3) if seen else []
        rest = [*seen, *changes, *(fact for fact in self.facts if fact.report)]
        self.dice.shuffle(rest)
        for each in rest:
            if not isinstance(each, Fact):
                method, path, grace = each
                assert self.world.call(method, path, {"grace": f"{grace // 60} minutes"})["success"]
            elif each.seen is not None:
                assert self.world.observe(_with_stand_ins(each.seen))
            else:
                self._report_again(each)
        if not merges_first:
            self._merge_all(merges)
            for _, path, grace in changes:
                self.world.call("PATCH", path, {"grace": f"{grace // 60} minutes"})
        assert self.world.wrong() == {}
        assert {mac: self._comparable(mac) for mac in owners} == before

    def _merge_all(self, merges: list[tuple[str, str]]) -> None:
        for owner, mac in merges:
            assert self.world.call("POST", f"/devices/{owner}/merge", {"mac": mac})["success"]

    def _report_again(self, fact: Fact) -> None:
        assert fact.report is not None
        for _ in range(self.dice.choice([1, 2])):
            send = self.world.create if fact.report.has_events else self.world.bring
            assert send(fact.mac, fact.report), fact

    def _comparable(self, mac: str) -> tuple[list[Any], list[Any]]:
        sessions, events = self.world.recorded(mac)
        # A device is known since it was first seen, whatever of that was deleted.
        return sessions, [row for row in events if row[1] != "New Device" or not self.has_deleted]


def _first(session: Any) -> int:
    start, end = session[:2]
    begin: int = end if start is None else start
    return begin


def _with_stand_ins(seen: Observation) -> Observation:
    """A scan that saw devices which were deleted since is one that saw somebody."""
    others = tuple((f"AA:BB:CC:00:01:{number:02X}", "") for number in range(seen.forgotten))
    return replace(seen, devices=seen.devices + others)


def _overlap(reports: list[Report]) -> bool:
    """Whether they could not be of one device; the last one alone may be open."""
    ordered = sorted(reports, key=lambda each: each.start)
    return any(
        one.start == other.start or (one.end is not None and one.end > other.start)
        for one, other in pairwise(ordered)
    )


def _renamed(seen: Observation, owner: dict[str, str], mac: str) -> Observation:
    """As of devices with all their addresses; of two that a scan saw of one, the greater IP address."""
    devices: dict[str, str] = {}
    told_of = []
    for each, ip in seen.devices:
        name = owner[each] or each
        devices[name] = max(ip, devices.get(name, ""))
        told_of.append((name, each, ip))
    remembered = {owner[each] or each for each in seen.remembered} - devices.keys()
    of_devices = {"devices": tuple(devices.items()), "remembered": tuple(sorted(remembered))}
    return replace(seen, **of_devices, told_of=tuple(told_of))


def _assert_readers_agree(clients: Clients, macs: list[str], now: int) -> None:
    """The list, the device's own, the calendar and the totals."""
    viewer = clients.viewer
    listed = viewer.ok("GET", "/sessions/list")["sessions"]
    of_devices = [
        each for mac in macs for each in viewer.ok("GET", f"/sessions/{mac}?period=all")["sessions"]
    ]
    # A further address of a device lists the same again; what lies ahead of the clock is in no period.
    begun = {each["id"] for each in listed if each["ses_StillConnected"] or _begin(each) <= now}
    assert begun == {each["id"] for each in of_devices}
    begin, end = "2025-08-01", IN_UTC.format_offset(max(now, NOW) + 15 * 365 * DAY).replace("+00:00", "Z")
    calendar = viewer.ok("GET", f"/sessions/calendar?start={begin}&end={end}")["sessions"]
    assert len(calendar) == len(listed)
    totals = viewer.ok("GET", "/sessions/totals?period=all&format=named")
    events = viewer.ok("GET", "/sessions/session-events?period=all&type=sessions")
    assert totals["sessions"] == events["total"] == len(listed)


def _begin(session: dict[str, Any]) -> float:
    begin = session["ses_DateTimeConnection"] or session["ses_DateTimeDisconnection"]
    return datetime.fromisoformat(begin).timestamp()


def test_any_calls_in_any_order(clients: Clients, clock: time_machine.Traveller) -> None:
    HistoryMachine.world = World(clients, clock)
    run_state_machine_as_test(
        HistoryMachine,
        settings=settings(
            max_examples=made_up(15),
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{HistoryMachine.steps} steps")
