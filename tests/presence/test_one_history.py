"""One history: reported and derived sessions beside each other, whoever told it first (contract 3 and 6)."""

from dataclasses import replace
from typing import Any

import pytest
import time_machine

from sessiontrack.config import settings_of
from sessiontrack.database import Statement
from sessiontrack.keeping import soundness
from sessiontrack.presence import derivation
from sessiontrack.startup import prepare
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.history_calls import History, M, O, X
from tests.support.refusals import refused


@pytest.fixture
def history(clients: Clients, clock: time_machine.Traveller) -> History:
    return History(clients, clock)


# --- 1: what is derived lies beside what was reported, whichever came first


def test_case_1_a_reported_instant_lies_within_derived_time(history: History) -> None:
    history.event("seen", -1800)
    assert history.create(-1500, -1500).status_code == 200
    history.patch(grace="30 minutes")
    assert history.sessions() == [(-1800, -1500), (-1500, -1500), (-1499, None)]
    history.assert_sound()


def test_case_1_a_reported_instant_before_any_evidence(history: History) -> None:
    history.create(-1500, -1500)
    history.event("seen", -1500)
    history.event("seen", -1600)
    assert history.sessions() == [(-1600, -1500), (-1500, -1500), (-1499, None)]
    history.assert_sound()


def test_case_1_an_open_reported_session_that_lost_its_end_is_an_instant(history: History) -> None:
    history.create(-2400)
    history.create(-1800)
    history.event("connected", -3000)
    assert history.sessions() == [(-3000, -2400), (-2400, None), (-2399, -1800), (-1800, None)]
    history.assert_sound()


def test_case_1_one_device_does_not_stop_the_scans_of_the_others(history: History) -> None:
    history.scan(-3000, M, O, X)
    history.create(-2400)
    history.create(-1800)
    history.scan(-1200, M, O, X)
    for at in (-600, 0):
        history.scan(at, M, O, X)
    assert history.sessions(M) == [(-3000, None)]
    assert history.sessions() == [(-3000, -2400), (-2400, None), (-2399, -1800), (-1800, None)]
    history.assert_sound()


# --- 2: derived time comes back after a reported session


def test_case_2_a_device_that_is_seen_all_the_time_is_connected_after_a_reported_session(
    history: History,
) -> None:
    history.scan(-3000, X)
    history.create(-2400, -1800)
    for at in (-1200, -600, 0):
        history.scan(at, X)
    assert history.sessions() == [(-3000, -2400), (-2400, -1800), (-1800, None)]
    assert history.is_connected()
    # Nobody came or left but as it was reported.
    assert history.events(voided=True) == [
        (-3000, "Connected"),
        (-3000, "New Device"),
        (-2400, "Connected"),
        (-1800, "Disconnected"),
    ]
    history.assert_sound()


# --- 3: no evidence changes what was reported


def test_case_3_a_reported_end_stays(history: History) -> None:
    history.event("connected", -1200)
    history.create(-1200, -600)
    history.event("seen", -900)
    assert history.sessions() == [(-1200, -600), (-600, None)]
    assert history.events() == [(-1200, "Connected"), (-1200, "New Device"), (-600, "Disconnected")]
    history.assert_sound()


# --- 4: links are derived like everything else


def test_case_4_a_session_that_splits_takes_its_events_along(history: History) -> None:
    history.event("connected", -2400)
    history.event("seen", -1500)
    history.event("disconnected", -900)
    history.event("disconnected", -2000)
    assert history.sessions() == [(-2400, -2000), (-1500, -900)]
    history.assert_sound()


# --- 5 and 6: two devices are merged


def test_a_merge_puts_new_device_where_either_was_reported_first(history: History) -> None:
    # As an import does: the device is known, and has no event of its own.
    with rows.writing(history.clients.app) as tx:
        other = rows.add_device(tx, O)
        tx.run(Statement("UPDATE device SET first_seen_at = :at"), at=NOW - 60)
        rows.add_session(tx, other, NOW - 60, NOW - 60)
    history.create(0, mac=M)
    history.merge(M, O)
    history.assert_sound()
    assert (-60, "New Device") in history.events(M)


def test_case_5_a_reported_session_stays_when_devices_are_merged(history: History) -> None:
    history.create(-600, -300, mac=M)
    history.event("seen", -900, mac=O)
    history.merge(M, O)
    assert history.sessions(M) == [(-900, -600), (-600, -300), (-300, None)]
    assert history.events(M) == [
        (-900, "Connected"),
        (-900, "New Device"),
        (-600, "Connected"),
        (-300, "Disconnected"),
    ]
    history.assert_sound()


