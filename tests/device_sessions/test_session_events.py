"""Contract section 3, `GET /sessions/session-events`: types, search, sorting, paging."""

import re
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support import rows
from tests.support.application import NOW, Clients

MACS = ("AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02", "AA:BB:CC:DD:EE:03")
MINUTE, HOUR, DAY = 60, 3600, 86400
PATH = "/sessions/session-events"

pytestmark = pytest.mark.usefixtures("clock")


def get(clients: Clients, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = clients.viewer.ok("GET", PATH, query_string=query)
    return answer


def ids(clients: Clients, **query: Any) -> list[int]:
    return [each["id"] for each in get(clients, **query)["events"]]


@pytest.fixture
def filled(clients: Clients) -> dict[str, int]:
    """Three devices, sessions and events of every kind, by what is special about them."""
    with rows.writing(clients.app) as tx:
        laptop = rows.add_device(tx, MACS[0], "Laptop Müller", "Änne")
        phone = rows.add_device(tx, MACS[1], "phone 100%_\\", "bob")
        tv = rows.add_device(tx, MACS[2], "TV", "Carol")

        def session(device_id: int, *ends: int | None, **more: Any) -> int:
            return rows.add_session(tx, device_id, *ends, **more)

        def event(device_id: int, at: int, kind: str, **more: Any) -> int:
            return rows.add_event(tx, device_id, at, kind, **more)

        made = {
            "closed": session(laptop, NOW - 2 * DAY, NOW - DAY, ip="10.0.0.9", info="über LAN"),
            "long": session(phone, NOW - 30 * DAY, NOW - 6 * DAY, ip="10.0.0.10", conn_type="Joined"),
            "open": session(laptop, NOW - HOUR, None, still_connected=True, ip="fe80::1"),
            "lost": session(tv, NOW - 3 * DAY, None, ip="2001:db8::5"),
            "found": session(tv, None, NOW - 4 * DAY, ip="", disc_type="Left"),
            "old": session(tv, NOW - 20 * DAY, NOW - 19 * DAY),
            "new": event(laptop, NOW - 2 * DAY, "New Device", ip="10.0.0.9"),
            "connected": event(laptop, NOW - 2 * DAY, "Connected", ip="10.0.0.9", info="über LAN"),
            "voided": event(phone, NOW - 5 * DAY, "Connected", ip="10.0.0.10", voided=True),
            "down": event(tv, NOW - 3 * DAY, "Device Down", ip="2001:db8::5", pending_alert=True),
            "voided down": event(tv, NOW - 6 * DAY, "Device Down", ip="", voided=True),
            "old event": event(tv, NOW - 20 * DAY, "Connected"),
        }
    return made


def names(filled: dict[str, int], kind: str, found: list[int]) -> list[str]:
    """The names of the rows found; ids of sessions and of events are counted apart."""
    is_session = kind == "sessions" or kind.startswith("missing")
    of = {row_id: name for n, (name, row_id) in enumerate(filled.items()) if (n < 6) is is_session}
    return [of[each] for each in found]


# --- what is answered


def test_source_document_session_events_call(clients: Clients, filled: dict[str, int]) -> None:
    answer = clients.viewer.ok("GET", "/sessions/session-events?type=all&period=7 days&format=json")
    rest = {name: value for name, value in answer.items() if name != "events"}
    assert rest == {"success": True, "type": "all", "period": "7 days", "total": 5, "page": 1, "limit": 100}
    found = [each["id"] for each in answer["events"]]
    wanted = ["connected", "new", "down", "voided", "voided down"]
    assert names(filled, "all", found) == wanted


def test_contract_3_the_type_is_all_and_the_period_7_days_by_default(
    clients: Clients, filled: dict[str, int]
) -> None:
    assert get(clients) == get(clients, type="all", period="7 days", page="1", limit="100", sortDir="desc")


def test_contract_3_an_event_has_these_fields(clients: Clients, filled: dict[str, int]) -> None:
    assert get(clients, search="new device")["events"] == [
        {
            "id": filled["new"],
            "mac": MACS[0],
            "name": "Laptop Müller",
            "owner": "Änne",
            "ip": "10.0.0.9",
            "time": "2025-08-13 12:00",
            "type": "New Device",
            "info": "",
            "at": "2025-08-13T12:00:00+00:00",
            "explanation": None,
        }
    ]


def test_contract_3_a_session_has_these_fields(clients: Clients, filled: dict[str, int]) -> None:
    shown = {each["id"]: each for each in get(clients, type="sessions")["events"]}
    assert shown[filled["closed"]] == {
        "id": filled["closed"],
        "mac": MACS[0],
        "name": "Laptop Müller",
        "owner": "Änne",
        "ip": "10.0.0.9",
        "connection": "2025-08-13 12:00",
        "disconnection": "2025-08-14 12:00",
        "duration": "1d 0h 0m",
        "duration_seconds": DAY,
        "still_connected": False,
        "info": "über LAN",
        "connected_at": "2025-08-13T12:00:00+00:00",
        "disconnected_at": "2025-08-14T12:00:00+00:00",
        "explanation": None,
    }
    ends = ("connection", "disconnection", "duration", "duration_seconds", "still_connected")
    texts = {name: [shown[filled[name]][end] for end in ends] for name in ("open", "lost", "found")}
    assert texts == {
        "open": ["2025-08-15 11:00", "...", "1h 0m", HOUR, True],
        "lost": ["2025-08-12 12:00", "<missing event>", "...", None, False],
        "found": ["<missing event>", "2025-08-11 12:00", "...", None, False],
    }


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("all", ["connected", "new", "down", "voided", "voided down"]),
        ("sessions", ["open", "closed", "lost", "found", "long"]),
        ("missing", ["lost", "found"]),
        ("missing_connection", ["found"]),
        ("missing_disconnection", ["lost"]),
        ("voided", ["voided", "voided down"]),
        ("new", ["new"]),
        ("down", ["down"]),
    ],
)
def test_contract_3_each_type_newest_first(
    clients: Clients, filled: dict[str, int], kind: str, wanted: list[str]
) -> None:
    answer = get(clients, type=kind)
    assert names(filled, kind, [each["id"] for each in answer["events"]]) == wanted
    assert (answer["type"], answer["total"]) == (kind, len(wanted))


