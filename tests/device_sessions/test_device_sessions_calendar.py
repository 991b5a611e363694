"""Contract section 3, `GET /sessions/calendar`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support import rows
from tests.support.application import NOW, Clients

MAC, OTHER = "AA:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:00"
MINUTE, HOUR, DAY = 60, 3600, 86400
AUG = 1_754_006_400  # 2025-08-01 00:00:00 UTC
TEN = AUG + 10 * HOUR
MONTH = {"start": "2025-08-01", "end": "2025-08-31"}
CLOSED, OPEN, MISSING = "#00a659", "#0073b7", "#f39c12"


def add(clients: Clients, *ends: tuple[int | None, int | None], mac: str = MAC) -> None:
    """Sessions of one device; their ids in the order given."""
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, mac)
        for connected_at, disconnected_at in ends:
            rows.add_session(tx, device_id, connected_at, disconnected_at)


def add_open(clients: Clients, connected_at: int) -> None:
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), connected_at, None, still_connected=True)


def calendar(clients: Clients, start: object, end: object, **more: Any) -> list[dict[str, str]]:
    answer = clients.viewer.ok("GET", "/sessions/calendar", query_string={"start": start, "end": end, **more})
    assert list(answer) == ["success", "sessions"]
    assert answer["success"] is True
    found: list[dict[str, str]] = answer["sessions"]
    return found


def shown(clients: Clients, color: str) -> list[tuple[str, str]]:
    """(start, end) of August's calendar events of that colour."""
    return [(each["start"], each["end"]) for each in calendar(clients, **MONTH) if each["color"] == color]


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def test_source_document_calendar_answers_as_printed(clients: Clients) -> None:
    body = {"mac": MAC, "ip": "192.168.1.10", "start_time": "2025-08-01T10:00:00"}
    clients.operator.ok("POST", "/sessions/create", body | {"end_time": "2025-08-01T12:00:00"})
    # The very answer: seven keys, no more.
    assert clients.viewer.ok("GET", "/sessions/calendar?start=2025-08-01&end=2025-08-21") == {
        "success": True,
        "sessions": [
            {
                "resourceId": "AA:BB:CC:DD:EE:FF",
                "title": "",
                "start": "2025-08-01T10:00:00",
                "end": "2025-08-01T12:00:00",
                "color": "#00a659",
                "tooltip": "Connection: 2025-08-01 10:00\nDisconnection: 2025-08-01 12:00\nIP: 192.168.1.10",
                "className": "no-border",
            }
        ],
    }


def test_contract_3_calendar_is_written_in_site_time(make_clients: Any) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    add(clients, (TEN, TEN + HOUR))
    (event,) = calendar(clients, "2025-08-01", "2025-08-01")
    assert (event["start"], event["end"]) == ("2025-08-01T12:00:00", "2025-08-01T13:00:00")
    assert event["tooltip"].startswith("Connection: 2025-08-01 12:00\nDisconnection: 2025-08-01 13:00\n")


# --- which sessions


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (TEN - HOUR, TEN + 3 * HOUR),
        (TEN - HOUR, TEN + 1),
        (TEN + HOUR, TEN + HOUR + 1),
        (TEN + 2 * HOUR - 1, TEN + 9 * HOUR),
        (TEN, TEN + 2 * HOUR),
    ],
)
def test_contract_3_calendar_has_what_overlaps_the_window(clients: Clients, start: int, end: int) -> None:
    add(clients, (TEN, TEN + 2 * HOUR))
    assert len(calendar(clients, iso(start), iso(end))) == 1


@pytest.mark.parametrize(("start", "end"), [(TEN - HOUR, TEN), (TEN + 2 * HOUR, TEN + 3 * HOUR)])
def test_contract_3_calendar_instants_are_start_inclusive_end_exclusive(
    clients: Clients, start: int, end: int
) -> None:
    add(clients, (TEN, TEN + 2 * HOUR))
    assert calendar(clients, iso(start), iso(end)) == []


@pytest.mark.parametrize(("offset", "count"), [(-1, 0), (0, 1), (59, 1), (60, 0)])
def test_contract_3_calendar_holds_a_session_of_no_length(clients: Clients, offset: int, count: int) -> None:
    add(clients, (TEN + offset, TEN + offset))
    assert len(calendar(clients, iso(TEN), iso(TEN + 60))) == count


