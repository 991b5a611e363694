"""`POST /devices/<mac>/merge`: two devices become one, with their whole history."""

from dataclasses import replace
from typing import Any

import pytest
import time_machine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessiontrack.database import Row, Statement, Transaction, write_transaction
from sessiontrack.presence.rules import Run, united_runs
from sessiontrack.presence.words import has_said
from sessiontrack.services.device_merge import merge_devices
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import observe_events
from sessiontrack.values.observations import DeviceEvent
from sessiontrack.values.observations import Observation as Seen
from sessiontrack.values.records import DeviceRecord, Section, SessionRecord
from tests.presence.test_presence_properties import RULES, TABLES, _observe, histories
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.presence_reference import Observation, truth
from tests.support.refusals import refused
from tests.support.thorough import made_up

HOUR = 3600
A, B, C = (f"AA:BB:CC:00:00:{number:02X}" for number in range(3))
SAID = ((A, "connected"), (B, "seen"), (A, "seen"), (B, "disconnected"))
Ends = tuple[int | None, int | None]
OF_DEVICE = Statement(
    "SELECT connected_at, disconnected_at, still_connected FROM device_session s"
    " JOIN device d ON d.id = s.device_id WHERE mac = :mac ORDER BY begin_at, s.id"
)
EVENTS_OF = Statement(
    "SELECT at, type, voided FROM event e JOIN device d ON d.id = e.device_id WHERE mac = :mac"
    " ORDER BY at, e.id"
)
LINKED = Statement(
    "SELECT s.connected_at, s.disconnected_at, e.at FROM event e JOIN device_session s ON s.id = e.session_id"
    " WHERE s.device_id = e.device_id ORDER BY e.at"
)


def merge(clients: Clients, mac: str = A, other: str = B) -> Any:
    return clients.operator.ok("POST", f"/devices/{mac}/merge", {"mac": other})


def create(clients: Clients, mac: str, start: int, end: int | None = None, **more: str) -> None:
    """A session, in hours of 2025-08-01."""
    body = {"mac": mac, "ip": "10.0.0.1", "start_time": f"2025-08-01T{start:02d}:00:00Z", **more}
    ends = {} if end is None else {"end_time": f"2025-08-01T{end:02d}:00:00Z"}
    clients.operator.ok("POST", "/sessions/create", body | ends)


def hour(value: Any) -> Any:
    """An instant as the hour of 2025-08-01; anything else as it is."""
    is_instant = isinstance(value, int) and value > 1
    return (value - 1_754_006_400) / HOUR if is_instant else value


def hours(found: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(hour(each) for each in row) for row in found]


def recorded(clients: Clients, mac: str = A) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    with rows.writing(clients.app) as tx:
        return hours(tx.rows(OF_DEVICE, mac=mac)), hours(tx.rows(EVENTS_OF, mac=mac))


@pytest.mark.parametrize(
    ("of_a", "of_b", "united"),
    [
        ([(1, 2)], [(3, 4)], [(1, 2), (3, 4)]),
        ([(1, 3)], [(2, 4)], [(1, 4)]),
        ([(2, 4)], [(1, 3)], [(1, 4)]),
        ([(1, 9)], [(2, 3), (4, 5)], [(1, 9)]),
        ([(2, 3), (4, 5)], [(1, 9)], [(1, 9)]),
        ([(1, 3), (5, 7)], [(2, 6)], [(1, 7)]),
        ([(1, 3)], [(1, 3)], [(1, 3)]),
        ([(1, 2)], [(2, 3)], [(1, 2), (2, 3)]),  # they touch: neither hides anything of the other
        ([(1, 3)], [(2, None)], [(1, None)]),
    ],
)
def test_contract_6_sessions_that_overlap_become_one(
    clients: Clients, of_a: list[Ends], of_b: list[Ends], united: list[Ends]
) -> None:
    for mac, sessions in ((A, of_a), (B, of_b)):
        for start, end in sessions:
            create(clients, mac, start or 0, end)
    merge(clients)
    sessions, events = recorded(clients)
    assert sessions == [(start, end, int(end is None)) for start, end in united]
    unvoided = [(at, kind) for at, kind, voided in events if not voided and kind != "New Device"]
    assert sorted(unvoided) == sorted(
        [(start, "Connected") for start, _ in united] + [(end, "Disconnected") for _, end in united if end]
    )
    # Every event that there was is still there.
    ends = [end for _, end in (*of_a, *of_b)]
    assert len(events) == 2 + len(ends) + sum(end is not None for end in ends)
    with rows.writing(clients.app) as tx:
        assert all(at in (start, end) for start, end, at in tx.rows(LINKED))
        assert len(tx.rows(LINKED)) == len(unvoided)


