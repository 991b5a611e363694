"""`/webhooks`: adding, listing, testing, retrying and removing through the API."""

from typing import Any

import pytest

from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.senders import targets
from sessiontrack.values.webhook_events import EVENT_TYPES
from tests.contract.test_errors import assert_error
from tests.support import receiver
from tests.support.application import Clients
from tests.support.receiver import Receiver, verify
from tests.support.refusals import refused

URL = "https://8.8.8.8/hook?token=in-the-url"


def add(clients: Clients, **fields: Any) -> Any:
    return clients.admin.ok("POST", "/webhooks", {"name": "pager", "url": URL, **fields})


def test_the_secret_is_answered_once_and_never_listed(clients: Clients) -> None:
    response = clients.admin.post("/webhooks", {"name": "pager", "url": URL, "events": ["flapping"]})
    added = response.get_json()
    assert added["secret"].startswith("whsec_")
    assert response.headers["Cache-Control"] == "no-store"
    listed = clients.admin.get("/webhooks")
    assert added["secret"] not in listed.get_data(as_text=True)
    assert "in-the-url" not in listed.get_data(as_text=True)
    (found,) = listed.get_json()
    assert (found["id"], found["url"], found["events"]) == (added["id"], "https://8.8.8.8/...", ["flapping"])


def test_the_tags_of_its_devices_are_set_listed_changed_and_cleared(clients: Clients) -> None:
    def tags() -> list[str]:
        (found,) = clients.admin.ok("GET", "/webhooks")
        return list(found["tags"])

    path = f"/webhooks/{add(clients, tags=['office', ' Anna ', 'OFFICE'])['id']}"
    assert tags() == ["Anna", "office"]
    clients.admin.ok("PATCH", path, {"name": "other"})
    assert tags() == ["Anna", "office"]
    assert clients.admin.ok("PATCH", path, {"tags": ["home"]})["webhook"]["tags"] == ["home"]
    clients.admin.ok("PATCH", path, {"tags": None})
    assert tags() == []


def test_lists_are_paged(clients: Clients) -> None:
    for number in range(3):
        add(clients, name=f"pager {number}")
    response = clients.admin.get("/webhooks", {"limit": 1, "offset": 1})
    assert [each["name"] for each in response.get_json()] == ["pager 1"]
    assert response.headers["X-Total-Count"] == "3"
    for _ in range(3):
        clients.admin.ok("POST", "/webhooks/1/test")
    response = clients.admin.get("/webhooks/1/deliveries", {"limit": 2, "state": "pending"})
    assert len(response.get_json()) == 2
    assert response.headers["X-Total-Count"] == "3"
    assert clients.admin.ok("GET", "/webhooks/1/deliveries?state=dead") == []
    assert clients.admin.ok("GET", "/webhooks/2/deliveries") == []


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "http://2130706433/"}, "url"),
        ({"url": "ftp://hook.example/"}, "url"),
        ({"url": "https://a:hunter2@hook.example/"}, "url"),
        ({"url": "https://hook.example/" + "a" * 2048}, "url"),
        ({"url": 7}, "url"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": ["x" * 33]}, "tags"),
        ({"tags": "office"}, "tags"),
        ({"name": ""}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "a\n"}, "name"),
        ({"events": ["Device Up"]}, "events"),
        ({"events": "flapping"}, "events"),
        ({"events": ["flapping"] * 8}, "events"),
        ({"secret": "my own"}, "secret"),
    ],
)
def test_what_is_wrong_is_said_by_its_name(clients: Clients, fields: dict[str, Any], at_fault: str) -> None:
    response = clients.admin.post("/webhooks", {"name": "pager", "url": URL, **fields})
    errors = refused(response, 400)["errors"]
    assert {each.partition(".")[0] for each in errors} == {at_fault}
    assert "hunter2" not in response.get_data(as_text=True)
    assert clients.admin.ok("GET", "/webhooks") == []


def test_a_name_is_taken_once_and_free_again_when_removed(clients: Clients) -> None:
    first = add(clients)
    assert_error(clients.admin.post("/webhooks", {"name": "pager", "url": URL}), 409, "conflict")
    clients.admin.ok("DELETE", f"/webhooks/{first['id']}")
    add(clients)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/webhooks/99"),
        ("PATCH", "/webhooks/99"),
        ("POST", "/webhooks/99/test"),
        ("POST", "/webhooks/99/retry"),
        ("GET", "/webhooks/99/deliveries"),
    ],
)
def test_what_is_not_there_is_404(clients: Clients, method: str, path: str) -> None:
    refused(clients.admin.call(method, path), 404)