def test_contract_3_a_voided_event_is_shown_as_such(clients: Clients, filled: dict[str, int]) -> None:
    shown = [each["type"] for each in get(clients, type="voided")["events"]]
    assert shown == ["VOIDED - Connected", "VOIDED - Device Down"]


def test_contract_3_the_period_is_from_its_first_instant_on(clients: Clients, filled: dict[str, int]) -> None:
    assert names(filled, "all", ids(clients, period="2 days")) == ["connected", "new"]
    assert ids(clients, period="2879 minutes") == []
    assert names(filled, "all", ids(clients, period="all"))[-1] == "old event"
    assert names(filled, "sessions", ids(clients, type="sessions", period="1d")) == ["open", "closed"]


# --- search

SEARCHES = [
    ("all", "müller", ["connected", "new"]),
    ("all", "MÜLLER", ["connected", "new"]),
    ("all", "LAPTOP", ["connected", "new"]),
    ("all", "änn", ["connected", "new"]),
    ("all", "Bob", ["voided"]),
    ("all", "ee:03", ["down", "voided down"]),
    ("all", "2001:DB8", ["down"]),
    ("all", "10.0.0.1", ["voided"]),
    ("all", "voided -", ["voided", "voided down"]),
    ("all", "device down", ["down", "voided down"]),
    ("all", "ÜBER lan", ["connected"]),
    ("all", "%", ["voided"]),
    ("all", "_", ["voided"]),
    ("all", "\\", ["voided"]),
    ("all", "100%_\\", ["voided"]),
    ("all", "p%e", []),
    ("all", "T_", []),
    ("all", "' OR 1=1 --", []),
    ("sessions", "MÜLLER", ["open", "closed"]),
    ("sessions", "CAROL", ["lost", "found"]),
    ("sessions", "joined", ["long"]),
    ("sessions", "LEFT", ["found"]),
    ("sessions", "FE80", ["open"]),
    ("sessions", "Über", ["closed"]),
    ("sessions", "ee:02", ["long"]),
    ("sessions", "_", ["long"]),
    ("missing", "left", ["found"]),
    ("missing_disconnection", "left", []),
    ("missing_connection", "left", ["found"]),
    ("new", "laptop", ["new"]),
    ("down", "laptop", []),
]


@pytest.mark.parametrize(("kind", "search", "wanted"), SEARCHES)
def test_contract_3_search_matches_every_field_in_either_case(
    clients: Clients, filled: dict[str, int], kind: str, search: str, wanted: list[str]
) -> None:
    answer = get(clients, type=kind, search=search)
    assert names(filled, kind, [each["id"] for each in answer["events"]]) == wanted
    assert answer["total"] == len(wanted)


def test_contract_3_an_empty_search_is_none(clients: Clients, filled: dict[str, int]) -> None:
    assert get(clients, search="") == get(clients)


# --- sorting

