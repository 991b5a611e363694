"""`device_session` and `event` divided by months: the same rows and rules, and a month that goes at once.

`make test-postgres` runs the tests of sessions, events and presence once more on divided tables.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from sessiontrack import partitions
from sessiontrack.background import housekeeping
from sessiontrack.database import Statement, Transaction, read_transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.keeping import soundness
from sessiontrack.keeping.moving.move import move
from sessiontrack.partitions import EVENT, KEYS, SESSION, guards
from tests.conftest import NOW, Clients
from tests.keeping.test_moving import no_bar
from tests.support import databases, rows
from tests.support.command import assert_one_line, invoke
from tests.support.moving import content, fill_everything, open_url

postgres = pytest.mark.postgres
DAY = 86_400
# The first instants of months: NOW is in August 2025.
JULY, AUGUST, SEPTEMBER = 1_751_328_000, 1_754_006_400, 1_756_684_800
MAC = "02:00:00:00:00:01"


def divide(app: Flask, *tables: str, now: int = NOW, ahead: int = 3) -> list[str]:
    with rows.writing(app) as tx:
        return [made for table in tables or KEYS for made in partitions.divide(tx, table, now, ahead)]


def months(app: Flask, table: str) -> list[str]:
    with app.app_context(), read_transaction() as tx:
        return [each.table.removeprefix(f"{table}_") for each in partitions.list_months(tx, table)]


def url_of(clients: Clients) -> str:
    return databases.any_url_of(Path(clients.app.instance_path))


@pytest.fixture
def device(clients: Clients) -> int:
    """A device whose session of 40 days began in June; its tables are divided, from then on."""
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC)
        rows.add_session(tx, device_id, JULY - 10 * DAY, JULY + 30 * DAY)
        rows.add_event(tx, device_id, JULY - 10 * DAY, "New Device")
    divide(clients.app)
    return device_id


@postgres
def test_what_is_stored_stays_as_it_is(clients: Clients, tmp_path: Path) -> None:
    fill_everything(clients.app)
    url = url_of(clients)
    before, sound = content(url), invoke(clients.app.instance_path, "check", DATABASE_URL=url).stdout
    first = invoke(clients.app.instance_path, "partition", EVENT, SESSION, DATABASE_URL=url)
    assert first.exit_code == 0, first.output
    assert content(url) == before
    # Also every index that check looks for is there.
    assert invoke(clients.app.instance_path, "check", DATABASE_URL=url).stdout == sound
    again = invoke(clients.app.instance_path, "partition", DATABASE_URL=url)
    assert again.stdout == "0 tables of a month were made.\n"
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, "DD:DD:DD:DD:DD:DD")
        new = rows.add_session(tx, device_id, NOW, NOW + 1), rows.add_event(tx, device_id, NOW, "x")
    tables = ("device_session", "event")
    assert new == tuple(max(row[0] for row in before[table]) + 1 for table in tables)
    # And back: whole tables, with all that was in the divided ones.
    whole = tmp_path / "whole"
    whole.mkdir()
    move(url, str(databases.url_of(whole)), no_bar)
    assert content(str(databases.url_of(whole))) == content(url)


@postgres
@pytest.mark.parametrize("table", KEYS)
def test_each_table_may_be_divided_alone(clients: Clients, table: str) -> None:
    fill_everything(clients.app)
    before = content(url_of(clients))
    assert divide(clients.app, table)
    assert content(url_of(clients)) == before
    with pytest.raises(Conflict), rows.writing(clients.app) as tx:
        tx.run(Statement("UPDATE event SET session_id = 999999"))
    with rows.writing(clients.app) as tx:
        tx.run(Statement("DELETE FROM device_session WHERE id = (SELECT min(session_id) FROM event)"))
        assert tx.value(Statement("SELECT count(*) FROM event WHERE session_id IS NULL")) > 0


@postgres
def test_a_window_is_looked_for_in_its_months_alone(clients: Clients, device: int) -> None:
    with rows.writing(clients.app) as tx:
        for table, at in partitions.INSTANTS.items():
            sql = f"EXPLAIN SELECT * FROM {table} WHERE {at} >= :first AND {at} < :last"
            plan = str(tx.rows(Statement(sql), first=JULY, last=AUGUST))
            assert f"{table}_2025_07" in plan
            assert "2025_06" not in plan
            assert "2025_08" not in plan


OPEN = {"still_connected": True}
FORBIDDEN: list[tuple[str, Callable[[Transaction, int], object]]] = [
    ("overlaps from the month before", lambda tx, d: rows.add_session(tx, d, JULY + DAY, JULY + 2 * DAY)),
    ("spans the other", lambda tx, d: rows.add_session(tx, d, JULY - 20 * DAY, NOW)),
    ("ends in the other", lambda tx, d: rows.add_session(tx, d, JULY - 20 * DAY, JULY)),
    ("open before the other", lambda tx, d: rows.add_session(tx, d, JULY - 20 * DAY, None, **OPEN)),
    ("begins with it", lambda tx, d: rows.add_session(tx, d, JULY - 10 * DAY, None)),
    (
        "two open ones",
        lambda tx, d: [rows.add_session(tx, d, at, None, **OPEN) for at in (AUGUST, AUGUST + 40 * DAY)],
    ),
    (
        "moved onto it, from another month",
        lambda tx, d: [
            rows.add_session(tx, d, AUGUST + DAY, AUGUST + 2 * DAY),
            tx.run(
                Statement("UPDATE device_session SET connected_at = :at WHERE connected_at = :old"),
                at=JULY,
                old=AUGUST + DAY,
            ),
        ],
    ),
    ("no end at all", lambda tx, d: rows.add_session(tx, d, None, None)),
    ("another device's", lambda tx, d: tx.run(Statement("UPDATE device_session SET device_id = 999"))),
]
ALLOWED: list[Callable[[Transaction, int], object]] = [
    lambda tx, d: rows.add_session(tx, d, JULY + 30 * DAY, JULY + 70 * DAY),
    lambda tx, d: rows.add_session(tx, d, JULY - 20 * DAY, JULY - 10 * DAY),
    lambda tx, d: rows.add_session(tx, d, None, JULY),
    lambda tx, d: rows.add_session(tx, d, AUGUST + DAY, None, **OPEN),
    # Within a transaction they may: it is looked at when it commits.
    lambda tx, d: [
        rows.add_session(tx, d, JULY + DAY, JULY + 2 * DAY),
        tx.run(Statement("UPDATE device_session SET disconnected_at = :at WHERE id = 1"), at=JULY),
    ],
]


@postgres
@pytest.mark.parametrize(("why", "break_it"), FORBIDDEN)
def test_across_months_the_database_itself_forbids(
    clients: Clients, device: int, why: str, break_it: Callable[[Transaction, int], object]
) -> None:
    before = content(url_of(clients))
    with pytest.raises(Conflict), rows.writing(clients.app) as tx:
        break_it(tx, device)
    assert content(url_of(clients)) == before


@postgres
@pytest.mark.parametrize("do", ALLOWED)
def test_across_months_the_database_allows(
    clients: Clients, device: int, do: Callable[[Transaction, int], object]
) -> None:
    with rows.writing(clients.app) as tx:
        do(tx, device)


@postgres
def test_of_two_that_write_at_once_without_asking_one_is_refused(clients: Clients, device: int) -> None:
    """Each looks before the other has committed; an index would see it, and so must what stands for one."""
    add = (
        "INSERT INTO device_session (device_id, connected_at, disconnected_at, conn_type, disc_type)"
        " VALUES (%s, %s, %s, 'Connected', 'Disconnected')"
    )
    url = url_of(clients)
    with closing(open_url(url)) as one, closing(open_url(url)) as other:
        for connection, start in ((one, AUGUST + 20 * DAY), (other, SEPTEMBER + DAY)):
            connection.execute("BEGIN")
            connection.execute(add, (device, start, start + 30 * DAY))
        outcomes: list[str] = []

        def commit(connection: Any) -> None:
            try:
                connection.execute("COMMIT")
                outcomes.append("stored")
            except psycopg.errors.ExclusionViolation:
                outcomes.append("refused")

        threads = [threading.Thread(target=commit, args=(each,)) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(outcomes) == ["refused", "stored"]


@postgres
def test_an_event_keeps_its_session_into_another_month_and_loses_one_that_is_deleted(
    clients: Clients, device: int
) -> None:
    link = Statement("SELECT session_id FROM event WHERE type = 'Connected'")
    with rows.writing(clients.app) as tx:
        event_id = rows.add_event(tx, device, JULY, "Connected")
        tx.run(Statement("UPDATE event SET session_id = 1 WHERE id = :id"), id=event_id)
        tx.run(Statement("UPDATE device_session SET connected_at = :at WHERE id = 1"), at=JULY)
        assert tx.value(link) == 1
    with rows.writing(clients.app) as tx:
        tx.run(Statement("DELETE FROM device_session"))
        assert tx.value(link) is None


@postgres
def test_months_to_come_are_made_of_what_is_there_already(clients: Clients, device: int) -> None:
    assert months(clients.app, SESSION) == ["before", *(f"2025_{n:02}" for n in range(6, 12)), "later"]
    far = NOW + 120 * DAY
    with rows.writing(clients.app) as tx:
        ids = [rows.add_session(tx, device, at, at + DAY) for at in (far, far + 300 * DAY)]
        rows.add_event(tx, device, far, "Connected")
    before = content(url_of(clients))
    assert divide(clients.app, now=far)[:2] == ["device_session_2025_12", "device_session_2026_01"]
    assert months(clients.app, SESSION)[-5:] == ["2025_12", "2026_01", "2026_02", "2026_03", "later"]
    assert content(url_of(clients)) == before
    with rows.writing(clients.app) as tx:
        at = "SELECT tableoid::regclass::text FROM {} ORDER BY id DESC LIMIT 2"
        assert tx.rows(Statement(at.format(SESSION))) == [
            ("device_session_later",),
            ("device_session_2025_12",),
        ]
        assert tx.value(Statement(at.format(EVENT))) == "event_2025_12"
    with pytest.raises(Conflict), rows.writing(clients.app) as tx:
        tx.run(Statement("UPDATE device_session SET connected_at = :at WHERE id = :id"), at=far, id=ids[1])


@postgres
def test_pruning_throws_away_a_month_of_which_nothing_stays(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(RETENTION_DEVICE_SESSIONS="1 month", RETENTION_EVENTS="1 month")
    with rows.writing(clients.app) as tx:
        device_id, other = rows.add_device(tx, MAC), rows.add_device(tx, "02:00:00:00:00:02")
        for day in range(-90, 40):
            at = JULY + day * DAY
            rows.add_session(tx, device_id, at, at + 60)
            rows.add_event(tx, device_id, at, "Connected")
        # What began in May goes on: it stays, and its event.
        rows.add_session(tx, other, JULY - 50 * DAY, None, **OPEN)
        rows.add_event(tx, other, JULY - 50 * DAY, "Connected")
        # An event of now refers to a session of April.
        kept = rows.add_event(tx, device_id, NOW - 60, "Disconnected")
        link = "UPDATE event SET session_id = (SELECT min(id) FROM device_session) WHERE id = :id"
        tx.run(Statement(link), id=kept)
    divide(clients.app)
    assert months(clients.app, EVENT)[:4] == ["before", "2025_04", "2025_05", "2025_06"]
    settings = clients.app.extensions["sessiontrack.settings"]
    with clients.app.app_context():
        counted = housekeeping.preview(settings, NOW)
        done = housekeeping.prune(settings, NOW)
        assert done is not None
        assert done.removed == counted
        assert counted["device_sessions"] == 105
        assert counted["events"] == 105
        assert housekeeping.preview(settings, NOW)["events"] == 0
        assert [each.name for each in soundness.examine() if each.count] == []
    with rows.writing(clients.app) as tx:
        left = tx.rows(Statement("SELECT session_id FROM event WHERE id = :id"), id=kept)
        assert left == [(None,)]
        for table in KEYS:
            for name, count in (("2025_04", 0), ("2025_05", 1), ("2025_06", 0)):
                assert tx.value(Statement(f"SELECT count(*) FROM {table}_{name}")) == count
                size = f"SELECT pg_relation_size('{table}_{name}')"
                assert (tx.value(Statement(size)) == 0) is (count == 0)
    # The oldest that are empty go, and what still comes for their time has a place.
    before = content(url_of(clients))
    assert divide(clients.app) == []
    assert content(url_of(clients)) == before
    for table in KEYS:
        assert months(clients.app, table)[:4] == ["before", "2025_05", "2025_06", "2025_07"]
    with rows.writing(clients.app) as tx:
        assert rows.add_event(tx, device_id, JULY - 80 * DAY, "Connected")
        assert rows.add_session(tx, device_id, JULY - 80 * DAY, JULY)


@postgres
def test_two_at_once_divide_once_and_one_that_fails_divides_nothing(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_everything(clients.app)
    before = content(url_of(clients))
    monkeypatch.setattr(guards, "LINKS", "SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        divide(clients.app)
    monkeypatch.undo()
    with clients.app.app_context(), read_transaction() as tx:
        assert partitions.divided_tables(tx) == []
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(len(divide(clients.app)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 2
    assert min(made) == 0 < max(made)
    assert content(url_of(clients)) == before


@postgres
def test_without_a_divided_table_it_must_be_named(clients: Clients) -> None:
    result = invoke(clients.app.instance_path, "partition", DATABASE_URL=url_of(clients))
    assert result.exit_code == 2
    assert "say which one" in result.stderr


@pytest.mark.sqlite("does not divide tables")
def test_sqlite_is_told_so(clients: Clients) -> None:
    result = invoke(clients.app.instance_path, "partition", EVENT)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "PostgreSQL only")
