"""Contract section 3: rows of `GET /sessions/session-events` for DataTables, in its words and in ours."""

from typing import Any

import pytest

from sessiontrack.queries import events
from tests.contract.test_errors import assert_error
from tests.support import rows
from tests.support.application import NOW, Clients

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


# --- what DataTables 1.13 and 2.3 send with serverSide: true, their columns being ours


def asked(
    start: int = 0,
    length: int = 10,
    search: str = "",
    order: tuple[tuple[int, str], ...] = ((0, "desc"),),
    data: tuple[object, ...] = tuple(range(15)),
    **more: str,
) -> dict[str, Any]:
    """The parameters of one request, in their order."""
    sent: dict[str, Any] = {"draw": 3}
    for number, shown in enumerate(data):
        column = f"columns[{number}]"
        sent |= {f"{column}[data]": shown, f"{column}[name]": "", f"{column}[searchable]": "true"}
        sent |= {f"{column}[orderable]": "true", f"{column}[search][value]": ""}
        sent |= {f"{column}[search][regex]": "false"}
    for number, (column_number, direction) in enumerate(order):
        sent |= {f"order[{number}][column]": column_number, f"order[{number}][dir]": direction}
        sent |= {f"order[{number}][name]": ""}
    sent |= {"start": start, "length": length, "search[value]": search, "search[regex]": "false"}
    return {**sent, "_": 1_754_042_400_000, **more}


def answered(clients: Clients, **request: Any) -> dict[str, Any]:
    found: dict[str, Any] = clients.viewer.ok("GET", "/sessions/session-events", query_string=request)
    return found


def test_contract_3_a_table_with_server_side_works_as_it_is(clients: Clients) -> None:
    many(clients, 30)
    first = answered(clients, **asked())
    counts = {name: first[name] for name in ("draw", "recordsTotal", "recordsFiltered")}
    assert counts == {"draw": 3, "recordsTotal": 30, "recordsFiltered": 30}
    whole = table(clients, limit=30)["data"]
    assert first["data"] == whole[:10]
    assert answered(clients, **asked(start=25))["data"] == whole[25:]
    assert answered(clients, **asked(start=7, length=10))["data"] == whole[7:17]
    assert answered(clients, **asked(start=60))["data"] == []


def test_contract_3_a_table_sees_all_of_it_as_minus_one(clients: Clients) -> None:
    many(clients, 1200)
    answer = answered(clients, **asked(length=-1))
    assert (len(answer["data"]), answer["limit"], answer["recordsTotal"]) == (1000, 1000, 1200)
    assert (
        answered(clients, **asked(start=1100, length=-1))["data"]
        == table(clients, limit=100, page=12)["data"]
    )


def test_contract_3_a_table_searches_and_sorts(clients: Clients) -> None:
    many(clients, 30)
    answer = answered(clients, **asked(search="down"))
    assert (answer["recordsTotal"], answer["recordsFiltered"]) == (30, 10)
    by_type = answered(clients, **asked(order=((4, "asc"),), length=30))["data"]
    assert by_type == table(clients, sortCol="type", sortDir="asc", limit=30)["data"]
    # By several columns, the first one first.
    types_then_oldest = answered(clients, **asked(order=((4, "desc"), (3, "asc")), length=30))["data"]
    times = [(row[4], row[3]) for row in types_then_oldest]
    assert times == sorted(sorted(times, key=lambda row: row[1]), key=lambda row: row[0], reverse=True)


def test_contract_2_an_empty_parameter_of_a_table_counts_as_not_given(clients: Clients) -> None:
    many(clients, 30)
    for direction in ("", "asc"):
        found = answered(clients, **asked(order=((4, direction),), length=30))
        assert found["data"] == table(clients, sortCol="type", sortDir="asc", limit=30)["data"]
    unsorted = answered(clients, **{**asked(), "order[0][column]": "", "order[0][dir]": ""})
    assert unsorted["data"] == table(clients, limit=10)["data"]


def test_contract_3_a_column_is_what_it_shows_wherever_it_stands(clients: Clients) -> None:
    many(clients, 30)
    shown = (9, 4, 3)
    by_number = answered(clients, **asked(data=shown, order=((1, "asc"),)))
    by_name = answered(clients, **asked(data=("ip", "type", "at"), order=((1, "asc"),)))
    assert (
        by_number["data"]
        == by_name["data"]
        == table(clients, sortCol="type", sortDir="asc", limit=10)["data"]
    )
    assert answered(clients, **asked(data=("ip", "type", "at"), order=((2, "asc"),)))["events"][0]["id"] == 30


