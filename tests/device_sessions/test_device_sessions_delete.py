"""Contract section 3, `DELETE /sessions/delete`."""

from typing import Any

import pytest

from tests.support import rows
from tests.support.application import Clients

MAC, OTHER = "AA:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:00"


def create(clients: Clients, mac: str, day: int, **more: str) -> None:
    times = {"start_time": f"2025-08-{day:02}T10:00", "end_time": f"2025-08-{day:02}T12:00"}
    clients.operator.ok("POST", "/sessions/create", {"mac": mac, "ip": "192.168.1.10", **times, **more})


def test_source_document_delete_answers_as_printed(clients: Clients) -> None:
    create(clients, MAC, 1)
    create(clients, MAC, 2)
    assert clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC}) == {
        "success": True,
        "message": "Deleted sessions for MAC AA:BB:CC:DD:EE:FF",
        "deleted": 2,
    }
    assert clients.viewer.ok("GET", "/sessions/list")["sessions"] == []


@pytest.mark.parametrize("mac", [MAC, "AA:BB:CC:DD:EE:77"])
def test_contract_3_delete_answers_the_same_when_there_is_none(clients: Clients, mac: str) -> None:
    create(clients, MAC, 1)
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    before = rows.stored(clients.app)
    answer = clients.operator.ok("DELETE", "/sessions/delete", {"mac": mac})
    assert answer == {"success": True, "message": f"Deleted sessions for MAC {mac}", "deleted": 0}
    # No device is made only to have nothing deleted.
    assert rows.stored(clients.app) == before


def test_contract_3_delete_takes_the_mac_in_the_url(clients: Clients) -> None:
    create(clients, MAC, 1)
    assert clients.operator.ok("DELETE", "/sessions/delete?mac=aa-bb-cc-dd-ee-ff")["deleted"] == 1


def test_contract_3_delete_takes_the_same_mac_in_both_places(clients: Clients) -> None:
    create(clients, MAC, 1)
    path = "/sessions/delete?mac=aabbccddeeff"
    assert clients.operator.ok("DELETE", path, {"mac": MAC})["deleted"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sessions/delete", None),
        ("/sessions/delete", {}),
        ("/sessions/delete", {"mac": ""}),
        ("/sessions/delete", {"mac": "%"}),
        ("/sessions/delete?mac=", None),
        (f"/sessions/delete?mac={OTHER}", {"mac": MAC}),
        ("/sessions/delete", {"mac": [MAC]}),
    ],
)
def test_contract_3_delete_needs_exactly_one_mac(clients: Clients, path: str, body: Any) -> None:
    create(clients, MAC, 1)
    before = rows.stored(clients.app)
    response = clients.operator.delete(path, body)
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["mac"]
    assert rows.stored(clients.app) == before


def test_contract_3_delete_refuses_unknown_fields(clients: Clients) -> None:
    response = clients.operator.delete("/sessions/delete", {"mac": MAC, "all": True})
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["all"]


def test_contract_3_delete_is_for_operators(clients: Clients) -> None:
    create(clients, MAC, 1)
    before = rows.stored(clients.app)
    assert clients.viewer.delete("/sessions/delete", {"mac": MAC}).status_code == 403
    assert clients.nobody.delete("/sessions/delete", {"mac": MAC}).status_code == 401
    assert rows.stored(clients.app) == before


def test_contract_3_delete_voids_the_events_and_keeps_the_device(clients: Clients, clock: object) -> None:
    create(clients, MAC, 10, event_type_disc="Left")
    create(clients, OTHER, 10)
    before = rows.stored(clients.app)
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    after = rows.stored(clients.app)
    assert after["devices"] == before["devices"]
    assert after["sessions"] == [row for row in before["sessions"] if row[1] == OTHER]
    assert [row for row in after["events"] if row[0] == OTHER] == [
        row for row in before["events"] if row[0] == OTHER
    ]
    shown = clients.viewer.ok("GET", f"/sessions/session-events?search={MAC}&sortDir=asc")["events"]
    # The session did not make the device new: that event does not rest on it.
    assert [event["type"] for event in shown] == ["New Device", "VOIDED - Connected", "VOIDED - Left"]


def test_contract_3_delete_leaves_events_that_no_session_rests_on(clients: Clients) -> None:
    create(clients, MAC, 10)
    with rows.writing(clients.app) as tx:
        device_id = tx.value(rows.Statement("SELECT id FROM device"))
        rows.add_event(tx, device_id, 1_755_000_000, "IP Changed")
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    kept = [kind for _, _, kind, _, voided, _ in rows.stored(clients.app)["events"] if not voided]
    assert kept == ["New Device", "IP Changed"]


def test_contract_3_deleted_sessions_can_be_created_again(clients: Clients) -> None:
    create(clients, MAC, 10)
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    create(clients, MAC, 10)
    events = [(kind, voided) for _, _, kind, _, voided, _ in rows.stored(clients.app)["events"]]
    assert sorted(events) == [
        ("Connected", 0),
        ("Connected", 1),
        ("Disconnected", 0),
        ("Disconnected", 1),
        ("New Device", 0),
    ]
    # And once more: voided twice, the same event is stored twice.
    assert clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})["deleted"] == 1
