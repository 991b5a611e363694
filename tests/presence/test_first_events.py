"""`New Device` stands where a device was seen first, also where that lies before the floor of derivations.

The floor is where evidence is too old to be accepted; and now, once a clock that was ahead is right again.
"""

from collections.abc import Callable

import pytest
import time_machine

from sessiontrack.database import write_transaction
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import observe_events
from sessiontrack.values.observations import DeviceEvent, Observation
from sessiontrack.values.records import DeviceRecord, Section
from tests.support.application import NOW, Clients
from tests.support.history_calls import RULES, History, M, O, X, at_seconds

DAY = 86_400
AHEAD = 3650 * DAY


@pytest.fixture
def history(clients: Clients, clock: time_machine.Traveller) -> History:
    return History(clients, clock)


def look_ahead(history: History, *, is_forgotten: bool) -> None:
    """Another device, by a clock that is ahead; by evidence, what was seen up to now is forgotten."""
    history.clock.move_to(NOW + AHEAD)
    if is_forgotten:
        history.scan(AHEAD, O)
        history.event("connected", AHEAD, mac=O, source="arp")
    history.create(AHEAD, mac=O)
    history.clock.move_to(NOW)


def by_scan(history: History, at: int, *macs: str) -> None:
    history.scan(at, *macs, source="dhcp")


def by_partial_scan(history: History, at: int, *macs: str) -> None:
    history.scan(at, *macs, source="dhcp", complete=False)


def by_event(history: History, at: int, *macs: str) -> None:
    for mac in macs:
        history.event("connected", at, mac=mac)


def by_events_at_once(history: History, at: int, *macs: str) -> None:
    events = [DeviceEvent("radius", NOW + at, "connected", Observation(mac)) for mac in macs]
    with history.clients.app.app_context(), write_transaction() as tx:
        observe_events(tx, NOW, events, RULES)


def import_device(history: History, mac: str, first: int) -> None:
    known = [(1, DeviceRecord(mac, first_seen_at=NOW + first))]
    with history.clients.app.app_context(), write_transaction() as tx:
        import_history(tx, NOW, [Section("devices", known)], pytest.fail, RULES)


def firsts(history: History, mac: str) -> tuple[int, list[int]]:
    """When the device was seen first, and where its `New Device` stands."""
    device = history.clients.viewer.ok("GET", f"/devices/{mac}")["device"]
    found = [at for at, event_type in history.events(mac) if event_type == "New Device"]
    return at_seconds(device["first_seen"]), found


@pytest.mark.parametrize("is_forgotten", [True, False])
@pytest.mark.parametrize("see", [by_scan, by_partial_scan, by_event, by_events_at_once])
def test_earlier_evidence_moves_the_new_device_of_a_report(
    history: History, see: Callable[..., None], is_forgotten: bool
) -> None:
    history.create(-3000, -3000)
    history.create(-1200, -900, mac=M)
    look_ahead(history, is_forgotten=is_forgotten)
    history.clients.operator.ok("DELETE", "/sessions/delete", {"mac": X})
    see(history, -2100, X, M)
    # A device is known since it was first seen, whatever of that was deleted.
    assert firsts(history, X) == (-3000, [-3000])
    assert firsts(history, M) == (-2100, [-2100])
    history.assert_sound()


@pytest.mark.parametrize("is_forgotten", [True, False])
@pytest.mark.parametrize("see", [by_scan, by_partial_scan, by_event, by_events_at_once])
def test_earlier_evidence_moves_a_new_device_whose_sessions_are_deleted(
    history: History, see: Callable[..., None], is_forgotten: bool
) -> None:
    history.scan(-1200, M)
    history.create(-1200, -900)
    look_ahead(history, is_forgotten=is_forgotten)
    for mac in (X, M):
        history.clients.operator.ok("DELETE", "/sessions/delete", {"mac": mac})
    see(history, -2100, X, M)
    assert firsts(history, X) == (-2100, [-2100])
    assert firsts(history, M) == (-2100, [-2100])
    history.assert_sound()


@pytest.mark.parametrize("see", [by_scan, by_partial_scan, by_event, by_events_at_once])
def test_earlier_evidence_of_a_further_address_moves_new_device(
    history: History, see: Callable[..., None]
) -> None:
    history.create(-1200, -900, mac=M)
    history.create(-600, -300)
    history.merge(M, X)
    look_ahead(history, is_forgotten=True)
    see(history, -2100, X)
    assert firsts(history, M) == (-2100, [-2100])
    history.assert_sound()


@pytest.mark.parametrize("earlier", [X, M])
@pytest.mark.parametrize("days", [1, 20])
def test_new_device_stands_where_the_earlier_of_two_merged_devices_was_first(
    history: History, earlier: str, days: int
) -> None:
    first = -days * DAY
    import_device(history, earlier, first - 600)
    history.create(first, first + 300, mac=X if earlier == M else M)
    history.merge(M, X)
    assert firsts(history, M) == (first - 600, [first - 600])
    history.assert_sound()


@pytest.mark.parametrize("earlier", [X, M])
def test_new_device_stands_so_once_a_clock_that_was_ahead_is_right(history: History, earlier: str) -> None:
    import_device(history, earlier, -1800)
    history.create(-1200, -900, mac=X if earlier == M else M)
    look_ahead(history, is_forgotten=True)
    history.merge(M, X)
    assert firsts(history, M) == (-1800, [-1800])
    history.assert_sound()
