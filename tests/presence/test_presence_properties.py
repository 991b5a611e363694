"""Any order, any repetition, any mixture of sources: the sessions and events of the reference."""

from dataclasses import replace

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from sessiontrack.database import Statement, Transaction, write_transaction
from sessiontrack.services.presence import PresenceRules, observe_event, observe_scan
from sessiontrack.values.observations import Observation as Seen
from tests.support.application import NOW, Clients
from tests.support.presence_reference import DAY, GRACE, LEAST_SHARE, Observation, truth
from tests.support.thorough import made_up

# How late evidence may be in the histories that go on for long.
LATE = 40
RULES = PresenceRules(grace=GRACE, late=DAY, least_share=LEAST_SHARE)
# Nobody ever saw it.
NOBODY = "AA:BB:CC:00:00:99"
MACS = [f"AA:BB:CC:00:00:{number:02X}" for number in range(7)]
TABLES = ("event", "device_session", "device_evidence", "sighting_run", "scan", "source", "device")
SESSIONS = Statement(
    "SELECT d.mac, s.connected_at, s.disconnected_at"
    " FROM device_session s JOIN device d ON d.id = s.device_id"
    " ORDER BY s.begin_at"
)
EVENTS = Statement(
    "SELECT d.mac, e.at, e.type FROM event e JOIN device d ON d.id = e.device_id WHERE NOT e.voided"
)

instants = st.integers(NOW - 60, NOW)
sources = st.sampled_from(["arp", "dhcp"])
addresses = st.sampled_from(["", "10.0.0.1", "10.0.0.2"])


@st.composite
def scans(draw: st.DrawFn) -> Observation:
    macs = draw(st.lists(st.sampled_from(MACS), unique=True, max_size=7))
    kind = draw(st.sampled_from(["complete", "complete", "complete", "partial"]))
    seen = tuple((mac, draw(addresses)) for mac in macs)
    others = [mac for mac in MACS if mac not in macs]
    remembered = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
    return Observation(draw(sources), draw(instants), kind, seen, tuple(remembered))


@st.composite
def single_events(draw: st.DrawFn) -> Observation:
    kind = draw(st.sampled_from(["seen", "connected", "disconnected"]))
    device = (draw(st.sampled_from(MACS[:2])), draw(addresses))
    return Observation(draw(sources), draw(instants), kind, (device,))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Observation], list[Observation]]:
    """Observations, and the same in another order with some of them repeated."""
    some = draw(st.lists(st.one_of(scans(), scans(), single_events()), min_size=1, max_size=14))
    repeated = draw(st.lists(st.sampled_from(some), max_size=4))
    return some, draw(st.permutations([*some, *repeated]))


def _start_anew(tx: Transaction, *, alert_down: bool = False) -> None:
    """No evidence, and devices that are known but were not seen yet: a scan may remember them."""
    for table in TABLES:
        tx.run(Statement(f"DELETE FROM {table}"))
    devices = [{"mac": mac, "at": NOW + DAY, "down": alert_down} for mac in MACS]
    insert = "INSERT INTO device (mac, first_seen_at, alert_down) VALUES (:mac, :at, :down)"
    tx.run_many(Statement(insert), devices)


def _observe(tx: Transaction, each: Observation, now: int = NOW, rules: PresenceRules = RULES) -> None:
    sightings = [Seen(mac, ip) for mac, ip in each.devices]
    strangers = [NOBODY] if each.source == "arp" and each.kind == "complete" else []
    sightings += [Seen(mac, is_sighting=False) for mac in (*each.remembered, *strangers)]
    if each.kind in ("complete", "partial"):
        observe_scan(tx, now, each.source, each.at, sightings, rules, complete=each.kind == "complete")
    else:
        observe_event(tx, now, each.source, each.at, each.kind, sightings[0], rules)


def _recorded(tx: Transaction) -> tuple[list[tuple[object, ...]], set[tuple[object, ...]]]:
    return [tuple(row) for row in tx.rows(SESSIONS)], {tuple(row) for row in tx.rows(EVENTS)}


