"""Contract 6, sentence by sentence, over HTTP."""

from typing import Any

import pytest
import time_machine

from tests.support.application import NOW, Clients

PHONE = "AA:BB:CC:00:00:01"
OTHERS = [f"AA:BB:CC:00:01:{number:02X}" for number in range(9)]
NO_WARNING: dict[str, Any] = {"suspicious": False, "left_out": []}
NOTHING = {"connected": 0, "disconnected": 0, "new": 0, "down": 0, "ip_changed": 0}


class Network:
    """Scans of one source at minutes after NOW, and what is recorded of the phone."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock

    def scan(self, minute: int, *macs: str, **body: Any) -> Any:
        """Everybody but the phone is always there."""
        self.clock.move_to(NOW + minute * 60)
        devices = [{"mac": mac} for mac in (*OTHERS, *macs)]
        scan = {"source": "arp", "at": NOW + minute * 60, "devices": devices}
        return self.clients.operator.ok("POST", "/presence/scans", {**scan, **body})

    def event(self, minute: int, event: str, **body: Any) -> Any:
        told = {"source": "hostapd", "mac": PHONE, "at": NOW + minute * 60, "event": event}
        return self.clients.operator.ok("POST", "/presence/events", {**told, **body})

    def sessions(self) -> list[tuple[Any, Any]]:
        """(connection, disconnection) in minutes after NOW."""
        listed = self.clients.viewer.ok("GET", f"/sessions/list?mac={PHONE}")["sessions"]
        return [(_minute(s["ses_Connection"]), _minute(s["ses_Disconnection"])) for s in listed]

    def events(self) -> list[str]:
        listed = self.clients.viewer.ok(
            "GET", f"/sessions/session-events?search={PHONE}&period=all&sortDir=asc"
        )
        return [event["type"] for event in listed["events"]]


def _minute(text: str) -> Any:
    """Minutes after NOW, 12:00; "..." and <missing event> as they are."""
    return (int(text[11:13]) - 12) * 60 + int(text[14:16]) if text[0] == "2" else text


@pytest.fixture
def network(clients: Clients, clock: time_machine.Traveller) -> Network:
    return Network(clients, clock)


def test_contract_6_a_scan_answers_its_counts(network: Network) -> None:
    assert network.scan(0) == {
        "success": True, **NOTHING, "seen": 9, "connected": 9, "new": 9, **NO_WARNING
    }  # fmt: skip
    assert network.scan(1, PHONE) == {
        "success": True, **NOTHING, "seen": 10, "connected": 1, "new": 1, **NO_WARNING
    }  # fmt: skip


def test_contract_6_a_device_is_connected_from_its_first_sighting(network: Network) -> None:
    network.scan(3, PHONE)
    assert network.sessions() == [(3, "...")]
    assert sorted(network.events()) == ["Connected", "New Device"]


def test_contract_6_missed_for_longer_than_the_grace_time_and_dated_at_the_last_sighting(
    network: Network,
) -> None:
    network.scan(0, PHONE)
    network.scan(5)
    assert network.scan(10)["disconnected"] == 0
    assert network.sessions() == [(0, "...")]
    assert network.scan(11)["disconnected"] == 1
    assert network.sessions() == [(0, 0)]


def test_contract_6_the_grace_time_is_the_devices_own_where_it_has_one(network: Network) -> None:
    network.scan(0, PHONE)
    network.clients.operator.ok("PATCH", f"/devices/{PHONE}", {"grace": "30 minutes"})
    network.scan(30)
    assert network.sessions() == [(0, "...")]
    network.scan(31)
    assert network.sessions() == [(0, 0)]


def test_contract_6_a_silent_scanner_disconnects_nobody(network: Network) -> None:
    network.scan(0, PHONE)
    network.scan(300, PHONE)
    assert network.sessions() == [(0, "...")]


def test_contract_6_after_a_silence_the_misses_must_last_one_more_grace_time(network: Network) -> None:
    network.scan(0, PHONE)
    network.scan(300)
    assert network.scan(309)["disconnected"] == 0
    assert network.sessions() == [(0, "...")]
    assert network.scan(310)["disconnected"] == 1
    assert network.sessions() == [(0, 0)]


def test_contract_6_a_scan_that_is_not_complete_disconnects_nobody(network: Network) -> None:
    network.scan(0, PHONE)
    for minute in range(1, 60, 5):
        network.scan(minute, complete=False)
    assert network.sessions() == [(0, "...")]


@pytest.mark.parametrize("seen", [0, 1])
def test_contract_6_a_scan_that_saw_too_little_is_suspicious_and_no_evidence(
    network: Network, seen: int
) -> None:
    network.scan(0, PHONE)
    devices = [{"mac": mac} for mac in OTHERS[:seen]]
    for minute in range(1, 60, 5):
        assert network.scan(minute, devices=devices)["suspicious"] is True
    assert network.sessions() == [(0, "...")]
    # The first look after a silence is not enough.
    assert network.scan(61)["suspicious"] is False
    assert network.sessions() == [(0, "...")]
    network.scan(71)
    assert network.sessions() == [(0, 0)]


def test_contract_6_one_sources_misses_do_not_outvote_anothers_sighting(network: Network) -> None:
    network.scan(0, PHONE)
    network.event(1, "connected")
    network.scan(10)
    network.scan(20)
    assert network.sessions() == [(0, "...")]
    network.event(20, "disconnected")
    assert network.sessions() == [(0, 20)]


def test_contract_6_an_explicit_event_ends_a_session_at_its_instant(network: Network) -> None:
    network.clock.move_to(NOW + 3600)
    network.event(1, "connected")
    assert network.event(7, "disconnected")["disconnected"] == 1
    assert network.sessions() == [(1, 7)]


def test_contract_6_a_refuted_disconnection_is_voided_with_its_reconnection_and_the_sessions_merge(
    network: Network,
) -> None:
    network.scan(0, PHONE)
    network.scan(8)
    network.scan(11)
    network.scan(20, PHONE)
    assert network.sessions() == [(0, 0), (20, "...")]
    # Late: it was there all the time.
    for minute in (5, 9, 15):
        network.clients.operator.ok(
            "POST",
            "/presence/events",
            {"source": "arp", "mac": PHONE, "at": NOW + minute * 60, "event": "seen"},
        )
    assert network.sessions() == [(0, "...")]
    assert sorted(network.events()) == [
        "Connected",
        "New Device",
        "VOIDED - Connected",
        "VOIDED - Disconnected",
    ]


def test_contract_6_late_and_twice_changes_nothing(network: Network) -> None:
    network.scan(0, PHONE)
    network.scan(8)
    network.scan(11)
    assert network.scan(0, PHONE) == {
        "success": True,
        **NOTHING,
        "seen": 10,
        "suspicious": False,
        "left_out": [],
    }
    assert network.scan(11) == {"success": True, **NOTHING, "seen": 9} | NO_WARNING
    assert network.sessions() == [(0, 0)]


def test_contract_6_device_down_and_down_reconnected(network: Network) -> None:
    network.scan(0, PHONE)
    network.clients.operator.ok("PATCH", f"/devices/{PHONE}", {"alert_down": True})
    network.scan(8)
    answer = network.scan(11)
    assert (answer["down"], answer["disconnected"]) == (1, 1)
    assert network.scan(12, PHONE)["connected"] == 1
    assert sorted(network.events()) == ["Connected", "Device Down", "Down Reconnected", "New Device"]


@pytest.mark.parametrize("is_reported", [False, True])
def test_contract_6_a_device_that_left_before_its_alert_was_on_is_back_after_down(
    network: Network, is_reported: bool
) -> None:
    """Whether its departure is settled, or was reported."""
    if is_reported:
        body = {"mac": PHONE, "ip": "10.0.0.5", "start_time": "2025-08-15T12:00:00Z"}
        body |= {"end_time": "2025-08-15T12:30:00Z", "event_type_disc": "Disconnected"}
        network.clients.operator.ok("POST", "/sessions/create", body)
    else:
        network.scan(0, PHONE)
        network.scan(8)
        assert network.scan(11)["disconnected"] == 1
    days = 9 * 24 * 60
    network.clock.move_to(NOW + days * 60)
    network.clients.operator.ok("PATCH", f"/devices/{PHONE}", {"alert_down": True})
    network.event(days, "connected")
    assert sorted(network.events()) == ["Connected", "Disconnected", "Down Reconnected", "New Device"]
    network.clients.operator.ok("PATCH", f"/devices/{PHONE}", {"alert_down": False})
    assert sorted(network.events())[:2] == ["Connected", "Connected"]


def test_contract_6_with_its_alert_on_the_first_connection_of_a_device_is_an_ordinary_one(
    network: Network,
) -> None:
    network.clients.operator.ok("POST", "/devices", {"mac": PHONE, "alert_down": True})
    network.scan(1, PHONE)
    assert sorted(network.events()) == ["Connected", "New Device"]


def test_contract_6_another_address_is_an_event_with_the_old_one_in_info(network: Network) -> None:
    network.scan(0, devices=[{"mac": PHONE, "ip": "10.0.0.5"}])
    answer = network.scan(1, devices=[{"mac": PHONE, "ip": "10.0.0.6"}])
    assert answer["ip_changed"] == 1
    events = network.clients.viewer.ok("GET", f"/sessions/session-events?search={PHONE}")["events"]
    (moved,) = [event for event in events if event["type"] == "IP Changed"]
    assert (moved["ip"], moved["info"]) == ("10.0.0.6", "10.0.0.5")


def test_contract_6_a_scan_that_only_remembers_a_device_neither_sees_nor_misses_it(network: Network) -> None:
    network.scan(0, PHONE)
    for minute in range(1, 30):
        network.scan(minute, remembered=[PHONE])
    assert network.sessions() == [(0, "...")]
    network.scan(30)
    assert network.sessions() == [(0, 0)]


def test_contract_6_an_unknown_address_that_a_scan_remembers_hides_no_departure(network: Network) -> None:
    unknown = {"remembered": ["AA:BB:CC:00:00:99"]}
    network.scan(0, PHONE, **unknown)
    for minute in (5, 10, 15, 12):
        network.scan(minute, **unknown)
    assert network.sessions() == [(0, 0)]
    network.scan(20, PHONE, **unknown)
    assert network.sessions() == [(0, 0), (20, "...")]
    assert network.clients.viewer.ok("GET", "/devices/totals")[0] == len(OTHERS) + 1


def test_contract_6_a_clock_that_jumps_back_corrupts_nothing(network: Network) -> None:
    network.scan(30, PHONE)
    network.scan(0, PHONE)
    network.scan(1, PHONE)
    assert network.sessions() == [(0, "...")]
    network.scan(40)
    network.scan(45)
    assert network.sessions() == [(0, 30)]


@pytest.mark.parametrize("minutes", [-7 * 24 * 60 - 1, 6])
@pytest.mark.parametrize("call", ["scans", "events"])
def test_contract_6_an_instant_too_late_or_in_the_future_is_refused(
    clients: Clients, clock: time_machine.Traveller, minutes: int, call: str
) -> None:
    body: dict[str, Any] = {"source": "arp", "at": NOW + minutes * 60}
    body |= {"devices": [{"mac": PHONE}]} if call == "scans" else {"mac": PHONE, "event": "seen"}
    answer = clients.operator.post(f"/presence/{call}", body)
    assert answer.status_code == 400
    assert list(answer.get_json()["errors"]) == ["at"]
    assert clients.viewer.ok("GET", "/devices")["devices"] == []


def test_contract_6_the_first_bad_devices_of_a_scan_are_named_by_their_place(clients: Clients) -> None:
    devices = [{"mac": PHONE}, {"mac": "x"}, {"mac": PHONE, "ip": "1.2.3"}, {"macc": PHONE}, 7]
    answer = clients.operator.post("/presence/scans", {"source": "arp", "devices": devices})
    assert answer.status_code == 400
    named = {
        field.rsplit(".", 1)[0] if field.count(".") > 1 else field for field in answer.get_json()["errors"]
    }
    assert named == {"devices.1", "devices.2", "devices.3", "devices.4"}


def test_contract_6_at_most_65536_devices_a_call(clients: Clients) -> None:
    devices = [{"mac": f"02:00:00:{n >> 16:02X}:{n >> 8 & 255:02X}:{n & 255:02X}"} for n in range(65_537)]
    answer = clients.operator.post("/presence/scans", {"source": "arp", "devices": devices})
    assert answer.status_code == 400
    assert "65536" in answer.get_json()["message"]


def test_contract_6_deleted_sessions_do_not_come_back_with_the_next_scan(network: Network) -> None:
    network.scan(0, PHONE)
    network.clients.operator.ok("DELETE", "/sessions/delete", {"mac": PHONE})
    assert network.sessions() == []
    network.scan(5, PHONE)
    assert network.sessions() == [(5, "...")]
