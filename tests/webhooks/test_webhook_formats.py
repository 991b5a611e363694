"""What ntfy, Gotify, Slack, Mattermost and Home Assistant receive is what their documentation asks for."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.exceptions import InvalidInput
from sessiontrack.senders.formats import KINDS, check_format, shaped, words
from sessiontrack.senders.messages import Message
from sessiontrack.values.timestamps import SiteTime
from sessiontrack.values.webhook_events import EVENT_TYPES, TEST
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.receiver import Receiver, verify
from tests.support.refusals import refused

MAC = "AA:BB:CC:00:00:01"
PARIS = SiteTime("Europe/Paris")
MINUTE = "2025-08-15 14:00"  # NOW, in Paris
# Path and query that people copy from the receiver; path and query that are asked for; what is sent.
RECEIVERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ntfy": (
        "/home?auth=QmVhcmVyIHRr",
        "/?auth=QmVhcmVyIHRr",
        {
            "topic": "home",
            "title": "Printer is down",
            "message": f"Last seen {MINUTE}, {MAC}, 192.168.1.9, Office",
            "tags": ["red_circle"],
            "priority": 4,
        },
    ),
    "gotify": (
        "/message?token=AxYz",
        "/message?token=AxYz",
        {
            "title": "Printer is down",
            "message": f"Last seen {MINUTE}, {MAC}, 192.168.1.9, Office",
            "priority": 8,
        },
    ),
    "slack": (
        "/services/T0/B0/XX",
        "/services/T0/B0/XX",
        {"text": f"Printer is down\nLast seen {MINUTE}, `{MAC}`, `192.168.1.9`, Office"},
    ),
    "home-assistant": (
        "/api/webhook/my-id",
        "/api/webhook/my-id",
        {
            "type": "Device Down",
            "at": NOW,
            "time": "2025-08-15T12:00:00+00:00",
            "device": {"mac": MAC, "name": "Printer", "owner": "Office", "vendor": "", "ip": "192.168.1.9"},
            "title": "Printer is down",
            "message": f"Last seen {MINUTE}, {MAC}, 192.168.1.9, Office",
        },
    ),
}


def told_by(format_: str, url: str = "https://hook.example/x", **fields: Any) -> tuple[str, Any]:
    """Where a message goes and what it says, in that format."""
    own = {"id": "1", "type": TEST, "at": NOW, "time": "2025-08-15T12:00:00+00:00", **fields}
    sent = shaped(Message(url, "", "1", json.dumps(own).encode(), format_), PARIS)
    return sent.url, json.loads(sent.body)


@pytest.mark.parametrize("format_", RECEIVERS)
def test_a_receiver_gets_what_it_documents(
    make_clients: Callable[..., Clients], clock: time_machine.Traveller, format_: str
) -> None:
    shown, asked, expected = RECEIVERS[format_]
    clients = make_clients(WEBHOOK_ALLOW="127.0.0.1", TIMEZONE="Europe/Paris")
    device = {"source": "ap", "mac": MAC, "ip": "192.168.1.9"}
    clients.operator.ok("POST", "/presence/events", {**device, "event": "connected"})
    changes = {"alert_down": True, "name": "Printer", "owner": "Office"}
    clients.operator.ok("PATCH", f"/devices/{MAC}", changes)
    with Receiver() as hook:
        base = f"http://127.0.0.1:{hook.server_port}"
        body = {"name": "hook", "url": base + shown, "format": format_, "events": ["Device Down"]}
        added = clients.admin.ok("POST", "/webhooks", body)
        clients.operator.ok("POST", "/presence/events", {**device, "event": "disconnected"})
        Dispatcher(clients.app).look()
        (received,) = hook.received
        assert received.path == asked
        assert received.headers["Content-Type"] == "application/json"
        assert verify(received, added["secret"], NOW)
        said = received.json
        delivery = said.pop("id", received.headers["webhook-id"])
        assert delivery == received.headers["webhook-id"]
        assert said == expected
        shown_by_test = invoke(
            clients.app.instance_path, "webhook", "test", "hook", WEBHOOK_ALLOW="127.0.0.1"
        )
        assert shown_by_test.exit_code == 0, shown_by_test.output
        assert hook.received[1].path == asked
        assert "Test of sessiontrack" in hook.received[1].body.decode()


def test_its_own_json_stays_as_it_is() -> None:
    url, said = told_by("json")
    assert (url, said["type"]) == ("https://hook.example/x", "test")
    assert "title" not in said


def test_the_topic_of_ntfy_is_the_last_part_of_its_address() -> None:
    url, said = told_by("ntfy", "https://example.org/push/my_topic-1")
    assert (url, said["topic"]) == ("https://example.org/push/", "my_topic-1")


def test_every_type_has_its_words() -> None:
    assert set(KINDS) == {*EVENT_TYPES, TEST}
    source = {"name": "arp", "kind": "scan", "reason": "connection refused"}
    silent = words({"type": "source.silent", "at": NOW, "source": source}, PARIS)
    assert silent[:2] == ("Source arp is silent", f"At {MINUTE}, connection refused")
    login = {
        "type": "login from a new address",
        "at": NOW,
        "user": {"username": "anna"},
        "address": "192.0.2.7",
    }
    assert words(login, PARIS)[:2] == ("anna signed in from a new address", f"At {MINUTE}, 192.0.2.7")
    unnamed = {"type": "New Device", "at": NOW, "device": {"mac": MAC, "name": "", "ip": ""}}
    assert words(unnamed, PARIS)[:2] == (f"{MAC} is new", f"Since {MINUTE}, {MAC}")
    later = {"type": "of a later version", "at": NOW}
    assert words(later, PARIS).title == "of a later version"
    braces = {"type": "New Device", "at": NOW, "device": {"mac": MAC, "name": "{0} {}"}}
    assert words(braces, PARIS).title == "{0} {} is new"


def test_a_devices_name_mentions_nobody_in_a_chat() -> None:
    name = "<!channel> @all & [here](https://evil.example) <https://evil.example|x>"
    _, said = told_by("slack", type="New Device", device={"mac": MAC, "name": name})
    title = said["text"].splitlines()[0]
    assert title == (
        "&lt;!channel&gt; @\u200ball &amp; [here]\u200b(https://evil.example)"
        " &lt;https://evil.example|x&gt; is new"
    )


@pytest.mark.parametrize(
    ("format_", "url"),
    [
        ("ntfy", "https://ntfy.sh/"),
        ("ntfy", "https://ntfy.sh"),
        ("ntfy", "https://ntfy.sh/a%20topic"),
        ("gotify", "https://gotify.example/?token=AxYz"),
        ("home-assistant", "http://8.8.8.8:8123/"),
    ],
)
def test_an_address_of_another_receiver_is_refused(clients: Clients, format_: str, url: str) -> None:
    with pytest.raises(InvalidInput):
        check_format(format_, url)
    url = url.replace("ntfy.sh", "8.8.8.8").replace("gotify.example", "8.8.8.8")
    body = {"name": "hook", "url": url, "format": format_}
    assert set(refused(clients.admin.post("/webhooks", body), 400)["errors"]) == {"url"}
    added = clients.admin.ok("POST", "/webhooks", {**body, "format": "json"})
    path = f"/webhooks/{added['id']}"
    assert set(refused(clients.admin.call("PATCH", path, {"format": format_}), 400)["errors"]) == {"url"}
    assert clients.admin.ok("PATCH", path, {"format": "slack"})["webhook"]["format"] == "slack"
    assert clients.admin.ok("PATCH", path, {"format": None})["webhook"]["format"] == "json"


def test_a_format_that_there_is_not_is_refused(clients: Clients) -> None:
    body = {"name": "hook", "url": "https://8.8.8.8/", "format": "smoke"}
    assert set(refused(clients.admin.post("/webhooks", body), 400)["errors"]) == {"format"}
