"""services/presence.py: observe_events takes many at once, and gives what one after another gives."""

from collections.abc import Callable
from typing import Any

import pytest

from sessiontrack.database import write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.services.presence import PresenceRules, observe_event, observe_events
from sessiontrack.values.observations import DeviceEvent, Observation
from tests.support.application import NOW, Clients

RULES = PresenceRules(600, 7 * 86_400, 0.2)
ONE, OTHER = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"


def event(mac: str, ago: int, kind: str, source: str = "ap-1", info: str = "") -> DeviceEvent:
    return DeviceEvent(source, NOW - ago, kind, Observation(mac, "10.0.0.7", name="phone"), info)


EVENTS = [
    event(ONE, 900, "connected", info="first"),
    event(ONE, 800, "seen"),
    event(ONE, 700, "disconnected"),
    event(ONE, 650, "connected", "ap-2", "second"),
    event(OTHER, 500, "disconnected"),
    event(ONE, 400, "disconnected", "ap-2"),
    event(OTHER, 300, "seen", "ap-2"),
    event(ONE, 900, "connected", info="first"),
]


def recorded(clients: Clients) -> tuple[Any, Any]:
    """Sessions and events without their numbers."""
    sessions = clients.admin.ok("GET", "/sessions/list")["sessions"]
    events = clients.admin.ok("GET", "/sessions/session-events?type=all&period=all")["events"]
    unnumbered = [[{**each, "id": 0} for each in rows] for rows in (sessions, events)]
    return unnumbered[0], sorted(unnumbered[1], key=str)


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "backwards"])
def test_many_at_once_are_as_one_after_another(
    make_clients: Callable[..., Clients], clock: Any, order: int
) -> None:
    singly, together = make_clients(), make_clients()
    with singly.app.app_context(), write_transaction() as tx:
        for each in EVENTS:
            observe_event(tx, NOW, each.source, each.at, each.kind, each.device, RULES, each.info)
    with together.app.app_context(), write_transaction() as tx:
        outcome = observe_events(tx, NOW, EVENTS[::order], RULES)
    assert outcome.counts() == {
        "seen": 2,
        "connected": 3,
        "disconnected": 3,
        "new": 2,
        "down": 0,
        "ip_changed": 0,
    }
    sessions, events = recorded(together)
    assert len(sessions) == 4
    assert recorded(singly) == (sessions, events)


def test_none_is_nothing(clients: Clients, tx: Any) -> None:
    assert observe_events(tx, NOW, [], RULES).changes == []


@pytest.mark.parametrize("ago", [-301, 7 * 86_400 + 1])
def test_a_wrong_time_among_them_refuses_all(clients: Clients, ago: int) -> None:
    with (
        pytest.raises(InvalidInput),
        clients.app.app_context(),
        write_transaction() as tx,
    ):
        observe_events(tx, NOW, [event(ONE, 10, "connected"), event(OTHER, ago, "connected")], RULES)
    assert recorded(clients) == ([], [])