@pytest.mark.parametrize(
    ("of_a", "of_b", "united"),
    [
        ([(1, None)], [(2, 3)], [(1, None, 0), (2, 3, 0)]),
        ([(1, None)], [(2, None)], [(1, None, 0), (2, None, 1)]),
        ([(1, None)], [(1, 3)], [(1, 3, 0)]),
        ([(1, None)], [(1, None)], [(1, None, 1)]),
        ([(2, None)], [(1, None)], [(1, None, 0), (2, None, 1)]),
        ([(1, None), (4, 5)], [(1, 2), (3, None)], [(1, 2, 0), (3, None, 0), (4, 5, 0)]),
    ],
)
@pytest.mark.parametrize("is_merged_first", [False, True])
def test_contract_6_sessions_without_an_end_are_as_if_reported_of_one_device(
    clients: Clients, of_a: list[Ends], of_b: list[Ends], united: list[Any], is_merged_first: bool
) -> None:
    with rows.writing(clients.app) as tx:
        for mac in (A, B):
            rows.add_device(tx, mac)
    if is_merged_first:
        merge(clients)
    for mac, sessions in ((A, of_a), (B, of_b)):
        for start, end in sessions:
            create(clients, mac, start or 0, end)
    if not is_merged_first:
        merge(clients)
    assert recorded(clients)[0] == united


@pytest.mark.parametrize(
    ("of_a", "of_b", "united"),
    [
        ([(1, 4)], [(None, 3)], [(1, 4)]),
        ([(1, 4)], [(3, None)], [(1, 4)]),
        ([(1, 4)], [(None, 4)], [(1, 4)]),
        ([(1, 4)], [(None, 5)], [(1, 4), (None, 5)]),
        ([(1, None)], [(1, 3)], [(1, 3)]),
        ([(1, None)], [(2, 3)], [(1, None), (2, 3)]),
        ([(None, 2), (2, 3)], [(5, 6)], [(None, 2), (2, 3), (5, 6)]),
    ],
)
def test_contract_6_sessions_that_lack_an_end_are_judged_by_the_other(
    clients: Clients, of_a: list[Ends], of_b: list[Ends], united: list[Ends]
) -> None:
    with rows.writing(clients.app) as tx:
        for mac, sessions in ((A, of_a), (B, of_b)):
            device_id = rows.add_device(tx, mac)
            for start, end in sessions:
                rows.add_session(tx, device_id, start, end)
    merge(clients)
    with rows.writing(clients.app) as tx:
        assert tx.rows(OF_DEVICE, mac=A) == [(start, end, 0) for start, end in united]


def test_contract_6_merging_again_changes_nothing(clients: Clients) -> None:
    create(clients, A, 1, 3)
    create(clients, B, 2, 4)
    first = merge(clients)
    before = rows.stored(clients.app)
    assert first["device"]["aliases"] == [B]
    assert merge(clients) == first
    assert merge(clients, B, A)["device"] == first["device"]
    assert rows.stored(clients.app) == before


