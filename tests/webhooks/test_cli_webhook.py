"""`sessiontrack webhook`, and the deliveries of a real server that is killed and started again."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases, receiver
from tests.support.application import Clients
from tests.support.command import Commands, assert_one_line
from tests.support.receiver import Receiver, verify
from tests.support.server import Server
from tests.support.waiting import SECONDS, wait_until

ALLOW = {"WEBHOOK_ALLOW": "127.0.0.0/8"}
URL = "https://93.184.216.34/hook?token=in-the-url"


class Webhooks(Commands):
    def __init__(self, instance: str | Path) -> None:
        super().__init__("webhook", instance)

    def list(self) -> Any:
        return json.loads(self.ok("list", "--json"))

    def deliveries(self, *arguments: str) -> Any:
        return json.loads(self.ok("deliveries", "--json", *arguments))


@pytest.fixture
def cli(clients: Clients) -> Webhooks:
    return Webhooks(clients.app.instance_path)


def test_add_shows_the_secret_this_once_and_lists_hide_it(cli: Webhooks) -> None:
    secret = cli.ok("add", "pager", URL, "--event", "device down").splitlines()[-1]
    assert secret.startswith("whsec_")
    (found,) = cli.list()
    assert (found["name"], found["events"]) == ("pager", ["Device Down"])
    assert found["url"] == "https://93.184.216.34/..."
    # A row is a line, however wide: this is a pipe.
    heading, row = cli.ok("list").splitlines()
    assert [name in heading for name in found] == [True] * len(found)
    assert found["url"] in row
    shown = cli.ok("list") + cli.ok("list", "--json") + cli.ok("deliveries")
    assert secret not in shown
    assert "in-the-url" not in shown


def test_quiet_prints_the_secret_and_nothing_else(cli: Webhooks) -> None:
    shown = cli.ok("add", "--quiet", "pager", URL)
    assert shown.startswith("whsec_")
    assert shown.count("\n") == 1
    assert len(cli.list()[0]["events"]) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "", URL), "1 to 64"),
        (("add", "a\x07", URL), "control character"),
        (("add", "a", "ftp://hook.example/"), "like https://host/path"),
        (("add", "a", "https://user:hunter2@hook.example/"), "without user, password"),
        (
            ("add", "a", "http://127.0.0.1:9/"),
            ": 127.0.0.1 is not a public address, and not in WEBHOOK_ALLOW. To allow it: sessiontrack",
        ),
        (("add", "a", "http://localhost:9/"), "localhost leads to "),
        (("add", "a", "http://2130706433/"), "usual notation"),
        (("test", "nobody"), "no webhook nobody"),
        (("remove", "nobody"), "no webhook nobody"),
        (("retry", "nobody"), "no webhook nobody"),
        (("deliveries", "nobody"), "no webhook nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    cli: Webhooks, arguments: tuple[str, ...], said: str
) -> None:
    result = cli.run(*arguments)
    assert result.exit_code == 1
    assert_one_line(result.stderr, said)
    assert "hunter2" not in result.output
    assert cli.list() == []


def test_an_unknown_event_or_state_names_the_known_ones(cli: Webhooks) -> None:
    for arguments in (("add", "a", URL, "--event", "Device Up"), ("deliveries", "--state", "lost")):
        result = cli.run(*arguments)
        assert result.exit_code == 2
        assert "down reconnected" in result.stderr or "pending" in result.stderr


def test_a_webhook_for_some_devices_names_their_tags(cli: Webhooks) -> None:
    cli.ok("add", "pager", URL, "--tag", "office", "--tag", "Anna")
    assert json.loads(cli.ok("list", "--json"))[0]["tags"] == ["Anna", "office"]
    assert "Anna, office" in cli.ok("list")
    result = cli.run("add", "other", URL, "--tag", "a,b")
    assert_one_line(result.stderr, "no comma")


def test_a_name_is_taken_once(cli: Webhooks) -> None:
    cli.ok("add", "pager", URL)
    result = cli.run("add", "pager", URL)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "pager already")


def test_test_sends_now_and_says_what_came_of_it(cli: Webhooks) -> None:
    with Receiver() as hook:
        secret = cli.ok("add", "--quiet", "pager", hook.url, **ALLOW).strip()
        assert cli.list()[0]["last_delivered_at"] is None
        assert cli.ok("test", "pager", **ALLOW) == "Delivered: answered 204.\n"
        assert cli.list()[0]["last_delivered_at"] is not None
        (received,) = hook.received
        assert verify(received, secret, int(time.time()))
        assert received.json["type"] == "test"
        hook.otherwise = receiver.answer(500)
        result = cli.run("test", "pager", **ALLOW)
        assert result.exit_code == 1
        assert_one_line(result.stderr, "answered 500")
        # What was allowed once and is no more is not connected to.
        result = cli.run("test", "pager")
        assert_one_line(result.stderr, "WEBHOOK_ALLOW")
        assert hook.connections == 2


def test_deliver_list_retry_and_remove(cli: Webhooks, clients: Clients) -> None:
    with Receiver(otherwise=receiver.answer(410)) as hook:
        cli.ok("add", "pager", hook.url, **ALLOW)
        body = {"source": "ap", "mac": "AA:BB:CC:00:00:01", "event": "connected"}
        clients.operator.ok("POST", "/presence/events", body)
        cli.ok("deliver", **ALLOW)
        (dead,) = cli.deliveries("pager", "--state", "dead")
        assert (dead["webhook"], dead["status"], dead["attempts"]) == ("pager", 410, 1)
        assert cli.deliveries("--state", "delivered") == []
        assert cli.list()[0]["dead"] == 1
        assert cli.ok("retry", "pager") == "1 to be tried again.\n"
        hook.otherwise = receiver.answer(200)
        cli.ok("deliver", **ALLOW)
        assert cli.list()[0]["dead"] == 0
        assert cli.deliveries()[0]["state"] == "delivered"
        assert len({each.headers["webhook-id"] for each in hook.received}) == 1
    assert cli.ok("remove", "pager") == "Removed webhook pager.\n"
    assert (cli.list(), cli.deliveries()) == ([], [])
    assert cli.ok("list") == "None.\n"


# --- the real server


def tell(server: Server, token: str, mac: str) -> None:
    body = {"source": "ap", "mac": mac, "event": "connected"}
    assert server.call("POST", "/presence/events", body, token).status == 200


def test_killed_between_claim_and_delivery_it_is_delivered_by_the_next_server(
    template: tuple[Path, dict[str, str]], instance: Path
) -> None:
    token = template[1]["operator"]
    cli = Webhooks(instance)
    with Receiver(otherwise=receiver.hang) as hook:
        secret = cli.ok("add", "--quiet", "pager", hook.url, **ALLOW).strip()
        with Server(instance, **ALLOW) as server:
            tell(server, token, "AA:BB:CC:00:00:01")
            assert hook.hanging.wait(SECONDS)
            workers = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
            server.stop(signal.SIGKILL)
            for worker in workers.split():
                wait_until(lambda worker=worker: not is_alive(int(worker)), f"the end of {worker}")  # type: ignore[misc]
        assert cli.deliveries()[0]["state"] == "pending"
        hook.otherwise = receiver.answer(200)
        # As if the claim's two minutes were over.
        databases.rows(instance, "UPDATE webhook SET claimed_until = claimed_until - 130")
        before = len(hook.received)
        with Server(instance, **ALLOW) as server:
            wait_until(lambda: len(hook.received) > before, "what was not delivered")
            tell(server, token, "AA:BB:CC:00:00:02")
            wait_until(lambda: len(hook.received) > before + 1, "the second delivery")
            wait_until(
                lambda: all(each["state"] == "delivered" for each in cli.deliveries()), "all delivered"
            )
            log = server.output()
    ids = [each.headers["webhook-id"] for each in hook.received]
    assert len(set(ids)) == 2
    assert ids[0] == ids[before]
    assert all(verify(each, secret, int(time.time())) for each in hook.received)
    assert secret not in log
    assert "in-the-url" not in log


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_receiver_that_hangs_does_not_keep_the_server_from_ending(
    template: tuple[Path, dict[str, str]], instance: Path
) -> None:
    with Receiver(otherwise=receiver.hang) as hook:
        Webhooks(instance).ok("add", "pager", hook.url, **ALLOW)
        with Server(instance, workers=1, **ALLOW) as server:
            tell(server, template[1]["operator"], "AA:BB:CC:00:00:01")
            assert hook.hanging.wait(SECONDS)
            assert server.call("GET", "/healthz").status == 200
            assert server.stop() == 0
