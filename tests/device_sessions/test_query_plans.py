"""The reads of contract section 3 use their indexes: with ten years of history, none reads a whole table."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine.interfaces import DBAPICursor

from sessiontrack import create_app
from sessiontrack.database import Statement, Transaction, db
from sessiontrack.queries import (
    calendar,
    device_sessions,
    devices,
    events,
    figures,
    long_windows,
    now,
    presence_at,
    presence_shares,
    timeline,
    timeline_sessions,
    user_days,
    user_stats,
)
from sessiontrack.queries.user_sessions import StatsFilter
from sessiontrack.services import device_sessions as services
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.timestamps import IN_UTC, SiteTime
from tests.support import rows
from tests.support.application import NOW
from tests.support.database_files import DATABASE

RULES = PresenceRules(600, 7 * 86_400, 0.0)

pytestmark = pytest.mark.sqlite("in its words; test_query_plans_postgres.py asks PostgreSQL")
DAY = 86400
MACS = [f"AA:BB:CC:DD:EE:{n:02X}" for n in range(20)]
WEEK = (NOW - 7 * DAY, NOW)
# A whole table, or one of its indexes from end to end; the index of the open sessions is a few rows.
WHOLE = re.compile(
    r"SCAN (device_session|event)\w*(?! USING INDEX (uq_device_session_open|\w+_begin_open))\b"
)


ADD_STAY = Statement(
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, visible_seconds,"
    " ended_at) VALUES (:id, :key, :key, :name, :at, :end, 10, :end)"
)
ADD_VIEW = Statement("INSERT INTO view_time (session_id, view, tab, seconds) VALUES (:id, :view, '', 10)")


class Explained(Transaction):
    """Keeps the plan of each statement that it runs."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx._connection, tx._engine)
        self.plans: list[str] = []

    def _execute(
        self, statement: Statement, parameters: Mapping[str, Any], cursor: DBAPICursor | None = None
    ) -> DBAPICursor:
        sql, fixed = statement.for_dialect(self._engine.dialect)
        explaining = self._connection.cursor()
        explaining.execute(f"EXPLAIN QUERY PLAN {sql}", {**fixed, **parameters})
        self.plans.append("\n".join(str(row[3]) for row in explaining.fetchall()))
        return super()._execute(statement, parameters, cursor)

    def assert_searched(self, *indexes: str) -> None:
        """Every statement so far searched; the last one by these indexes."""
        for plan in self.plans:
            assert not WHOLE.search(plan), plan
        for index in indexes:
            assert re.search(rf"SEARCH \w+ USING (COVERING )?INDEX {index} ", self.plans[-1]), self.plans[-1]