@settings(max_examples=made_up(100))
@given(history=histories(), alert_down=st.booleans())
def test_contract_6_order_and_repetition_do_not_matter(
    clients: Clients, history: tuple[list[Observation], list[Observation]], alert_down: bool
) -> None:
    observed, in_other_order = history
    with clients.app.app_context(), write_transaction() as tx:
        _start_anew(tx, alert_down=alert_down)
        for each in in_other_order:
            _observe(tx, each)
        sessions, events = _recorded(tx)
    wanted = {mac: truth(observed, mac, alert_down=alert_down) for mac in MACS}
    for mac in MACS:
        assert [row[1:] for row in sessions if row[0] == mac] == wanted[mac].sessions, mac
        assert {row[1:] for row in events if row[0] == mac} == wanted[mac].events, mac


def _complete(at: int, seen: tuple[int, ...], remembered: tuple[int, ...] = ()) -> Observation:
    devices = tuple((MACS[number], "") for number in seen)
    return Observation("arp", NOW + at, "complete", devices, tuple(MACS[number] for number in remembered))


TAKEN_BACK = {
    # At 11 the device had left; the other scan of that second only remembers it.
    "by what is remembered": [
        _complete(0, (2,)),
        _complete(1, (0,)),
        _complete(11, (0, 1, 3)),
        _complete(11, (0, 3), (2,)),
        _complete(12, ()),
        _complete(13, (0, 1, 3)),
    ],
    # At 23 the device had left, after a silence; since a late scan remembers it, the silence began later.
    "by what a late scan remembers": [
        _complete(0, (0, 4)),
        _complete(11, (0,)),
        _complete(23, (0,)),
        _complete(12, (0,), (4,)),
        _complete(30, ()),
        _complete(33, (0,)),
    ],
    # At 11 the device had left; since a scan of six came late, that of one is no evidence.
    "by a scan that is late": [
        _complete(0, (1, 2)),
        _complete(3, (1,)),
        _complete(11, (1,)),
        _complete(5, (0, 1, 3, 4, 5, 6)),
        _complete(12, (1,)),
        _complete(40, (0, 1, 3, 4)),
        _complete(60, (0, 1, 3, 4)),
    ],
}


@pytest.mark.parametrize("observed", TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_a_scan_tells_of_a_departure_that_another_one_took_back(
    clients: Clients, observed: list[Observation]
) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        _start_anew(tx)
        for each in observed:
            _observe(tx, each, NOW + 60)
        sessions, events = _recorded(tx)
    for mac in (MACS[2], MACS[4]):
        wanted = truth(observed, mac)
        assert [row[1:] for row in sessions if row[0] == mac] == wanted.sessions
        assert {row[1:] for row in events if row[0] == mac} == wanted.events


@st.composite
def long_histories(draw: st.DrawFn) -> list[tuple[int, Observation]]:
    """(arrival, observation) of one source: time goes on, and each comes at most LATE seconds late."""
    arrival = NOW
    found = []
    for each in draw(st.lists(st.one_of(scans(), scans(), single_events()), min_size=5, max_size=25)):
        arrival += draw(st.integers(0, LATE))
        at = arrival - draw(st.integers(0, LATE))
        found.append((arrival, replace(each, at=at, source="arp")))
    return found


@settings(max_examples=made_up(120))
@given(history=long_histories())
def test_contract_6_forgetting_old_evidence_changes_nothing(
    clients: Clients, history: list[tuple[int, Observation]]
) -> None:
    rules = PresenceRules(grace=GRACE, late=LATE, least_share=0.0)
    with clients.app.app_context(), write_transaction() as tx:
        _start_anew(tx)
        for arrival, each in history:
            tx.run(Statement("UPDATE source SET pruned_at = NULL"))
            _observe(tx, each, arrival, rules)
        sessions, events = _recorded(tx)
    observed = [each for _, each in history]
    for mac in MACS:
        note(repr(history))
        wanted = truth(observed, mac, least_share=0.0)
        assert [row[1:] for row in sessions if row[0] == mac] == wanted.sessions, mac
        recorded = {row[1:] for row in events if row[0] == mac and row[2] != "IP Changed"}
        assert recorded == {event for event in wanted.events if event[1] != "IP Changed"}, mac
