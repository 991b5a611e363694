"""`/devices/<mac>/statistics`: uptime, lengths and the hours of the week, against counting the seconds."""

from collections.abc import Callable

from time_machine import Traveller

from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused

MAC = "00:00:0C:00:00:01"
URL = f"/devices/{MAC}/statistics"
HOUR, DAY = 3600, 86_400


def test_contract_6_a_device_has_its_statistics(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, MAC)
        rows.add_session(tx, device, NOW - 9 * DAY, NOW - 7 * DAY + HOUR)
        rows.add_session(tx, device, NOW - 6 * DAY, None)
        rows.add_session(tx, device, None, NOW - 5 * DAY)
        rows.add_session(tx, device, NOW - 4 * DAY, NOW - 4 * DAY + HOUR)
        rows.add_session(tx, device, NOW - 2 * HOUR, None, still_connected=True)
        rows.add_session(tx, device, NOW - 30 * DAY, NOW - 29 * DAY)
        rows.add_session(tx, rows.add_device(tx, "00:00:0C:00:00:02"), NOW - DAY, NOW)
    found = clients.viewer.ok("GET", f"{URL}?period=7%20days")
    week = found.pop("week")
    assert found == {
        "success": True,
        "period": "7 days",
        "start": "2025-08-08T12:00:00+00:00",
        "end": "2025-08-15T12:00:00+00:00",
        "first_seen": "1970-01-01T00:00:00+00:00",
        "last_seen": "2025-08-15T12:00:00+00:00",
        "observed_seconds": 7 * DAY,
        "connected_seconds": 4 * HOUR,
        "uptime": 0.0238,
        "sessions": 5,
        "missing_connections": 1,
        "missing_disconnections": 1,
        "average_seconds": 62_400,
        "median_seconds": 7200,
        "longest_seconds": 2 * DAY + HOUR,
    }
    assert (len(week), {len(day) for day in week}) == (7, {24})
    hours = {(day, hour): share for day in range(7) for hour in range(24) if (share := week[day][hour])}
    assert hours == {(4, 12): 1.0, (0, 12): 1.0, (4, 10): 1.0, (4, 11): 1.0}


def test_contract_6_before_it_was_first_seen_it_was_not_away(clients: Clients, clock: Traveller) -> None:
    body = {
        "mac": MAC,
        "ip": "192.168.1.10",
        "start_time": "2025-08-15T10:00",
        "end_time": "2025-08-15T11:00",
    }
    clients.operator.ok("POST", "/sessions/create", body)
    found = clients.viewer.ok("GET", f"{URL}?period=all")
    assert (found["observed_seconds"], found["uptime"]) == (2 * HOUR, 0.5)
    assert (found["week"][4][10], found["week"][4][11], found["week"][4][12]) == (1.0, 0.0, None)


def test_contract_6_a_device_without_time_or_sessions_has_none(clients: Clients, clock: Traveller) -> None:
    body = {"mac": MAC, "ip": "192.168.1.10", "start_time": "2025-08-15T12:00"}
    clients.operator.ok("POST", "/sessions/create", body)
    found = clients.viewer.ok("GET", URL)
    assert (found["observed_seconds"], found["uptime"], found["longest_seconds"]) == (0, None, 0)
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    found = clients.viewer.ok("GET", URL)
    assert (found["sessions"], found["average_seconds"], found["median_seconds"]) == (0, None, None)


def test_contract_6_bad_input_is_refused(clients: Clients) -> None:
    refused(clients.viewer.get(URL), 404)
    assert set(refused(clients.viewer.get(URL, {"period": "0 days"}), 400)["errors"]) == {"period"}
    assert set(refused(clients.viewer.get("/devices/nonsense/statistics"), 400)["errors"]) == {"mac"}


def test_contract_6_the_hours_are_the_sites(make_clients: Callable[..., Clients], clock: Traveller) -> None:
    clients = make_clients(TIMEZONE="Asia/Kathmandu")
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), NOW - HOUR, NOW)
    found = clients.viewer.ok("GET", f"{URL}?period=1%20day")
    # 11:00 to 12:00 UTC is 16:45 to 17:45 there.
    assert (found["week"][4][16], found["week"][4][17]) == (0.25, 1.0)
