"""Every call that writes of devices, mixed at random: after each, all that must be true, and what a slow
reference says; at the end, the same in another order.
"""

import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
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

from sessiontrack.database import Statement, read_transaction, write_transaction
from sessiontrack.presence.derivation import derive_devices
from sessiontrack.queries.invariants import INVARIANTS
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.records import SESSIONS, DeviceRecord, Section, SessionRecord
from sessiontrack.values.timestamps import IN_UTC
from tests.conftest import NOW, Clients
from tests.support.history_reference import Report, history
from tests.support.presence_reference import Observation
from tests.support.thorough import made_up

MACS = [f"AA:BB:CC:00:00:{number:02X}" for number in (1, 2, 3)]
STEP = 300
GRACE = 600
RULES = PresenceRules(grace=GRACE, late=7 * 86_400, least_share=0.2)
TABLES = (
    "event",
    "device_session",
    "device_evidence",
    "sighting_run",
    "scan",
    "source",
    "device_alias",
    "device",
)
SESSIONS_OF = Statement(
    "SELECT s.connected_at, s.disconnected_at, s.still_connected, s.ip, s.info, s.source IS NULL"
    " FROM device_session s JOIN device d ON d.id = s.device_id WHERE d.mac = :mac"
    " ORDER BY s.begin_at, s.end_at IS NULL, s.end_at, s.connected_at IS NULL"
)
EVENTS_OF = Statement(
    "SELECT e.at, e.type, e.ip, e.info, s.connected_at, s.disconnected_at FROM event e"
    " JOIN device d ON d.id = e.device_id LEFT JOIN device_session s ON s.id = e.session_id"
    " WHERE d.mac = :mac AND NOT e.voided ORDER BY e.at, e.type"
)
ALL = Statement(
    "SELECT 's', id, device_id, connected_at, disconnected_at, ip, info FROM device_session"
    " UNION ALL SELECT 'e', id, device_id, at, session_id, type, CASE WHEN voided THEN 'v' ELSE info END"
    " FROM event UNION ALL SELECT 'd', id, first_seen_at, NULL, NULL, mac, '' FROM device ORDER BY 1, 2"
)
DEVICE_IDS = Statement("SELECT id FROM device")

macs = st.sampled_from(MACS)
places = st.integers(-10, 0)
addresses = st.sampled_from(["", "10.0.0.1", "10.0.0.2"])
sources = st.sampled_from(["arp", "dhcp"])


@dataclass(frozen=True)
class Fact:
    """Something that was accepted: a report or an observation, as it was of which address."""

    mac: str
    report: Report | None = None
    seen: Observation | None = None