def test_case_5_with_equal_starts(history: History) -> None:
    history.create(-900, -300, mac=M)
    history.event("seen", -900, mac=O)
    history.merge(M, O)
    assert history.sessions(M) == [(-900, -300), (-300, None)]
    history.assert_sound()


def test_case_5_a_reported_session_without_an_end_ends_by_reporting_alone(history: History) -> None:
    history.create(-900, mac=M)
    history.event("connected", -600, mac=O)
    history.event("disconnected", -300, mac=O)
    history.merge(M, O)
    assert history.sessions(M) == [(-900, None)]
    history.create(-900, -800, mac=O)
    assert history.sessions(M) == [(-900, -800), (-600, -300)]
    history.assert_sound()


def test_case_6_a_sighting_without_an_address_counts_more_than_a_memory(history: History) -> None:
    history.event("connected", -6000, mac=O)
    history.event("disconnected", -5900, mac=O)
    history.scan(-4200, M, remembered=[O])
    history.merge(M, O)
    assert history.sessions(M) == [(-6000, -5900), (-4200, None)]
    history.assert_sound()


# --- 7: addresses and infos


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_case_7_the_address_does_not_depend_on_the_order(history: History, order: tuple[int, ...]) -> None:
    told: list[Any] = [("connected", -600, {"ip": "10.0.0.7", "info": "lobby"}), ("seen", -300, {})]
    for place in order:
        kind, at, more = told[place]
        history.event(kind, at, **more)
    assert history.addresses() == [("10.0.0.7", "lobby")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_case_7_two_infos_of_one_connection(history: History, order: tuple[int, ...]) -> None:
    for place in order:
        history.event("connected", -600, info=("cellar", "lobby")[place])
    assert history.addresses() == [("", "lobby")]


# --- 8: nothing is written once and then left


def test_case_8_a_reported_disconnection_stays(history: History) -> None:
    history.event("disconnected", -300)
    history.create(-900, -300)
    history.event("seen", 0)
    assert history.sessions() == [(-900, -300), (0, None)]
    assert (-300, "Disconnected") in history.events()
    history.assert_sound()


def test_case_8_new_device_stands_where_the_device_was_seen_first(history: History) -> None:
    history.create(-600, -300)
    history.create(-2640, -2340)
    assert [each for each in history.events() if each[1] == "New Device"] == [(-2640, "New Device")]
    history.assert_sound()


def test_case_8_so_it_does_where_the_first_session_was_derived(history: History) -> None:
    history.scan(-600, X)
    history.create(-90 * 86_400, -89 * 86_400)
    assert [each for each in history.events() if each[1] == "New Device"] == [(-90 * 86_400, "New Device")]
    history.assert_sound()


# --- 9: within one second


def test_case_9_connected_and_kicked_within_one_second_is_gone(history: History) -> None:
    history.event("connected", None)
    history.event("disconnected", None)
    assert history.sessions() == [(0, 0)]
    history.event("connected", None)
    assert history.sessions() == [(0, None)]
    history.assert_sound()


@pytest.mark.parametrize("is_merged_first", [False, True])
def test_case_9_the_order_within_one_second_outlives_a_merge(history: History, is_merged_first: bool) -> None:
    for mac in (M, O):
        history.event("seen", -900, mac=mac, source="dhcp")
    if is_merged_first:
        history.merge(M, O)
    history.event("connected", None, mac=O)
    history.event("disconnected", None, mac=O)
    history.event("disconnected", None, mac=M)
    for mac in (M, O):
        history.event("disconnected", None, mac=mac, source="dhcp")
    if not is_merged_first:
        history.merge(M, O)
    assert history.sessions(M) == [(-900, 0)]
    history.event("connected", None, mac=O)
    assert history.sessions(M) == [(-900, None)]
    history.assert_sound()


# --- 10: two addresses of one device


@pytest.mark.parametrize("merged_after", [0, 1, 2, 3])
@pytest.mark.parametrize(("first", "second"), [(M, O), (O, M)])
def test_an_address_that_leaves_takes_no_other_one_along(
    history: History, merged_after: int, first: str, second: str
) -> None:
    """A phone that takes a new address on one access point, which tells later that the old one is gone."""
    for mac in (M, O):
        history.create(-5000, -4900, mac)
    said = [("connected", -900, first), ("connected", -600, second), ("disconnected", -300, first)]
    for place, (kind, at, mac) in enumerate(said):
        if place == merged_after:
            history.merge(M, O)
        history.event(kind, at, mac=mac)
    if merged_after == 3:
        history.merge(M, O)
    assert (-900, None) in history.sessions(M)
    history.event("disconnected", -100, mac=second)
    assert (-900, -100) in history.sessions(M)
    history.assert_sound()


def test_two_addresses_that_keep_their_ips_are_no_moves(history: History) -> None:
    """A laptop with cable and radio: a DHCP server tells of each renewal."""
    leases = {M: "10.0.0.4", O: "10.0.0.5"}
    for mac in (M, O):
        history.create(-5000, -4900, mac)
    history.merge(M, O)
    for at in (-900, -780, -660, -600):
        for place, (mac, ip) in enumerate(leases.items()):
            history.event("seen", at + place * 60, mac=mac, source="dhcp", ip=ip)
    assert [each for each in history.events(M) if each[1] == "IP Changed"] == [(-840, "IP Changed")]
    history.event("seen", -480, mac=O, source="dhcp", ip="10.0.0.6")
    assert [each[0] for each in history.events(M) if each[1] == "IP Changed"] == [-840, -480]
    history.assert_sound()


def test_of_two_addresses_that_a_scan_saw_either_may_have_left(history: History) -> None:
    for mac in (M, O):
        history.event("seen", -900, mac=mac, source="ap")
    history.merge(M, O)
    history.scan(-600, O, source="ap")
    history.event("disconnected", -300, mac=M)
    assert history.sessions(M) == [(-900, None)]
    history.event("disconnected", -200, mac=O)
    assert history.sessions(M) == [(-900, -200)]
    history.assert_sound()


def test_what_was_forgotten_of_one_address_leaves_the_other_there(
    history: History, clock: time_machine.Traveller
) -> None:
    history.event("connected", -900, mac=M)
    history.event("connected", -600, mac=O)
    history.merge(M, O)
    history.event("seen", -500, mac=M)
    for days in (8, 16):
        clock.move_to(NOW + days * 86_400)
        history.event("seen", days * 86_400 - 10, mac=X)
    history.event("disconnected", 16 * 86_400 - 5, mac=M)
    assert history.is_connected(M)
    history.event("disconnected", 16 * 86_400 - 3, mac=O)
    assert history.sessions(M) == [(-900, 16 * 86_400 - 3)]
    history.assert_sound()


# --- 11: what is said beside a sighting


@pytest.mark.parametrize("is_late", [False, True])
def test_a_session_has_what_was_said_within_it_in_the_order_of_time(history: History, is_late: bool) -> None:
    """As of a device that was there before its access point's RADIUS began."""
    said = [("seen", -600, {"info": "nas 1", "ip": "10.0.0.4"}), ("seen", -300, {"info": "nas 2"})]
    for kind, at, more in reversed(said) if is_late else said:
        history.event(kind, at, **more)
    assert history.addresses() == [("10.0.0.4", "nas 1; nas 2")]
    history.event("disconnected", 0)
    history.event("seen", 0, source="other", info="nas 3")
    history.event("connected", 60, info="nas 1")
    history.event("disconnected", 0, source="other")
    assert history.addresses() == [("10.0.0.4", "nas 1; nas 2; nas 3"), ("10.0.0.4", "nas 1")]
    history.event("connected", -900, info="nas 0")
    assert history.addresses()[0] == ("10.0.0.4", "nas 0; nas 1; nas 2; nas 3")
    history.assert_sound()


@pytest.mark.parametrize("is_late", [False, True])
def test_an_event_has_what_was_said_at_its_instant(history: History, is_late: bool) -> None:
    """As of RADIUS, which names NAS and user when somebody comes and when they go."""
    said = [
        ("connected", -600, {"info": "NAS 1, user anna"}),
        ("seen", -300, {"info": "NAS 1, user ben"}),
        ("disconnected", -100, {"info": "NAS 2, user anna"}),
    ]
    for kind, at, more in reversed(said) if is_late else said:
        history.event(kind, at, **more)
    found = history.clients.viewer.ok("GET", "/sessions/session-events?search=anna&format=json")["events"]
    assert [(each["type"], each["info"]) for each in found] == [
        ("Disconnected", "NAS 2, user anna"),
        ("Connected", "NAS 1, user anna"),
    ]
    history.assert_sound()


def test_what_was_said_before_the_floor_stays_in_a_session_that_goes_on(history: History) -> None:
    history.event("connected", -600, info="radio 1")
    history.event("seen", -300, info="radio 10")
    for day in (8, 16, 24):
        history.clock.move_to(NOW + day * 86_400)
        history.event("seen", day * 86_400, info=f"radio {day}")
        history.event("seen", day * 86_400 + 60, info="radio 1")
    assert history.addresses() == [("", "radio 1; radio 10; radio 8; radio 16; radio 24")]
    history.event("seen", 24 * 86_400 + 120, info="x" * 255)
    for number in range(4):
        history.event("seen", 24 * 86_400 + 130 + number, info=f"{number}" * 255)
    ((_, info),) = history.addresses()
    assert len(info) == 1000
    history.patch(grace="30 minutes")
    assert history.addresses() == [("", info)]
    history.assert_sound()


def test_case_9_a_scan_after_the_departure_within_one_second(history: History) -> None:
    history.event("disconnected", None, source="arp")
    body = {"source": "arp", "devices": [{"mac": X}]}
    history.clients.operator.ok("POST", "/presence/scans", body)
    assert history.is_connected()


def test_case_9_where_the_instant_is_given_the_documented_order_holds(history: History) -> None:
    history.event("connected", 0)
    history.event("disconnected", 0)
    assert history.sessions() == [(0, None)]


# --- 10: after an outage


def test_case_10_one_look_after_an_outage_disconnects_nobody(history: History) -> None:
    history.scan(-7200, X, M)
    history.scan(-1200, M)
    assert history.is_connected()
    history.scan(-900, M)
    assert history.is_connected()
    history.scan(-599, M)
    assert history.sessions() == [(-7200, -7200)]


def test_case_10_a_device_that_is_back_within_the_grace_time_never_left(history: History) -> None:
    history.scan(-7200, X, M)
    history.scan(-1200, M)
    history.scan(-900, X, M)
    assert history.sessions() == [(-7200, None)]


# --- 11: the future


def test_case_11_a_start_ahead_of_the_clock_is_refused(history: History) -> None:
    error = refused(history.create(301), 400)
    assert list(error["errors"]) == ["start_time"]
    assert history.create(300).status_code == 200


# --- 12: ids


def test_case_12_an_id_that_was_given_never_comes_back(history: History) -> None:
    first = history.create(-600, -300).get_json()["id"]
    history.clients.operator.ok("DELETE", "/sessions/delete", {"mac": X})
    assert history.create(-600, -300, mac=M).get_json()["id"] > first


# --- 14: a clock that was ahead


@pytest.mark.parametrize("repaired", [False, True])
def test_case_14_what_came_while_the_clock_was_ahead_is_set_aside(history: History, repaired: bool) -> None:
    for at in (-600, -300, 0):
        history.clock.move_to(NOW + at)
        history.scan(at, X, M)
    history.clock.move_to(NOW + 15 * 365 * 86_400)
    history.scan(15 * 365 * 86_400, X, M)
    history.scan(15 * 365 * 86_400, O)
    history.clock.move_to(NOW + 300)
    if repaired:
        with history.clients.app.app_context():
            assert soundness.is_ahead()
            assert not any(each.count for each in soundness.mend(soundness.examine()))
            assert not soundness.is_ahead()
    for at in (300, 600, 900):
        history.clock.move_to(NOW + at)
        history.scan(at, M)
    assert history.sessions() == [(-600, 0)]
    assert history.sessions(M) == [(-600, None)]
    assert history.sessions(O) == []
    history.assert_sound()


def test_case_14_what_was_forgotten_while_the_clock_was_ahead_stays_as_it_was_derived(
    history: History,
) -> None:
    history.event("connected", -600, source="dhcp")
    history.event("disconnected", -300, source="dhcp")
    # At the second look the clock is believed: what the source said before is settled, and forgotten with it.
    for ahead in (15 * 365 * 86_400, 15 * 365 * 86_400 + 3601):
        history.clock.move_to(NOW + ahead)
        history.event("seen", ahead, mac=M, source="dhcp")
    history.clock.move_to(NOW)
    for _ in range(2):
        history.event("seen", 0, mac=M, source="dhcp")
        history.patch(grace="30 minutes")
        assert history.sessions() == [(-600, -300)]
    assert history.sessions(M) == [(0, None)]
    history.assert_sound()


def test_case_14_a_look_while_the_clock_is_ahead_forgets_nothing(history: History) -> None:
    history.event("seen", -600, source="dhcp", info="radio 1")
    history.event("seen", 0, source="dhcp", info="radio 2")
    history.clock.move_to(NOW + 15 * 365 * 86_400)
    history.event("seen", 15 * 365 * 86_400, mac=M, source="dhcp")
    history.clock.move_to(NOW)
    history.patch(grace="30 minutes")
    assert history.sessions() == [(-600, None)]
    assert history.addresses() == [("", "radio 1; radio 2")]
    history.assert_sound()


def test_case_14_a_departure_in_the_very_second_of_the_jump_stays_and_later_evidence_counts(
    history: History,
) -> None:
    history.event("disconnected", 0, mac=O, source="dhcp")
    for ahead in (15 * 365 * 86_400, 15 * 365 * 86_400 + 3601):
        history.clock.move_to(NOW + ahead)
        history.scan(ahead, M, source="dhcp")
    history.clock.move_to(NOW)
    history.patch(M, grace="30 minutes")
    history.patch(O, grace="30 minutes")
    assert history.sessions(O) == [(None, 0)]
    # Of the other device nothing was forgotten.
    history.event("connected", -600, source="dhcp")
    history.event("disconnected", -300, source="dhcp")
    assert history.sessions() == [(-600, -300)]
    history.clock.move_to(NOW + 60)
    history.event("connected", 60, mac=O, source="dhcp")
    assert history.sessions(O) == [(None, 0), (60, None)]
    history.assert_sound()


def test_case_14_whom_a_scan_that_is_set_aside_missed_was_not_missed_by_it(history: History) -> None:
    history.scan(-2100, O)
    # After a silence this scan alone is not enough.
    history.scan(0, X)
    assert history.sessions(O) == [(-2100, None)]
    history.clock.move_to(NOW + 15 * 365 * 86_400)
    history.scan(15 * 365 * 86_400, X)
    assert history.sessions(O) == [(-2100, -2100)]
    history.clock.move_to(NOW)
    history.event("seen", 0, mac=M, source="dhcp")
    assert history.sessions(O) == [(-2100, None)]
    history.assert_sound()
    history.clock.move_to(NOW + 900)
    history.scan(900, X)
    assert history.sessions(O) == [(-2100, -2100)]
    history.assert_sound()


# --- the grace time of the settings


def test_what_is_settled_leaves_the_last_known_address(history: History) -> None:
    history.event("seen", -600, ip="10.0.0.2")
    history.event("disconnected", 0)
    history.clock.shift(8 * 86_400)
    for _ in range(2):
        history.event("seen", None)
        assert [ip for ip, _ in history.addresses()] == ["10.0.0.2", "10.0.0.2"]
        history.clock.shift(3600)


def test_a_changed_grace_time_of_the_settings_derives_anew_at_the_next_start(history: History) -> None:
    for at in (-1500, -1200, -900, -600):
        history.scan(at, M, *([X] if at != -1200 and at != -900 else []))
    assert history.sessions() == [(-1500, None)]
    app = history.clients.app
    app.extensions["sessiontrack.settings"] = replace(settings_of(app), presence_grace=120)
    prepare(app)
    assert history.sessions() == [(-1500, -1500), (-600, None)]
    history.assert_sound()


def test_a_process_with_the_settings_of_before_judges_by_what_the_last_start_has_settled(
    history: History,
) -> None:
    """A scanner that still runs, while the service was restarted with another grace time."""
    for at in (-1500, -1200):
        history.scan(at, M, X)
    app = history.clients.app
    before = settings_of(app)
    app.extensions["sessiontrack.settings"] = replace(before, presence_grace=120)
    prepare(app)
    app.extensions["sessiontrack.settings"] = before
    for at in (-1100, -1000):
        history.scan(at, M)
    assert history.sessions() == [(-1500, -1200)]
    history.assert_sound()


# --- one device that cannot be derived


def test_a_device_that_cannot_be_derived_stops_nobody_else(
    history: History, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    history.scan(-600, X, M)
    real = derivation.derive

    def fail_for_one(facts: Any) -> Any:
        if facts.grace == 1800:
            raise ArithmeticError("a bug of ours")
        return real(facts)

    history.patch(grace="30 minutes")
    monkeypatch.setattr(derivation, "derive", fail_for_one)
    for at in (-500, -300, 0):
        history.scan(at, O)
        history.event("seen", at)
    assert history.sessions(O) == [(-500, None)]
    assert history.sessions() == [(-600, None)]
    record = [each.message for each in caplog.records if "cannot be derived" in each.message]
    assert any(X in message and "a bug of ours" in message for message in record)
    metrics = history.clients.viewer.get("/metrics").get_data(as_text=True)
    assert "sessiontrack_underived_devices 1.0" in metrics
    with history.clients.app.app_context():
        assert [each.name for each in soundness.examine() if each.count] == ["derivation"]
    monkeypatch.setattr(derivation, "derive", real)
    history.event("seen", 0, ip="10.0.0.3")
    history.assert_sound()