# What a column holds; rows that are equal in it stay newest first.
EVENT_ORDER: dict[str, list[str]] = {
    "order_time": ["voided down", "voided", "down", "new", "connected"],
    "name": ["connected", "new", "voided", "down", "voided down"],
    "owner": ["voided", "down", "voided down", "connected", "new"],
    "time": ["voided down", "voided", "down", "new", "connected"],
    "type": ["connected", "down", "new", "voided", "voided down"],
    "ip": ["voided down", "connected", "new", "voided", "down"],
    "ip_number": ["voided down", "connected", "new", "voided", "down"],
    "info": ["new", "down", "voided", "voided down", "connected"],
    "mac": ["connected", "new", "voided", "down", "voided down"],
    "pending_alert": ["connected", "new", "voided", "voided down", "down"],
}
# A session has no event time; "time" is when it began there.
SESSION_ORDER: dict[str, list[str]] = {
    "order_time": ["long", "found", "lost", "closed", "open"],
    "time": ["long", "found", "lost", "closed", "open"],
    "name": ["open", "closed", "long", "lost", "found"],
    "owner": ["long", "lost", "found", "open", "closed"],
    "connection": ["found", "long", "lost", "closed", "open"],
    "disconnection": ["open", "lost", "long", "found", "closed"],
    "duration": ["lost", "found", "open", "closed", "long"],
    "duration_seconds": ["lost", "found", "open", "closed", "long"],
    "ip": ["found", "closed", "long", "lost", "open"],
    "ip_number": ["found", "closed", "long", "lost", "open"],
    "info": ["open", "lost", "found", "long", "closed"],
    "still_connected": ["closed", "lost", "found", "long", "open"],
    "mac": ["open", "closed", "long", "lost", "found"],
}
COLUMNS = (
    *("order_time", "name", "owner", "time", "type", "connection", "disconnection", "duration"),
    *("duration_seconds", "ip", "ip_number", "info", "still_connected", "mac", "pending_alert"),
)
# By what rows are equal in a column: those stay newest first where the direction is turned.
TIES: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "name": lambda name, row: row["name"],
    "owner": lambda name, row: row["owner"],
    "mac": lambda name, row: row["mac"],
    "info": lambda name, row: row["info"],
    "ip": lambda name, row: row["ip"],
    "ip_number": lambda name, row: row["ip"],
    "pending_alert": lambda name, row: name == "down",
    "still_connected": lambda name, row: name == "open",
    "disconnection": lambda name, row: row["disconnection"] if name not in ("open", "lost") else None,
    "duration": lambda name, row: row["duration_seconds"],
    "duration_seconds": lambda name, row: row["duration_seconds"],
}


def turned(order: list[str], group: Callable[[str], Any]) -> list[str]:
    """The groups of equal rows the other way round, each in its own order."""
    groups: dict[Any, list[str]] = {}
    for name in order:
        groups.setdefault(group(name), []).append(name)
    return [name for each in reversed(groups.values()) for name in each]


@pytest.mark.parametrize("kind", ["all", "sessions"])
@pytest.mark.parametrize("column", COLUMNS)
def test_contract_3_every_column_sorts_in_both_directions(
    clients: Clients, filled: dict[str, int], column: str, kind: str
) -> None:
    known = EVENT_ORDER if kind == "all" else SESSION_ORDER
    found = {
        direction: get(clients, type=kind, sortCol=column, sortDir=direction)["events"]
        for direction in ("asc", "desc")
    }
    ascending = names(filled, kind, [each["id"] for each in found["asc"]])
    descending = names(filled, kind, [each["id"] for each in found["desc"]])
    if column not in known:
        # These rows have nothing in this column: newest first, both ways.
        assert ascending == descending == known["order_time"][::-1]
        return
    assert ascending == known[column]
    by_name = dict(zip(ascending, found["asc"], strict=True))
    tie = TIES.get(column, lambda name, row: name)
    assert descending == turned(known[column], lambda name: tie(name, by_name[name]))


def test_contract_3_a_column_has_its_number_in_the_table(clients: Clients, filled: dict[str, int]) -> None:
    for number, column in enumerate(COLUMNS):
        for kind in ("all", "sessions"):
            how = {"type": kind, "sortDir": "asc"}
            assert ids(clients, **how, sortCol=number) == ids(clients, **how, sortCol=column)


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("kind", ["all", "sessions"])
def test_contract_3_pages_in_any_order_are_the_whole(
    clients: Clients, filled: dict[str, int], kind: str, direction: str
) -> None:
    for column in COLUMNS:
        how = {"type": kind, "sortCol": column, "sortDir": direction}
        pages = [ids(clients, **how, limit=2, page=page) for page in (1, 2, 3, 4)]
        assert list(chain(*pages)) == ids(clients, **how)
        assert [len(page) for page in pages] == [2, 2, 1, 0]


# --- paging and refusals


