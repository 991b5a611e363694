"""Webhooks: what goes into the outbox, who delivers it and when, against a real receiver."""

import importlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from alembic.migration import MigrationContext
from alembic.operations import Operations

from sessiontrack import migrations
from sessiontrack.background import dispatcher
from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.database import Transaction, read_transaction, write_transaction
from sessiontrack.exceptions import Conflict, InvalidInput, NotFound
from sessiontrack.keeping import soundness
from sessiontrack.queries import webhooks as queries
from sessiontrack.senders.messages import SendResult
from sessiontrack.senders.signatures import new_secret
from sessiontrack.services import announcing, deliveries, webhooks
from sessiontrack.services.clock_door import ClockDoor, Floor
from sessiontrack.services.login_addresses import place_of
from sessiontrack.values.timestamps import IN_UTC
from tests.support import receiver
from tests.support.application import NOW, PASSWORD, Clients
from tests.support.command import invoke
from tests.support.receiver import Receiver, verify

MAC, OTHER = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"
MINUTE, HOUR, DAY = 60, 3600, 86_400
SECRET = new_secret()


class Hooks:
    """An application that knows a receiver; its clock stands at `clock`."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller, hook: Receiver) -> None:
        self.clients, self.clock, self.hook = clients, clock, hook
        self.dispatcher = Dispatcher(clients.app)

    def add(self, *types: str, name: str = "hook", url: str = "") -> int:
        with self.clients.app.app_context(), write_transaction() as tx:
            return webhooks.add_webhook(tx, NOW, name, url or self.hook.url, SECRET, types)

    def wait(self, seconds: int) -> None:
        self.clock.shift(seconds)

    def deliver(self) -> list[Any]:
        """What arrives when a worker looks once."""
        before = len(self.hook.received)
        self.dispatcher.look()
        return [each.json for each in self.hook.received[before:]]

    def types(self) -> list[str]:
        return [each["type"] for each in self.deliver()]

    def told(self) -> list[dict[str, Any]]:
        """The outbox, oldest first."""
        with self.clients.app.app_context(), read_transaction() as tx:
            return list(queries.list_deliveries(tx, 1000, 0))[::-1]

    def only(self) -> dict[str, Any]:
        (one,) = self.told()
        return one

    def webhook(self) -> dict[str, Any]:
        with self.clients.app.app_context(), read_transaction() as tx:
            (one,) = queries.list_webhooks(tx)
        return one

    def scan(self, *macs: str, **more: Any) -> None:
        body = {"source": "arp", "devices": [{"mac": mac, "ip": "192.168.1.9"} for mac in macs], **more}
        self.clients.operator.ok("POST", "/presence/scans", body)

    def event(self, kind: str, mac: str = MAC, **more: Any) -> None:
        body = {"source": "ap", "mac": mac, "event": kind, "ip": "192.168.1.9", **more}
        self.clients.operator.ok("POST", "/presence/events", body)

    def new_device(self, mac: str = MAC) -> None:
        self.event("connected", mac)

    def alert_down(self, mac: str = MAC) -> None:
        self.new_device(mac)
        self.clients.operator.ok("PATCH", f"/devices/{mac}", {"alert_down": True, "name": "Printer"})

    def log_in(self, address: str, username: str = "viewer") -> None:
        body = {"username": username, "password": PASSWORD}
        self.clients.nobody.ok("POST", "/auth/login", body, environ_base={"REMOTE_ADDR": address})


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def hooks(
    make_clients: Callable[..., Clients], clock: time_machine.Traveller, hook: Receiver
) -> Iterator[Hooks]:
    made = Hooks(make_clients(WEBHOOK_ALLOW="127.0.0.0/8"), clock, hook)
    yield made
    with made.clients.app.app_context():
        assert [each for each in soundness.examine() if each.count] == []


# --- what is told


def test_a_new_device_is_told_with_what_is_known_of_it(hooks: Hooks) -> None:
    hooks.add()
    hooks.scan(MAC)
    (told,) = hooks.deliver()
    device = {"mac": MAC, "name": "", "owner": "", "vendor": "", "ip": "192.168.1.9"}
    time = "2025-08-15T12:00:00+00:00"
    assert told == {**told, "type": "New Device", "at": NOW, "time": time, "device": device}
    (received,) = hooks.hook.received
    assert received.headers["webhook-id"] == told["id"] == hooks.only()["id"]
    assert verify(received, SECRET, NOW)
    assert hooks.deliver() == []


def test_down_and_back_are_told_of_devices_that_are_to_be_watched(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected")
    hooks.alert_down()
    hooks.new_device(OTHER)
    hooks.wait(MINUTE)
    hooks.event("disconnected")
    hooks.event("disconnected", OTHER)
    (down,) = hooks.deliver()
    assert (down["type"], down["at"], down["device"]["name"]) == ("Device Down", NOW + MINUTE, "Printer")
    hooks.wait(MINUTE)
    hooks.event("connected")
    hooks.event("connected", OTHER)
    assert hooks.types() == ["Down Reconnected"]


def test_a_device_that_is_missing_is_told_to_be_back_once_its_alert_is_on(hooks: Hooks) -> None:
    """However long ago it left."""
    hooks.add("Down Reconnected")
    hooks.new_device()
    hooks.event("disconnected")
    hooks.wait(9 * DAY)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True})
    assert hooks.types() == []
    hooks.event("connected")
    assert hooks.types() == ["Down Reconnected"]


def test_an_alert_that_is_switched_on_tells_nothing_of_what_was_before(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected")
    for kind in ("connected", "disconnected", "connected", "disconnected"):
        hooks.event(kind)
        hooks.wait(10 * MINUTE)
    for is_on in (True, False, True):
        hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": is_on, "name": "Printer"})
    assert hooks.types() == []
    hooks.event("connected")
    assert hooks.types() == ["Down Reconnected"]


def test_a_return_that_was_known_is_no_news_where_an_earlier_session_makes_it_one(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected")
    hooks.event("connected")
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True})
    hooks.wait(10 * MINUTE)
    ends = {
        "start_time": IN_UTC.format_offset(NOW - 20 * HOUR),
        "end_time": IN_UTC.format_offset(NOW - 17 * HOUR),
    }
    earlier = {"mac": MAC, "ip": "192.168.1.9", **ends}
    hooks.clients.operator.ok("POST", "/sessions/create", earlier)
    events = hooks.clients.operator.ok("GET", "/sessions/session-events?type=all&period=1%20day")["events"]
    assert "Down Reconnected" in {each["type"] for each in events}
    assert hooks.types() == []


def test_a_shorter_grace_time_set_with_the_alert_tells_that_the_device_is_gone(hooks: Hooks) -> None:
    hooks.add("Device Down")
    hooks.scan(MAC, OTHER)
    for _ in range(2):
        hooks.wait(2 * MINUTE)
        hooks.scan(OTHER)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True, "grace": "1 minute"})
    assert hooks.types() == ["Device Down"]


def test_a_disconnection_found_out_long_after_the_last_sighting_is_news(hooks: Hooks) -> None:
    """It is dated then; a device with a long grace time would else never be told to be down."""
    hooks.add("Device Down")
    hooks.scan(MAC, OTHER)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True, "grace": "3 days"})
    for _ in range(4):
        hooks.wait(DAY)
        hooks.scan(OTHER)
    (down,) = hooks.deliver()
    assert (down["type"], down["at"]) == ("Device Down", NOW)


def test_a_shorter_grace_time_that_finds_a_device_gone_is_told(hooks: Hooks) -> None:
    hooks.add("Device Down")
    hooks.scan(MAC, OTHER)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True})
    for _ in range(2):
        hooks.wait(2 * MINUTE)
        hooks.scan(OTHER)
    assert hooks.types() == []
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"grace": "1 minute"})
    assert hooks.types() == ["Device Down"]


def test_what_is_told_through_sessions_create_is_passed_on_once(hooks: Hooks) -> None:
    hooks.add("New Device", "Device Down")
    body = {"mac": MAC, "ip": "192.168.1.9", "start_time": "2025-08-15T11:00:00Z"}
    hooks.clients.operator.ok("POST", "/sessions/create", body)
    assert hooks.types() == ["New Device"]
    body |= {"end_time": "2025-08-15T12:00:00Z", "event_type_disc": "Device Down"}
    hooks.clients.operator.ok("POST", "/sessions/create", body)
    hooks.clients.operator.ok("POST", "/sessions/create", body)
    assert hooks.types() == ["Device Down"]


def test_a_session_told_under_a_merged_address_is_the_devices(hooks: Hooks) -> None:
    hooks.new_device(MAC)
    hooks.new_device(OTHER)
    hooks.clients.operator.ok("POST", f"/devices/{MAC}/merge", {"mac": OTHER})
    hooks.event("disconnected", MAC)
    hooks.add("Device Down")
    end = {"end_time": "2025-08-15T12:01:40Z", "event_type_disc": "Device Down"}
    body = {"mac": OTHER, "ip": "192.168.1.9", "start_time": "2025-08-15T12:00:50Z", **end}
    hooks.clients.operator.ok("POST", "/sessions/create", body)
    assert [each["device"]["mac"] for each in hooks.deliver()] == [MAC]


def test_a_conflict_tells_nothing(hooks: Hooks) -> None:
    body = {
        "mac": MAC,
        "ip": "192.168.1.9",
        "start_time": "2025-08-15T11:00:00Z",
        "end_time": "2025-08-15T12:00:00Z",
    }
    hooks.clients.operator.ok("POST", "/sessions/create", body)
    hooks.add()
    overlapping = {**body, "start_time": "2025-08-15T11:59:00Z", "event_type_conn": "Down Reconnected"}
    assert hooks.clients.operator.post("/sessions/create", overlapping).status_code == 409
    assert hooks.told() == []


def test_only_those_who_asked_for_it_are_told(hooks: Hooks, hook: Receiver) -> None:
    hooks.add("Device Down", name="down")
    hooks.add("New Device", "flapping", name="new", url=f"{hook.url}&new")
    hooks.scan(MAC)
    hooks.deliver()
    assert [each.path for each in hook.received] == ["/hook?key=in-the-url&new"]


def test_a_webhook_with_tags_is_told_only_of_devices_that_have_one(hooks: Hooks, hook: Receiver) -> None:
    clients = hooks.clients
    for mac, tags in ((MAC, ["Printer", "office"]), (OTHER, ["home"])):
        hooks.alert_down(mac)
        clients.operator.ok("PATCH", f"/devices/{mac}", {"tags": tags})
    body = {"name": "hook", "url": hook.url, "tags": ["printer", "tv"]}
    webhook_id = clients.admin.ok("POST", "/webhooks", body)["id"]
    for mac in (MAC, OTHER):
        hooks.event("disconnected", mac)
    assert [(each["type"], each["device"]["mac"]) for each in hooks.deliver()] == [("Device Down", MAC)]
    # What is about no device is told whatever the tags.
    hooks.log_in("192.0.2.7")
    hooks.log_in("192.0.2.8")
    assert set(hooks.types()) == {"login from a new address"}
    clients.admin.ok("PATCH", f"/webhooks/{webhook_id}", {"tags": []})
    hooks.wait(1)
    for mac in (MAC, OTHER):
        hooks.event("connected", mac)
    assert sorted(each["device"]["mac"] for each in hooks.deliver()) == [MAC, OTHER]


def test_one_return_is_told_once_though_a_lease_file_of_before_is_read_after_it(hooks: Hooks) -> None:
    """`scan watch` speaks of now, and `scan dnsmasq` of when the file was last written."""
    hooks.add("Device Down", "Down Reconnected")
    hooks.scan(MAC, OTHER)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True})
    for _ in range(12):
        hooks.wait(MINUTE)
        hooks.scan(OTHER)
    hooks.wait(MINUTE)
    hooks.scan(MAC, OTHER)
    assert hooks.types() == ["Device Down", "Down Reconnected"]
    hooks.scan(MAC, OTHER, at=NOW + 13 * MINUTE - 20)
    assert hooks.types() == []


def test_one_departure_is_told_once_though_another_report_dates_it_earlier(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected")
    hooks.alert_down()
    hooks.wait(MINUTE)
    hooks.event("disconnected", at=NOW + MINUTE)
    assert hooks.types() == ["Device Down"]
    hooks.event("disconnected", at=NOW + 50)
    hooks.wait(MINUTE)
    hooks.event("connected")
    assert hooks.types() == ["Down Reconnected"]


def test_history_that_arrives_late_is_no_news(hooks: Hooks) -> None:
    hooks.add()
    hooks.scan(MAC, at=NOW - DAY - 1)
    hooks.scan(OTHER, at=NOW - DAY)
    assert [each["device"]["mac"] for each in hooks.deliver()] == [OTHER]


def test_an_import_and_a_merge_are_no_news(hooks: Hooks, tmp_path: Path) -> None:
    hooks.new_device(MAC)
    hooks.new_device(OTHER)
    hooks.add()
    hooks.clients.operator.ok("POST", f"/devices/{MAC}/merge", {"mac": OTHER})
    file = tmp_path / "events.csv"
    file.write_text("mac,at,type\nAA:BB:CC:00:00:09,2025-08-15T11:00:00Z,Device Down\n")
    result = invoke(hooks.clients.app.instance_path, "import", "csv", "events", str(file))
    assert result.exit_code == 0, result.output
    assert hooks.told() == []


def test_without_webhooks_nothing_is_kept(hooks: Hooks) -> None:
    hooks.alert_down()
    hooks.event("disconnected", at=NOW + 1)
    hooks.log_in("192.0.2.1")
    assert hooks.told() == []
    hooks.add()
    assert hooks.deliver() == []


def test_what_is_rolled_back_is_not_told(hooks: Hooks) -> None:
    hooks.add()

    def fail() -> None:
        with hooks.clients.app.app_context(), write_transaction() as tx:
            announcing.announce_login(tx, NOW, "viewer", "192.0.2.1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert hooks.told() == []


# --- flapping


def flap(hooks: Hooks, times: int) -> None:
    for _ in range(times):
        hooks.wait(20)
        hooks.event("disconnected")
        hooks.wait(20)
        hooks.event("connected")


def test_of_a_flapping_device_one_message_comes_and_then_silence(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected", "flapping")
    hooks.alert_down()
    flap(hooks, 9)
    assert hooks.types() == ["Device Down", "Down Reconnected"] * 9
    flap(hooks, 1)
    # The eleventh connection in the hour.
    assert hooks.types() == ["Device Down", "flapping"]
    flap(hooks, 20)
    assert hooks.types() == []


def test_when_it_stops_its_last_state_is_told_and_then_all_is_as_before(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected", "flapping")
    hooks.alert_down()
    flap(hooks, 15)
    hooks.wait(20)
    hooks.event("disconnected")
    went_down_at = NOW + 15 * 40 + 20
    hooks.deliver()
    hooks.wait(HOUR)
    (rested,) = hooks.deliver()
    assert (rested["type"], rested["at"]) == ("Device Down", went_down_at)
    assert hooks.deliver() == []
    hooks.event("connected")
    assert hooks.types() == ["Down Reconnected"]


def test_a_device_that_flapped_without_being_watched_has_no_state_to_tell(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected", "flapping")
    hooks.new_device()
    flap(hooks, 12)
    assert hooks.types() == ["flapping"]
    hooks.wait(HOUR)
    assert hooks.types() == []


def test_a_device_that_cannot_flap_is_told_of_each_time(hooks: Hooks) -> None:
    hooks.add("Device Down", "Down Reconnected", "flapping")
    hooks.alert_down()
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"can_flap": False})
    flap(hooks, 12)
    assert hooks.types() == ["Device Down", "Down Reconnected"] * 12


def test_a_device_told_by_a_merged_address_flaps_as_itself(hooks: Hooks) -> None:
    hooks.new_device(MAC)
    hooks.new_device(OTHER)
    hooks.event("disconnected")
    hooks.clients.operator.ok("POST", f"/devices/{MAC}/merge", {"mac": OTHER})
    hooks.event("disconnected", OTHER)
    hooks.add("flapping")
    for minute in range(10, 22):
        times = {"start_time": f"2025-08-15T12:{minute}:00Z", "end_time": f"2025-08-15T12:{minute}:30Z"}
        hooks.clock.move_to(NOW + minute * MINUTE + 30)
        hooks.clients.operator.ok("POST", "/sessions/create", {"mac": OTHER, "ip": "192.168.1.9", **times})
    assert [each["device"]["mac"] for each in hooks.deliver()] == [MAC]


def test_another_device_is_heard_while_one_flaps(hooks: Hooks) -> None:
    hooks.add("Device Down", "flapping")
    hooks.alert_down()
    hooks.alert_down(OTHER)
    flap(hooks, 12)
    hooks.deliver()
    hooks.event("disconnected", OTHER)
    assert [each["device"]["mac"] for each in hooks.deliver()] == [OTHER]


# --- logins


def test_the_first_login_from_another_address_is_told_once(hooks: Hooks) -> None:
    hooks.add()
    hooks.log_in("192.0.2.1")
    hooks.log_in("192.0.2.1")
    assert hooks.deliver() == []
    hooks.log_in("192.0.2.2")
    (told,) = hooks.deliver()
    assert told["type"] == "login from a new address"
    assert (told["user"], told["address"]) == ({"username": "viewer"}, "192.0.2.2")
    for address in ("192.0.2.1", "192.0.2.2"):
        hooks.log_in(address)
    hooks.log_in("192.0.2.2", "operator")
    assert hooks.deliver() == []


def test_what_is_told_by_a_clock_that_cannot_be_right_is_sent_by_one_that_can(
    hooks: Hooks, clock: time_machine.Traveller
) -> None:
    """No receiver takes what is signed in 1970; and by then nothing is too old."""
    hooks.add()
    hooks.log_in("192.0.2.1")
    hooks.clock.move_to(HOUR)
    with hooks.clients.app.app_context():
        door = ClockDoor(Floor(NOW, 0), HOUR, HOUR, uptime=lambda: 0.0, confirms=lambda now: False)
        assert door.problem(HOUR) is not None
    hooks.clients.app.extensions["sessiontrack.clock_door"] = door
    hooks.log_in("192.0.2.2")
    assert hooks.deliver() == []
    hooks.clock.move_to(NOW + MINUTE)
    # This worker looks for the first time.
    hooks.dispatcher = Dispatcher(hooks.clients.app)
    assert hooks.types() == ["login from a new address"]
    assert hooks.only()["state"] == "delivered"


def test_an_address_not_used_for_a_year_is_new_again(hooks: Hooks) -> None:
    hooks.add()
    hooks.log_in("192.0.2.1")
    hooks.wait(367 * DAY)
    hooks.log_in("192.0.2.2")
    assert hooks.deliver() == []  # nothing is known of it any more: the first of all
    hooks.log_in("192.0.2.1")
    assert hooks.types() == ["login from a new address"]


def test_a_failed_login_is_not_told(hooks: Hooks) -> None:
    hooks.add()
    hooks.log_in("192.0.2.1")
    body = {"username": "viewer", "password": "wrong"}
    environ = {"REMOTE_ADDR": "192.0.2.2"}
    assert hooks.clients.nobody.post("/auth/login", body, environ_base=environ).status_code == 401
    assert hooks.deliver() == []


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", ""),
    ],
)
def test_an_ipv6_host_is_known_by_its_network(address: str, place: str) -> None:
    assert place_of(address) == place


def test_one_of_many_logins_at_once_from_a_new_address_is_told(hooks: Hooks) -> None:
    hooks.add()
    hooks.log_in("192.0.2.1")
    threads = [threading.Thread(target=hooks.log_in, args=("192.0.2.2",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hooks.deliver()) == 1


# --- receivers that fail, hang and come back


def test_what_fails_is_tried_again_later_each_time_and_arrives_as_the_same(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.script = [receiver.answer(500), receiver.drop, receiver.nonsense, receiver.answer(302)]
    hooks.scan(MAC)
    waits = []
    for attempts in range(1, 5):
        assert len(hooks.deliver()) == 1
        found = hooks.only()
        assert (found["state"], found["attempts"]) == ("pending", attempts)
        assert hooks.deliver() == []  # not before it is due
        waits.append(found["next_at"] - (NOW + sum(waits)))
        hooks.wait(waits[-1])
    assert all(5 << n <= wait <= 10 << n for n, wait in enumerate(waits)), waits
    hooks.deliver()
    assert (hooks.only()["state"], hooks.only()["attempts"]) == ("delivered", 5)
    assert len({each.headers["webhook-id"] for each in hooks.hook.received}) == 1
    assert len({each.body for each in hooks.hook.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in hooks.hook.received}) == 5
    assert all(verify(each, SECRET, int(each.headers["webhook-timestamp"])) for each in hooks.hook.received)
    assert hooks.webhook()["failures"] == 0


def test_retry_after_is_honoured(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.script = [receiver.answer(429, Retry_After="900")]
    hooks.scan(MAC)
    hooks.deliver()
    hooks.scan(OTHER)
    hooks.wait(899)
    assert hooks.deliver() == []
    hooks.wait(1)
    assert len(hooks.deliver()) == 2


def test_what_is_never_taken_is_dead_and_can_be_tried_anew(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    webhook_id = hooks.add()
    hooks.hook.otherwise = receiver.answer(400)
    hooks.scan(MAC)
    for _ in range(deliveries.MOST_ATTEMPTS):
        hooks.deliver()
        hooks.wait(deliveries.LONGEST_WAIT)
    assert hooks.deliver() == []
    found = hooks.only()
    assert (found["state"], found["attempts"], found["status"]) == ("dead", 16, 400)
    assert found["error"] == "answered 400"
    assert "dead after 16 attempts: answered 400" in caplog.text
    assert "in-the-url" not in caplog.text
    assert SECRET not in caplog.text
    with hooks.clients.app.app_context(), write_transaction() as tx:
        assert queries.count_dead(tx) == 1
        assert deliveries.retry_dead(tx, NOW, webhook_id) == 1
        assert queries.count_dead(tx) == 0
    hooks.hook.otherwise = receiver.answer(200)
    assert len(hooks.deliver()) == 1
    assert hooks.only()["state"] == "delivered"


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.script = [receiver.answer(410)]
    hooks.scan(MAC)
    hooks.deliver()
    assert (hooks.only()["state"], hooks.only()["attempts"]) == ("dead", 1)


def test_a_receiver_in_trouble_is_asked_once_however_much_waits_for_it(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.otherwise = receiver.answer(503)
    hooks.scan(*(f"AA:BB:CC:00:01:{n:02X}" for n in range(40)))
    assert len(hooks.deliver()) == 1
    asked = 1
    for _ in range(30):
        hooks.wait(MINUTE)
        asked += len(hooks.deliver())
    assert asked < 20
    hooks.hook.otherwise = receiver.answer(200)
    hooks.wait(HOUR)
    hooks.deliver()
    assert {each["state"] for each in hooks.told()} == {"delivered"}


def test_one_that_is_not_taken_does_not_hold_up_the_others(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.script = [receiver.answer(422)]
    hooks.scan(MAC)
    hooks.scan(MAC, OTHER)
    assert len(hooks.deliver()) == 2
    assert [each["state"] for each in hooks.told()] == ["pending", "delivered"]


def test_a_receiver_that_is_away_does_not_hold_up_another(hooks: Hooks) -> None:
    with Receiver("127.0.0.2") as away:
        url = away.url
    hooks.add(name="away", url=url)
    hooks.add(name="here")
    hooks.scan(MAC)
    assert len(hooks.deliver()) == 1


def test_a_target_that_is_not_allowed_any_more_is_not_connected_to(
    make_clients: Callable[..., Clients], clock: time_machine.Traveller, hook: Receiver
) -> None:
    hooks = Hooks(make_clients(), clock, hook)
    hooks.add()
    hooks.scan(MAC)
    assert hooks.deliver() == []
    assert "WEBHOOK_ALLOW" in hooks.only()["error"]
    assert hook.connections == 0


def test_what_waits_for_days_is_given_up_and_what_is_over_forgotten(hooks: Hooks) -> None:
    hooks.add()
    hooks.hook.otherwise = receiver.answer(503, Retry_After="86400")
    hooks.scan(MAC)
    for _ in range(4):
        hooks.deliver()
        hooks.wait(DAY + 1)
    hooks.deliver()
    assert hooks.only()["state"] == "dead"
    assert hooks.only()["error"] == "answered 503"
    hooks.hook.otherwise = receiver.answer(200)
    hooks.wait(DAY + 1)
    hooks.scan(MAC, OTHER)
    hooks.deliver()
    hooks.wait(DAY + 1)
    hooks.deliver()
    assert [each["state"] for each in hooks.told()] == ["dead"]
    hooks.wait(14 * DAY)
    hooks.deliver()
    assert hooks.told() == []


def test_what_there_is_no_room_for_is_counted(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "MOST_PENDING", 3)
    hooks.add()
    hooks.scan(*(f"AA:BB:CC:00:01:{n:02X}" for n in range(5)))
    hooks.scan(MAC)
    found = hooks.webhook()
    assert (found["pending"], found["dropped"]) == (3, 3)


@pytest.mark.parametrize("jump", [-10 * 365 * DAY, -2 * DAY, 10 * 365 * DAY])
def test_a_clock_that_jumps_stops_nothing(hooks: Hooks, jump: int) -> None:
    hooks.add()
    hooks.hook.script = [receiver.answer(503)]
    hooks.scan(MAC)
    hooks.deliver()
    hooks.wait(jump)
    hooks.deliver()
    state = hooks.only()["state"]
    # After ten years it has waited for too long.
    assert state == ("dead" if jump > 0 else "delivered")


# --- many workers


@pytest.mark.long
def test_of_many_workers_one_delivers_each(hooks: Hooks) -> None:
    for number in range(4):
        hooks.add(name=f"hook {number}")
    hooks.scan(*(f"AA:BB:CC:00:01:{n:02X}" for n in range(60)))
    workers = [Dispatcher(hooks.clients.app) for _ in range(6)]
    threads = [threading.Thread(target=worker.look) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hooks.deliver()
    ids = [each.headers["webhook-id"] for each in hooks.hook.received]
    assert len(ids) == len(set(ids)) == 240


def test_what_a_killed_worker_held_is_delivered_by_the_next_one(hooks: Hooks) -> None:
    hooks.add()
    hooks.scan(MAC)
    app = hooks.clients.app
    with app.app_context():
        with write_transaction() as tx:
            claim = deliveries.claim_webhook(tx, NOW, IN_UTC)
            assert claim is not None
            attempt = deliveries.take(tx, NOW, IN_UTC, claim)
            assert attempt is not None
        # It is killed here. Until its claim is over, nobody else begins.
        assert hooks.deliver() == []
        hooks.wait(deliveries.CLAIM_SECONDS)
        (told,) = hooks.deliver()
        assert told["id"] == attempt.message.delivery_id
        # Had it only been slow: what it says now changes nothing any more.
        with write_transaction() as tx:
            assert deliveries.take(tx, NOW + 200, IN_UTC, claim) is None
            deliveries.record(tx, NOW + 200, attempt, SendResult(500, "answered 500"))
    assert (hooks.only()["state"], hooks.only()["attempts"]) == ("delivered", 2)


def test_a_worker_that_waited_to_write_takes_no_receiver_of_one_that_asked_later(hooks: Hooks) -> None:
    hooks.add()
    hooks.scan(MAC)
    with hooks.clients.app.app_context(), write_transaction() as tx:
        assert deliveries.claim_webhook(tx, NOW + 5, IN_UTC) is not None
        assert deliveries.claim_webhook(tx, NOW, IN_UTC) is None


def test_a_worker_that_stops_leaves_the_rest_to_others(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks.add()
    monkeypatch.setattr(dispatcher, "MOST_AT_ONCE", 2)
    hooks.scan(*(f"AA:BB:CC:00:01:{n:02X}" for n in range(5)))
    hooks.hook.otherwise = lambda handler: (hooks.dispatcher.stop(0), receiver.answer(200)(handler))[1]
    assert len(hooks.deliver()) == 1
    assert len(Hooks(hooks.clients, hooks.clock, hooks.hook).deliver()) == 4


# --- the webhooks themselves


def test_a_webhook_is_added_found_and_removed_with_its_outbox(tx: Transaction) -> None:
    first = webhooks.add_webhook(tx, NOW, "first", "https://hook.example/a/b", SECRET, ["flapping"])
    webhooks.add_webhook(tx, NOW, "second", "https://hook.example/", SECRET, [])
    assert [each["events"] for each in queries.list_webhooks(tx)] == [
        ["flapping"],
        sorted(webhooks.EVENT_TYPES),
    ]
    announcing.announce_login(tx, NOW, "viewer", "192.0.2.1")
    assert queries.count_deliveries(tx) == 1
    assert webhooks.get_webhook_id(tx, "first") == first
    webhooks.remove_webhook(tx, webhooks.get_webhook_id(tx, "second"))
    assert queries.count_deliveries(tx) == 0
    with pytest.raises(NotFound):
        webhooks.get_webhook_id(tx, "second")
    with pytest.raises(NotFound):
        webhooks.remove_webhook(tx, 99)
    with pytest.raises(NotFound):
        webhooks.get_receiver(tx, 99)


def test_a_name_is_used_once_and_there_is_an_end_to_them(
    tx: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks.add_webhook(tx, NOW, "a", "https://hook.example/", SECRET, [])
    with pytest.raises(Conflict, match="a webhook a already"):
        webhooks.add_webhook(tx, NOW, "a", "https://hook.example/", SECRET, [])
    monkeypatch.setattr(webhooks, "MOST_WEBHOOKS", 1)
    with pytest.raises(Conflict, match="1 webhooks already"):
        webhooks.add_webhook(tx, NOW, "b", "https://hook.example/", SECRET, [])
    with pytest.raises(InvalidInput, match="Device Up"):
        webhooks.add_webhook(tx, NOW, "c", "https://hook.example/", SECRET, ["Device Up"])


def test_no_list_has_a_secret_or_the_path_of_a_url(hooks: Hooks) -> None:
    hooks.add()
    hooks.scan(MAC)
    hooks.deliver()
    shown = json.dumps([hooks.webhook(), hooks.told()])
    assert SECRET not in shown
    assert SECRET.removeprefix("whsec_") not in shown
    assert "in-the-url" not in shown
    assert f"http://127.0.0.1:{hooks.hook.server_port}/..." in shown


def test_the_upgrade_knows_where_logins_came_from(tmp_path: Path) -> None:
    """So that nobody's usual address is taken for a new one."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    versions = "sessiontrack.migrations.versions"
    # Those up to the one that is tested.
    scripts = [
        importlib.import_module(f"{versions}.{path.stem}")
        for path in sorted(Path(migrations.__file__).parent.glob("versions/0*.py"))
        if path.stem <= "0008_webhooks"
    ]
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for script in scripts[:-1]:
            script.upgrade()
        connection.exec_driver_sql(
            'INSERT INTO "user" (id, username, password_hash, role, created_at)'
            " VALUES (1, 'a', 'x', 'admin', 0)"
        )
        for number, address in enumerate(("192.0.2.1", "192.0.2.1", "2001:db8::5", "unix")):
            connection.exec_driver_sql(
                "INSERT INTO login (id, user_id, address, created_at, expires_at) VALUES (?, 1, ?, ?, 99)",
                (str(number), address, number),
            )
        scripts[-1].upgrade()
        found = connection.exec_driver_sql("SELECT * FROM login_address ORDER BY first_at").fetchall()
    engine.dispose()
    assert found == [(1, "192.0.2.1", 0, 1), (1, "2001:db8::/64", 2, 2)]
