"""Contract section 3, `GET /sessions/list`."""

import re
from typing import Any

import pytest

from tests.support import rows
from tests.support.application import Clients

MAC, OTHER = "AA:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:00"
HOUR, DAY = 3600, 86400
AUG = 1_754_006_400  # 2025-08-01 00:00:00 UTC
SOURCE_DOCUMENT = {
    "ses_MAC": "AA:BB:CC:DD:EE:FF",
    "ses_Connection": "2025-08-01 10:00",
    "ses_Disconnection": "2025-08-01 12:00",
    "ses_Duration": "2h 0m",
    "ses_IP": "192.168.1.10",
    "ses_Info": "",
}


def create(clients: Clients, start: str, end: str | None = None, mac: str = MAC) -> int:
    body = {"mac": mac, "ip": "192.168.1.10", "start_time": start, "end_time": end}
    created: int = clients.operator.ok("POST", "/sessions/create", body)["id"]
    return created


def listed(clients: Clients, **query: Any) -> list[dict[str, Any]]:
    answer = clients.viewer.ok("GET", "/sessions/list", query_string=query)
    assert list(answer) == ["success", "sessions"]
    assert answer["success"] is True
    found: list[dict[str, Any]] = answer["sessions"]
    return found


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [each["id"] for each in found]


def test_source_document_list_answers_as_printed(clients: Clients) -> None:
    session_id = create(clients, "2025-08-01T10:00:00", "2025-08-01T12:00:00")
    create(clients, "2025-08-01T10:00:00", "2025-08-01T12:00:00", OTHER)
    create(clients, "2025-07-31T10:00:00", "2025-08-01T09:00:00")
    create(clients, "2025-08-21T10:00:00", "2025-08-22T00:00:00")
    path = "/sessions/list?mac=AA:BB:CC:DD:EE:FF&start_date=2025-08-01&end_date=2025-08-21"
    (session,) = clients.viewer.ok("GET", path)["sessions"]
    assert {name: session[name] for name in SOURCE_DOCUMENT} == SOURCE_DOCUMENT
    assert session["id"] == session_id


def test_contract_3_a_session_carries_the_facts_for_programs(make_clients: Any) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    session_id = create(clients, "2025-08-01T10:00:00", "2025-08-02T11:01:30")
    (session,) = listed(clients)
    assert session == SOURCE_DOCUMENT | {
        "ses_Disconnection": "2025-08-02 11:01",
        "ses_Duration": "1d 1h 1m",
        "id": session_id,
        "ses_StillConnected": False,
        "ses_DateTimeOrder": "2025-08-01T10:00:00+02:00",
        "ses_DateTimeConnection": "2025-08-01T10:00:00+02:00",
        "ses_DateTimeDisconnection": "2025-08-02T11:01:30+02:00",
        "ses_DurationSeconds": DAY + HOUR + 90,
    }


def test_contract_3_an_open_session_has_its_duration_so_far(clients: Clients, clock: Any) -> None:
    create(clients, "2025-08-15T09:59:00")
    (session,) = listed(clients)
    wanted = {
        "ses_Disconnection": "...",
        "ses_Duration": "2h 1m",
        "ses_StillConnected": True,
        "ses_DateTimeDisconnection": None,
        "ses_DurationSeconds": 2 * HOUR + 60,
    }
    assert {name: session[name] for name in wanted} == wanted
    clock.shift(60)
    assert listed(clients)[0]["ses_DurationSeconds"] == 2 * HOUR + 120


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        (
            (AUG, None),
            {"ses_Connection": "2025-08-01 00:00", "ses_Disconnection": "<missing event>"}
            | {"ses_DateTimeConnection": "2025-08-01T00:00:00+00:00", "ses_DateTimeDisconnection": None},
        ),
        (
            (None, AUG),
            {"ses_Connection": "<missing event>", "ses_Disconnection": "2025-08-01 00:00"}
            | {"ses_DateTimeConnection": None, "ses_DateTimeDisconnection": "2025-08-01T00:00:00+00:00"},
        ),
    ],
)
def test_contract_3_a_missing_end_is_shown_as_such(clients: Clients, ends: Any, wanted: Any) -> None:
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), *ends, info="from the log")
    (session,) = listed(clients)
    wanted |= {"ses_Duration": "...", "ses_DurationSeconds": None, "ses_StillConnected": False}
    wanted |= {"ses_Info": "from the log", "ses_DateTimeOrder": "2025-08-01T00:00:00+00:00"}
    assert {name: session[name] for name in wanted} == wanted


def test_contract_3_list_is_oldest_first(clients: Clients) -> None:
    late = create(clients, "2025-08-03", "2025-08-03T10:00")
    early = create(clients, "2025-08-01", "2025-08-01T10:00", OTHER)
    middle = create(clients, "2025-08-02", "2025-08-02T10:00")
    assert ids(listed(clients)) == [early, middle, late]


@pytest.mark.parametrize("mac", ["aa:bb:cc:dd:ee:00", "AA-BB-CC-DD-EE-00", "aabbccddee00"])
def test_contract_3_list_of_one_device(clients: Clients, mac: str) -> None:
    create(clients, "2025-08-01")
    other = create(clients, "2025-08-01", mac=OTHER)
    assert ids(listed(clients, mac=mac)) == [other]


