"""Contract section 3, `format=datatables` of `GET /sessions/session-events`."""

from typing import Any

import pytest

from tests.conftest import NOW, Clients
from tests.support import rows

MAC = "AA:BB:CC:DD:EE:01"
HOUR, DAY = 3600, 86400

pytestmark = pytest.mark.usefixtures("clock")


def table(clients: Clients, **query: Any) -> dict[str, Any]:
    query = {"format": "datatables", **query}
    answer: dict[str, Any] = clients.viewer.ok("GET", "/sessions/session-events", query_string=query)
    return answer


def device(clients: Clients, *, sessions: Any = (), events: Any = ()) -> None:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC, "Laptop", "Änne")
        for ends, more in sessions:
            rows.add_session(tx, device_id, *ends, **more)
        for at, kind, more in events:
            rows.add_event(tx, device_id, at, kind, **more)


def test_contract_3_an_event_has_the_15_columns(clients: Clients) -> None:
    more = {"ip": "192.168.1.10", "info": "cable", "pending_alert": True}
    device(clients, events=[(NOW - HOUR, "Device Down", more)])
    time = "2025-08-15 11:00"
    what = [time, "Laptop", "Änne", time, "Device Down", None, None, None, None]
    where = ["192.168.1.10", 3_232_235_786, "cable", None, MAC, 1]
    assert table(clients)["data"] == [[*what, *where]]


def test_contract_3_a_voided_event_shows_so_in_its_column(clients: Clients) -> None:
    device(clients, events=[(NOW - HOUR, "Connected", {"voided": True})])
    ((*_, pending),) = table(clients)["data"]
    assert pending == 0
    assert table(clients)["data"][0][4] == "VOIDED - Connected"


@pytest.mark.parametrize(
    ("ends", "is_open", "columns"),
    [
        (
            (NOW - DAY - HOUR, NOW - HOUR),
            False,
            ["2025-08-14 11:00", "2025-08-14 11:00", "2025-08-15 11:00", "1d 0h 0m", DAY, 0],
        ),
        ((NOW - HOUR, None), True, ["2025-08-15 11:00", "2025-08-15 11:00", "...", "1h 0m", HOUR, 1]),
        (
            (NOW - HOUR, None),
            False,
            ["2025-08-15 11:00", "2025-08-15 11:00", "<missing event>", "...", None, 0],
        ),
        (
            (None, NOW - HOUR),
            False,
            ["2025-08-15 11:00", "<missing event>", "2025-08-15 11:00", "...", None, 0],
        ),
    ],
)
def test_contract_3_a_session_has_the_15_columns(
    clients: Clients, ends: Any, is_open: bool, columns: list[Any]
) -> None:
    device(clients, sessions=[(ends, {"still_connected": is_open, "info": "wifi"})])
    order_time, *times, still_connected = columns
    what = [order_time, "Laptop", "Änne", None, None, *times]
    where = ["192.168.1.10", 3_232_235_786, "wifi", still_connected, MAC, 0]
    assert table(clients, type="sessions")["data"] == [[*what, *where]]


@pytest.mark.parametrize(
    ("ip", "number"),
    [
        ("", 0),
        ("0.0.0.1", 1),
        ("255.255.255.255", 2**32 - 1),
        ("::1", 1),
        ("::1f:ffff:ffff:ffff", 2**53 - 1),
        ("::20:0:0:0", "9007199254740992"),
        ("2001:db8::1", "42540766411282592856903984951653826561"),
    ],
)
def test_contract_3_an_ip_is_a_number_and_text_past_53_bits(clients: Clients, ip: str, number: Any) -> None:
    device(
        clients,
        events=[(NOW - HOUR, "Connected", {"ip": ip})],
        sessions=[((NOW - HOUR, NOW), {"ip": ip})],
    )
    for kind in ("all", "sessions"):
        (row,) = table(clients, type=kind)["data"]
        assert row[9:11] == [ip, number]
        assert type(row[10]) is type(number)


def many(clients: Clients, count: int) -> None:
    device(clients, events=[(NOW - n, "Connected" if n % 3 else "Device Down", {}) for n in range(count)])


def test_contract_3_total_is_without_the_search_and_records_filtered_with_it(clients: Clients) -> None:
    many(clients, 30)
    answer = table(clients, search="down", limit=4)
    assert (answer["total"], answer["recordsFiltered"], len(answer["data"])) == (30, 10, 4)
    answer = table(clients, limit=4)
    assert (answer["total"], answer["recordsFiltered"], len(answer["data"])) == (30, 30, 4)


def test_contract_3_all_of_a_table_is_capped_and_says_so(clients: Clients) -> None:
    many(clients, 1200)
    answer = table(clients, limit=100000)
    assert (answer["limit"], len(answer["data"]), answer["total"]) == (1000, 1000, 1200)
    assert len(table(clients, limit=100000, page=2)["data"]) == 200
    assert table(clients, limit=1000)["limit"] == 1000
    assert table(clients)["limit"] == 100


def test_contract_3_pages_of_a_table(clients: Clients) -> None:
    many(clients, 25)
    whole = table(clients, sortCol="4", sortDir="asc")["data"]
    pages = [table(clients, sortCol="4", sortDir="asc", limit=10, page=page) for page in (1, 2, 3, 4)]
    assert [row for page in pages for row in page["data"]] == whole
    assert [page["page"] for page in pages] == [1, 2, 3, 4]


def test_contract_2_draw_comes_back_as_a_number(clients: Clients) -> None:
    answer = table(clients, draw="7")
    assert answer["draw"] == 7
    assert type(answer["draw"]) is int


@pytest.mark.parametrize("draw", ["<script>", "", "7.5", "-1", "9" * 40, "\u0667"])
def test_contract_2_a_draw_that_is_no_number_does_not_come_back(clients: Clients, draw: str) -> None:
    assert "draw" not in table(clients, draw=draw)
