"""Why an event is voided, and why an end of a session is missing."""

from typing import Any

import pytest

from tests.support import rows
from tests.support.application import NOW, Clients

MAC, OTHER = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"
MINUTE = 60

pytestmark = pytest.mark.usefixtures("clock")


def scan(clients: Clients, minutes_ago: int, *macs: str, source: str = "attic") -> None:
    devices = [{"mac": mac} for mac in ("AA:BB:CC:DD:EE:99", *macs)]
    body = {"source": source, "at": NOW - minutes_ago * MINUTE, "devices": devices}
    clients.operator.ok("POST", "/presence/scans", body)


def listed(clients: Clients, kind: str, **query: str) -> list[dict[str, Any]]:
    query = {"type": kind, "period": "all", **query}
    found: list[dict[str, Any]] = clients.viewer.ok("GET", "/sessions/session-events", query_string=query)[
        "events"
    ]
    return found


def test_the_sighting_that_refuted_it_is_named_with_its_source(clients: Clients) -> None:
    scan(clients, 120, MAC)
    scan(clients, 100)
    scan(clients, 90)
    scan(clients, 60, MAC)
    assert listed(clients, "voided") == []
    # Late: it had been there between the two.
    body = {"source": "cellar", "mac": MAC, "event": "seen"}
    for minutes_ago in (95, 85):
        clients.operator.ok("POST", "/presence/events", {**body, "at": NOW - minutes_ago * MINUTE})
    refuted = {each["type"]: each["explanation"] for each in listed(clients, "voided", sortDir="asc")}
    assert refuted["VOIDED - Disconnected"] == {
        "code": "seen",
        "at": "2025-08-15T10:25:00+00:00",
        "source": "cellar",
    }
    assert all(each["code"] in ("seen", "evidence") for each in refuted.values())


def test_deleted_sessions_and_merged_devices_are_named(clients: Clients) -> None:
    for mac, start, end in ((MAC, "10:00", "12:00"), (OTHER, "11:00", "13:00")):
        body = {"mac": mac, "ip": "10.0.0.1", "start_time": f"2025-08-01T{start}"}
        clients.operator.ok("POST", "/sessions/create", {**body, "end_time": f"2025-08-01T{end}"})
    clients.operator.ok("POST", f"/devices/{MAC}/merge", {"mac": OTHER})
    assert {each["explanation"]["code"] for each in listed(clients, "voided")} == {"merged"}
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    codes = [each["explanation"]["code"] for each in listed(clients, "voided")]
    assert codes.count("deleted") == 2


def test_what_was_voided_before_has_no_known_cause(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        rows.add_event(tx, rows.add_device(tx, MAC), NOW - 60, "Connected", voided=True)
    unknown = {"code": "unknown", "at": None, "source": None}
    assert [each["explanation"] for each in listed(clients, "voided")] == [unknown]


def test_a_missing_end_is_explained_by_what_came_next(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        first, second, third = (rows.add_device(tx, f"AA:BB:CC:DD:EE:0{n}") for n in (1, 2, 3))
        rows.add_session(tx, first, NOW - 7200, None)
        rows.add_session(tx, first, NOW - 3600, NOW - 60)
        rows.add_session(tx, second, NOW - 7200, None)
        rows.add_session(tx, third, None, NOW - 7200)
    assert {each["mac"]: each["explanation"] for each in listed(clients, "missing")} == {
        "AA:BB:CC:DD:EE:01": {"code": "next_connection", "at": "2025-08-15T11:00:00+00:00", "source": None},
        "AA:BB:CC:DD:EE:02": {"code": "no_disconnection", "at": None, "source": None},
        "AA:BB:CC:DD:EE:03": {"code": "no_connection", "at": None, "source": None},
    }
    assert [each["explanation"] is None for each in listed(clients, "sessions", mac=MAC)] == [True, False]
