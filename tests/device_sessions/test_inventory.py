"""Devices as an inventory: type, tags, notes; several changed at once; added by hand; as CSV."""

from typing import Any

import pytest
from time_machine import Traveller

from tests.support import rows
from tests.support.application import Clients
from tests.support.refusals import refused

MACS = [f"00:00:0C:00:00:0{n}" for n in range(1, 5)]

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def filled(clients: Clients) -> Clients:
    """Four devices without tags."""
    with rows.writing(clients.app) as tx:
        for number, mac in enumerate(MACS):
            rows.add_device(tx, mac, f"Device {number}")
    return clients


def change(clients: Clients, mac: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = clients.operator.ok("PATCH", f"/devices/{mac}", changes)["device"]
    return found


def listed(clients: Clients, **query: Any) -> list[str]:
    found = clients.viewer.ok("GET", "/devices", query_string=query)["devices"]
    return [each["mac"] for each in found]


def test_type_tags_and_notes_are_told_and_cleared(filled: Clients) -> None:
    found = change(filled, MACS[0], type="printer", tags=["office", " Colour ", "OFFICE"], notes="2nd floor")
    assert (found["type"], found["tags"], found["notes"]) == ("printer", ["Colour", "office"], "2nd floor")
    # What is left out stays.
    assert change(filled, MACS[0], owner="Anna")["tags"] == ["Colour", "office"]
    found = change(filled, MACS[0], type=None, tags=None, notes="")
    assert (found["type"], found["tags"], found["notes"]) == ("", [], "")
    assert change(filled, MACS[0], tags=[])["tags"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "toaster"),
        ("tags", "office"),
        ("tags", ["a,b"]),
        ("tags", [""]),
        ("tags", ["x" * 33]),
        ("tags", [7]),
        ("tags", [str(n) for n in range(21)]),
        ("tags", ["a\nb"]),
        ("notes", "x" * 1001),
    ],
)
def test_what_cannot_be_is_refused_by_name(filled: Clients, field: str, value: Any) -> None:
    for method, path, more in (
        ("PATCH", f"/devices/{MACS[0]}", {}),
        ("PATCH", "/devices", {"macs": [MACS[0]]}),
        ("POST", "/devices", {"mac": "00:00:0C:00:00:99"}),
    ):
        body = refused(filled.operator.call(method, path, {**more, field: value}), 400)
        assert {name.partition(".")[0] for name in body["errors"]} == {field}


def test_a_list_and_the_timeline_of_one_tag(filled: Clients) -> None:
    change(filled, MACS[0], tags=["Office", "big"])
    change(filled, MACS[1], tags=["office_2"])
    change(filled, MACS[2], tags=["Büro", "office"])
    assert listed(filled, tag="office") == [MACS[0], MACS[2]]
    assert listed(filled, tag="BÜRO") == [MACS[2]]
    assert listed(filled, tag="off") == []
    assert listed(filled, tag="office%") == []
    assert listed(filled, tag="office_2") == [MACS[1]]
    assert listed(filled, tag="officex2") == []
    assert listed(filled, tag="office", search="büro") == [MACS[2]]
    assert filled.viewer.get("/devices", {"tag": "office"}).headers["X-Total-Count"] == "2"
    window = {"start": "2025-08-01", "end": "2025-08-15", "tag": "office"}
    shown = filled.viewer.ok("GET", "/presence/timeline", query_string=window)["devices"]
    assert [each["mac"] for each in shown] == [MACS[0], MACS[2]]


def test_the_sessions_of_one_tag(filled: Clients) -> None:
    for mac in MACS[:2]:
        body = {
            "mac": mac,
            "ip": "192.168.1.9",
            "start_time": "2025-08-01T10:00",
            "end_time": "2025-08-01T11:00",
        }
        filled.operator.ok("POST", "/sessions/create", body)
    change(filled, MACS[1], tags=["office"])
    for more in ({}, {"status": "disconnected"}, {"search": "device"}):
        query = {"start": "2025-08-01", "end": "2025-08-02", "tag": "office", **more}
        found = filled.viewer.get("/presence/sessions", query)
        assert [each["mac"] for each in found.json["sessions"]] == [MACS[1]]
        assert found.headers["X-Total-Count"] == "1"