def test_contract_3_list_of_an_unknown_device_is_empty(clients: Clients) -> None:
    create(clients, "2025-08-01")
    assert listed(clients, mac="00:00:00:00:00:01") == []


@pytest.fixture
def days(make_clients: Any) -> tuple[Clients, dict[str, int]]:
    """Berlin, where the 2nd of August is 22:00 UTC to 22:00 UTC; sessions around it, by name."""
    clients = make_clients(TIMEZONE="Europe/Berlin")
    second = AUG + DAY - 2 * HOUR
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC)
        ends = {
            "before": (second - 2 * HOUR, second - HOUR),
            "until the day": (second - HOUR, second),
            "lost just before": (second - 1, None),
            "from the day": (second + 1, second + HOUR),
            "disconnected on it": (None, second + 2 * HOUR),
            "lost on it": (second + 3 * HOUR, None),
            "to its last second": (second + 4 * HOUR, second + DAY - 1),
            "to the next": (second + DAY - 1, second + DAY),
            "disconnected after it": (None, second + DAY + 1),
        }
        found = {name: rows.add_session(tx, device_id, *both) for name, both in ends.items()}
        opened = second + DAY + 2
        found["open"] = rows.add_session(tx, device_id, opened, None, still_connected=True)
    return clients, found


def test_contract_3_start_date_keeps_what_connected_at_or_after_it(days: Any) -> None:
    clients, found = days
    kept = [name for name in found if name not in ("before", "until the day", "lost just before")]
    assert ids(listed(clients, start_date="2025-08-02")) == [found[name] for name in kept]
    # An instant is one, not the day it lies in.
    late = ids(listed(clients, start_date="2025-08-02T23:59:59"))
    assert late == [found[name] for name in ("to the next", "disconnected after it", "open")]


def test_contract_3_end_date_keeps_what_disconnected_by_its_last_instant(days: Any) -> None:
    clients, found = days
    kept = [name for name in found if name not in ("to the next", "disconnected after it", "open")]
    assert ids(listed(clients, end_date="2025-08-02")) == [found[name] for name in kept]
    early = ids(listed(clients, end_date="2025-08-01T22:00:00Z"))
    assert early == [found[name] for name in ("before", "until the day", "lost just before")]


def test_contract_3_both_dates_keep_what_lies_within(days: Any) -> None:
    clients, found = days
    kept = ("from the day", "disconnected on it", "lost on it", "to its last second")
    query = {"start_date": "2025-08-02", "end_date": "2025-08-02"}
    assert ids(listed(clients, **query)) == [found[name] for name in kept]
    assert listed(clients, start_date="2025-08-03", end_date="2025-08-01") == []


def test_contract_3_list_refuses_what_it_does_not_know(clients: Clients) -> None:
    wrong = {"mac": "xyz", "start_date": "08/01/2025", "end_date": "never", "limit": "0", "offset": "-1"}
    response = clients.viewer.get("/sessions/list", wrong)
    assert response.status_code == 400
    assert sorted(response.get_json()["errors"]) == sorted(wrong)
    response = clients.viewer.get("/sessions/list", {"start": "2025-08-01"})
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["start"]


# --- whole, in pages


def many(clients: Clients, count: int) -> list[int]:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC)
        return [rows.add_session(tx, device_id, AUG + 2 * n, AUG + 2 * n + 1) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, 2500])
@pytest.mark.parametrize("path", ["/sessions/list", f"/sessions/{MAC}?period=all"])
def test_contract_2_source_document_lists_return_everything_without_a_limit(
    clients: Clients, path: str, count: int
) -> None:
    made = many(clients, count)
    response = clients.viewer.get(path)
    found = ids(response.get_json()["sessions"])
    assert found == (made if "list" in path else made[::-1])
    assert response.headers["X-Total-Count"] == str(count)
    assert "Link" not in response.headers


def test_contract_2_list_in_pages_is_the_whole_list(clients: Clients) -> None:
    made = many(clients, 25)
    path: str | None = f"/sessions/list?mac={MAC}&limit=10"
    found: list[int] = []
    pages = 0
    while path is not None:
        response = clients.viewer.get(path)
        assert response.headers["X-Total-Count"] == "25"
        found += ids(response.get_json()["sessions"])
        pages += 1
        told = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["Link"])
        links = {name: address for address, name in told}
        assert ("prev" in links) is (pages > 1)
        path = links.get("next")
    assert (found, pages) == (made, 3)


@pytest.mark.parametrize(("limit", "status"), [("1", 200), ("1000", 200), ("1001", 400), ("x", 400)])
def test_contract_2_limit_is_1_to_1000(clients: Clients, limit: str, status: int) -> None:
    assert clients.viewer.get("/sessions/list", {"limit": limit}).status_code == status


def test_contract_2_an_offset_past_the_end_is_an_empty_page(clients: Clients) -> None:
    many(clients, 3)
    response = clients.viewer.get("/sessions/list", {"limit": 2, "offset": 10})
    assert response.get_json()["sessions"] == []
    assert response.headers["X-Total-Count"] == "3"
    assert 'rel="prev"' in response.headers["Link"]


def test_contract_3_list_needs_a_token(clients: Clients) -> None:
    assert clients.nobody.get("/sessions/list").status_code == 401
