"""Receivers are told of sources that are silent, and of those that are back."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from alembic.migration import MigrationContext
from alembic.operations import Operations

from sessiontrack.background import dispatcher
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.queries.sources import SHORTEST_SILENCE, list_sources
from sessiontrack.services import sources
from sessiontrack.services.clock_door import ClockDoor, Floor
from sessiontrack.values.webhook_events import SOURCE_BACK, SOURCE_SILENT
from tests.support.application import NOW, Clients
from tests.support.receiver import Receiver
from tests.webhooks.test_webhooks import MAC, Hooks

QUARTER = SHORTEST_SILENCE


class Pace:
    """The clock that never jumps, of the worker that delivers."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Pace:
    made = Pace()
    monkeypatch.setattr(dispatcher, "time", made)
    return made


@pytest.fixture
def hooks(make_clients: Callable[..., Clients], clock: time_machine.Traveller, pace: Pace) -> Iterator[Hooks]:
    with Receiver() as hook:
        made = Hooks(make_clients(WEBHOOK_ALLOW="127.0.0.0/8"), clock, hook)
        made.add(SOURCE_SILENT, SOURCE_BACK)
        yield made


def passes(hooks: Hooks, pace: Pace, seconds: int) -> list[Any]:
    """What arrives when so much time has passed, for both clocks."""
    hooks.wait(seconds)
    pace.seconds += seconds
    return hooks.deliver()


def test_a_silence_is_told_once_and_its_end(hooks: Hooks, pace: Pace) -> None:
    hooks.scan(MAC)
    assert passes(hooks, pace, 60) == []
    (told,) = passes(hooks, pace, QUARTER)
    source = {"name": "arp", "kind": "scan", "last_look": NOW, "failing_since": None, "reason": ""}
    assert told == {**told, "type": "source.silent", "at": NOW + 60 + QUARTER, "source": source}
    assert passes(hooks, pace, 60) == passes(hooks, pace, QUARTER) == []
    hooks.scan(MAC)
    (back,) = passes(hooks, pace, 60)
    assert (back["type"], back["source"]["name"]) == ("source.back", "arp")
    assert passes(hooks, pace, 60) == []
    assert [each["type"] for each in passes(hooks, pace, 86_400)] == ["source.silent"]


def test_a_worker_that_begins_waits_for_the_next_look(hooks: Hooks, pace: Pace) -> None:
    """As after a boot: nothing looked while the host was off."""
    hooks.scan(MAC)
    hooks.wait(86_400)
    assert hooks.deliver() == []
    assert passes(hooks, pace, QUARTER - 1) == []
    assert [each["type"] for each in passes(hooks, pace, 31)] == ["source.silent"]


def test_a_clock_that_jumps_makes_no_source_silent(hooks: Hooks, pace: Pace) -> None:
    for _ in range(3):
        hooks.scan(MAC)
        assert passes(hooks, pace, 60) == []
    hooks.wait(3600)
    assert passes(hooks, pace, 60) == []
    hooks.wait(-3600)
    assert passes(hooks, pace, 60) == []
    hooks.scan(MAC)
    assert passes(hooks, pace, 60) == []


def test_nothing_is_told_while_the_clock_cannot_be_right(hooks: Hooks, pace: Pace) -> None:
    hooks.scan(MAC)
    assert passes(hooks, pace, 60) == []
    with hooks.clients.app.app_context():
        door = ClockDoor(Floor(NOW, 0), NOW, 3600, uptime=lambda: 0.0, confirms=lambda now: False)
    hooks.clients.app.extensions["sessiontrack.clock_door"] = door
    hooks.wait(15 * 365 * 86_400)
    assert passes(hooks, pace, 2 * QUARTER) == []


def test_an_archived_source_is_told_of_no_more(hooks: Hooks, pace: Pace) -> None:
    hooks.scan(MAC)
    assert passes(hooks, pace, 60) == []
    hooks.clients.operator.ok("PATCH", "/presence/sources", {"name": "arp", "archived": True})
    assert passes(hooks, pace, 2 * QUARTER) == []


def test_a_device_that_goes_with_its_source_is_down(hooks: Hooks) -> None:
    hooks.add("Device Down", name="down")
    hooks.scan(MAC)
    hooks.clients.operator.ok("PATCH", f"/devices/{MAC}", {"alert_down": True})
    hooks.wait(60)
    body = {"name": "arp", "archived": True, "disconnect": True}
    hooks.clients.operator.ok("PATCH", "/presence/sources", body)
    assert [(each["type"], each["at"]) for each in hooks.deliver()] == [("Device Down", NOW)]


def test_of_two_workers_with_the_same_news_one_tells(hooks: Hooks) -> None:
    hooks.scan(MAC)
    now = NOW + 2 * QUARTER
    for _ in range(2):
        with hooks.clients.app.app_context(), write_transaction() as tx:
            sources.tell(tx, now, {"arp": SOURCE_SILENT, "gone": SOURCE_SILENT})
    assert [each["type"] for each in hooks.told()] == ["source.silent"]
    hooks.wait(60)
    hooks.scan(MAC)
    for _ in range(2):
        with hooks.clients.app.app_context(), write_transaction() as tx:
            # The first of them was too late: it is back.
            sources.tell(tx, NOW + 61, {"arp": SOURCE_SILENT})
            sources.tell(tx, NOW + 61, {"arp": SOURCE_BACK})
    assert [each["type"] for each in hooks.told()] == ["source.silent", "source.back"]
    with hooks.clients.app.app_context(), read_transaction() as tx:
        assert [each.told_look for each in list_sources(tx, NOW + 61)] == [None]


def test_receivers_of_everything_are_told_of_sources_after_an_update() -> None:
    earlier = ["New Device", "Device Down", "Down Reconnected", "flapping", "login from a new address"]
    engine = sa.create_engine("sqlite://")
    script = importlib.import_module("sessiontrack.migrations.versions.0038_source_life")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        connection.exec_driver_sql("CREATE TABLE source (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE webhook_event (webhook_id INTEGER, type TEXT)")
        told = [(1, each) for each in earlier] + [(2, each) for each in earlier[1:]]
        connection.exec_driver_sql("INSERT INTO webhook_event VALUES (?, ?)", told)
        script.upgrade()
        found = connection.exec_driver_sql("SELECT webhook_id, type FROM webhook_event").fetchall()
    engine.dispose()
    assert set(found) - set(told) == {(1, SOURCE_SILENT), (1, SOURCE_BACK)}
