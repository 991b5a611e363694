"""Two applications on one database that write of the same devices at once (contract 3 and 6).

What they send is one set of facts: whoever of them comes first, the history is the same.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine

from sessiontrack import create_app
from sessiontrack.config import settings_of
from sessiontrack.database import db
from tests.support.application import NOW, Clients
from tests.support.history_reference import Report
from tests.support.history_world import MACS, World
from tests.support.presence_reference import Observation
from tests.support.waiting import PATIENT, join

STEP = 300
X, M, O = MACS  # noqa: E741 - the other one, which is merged into M
Call = Callable[[World], bool]


@contextmanager
def another(clients: Clients, template: tuple[Any, dict[str, str]]) -> Iterator[Clients]:
    """Clients of another application on the same database."""
    app = create_app({"INSTANCE": settings_of(clients.app).instance, **PATIENT})
    yield Clients(app, template[1])
    with app.app_context():
        db.engine.dispose()


def facts(dice: random.Random) -> list[Call]:
    """Reports that do not overlap, evidence of any time, a merge, and changes of what they are judged by."""
    found: list[Call] = []
    for mac, places in ((X, range(-12, 0, 3)), (M, range(-12, 0, 6)), (O, range(-9, 0, 6))):
        for place in places:
            end = dice.choice([None, 0, 1, 2])
            start = NOW + place * STEP
            report = Report(start, None if end is None else start + end * STEP, has_events=False)
            found.append(_report(mac, report, dice.random() < 0.7))
    ips = ["", "10.0.0.1", "10.0.0.2"]
    for source in ("arp", "dhcp"):
        for place in range(-12, 1):
            seen = tuple((mac, dice.choice(ips)) for mac in MACS if dice.random() < 0.6)
            found.append(_observe(Observation(source, NOW + place * STEP, "complete", seen)))
    for _ in range(12):
        source, kind = dice.choice(["ap", "dhcp"]), dice.choice(["seen", "connected", "disconnected"])
        at = NOW + dice.randint(-12, 0) * STEP
        found.append(_observe(Observation(source, at, kind, ((dice.choice(MACS), dice.choice(ips)),))))
    found.append(_call("POST", f"/devices/{M}/merge", {"mac": O}))
    found.append(_call("PATCH", f"/devices/{X}", {"grace": "5 minutes"}))
    found.append(_call("PATCH", f"/devices/{M}", {"alert_down": True}))
    return found


def _report(mac: str, report: Report, is_created: bool) -> Call:
    return lambda world: world.create(mac, report) if is_created else world.bring(mac, report)


def _observe(seen: Observation) -> Call:
    return lambda world: world.observe(seen)


def _call(method: str, path: str, body: Any) -> Call:
    return lambda world: bool(world.call(method, path, body)["success"])


@pytest.mark.parametrize("seed", range(3))
def test_two_writers_at_once_end_in_the_history_of_one(
    clients: Clients, template: tuple[Any, dict[str, str]], clock: time_machine.Traveller, seed: int
) -> None:
    dice = random.Random(seed)
    calls = facts(dice)
    world = World(clients, clock)
    world.begin(NOW)
    assert [call for call in calls if not call(world)] == []
    alone = {mac: world.recorded(mac) for mac in MACS}
    assert alone[X] != ([], [])
    world.begin(NOW)
    dice.shuffle(calls)
    refused: list[Any] = []

    def write(of: World, share: list[Call]) -> None:
        try:
            refused.extend(call for call in share if not call(of))
        except BaseException as error:
            refused.append(error)

    with another(clients, template) as others:
        worlds = (world, World(others, clock))
        writers = [
            threading.Thread(target=write, args=(each, calls[place::2])) for place, each in enumerate(worlds)
        ]
        for writer in writers:
            writer.start()
        join(*writers)
    assert refused == []
    assert world.wrong() == {}
    before = world.everything()
    world.derive_again(NOW)
    assert world.everything() == before
    assert {mac: world.recorded(mac) for mac in MACS} == alone