@pytest.mark.parametrize("length", [HOUR, DAY, DAY + 1, 32 * DAY, 32 * DAY + 1, 400 * DAY])
def test_contract_3_calendar_has_a_session_that_began_before_and_ends_after(
    clients: Clients, length: int
) -> None:
    add(clients, (TEN - length, TEN + length))
    for mac in ({}, {"mac": MAC}):
        (event,) = calendar(clients, iso(TEN), iso(TEN + 60), **mac)
        assert (event["start"], event["end"]) == (iso(TEN - length), iso(TEN + length))


@pytest.mark.parametrize("length", [HOUR, DAY, DAY + 1, 32 * DAY, 32 * DAY + 1])
def test_contract_3_calendar_has_a_session_of_which_only_the_last_second_is_within(
    clients: Clients, length: int
) -> None:
    add(clients, (TEN + 1 - length, TEN + 1))
    assert len(calendar(clients, iso(TEN), iso(TEN + 60))) == 1
    assert calendar(clients, iso(TEN + 1), iso(TEN + 60)) == []


def test_contract_3_a_date_only_end_includes_that_day(make_clients: Any) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    midnight = AUG - 2 * HOUR + DAY
    add(clients, (midnight - 2, midnight - 2), (midnight - 1, midnight - 1), (midnight, midnight))
    assert len(calendar(clients, "2025-08-01", "2025-08-01")) == 2
    assert len(calendar(clients, "2025-08-01", "2025-08-02")) == 3
    assert len(calendar(clients, "2025-08-01", "2025-08-01T23:59:59")) == 1
    assert len(calendar(clients, "2025-08-01", "2025-08-02T00:00:00")) == 2


def test_contract_3_calendar_of_one_device(clients: Clients) -> None:
    add(clients, (TEN, TEN + HOUR))
    add(clients, (TEN, TEN + HOUR), mac=OTHER)
    assert [each["resourceId"] for each in calendar(clients, **MONTH)] == [MAC, OTHER]
    assert [each["resourceId"] for each in calendar(clients, **MONTH, mac="aabbccddee00")] == [OTHER]
    assert calendar(clients, **MONTH, mac="00:00:00:00:00:01") == []


def test_contract_2_calendar_takes_what_fullcalendar_sends(clients: Clients) -> None:
    add(clients, (TEN, TEN + HOUR))
    path = "/sessions/calendar?start=2025-08-01T00%3A00%3A00%2B02%3A00&end=2025-08-02T00:00:00+02:00"
    assert len(clients.viewer.ok("GET", f"{path}&timeZone=Europe%2FBerlin&_=1755259200000")["sessions"]) == 1
    # FullCalendar appends its own window to an address that has one: the first counts.
    twice = f"{path}&start=2001-01-01&end=2001-01-02"
    assert len(clients.viewer.ok("GET", twice)["sessions"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "2025-08-01"}, "end"),
        ({"end": "2025-08-01"}, "start"),
        ({"start": "", "end": "2025-08-01"}, "start"),
        ({"start": "2025-08-01", "end": "1 August"}, "end"),
        ({"start": "2025-08-02", "end": "2025-08-01"}, "end"),
        ({"start": "2025-08-01T10:00", "end": "2025-08-01T10:00"}, "end"),
        ({**MONTH, "mac": "AA"}, "mac"),
        ({**MONTH, "limit": "0"}, "limit"),
        ({**MONTH, "start_date": "2025-08-01"}, "start_date"),
        ({**MONTH, "timezones": "UTC"}, "timezones"),
    ],
)
def test_contract_3_calendar_names_the_wrong_parameter(
    clients: Clients, query: dict[str, str], field: str
) -> None:
    response = clients.viewer.get("/sessions/calendar", query)
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == [field]


# --- how they are drawn


def test_contract_3_an_open_session_ends_now(clients: Clients, clock: Any) -> None:
    add_open(clients, TEN)
    (event,) = calendar(clients, **MONTH)
    assert (event["start"], event["end"], event["color"]) == (iso(TEN), iso(NOW), OPEN)
    wanted = "Connection: 2025-08-01 10:00\nDisconnection: <still connected>\nIP: 192.168.1.10"
    assert event["tooltip"] == wanted
    clock.shift(90)
    assert shown(clients, OPEN) == [(iso(TEN), iso(NOW + 90))]
    # It reaches up to now, and no further.
    assert len(calendar(clients, iso(NOW + 89), iso(NOW + HOUR))) == 1
    assert calendar(clients, iso(NOW + 90), iso(NOW + HOUR)) == []


def test_contract_3_an_open_session_of_the_future_ends_where_it_begins(clients: Clients, clock: Any) -> None:
    add_open(clients, NOW + HOUR)
    assert shown(clients, OPEN) == [(iso(NOW + HOUR), iso(NOW + HOUR))]