def test_a_test_delivery_goes_through_the_outbox(make_clients: Any) -> None:
    clients = make_clients(WEBHOOK_ALLOW="127.0.0.1")
    with Receiver(script=[receiver.answer(410)]) as hook:
        added = add(clients, url=hook.url, events=["flapping"])
        told = clients.admin.ok("POST", f"/webhooks/{added['id']}/test")
        worker = Dispatcher(clients.app)
        worker.look()
        (dead,) = clients.admin.ok("GET", f"/webhooks/{added['id']}/deliveries?state=dead")
        assert (dead["id"], dead["type"], dead["status"]) == (told["delivery"], "test", 410)
        assert clients.admin.ok("POST", f"/webhooks/{added['id']}/retry")["retried"] == 1
        worker.look()
        assert clients.admin.ok("GET", "/webhooks")[0]["dead"] == 0
        first, second = hook.received
    assert first.json == second.json == {**first.json, "id": told["delivery"], "type": "test"}
    assert verify(second, added["secret"], int(second.headers["webhook-timestamp"]))


def test_a_change_keeps_what_it_does_not_name(clients: Clients) -> None:
    added = add(clients, events=["flapping"])
    path = f"/webhooks/{added['id']}"
    (before,) = clients.admin.ok("GET", "/webhooks")
    answered = clients.admin.ok("PATCH", path, {"name": "night pager"})
    assert answered["webhook"] == {**before, "name": "night pager"}
    clients.admin.ok("PATCH", path, {"events": ["Device Down", "New Device"]})
    changed = clients.admin.ok("PATCH", path, {"url": "https://9.9.9.9/other"})["webhook"]
    assert changed["events"] == ["Device Down", "New Device"]
    assert changed["url"] == "https://9.9.9.9/..."
    assert clients.admin.ok("PATCH", path, {"name": "night pager"})["webhook"] == changed
    assert set(clients.admin.ok("PATCH", path, {"events": None})["webhook"]["events"]) == set(EVENT_TYPES)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": None}, "url"),
        ({"name": ""}, "name"),
        ({"events": ["Device Up"]}, "events"),
        ({"secret": "my own"}, "secret"),
    ],
)
def test_a_wrong_change_changes_nothing(clients: Clients, fields: dict[str, Any], at_fault: str) -> None:
    path = f"/webhooks/{add(clients)['id']}"
    before = clients.admin.ok("GET", "/webhooks")
    errors = refused(clients.admin.call("PATCH", path, {"name": "other", **fields}), 400)["errors"]
    assert {each.partition(".")[0] for each in errors} == {at_fault}
    assert clients.admin.ok("GET", "/webhooks") == before


def test_a_name_of_another_one_is_refused(clients: Clients) -> None:
    add(clients, name="first")
    second = add(clients)
    response = clients.admin.call("PATCH", f"/webhooks/{second['id']}", {"name": "first"})
    assert_error(response, 409, "conflict")


def test_a_delivery_is_sent_again_with_its_id(make_clients: Any) -> None:
    clients = make_clients(WEBHOOK_ALLOW="127.0.0.1")
    with Receiver() as hook:
        path = f"/webhooks/{add(clients, url=hook.url)['id']}"
        first = clients.admin.ok("POST", f"{path}/test")["delivery"]
        clients.admin.ok("POST", f"{path}/test")
        worker = Dispatcher(clients.app)
        worker.look()
        assert len(hook.received) == 2
        assert clients.admin.ok("POST", f"{path}/retry", {"delivery": first})["retried"] == 1
        worker.look()
        assert [each.json["id"] for each in hook.received[2:]] == [first]
        other = add(clients, name="other", url=hook.url)["id"]
        for where, delivery in ((path, "6d7d5c1e"), (f"/webhooks/{other}", first)):
            refused(clients.admin.call("POST", f"{where}/retry", {"delivery": delivery}), 404)


def test_what_waits_goes_to_the_new_address(make_clients: Any) -> None:
    clients = make_clients(WEBHOOK_ALLOW="127.0.0.1")
    with Receiver(otherwise=receiver.answer(503)) as old, Receiver() as new:
        path = f"/webhooks/{add(clients, url=old.url)['id']}"
        delivery = clients.admin.ok("POST", f"{path}/test")["delivery"]
        worker = Dispatcher(clients.app)
        worker.look()
        changed = clients.admin.ok("PATCH", path, {"url": new.url})["webhook"]
        assert (changed["failures"], changed["last_error"]) == (0, "")
        clients.admin.ok("POST", f"{path}/retry", {"delivery": delivery})
        worker.look()
        assert [each.json["id"] for each in new.received] == [delivery]


def test_a_name_that_cannot_be_resolved_now_is_taken(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError

    monkeypatch.setattr(targets, "check_target", fail)
    monkeypatch.setattr("socket.getaddrinfo", fail)
    add(clients, url="https://hook.invalid/")
