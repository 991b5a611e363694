"""Reports of one device in any order: the same set gives the same history (contract 3 and 6)."""

from itertools import permutations
from typing import Any

import pytest
import time_machine

from sessiontrack.database import Statement
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.history_calls import History, M, O, X, at_seconds


@pytest.fixture
def history(clients: Clients, clock: time_machine.Traveller) -> History:
    return History(clients, clock)


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_reports_in_any_order_give_the_same_history(history: History, order: tuple[int, ...]) -> None:
    told: list[tuple[int, int | None]] = [(-2400, None), (-2400, -1800), (-1200, None), (-3600, None)]
    for place in order:
        start, end = told[place]
        # Once its end is known, it was never open.
        is_refused = place == 0 and order.index(1) < order.index(0)
        assert history.create(start, end).status_code == (409 if is_refused else 200)
    assert history.sessions() == [(-3600, None), (-2400, -1800), (-1200, None)]
    assert history.events() == [
        (-3600, "Connected"),
        (-3600, "New Device"),
        (-2400, "Connected"),
        (-1800, "Disconnected"),
        (-1200, "Connected"),
    ]
    assert history.is_connected()
    history.assert_sound()


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_late_end_leaves_derived_time_where_it_is(history: History, order: tuple[int, ...]) -> None:
    told: list[Any] = [
        lambda: history.create(-2400),
        lambda: history.create(-1200, -900),
        lambda: history.event("connected", -3000),
    ]
    for place in order:
        told[place]()
    assert history.sessions() == [
        (-3000, -2400),
        (-2400, None),
        (-2399, -1200),
        (-1200, -900),
        (-900, None),
    ]
    assert history.create(-2400, -1800).status_code == 200
    assert history.sessions() == [(-3000, -2400), (-2400, -1800), (-1800, -1200), (-1200, -900), (-900, None)]
    history.assert_sound()


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_imports_and_creates_agree_on_new_device(history: History, order: tuple[int, ...]) -> None:
    with rows.writing(history.clients.app) as tx:
        rows.add_device(tx, X)
        tx.run(Statement("UPDATE device SET first_seen_at = :at"), at=NOW)
    told: list[Any] = [
        lambda: history.bring(-900, -600, ip="10.0.0.7"),
        lambda: history.create(-900, -600, ip="10.0.0.7"),
        lambda: history.create(-300, ip="10.0.0.9"),
    ]
    for place in order:
        told[place]()
    listed = history.clients.viewer.ok("GET", "/sessions/session-events?type=new&period=all")["events"]
    assert [(at_seconds(each["time"]), each["ip"]) for each in listed] == [(-900, "10.0.0.7")]
    assert len(history.events()) == 4
    history.assert_sound()


def test_an_end_completes_an_imported_session_with_its_events(history: History) -> None:
    history.bring(-900, None)
    assert history.create(-900, -600).status_code == 200
    assert history.sessions() == [(-900, -600)]
    assert history.events() == [(-900, "Connected"), (-900, "New Device"), (-600, "Disconnected")]
    history.assert_sound()


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_merge_closes_what_another_report_would_have_closed(
    history: History, order: tuple[int, ...]
) -> None:
    with rows.writing(history.clients.app) as tx:
        for mac in (M, O):
            rows.add_device(tx, mac)
    told: list[Any] = [
        lambda: history.create(-2400, mac=M),
        lambda: history.create(-1200, mac=O),
        lambda: history.merge(M, O),
    ]
    for place in order:
        told[place]()
    assert history.sessions(M) == [(-2400, None), (-1200, None)]
    # Repeated, and ended after all.
    assert [history.create(-2400, end, mac=M).status_code for end in (None, -1800)] == [200, 200]
    assert history.sessions(M) == [(-2400, -1800), (-1200, None)]
    history.assert_sound()


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_an_event_of_two_sessions_is_of_the_earlier_one(history: History, order: tuple[int, ...]) -> None:
    with rows.writing(history.clients.app) as tx:
        for mac in (M, O):
            rows.add_device(tx, mac)
    told: list[Any] = [
        lambda: history.create(-600, -600, mac=M),
        lambda: history.create(-900, -600, mac=O),
        lambda: history.merge(M, O),
    ]
    for place in order:
        told[place]()
    linked = Statement(
        "SELECT e.type, s.connected_at FROM event e JOIN device_session s ON s.id = e.session_id"
        " WHERE e.at = :at AND NOT e.voided ORDER BY e.type"
    )
    with rows.writing(history.clients.app) as tx:
        found = tx.rows(linked, at=NOW - 600)
    assert found == [("Connected", NOW - 600), ("Disconnected", NOW - 900)]
    history.assert_sound()


def test_a_merge_remembers_what_was_reported_before_an_end(history: History) -> None:
    history.create(-900, mac=M, ip="10.0.0.5")
    history.create(-900, -600, mac=O, ip="10.0.0.1")
    history.merge(M, O)
    assert history.addresses(M) == [("10.0.0.1", "")]
    listed = history.clients.viewer.ok("GET", "/sessions/session-events?type=all&period=all")["events"]
    assert {each["ip"] for each in listed if not each["type"].startswith("VOIDED")} == {"10.0.0.1"}
    assert history.create(-900, mac=M, ip="10.0.0.5").status_code == 200
    assert history.sessions(M) == [(-900, -600)]
    history.assert_sound()


def test_an_imported_end_corrects_what_began_otherwise(history: History) -> None:
    history.create(-900, event_type_conn="Login")
    history.bring(-900, -600)
    assert history.sessions() == [(-900, -600)]
    # An import makes no events; that of another type is not true.
    assert history.events() == [(-900, "New Device")]
    assert history.create(-900, event_type_conn="Login").status_code == 200
    history.assert_sound()