def test_every_tag_with_its_number_of_devices(filled: Clients) -> None:
    change(filled, MACS[0], tags=["Office", "big"])
    change(filled, MACS[1], tags=["office"])
    change(filled, MACS[2], tags=["gone"], archived=True)
    found = filled.viewer.ok("GET", "/devices/tags")["tags"]
    assert found == [{"tag": "big", "devices": 1}, {"tag": "Office", "devices": 2}]


def test_a_search_finds_type_tags_and_notes(filled: Clients) -> None:
    change(filled, MACS[0], type="printer")
    change(filled, MACS[1], tags=["attic"])
    change(filled, MACS[2], notes="behind the shelf")
    assert listed(filled, search="PRINT") == [MACS[0]]
    assert listed(filled, search="attic") == [MACS[1]]
    assert listed(filled, search="shelf") == [MACS[2]]


# --- several at once


def test_several_are_changed_at_once(filled: Clients) -> None:
    change(filled, MACS[0], tags=["old", "kept"])
    body = {"macs": [MACS[0], MACS[1].lower(), MACS[1]], "owner": "Anna", "add_tags": ["new"]}
    answer = filled.operator.ok("PATCH", "/devices", {**body, "remove_tags": ["OLD"], "grace": "1 hour"})
    assert answer == {"success": True, "changed": 2}
    found = filled.viewer.ok("GET", "/devices")["devices"]
    assert [each["tags"] for each in found] == [["kept", "new"], ["new"], [], []]
    assert [each["owner"] for each in found] == ["Anna", "Anna", "", ""]
    assert [each["grace"] for each in found] == ["1 hour", "1 hour", None, None]


def test_all_of_them_or_none(filled: Clients) -> None:
    body = {"macs": [*MACS, "00:00:0C:00:00:99"], "owner": "Anna"}
    refused(filled.operator.call("PATCH", "/devices", body), 404)
    change(filled, MACS[3], tags=[str(n) for n in range(20)])
    body = {"macs": MACS, "owner": "Anna", "add_tags": ["one more"]}
    refused(filled.operator.call("PATCH", "/devices", body), 400)
    assert {each["owner"] for each in filled.viewer.ok("GET", "/devices")["devices"]} == {""}


@pytest.mark.parametrize("macs", [[], ["nothing"], "all", [MACS[0]] * 1001])
def test_which_devices_must_be_said(filled: Clients, macs: Any) -> None:
    body = refused(filled.operator.call("PATCH", "/devices", {"macs": macs, "owner": "Anna"}), 400)
    assert {name.partition(".")[0] for name in body["errors"]} == {"macs"}


def test_a_viewer_changes_and_adds_nothing(filled: Clients) -> None:
    refused(filled.viewer.call("PATCH", "/devices", {"macs": MACS, "owner": "Anna"}), 403)
    refused(filled.viewer.call("POST", "/devices", {"mac": "00:00:0C:00:00:99"}), 403)


# --- added by hand


