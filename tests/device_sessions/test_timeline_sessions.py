"""`/presence/sessions`: what the timeline draws, session by session."""

import random
from typing import Any

import pytest
from time_machine import Traveller

from sessiontrack.database import Statement, read_transaction
from sessiontrack.queries import timeline_sessions
from sessiontrack.queries.devices import DeviceFilter
from sessiontrack.queries.timeline_sessions import TimelineSessionFilter
from sessiontrack.values.timestamps import IN_UTC
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused

URL = "/presence/sessions"
HOUR, DAY = 3600, 86_400
PRINTER, PHONE = "00:00:0C:00:00:01", "00:00:0C:00:00:02"
TODAY = {"start": "2025-08-15", "end": "2025-08-15"}
START = NOW - 12 * HOUR


@pytest.fixture
def filled(clients: Clients, clock: Traveller) -> Clients:
    """Today: of the printer a closed session, one without connection, one without end; of the phone one."""
    with rows.writing(clients.app) as tx:
        printer = rows.add_device(tx, PRINTER, "Printer", "Office")
        phone = rows.add_device(tx, PHONE, "Anna's phone", "Anna")
        rows.add_session(tx, printer, START - DAY, START - HOUR)
        rows.add_session(tx, printer, START - HOUR, START + HOUR)
        rows.add_session(tx, printer, None, START + 3 * HOUR)
        rows.add_session(tx, printer, START + 4 * HOUR, None)
        rows.add_session(tx, phone, START + 8 * HOUR, None, still_connected=True)
    return clients


def found(clients: Clients, **query: Any) -> list[dict[str, Any]]:
    body = clients.viewer.ok("GET", URL, query_string={**TODAY, **query})
    sessions: list[dict[str, Any]] = body["sessions"]
    return sessions


def test_contract_6_each_session_of_the_window_with_its_known_and_its_drawn_ends(filled: Clients) -> None:
    sessions = found(filled)
    assert [each["kind"] for each in sessions] == [
        "closed",
        "missing connection",
        "missing disconnection",
        "open",
    ]
    closed, no_connection, no_disconnection, still = sessions
    assert closed == {
        "id": closed["id"],
        "mac": PRINTER,
        "name": "Printer",
        "owner": "Office",
        "ip": closed["ip"],
        "kind": "closed",
        "connected_at": "2025-08-14T23:00:00+00:00",
        "disconnected_at": "2025-08-15T01:00:00+00:00",
        "duration_seconds": 2 * HOUR,
        "start": "2025-08-14T23:00:00+00:00",
        "end": "2025-08-15T01:00:00+00:00",
    }
    assert (no_connection["connected_at"], no_connection["duration_seconds"]) == (None, None)
    assert (no_connection["start"], no_connection["end"]) == (
        "2025-08-15T02:00:00+00:00",
        "2025-08-15T03:00:00+00:00",
    )
    assert no_disconnection["disconnected_at"] is None
    assert no_disconnection["end"] == "2025-08-15T05:00:00+00:00"
    assert (still["disconnected_at"], still["duration_seconds"]) == (None, 4 * HOUR)
    assert still["end"] == "2025-08-15T12:00:00+00:00"


def test_it_is_filtered_as_the_timeline_is(filled: Clients) -> None:
    assert {each["name"] for each in found(filled, status="connected")} == {"Anna's phone"}
    assert {each["name"] for each in found(filled, search="OFFICE")} == {"Printer"}
    assert {each["mac"] for each in found(filled, mac=PHONE)} == {PHONE}
    assert found(filled, mac=PHONE, status="disconnected") == []
    assert found(filled, mac="00:00:0C:00:00:99") == []
    assert found(filled, status="archived") == []
    narrow = found(filled, start="2025-08-15T02:30:00Z", end="2025-08-15T02:45:00Z")
    assert [each["kind"] for each in narrow] == ["missing connection"]


@pytest.mark.parametrize("sort", ["connection", "disconnection", "duration", "name", "mac", "ip"])
def test_it_is_sorted_and_paged(filled: Clients, sort: str) -> None:
    ids = [each["id"] for each in found(filled, sort=sort)]
    assert len(ids) == 4
    paged = [found(filled, sort=sort, limit=1, offset=each)[0]["id"] for each in range(4)]
    assert paged == ids
    backwards = [each["id"] for each in found(filled, sort=f"-{sort}")]
    assert set(backwards) == set(ids)
    if sort in ("connection", "disconnection"):
        assert backwards == ids[::-1]


