"""Totals and deep pages, by counts that the database keeps: what stepping over the rows would say."""

import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import Statement, read_transaction, write_transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.models.row_count import COUNTED, DEVICE_SESSIONS, STRETCH_BITS, USER_SESSIONS
from sessiontrack.queries import row_counts
from sessiontrack.queries.invariants import find_wrong_counts
from tests.support.application import Clients

STRETCH = 1 << STRETCH_BITS
ADD_DEVICE = Statement("INSERT INTO device (id, mac, first_seen_at) VALUES (:id, :mac, 0)")
ADD = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, conn_type, disc_type)"
    " VALUES (:device, :start, :end, 'Connected', 'Disconnected')"
)
ADD_STAY = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, ended_at)"
    " VALUES (:name, :name, 'admin', :start, :start, :start)"
)
MOVE = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :start WHERE id ="
    " (SELECT min(id) FROM device_session WHERE begin_at >= :chosen)"
)
LOSE_START = Statement(
    "UPDATE device_session SET connected_at = NULL WHERE id ="
    " (SELECT min(id) FROM device_session WHERE begin_at >= :chosen AND disconnected_at IS NOT NULL)"
)
REMOVE = Statement(
    "DELETE FROM device_session WHERE id = (SELECT min(id) FROM device_session WHERE begin_at >= :chosen)"
)
MOST = Statement(
    "SELECT max(rows) FROM (SELECT sum(rows) AS rows FROM row_count WHERE counted = :counted"
    " GROUP BY stretch) AS stretches"
)
FORGET_DEVICE = Statement("DELETE FROM device WHERE id = :device")
INSTANTS = st.integers(min_value=0, max_value=6 * STRETCH)


def add_devices(count: int) -> None:
    with write_transaction() as tx:
        tx.run_many(ADD_DEVICE, [{"id": n, "mac": f"02:00:00:00:00:{n:02X}"} for n in range(1, count + 1)])


def add_and_fail() -> None:
    with write_transaction() as tx:
        tx.run(ADD, device=1, start=5, end=6)
        assert row_counts.total(tx, DEVICE_SESSIONS) == 1
        raise ZeroDivisionError


@settings(max_examples=60)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["add", "add", "move", "lose", "remove", "forget"]), INSTANTS, INSTANTS),
        max_size=25,
    )
)
def test_whatever_is_changed_it_is_counted(clients: Clients, changes: list[tuple[str, int, int]]) -> None:
    with clients.app.app_context():
        with write_transaction() as tx:
            tx.run(Statement("DELETE FROM device"))
        add_devices(4)
        for number, (what, one, other) in enumerate(changes):
            # PostgreSQL refuses sessions that overlap; what is refused is not counted.
            with suppress(Conflict), write_transaction() as tx:
                if what == "add":
                    # A length of its own each: no two are equal.
                    values = {"start": one, "end": one + other % STRETCH + number}
                    taken = Statement("SELECT 1 FROM device_session WHERE connected_at = :start")
                    if not tx.value(taken, start=one):
                        tx.run(ADD, device=1 + number % 4, **values)
                elif what == "move":
                    tx.run(MOVE, start=one + 10 * STRETCH + number, chosen=other)
                elif what == "lose":
                    tx.run(LOSE_START, chosen=one)
                elif what == "remove":
                    tx.run(REMOVE, chosen=one)
                else:
                    tx.run(FORGET_DEVICE, device=1 + one % 4)
                    tx.run(ADD_DEVICE, id=1 + one % 4, mac=f"02:00:00:00:01:{number:02X}")
        with read_transaction() as tx:
            counted = tx.value(Statement("SELECT count(*) FROM device_session"))
            assert row_counts.total(tx, DEVICE_SESSIONS) == counted
            assert find_wrong_counts(tx) == []
        with write_transaction() as tx:
            tx.run(Statement("DELETE FROM device"))
        with read_transaction() as tx:
            assert row_counts.total(tx, DEVICE_SESSIONS) == 0


def test_what_is_rolled_back_was_never_counted(clients: Clients) -> None:
    with clients.app.app_context():
        add_devices(1)
        with pytest.raises(ZeroDivisionError):
            add_and_fail()
        with read_transaction() as tx:
            assert row_counts.total(tx, DEVICE_SESSIONS) == 0


@pytest.fixture
def history(clients: Clients) -> Clients:
    """2,000 sessions and user sessions, some at the same instant, most in a few stretches."""
    draw = random.Random(7)
    with clients.app.app_context():
        add_devices(20)
        starts = [draw.randrange(3 * STRETCH) + draw.choice((0, 50, 300)) * STRETCH for _ in range(100)]
        rows = [{"device": 1 + n % 20, "start": starts[n // 20] + n % 3, "end": None} for n in range(2000)]
        with write_transaction() as tx:
            tx.run_many(ADD, rows)
            tx.run_many(
                ADD_STAY, [{"name": f"stay {n}", "start": starts[n // 20] + n % 3} for n in range(2000)]
            )
    return clients


def test_every_page_is_where_it_was(history: Clients) -> None:
    calls: dict[str, Any] = {
        "/sessions/list?limit={limit}&offset={offset}": lambda body: body["sessions"],
        "/api/v2/sessions?limit={limit}&offset={offset}": lambda body: body,
    }
    for path, rows_of in calls.items():
        whole = rows_of(history.admin.ok("GET", path.format(limit=1000, offset=0)))
        whole += rows_of(history.admin.ok("GET", path.format(limit=1000, offset=1000)))
        assert len(whole) == 2000
        for offset in (*range(row_counts.MOST_SKIPPED - 3, 2000, 61), 1999, 2000, 5000):
            answer = history.admin.get(path.format(limit=7, offset=offset))
            assert rows_of(answer.json) == whole[offset : offset + 7], (path, offset)
            assert answer.headers["X-Total-Count"] == "2000"


def test_a_deep_page_steps_over_no_more_than_a_stretch(history: Clients) -> None:
    with history.app.app_context(), read_transaction() as tx:
        for counted, column in ((DEVICE_SESSIONS, "begin_at"), (USER_SESSIONS, "started_at")):
            most = tx.value(MOST, counted=counted)
            for newest_first in (False, True):
                for offset in range(501, 2000, 77):
                    found = row_counts.place(tx, counted, offset, newest_first=newest_first)
                    assert 0 <= found["offset"] < most
                    sign = ">=" if newest_first else "<"
                    left = Statement(f"SELECT count(*) FROM {counted} WHERE {column} {sign} :edge")
                    assert tx.value(left, edge=found["edge"]) == offset - found["offset"]


@pytest.mark.postgres
def test_parts_are_added_up_once_in_a_while(history: Clients) -> None:
    parts = Statement("SELECT count(*) FROM row_count WHERE part > 0")
    with history.app.app_context():
        with write_transaction() as tx:
            tx.run(Statement("DELETE FROM device WHERE id = 1"))
        with read_transaction() as tx:
            before = [row_counts.total(tx, counted) for counted in COUNTED]
            assert tx.value(parts) > 0
        housekeeping.look(settings_of(history.app))
        with read_transaction() as tx:
            assert [row_counts.total(tx, counted) for counted in COUNTED] == before
            assert tx.value(parts) == 0
            assert find_wrong_counts(tx) == []
