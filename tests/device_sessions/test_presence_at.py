"""`/presence/at`: who was there at an instant, devices and people, as JSON and as CSV."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from time_machine import Traveller

from sessiontrack.database import Statement, write_transaction
from sessiontrack.queries.online_history import connected_at_each
from sessiontrack.queries.presence_at import count_devices_at, devices_at
from sessiontrack.values.timestamps import IN_UTC
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused
from tests.support.stays import ALIVE, stay

DAY = 86_400
URL = "/presence/at"


def macs(clients: Clients, at: int | str) -> list[str]:
    return [
        each["mac"][-2:] for each in clients.viewer.ok("GET", URL, query_string={"at": str(at)})["devices"]
    ]


def people(clients: Clients, at: int) -> list[tuple[str, list[str]]]:
    found = clients.viewer.ok("GET", URL, query_string={"at": str(at)})["people"]
    return [(each["username"], each["path"]) for each in found]


def test_contract_6_who_was_there_at_an_instant(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    with rows.writing(clients.app) as tx:
        left = rows.add_device(tx, "00:00:0C:00:00:01", "Printer", "Office")
        here = rows.add_device(tx, "00:00:0C:00:00:02")
        first = rows.add_session(tx, left, NOW - 2 * 3600, NOW - 3600)
        second = rows.add_session(tx, here, NOW - 90 * DAY, None, still_connected=True, ip="192.168.1.11")
    stay(clients.app, "anna", "one", NOW - 5400, (100, ("map", "")), (100, ("map", "north")), (100, None))
    answer = clients.viewer.get(URL, {"at": str(NOW - 5200)})
    assert answer.headers["X-Total-Count"] == "2"
    found: dict[str, Any] = answer.json
    (person,) = found.pop("people")
    assert len(person.pop("_id")) == 36
    assert person == {
        "username": "anna",
        "since": "2025-08-15T12:30:00+02:00",
        "path": ["map", "north"],
    }
    assert found == {
        "success": True,
        "at": "2025-08-15T12:33:20+02:00",
        "recorded_since": "2025-05-17T14:00:00+02:00",
        "people_total": 1,
        "devices": [
            {
                "session": first,
                "mac": "00:00:0C:00:00:01",
                "name": "Printer",
                "owner": "Office",
                "ip": "192.168.1.10",
                "since": "2025-08-15T12:00:00+02:00",
                "until": "2025-08-15T13:00:00+02:00",
            },
            {
                "session": second,
                "mac": "00:00:0C:00:00:02",
                "name": "",
                "owner": "",
                "ip": "192.168.1.11",
                "since": "2025-05-17T14:00:00+02:00",
                "until": None,
            },
        ],
    }


def test_contract_6_from_the_connection_to_before_the_disconnection(
    clients: Clients, clock: Traveller
) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, "00:00:0C:00:00:01")
        rows.add_session(tx, device, NOW - 300, NOW - 200)
        rows.add_session(tx, device, NOW - 200, NOW - 200)
        rows.add_session(tx, device, NOW - 100, None, still_connected=True)
        other = rows.add_device(tx, "00:00:0C:00:00:02")
        rows.add_session(tx, other, NOW - 300, None)  # nobody knows for how long
        rows.add_session(tx, other, None, NOW - 150)
        long = rows.add_device(tx, "00:00:0C:00:00:03")
        rows.add_session(tx, long, NOW - 40 * DAY, NOW - 5 * DAY)
        rows.add_session(tx, long, NOW - 4 * DAY, NOW - 250)
    assert macs(clients, NOW - 301) == ["03"]
    assert macs(clients, NOW - 300) == ["01", "03"]
    assert macs(clients, NOW - 250) == ["01"]
    assert macs(clients, NOW - 200) == []
    assert macs(clients, NOW - 100) == ["01"]
    assert macs(clients, "2025-08-15 12:00") == ["01"]
    assert macs(clients, "") == ["01"]
    assert macs(clients, "2025-07-20") == ["03"]
    assert macs(clients, 0) == []


def test_contract_6_before_anything_was_recorded_nobody_can_say_who_was_there(
    clients: Clients, clock: Traveller
) -> None:
    def recorded_since() -> str | None:
        found = clients.viewer.ok("GET", URL, query_string={"at": str(NOW - 9 * DAY)})
        since: str | None = found["recorded_since"]
        return since

    assert recorded_since() is None
    # It speaks of devices: to sign in records none.
    stay(clients.app, "anna", "here", NOW - DAY)
    assert recorded_since() is None
    # A scan that saw nothing says that nothing was there.
    scan = {"source": "network", "at": NOW - 3600, "devices": []}
    clients.operator.ok("POST", "/presence/scans", json=scan)
    assert recorded_since() == "2025-08-15T11:00:00+00:00"
    leave = {"source": "hook", "at": NOW - 7200, "mac": "00:00:0C:00:00:01", "event": "disconnected"}
    clients.operator.ok("POST", "/presence/events", json=leave)
    assert recorded_since() == "2025-08-15T10:00:00+00:00"
    # What was imported counts.
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, "00:00:0C:00:00:02"), NOW - 10 * DAY, NOW - 9 * DAY)
    assert recorded_since() == "2025-08-05T12:00:00+00:00"


def test_contract_6_people_from_the_start_to_before_the_end(clients: Clients, clock: Traveller) -> None:
    start = NOW - 3 * DAY
    stay(clients.app, "anna", "over", start, (100, ("map", "")), (100, ("list", "")), ends=True)
    stay(clients.app, "bert", "expired", start, (100, ("map", "")), (100, None))
    stay(clients.app, "carl", "long", start - DAY, *[(250, ("log", ""))] * 400)
    stay(clients.app, "dora", "here", NOW - 100, (50, ("map", "")))
    carl = ("carl", ["log"])
    assert people(clients, start - 1) == [carl]
    assert people(clients, start) == [("anna", ["map"]), ("bert", ["map"]), carl]
    assert people(clients, start + 150) == [("anna", ["list"]), ("bert", ["map"]), carl]
    # The one signed out, the other was not heard of again.
    assert people(clients, start + 200) == [carl]
    assert people(clients, NOW - 101) == []
    assert people(clients, NOW) == [("dora", ["map"])]
    clock.shift(ALIVE)
    assert people(clients, NOW) == []
    assert people(clients, NOW - 60) == [("dora", ["map"])]


def test_contract_6_people_now_are_those_of_presence_now(clients: Clients, clock: Traveller) -> None:
    stay(clients.app, "anna", "here", NOW - 100)
    stay(clients.app, "bert", "gone", NOW - 100, (50, None), ends=True)
    stay(clients.app, "carl", "expired", NOW - ALIVE)
    now = [each["username"] for each in clients.viewer.ok("GET", "/presence/now")["people"]]
    assert [name for name, _ in people(clients, NOW)] == now == ["anna"]


@pytest.mark.usefixtures("clock")
def test_contract_4_own_sessions_only_where_the_setting_says_so(
    make_clients: Callable[..., Clients],
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    stay(clients.app, "anna", "here", NOW - 100)
    stay(clients.app, "viewer", "here too", NOW - 100)
    found = clients.viewer.ok("GET", URL)
    assert [each["username"] for each in found["people"]] == ["viewer"]
    assert found["people_total"] == 1
    assert "anna" not in clients.viewer.get(f"{URL}.csv").get_data(as_text=True)
    assert len(clients.admin.ok("GET", URL)["people"]) == 2


@pytest.mark.usefixtures("clock")
def test_contract_2_paging(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        for number in range(5):
            device = rows.add_device(tx, f"00:00:0C:00:00:0{number}", f"Device {number}")
            rows.add_session(tx, device, NOW - 60, None, still_connected=True)
    answer = clients.viewer.get(URL, {"limit": 2, "offset": 2})
    assert [each["name"] for each in answer.json["devices"]] == ["Device 2", "Device 3"]
    assert answer.headers["X-Total-Count"] == "5"
    assert 'rel="next"' in answer.headers["Link"]
    assert 'rel="prev"' in answer.headers["Link"]


@pytest.mark.usefixtures("clock")
def test_more_people_than_are_listed_are_counted(clients: Clients) -> None:
    for number in range(203):
        stay(clients.app, f"user{number:03}", str(number), NOW - 60)
    found = clients.viewer.ok("GET", URL)
    assert (len(found["people"]), found["people_total"]) == (200, 203)
    assert clients.viewer.get(f"{URL}.csv").get_data(as_text=True).count("person,") == 203


@pytest.mark.usefixtures("clock")
def test_as_csv(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, "00:00:0C:00:00:01", "=Printer", "Office")
        rows.add_session(tx, device, NOW - 3600, NOW - 60)
    stay(clients.app, "anna", "here", NOW - 200, (100, ("map", "north")))
    answer = clients.viewer.get(f"{URL}.csv", {"at": str(NOW - 150)})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert (
        answer.headers["Content-Disposition"] == 'attachment; filename="sessiontrack-at-2025-08-15-1157.csv"'
    )
    assert answer.get_data(as_text=True).removeprefix("\ufeff").splitlines() == [
        "kind,name,mac,owner,ip,page,since,until",
        "device,'=Printer,00:00:0C:00:00:01,Office,192.168.1.10,,2025-08-15T11:00:00+00:00,"
        "2025-08-15T11:59:00+00:00",
        "person,anna,,,,map / north,2025-08-15T11:56:40+00:00,",
    ]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("path", [URL, f"{URL}.csv"])
@pytest.mark.parametrize("at", [str(NOW + 1), "2025-08-16", "yesterday", "-1", "1e9"])
def test_bad_instants_are_refused(clients: Clients, path: str, at: str) -> None:
    assert set(refused(clients.viewer.get(path, {"at": at}), 400)["errors"]) == {"at"}


def test_needs_a_token(clients: Clients) -> None:
    refused(clients.nobody.get(URL), 401, "unauthorized")


sessions_of_one = st.lists(st.tuples(st.integers(0, 40 * DAY), st.integers(0, 40 * DAY)), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=sessions_of_one, at=st.integers(0, 60 * DAY))
def test_it_counts_as_the_online_history_does(app: Flask, lengths: list[tuple[int, int]], at: int) -> None:
    with app.app_context(), write_transaction() as tx:
        tx.run(Statement("DELETE FROM device"))
        for number, (gap, length) in enumerate(lengths):
            device = rows.add_device(tx, f"00:00:0C:00:00:{number:02X}")
            rows.add_session(tx, device, gap, gap + length)
        expected = sum(gap <= at < gap + length for gap, length in lengths)
        assert connected_at_each(tx, [at]) == [expected]
        assert count_devices_at(tx, at) == expected
        assert len(list(devices_at(tx, at, 100, 0, IN_UTC))) == expected