def test_the_longest_and_those_whose_length_nobody_knows(filled: Clients) -> None:
    assert [each["duration_seconds"] for each in found(filled, sort="-duration")] == [
        4 * HOUR,
        2 * HOUR,
        None,
        None,
    ]


def test_the_number_of_all_is_told(filled: Clients) -> None:
    answer = filled.viewer.get(URL, {**TODAY, "limit": "1"})
    assert answer.headers["X-Total-Count"] == "4"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "owner"}, "sort"),
        ({"mac": "nonsense"}, "mac"),
        ({"end": "2025-08-14"}, "end"),
        ({"start": ""}, "start"),
        ({"width": "100"}, "width"),
    ],
)
def test_a_wrong_parameter_is_named(filled: Clients, query: dict[str, str], field: str) -> None:
    body = refused(filled.viewer.get(URL, {**TODAY, **query}), 400)
    assert set(body["errors"]) == {field}


LONG = {"start": "2025-01-01", "end": "2025-08-15"}


def test_a_long_window_has_what_a_short_one_has(filled: Clients) -> None:
    assert [each["id"] for each in found(filled, **LONG)] == [
        *(each["id"] for each in found(filled, start="2025-08-14", end="2025-08-14")[:1]),
        *(each["id"] for each in found(filled)),
    ]
    assert [each["kind"] for each in found(filled, **LONG, limit=2, offset=2)] == [
        "missing connection",
        "missing disconnection",
    ]
    assert [each["id"] for each in found(filled, **LONG, sort="-connection")] == [
        each["id"] for each in found(filled, **LONG)
    ][::-1]


def test_a_long_window_leaves_archived_devices_out(filled: Clients) -> None:
    filled.admin.ok("PATCH", f"/devices/{PRINTER}", json={"archived": True})
    assert {each["mac"] for each in found(filled, **LONG)} == {PHONE}
    assert filled.viewer.get(URL, {**LONG, "limit": "1"}).headers["X-Total-Count"] == "1"


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "mac"])
def test_a_page_of_a_long_window_by_device_is_as_if_all_were_sorted(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, sort: str, descending: bool
) -> None:
    chance = random.Random(3)
    start, end = NOW - 200 * DAY, NOW - 20 * DAY
    with rows.writing(clients.app) as tx:
        for number in range(30):
            device_id = rows.add_device(tx, f"02:00:00:00:00:{number * 7 % 30:02X}", f"lamp {number % 12}")
            at = start - chance.randrange(30) * DAY
            while at < end + 5 * DAY:
                until = at + chance.randrange(1, 20 * DAY)
                ends = chance.choice([(at, until)] * 8 + [(at, None), (None, at)])
                rows.add_session(tx, device_id, *ends)
                at = until + chance.randrange(1, 9 * DAY)
        tx.run(Statement("UPDATE device SET archived = true WHERE id IN (3, 17)"))
    among = timeline_sessions._devices_of_page
    helped = []

    def noting(*of: Any) -> tuple[list[int], int] | None:
        found = among(*of)
        helped.append(found is not None)
        return found

    monkeypatch.setattr(timeline_sessions, "_devices_of_page", noting)
    of = TimelineSessionFilter(DeviceFilter((5, 3600)), start, end, sort=sort, descending=descending)
    with clients.app.app_context(), read_transaction() as tx:
        total = timeline_sessions.count_timeline_sessions(tx, of, NOW)

        def page(limit: int, offset: int) -> list[dict[str, Any]]:
            return list(timeline_sessions.list_timeline_sessions(tx, of, limit, offset, NOW, IN_UTC))

        whole = page(total + 1, 0)
        assert len(whole) == total > 300
        assert not helped[0]
        for limit, offset in ((10, 0), (7, 41), (25, total // 2), (10, total - 5), (10, total)):
            assert page(limit, offset) == whole[offset : offset + limit], (limit, offset)
        assert all(helped[1:4])