class World:
    """A database, and the calls that write to it."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock

    def begin(self, now: int) -> None:
        """Nothing but three devices that are known by name only."""
        self.clock.move_to(now)
        with self.clients.app.app_context(), write_transaction() as tx:
            for table in TABLES:
                tx.run(Statement(f"DELETE FROM {table}"))
            known = [(n, DeviceRecord(mac, first_seen_at=NOW)) for n, mac in enumerate(MACS)]
            import_history(tx, NOW, [Section("devices", known)], pytest.fail, RULES)

    def call(self, method: str, path: str, body: Any) -> Any:
        answer = self.clients.operator.call(method, path, body)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        told = answer.get_json()
        assert told["success"] is (answer.status_code == 200)
        assert answer.status_code in (200, 404, 409), told
        return told

    def create(self, mac: str, report: Report) -> bool:
        body = {"mac": mac, "ip": report.ip, "start_time": IN_UTC.format_offset(report.start)}
        body |= {"event_type_conn": report.conn_type, "event_type_disc": report.disc_type}
        if report.end is not None:
            body["end_time"] = IN_UTC.format_offset(report.end)
        accepted: bool = self.call("POST", "/sessions/create", body)["success"]
        return accepted

    def bring(self, mac: str, report: Report) -> bool:
        refused: list[Any] = []
        types = {"conn_type": report.conn_type, "disc_type": report.disc_type}
        record = SessionRecord(mac, report.start, report.end, report.end is None, ip=report.ip, **types)
        with self.clients.app.app_context(), write_transaction() as tx:
            import_history(tx, NOW, [Section(SESSIONS, [(1, record)])], refused.append, RULES)
        return not refused

    def observe(self, each: Observation) -> None:
        at = {} if each.arrival else {"at": each.at}
        if each.kind in ("complete", "partial"):
            devices = [{"mac": mac, **({"ip": ip} if ip else {})} for mac, ip in each.devices]
            body = {"source": each.source, "complete": each.kind == "complete", "devices": devices, **at}
            body["remembered"] = list(each.remembered)
            self.call("POST", "/presence/scans", body)
            return
        ((mac, ip),) = each.devices
        body = {"source": each.source, "mac": mac, "event": each.kind, **at}
        self.call("POST", "/presence/events", body | ({"ip": ip} if ip else {}))

    def recorded(self, mac: str) -> tuple[list[Any], list[Any]]:
        with self.clients.app.app_context(), read_transaction() as tx:
            return tx.rows(SESSIONS_OF, mac=mac), tx.rows(EVENTS_OF, mac=mac)

    def everything(self) -> list[Any]:
        with self.clients.app.app_context(), read_transaction() as tx:
            return tx.rows(ALL)

    def derive_again(self, now: int) -> None:
        with self.clients.app.app_context(), write_transaction() as tx:
            derive_devices(tx, RULES.terms(now), [row[0] for row in tx.rows(DEVICE_IDS)])

    def wrong(self) -> dict[str, list[Any]]:
        with self.clients.app.app_context(), read_transaction() as tx:
            found = {each.name: each.find(tx) for each in INVARIANTS}
        return {name: keys for name, keys in found.items() if keys}


class HistoryMachine(RuleBasedStateMachine):
    """The world, and beside it what was accepted."""

    world: ClassVar[World]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
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
        mine = [each for each in self._facts_of(mac) if each.report and each.report.start == report.start]
        for fact in mine:
            assert fact.report is not None
            if fact.report.end is None and report.end is not None:
                # It was closed by this.
                self.facts.remove(fact)
            else:
                if report.has_events:
                    self.facts[self.facts.index(fact)] = Fact(fact.mac, replace(fact.report, has_events=True))
                return
        self.facts.append(Fact(mac, report))

    @rule(mac=macs, start=places, length=st.one_of(st.none(), st.integers(0, 4)), down=st.booleans())
    def create(self, mac: str, start: int, length: int | None, down: bool) -> None:
        at = NOW + start * STEP
        end = None if length is None else at + length * STEP
        report = Report(at, end, disc_type="Device Down" if down else "Disconnected")
        if self.world.create(mac, report):
            self._accept(mac, report)

    @rule(mac=macs, start=places, length=st.integers(0, 4))
    def bring(self, mac: str, start: int, length: int) -> None:
        if any(each.report and each.report.start == NOW + start * STEP for each in self._facts_of_any(mac)):
            return
        report = Report(NOW + start * STEP, NOW + (start + length) * STEP, has_events=False)
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
        self._observe(Observation(source, NOW + at * STEP, kind, tuple(seen), kept if complete else ()))

    @rule(
        source=sources,
        mac=macs,
        at=st.one_of(places, st.none()),
        kind=st.sampled_from(["seen", "connected", "disconnected"]),
        ip=addresses,
    )
    def event(self, source: str, mac: str, at: int | None, kind: str, ip: str) -> None:
        if at is not None:
            self._observe(Observation(source, NOW + at * STEP, kind, ((mac, ip),)))
            return
        key = (source, self.now)
        self.arrivals[key] = self.arrivals.get(key, 0) + 1
        self._observe(Observation(source, self.now, kind, ((mac, ip),), arrival=self.arrivals[key]))

    def _observe(self, seen: Observation) -> None:
        self.world.observe(seen)
        for mac, _ in seen.devices:
            self.owner[mac] = self.owner[mac] or mac
        self.facts.append(Fact(seen.devices[0][0] if len(seen.devices) == 1 else "", seen=seen))

    @rule(mac=macs, minutes=st.sampled_from([None, 5, 10, 30]))
    def patch(self, mac: str, minutes: int | None) -> None:
        grace = None if minutes is None else f"{minutes} minutes"
        if self.world.call("PATCH", f"/devices/{mac}", {"grace": grace})["success"]:
            self.graces[self.owner[mac]] = GRACE if minutes is None else minutes * 60

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

    @rule(seconds=st.sampled_from([1, 300, 900]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.world.clock.move_to(self.now)

    # --- what must be true after each of them

    @invariant()
    def all_invariants_hold(self) -> None:
        type(self).steps += 1
        assert self.world.wrong() == {}

    @invariant()
    def it_is_what_the_reference_says(self) -> None:
        for mac in {owner for owner in self.owner.values() if owner}:
            told = self._reference(mac)
            sessions, events = self.world.recorded(mac)
            assert [(row[0], row[1], bool(row[2])) for row in sessions] == told.sessions, mac
            assert {row[:2] for row in events if row[1] != "New Device"} == told.events, mac

    def _reference(self, mac: str) -> Any:
        facts = self._facts_of_owner(mac)
        reports = [each.report for each in facts if each.report is not None]
        renamed = [_renamed(each.seen, self.owner, mac) for each in self.facts if each.seen is not None]
        return history(renamed, reports, mac, self.graces.get(mac, GRACE))

    def _facts_of_owner(self, mac: str) -> list[Fact]:
        return [each for each in self.facts if each.report is not None and self.owner[each.mac] == mac]

    @invariant()
    def deriving_again_changes_nothing(self) -> None:
        before = self.world.everything()
        self.world.derive_again(self.now)
        assert self.world.everything() == before

    @invariant()
    def all_readers_tell_the_same(self) -> None:
        _assert_readers_agree(self.world.clients, MACS)

    def teardown(self) -> None:
        """At the end: the same set in another order, some of it twice, gives the same."""
        if not hasattr(self, "dice"):
            return
        owners = sorted({owner for owner in self.owner.values() if owner})
        before = {mac: self._comparable(mac) for mac in owners}
        self.world.begin(min([NOW, self.now]))
        merges = [(owner, mac) for mac, owner in self.owner.items() if owner not in ("", mac)]
        changes = [("PATCH", f"/devices/{mac}", grace) for mac, grace in self.graces.items()]
        merges_first = self.dice.random() < 0.5
        if merges_first:
            self._merge_all(merges)
        ordered = [fact for fact in self.facts if fact.seen is not None and fact.seen.arrival]
        for fact in sorted(ordered, key=lambda each: (each.seen.at, each.seen.arrival)):  # type: ignore[union-attr]
            self.world.clock.move_to(fact.seen.at)  # type: ignore[union-attr]
            self.world.observe(_with_stand_ins(fact.seen))  # type: ignore[arg-type]
        self.world.clock.move_to(self.now)
        # Which of two reports is refused depends on their order; what was accepted does not.
        reports = sorted(
            (fact for fact in self.facts if fact.report),
            key=lambda each: each.report.start,
            reverse=True,  # type: ignore[union-attr]
        )
        seen: list[Any] = [fact for fact in self.facts if fact.seen and not fact.seen.arrival]
        seen += self.dice.choices(seen, k=3) if seen else []
        rest = [*seen, *changes]
        self.dice.shuffle(rest)
        while rest or reports:
            if reports and (not rest or self.dice.random() < 0.4):
                self._report_again(reports.pop())
                continue
            each = rest.pop()
            if isinstance(each, Fact):
                assert each.seen is not None
                self.world.observe(_with_stand_ins(each.seen))
            else:
                method, path, grace = each
                assert self.world.call(method, path, {"grace": f"{grace // 60} minutes"})["success"]
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


def _with_stand_ins(seen: Observation) -> Observation:
    """A scan that saw devices which were deleted since is one that saw somebody."""
    others = tuple((f"AA:BB:CC:00:01:{number:02X}", "") for number in range(seen.forgotten))
    return replace(seen, devices=seen.devices + others)


def _overlap(reports: list[Report]) -> bool:
    spans = sorted((each.start, 2**62 if each.end is None else each.end) for each in reports)
    return any(
        one[1] > other[0] or one[0] == other[0] for n, one in enumerate(spans) for other in spans[n + 1 :]
    )


def _renamed(seen: Observation, owner: dict[str, str], mac: str) -> Observation:
    """As if the device had one address only; of two that a scan saw of it, the greater."""
    devices: dict[str, str] = {}
    for each, ip in seen.devices:
        name = owner[each] or each
        devices[name] = max(ip, devices.get(name, ""))
    remembered = {owner[each] or each for each in seen.remembered} - devices.keys()
    return replace(seen, devices=tuple(devices.items()), remembered=tuple(sorted(remembered)))


def _assert_readers_agree(clients: Clients, macs: list[str]) -> None:
    """The list, the device's own, the calendar and the totals."""
    viewer = clients.viewer
    listed = viewer.ok("GET", "/sessions/list")["sessions"]
    of_devices = [
        each for mac in macs for each in viewer.ok("GET", f"/sessions/{mac}?period=all")["sessions"]
    ]
    # A further address of a device lists the same again.
    assert {each["id"] for each in listed} == {each["id"] for each in of_devices}
    begin, end = "2025-08-01", "2025-08-31"
    calendar = viewer.ok("GET", f"/sessions/calendar?start={begin}&end={end}")["sessions"]
    assert len(calendar) == len(listed)
    totals = viewer.ok("GET", "/sessions/totals?period=all&format=named")
    events = viewer.ok("GET", "/sessions/session-events?period=all&type=sessions")
    assert totals["sessions"] == events["total"] == len(listed)


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