def test_contract_3_a_missing_disconnection_ends_an_hour_after_its_start(clients: Clients) -> None:
    add(clients, (TEN, None), (TEN + HOUR + 1, TEN + 2 * HOUR))
    assert shown(clients, MISSING) == [(iso(TEN), iso(TEN + HOUR))]
    (tooltip,) = [each["tooltip"] for each in calendar(clients, **MONTH) if each["color"] == MISSING]
    assert tooltip == "Connection: 2025-08-01 10:00\nDisconnection: <missing event>\nIP: 192.168.1.10"


def test_contract_3_a_missing_disconnection_ends_at_the_next_connection(clients: Clients) -> None:
    add(clients, (TEN + 3 * MINUTE, TEN + 4 * MINUTE), (TEN + 2 * MINUTE, None), (TEN, None))
    add(clients, (TEN + MINUTE, TEN + 2 * MINUTE), mac=OTHER)
    assert shown(clients, MISSING) == [
        (iso(TEN), iso(TEN + 2 * MINUTE)),
        (iso(TEN + 2 * MINUTE), iso(TEN + 3 * MINUTE)),
    ]


def test_contract_3_a_missing_connection_starts_an_hour_before(clients: Clients) -> None:
    add(clients, (TEN - 3 * HOUR, TEN - HOUR - 1), (None, TEN))
    assert shown(clients, MISSING) == [(iso(TEN - HOUR), iso(TEN))]
    (tooltip,) = [each["tooltip"] for each in calendar(clients, **MONTH) if each["color"] == MISSING]
    assert tooltip == "Connection: <missing event>\nDisconnection: 2025-08-01 10:00\nIP: 192.168.1.10"


def test_contract_3_a_missing_connection_starts_at_the_previous_disconnection(clients: Clients) -> None:
    add(clients, (None, TEN), (TEN - 3 * HOUR, TEN - 3 * MINUTE), (None, TEN + MINUTE))
    add(clients, (TEN - HOUR, TEN - MINUTE), mac=OTHER)
    assert shown(clients, MISSING) == [
        (iso(TEN - 3 * MINUTE), iso(TEN)),
        (iso(TEN), iso(TEN + MINUTE)),
    ]


@pytest.mark.parametrize("lost", [TEN - 2 * MINUTE, TEN - 4 * MINUTE])
def test_contract_3_a_session_without_disconnection_is_no_previous_one(clients: Clients, lost: int) -> None:
    add(clients, (TEN - 3 * HOUR, TEN - 5 * MINUTE), (lost, None), (None, TEN))
    assert (iso(TEN - 5 * MINUTE), iso(TEN)) in shown(clients, MISSING)


def test_contract_3_of_two_previous_disconnections_the_later_one_counts(clients: Clients) -> None:
    # Two sessions that begin at one instant, as far as it is known when they began.
    add(clients, (TEN - 9 * MINUTE, TEN - 5 * MINUTE), (None, TEN - 9 * MINUTE), (None, TEN))
    assert shown(clients, MISSING)[-1] == (iso(TEN - 5 * MINUTE), iso(TEN))


@pytest.mark.parametrize(
    ("ends", "inside", "outside"),
    [
        ((None, TEN), (TEN - HOUR, TEN - HOUR + 1), (TEN - HOUR - 1, TEN - HOUR)),
        ((TEN, None), (TEN + HOUR - 1, TEN + HOUR), (TEN + HOUR, TEN + HOUR + 1)),
    ],
)
def test_contract_3_calendar_windows_see_the_inferred_ends(
    clients: Clients, ends: Any, inside: Any, outside: Any
) -> None:
    add(clients, ends)
    for mac in ({}, {"mac": MAC}):
        assert len(calendar(clients, *map(iso, inside), **mac)) == 1
        assert calendar(clients, *map(iso, outside), **mac) == []


def test_contract_2_calendar_in_pages_and_whole(clients: Clients) -> None:
    add(clients, *((TEN + 2 * n, TEN + 2 * n + 1) for n in range(1500)))
    whole = calendar(clients, **MONTH)
    assert [each["start"] for each in whole] == [iso(TEN + 2 * n) for n in range(1500)]
    response = clients.viewer.get("/sessions/calendar", {**MONTH, "limit": 10, "offset": 1000})
    assert response.get_json()["sessions"] == whole[1000:1010]
    assert response.headers["X-Total-Count"] == "1500"
    assert 'rel="next"' in response.headers["Link"]
