"""`/presence/online-history`: how many devices were connected, against counting them one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import time_machine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessiontrack.database import Statement, Transaction, write_transaction
from sessiontrack.queries.invariants import find_wrong_counts
from sessiontrack.queries.online_history import connected_at_each
from sessiontrack.services.repairs import COUNT_ANEW
from sessiontrack.values.periods import instants_every, parse_period
from sessiontrack.values.timestamps import SiteTime
from tests.device_sessions.test_query_plans import WHOLE, Explained
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused

DAY = 86_400
Session = tuple[int | None, int | None, bool]


def history(clients: Clients, **query: Any) -> list[tuple[str, int]]:
    answer = clients.viewer.get("/presence/online-history", query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [(point["at"], point["connected"]) for point in answer.json["points"]]


def test_contract_6_connected_from_the_connection_to_before_the_disconnection(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    with rows.writing(clients.app) as tx:
        first, second = rows.add_device(tx, "00:00:0C:00:00:01"), rows.add_device(tx, "00:00:0C:00:00:02")
        rows.add_session(tx, first, NOW - 3 * 3600, NOW - 3600)
        rows.add_session(tx, second, NOW - 2 * 3600, None, still_connected=True)
        rows.add_session(tx, second, NOW - 30 * DAY, NOW - 20 * DAY)
        rows.add_session(tx, second, NOW - 4 * 3600, None)  # nobody knows for how long
        rows.add_session(tx, first, None, NOW - 4 * 3600)
    # Without anything: the day before now, by the hour.
    found = history(clients)
    assert len(found) == 25
    assert found[-5:] == [
        ("2025-08-15T08:00:00+00:00", 0),
        ("2025-08-15T09:00:00+00:00", 1),
        ("2025-08-15T10:00:00+00:00", 2),
        ("2025-08-15T11:00:00+00:00", 1),
        ("2025-08-15T12:00:00+00:00", 1),
    ]
    assert history(clients, start="2025-07-20", end="2025-07-20T01:00:00", step="30 min") == [
        ("2025-07-20T00:00:00+00:00", 1),
        ("2025-07-20T00:30:00+00:00", 1),
        ("2025-07-20T01:00:00+00:00", 1),
    ]


def test_it_says_from_when_on_anything_is_recorded(clients: Clients, clock: time_machine.Traveller) -> None:
    asked = {"query_string": {"start": "2025-08-14"}}
    assert clients.viewer.ok("GET", "/presence/online-history", **asked)["recorded_since"] is None
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, "00:00:0C:00:00:01"), NOW - 3600, NOW)
    answer = clients.viewer.ok("GET", "/presence/online-history", **asked)
    assert answer["recorded_since"] == "2025-08-15T11:00:00+00:00"


def test_contract_6_nothing_is_told_of_the_future(clients: Clients, clock: time_machine.Traveller) -> None:
    found = history(clients, start="2025-08-15T11:00", end="2025-08-15", step="1 hour")
    assert [at for at, _ in found] == ["2025-08-15T11:00:00+00:00", "2025-08-15T12:00:00+00:00"]
    assert history(clients, start="2025-09-01", end="2025-09-02") == []


def test_contract_2_a_step_of_days_keeps_the_clock_time(
    make_clients: Callable[..., Clients], clock: time_machine.Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    found = history(clients, start="2025-03-29T12:00", end="2025-03-31T12:00", step="1 day")
    assert [at[11:] for at, _ in found] == ["12:00:00+01:00", "12:00:00+02:00", "12:00:00+02:00"]
    found = history(clients, start="2025-01-31", end="2025-04-30", step="1 month")
    assert [at[:10] for at, _ in found] == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]


def test_contract_6_at_most_ten_thousand_points(clients: Clients, clock: time_machine.Traveller) -> None:
    end = "2025-08-14T12:00:00"
    assert len(history(clients, start="2025-08-07T13:21", end=end, step="1 min")) == 10_000
    error = refused(
        clients.viewer.get(f"/presence/online-history?start=2025-08-07T13:20&end={end}&step=1 min"), 400
    )
    assert list(error["errors"]) == ["step"]
    refused(clients.viewer.get("/presence/online-history?start=1970-01-01&step=1 minute"), 400)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=yesterday", "start"),
        ("start=2025-08-02&end=2025-08-01", "end"),
        ("start=2025-09-01", "start"),
        ("step=all", "step"),
        ("step=0 hours", "step"),
        ("period=1 day", "period"),
    ],
)
def test_contract_2_what_cannot_be_read_is_refused(
    clients: Clients, clock: time_machine.Traveller, query: str, field: str
) -> None:
    error = refused(clients.viewer.get(f"/presence/online-history?{query}"), 400)
    assert list(error["errors"]) == [field]


@st.composite
def stays(draw: st.DrawFn) -> list[list[Session]]:
    """For each device, sessions that do not overlap; some long, some lacking an end, the last maybe open."""
    devices = []
    for _ in range(draw(st.integers(1, 4))):
        at, sessions = NOW - 10 * DAY, list[Session]()
        for gap, length in draw(
            st.lists(st.tuples(st.integers(0, DAY), st.integers(0, 3 * DAY)), max_size=6)
        ):
            start, at = at + gap + 1, at + gap + 1 + length
            sessions.append(
                draw(st.sampled_from([(start, at, False)] * 3 + [(start, None, False), (None, at, False)]))
            )
        if draw(st.booleans()):
            sessions.append((at + 1, None, True))
        devices.append(sessions)
    return devices


@settings(max_examples=120)
@given(
    devices=stays(), start=st.integers(NOW - 12 * DAY, NOW), steps=st.lists(st.integers(1, DAY), max_size=9)
)
@example(devices=[[(NOW - 2 * DAY, NOW - DAY, False)]], start=NOW - 2 * DAY, steps=[DAY - 1, 1])
@example(devices=[[(NOW - 2 * DAY - 1, NOW - DAY, False)]], start=NOW - DAY - 1, steps=[1, 1])
@example(devices=[[(NOW - 33 * DAY, NOW - DAY, False)]], start=NOW - DAY - 1, steps=[1, 1])
@example(devices=[[(NOW - 33 * DAY - 1, NOW - DAY, False)]], start=NOW - DAY - 1, steps=[1, 1])
def test_contract_6_the_sweep_counts_what_counting_each_instant_counts(
    clients: Clients, devices: list[list[Session]], start: int, steps: list[int]
) -> None:
    instants = [start]
    for step in steps:
        instants.append(instants[-1] + step)
    with clients.app.app_context(), write_transaction() as tx:
        fill(tx, devices)
        assert connected_at_each(tx, instants) == one_by_one(devices, instants)


def fill(tx: Transaction, devices: list[list[Session]]) -> None:
    """These sessions of these devices, and no others."""
    tx.run(Statement("DELETE FROM device"))
    for number, sessions in enumerate(devices):
        device_id = rows.add_device(tx, f"AA:BB:CC:00:00:{number:02X}")
        for begin, end, is_open in sessions:
            rows.add_session(tx, device_id, begin, end, still_connected=is_open)


def one_by_one(devices: list[list[Session]], instants: Sequence[int]) -> list[int]:
    return [
        sum(
            begin is not None and begin <= at and (is_open or (end is not None and at < end))
            for sessions in devices
            for begin, end, is_open in sessions
        )
        for at in instants
    ]


@settings(max_examples=80)
@given(
    devices=stays(),
    start=st.integers(NOW // 900 - 12 * 96, NOW // 900),
    step=st.integers(1, 60),
    count=st.integers(1, 40),
)
@example(devices=[[(NOW - 1800, NOW - 900, False)]], start=NOW // 900 - 4, step=1, count=6)
@example(devices=[[(NOW - 1801, NOW - 901, False)]], start=NOW // 900 - 4, step=1, count=6)
@example(devices=[[(NOW - 1799, NOW - 899, False)]], start=NOW // 900 - 4, step=1, count=6)
@example(devices=[[(NOW - 40 * DAY, NOW, False)], [(NOW, None, True)]], start=NOW // 900 - 8, step=4, count=9)
def test_contract_6_quarters_of_an_hour_are_counted_from_what_is_kept(
    clients: Clients, devices: list[list[Session]], start: int, step: int, count: int
) -> None:
    instants = range(start * 900, (start + step * count) * 900, step * 900)
    with clients.app.app_context(), write_transaction() as tx:
        fill(tx, devices)
        assert connected_at_each(tx, instants) == one_by_one(devices, instants)
        assert find_wrong_counts(tx) == []


def test_a_day_of_23_hours_among_quarters(clients: Clients) -> None:
    berlin = SiteTime("Europe/Berlin")
    start, end = berlin.parse_start("2025-03-28"), berlin.parse_start("2025-04-02")
    instants = list(instants_every(parse_period("1 day"), start, end, berlin))
    assert instants[2] + 23 * 3600 == instants[3]
    devices: list[list[Session]] = [
        [(start + number * 9000, start + number * 9000 + 8000, False) for number in range(50)],
        [(start - 40 * DAY, end - 1, False)],
    ]
    with clients.app.app_context(), write_transaction() as tx:
        fill(tx, devices)
        assert connected_at_each(tx, instants) == one_by_one(devices, instants)


def test_quarters_of_the_first_years_are_counted_too(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        devices: list[list[Session]] = [[(DAY, 700 * DAY, False)]]
        fill(tx, devices)
        instants = range(0, 3 * 365 * DAY, DAY)
        assert connected_at_each(tx, instants) == one_by_one(devices, instants)


@pytest.mark.parametrize("change", ["rows + 1", "-rows"])
def test_check_finds_a_wrong_change_and_repair_counts_anew(clients: Clients, change: str) -> None:
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, "00:00:0C:00:00:01"), NOW - 3 * 3600, NOW - 3600)
        assert find_wrong_counts(tx) == []
        tx.run(Statement(f"UPDATE presence_change SET rows = {change} WHERE ended = 1"))
        assert find_wrong_counts(tx) == [f"{(NOW - 3600) // 900} 1"]
        for statement in COUNT_ANEW:
            tx.run(statement)
        assert find_wrong_counts(tx) == []


@pytest.mark.sqlite("in its words; test_query_plans_postgres.py asks PostgreSQL")
def test_the_sweep_reads_no_whole_table(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        explained = Explained(tx)
        connected_at_each(explained, range(NOW - DAY + 1, NOW, 3600))
        connected_at_each(explained, range(NOW - DAY, NOW, 3600))
    plan, begin, kept = explained.plans
    for each in (plan, begin):
        assert not WHOLE.search(each), each
        for kind in ("short", "middle", "longest", "begin_open"):
            assert f"INDEX ix_device_session_{kind} " in each
    assert "SEARCH presence_change USING PRIMARY KEY (quarter>? AND quarter<?)" in kept, kept
    assert "device_session" not in kept


def test_a_day_that_the_zone_skipped_is_one_point() -> None:
    apia = SiteTime("Pacific/Apia")  # it had no 30 December 2011
    start, end = apia.parse_start("2011-12-28T12:00"), apia.parse_start("2012-01-02T12:00")
    found = [apia.format_offset(at)[:10] for at in instants_every(parse_period("1 day"), start, end, apia)]
    assert found == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


def test_a_start_after_now_speaks_of_now_where_no_end_was_sent(clients: Clients) -> None:
    error = refused(clients.viewer.get("/presence/online-history?start=2099-01-01"), 400)
    assert error["errors"] == {"start": ["Must not be after now, where end is left out."]}


@pytest.mark.parametrize(
    ("step", "points"),
    [
        ("30s", 121),
        ("5m", 13),
        ("5M", 13),
        ("1h", 2),
        ("20 min", 4),
        ("90s", 41),
        ("1m30s", 41),
        ("200ms", 3601),
        ("2500ms", 1201),
    ],
)
def test_contract_6_a_step_as_grafana_sends_it(clients: Clients, step: str, points: int) -> None:
    query = {"start": "1755255600", "end": "1755259200", "step": step}
    assert len(clients.viewer.ok("GET", "/presence/online-history", query_string=query)["points"]) == points


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1755255600", "1755259200"),
        ("1755255600000", "1755259200000"),
        ("1755255600123", "1755259200999"),
        ("2025-08-15T11:00:00.000Z", "2025-08-15T12:00:00.000Z"),
    ],
)
def test_contract_6_instants_as_grafana_sends_them(clients: Clients, start: str, end: str) -> None:
    query = {"start": start, "end": end, "step": "30m"}
    points = clients.viewer.ok("GET", "/presence/online-history", query_string=query)["points"]
    assert [each["at"][11:16] for each in points] == ["11:00", "11:30", "12:00"]


@pytest.mark.parametrize("step", ["m", "5", "0s", "s5", "5ms5", "1 parsec", "0m"])
def test_contract_6_another_step_is_refused_by_name(clients: Clients, step: str) -> None:
    answer = clients.viewer.get("/presence/online-history", {"step": step})
    assert set(refused(answer, 400)["errors"]) == {"step"}


def test_contract_2_m_stays_ambiguous_elsewhere(clients: Clients) -> None:
    for path in ("/sessions/totals", "/sessions/session-events"):
        for period in ("5m", "30s"):
            assert set(refused(clients.viewer.get(path, {"period": period}), 400)["errors"]) == {"period"}
