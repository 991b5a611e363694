"""`/presence/now`: what is going on, made once however many ask, and 304 while nothing changes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from time_machine import Traveller

from sessiontrack.blueprints import now as module
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused
from tests.support.stays import ALIVE, stay

URL = "/presence/now"
DAY = 86_400


def test_contract_6_now_has_devices_people_and_events(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    with rows.writing(clients.app) as tx:
        here = rows.add_device(tx, "00:00:0C:00:00:01", "Printer", "Office")
        gone = rows.add_device(tx, "00:00:0C:00:00:02")
        down = rows.add_device(tx, "00:00:0C:00:00:03")
        rows.add_session(tx, here, NOW - 3600, None, still_connected=True)
        rows.add_session(tx, gone, NOW - 3600, NOW - 60)
        rows.add_session(tx, down, NOW - 3600, NOW - 60, disc_type="Device Down")
        first = rows.add_event(tx, here, NOW - 3600, "Connected")
        second = rows.add_event(tx, gone, NOW - 60, "Disconnected", voided=True, info="so", ip="")
    stay(clients.app, "bert", "expired", NOW - ALIVE - 10, (10, ("map", "")))
    stay(clients.app, "bert", "signed out", NOW - 20, (10, ("map", "")), ends=True)
    stay(clients.app, "anna", "here", NOW - 100, (10, ("map", "")), (20, ("map", "north")), (30, None))
    answer = clients.viewer.get(URL)
    assert answer.headers["X-Server-Time"] == str(NOW)
    found: dict[str, Any] = answer.json
    assert found.pop("success") is True
    (person,) = found.pop("people")
    assert len(person.pop("_id")) == 36
    assert person == {
        "username": "anna",
        "start": NOW - 100,
        "last_ping": NOW - 40,
        "last_visible_ping": NOW - 70,
        "last_visible_path": ["map", "north"],
        "visible_duration": 30,
    }
    event = {"ip": "192.168.1.10", "info": "", "voided": False}
    assert found == {
        "timezone": "Europe/Berlin",
        "devices": {
            "all": 3,
            "connected": 1,
            "disconnected": 1,
            "down": 1,
            "new": 0,
            "flapping": 0,
            "archived": 0,
            "favorites": 0,
        },
        "sources": {"all": 0, "silent": [], "failing": []},
        "people_total": 1,
        "events": [
            {
                **event,
                "id": second,
                "at": "2025-08-15T13:59:00+02:00",
                "mac": "00:00:0C:00:00:02",
                "name": "",
                "owner": "",
                "ip": "",
                "type": "Disconnected",
                "voided": True,
                "info": "so",
            },
            {
                **event,
                "id": first,
                "at": "2025-08-15T13:00:00+02:00",
                "mac": "00:00:0C:00:00:01",
                "name": "Printer",
                "owner": "Office",
                "type": "Connected",
            },
        ],
    }


def test_contract_6_an_empty_install_has_a_now(clients: Clients, clock: Traveller) -> None:
    found = clients.viewer.ok("GET", URL)
    assert (found["people"], found["events"], found["devices"]["all"]) == ([], [], 0)


def test_contract_6_the_limit_is_of_the_latest_events(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, "00:00:0C:00:00:01")
        ids = [rows.add_event(tx, device, NOW - each, "Connected") for each in range(30)]
    assert [each["id"] for each in clients.viewer.ok("GET", URL)["events"]] == ids[:20]
    assert [each["id"] for each in clients.viewer.ok("GET", f"{URL}?limit=3")["events"]] == ids[:3]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x"])
def test_contract_6_another_limit_is_refused(clients: Clients, limit: str) -> None:
    assert set(refused(clients.viewer.get(URL, {"limit": limit}), 400)["errors"]) == {"limit"}


def test_contract_6_who_has_the_answer_is_told_so_until_something_changes(
    clients: Clients, clock: Traveller
) -> None:
    first = clients.viewer.get(URL)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {each.strip() for each in first.headers["Vary"].split(",")} >= {"Authorization", "Cookie"}
    # The time goes on, and nothing happens.
    clock.shift(7)
    again = clients.viewer.get(URL, None)
    same = clients.viewer.call("GET", URL, headers={"If-None-Match": tag})
    assert again.headers["ETag"] == tag
    assert (same.status_code, same.get_data(), same.headers["ETag"]) == (304, b"", tag)
    assert same.headers["X-Server-Time"] == str(NOW + 7)
    assert "Content-Type" not in same.headers
    body = {"mac": "00:00:0C:00:00:01", "ip": "192.168.1.10", "start_time": "2025-08-15T11:00"}
    clients.operator.ok("POST", "/sessions/create", body)
    clock.shift(module.KEPT_SECONDS)
    changed = clients.viewer.call("GET", URL, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json["devices"]["connected"]) == (200, 1)
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("sent", ['"other"', "nonsense", '"', "W/", ""])
def test_a_tag_that_is_another_or_none_gets_the_answer(clients: Clients, clock: Traveller, sent: str) -> None:
    assert clients.viewer.call("GET", URL, headers={"If-None-Match": sent}).status_code == 200


def test_a_tag_among_others_or_a_weak_one_is_found(clients: Clients, clock: Traveller) -> None:
    tag = clients.viewer.get(URL).headers["ETag"]
    for sent in (f'"a", {tag}, "b"', f"W/{tag}", "*"):
        assert clients.viewer.call("GET", URL, headers={"If-None-Match": sent}).status_code == 304


def test_a_wrong_token_is_refused_whatever_tag_it_brings(clients: Clients, clock: Traveller) -> None:
    tag = clients.viewer.get(URL).headers["ETag"]
    refused(clients.with_token("st_wrong").call("GET", URL, headers={"If-None-Match": tag}), 401)


def test_contract_4_with_own_visibility_nobody_but_an_admin_sees_others(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    for name in ("admin", "operator", "viewer"):
        stay(clients.app, name, f"{name}'s", NOW - 10, (5, ("map", "")))

    def seen(client: Any) -> tuple[list[str], int]:
        found = client.ok("GET", URL)
        return [each["username"] for each in found["people"]], found["people_total"]

    # All within one second: what is kept for one is not given to another.
    for _ in range(2):
        assert seen(clients.viewer) == (["viewer"], 1)
        assert seen(clients.operator) == (["operator"], 1)
        assert seen(clients.admin) == (["admin", "operator", "viewer"], 3)


def test_of_many_people_all_are_counted(
    make_clients: Callable[..., Clients], clock: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiontrack.queries.now.MOST_PEOPLE", 2)
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    for number in range(3):
        stay(clients.app, "viewer", f"key {number}", NOW - 10)
    stay(clients.app, "anna", "another", NOW - 10)
    for client, total in ((clients.viewer, 3), (clients.admin, 4)):
        found = client.ok("GET", URL)
        assert (len(found["people"]), found["people_total"]) == (2, total)


def test_a_hundred_that_ask_at_once_are_answered_by_one_reading(
    clients: Clients, clock: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    body = module._body

    def counted(at: int, limit: int, only: str | None) -> bytes:
        made.append(at)
        return body(at, limit, only)

    monkeypatch.setattr(module, "_body", counted)
    with ThreadPoolExecutor(8) as pool:
        tags = set(pool.map(lambda _: clients.viewer.get(URL).headers["ETag"], range(100)))
    assert (len(tags), made) == (1, [NOW])
    clock.shift(module.KEPT_SECONDS - 1)
    clients.viewer.get(URL)
    assert made == [NOW]
    for seconds in (1, -60):
        clock.shift(seconds)
        clients.viewer.get(URL)
    assert made == [NOW, NOW + module.KEPT_SECONDS, NOW + module.KEPT_SECONDS - 60]


def test_what_is_kept_is_bounded(clients: Clients, clock: Traveller) -> None:
    kept = clients.app.extensions[module.EXTENSION]
    with clients.app.app_context():
        for number in range(3 * module.MOST_KEPT):
            kept.get(NOW, 1, f"user {number}")
    assert len(kept._kept) <= module.MOST_KEPT