def test_a_device_is_added_before_it_is_seen(filled: Clients, clock: Traveller) -> None:
    body = {"mac": "00-00-0c-00-00-99", "name": "Laptop to come", "type": "laptop", "tags": ["new"]}
    found = filled.operator.ok("POST", "/devices", {**body, "grace": "30 min"})["device"]
    assert (found["mac"], found["name"], found["type"]) == ("00:00:0C:00:00:99", "Laptop to come", "laptop")
    assert (found["tags"], found["grace"], found["status"]) == (["new"], "30 minutes", "disconnected")
    assert found["last_seen"] is None
    refused(filled.operator.call("POST", "/devices", body), 409, "conflict")
    clock.shift(60)
    filled.operator.ok("POST", "/presence/scans", {"source": "arp", "devices": [{"mac": body["mac"]}]})
    found = filled.viewer.ok("GET", "/devices/00:00:0C:00:00:99")["device"]
    assert (found["name"], found["status"]) == ("Laptop to come", "connected")
    events = filled.viewer.ok("GET", "/sessions/session-events?type=new&format=json")["events"]
    assert [each["mac"] for each in events] == ["00:00:0C:00:00:99"]


@pytest.mark.parametrize("mac", ["ff:ff:ff:ff:ff:ff", "nothing", ""])
def test_what_is_no_address_is_no_device(clients: Clients, mac: str) -> None:
    assert set(refused(clients.operator.call("POST", "/devices", {"mac": mac}), 400)["errors"]) == {"mac"}


def test_a_merged_address_cannot_be_added(filled: Clients) -> None:
    filled.operator.ok("POST", f"/devices/{MACS[0]}/merge", {"mac": MACS[1]})
    refused(filled.operator.call("POST", "/devices", {"mac": MACS[1]}), 409, "conflict")


# --- its siblings


def test_a_merge_unites_tags_and_fills_in_type_and_notes(filled: Clients) -> None:
    change(filled, MACS[0], tags=["a"], notes="mine")
    change(filled, MACS[1], tags=["A", "b"], notes="other", type="phone")
    filled.operator.ok("POST", f"/devices/{MACS[0]}/merge", {"mac": MACS[1]})
    found = filled.viewer.ok("GET", f"/devices/{MACS[0]}")["device"]
    assert (found["tags"], found["notes"], found["type"]) == (["a", "b"], "mine", "phone")


def test_the_list_as_csv(filled: Clients) -> None:
    change(filled, MACS[0], type="printer", tags=["office", "colour"], notes="=1+1", owner="Anna")
    answer = filled.viewer.get("/devices/list.csv", {"tag": "office"})
    assert (
        answer.headers["Content-Disposition"] == 'attachment; filename="sessiontrack-devices-2025-08-15.csv"'
    )
    head, row = answer.get_data(as_text=True).removeprefix("\ufeff").splitlines()
    assert head == (
        "mac,name,owner,type,tags,notes,vendor,ip,status,connected_since,first_seen,last_seen,archived,info"
    )
    assert row.startswith(f'{MACS[0]},Device 0,Anna,printer,"colour,office",\'=1+1,')
    assert len(filled.viewer.get("/devices/list.csv").get_data(as_text=True).splitlines()) == 5


def test_an_archived_device_has_its_own_status_and_keeps_its_history(clients: Clients) -> None:
    """As docs/devices.md says: which lists have it, and which do not."""
    mac = "AA:BB:CC:00:00:09"
    times = {"start_time": "2025-08-01 10:00", "end_time": "2025-08-01 12:00"}
    clients.operator.ok("POST", "/sessions/create", {"mac": mac, "ip": "10.0.0.9", **times})
    clients.operator.ok("PATCH", f"/devices/{mac}", {"archived": True})

    def has(path: str) -> bool:
        return mac in clients.viewer.get(path).get_data(as_text=True)

    month = "start=2025-08-01&end=2025-08-31"
    shares = f"/presence/shares.csv?{month}"
    assert [has("/devices"), has(f"{shares}&status=all"), has(f"/presence/timeline?{month}")] == [False] * 3
    assert [has("/devices?status=archived"), has(shares), has(f"{shares}&status=archived")] == [True] * 3
    assert has(f"/sessions/session-events.csv?type=sessions&{month}")
    assert has("/sessions/session-events?type=all&period=all")
    assert has("/sessions/list")
    assert has(f"/sessions/calendar?{month}")
    assert has("/presence/at?at=2025-08-01T11:00")