def fill(tx: Transaction) -> None:
    """Some thousand sessions and events of all kinds over 100 days."""
    for number, mac in enumerate(MACS):
        device_id = rows.add_device(tx, mac)
        for day in range(100):
            at = NOW - (100 - day) * DAY + number
            ends = {3: (at, None), 5: (at, at + 2 * DAY - 60), 7: (None, at)}.get(day % 10, (at, at + 3600))
            rows.add_session(tx, device_id, *ends)
            rows.add_event(tx, device_id, at, "Connected", voided=day % 9 == 0)
            rows.add_event(tx, device_id, at + 60, ("Device Down", "New Device", "IP Changed")[day % 3])
        rows.add_session(tx, device_id, NOW - 60, None, still_connected=True)
    for number in range(1_000):
        at = NOW - number * 8_000
        known = {"id": number + 1, "key": f"stay {number}", "name": f"user {number % 10}", "at": at}
        tx.run(ADD_STAY, **known, end=at + (60, 3_600, 9_000, 2 * DAY)[number % 20 // 5])
        tx.run(ADD_VIEW, id=number + 1, view=f"view {number % 5}")


@pytest.fixture(params=["analyzed", "never analyzed"])
def filled(
    request: pytest.FixtureRequest,
    template: tuple[Path, dict[str, str]],
    made_once: Callable[[str, Callable[[Path], None]], Path],
) -> Path:
    """The database file that each test gets a copy of."""

    def make(folder: Path) -> None:
        shutil.copytree(template[0], folder)
        app = create_app({"INSTANCE": folder})
        with rows.writing(app) as transaction:
            fill(transaction)
            if request.param == "analyzed":
                transaction.run(Statement("ANALYZE"))
        with app.app_context():
            db.engine.dispose()

    return made_once(f"query plans {request.param}", make) / DATABASE


@pytest.fixture
def tx(filled: Path, app: Flask) -> Iterator[Explained]:
    shutil.copyfile(filled, Path(app.instance_path) / DATABASE)
    with rows.writing(app) as transaction:
        yield Explained(transaction)


@pytest.mark.parametrize(
    ("plan", "is_whole"),
    [
        ("SCAN device_session", True),
        ("SCAN event", True),
        ("SCAN device_session_1 USING INDEX ix_device_session_begin", True),
        ("SCAN event USING COVERING INDEX ix_event_at", True),
        ("SCAN device_session USING INDEX uq_device_session_open", False),
        ("SCAN device", False),
        ("SEARCH event USING INDEX ix_event_at (at>?)", False),
    ],
)
def test_a_plan_that_reads_a_whole_table_is_recognised(plan: str, is_whole: bool) -> None:
    assert bool(WHOLE.search(plan)) is is_whole


def test_contract_3_calendar_of_all_devices_uses_an_index_for_each_kind(tx: Explained) -> None:
    wanted = calendar.CalendarFilter(*WEEK)
    kinds = [f"ix_device_session_{kind}" for kind in ("short", "middle", "longest", "begin_open", "missing")]
    assert list(calendar.list_calendar(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched(*kinds)
    assert calendar.count_calendar(tx, wanted, NOW)
    tx.assert_searched(*kinds)


@pytest.mark.parametrize("limit", [None, 100])
def test_contract_3_a_long_calendar_is_read_in_its_order_and_not_counted(
    tx: Explained, limit: int | None
) -> None:
    wanted = calendar.CalendarFilter(NOW - 99 * DAY, NOW)
    assert list(calendar.list_calendar(tx, wanted, limit, 0, NOW, IN_UTC))
    tx.assert_searched(
        *(f"ix_device_session_{kind}" for kind in ("short", "middle", "longest", "begin_open"))
    )
    # The largest parts come last, from indexes in the order of the answer.
    *_, missing, within = re.split("(?:LEFT|RIGHT)\n", tx.plans[-1])
    for part, index in ((missing, "missing"), (within, "begin")):
        assert part.startswith(f"SEARCH device_session USING INDEX ix_device_session_{index} "), tx.plans[-1]
        assert "TEMP B-TREE" not in part
    assert calendar.count_calendar(tx, wanted, NOW)
    tx.assert_searched()


def test_contract_3_what_reaches_into_a_long_window_is_looked_for_before_it(tx: Explained) -> None:
    steps: list[None] = []
    driver: Any = tx._connection
    short, *_ = long_windows._reaching()
    driver.set_progress_handler(lambda: steps.append(None), 1)
    tx.rows(Statement(select(short)), start=NOW - 99 * DAY, end=NOW, now=NOW)
    driver.set_progress_handler(None, 0)
    # Each row that is looked at is several steps of SQLite's machine.
    assert 0 < len(steps) < tx.value(Statement("SELECT count(*) FROM device_session"))


def test_contract_6_the_sessions_of_a_long_timeline_use_the_same_indexes(tx: Explained) -> None:
    wanted = timeline_sessions.TimelineSessionFilter(devices.DeviceFilter((5, 3600)), NOW - 99 * DAY, NOW)
    assert list(timeline_sessions.list_timeline_sessions(tx, wanted, 100, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_begin", "ix_device_session_missing")
    assert timeline_sessions.count_timeline_sessions(tx, wanted, NOW)
    tx.assert_searched()


def test_contract_3_calendar_of_one_device_uses_its_index(tx: Explained) -> None:
    wanted = calendar.CalendarFilter(*WEEK, mac=MACS[3])
    assert list(calendar.list_calendar(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_device")
    assert calendar.count_calendar(tx, wanted, NOW)
    tx.assert_searched("ix_device_session_device")


@pytest.mark.parametrize("start", [None, WEEK[0]])
@pytest.mark.parametrize("end", [None, WEEK[1]])
def test_contract_3_list_of_one_device_uses_its_index(
    tx: Explained, start: int | None, end: int | None
) -> None:
    wanted = device_sessions.SessionFilter(mac=MACS[3], start=start, end=end)
    assert list(device_sessions.list_sessions(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_device")
    # In order as they are read: a first page does not wait for the last row.
    assert "TEMP B-TREE" not in tx.plans[-1]
    assert device_sessions.count_sessions(tx, wanted)
    tx.assert_searched()


@pytest.mark.parametrize("dates", [{"start": WEEK[0]}, {"end": WEEK[0]}, {"start": WEEK[0], "end": WEEK[1]}])
def test_contract_3_list_of_some_dates_uses_an_index(tx: Explained, dates: dict[str, int]) -> None:
    wanted = device_sessions.SessionFilter(**dates)
    assert list(device_sessions.list_sessions(tx, wanted, 100, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_begin")
    assert device_sessions.count_sessions(tx, wanted)
    tx.assert_searched()


def test_contract_3_sessions_of_a_device_use_its_index(tx: Explained) -> None:
    wanted = device_sessions.SessionFilter(mac=MACS[3], overlapping=WEEK, newest_first=True)
    assert list(device_sessions.list_sessions(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_device")
    assert "TEMP B-TREE" not in tx.plans[-1]
    assert device_sessions.count_sessions(tx, wanted)
    tx.assert_searched("ix_device_session_device")


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("all", "ix_event_at"),
        ("sessions", "ix_device_session_begin"),
        ("missing", "ix_device_session_missing"),
        ("missing_connection", "ix_device_session_missing"),
        ("missing_disconnection", "ix_device_session_missing"),
        ("voided", "ix_event_voided"),
        ("new", "ix_event_new"),
        ("down", "ix_event_down"),
    ],
)
def test_contract_3_session_events_and_counts_use_an_index(tx: Explained, kind: str, index: str) -> None:
    wanted = events.EventFilter(kind, WEEK[0])
    assert list(events.list_page(tx, wanted, 100, 0, NOW))
    tx.assert_searched(index)
    assert events.count_rows(tx, wanted, searched=True)
    tx.assert_searched()


@pytest.mark.parametrize("kind", ["all", "sessions"])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("offset", [0, 1500])
def test_contract_3_deep_pages_of_events_use_an_index(
    tx: Explained, kind: str, descending: bool, offset: int
) -> None:
    wanted = events.EventFilter(kind, NOW - 100 * DAY + 30, order=(("order_time", descending),))
    assert len(list(events.list_page(tx, wanted, 100, offset, NOW))) == 100
    tx.assert_searched("ix_event_at" if kind == "all" else "ix_device_session_begin")


def test_contract_3_totals_use_indexes(tx: Explained) -> None:
    assert all(events.count_totals(tx, WEEK[0]).values())


@pytest.mark.parametrize("kind", events.TOTALS)
def test_session_events_of_one_device_use_its_index(tx: Explained, kind: str) -> None:
    wanted = events.EventFilter(kind, WEEK[0], mac=MACS[3])
    index = "ix_device_session_device" if kind in events.SESSION_TYPES else "ix_event_device"
    assert events.count_rows(tx, wanted, searched=True) == len(
        list(events.list_page(tx, wanted, 100, 0, NOW))
    )
    tx.assert_searched(index)
    tx.assert_searched()


def test_contract_3_create_reads_no_long_history(tx: Explained) -> None:
    services.create_session(tx, NOW, services.NewSession(MACS[3], "192.168.1.1", NOW, NOW + 60), RULES)
    tx.assert_searched()
    whole_history = re.compile(r"\((device_id=\?|device_id=\? AND (begin_at|connected_at)<\?)\)")
    reading = [plan for plan in tx.plans if whole_history.search(plan)]
    # Left: the last session before it (one row of an index), and the one open session.
    assert all("SCALAR SUBQUERY" in plan for plan in reading), reading


def test_contract_3_delete_reads_one_device_only(tx: Explained) -> None:
    assert services.delete_sessions(tx, MACS[3]) == 101
    tx.assert_searched()


@pytest.mark.parametrize("status", devices.TOTALS)
@pytest.mark.parametrize("search", ["", "aa:bb", "ü"])
def test_contract_6_devices_are_listed_by_one_seek_each(tx: Explained, status: str, search: str) -> None:
    wanted = devices.DeviceFilter((10, 3600), status=status, search=search, sort="last_seen")
    found = list(devices.list_devices(tx, wanted, 100, 0, NOW, IN_UTC))
    assert len(found) == (len(MACS) if status in ("all", "connected") and search != "ü" else 0)
    tx.assert_searched("ix_device_session_device")
    # Flapping: only what began within its window is read, by either index.
    assert re.search(r"begin_at>\? AND begin_at<\?", tx.plans[-1]), tx.plans[-1]
    assert devices.count_devices(tx, wanted, NOW) == len(found)
    if status in devices.WITHOUT_LATEST and not search:
        assert "device_session" not in tx.plans[-1]
    else:
        tx.assert_searched("ix_device_session_device")


def test_contract_6_one_device_and_the_totals_read_no_whole_table(tx: Explained) -> None:
    assert devices.find_device(tx, MACS[3], (10, 3600), NOW, IN_UTC)
    assert devices.count_totals(tx, (10, 3600), NOW)["connected"] == len(MACS)
    tx.assert_searched("ix_device_session_device")


def test_contract_6_now_reads_no_whole_table(tx: Explained) -> None:
    assert len(now.latest_events(tx, 20, IN_UTC)) == 20
    tx.assert_searched("ix_event_at")
    for only in (None, "anna"):
        now.people_now(tx, NOW, only)
        now.count_people(tx, NOW, only)
    assert not [plan for plan in tx.plans if "SCAN user_session" in plan]


def test_contract_6_the_timeline_reads_each_device_by_its_index(tx: Explained) -> None:
    window = timeline.Window(*WEEK, 1000)
    found = list(timeline.list_timeline(tx, devices.DeviceFilter((10, 3600)), window, 100, 0, NOW, IN_UTC))
    assert len(found) == len(MACS)
    *_, numbers, others = tx.plans
    # Not called a covering index, since columns are generated; a row is looked up when it is asked for.
    assert "SEARCH device_session USING INDEX ix_device_session_device (device_id=? AND begin_at>?" in numbers
    assert "TEMP B-TREE" not in numbers
    assert "SEARCH device_session USING INTEGER PRIMARY KEY " in others
    tx.assert_searched("ix_device_session_device", "ix_device_session_missing")


def test_open_sessions_that_were_forgotten_are_read_by_the_index_of_open_ones(tx: Explained) -> None:
    assert len(figures.forgotten_open(tx, NOW)) == len(MACS)
    tx.assert_searched("uq_device_session_open")


def test_contract_6_the_sessions_of_a_bar_are_read_by_their_device(tx: Explained) -> None:
    wanted = timeline_sessions.TimelineSessionFilter(devices.DeviceFilter((10, 3600)), *WEEK, mac=MACS[0])
    assert list(timeline_sessions.list_timeline_sessions(tx, wanted, 100, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_device")


def test_the_shares_of_a_month_use_an_index_for_each_kind_of_session(tx: Explained) -> None:
    known = devices.DeviceFilter((10, 3600), "known")
    wanted = presence_shares.ShareFilter(known, NOW - 60 * DAY, NOW - 30 * DAY)
    assert list(presence_shares.list_shares(tx, wanted, 100, 0, NOW, IN_UTC))
    tx.assert_searched(*(f"ix_device_session_{kind}" for kind in ("short", "middle", "longest", "missing")))
    assert presence_shares.count_there(tx, wanted, NOW)["there"] == len(MACS)
    tx.assert_searched("ix_device_session_device")
    # Of the archived ones alone: whether they were there.
    assert presence_shares.count_shares(tx, wanted, NOW)
    tx.assert_searched("ix_device_session_device")
    assert presence_shares.count_shares(tx, wanted._replace(devices=devices.DeviceFilter((10, 3600))), NOW)
    assert "device_session" not in tx.plans[-1]


def test_who_was_there_at_an_instant_uses_an_index_for_each_kind_of_session(tx: Explained) -> None:
    kinds = [f"ix_device_session_{kind}" for kind in ("short", "middle", "longest", "begin_open")]
    at = NOW - 30 * DAY
    assert list(presence_at.devices_at(tx, at, 100, 0, IN_UTC))
    tx.assert_searched(*kinds)
    assert presence_at.count_devices_at(tx, at)
    tx.assert_searched(*kinds)
    assert presence_at.recorded_since(tx)
    assert not re.search("SCAN (device_session|event|scan|device_evidence)", tx.plans[-1]), tx.plans[-1]
    presence_at.people_at(tx, at, NOW, 300, None, IN_UTC)
    presence_at.count_people_at(tx, at, NOW, 300, None)
    for plan in tx.plans[-2:]:
        assert "SCAN user_session" not in plan, plan
        assert "ix_user_session_started (started_at>? AND started_at<?)" in plan, plan
        assert "ix_user_session_long (last_ping>?)" in plan, plan


@pytest.mark.parametrize("usernames", [(), ("user 3", "user 5")])
@pytest.mark.parametrize("until", [None, NOW - 3 * DAY])
@pytest.mark.parametrize("since", [0, NOW - 30 * DAY])
def test_statistics_of_people_read_sums_and_the_edges_of_the_period(
    tx: Explained, since: int, until: int | None, usernames: tuple[str, ...]
) -> None:
    wanted = StatsFilter(since, until, usernames)
    assert user_stats.session_stats(tx, wanted)
    of_stats = len(tx.plans)
    assert user_days.session_days(tx, wanted, SiteTime("Asia/Kolkata"))
    for plan in tx.plans:
        assert not re.search(r"SCAN (user_session|user_day|user_sum|view_time|view_visit)\b", plan), plan

    def is_searched(table: str, index: str) -> bool:
        return any(re.search(rf"SEARCH {table} USING {index}", plan) for plan in tx.plans)

    # The stretches and days of the period, not those of all time.
    assert is_searched("d", r"PRIMARY KEY \(username=\? AND ahead=\? AND day>\? AND day<\?\)")
    assert since or is_searched("user_sum", r"PRIMARY KEY \(bits=\? AND stretch>\? AND stretch<\?\)")
    # About each midnight; and the few that are long.
    started = r"\((username=\? AND )?started_at>\? AND started_at<\?\)"
    assert is_searched("s", rf"INDEX ix_user_session_(started|username) {started}")
    assert usernames or is_searched("user_session", rf"INDEX ix_user_session_middle {started}")
    assert is_searched("user_session", r"INDEX ix_user_session_long \(last_ping>\?")
    assert not [plan for plan in tx.plans[:of_stats] if "ix_user_session_username (username=?)" in plan]
