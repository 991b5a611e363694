"""The reads of contract section 3 use their indexes on PostgreSQL too, of 100,000 sessions."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.engine.interfaces import DBAPICursor

from sessiontrack import create_app
from sessiontrack.database import Statement, Transaction, db, read_transaction, write_transaction
from sessiontrack.queries import calendar, device_sessions, devices, events, online_history, timeline
from sessiontrack.services import device_sessions as services
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW

RULES = PresenceRules(600, 7 * 86_400, 0.0)

pytestmark = pytest.mark.postgres
DAY = 86400
MAC = "AA:BB:CC:DD:EE:03"
WEEK = (NOW - 7 * DAY, NOW)
# A whole table, or an index of it without any condition; those of open sessions are a few rows.
WHOLE = re.compile(
    r"Seq Scan on (device_session|event)\b"
    r"|Scan (Backward )?using (?!\w+_open )\w+ on (device_session|event)\b[^\n]*\n(?! *Index Cond)"
)
# Nearly all sessions are short here: the index of all is as good for them.
SHORT = "ix_device_session_(short|begin)"
FILL = [
    Statement(sql)
    for sql in (
        "INSERT INTO device (id, mac, first_seen_at)"
        " SELECT n, 'AA:BB:CC:DD:EE:' || upper(lpad(to_hex(n), 2, '0')), 0 FROM generate_series(1, 50) n",
        # Ten hours apart, 45 minutes long; of a hundred one lasts for 30 hours, and two lack an end.
        "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip,"
        " conn_type, disc_type) SELECT d, CASE WHEN n % 100 = 7 THEN NULL ELSE at END,"
        " CASE n % 100 WHEN 13 THEN NULL WHEN 50 THEN at + 108000 WHEN 7 THEN at ELSE at + 2700 END, false,"
        " '10.0.0.1', 'Connected', 'Disconnected' FROM (SELECT d, n, :now - n * 36000 - d AS at"
        " FROM generate_series(1, 50) d, generate_series(1, 2000) n WHERE n % 100 NOT IN (47, 48, 49)) made",
        "INSERT INTO device_session (device_id, connected_at, still_connected, conn_type, disc_type)"
        " SELECT d, :now - 60, true, 'Connected', 'Disconnected' FROM generate_series(1, 50) d",
        "INSERT INTO event (device_id, at, type, voided) SELECT device_id, begin_at, CASE id % 100"
        " WHEN 1 THEN 'Device Down' WHEN 2 THEN 'New Device' ELSE 'Connected' END, id % 100 = 3"
        " FROM device_session",
    )
]


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
        explaining.execute(f"EXPLAIN {sql}", {**fixed, **parameters})
        self.plans.append("".join(f"{row[0]}\n" for row in explaining.fetchall()))
        return super()._execute(statement, parameters, cursor)

    def assert_searched(self, *indexes: str) -> None:
        """Every statement so far searched; the last one by these indexes."""
        for plan in self.plans:
            assert not WHOLE.search(plan), plan
        for index in indexes:
            assert re.search(rf"(using|on) {index}\b", self.plans[-1]), self.plans[-1]


@pytest.fixture(scope="module")
def filled(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """An application whose database has 100,000 sessions; none of these tests changes it."""
    folder = tmp_path_factory.mktemp("plans") / "instance"
    shutil.copytree(template[0], folder)
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        with write_transaction() as tx:
            for statement in FILL:
                tx.run(statement, **({"now": NOW} if ":now" in str(statement._clause) else {}))
        with write_transaction() as tx:
            tx.run(Statement("ANALYZE"))
        yield app
        db.engine.dispose()


@pytest.fixture
def tx(filled: Flask) -> Iterator[Explained]:
    with read_transaction() as transaction:
        yield Explained(transaction)


def test_calendar_of_all_devices_uses_an_index_for_each_kind(tx: Explained) -> None:
    wanted = calendar.CalendarFilter(*WEEK)
    kinds = (
        SHORT,
        "ix_device_session_middle",
        "ix_device_session_longest",
        r"\w+_open",
        "ix_device_session_missing",
    )
    assert list(calendar.list_calendar(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched(*kinds)
    assert calendar.count_calendar(tx, wanted, NOW)
    tx.assert_searched(*kinds)


def test_calendar_of_an_old_week_does_too(tx: Explained) -> None:
    wanted = calendar.CalendarFilter(NOW - 400 * DAY, NOW - 393 * DAY)
    assert list(calendar.list_calendar(tx, wanted, None, 0, NOW, IN_UTC))
    tx.assert_searched(SHORT, "ix_device_session_middle", "ix_device_session_missing")


def test_online_history_uses_an_index_for_each_kind(tx: Explained) -> None:
    assert any(online_history.connected_at_each(tx, range(WEEK[0] + 1, WEEK[1], 3600)))
    tx.assert_searched(SHORT, "ix_device_session_middle", r"\w+_open")


def test_online_history_of_quarters_reads_no_sessions_but_those_of_its_begin(tx: Explained) -> None:
    assert any(online_history.connected_at_each(tx, range(*WEEK, 3600)))
    tx.assert_searched("pk_presence_change")
    assert "device_session" not in tx.plans[-1]


def test_the_timeline_reads_each_device_by_its_index(tx: Explained) -> None:
    window = timeline.Window(*WEEK, 1000)
    found = list(timeline.list_timeline(tx, devices.DeviceFilter((10, 3600)), window, 100, 0, NOW, IN_UTC))
    assert len(found) == 50
    tx.assert_searched("ix_device_session_device", "ix_device_session_missing")
    assert re.search(r"Index (Only )?Scan using ix_device_session_device", tx.plans[-2]), tx.plans[-2]


def test_what_is_of_one_device_uses_its_index(tx: Explained) -> None:
    week = calendar.CalendarFilter(*WEEK, mac=MAC)
    assert list(calendar.list_calendar(tx, week, None, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_device")
    for wanted in (
        device_sessions.SessionFilter(mac=MAC),
        device_sessions.SessionFilter(mac=MAC, start=WEEK[0], end=WEEK[1]),
        device_sessions.SessionFilter(mac=MAC, overlapping=WEEK, newest_first=True),
    ):
        assert list(device_sessions.list_sessions(tx, wanted, 100, 0, NOW, IN_UTC))
        tx.assert_searched("ix_device_session_device")
        assert device_sessions.count_sessions(tx, wanted)
        # To count all, any index of the device's will do.
        tx.assert_searched("(ix_device_session_device|uq_device_session_start)")


@pytest.mark.parametrize("dates", [{"start": WEEK[0]}, {"start": WEEK[0], "end": WEEK[1]}])
def test_list_of_some_dates_uses_an_index(tx: Explained, dates: dict[str, int]) -> None:
    wanted = device_sessions.SessionFilter(**dates)
    assert list(device_sessions.list_sessions(tx, wanted, 100, 0, NOW, IN_UTC))
    tx.assert_searched("ix_device_session_begin")


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("all", "ix_event_at"),
        ("sessions", "ix_device_session_begin"),
        ("missing", "ix_device_session_missing"),
        ("voided", "ix_event_voided"),
        ("new", "ix_event_new"),
        ("down", "ix_event_down"),
    ],
)
def test_session_events_and_counts_use_an_index(tx: Explained, kind: str, index: str) -> None:
    wanted = events.EventFilter(kind, WEEK[0])
    assert list(events.list_page(tx, wanted, 100, 0, NOW))
    tx.assert_searched(index)
    assert events.count_rows(tx, wanted, searched=True)
    tx.assert_searched()


def test_totals_use_indexes(tx: Explained) -> None:
    assert all(events.count_totals(tx, WEEK[0]).values())
    tx.assert_searched()


@pytest.mark.parametrize("search", ["", "aa:bb", "ü"])
def test_devices_are_listed_by_one_seek_each(tx: Explained, search: str) -> None:
    wanted = devices.DeviceFilter((10, 3600), search=search, sort="last_seen")
    found = list(devices.list_devices(tx, wanted, 100, 0, NOW, IN_UTC))
    assert len(found) == (0 if search == "ü" else 50)
    tx.assert_searched("ix_device_session_device")
    assert devices.find_device(tx, MAC, (10, 3600), NOW, IN_UTC)
    assert devices.count_totals(tx, (10, 3600), NOW)["connected"] == 50
    tx.assert_searched("ix_device_session_device")


@pytest.mark.parametrize("change", ["create", "delete"])
def test_writes_read_one_device_only(filled: Flask, change: str) -> None:
    changes: dict[str, Callable[[Transaction], Any]] = {
        "create": lambda tx: services.create_session(
            tx, NOW, services.NewSession(MAC, "10.0.0.1", NOW, NOW + 60), RULES
        ),
        "delete": lambda tx: services.delete_sessions(tx, MAC),
    }
    with write_transaction() as transaction:
        tx = Explained(transaction)
        assert changes[change](tx)
        tx.assert_searched()
        # The next test finds the same rows.
        transaction._connection.rollback()
