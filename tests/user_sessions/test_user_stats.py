"""Statistics by sums that are kept: what adding up all sessions would say, whatever was done to them."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from sessiontrack.database import Statement, Transaction, read_transaction, write_transaction
from sessiontrack.models.user_sum import STRETCH_BITS
from sessiontrack.queries.invariants import find_wrong_counts
from sessiontrack.queries.user_sessions import StatsFilter, as_tab_duration
from sessiontrack.queries.user_stats import session_stats
from sessiontrack.services import user_sessions
from sessiontrack.services.repairs import COUNT_ANEW
from tests.support.application import Clients

STRETCH = 1 << STRETCH_BITS
DAY = 86_400
ADD = Statement(
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, visible_seconds,"
    " ended_at) VALUES (:id, :key, :key, :username, :start, :end, :seconds, :end)"
)
ADD_VIEW = Statement(
    "INSERT INTO view_time (session_id, view, tab, seconds) VALUES (:id, :view, :tab, :seconds)"
)
STAYS = Statement("SELECT id, username, started_at, last_ping, visible_seconds FROM user_session")
VIEWS = Statement("SELECT session_id, view, tab, seconds FROM view_time")


def added_up(tx: Transaction, wanted: StatsFilter) -> list[dict[str, Any]]:
    """The slow and obvious way."""
    names = set(wanted.usernames)
    stays = [
        row
        for row in tx.rows(STAYS)
        if row[3] >= wanted.since
        and (wanted.until is None or row[2] < wanted.until)
        and (not names or row[1] in names)
        and (wanted.only is None or row[1] == wanted.only)
    ]
    views = tx.rows(VIEWS)
    found = []
    for name in sorted({row[1] for row in stays}):
        mine = [row for row in stays if row[1] == name]
        seconds: dict[tuple[str, str], int] = {}
        for session_id, view, tab, spent in views:
            if session_id in {row[0] for row in mine}:
                seconds[view, tab] = seconds.get((view, tab), 0) + spent
        found.append(
            {
                "username": name,
                "sessions": len(mine),
                "visible_duration": sum(row[4] for row in mine),
                "tab_duration": as_tab_duration((*path, spent) for path, spent in sorted(seconds.items())),
                "first_seen": min(row[2] for row in mine),
                "last_seen": max(row[3] for row in mine),
            }
        )
    return found


@pytest.fixture
def history(clients: Clients) -> Iterator[Clients]:
    """Stays of four people over ten stretches, some of them days long, with up to four views each."""
    chance = random.Random(17)
    with clients.app.app_context():
        with write_transaction() as tx:
            for number in range(1, 161):
                edge = chance.choice((0, 1, 2, 5, 9)) * STRETCH
                start = 20 * STRETCH + edge + chance.choice((-1, 0, 1, chance.randrange(STRETCH)))
                length = chance.choice((0, 60, DAY, DAY + 1, 9 * DAY, chance.randrange(DAY)))
                spent = [min(length // 4, chance.randrange(900)) for _ in range(chance.randrange(4))]
                tx.run(
                    ADD,
                    id=number,
                    key=f"stay {number}",
                    username=f"user {chance.randrange(4)}",
                    start=start,
                    end=start + length,
                    seconds=sum(spent),
                )
                for place, seconds in enumerate(spent):
                    path = (f"view {place % 2}", f"tab {place}" if number % 3 else f"{place or ''}")
                    tx.run(ADD_VIEW, id=number, view=path[0], tab=path[1], seconds=seconds)
        yield clients


def assert_equal() -> None:
    with read_transaction() as tx:
        assert find_wrong_counts(tx) == []
        ends = [row[3] for row in tx.rows(STAYS)]
        edges = [20 * STRETCH + place * STRETCH // 2 for place in range(-1, 22)]
        lengths = (1, 5 * DAY, STRETCH * 2 // 3, 2 * STRETCH, 3 * STRETCH - 5 * DAY, 6 * STRETCH)
        sinces = [0, *ends[:20], *edges, *(edge + 1 for edge in edges)]
        whose: list[tuple[tuple[str, ...], str | None]]
        whose = [((), None), (("user 1", "user 3"), None), (("user 1",), "user 2")]
        for since in sinces:
            for until in (None, since + lengths[since % len(lengths)]):
                for usernames, only in whose:
                    wanted = StatsFilter(since, until, usernames, only)
                    assert session_stats(tx, wanted) == added_up(tx, wanted), wanted


def test_statistics_are_what_adding_up_all_sessions_says(history: Clients) -> None:
    assert_equal()
    with write_transaction() as tx:
        # With their views, by whatever way they go.
        tx.run(Statement("DELETE FROM user_session WHERE id % 3 = 1"))
        tx.run(Statement("DELETE FROM view_time WHERE session_id % 7 = 2"))
        tx.run(Statement("UPDATE view_time SET seconds = seconds + 5 WHERE session_id % 2 = 0"))
        tx.run(Statement("UPDATE user_session SET visible_seconds = 0 WHERE id % 5 = 0"))
    assert_equal()
    with write_transaction() as tx:
        tx.run(Statement("DELETE FROM user_session"))
        for table in ("user_sum", "user_day"):
            assert tx.value(Statement(f"SELECT coalesce(sum(sessions), 0) FROM {table}")) == 0
        assert session_stats(tx, StatsFilter(0)) == []


def test_pings_are_added_up_at_once(clients: Clients) -> None:
    start = 30 * STRETCH - 100
    with clients.app.app_context():
        with write_transaction() as tx:
            user_sessions.start_session(tx, start, "key", "anna", 300)
        for at in (50, 90, 200, 290):
            with write_transaction() as tx:
                user_sessions.credit_view(tx, start + at, "key", ("maps", f"{at % 3}"), 300)
        with read_transaction() as tx:
            for since in (0, start, 30 * STRETCH, start + 290):
                assert session_stats(tx, StatsFilter(since)) == added_up(tx, StatsFilter(since))
            assert find_wrong_counts(tx) == []


def test_wrong_sums_are_found_and_made_anew(history: Clients) -> None:
    with write_transaction() as tx:
        for table, bits in (("user_sum", " AND bits = 24"), ("user_sum", " AND bits = 22"), ("user_day", "")):
            assert find_wrong_counts(tx) == []
            tx.run(Statement(f"UPDATE {table} SET seconds = seconds + 1 WHERE username = 'user 2'{bits}"))
            found = find_wrong_counts(tx)
            assert found != []
            assert all("user 2" in str(each) for each in found)
            for statement in COUNT_ANEW:
                tx.run(statement)
    assert_equal()