def test_contract_6_both_addresses_are_the_device_from_then_on(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    create(clients, A, 1, 3)
    create(clients, B, 4, 5)
    merge(clients)
    viewer, operator = clients.viewer, clients.operator
    assert viewer.ok("GET", f"/devices/{B}") == viewer.ok("GET", f"/devices/{A}")
    for call in (
        "/sessions/{}?period=all",
        "/sessions/list?mac={}",
        "/sessions/calendar?start=2025-08-01&end=2025-08-02&mac={}",
    ):
        sessions = viewer.ok("GET", call.format(B.lower()))["sessions"]
        assert sessions == viewer.ok("GET", call.format(A))["sessions"]
        assert len(sessions) == 2
    assert viewer.ok("GET", f"/sessions/session-events?period=all&search={B}")["total"] == 6
    assert [each["mac"] for each in viewer.ok("GET", f"/devices?search={B[9:].lower()}")["devices"]] == [A]
    create(clients, B, 7, 8)
    answer = operator.call(
        "POST", "/sessions/create", {"mac": B, "ip": "10.0.0.1", "start_time": "2025-08-01T02:00"}
    )
    refused(answer, 409, "conflict")
    assert len(recorded(clients)[0]) == 3
    changed = operator.ok("PATCH", f"/devices/{B}", {"name": "both"})
    assert (changed["device"]["mac"], changed["device"]["name"]) == (A, "both")
    scan = {"source": "arp", "devices": [{"mac": B, "ip": "10.0.0.7"}]}
    assert operator.ok("POST", "/presence/scans", scan)["new"] == 0
    device = viewer.ok("GET", f"/devices/{A}")["device"]
    assert (device["status"], device["ip"]) == ("connected", "10.0.0.7")
    assert viewer.ok("GET", "/devices/totals?format=named")["all"] == 1
    assert operator.ok("DELETE", "/sessions/delete", {"mac": B})["deleted"] == 4
    assert operator.ok("DELETE", f"/devices/{B}")["success"] is True
    refused(viewer.get(f"/devices/{A}"), 404)
    # Deleted with it: the address is anybody's again.
    create(clients, B, 1)
    assert viewer.ok("GET", f"/devices/{B}")["device"]["mac"] == B


def test_contract_6_events_taken_in_bulk_of_either_address_are_the_devices(clients: Clients) -> None:
    create(clients, A, 1, 3)
    create(clients, B, 4, 5)
    merge(clients)
    said = [DeviceEvent("ap", NOW - 60 + n, kind, Seen(mac)) for n, (mac, kind) in enumerate(SAID)]
    with rows.writing(clients.app) as tx:
        observe_events(tx, NOW, said, RULES)
        assert has_said(tx, "ap", B, NOW - 60, NOW)
        # It is there by its own address.
        assert tx.rows(OF_DEVICE, mac=A)[-1] == (NOW - 60, None, 1)
        observe_events(tx, NOW, [DeviceEvent("ap", NOW - 56, "disconnected", Seen(A))], RULES)
        last = tx.rows(OF_DEVICE, mac=A)[-1]
        assert tx.value(Statement("SELECT count(*) FROM device")) == 1
    assert last == (NOW - 60, NOW - 56, 0)


def test_contract_6_imported_sessions_of_either_address_are_the_devices(clients: Clients) -> None:
    create(clients, A, 1, 3)
    create(clients, B, 4, 5)
    merge(clients)
    start = 1_754_006_400
    history = [
        (1, DeviceRecord(B, start, properties={"name": "b"})),
        (2, DeviceRecord(A, properties={"owner": "a"})),
    ]
    told = [
        (3, SessionRecord(B, start + 6 * HOUR, start + 7 * HOUR)),
        (4, SessionRecord(A, start + 8 * HOUR, start + 9 * HOUR)),
    ]
    with rows.writing(clients.app) as tx:
        import_history(tx, NOW, [Section("devices", history), Section("sessions", told)], pytest.fail, RULES)
    assert [row[0] for row in recorded(clients)[0]] == [1, 4, 6, 8]
    device = clients.viewer.ok("GET", f"/devices/{A}")["device"]
    assert (device["name"], device["owner"], device["aliases"]) == ("b", "a", [B])
    assert device["first_seen"] == "2025-08-01T00:00:00+00:00"
    refused(clients.viewer.get("/devices/AA:BB:CC:00:00:05"), 404)


def test_contract_6_a_merged_device_can_be_merged_on(clients: Clients) -> None:
    for mac, start in ((A, 1), (B, 3), (C, 5)):
        create(clients, mac, start, start + 1)
    merge(clients, B, C)
    device = merge(clients, A, C)["device"]
    assert (device["mac"], device["aliases"]) == (A, [B, C])
    assert recorded(clients)[0] == [(1, 2, 0), (3, 4, 0), (5, 6, 0)]
    assert merge(clients, A, B)["device"] == device


def test_contract_6_what_the_device_lacks_is_taken_from_the_other(clients: Clients) -> None:
    create(clients, A, 5, 6)
    create(clients, B, 1, 2)
    clients.operator.ok("PATCH", f"/devices/{A}", {"name": "mine", "grace": "5 min"})
    other = {"name": "other", "owner": "Anna", "vendor": "ACME", "grace": "9 min", "favourite": True}
    clients.operator.ok("PATCH", f"/devices/{B}", other)
    device = merge(clients)["device"]
    told = ("name", "owner", "vendor", "grace", "favourite", "first_seen")
    assert [device[name] for name in told] == [
        "mine",
        "Anna",
        "ACME",
        "5 minutes",
        False,
        "2025-08-01T01:00:00+00:00",
    ]
    new = [(at, voided) for at, kind, voided in recorded(clients)[1] if kind == "New Device"]
    assert new == [(1, 0), (5, 1)]


@pytest.mark.parametrize("notation", [A, A.lower(), A.replace(":", "")])
def test_contract_2_a_device_is_not_merged_with_itself(clients: Clients, notation: str) -> None:
    create(clients, A, 1, 2)
    error = refused(clients.operator.post(f"/devices/{A}/merge", {"mac": notation}), 400)
    assert list(error["errors"]) == ["mac"]


@pytest.mark.parametrize("body", [{}, {"mac": "printer"}, {"mac": None}, {"mac": B, "keep": True}])
def test_contract_2_what_cannot_be_merged_is_400_and_unknown_is_404(clients: Clients, body: Any) -> None:
    create(clients, A, 1, 2)
    refused(clients.operator.post(f"/devices/{A}/merge", body), 400)
    refused(clients.operator.post(f"/devices/{A}/merge", {"mac": B}), 404)
    refused(clients.operator.post(f"/devices/{B}/merge", {"mac": A}), 404)
    refused(clients.viewer.post(f"/devices/{A}/merge", {"mac": B}), 403)


def test_contract_6_an_open_session_of_a_scan_is_closed_by_scans_after_a_merge(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    """It overlaps one that was told through the API, which no scan closes."""

    def scan(*macs: str) -> Any:
        clock.shift(11 * 60)
        devices = [{"mac": mac} for mac in macs]
        return clients.operator.ok("POST", "/presence/scans", {"source": "arp", "devices": devices})

    scan(B, C)  # 12:11
    body = {"mac": A, "ip": "10.0.0.1", "start_time": "2025-08-15T12:00", "end_time": "2025-08-15T12:15"}
    clients.operator.ok("POST", "/sessions/create", body)
    scan(B, C)  # 12:22
    merge(clients)
    found = clients.viewer.ok("GET", f"/sessions/list?mac={A}")["sessions"]
    assert [(each["ses_Connection"][11:], each["ses_Disconnection"][11:]) for each in found] == [
        ("12:00", "12:15"),
        ("12:15", ""),
    ]
    # Each scan comes after a silence: only the second to miss it tells.
    assert [scan(C)["disconnected"] for _ in range(3)] == [0, 1, 0]
    (_, last) = clients.viewer.ok("GET", f"/sessions/list?mac={A}")["sessions"]
    assert last["ses_Disconnection"][11:] == "12:22"


# --- evidence


def _renamed(observed: list[Observation]) -> list[Observation]:
    """As if B had been an address of A all along; of two in one scan the greater IP address."""
    found = []
    for each in observed:
        devices: dict[str, str] = {}
        for mac, ip in each.devices:
            name = A if mac == B else mac
            devices[name] = max(ip, devices.get(name, ""))
        told_of = tuple((A if mac == B else mac, mac, ip) for mac, ip in each.devices)
        found.append(replace(each, devices=tuple(devices.items()), told_of=told_of))
    return found


def _recorded(tx: Transaction) -> tuple[list[Row], set[Row]]:
    events = tx.rows(EVENTS_OF, mac=A)
    return [row[:2] for row in tx.rows(OF_DEVICE, mac=A)], {row[:2] for row in events if not row[2]}


@settings(max_examples=made_up(100))
@given(history=histories(), merged_after=st.integers(0, 18), alert_down=st.booleans())
def test_contract_6_merged_at_any_time_it_is_as_if_it_had_been_one_device_all_along(
    clients: Clients,
    history: tuple[list[Observation], list[Observation]],
    merged_after: int,
    alert_down: bool,
) -> None:
    _, arriving = history
    # Fewer than five devices: no scan is suspicious, so it does not matter that B was counted beside A.
    arriving = [
        Observation(
            each.source, each.at, each.kind, tuple(pair for pair in each.devices if pair[0] in (A, B, C))
        )
        for each in arriving
    ]
    arriving = [each for each in arriving if each.devices or each.kind == "complete"]
    with clients.app.app_context(), write_transaction() as tx:
        for table in TABLES:
            tx.run(Statement(f"DELETE FROM {table}"))
        for mac in (A, B):
            tx.run(
                Statement("INSERT INTO device (mac, first_seen_at, alert_down) VALUES (:mac, :at, :down)"),
                mac=mac,
                at=NOW,
                down=alert_down,
            )
        for each in arriving[:merged_after]:
            _observe(tx, each)
        merge_devices(tx, NOW, A, B, RULES)
        for each in arriving[merged_after:]:
            _observe(tx, each)
        sessions, events = _recorded(tx)
    wanted = truth(_renamed(arriving), A, alert_down=alert_down)
    assert sessions == wanted.sessions
    assert events == wanted.events


@st.composite
def seen(draw: st.DrawFn) -> list[str | None]:
    """The address with which each of ten scans saw a device, None where it did not."""
    return draw(st.lists(st.sampled_from([None, None, "", "1", "2"]), min_size=10, max_size=10))


def _runs(addresses: list[str | None]) -> list[Run]:
    runs: list[Run] = []
    for at, ip in enumerate(addresses):
        last = None if at == len(addresses) - 1 else at
        if ip is None:
            continue
        if runs and runs[-1].last == at - 1 and runs[-1].ip == ip:
            runs[-1] = Run(runs[-1].first, last, ip)
        else:
            runs.append(Run(at, last, ip))
    return runs


@given(one=seen(), other=seen())
@example(one=["1"] * 10, other=["2"] * 10)
def test_runs_are_united_scan_by_scan(one: list[str | None], other: list[str | None]) -> None:
    both = [max((ip for ip in pair if ip is not None), default=None) for pair in zip(one, other, strict=True)]
    assert united_runs([*_runs(one), *_runs(other)], range(10)) == _runs(both)


def test_contract_6_events_of_a_merged_address_count_for_the_device(clients: Clients) -> None:
    main, other = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"
    for mac in (main, other):
        clients.operator.ok("POST", "/presence/scans", {"source": "arp", "devices": [{"mac": mac}]})
    clients.operator.ok("POST", f"/devices/{main}/merge", {"mac": other})
    taken = clients.operator.ok(
        "POST", "/presence/events", {"source": "hostapd", "mac": other, "event": "connected"}
    )
    assert (taken["seen"], taken["new"]) == (1, 0)
    listed = clients.viewer.ok("GET", "/devices")["devices"]
    assert [device["mac"] for device in listed] == [main]