@pytest.mark.parametrize(
    "query",
    [
        "limit=2",
        "limit=2&page=1",
        "limit=2&offset=0&search=e",
        "length=2&start=0&draw=1",
        "length=2&start=0&search[value]=e&format=datatables",
        "limit=2&type=sessions&format=json",
    ],
)
def test_contract_2_links_lead_through_all_pages_and_back(
    clients: Clients, filled: dict[str, int], query: str
) -> None:
    def follow(name: str, address: str) -> tuple[list[list[Any]], TestResponse]:
        pages = []
        while True:
            answer = clients.viewer.get(address)
            body = answer.get_json()
            pages.append(body["events"] if "events" in body else body["data"])
            found = re.search(f'<([^>]+)>; rel="{name}"', answer.headers.get("Link", ""))
            if found is None:
                return pages, answer
            address = found[1]

    there, last = follow("next", f"{PATH}?period=all&{query}")
    back, _ = follow("prev", last.request.full_path)
    assert there == back[::-1]
    body = last.get_json()
    total = body.get("recordsFiltered", body["total"])
    assert last.headers["X-Total-Count"] == str(total)
    assert sum(map(len, there)) == total > 2


def test_contract_3_total_counts_what_matches_on_every_page(clients: Clients, filled: Any) -> None:
    for page in (1, 2, 9):
        answer = get(clients, limit=1, page=page, search="device")
        shown = {name: answer[name] for name in ("total", "page", "limit")}
        assert shown == {"total": 3, "page": page, "limit": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "sessionz"),
        ("period", "7 dayz"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "9" * 30),
        ("limit", "0"),
        ("sortCol", "15"),
        ("sortCol", "-1"),
        ("sortCol", "name; DROP TABLE event"),
        ("sortDir", "up"),
        ("format", "csv"),
        ("search", "x" * 256),
        ("search", "a\x00b"),
        ("types", "all"),
    ],
)
def test_contract_3_session_events_names_the_wrong_parameter(
    clients: Clients, field: str, value: str
) -> None:
    response = clients.viewer.get(PATH, {field: value})
    assert (response.status_code, response.get_json()["error"]) == (400, "bad_request")
    assert list(response.get_json()["errors"]) == [field]


def test_contract_3_the_farthest_page_is_empty(clients: Clients, filled: Any) -> None:
    assert get(clients, page=10**12, limit=1000)["events"] == []


@pytest.mark.parametrize(
    ("kind", "mac", "wanted"),
    [
        ("all", MACS[2], ["down", "voided down"]),
        ("all", MACS[1].lower(), ["voided"]),
        ("sessions", MACS[0], ["open", "closed"]),
        ("sessions", MACS[1], ["long"]),
        ("missing", MACS[2], ["lost", "found"]),
        ("missing", MACS[0], []),
        ("voided", MACS[2], ["voided down"]),
        ("new", MACS[0], ["new"]),
        ("down", MACS[0], []),
        ("all", "AA:BB:CC:DD:EE:99", []),
    ],
)
def test_the_rows_of_one_device_alone(
    clients: Clients, filled: dict[str, int], kind: str, mac: str, wanted: list[str]
) -> None:
    answer = get(clients, type=kind, mac=mac)
    assert names(filled, kind, [each["id"] for each in answer["events"]]) == wanted
    assert answer["total"] == len(wanted)
    query = {"mac": mac, "format": "named"}
    assert clients.viewer.ok("GET", "/sessions/totals", query_string=query)[kind] == len(wanted)


@pytest.mark.parametrize(
    ("kind", "wanted"), [("missing_connection", ["found"]), ("missing_disconnection", ["lost"])]
)
def test_each_missing_end_apart(
    clients: Clients, filled: dict[str, int], kind: str, wanted: list[str]
) -> None:
    assert names(filled, kind, ids(clients, type=kind, mac=MACS[2])) == wanted
    assert ids(clients, type=kind, mac=MACS[0]) == []
    within = {"type": kind, "start": "2025-08-11", "end": "2025-08-12"}
    assert names(filled, kind, ids(clients, **within)) == wanted
    assert get(clients, **within)["total"] == 1
    assert ids(clients, type=kind, start="2025-08-13", end="2025-08-14") == []
    file = clients.viewer.get(f"{PATH}.csv", {"type": kind}).get_data(as_text=True)
    assert [line.partition(",")[0] for line in file.splitlines()[1:]] == [str(filled[wanted[0]])]


def test_the_rows_of_one_device_are_searched_and_sorted_too(clients: Clients, filled: dict[str, int]) -> None:
    assert names(filled, "all", ids(clients, mac=MACS[0], search="über")) == ["connected"]
    assert ids(clients, mac=MACS[1], search="über") == []
    shortest_first = ids(clients, mac=MACS[0], type="sessions", sortCol="duration", sortDir="asc")
    assert names(filled, "sessions", shortest_first) == ["open", "closed"]
    table = get(clients, mac=MACS[0], search="über", format="datatables")
    assert (table["recordsTotal"], table["recordsFiltered"]) == (2, 1)


@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv", "/sessions/totals"])
def test_one_device_is_named_by_its_mac_address(clients: Clients, path: str) -> None:
    response = clients.viewer.get(path, {"mac": "printer"})
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["mac"]
