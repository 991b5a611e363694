"""Days by sums that are kept: what adding up all sessions would say, in whatever zone."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from alembic import command

from sessiontrack import create_app
from sessiontrack.database import Statement, Transaction, db, read_transaction, write_transaction
from sessiontrack.migrations import revisions
from sessiontrack.queries import user_days
from sessiontrack.queries.invariants import find_wrong_counts
from sessiontrack.queries.user_sessions import StatsFilter
from sessiontrack.startup import prepare
from sessiontrack.values.timestamps import SiteTime
from tests.support.application import Clients

DAY = 86_400
DAYS = 24
ADD = Statement(
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, visible_seconds,"
    " ended_at) VALUES (:id, :key, :key, :username, :start, :end, :seconds, :end)"
)
ADD_VISIT = Statement(
    "INSERT INTO view_visit (session_id, since_at, until_at, view, tab, seconds)"
    " VALUES (:id, :since, :until, 'a', '', :seconds)"
)
ADD_VIEWS = (
    "INSERT INTO view_time (session_id, view, tab, seconds)"
    " SELECT id, '{}', '', visible_seconds FROM user_session"
)
STAYS = Statement("SELECT id, username, started_at, last_ping, visible_seconds FROM user_session")
VISITS = Statement("SELECT session_id, since_at, until_at, seconds FROM view_visit")
# By the middle of the history.
ZONES = {
    "UTC": "2024-06-01",
    "Europe/Berlin": "2024-10-27",
    "America/New_York": "2024-03-10",
    "Asia/Kolkata": "2024-06-01",
    "Asia/Kathmandu": "2024-06-01",
    "Asia/Tokyo": "2024-06-01",
    "Pacific/Kiritimati": "2024-06-01",
    "Pacific/Honolulu": "2024-06-01",
    "Australia/Lord_Howe": "2024-04-07",
}
# Midnight is skipped, is there twice, or a whole day is skipped; an hour is repeated across midnight.
ODD_ZONES = {
    "Africa/Cairo": "2024-04-26",
    "America/Havana": "2024-11-03",
    "Pacific/Apia": "2011-12-30",
    "Pacific/Kwajalein": "1993-08-21",
    "America/St_Johns": "2006-10-29",
    "Antarctica/Casey": "2020-10-04",
}


def add_history(tx: Transaction, site: SiteTime, middle: datetime) -> None:
    """Stays of four people, many of them about a midnight, one in two with visits."""
    chance = random.Random(site.name)
    first = middle - timedelta(days=DAYS // 2)
    for number in range(1, 221):
        midnight = site.resolve(first + timedelta(days=chance.randrange(DAYS)))
        start = midnight + chance.choice((-7_201, -7_200, -60, -1, 0, 1, -chance.randrange(DAY)))
        length = chance.choice(
            (
                0,
                60,
                7_199,
                7_200,
                7_201,
                chance.randrange(7_200),
                chance.randrange(DAY),
                DAY,
                DAY + 1,
                3 * DAY,
            )
        )
        visits = []
        at = start
        while length and number % 2 and len(visits) < 4 and at < start + length:
            until = min(start + length, at + chance.randrange(1, length + 1))
            visits.append((at, until, chance.randrange(1, until - at + 1)))
            at = until + chance.randrange(3)
        told = sum(seconds for *_, seconds in visits)
        tx.run(
            ADD,
            id=number,
            key=f"stay {number}",
            username=f"user {number % 4}",
            start=start,
            end=start + length,
            seconds=chance.randrange(told, length + 1),
        )
        for since, end, seconds in visits:
            tx.run(ADD_VISIT, id=number, since=since, until=end, seconds=seconds)


def added_up(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> list[dict[str, Any]]:
    """The slow and obvious way."""
    stays = tx.rows(STAYS)
    visits = tx.rows(VISITS)
    first = min(row[2] for row in stays) // DAY - 2
    dates = [datetime.fromtimestamp((first + n) * DAY, UTC).date() for n in range(2 * DAYS)]
    midnights = [site.resolve(datetime.combine(day, time())) for day in dates]
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row_id, name, start, end, visible in stays:
        is_there = end >= wanted.since and (wanted.until is None or start < wanted.until)
        is_asked_for = (not wanted.usernames or name in wanted.usernames) and wanted.only in (None, name)
        if not is_there or not is_asked_for:
            continue
        spans = [visit[1:] for visit in visits if visit[0] == row_id]
        spans.append((start, end, visible - sum(seconds for *_, seconds in spans)))
        days: dict[str, int] = defaultdict(int)
        for since, until, seconds in spans:
            cuts = [since, *(at for at in midnights if since < at < until), until]
            given = 0
            for begin, after in pairwise(cuts):
                so_far = seconds * (after - since) // (until - since) if until > since else seconds
                days[site.wall_time(begin).date().isoformat()] += so_far - given
                given = so_far
        for day, seconds in days.items():
            found[name, day][0] += 1
            found[name, day][1] += seconds
    shown = [site.wall_time(wanted.since).date().isoformat(), "9999"]
    if wanted.until is not None:
        shown[1] = site.wall_time(wanted.until - 1).date().isoformat()
    return [
        {"username": name, "day": day, "sessions": sessions, "visible_duration": seconds}
        for (name, day), (sessions, seconds) in sorted(found.items())
        if shown[0] <= day <= shown[1]
    ]


def periods(middle: datetime, site: SiteTime) -> Iterator[StatsFilter]:
    at = site.resolve(middle)
    for since in (0, at - 12 * DAY, at - 10 * DAY + 1, at - 9 * DAY + 43_200, at - 5_000, at + 40 * DAY):
        yield StatsFilter(since)
        yield StatsFilter(since, None, ("user 1", "user 3"))
        yield StatsFilter(since, None, ("user 1",), "user 2")
        yield StatsFilter(since, None, (), "user 2")
        for until in (at + 5 * DAY, at + 9 * DAY - 1, at + 9 * DAY + 43_201):
            if since < until:
                yield StatsFilter(since, until)


@pytest.mark.parametrize("zone", [*ZONES, *ODD_ZONES])
def test_days_are_what_adding_up_all_sessions_says(clients: Clients, zone: str) -> None:
    site, middle = SiteTime(zone), datetime.fromisoformat({**ZONES, **ODD_ZONES}[zone])
    with clients.app.app_context():
        with write_transaction() as tx:
            add_history(tx, site, middle)
            # By whatever way they change.
            tx.run(Statement("DELETE FROM user_session WHERE id % 11 = 3"))
            tx.run(Statement("UPDATE user_session SET username = 'user 5' WHERE id % 13 = 3"))
        with read_transaction() as tx:
            assert find_wrong_counts(tx) == []
            for wanted in periods(middle, site):
                found = user_days.session_days(tx, wanted, site)
                with patch.object(user_days, "FEW_DAYS", 10**9):
                    assert found == user_days.session_days(tx, wanted, site), wanted
                if zone in ZONES:
                    assert found == added_up(tx, wanted, site), wanted


@pytest.mark.parametrize(("zone", "ahead"), [("Asia/Kathmandu", 0), ("Asia/Tokyo", DAY // 2)])
def test_the_sums_of_the_nearer_days_are_what_is_read_and_a_wrong_one_is_found(
    clients: Clients, zone: str, ahead: int
) -> None:
    site, middle = SiteTime(zone), datetime.fromisoformat(ZONES[zone])
    day = (site.resolve(middle) + ahead) // DAY
    with clients.app.app_context(), write_transaction() as tx:
        add_history(tx, site, middle)
        before = user_days.session_days(tx, StatsFilter(0), site)
        wrong = "UPDATE user_day SET seconds = seconds + 1 WHERE username = 'user 1' AND ahead = :ahead"
        tx.run(Statement(f"{wrong} AND day = :day"), ahead=ahead, day=day)
        after = user_days.session_days(tx, StatsFilter(0), site)
        assert [each for each in after if each not in before] != []
        assert find_wrong_counts(tx) == [f"user 1 {ahead} {day}"]


def test_sums_of_an_older_version_are_made_anew(tmp_path: Path) -> None:
    app = create_app({"INSTANCE": tmp_path / "instance"})
    with app.app_context():
        with db.engine.begin() as connection:
            command.upgrade(revisions._config(connection), "0041")
        with write_transaction() as tx:
            add_history(tx, SiteTime("UTC"), datetime.fromisoformat(ZONES["UTC"]))
            # Some in a later stretch of 48 days, some in a later long one.
            for seconds, rest in ((5_000_000, 1), (20_000_000, 2)):
                later = f"started_at = started_at + {seconds}, last_ping = last_ping + {seconds}"
                tx.run(Statement(f"UPDATE user_session SET {later} WHERE id % 3 = {rest}"))
            tx.run(Statement(ADD_VIEWS.format("view")))
    prepare(app)
    with app.app_context():
        with write_transaction() as tx:
            assert find_wrong_counts(tx) == []
            bits = tx.rows(Statement("SELECT bits, sum(sessions) FROM user_sum GROUP BY bits ORDER BY bits"))
            assert [(each, int(sessions)) for each, sessions in bits] == [(22, 220), (24, 220)]
            days = tx.rows(
                Statement("SELECT ahead, sum(sessions) FROM user_day GROUP BY ahead ORDER BY ahead")
            )
            assert [(each, int(sessions)) for each, sessions in days] == [(0, 220), (DAY // 2, 220)]
            tx.run(Statement("DELETE FROM user_session WHERE id % 2 = 1"))
            tx.run(Statement("UPDATE view_time SET seconds = seconds + 1 WHERE session_id % 4 = 0"))
            tx.run(Statement(ADD_VIEWS.format("other view")))
            assert find_wrong_counts(tx) == []
        db.engine.dispose()