@pytest.mark.parametrize(
    ("request_of_table", "name"),
    [
        (asked(**{"columns[4][search][value]": "down"}), "columns[4][search][value]"),
        (asked(order=((15, "asc"),)), "order[0][column]"),
        (asked(data=("explanation",), order=((0, "asc"),)), "order[0][column]"),
        (asked(order=((0, "up"),)), "order[0][dir]"),
        (asked(length=0), "limit"),
        (asked(length=-2), "limit"),
        (asked(start=-1), "offset"),
        (asked(order=tuple((n, "asc") for n in range(4))), "order"),
        (asked(**{"columns[0][colour]": "red"}), "columns[0][colour]"),
        (asked(**{"searchh[value]": "x"}), "searchh[value]"),
        (asked(**{"order[0][columnn]": "1"}), "order[0][columnn]"),
    ],
)
def test_contract_2_what_a_table_cannot_have_is_refused_by_name(
    clients: Clients, request_of_table: dict[str, Any], name: str
) -> None:
    response = clients.viewer.get("/sessions/session-events", request_of_table)
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {name}


@pytest.mark.parametrize("path", ["/sessions/list", "/devices", "/sessions/totals", "/api/v2/sessions"])
def test_contract_2_a_table_s_parameters_are_unknown_elsewhere(clients: Clients, path: str) -> None:
    response = clients.viewer.get(path, {"length": "10"})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"length"}


# --- which of them a call answers


@pytest.mark.parametrize("kind", ["all", "sessions"])
def test_contract_3_without_a_format_an_answer_has_objects_and_rows(clients: Clients, kind: str) -> None:
    events = [(NOW - n, "Connected" if n % 3 else "Device Down", {}) for n in range(12)]
    device(
        clients, events=events, sessions=[((NOW - n * HOUR, NOW - n * HOUR + 60), {}) for n in range(1, 5)]
    )
    both = answered(clients, type=kind, limit=5, search="down" if kind == "all" else "")
    objects = answered(clients, type=kind, limit=5, search="down" if kind == "all" else "", format="json")
    rows_alone = table(clients, type=kind, limit=5, search="down" if kind == "all" else "")
    assert both["events"] == objects["events"]
    assert both["data"] == rows_alone["data"]
    assert "data" not in objects
    assert "events" not in rows_alone
    assert both["total"] == objects["total"] == both["recordsFiltered"] == rows_alone["recordsFiltered"] == 4
    assert (
        both["recordsTotal"]
        == rows_alone["recordsTotal"]
        == rows_alone["total"]
        == (12 if kind == "all" else 4)
    )


def test_contract_3_all_of_a_table_is_capped_without_a_format_too(clients: Clients) -> None:
    many(clients, 1200)
    answer = answered(clients, limit=100000)
    assert (answer["limit"], len(answer["data"]), len(answer["events"])) == (1000, 1000, 1000)
    response = clients.viewer.get("/sessions/session-events", {"limit": 1001, "format": "json"})
    assert set(assert_error(response, 400, "bad_request")["errors"]) == {"limit"}


@pytest.mark.parametrize("draw", ["<script>", "", "7.5", "-1", "9" * 40, "\u0667"])
def test_contract_2_a_draw_that_is_no_number_does_not_come_back(clients: Clients, draw: str) -> None:
    assert "draw" not in table(clients, draw=draw)


@pytest.mark.parametrize(
    ("kind", "columns"), [("sessions", ("type", "pending_alert")), ("all", ("duration", "still_connected"))]
)
def test_a_column_that_its_rows_lack_sorts_nothing(
    clients: Clients, kind: str, columns: tuple[str, ...]
) -> None:
    ends = [((NOW - number * HOUR, NOW - number * HOUR + 60), {}) for number in range(1, 9)]
    device(clients, sessions=ends, events=[(begin, "Connected", {}) for (begin, _), _ in ends])
    newest_first = table(clients, type=kind)["data"]
    assert len(newest_first) == 8
    for column in columns:
        for order in (column, f"-{column}", f"{column},-time"):
            assert table(clients, type=kind, order=order)["data"] == newest_first, order
        assert table(clients, type=kind, order=f"-{column},time")["data"] == newest_first[::-1]


def test_without_a_search_the_rows_are_counted_once(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    device(clients, events=[(NOW - HOUR, "Connected", {"ip": "192.168.1.10"})])
    counted: list[bool] = []
    count_rows = events.count_rows

    def counting(*of: Any, searched: bool) -> int:
        counted.append(searched)
        return count_rows(*of, searched=searched)

    monkeypatch.setattr(events, "count_rows", counting)
    found = table(clients)
    assert (found["recordsTotal"], found["recordsFiltered"], len(counted)) == (1, 1, 1)
    found = table(clients, search="no such")
    assert (found["recordsTotal"], found["recordsFiltered"], len(counted)) == (1, 0, 3)
