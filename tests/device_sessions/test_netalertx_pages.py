"""Contract 3 and 6: what the four session pages of NetAlertX ask for, and read of the answers.

Written from their requests of 2026; the pages themselves were looked at in Chromium.
"""

from typing import Any

import pytest

from tests.contract.test_errors import assert_error
from tests.support import rows
from tests.support.application import NOW, Clients

HOUR, DAY = 3600, 86400
PRINTER, LAPTOP, PHONE, OLD = (f"AA:BB:CC:DD:EE:0{n}" for n in (1, 2, 3, 4))

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def network(clients: Clients) -> Clients:
    """A printer that is there, a laptop that left, a phone that went down, an archived one."""
    with rows.writing(clients.app) as tx:
        printer = rows.add_device(tx, PRINTER, "Printer", "Office")
        rows.add_session(tx, printer, NOW - DAY, None, still_connected=True)
        laptop = rows.add_device(tx, LAPTOP, "Laptop")
        rows.add_session(tx, laptop, NOW - 3 * HOUR, NOW - HOUR)
        rows.add_session(tx, laptop, None, NOW - 5 * HOUR)
        phone = rows.add_device(tx, PHONE)
        rows.add_session(tx, phone, NOW - 3 * HOUR, NOW - 2 * HOUR, disc_type="Device Down")
        old = rows.add_device(tx, OLD, "Old")
        rows.add_session(tx, old, NOW - 30 * DAY, NOW - 29 * DAY)
        for n in range(3):
            rows.add_event(tx, laptop, NOW - n * HOUR, "Connected")
    for mac, change in ((OLD, {"archived": True}), (LAPTOP, {"favourite": True, "alert_down": True})):
        clients.operator.ok("PATCH", f"/devices/{mac}", change)
    return clients


@pytest.mark.parametrize(
    ("status", "macs"),
    [
        ("all", [PHONE, LAPTOP, PRINTER]),
        ("my", [PHONE, LAPTOP, PRINTER]),
        ("connected", [PRINTER]),
        ("offline", [PHONE, LAPTOP]),
        ("favorites", [LAPTOP]),
        ("new", []),
        ("down", [PHONE]),
        ("archived", [OLD]),
        ("", [PHONE, LAPTOP, PRINTER]),
    ],
)
def test_contract_6_devices_by_status_are_an_array(network: Clients, status: str, macs: list[str]) -> None:
    response = network.viewer.get("/devices/by-status", {"status": status})
    assert {each["id"] for each in response.get_json()} == set(macs)
    assert response.headers["X-Total-Count"] == str(len(macs))


def test_contract_6_a_device_is_a_calendar_s_resource(network: Clients) -> None:
    found = {each["id"]: each for each in network.viewer.ok("GET", "/devices/by-status")}
    laptop = found[LAPTOP]
    assert (laptop["title"], laptop["favorite"], laptop["devMac"], laptop["devName"]) == (
        "Laptop",
        1,
        LAPTOP,
        "Laptop",
    )
    assert (laptop["devOwner"], laptop["devLastIP"], laptop["devAlertDown"]) == ("", "192.168.1.10", 1)
    assert (laptop["devPresentLastScan"], found[PRINTER]["devPresentLastScan"]) == (0, 1)
    # One without a name is still a row that can be read.
    assert (found[PHONE]["title"], found[PHONE]["devName"], found[PHONE]["favorite"]) == (PHONE, "", 0)


def test_contract_6_devices_by_status_are_all_of_them_or_a_page(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        for n in range(150):
            rows.add_device(tx, f"02:00:00:00:00:{n:02X}")
    whole = clients.viewer.ok("GET", "/devices/by-status")
    assert len(whole) == 150
    response = clients.viewer.get("/devices/by-status", {"limit": 10, "offset": 20})
    assert response.get_json() == whole[20:30]
    assert 'rel="next"' in response.headers["Link"]


def test_contract_6_another_status_is_refused_by_name(clients: Clients) -> None:
    answer = clients.viewer.get("/devices/by-status", {"status": "connectedd"})
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"status"}


