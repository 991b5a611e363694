"""Quiet hours: what is to be told in them waits for their end, in site time; tests do not wait."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.senders.signatures import new_secret
from sessiontrack.services import announcing, deliveries, webhooks
from sessiontrack.values.quiet_hours import format_time, parse_time
from sessiontrack.values.timestamps import SiteTime
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.receiver import Receiver
from tests.support.refusals import refused

HOUR = 3600
URL = "https://8.8.8.8/hook"
PARIS = SiteTime("Europe/Paris")  # NOW is 14:00 there


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def clients(make_clients: Callable[..., Clients], clock: time_machine.Traveller) -> Clients:
    """Their clock stands."""
    return make_clients(WEBHOOK_ALLOW="127.0.0.1", TIMEZONE="Europe/Paris")


def see(clients: Clients, mac: str) -> None:
    clients.operator.ok("POST", "/presence/events", {"source": "ap", "mac": mac, "event": "connected"})


def test_what_happens_in_quiet_hours_is_told_at_their_end_in_order(
    clients: Clients, clock: time_machine.Traveller, hook: Receiver
) -> None:
    body = {"name": "hook", "url": hook.url, "quiet_from": "13:30", "quiet_to": "15:30"}
    added = clients.admin.ok("POST", "/webhooks", body)
    worker = Dispatcher(clients.app)
    see(clients, "AA:BB:CC:00:00:01")
    worker.look()
    assert hook.received == []
    clock.shift(HOUR)
    see(clients, "AA:BB:CC:00:00:02")
    worker.look()
    assert hook.received == []
    clients.admin.ok("POST", f"/webhooks/{added['id']}/test")
    worker.look()
    assert [each.json["type"] for each in hook.received] == ["test"]
    clock.shift(HOUR // 2 - 1)
    worker.look()
    assert len(hook.received) == 1
    clock.shift(1)
    worker.look()
    told = [(each.json["type"], each.json["at"]) for each in hook.received[1:]]
    assert told == [("New Device", NOW), ("New Device", NOW + HOUR)]
    assert clients.admin.ok("GET", "/webhooks")[0]["pending"] == 0


def test_one_receivers_quiet_hours_are_its_own_and_end_when_they_are_cleared(
    clients: Clients, hook: Receiver
) -> None:
    quiet = {"name": "quiet", "url": hook.url, "quiet_from": "13:00", "quiet_to": "15:00"}
    added = clients.admin.ok("POST", "/webhooks", quiet)
    clients.admin.ok("POST", "/webhooks", {"name": "other", "url": hook.url})
    worker = Dispatcher(clients.app)
    see(clients, "AA:BB:CC:00:00:01")
    worker.look()
    assert len(hook.received) == 1
    path = f"/webhooks/{added['id']}"
    changed = clients.admin.ok("PATCH", path, {"quiet_from": None, "quiet_to": None})["webhook"]
    assert (changed["quiet_from"], changed["quiet_to"]) == (None, None)
    worker.look()
    assert len(hook.received) == 2


@pytest.mark.parametrize(
    ("begin", "end", "is_quiet"),
    [
        ("14:00", "14:01", True),
        ("13:00", "14:00", False),
        ("14:01", "14:00", False),
        ("22:00", "14:01", True),
        ("22:00", "07:00", False),
        ("13:59", "00:00", True),
        ("00:00", "23:59", True),
    ],
)
def test_hours_are_those_of_the_site_and_span_midnight(
    clients: Clients, begin: str, end: str, is_quiet: bool
) -> None:
    with clients.app.app_context():
        with write_transaction() as tx:
            webhook_id = webhooks.add_webhook(tx, NOW, "hook", URL, new_secret(), [])
            webhooks.set_quiet_hours(tx, webhook_id, parse_time(begin), parse_time(end))
            announcing.announce_login(tx, NOW, "anna", "192.0.2.7")
        with read_transaction() as tx:
            assert deliveries.is_due(tx, NOW, PARIS) is not is_quiet
        with write_transaction() as tx:
            claim = deliveries.claim_webhook(tx, NOW, PARIS)
            assert (claim is None) is is_quiet


def test_a_claim_from_before_quiet_hours_delivers_nothing_in_them(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        webhook_id = webhooks.add_webhook(tx, NOW, "hook", URL, new_secret(), [])
        webhooks.set_quiet_hours(tx, webhook_id, parse_time("14:01"), parse_time("15:00"))
        announcing.announce_login(tx, NOW, "anna", "192.0.2.7")
        claim = deliveries.claim_webhook(tx, NOW, PARIS)
        assert claim is not None
        assert deliveries.take(tx, NOW + 60, PARIS, claim) is None


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"quiet_from": "22:00"}, "quiet_to"),
        ({"quiet_to": "07:00"}, "quiet_from"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "quiet_to"),
        ({"quiet_from": "24:00", "quiet_to": "07:00"}, "quiet_from"),
        ({"quiet_from": "7:00", "quiet_to": "08:00"}, "quiet_from"),
        ({"quiet_from": 22, "quiet_to": "08:00"}, "quiet_from"),
    ],
)
def test_wrong_hours_are_refused(clients: Clients, fields: dict[str, Any], at_fault: str) -> None:
    body = {"name": "hook", "url": URL}
    assert set(refused(clients.admin.post("/webhooks", {**body, **fields}), 400)["errors"]) == {at_fault}
    assert clients.admin.ok("GET", "/webhooks") == []
    path = f"/webhooks/{clients.admin.ok('POST', '/webhooks', body)['id']}"
    assert set(refused(clients.admin.call("PATCH", path, fields), 400)["errors"]) == {at_fault}


def test_the_command_takes_them(clients: Clients) -> None:
    added = invoke(clients.app.instance_path, "webhook", "add", "hook", URL, "--quiet-hours", "22:00-07:15")
    assert added.exit_code == 0, added.output
    (found,) = clients.admin.ok("GET", "/webhooks")
    assert (found["quiet_from"], found["quiet_to"]) == ("22:00", "07:15")
    wrong = invoke(clients.app.instance_path, "webhook", "add", "other", URL, "--quiet-hours", "22")
    assert wrong.exit_code == 1
    assert "HH:MM" in wrong.stderr
    assert len(clients.admin.ok("GET", "/webhooks")) == 1


@pytest.mark.parametrize("text", ["00:00", "07:05", "23:59"])
def test_a_time_of_day_is_written_as_it_was_read(text: str) -> None:
    assert format_time(parse_time(text)) == text
