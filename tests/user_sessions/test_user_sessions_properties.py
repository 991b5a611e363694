"""Whatever pings come in whatever order: the sum over the views is the visible time (contract 4)."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack import create_app
from sessiontrack.database import Statement, Transaction, db, write_transaction
from sessiontrack.exceptions import SessionInactive
from sessiontrack.services import user_sessions
from tests.support.application import NOW

ALIVE = 300
SESSIONS = Statement(
    "SELECT s.id, s.started_at, s.last_ping, s.visible_seconds, s.last_visible_ping, s.ended_at,"
    " coalesce((SELECT sum(v.seconds) FROM view_time v WHERE v.session_id = s.id), 0),"
    " coalesce((SELECT sum(v.seconds) FROM view_visit v WHERE v.session_id = s.id), 0)"
    " FROM user_session s WHERE s.login_key = :key ORDER BY s.id"
)
VIEWS = Statement(
    "SELECT v.session_id, v.view, v.tab, v.seconds FROM view_time v"
    " JOIN user_session s ON s.id = v.session_id WHERE s.login_key = :key AND v.seconds > 0"
)
VISITS = Statement(
    "SELECT v.session_id, v.since_at, v.until_at, v.view, v.tab, v.seconds FROM view_visit v"
    " JOIN user_session s ON s.id = v.session_id WHERE s.login_key = :key ORDER BY v.session_id, v.since_at"
)
PATHS = [("a", ""), ("a", "x"), ("a", "y"), ("b", ""), ("c", "x"), ("d", ""), ("e", "z"), ("é", "")]
number = itertools.count()

clock_steps = st.one_of(
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from([ALIVE - 1, ALIVE, ALIVE + 1, -1, -3600, 3600, 10 * 365 * 86_400]),
    st.integers(-4000, 4000),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["visible", "visible", "hide", "hidden", "start", "sign out"]),
        st.sampled_from(PATHS),
        clock_steps,
    ),
    min_size=1,
    max_size=30,
)


@dataclass
class Model:
    """What the contract says, in the plainest way: one list of sessions, each a dict of seconds."""

    open: dict[tuple[str, str], int] | None = None
    last_ping: int = 0
    all: list[dict[tuple[str, str], int]] = field(default_factory=list)

    def step(self, kind: str, path: tuple[str, str], now: int) -> bool:
        """Whether the ping is accepted; starting and signing out always are."""
        if kind == "start":
            if self.open is None or now - self.last_ping >= ALIVE:
                self.open, self.last_ping = {}, now
                self.all.append(self.open)
            return True
        if kind == "sign out":
            self.open = None
            return True
        if self.open is None or now - self.last_ping >= ALIVE:
            return False
        if kind != "hidden":
            self.open[path] = self.open.get(path, 0) + max(0, now - self.last_ping)
        self.last_ping = max(self.last_ping, now)
        return True


@pytest.fixture(scope="module")
def app(template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for all examples: each has a login key of its own."""
    folder = tmp_path_factory.mktemp("properties") / "instance"
    shutil.copytree(template[0], folder)
    made = create_app({"INSTANCE": folder})
    with made.app_context():
        yield made
        db.engine.dispose()


def act(tx: Transaction, kind: str, path: tuple[str, str], now: int, key: str) -> bool:
    """The same step by the services."""
    try:
        if kind == "start":
            user_sessions.start_session(tx, now, key, "anna", ALIVE)
        elif kind == "sign out":
            user_sessions.end_session(tx, now, key, ALIVE)
        elif kind == "hidden":
            user_sessions.keep_alive(tx, now, key, ALIVE)
        else:
            user_sessions.credit_view(tx, now, key, path, ALIVE)
    except SessionInactive:
        return False
    return True


@settings(max_examples=300)
@given(steps=steps)
def test_contract_4_random_interleavings_credit_each_second_once(
    app: Flask, steps: list[tuple[str, tuple[str, str], int]]
) -> None:
    key, now, model = f"login-{next(number)}", NOW, Model()
    with write_transaction() as tx:
        for kind, path, seconds in [("start", PATHS[0], 0), *steps]:
            now = max(0, now + seconds)
            before = {row[0]: row[3] for row in tx.rows(SESSIONS, key=key)}
            assert act(tx, kind, path, now, key) == model.step(kind, path, now)
            rows = tx.rows(SESSIONS, key=key)
            for row_id, started_at, last_ping, visible, last_visible_ping, ended_at, views, visits in rows:
                assert visits == views == visible <= last_ping - started_at
                assert 0 <= visible - before.get(row_id, 0) < ALIVE
                assert last_visible_ping is None or started_at <= last_visible_ping <= last_ping
                assert ended_at is None or ended_at >= last_ping
            assert sum(row[5] is None for row in rows) <= 1
        found: dict[int, dict[tuple[str, str], int]] = {row[0]: {} for row in rows}
        for session_id, view, tab, seconds in tx.rows(VIEWS, key=key):
            found[session_id][view, tab] = seconds
        in_time: dict[int, dict[tuple[str, str], int]] = {row[0]: {} for row in rows}
        last = (0, 0, ("", ""))
        for session_id, since, until, view, tab, seconds in tx.rows(VISITS, key=key):
            # In order, not overlapping, and never twice in a row the same path.
            assert last[0] != session_id or (last[1] <= since and last[2] != (view, tab))
            assert 0 < seconds <= until - since
            of_session = in_time[session_id]
            of_session[view, tab] = of_session.get((view, tab), 0) + seconds
            last = (session_id, until, (view, tab))
        assert in_time == found
    expected = [{path: seconds for path, seconds in each.items() if seconds} for each in model.all]
    assert list(found.values()) == expected