def test_contract_6_device_totals_are_a_list_or_named(network: Clients) -> None:
    assert network.viewer.ok("GET", "/devices/totals") == [3, 1, 1, 0, 1, 1]
    named = network.viewer.ok("GET", "/devices/totals?format=named")
    counts = {"all": 3, "connected": 1, "favorites": 1, "new": 0, "down": 1, "archived": 1}
    assert named == {"success": True, "disconnected": 1, "flapping": 0, **counts}
    answer = network.viewer.get("/devices/totals", {"format": "object"})
    assert set(assert_error(answer, 400, "bad_request")["errors"]) == {"format"}


def test_contract_3_the_page_of_events_reads_rows(network: Clients) -> None:
    url = "/sessions/session-events?type=all&period=100%20years&page=1&limit=100000&sortCol=0&sortDir=desc"
    answer = network.viewer.ok("GET", url)
    assert [row[13] for row in answer["data"]] == [LAPTOP] * 3
    assert (answer["total"], answer["recordsFiltered"], answer["limit"]) == (3, 3, 1000)
    assert len(network.viewer.ok("GET", "/sessions/totals?period=100%20years")) == 6


@pytest.mark.parametrize("period", ["1 day", "7 days", "1 month", "1 year", "100 years"])
def test_contract_3_the_page_of_a_device_s_sessions_reads_either_names(network: Clients, period: str) -> None:
    answer = network.viewer.ok("GET", f"/sessions/{LAPTOP.lower()}", query_string={"period": period})
    assert answer["success"] is True
    newest, oldest = answer["sessions"]
    for prefix, mac, ip in (("ses_", "ses_MAC", "ses_IP"), ("ses", "sesMac", "sesIp")):
        assert newest[f"{prefix}DateTimeOrder"] == "2025-08-15T09:00:00+00:00"
        assert oldest[f"{prefix}DateTimeOrder"] == "2025-08-15T07:00:00+00:00"
        assert (newest[mac], newest[ip], newest[f"{prefix}Info"]) == (LAPTOP, "192.168.1.10", "")
        assert newest[f"{prefix}Connection"] == "2025-08-15 09:00"
        assert newest[f"{prefix}Disconnection"] == "2025-08-15 11:00"
        assert newest[f"{prefix}Duration"] == "2h 0m"
        assert oldest[f"{prefix}Connection"] == "<missing event>"


def test_contract_3_rows_of_a_list_have_the_time_to_sort_by(network: Clients) -> None:
    listed = network.viewer.ok("GET", "/sessions/list")["sessions"]
    order: list[Any] = [each["ses_DateTimeOrder"] for each in listed]
    assert order == sorted(order)
    assert len(order) == 5


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2025-08-08", "end": "2025-08-15"},
        {"start": "2025-07-28", "end": "2025-09-08", "mac": LAPTOP},
        # FullCalendar 3 and 4, 5, 6: naive, with Z or an offset; timezone, timeZone; against caches.
        {
            "start": "2025-08-11T00:00:00",
            "end": "2025-08-18T00:00:00",
            "timezone": "UTC",
            "_": "1754042400000",
        },
        {"start": "2025-08-11T00:00:00Z", "end": "2025-08-18T00:00:00Z", "timeZone": "UTC"},
        {"start": "2025-08-11T00:00:00+02:00", "end": "2025-08-18T00:00:00+02:00"},
        {
            "start": "2025-08-11T00:00:00",
            "end": "2025-08-18T00:00:00",
            "timeZone": "Europe/Berlin",
            "mac": "",
        },
    ],
)
def test_contract_3_calendars_ask_as_they_are_used_to(network: Clients, query: dict[str, str]) -> None:
    found = network.viewer.ok("GET", "/sessions/calendar", query_string=query)
    assert LAPTOP in {each["resourceId"] for each in found["sessions"]}
