"""`/devices`: what is known of each device, changed, counted and deleted."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from sessiontrack.database import Statement
from sessiontrack.schemas.devices import DeviceAnswer
from tests.support import rows
from tests.support.application import NOW, Client, Clients
from tests.support.refusals import refused

DAY = 86_400
PHONE = "DA:A1:19:11:22:33"
LAPTOP = "DC:A6:32:2B:3C:4D"
PRINTER = "00:11:32:00:00:01"
CAMERA = "00:00:0C:00:00:01"
LOST = "B8:27:EB:00:00:09"


def at(seconds_ago: int) -> str:
    hours = (NOW - seconds_ago) // 3600 * 3600
    assert hours == NOW - seconds_ago, "whole hours only"
    days, rest = divmod(NOW - 1_754_006_400 - seconds_ago, DAY)  # from 2025-08-01
    return f"2025-08-{1 + days:02d}T{rest // 3600:02d}:00:00+00:00"


@pytest.fixture
def network(clients: Clients, clock: time_machine.Traveller) -> Clients:
    """A connected laptop, a phone that left, a printer that is down, a new camera, one that is archived."""
    with rows.writing(clients.app) as tx:
        laptop = rows.add_device(tx, LAPTOP, "laptop", "Émile")
        rows.add_session(tx, laptop, NOW - 9 * DAY, NOW - 8 * DAY, ip="10.0.0.9")
        rows.add_session(tx, laptop, NOW - 7200, None, still_connected=True, ip="10.0.0.20")
        phone = rows.add_device(tx, PHONE, "Phone", "Anna")
        rows.add_session(tx, phone, NOW - 2 * DAY, NOW - DAY, ip="10.0.0.3")
        printer = rows.add_device(tx, PRINTER, "", "")
        rows.add_session(tx, printer, NOW - 3 * DAY, NOW - 7200, disc_type="Device Down", ip="fd00::1")
        camera = rows.add_device(tx, CAMERA, "camera", "Zoe")
        tx.run(Statement("UPDATE device SET first_seen_at = :at WHERE id = :id"), at=NOW - 3600, id=camera)
        lost = rows.add_device(tx, LOST, "lost", "Anna")
        rows.add_session(tx, lost, NOW - 3600, None, still_connected=True)
        tx.run(Statement("UPDATE device SET archived = true WHERE id = :id"), id=lost)
    return clients


def macs(client: Client, **query: Any) -> list[str]:
    found = client.get("/devices", query)
    assert found.status_code == 200, found.get_data(as_text=True)
    return [each["mac"] for each in found.json["devices"]]


def test_contract_6_a_device_tells_what_is_known_of_it(network: Clients) -> None:
    assert network.viewer.ok("GET", f"/devices/{LAPTOP.lower()}") == {
        "success": True,
        "device": {
            # A text that nobody has written is empty.
            **dict.fromkeys(DeviceAnswer().fields, ""),
            "mac": LAPTOP,
            "aliases": [],
            "name": "laptop",
            "owner": "Émile",
            "vendor": "Raspberry Pi Trading Ltd",
            "randomized": False,
            "ip": "10.0.0.20",
            "status": "connected",
            "connected": True,
            "connected_since": at(7200),
            "first_seen": "1970-01-01T00:00:00+00:00",
            "last_seen": at(0),
            "new": False,
            "flapping": False,
            "can_flap": True,
            "alert_down": False,
            "grace": None,
            "archived": False,
            "favourite": False,
            "type": "",
            "tags": [],
            "notes": "",
        },
        "held_by": [],
        "previous": {"mac": CAMERA, "name": "camera"},
        "next": {"mac": PHONE, "name": "Phone"},
    }


@pytest.mark.parametrize(
    ("mac", "told"),
    [
        (PHONE, {"status": "disconnected", "last_seen": at(DAY), "randomized": True, "vendor": ""}),
        (PRINTER, {"status": "down", "last_seen": at(7200), "connected": False, "ip": "fd00::1"}),
        (CAMERA, {"status": "disconnected", "last_seen": None, "new": True, "ip": ""}),
        (LOST, {"status": "connected", "archived": True}),
    ],
)
def test_contract_6_status_and_last_seen_are_of_the_latest_session(
    network: Clients, mac: str, told: dict[str, Any]
) -> None:
    device = network.viewer.ok("GET", f"/devices/{mac}")["device"]
    assert {name: device[name] for name in told} == told
    assert device["connected_since"] is None or device["connected"]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("all", {LAPTOP, PHONE, PRINTER, CAMERA}),
        ("connected", {LAPTOP}),
        ("disconnected", {PHONE, CAMERA}),
        ("down", {PRINTER}),
        ("new", {CAMERA}),
        ("flapping", set()),
        ("archived", {LOST}),
    ],
)
def test_contract_6_each_status_lists_and_counts_its_own(
    network: Clients, status: str, found: set[str]
) -> None:
    assert set(macs(network.viewer, status=status)) == found
    response = network.viewer.get("/devices", {"status": status, "offset": 10})
    assert (response.json["devices"], response.headers["X-Total-Count"]) == ([], str(len(found)))
    assert network.viewer.ok("GET", "/devices/totals?format=named")[status] == len(found)


def test_contract_6_a_device_back_from_down_is_down_no_more(network: Clients) -> None:
    event = {"source": "ap", "mac": PRINTER, "event": "connected"}
    network.operator.ok("POST", "/presence/events", event)
    assert network.viewer.ok("GET", f"/devices/{PRINTER}")["device"]["status"] == "connected"


def test_contract_6_flapping_is_more_connections_than_settings_say(
    make_clients: Callable[..., Clients], clock: time_machine.Traveller
) -> None:
    clients = make_clients(FLAPPING_CONNECTIONS=3, FLAPPING_WINDOW="1 hour")
    with rows.writing(clients.app) as tx:
        for mac, starts in {
            PHONE: range(NOW - 400, NOW, 100),  # four in the window
            LAPTOP: range(NOW - 300, NOW, 100),  # three
            PRINTER: [NOW - 3600, *range(NOW - 300, NOW, 100)],  # the fourth was before it
        }.items():
            device_id = rows.add_device(tx, mac)
            for start in starts:
                rows.add_session(tx, device_id, start, start + 10)
            rows.add_session(tx, device_id, None, NOW - 5)  # no connection that anybody saw
    assert macs(clients.viewer, status="flapping") == [PHONE]
    assert clients.viewer.ok("GET", f"/devices/{PHONE}")["device"]["flapping"] is True
    clients.operator.ok("PATCH", f"/devices/{PHONE}", {"can_flap": False})
    assert macs(clients.viewer, status="flapping") == []
    assert clients.viewer.ok("GET", "/devices/totals?format=named")["flapping"] == 0


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("LAP", [LAPTOP]),
        ("ÉMILE", [LAPTOP]),
        ("anna", [PHONE]),
        ("da:a1", [PHONE]),
        ("10.0.0.20", [LAPTOP]),
        ("10.0.0.9", []),  # an address that it had
        ("%", []),
        ("_", []),
        ("acme", [CAMERA]),
    ],
)
def test_contract_6_search_is_in_name_owner_vendor_mac_and_address(
    network: Clients, search: str, found: list[str]
) -> None:
    network.operator.ok("PATCH", f"/devices/{CAMERA}", {"vendor": "ACME & Sons"})
    assert macs(network.viewer, search=search) == found
    response = network.viewer.get("/devices", {"search": search, "offset": 5})
    assert response.headers["X-Total-Count"] == str(len(found))


@pytest.mark.parametrize(
    ("sort", "ordered"),
    [
        ("name", [CAMERA, LAPTOP, PHONE, PRINTER]),  # without a name last, in either direction
        ("-name", [PHONE, LAPTOP, CAMERA, PRINTER]),
        ("mac", [CAMERA, PRINTER, PHONE, LAPTOP]),
        ("-mac", [LAPTOP, PHONE, PRINTER, CAMERA]),
        ("owner", [PHONE, CAMERA, LAPTOP, PRINTER]),
        ("ip", [PHONE, LAPTOP, PRINTER, CAMERA]),
        ("-ip", [PRINTER, LAPTOP, PHONE, CAMERA]),
        ("-first_seen", [CAMERA, PRINTER, PHONE, LAPTOP]),
        ("last_seen", [PHONE, PRINTER, LAPTOP, CAMERA]),
        ("-last_seen", [LAPTOP, PRINTER, PHONE, CAMERA]),
        ("status", [LAPTOP, CAMERA, PHONE, PRINTER]),
    ],
)
def test_contract_6_devices_are_sorted(network: Clients, sort: str, ordered: list[str]) -> None:
    assert macs(network.viewer, sort=sort) == ordered


def test_contract_2_devices_come_in_pages(network: Clients) -> None:
    response = network.viewer.get("/devices", {"limit": 2, "offset": 1, "sort": "mac"})
    assert [each["mac"] for each in response.json["devices"]] == [PRINTER, PHONE]
    assert response.headers["X-Total-Count"] == "4"
    assert 'offset=3>; rel="next"' in response.headers["Link"]


def test_contract_6_the_address_is_the_one_that_it_moved_to(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    for ip in ("10.0.0.1", "10.0.0.2", "fe80::2", "fe80::3"):
        clock.shift(60)
        clients.operator.ok("POST", "/presence/scans", {"source": "a", "devices": [{"mac": PHONE, "ip": ip}]})
    assert clients.viewer.ok("GET", f"/devices/{PHONE}")["device"]["ip"] == "10.0.0.2"
    assert macs(clients.viewer, search="10.0.0.2") == [PHONE]


def test_what_radius_said_of_the_latest_session_is_shown_and_found(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    """Where everybody signs in by RADIUS nobody has a name: the user is what one looks for."""
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, PHONE)
        for user, start in (("anna", NOW - 7200), ("user77@corp.example", NOW - 3600)):
            rows.add_session(
                tx, device_id, start, start + 600, info=f"NAS floor 1, user {user}, session 5F00"
            )
        rows.add_device(tx, LAPTOP)
    found = clients.viewer.ok("GET", "/devices?search=USER77")["devices"]
    assert [each["info"] for each in found] == ["NAS floor 1, user user77@corp.example, session 5F00"]
    assert clients.viewer.get("/devices", {"search": "user77", "offset": 5}).headers["X-Total-Count"] == "1"
    # The device was anna's before.
    assert macs(clients.viewer, search="anna") == []
    assert clients.viewer.ok("GET", f"/devices/{LAPTOP}")["device"]["info"] == ""
    head, row = clients.viewer.get("/devices/list.csv?search=user77").get_data(as_text=True).splitlines()
    assert head.endswith(",archived,info")
    assert row.endswith(',false,"NAS floor 1, user user77@corp.example, session 5F00"')


def test_contract_6_a_new_device_has_its_vendor_stored(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    told = {"mac": CAMERA, "vendor": "told by the scanner"}
    scan = {"source": "a", "devices": [{"mac": LAPTOP}, {"mac": PHONE}, told]}
    clients.operator.ok("POST", "/presence/scans", scan)
    session = {"mac": PRINTER, "ip": "10.0.0.1", "start_time": "2025-08-01"}
    clients.operator.ok("POST", "/sessions/create", session)
    with rows.writing(clients.app) as tx:
        stored = dict(tx.rows(Statement("SELECT mac, vendor FROM device")))
    assert stored == {
        LAPTOP: "Raspberry Pi Trading Ltd",
        PHONE: "",
        CAMERA: "told by the scanner",
        PRINTER: "Synology Incorporated",
    }


CHANGES = {
    "name": "Router",
    "owner": "House",
    "vendor": "Made here",
    "alert_down": True,
    "grace": "1 day 12 hours",
    "can_flap": False,
    "archived": True,
    "favourite": True,
}


def test_contract_6_every_field_is_changed_and_the_others_stay(network: Clients) -> None:
    before = network.viewer.ok("GET", f"/devices/{PHONE}")["device"]
    for name, value in CHANGES.items():
        before[name] = value
        answer = network.operator.ok("PATCH", f"/devices/{PHONE}", {name: value})
        assert answer == {"success": True, "device": before}
        assert network.viewer.ok("GET", f"/devices/{PHONE}")["device"] == before
    assert network.operator.ok("PATCH", f"/devices/{PHONE}", {})["device"] == before
    assert network.operator.ok("PATCH", f"/devices/{PHONE}", {"grace": None})["device"]["grace"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"name": 7},
        {"name": "x" * 256},
        {"name": "a\u0000b"},
        {"alert_down": "true"},
        {"can_flap": 1},
        {"archived": 0},
        {"grace": "soon"},
        {"grace": "1 month"},
        {"grace": "all"},
        {"grace": "0 minutes"},
        {"grace": "367 days"},
        {"grace": "90s"},
        {"grace": 600},
        {"favorite": True},
        {"mac": LAPTOP},
        {"grace_seconds": 60},
    ],
)
def test_contract_2_what_cannot_be_is_refused_by_name(network: Clients, body: dict[str, Any]) -> None:
    error = refused(network.operator.call("PATCH", f"/devices/{PHONE}", body), 400)
    assert list(error["errors"]) == list(body)


@pytest.mark.parametrize(
    "query", ["status=gone", "sort=size", "sort=--name", "limit=0", "limit=1001", "offset=-1", "state=all"]
)
def test_contract_2_unknown_parameters_and_values_are_refused(clients: Clients, query: str) -> None:
    error = refused(clients.viewer.get(f"/devices?{query}"), 400)
    assert list(error["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize(
    ("method", "more", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/merge", {"mac": PHONE}),
    ],
)
def test_contract_2_an_unknown_device_is_404_and_no_mac_is_400(
    network: Clients, method: str, more: str, body: Any
) -> None:
    refused(network.operator.call(method, f"/devices/00:00:00:00:00:77{more}", body), 404)
    error = refused(network.operator.call(method, f"/devices/printer{more}", body), 400)
    assert list(error["errors"]) == ["mac"]


def test_contract_6_deleting_takes_everything_of_that_device_only(
    network: Clients, clock: time_machine.Traveller
) -> None:
    scan = {"source": "arp", "devices": [{"mac": PHONE}, {"mac": LAPTOP}]}
    network.operator.ok("POST", "/presence/scans", scan)
    others = {k: [r for r in v if PHONE not in r] for k, v in rows.stored(network.app).items()}
    answer = network.operator.ok("DELETE", f"/devices/{PHONE}")
    # The scan found it connected again: a session and an event more than before.
    assert answer["deleted"] == {"sessions": 2, "events": 1, "evidence": 1}
    assert rows.stored(network.app) == others
    refused(network.viewer.get(f"/devices/{PHONE}"), 404)
    clock.shift(60)
    assert network.operator.ok("POST", "/presence/scans", scan)["new"] == 1


def test_contract_6_a_longer_grace_time_takes_back_what_a_shorter_one_told(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    def scan(*found: str) -> Any:
        clock.shift(360)
        devices = [{"mac": mac} for mac in found]
        return clients.operator.ok("POST", "/presence/scans", {"source": "arp", "devices": devices})

    scan(PHONE, LAPTOP)
    scan(LAPTOP)
    assert scan(LAPTOP)["disconnected"] == 1
    changed = clients.operator.ok("PATCH", f"/devices/{PHONE}", {"grace": "30 minutes"})
    assert changed["device"]["status"] == "connected"
    assert scan(LAPTOP)["disconnected"] == 0
    assert scan(LAPTOP)["disconnected"] == 0
    assert scan(LAPTOP)["disconnected"] == 0
    assert scan(LAPTOP)["disconnected"] == 1
    types = clients.viewer.ok("GET", "/sessions/session-events?search=DA:A1")["events"]
    assert sorted(each["type"] for each in types) == [
        "Connected",
        "Disconnected",
        "New Device",
        "VOIDED - Disconnected",
    ]
