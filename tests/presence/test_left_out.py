"""Contract 2 and 6: one bad device of many is left out and reported; a group's address is no device."""

from typing import Any

import pytest

from tests.contract.test_errors import MAC, SESSION, assert_error
from tests.support.application import Clients

PRINTER, LAPTOP = "02:00:5E:00:00:01", "02:00:5E:00:00:02"
NO_DEVICE = ("FF:FF:FF:FF:FF:FF", "ff-ff-ff-ff-ff-ff", "000000000000", "01:00:5e:00:00:fb", "3333.0000.0001")

pytestmark = pytest.mark.usefixtures("clock")


def scan(clients: Clients, *devices: Any, **more: Any) -> Any:
    return clients.operator.ok("POST", "/presence/scans", {"source": "arp", "devices": devices, **more})


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"mac": LAPTOP, "ip": "nope"}, "An IP address is"),
        ({"mac": LAPTOP, "ip": 7}, "An IP address is"),
        ({"mac": "nope"}, "A MAC address is"),
        ({"mac": ""}, "A MAC address is"),
        ({"mac": None}, "mac: Missing data"),
        ({"mac": 7}, "mac: Not a string"),
        ({"ip": "192.168.1.9"}, "mac: Missing data"),
        ({"mac": LAPTOP, "name": "x" * 256}, "name: Must be"),
        ({"mac": LAPTOP, "vendor": 7}, "vendor: Must be"),
        (None, "Must be an object"),
        ("02:00:5E:00:00:02", "Must be an object"),
        *(({"mac": each}, "is no device's address") for each in NO_DEVICE),
    ],
)
def test_contract_6_a_bad_device_is_left_out_and_reported(clients: Clients, bad: Any, reason: str) -> None:
    answer = scan(clients, {"mac": PRINTER}, bad)
    assert (answer["seen"], answer["connected"]) == (1, 1)
    (left_out,) = answer["left_out"]
    assert left_out["index"] == 1
    assert reason in left_out["reason"]


@pytest.mark.parametrize("empty", ["", None])
def test_contract_2_an_empty_field_of_a_device_counts_as_not_given(clients: Clients, empty: Any) -> None:
    answer = scan(clients, {"mac": PRINTER, "ip": empty, "name": empty, "vendor": empty})
    assert (answer["seen"], answer["left_out"]) == (1, [])


@pytest.mark.parametrize("wrong", [0, False, [], {}])
@pytest.mark.parametrize("name", ["ip", "name", "vendor"])
def test_contract_2_another_empty_value_is_no_text(clients: Clients, name: str, wrong: Any) -> None:
    answer = scan(clients, {"mac": PRINTER}, {"mac": LAPTOP, name: wrong})
    assert answer["seen"] == 1
    assert [each["index"] for each in answer["left_out"]] == [1]


def test_contract_2_an_unknown_field_of_a_device_is_refused_by_name(clients: Clients) -> None:
    body = {"source": "arp", "devices": [{"mac": PRINTER}, {"mac": LAPTOP, "ipp": ""}]}
    answer = clients.operator.post("/presence/scans", body)
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"devices.1.ipp"}


def test_contract_6_a_scan_of_which_nothing_can_be_read_is_refused(clients: Clients) -> None:
    body = {"source": "arp", "devices": [{"mac": "nope"}, {"mac": NO_DEVICE[0]}]}
    answer = clients.operator.post("/presence/scans", body)
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"devices.0", "devices.1"}
    assert clients.viewer.ok("GET", "/devices")["devices"] == []


def test_contract_6_nobody_is_missed_by_a_scan_that_cannot_read_them(clients: Clients, clock: Any) -> None:
    both = [{"mac": PRINTER}, {"mac": LAPTOP}]
    scan(clients, *both)
    for _ in range(4):
        clock.shift(300)
        scan(clients, {"mac": PRINTER}, {"mac": LAPTOP, "ip": "nope"})
    assert clients.viewer.ok("GET", f"/devices/{LAPTOP}")["device"]["connected"] is True
    for _ in range(4):
        clock.shift(300)
        scan(clients, {"mac": PRINTER})
    assert clients.viewer.ok("GET", f"/devices/{LAPTOP}")["device"]["connected"] is False


def test_contract_6_the_report_of_what_was_left_out_has_an_end(clients: Clients) -> None:
    answer = scan(clients, {"mac": PRINTER}, *[{"mac": "nope"}] * 1500)
    assert [each["index"] for each in answer["left_out"]] == list(range(1, 1001))


@pytest.mark.parametrize("mac", NO_DEVICE)
def test_contract_2_a_group_s_address_is_no_device_in_any_call(clients: Clients, mac: str) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    for path, body in (
        ("/sessions/create", {**SESSION, "mac": mac}),
        ("/presence/events", {"source": "hostapd", "mac": mac, "event": "connected"}),
        (f"/devices/{MAC}/merge", {"mac": mac}),
    ):
        answer = clients.operator.post(path, body)
        error = assert_error(answer, 400, "bad_request")
        assert set(error["errors"]) == {"mac"}
        assert "no device" in error["message"]
    assert [each["mac"] for each in clients.viewer.ok("GET", "/devices")["devices"]] == [MAC]
    # Nothing stands in the way of asking for one, or of deleting what an older version has recorded.
    assert clients.viewer.ok("GET", f"/sessions/{mac}")["sessions"] == []
    assert clients.operator.ok("DELETE", "/sessions/delete", {"mac": mac})["deleted"] == 0
    assert_error(clients.operator.call("PATCH", f"/devices/{mac}", {"name": "all"}), 404, "not_found")
