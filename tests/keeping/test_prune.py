"""Pruning: old data is removed, in small steps and by one process of many; needed data stays."""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import Base, Statement, look_up, read_transaction, write_transaction
from sessiontrack.database.kept_sums import forget_zeros
from sessiontrack.database.maintenance import database_sizes, others_wait_to_write, used_bytes
from sessiontrack.exceptions import Conflict, InvalidSetting, StorageUnavailable
from sessiontrack.keeping import soundness, vacuuming
from sessiontrack.models.kept import KEPT
from sessiontrack.services import claims, retention
from sessiontrack.services.claims import CLAIM_SECONDS, DAY_SECONDS
from sessiontrack.values.timestamps import IN_UTC
from tests.support import databases, rows
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.database_files import DATABASE
from tests.support.server import Server
from tests.support.stays import stay
from tests.support.waiting import wait_until

DAY = 86_400
OLD = NOW - 400 * DAY
YEAR = {
    "RETENTION_DEVICE_SESSIONS": "1 year",
    "RETENTION_EVENTS": "1 year",
    "RETENTION_USER_SESSIONS": "1 year",
}
NOTHING = {"device_sessions": 0, "events": 0, "user_sessions": 0, "logins": 0, "login_attempts": 0}
MakeClients = Callable[..., Clients]

pytestmark = pytest.mark.usefixtures("clock")


def create(clients: Clients, number: int, start: int, end: int | None) -> int:
    body: dict[str, Any] = {"mac": f"02:00:00:00:00:{number:02X}", "ip": "10.0.0.1"}
    body |= {"start_time": text(start)} | ({} if end is None else {"end_time": text(end)})
    made: int = clients.operator.ok("POST", "/sessions/create", body)["id"]
    return made


def text(at: int) -> str:
    return IN_UTC.format_offset(at)


def pruned(app: Flask, now: int = NOW) -> dict[str, int]:
    """The rows that a run removes; the dry run before must have counted the same."""
    settings = settings_of(app)
    with app.app_context():
        before = ids(app)
        counted = housekeeping.preview(settings, now).counts
        assert ids(app) == before
        done = housekeeping.prune(settings, now)
        assert done is not None
        assert done.held_until is None
        assert done.removed == counted
        assert [each for each in soundness.examine() if each.count] == []
        # A second run finds nothing.
        again = housekeeping.preview(settings, now).counts
    assert again == NOTHING
    return {name: count for name, count in done.removed.items() if count}


def ids(app: Flask) -> dict[str, list[int]]:
    with app.app_context(), read_transaction() as tx:
        return {
            table: [row[0] for row in tx.rows(Statement(f"SELECT id FROM {table} ORDER BY id"))]
            for table in ("device_session", "event", "user_session")
        }


def test_by_default_everything_is_kept(clients: Clients) -> None:
    create(clients, 1, 1_000_000, 1_000_100)
    stay(clients.app, "viewer", "k", 1_000_000, (60, ("maps", "")), ends=True)
    assert pruned(clients.app) == {}
    assert ids(clients.app)["device_session"] != []


def test_what_is_older_goes_and_what_is_not_stays(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    create(clients, 1, OLD, OLD + 100)
    kept = create(clients, 1, OLD + 200, OLD + 300 * DAY)
    stay(clients.app, "viewer", "old", OLD, (60, ("maps", "")), ends=True)
    stay(clients.app, "viewer", "new", NOW - 100 * DAY, (60, ("maps", "")), ends=True)
    # New Device, and the two events of the old session; also the start of the session that ended in time.
    assert pruned(clients.app) == {"device_sessions": 1, "events": 4, "user_sessions": 1}
    assert ids(clients.app)["device_session"] == [kept]
    assert len(ids(clients.app)["event"]) == 1
    with clients.app.app_context(), read_transaction() as tx:
        assert tx.value(Statement("SELECT count(*) FROM view_time")) == 1


def test_each_kind_has_its_own_limit(make_clients: MakeClients) -> None:
    clients = make_clients(RETENTION_EVENTS="1 month")
    kept = create(clients, 1, OLD, OLD + 100)
    stay(clients.app, "viewer", "old", OLD, (60, ("maps", "")), ends=True)
    assert pruned(clients.app) == {"events": 3}
    assert ids(clients.app)["device_session"] == [kept]


def test_an_open_session_keeps_its_start_however_old(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    kept = create(clients, 1, OLD, None)
    assert pruned(clients.app) == {}
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert (session["id"], session["ses_StillConnected"]) == (kept, True)
    with clients.app.app_context(), read_transaction() as tx:
        assert (OLD, "Connected") in tx.rows(Statement("SELECT at, type FROM event"))


def test_an_event_that_is_not_linked_stays_where_an_open_session_begins(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, "02:00:00:00:00:01")
        rows.add_session(tx, device_id, OLD, None, still_connected=True)
        rows.add_event(tx, device_id, OLD, "Connected")
    assert pruned(clients.app) == {}


def test_an_active_user_session_stays(make_clients: MakeClients) -> None:
    clients = make_clients(RETENTION_USER_SESSIONS="1 minute", PRESENCE_LATE="1 minute")
    stay(clients.app, "viewer", "k", NOW - 200, (60, ("maps", "")))
    assert pruned(clients.app) == {}
    assert pruned(clients.app, NOW + 200) == {"user_sessions": 1}


def test_the_session_that_says_that_a_device_is_down_stays(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, "02:00:00:00:00:01")
        rows.add_session(tx, device_id, OLD, OLD + 100, disc_type="Device Down")
        down = rows.add_session(tx, device_id, OLD + 200, OLD + 300, disc_type="Device Down")
    assert pruned(clients.app) == {"device_sessions": 1}
    assert ids(clients.app)["device_session"] == [down]
    assert clients.viewer.ok("GET", "/devices/totals?format=named")["down"] == 1


def scan(clients: Clients, at: int, *macs: int, source: str = "scanner") -> None:
    devices = [{"mac": f"02:00:00:00:00:{mac:02X}"} for mac in macs]
    clients.operator.ok("POST", "/presence/scans", {"source": source, "at": at, "devices": devices})


def test_what_was_pruned_is_not_derived_again(
    make_clients: MakeClients, clock: time_machine.Traveller
) -> None:
    """The evidence of a scanner that no longer reports is removed by pruning only."""
    clients = make_clients(**YEAR)
    for minute in (0, 1, 20, 40):
        clock.move_to(NOW + 60 * minute)
        scan(clients, NOW + 60 * minute, 2, *([1] if minute < 10 else []))
    later = NOW + 400 * DAY
    clock.move_to(later)
    # Its evidence still supports the session. After such a jump of the clock it is removed at the end of the
    # next run that is an hour later.
    for at in (later, later + 3601):
        clock.move_to(at)
        assert housekeeping_run(clients.app, at)["device_sessions"] == 0
    assert housekeeping_run(clients.app, later + 3660)["device_sessions"] == 1
    clock.move_to(later + 3720)
    scan(clients, later + 3720, 1, source="another")
    sessions = clients.viewer.ok("GET", "/sessions/list?mac=02:00:00:00:00:01")["sessions"]
    assert [each["ses_StillConnected"] for each in sessions] == [True]
    assert clients.viewer.ok("GET", "/devices/totals?format=named")["connected"] == 2


def housekeeping_run(app: Flask, now: int) -> dict[str, int]:
    with app.app_context():
        done = housekeeping.prune(settings_of(app), now, at_once=True)
    assert done is not None
    return done.removed


def test_nothing_younger_than_late_evidence_goes(make_clients: MakeClients) -> None:
    clients = make_clients(**dict.fromkeys(YEAR, "1 hour"))
    create(clients, 1, NOW - 6 * DAY, NOW - 5 * DAY)
    assert pruned(clients.app) == {}
    create(clients, 2, NOW - 9 * DAY, NOW - 8 * DAY)
    assert pruned(clients.app) == {"device_sessions": 1, "events": 3}


def test_logins_that_are_over_and_old_attempts_go(
    make_clients: MakeClients, clock: time_machine.Traveller
) -> None:
    clients = make_clients(REFRESH_TOKEN_SECONDS=10 * DAY)
    clients.log_in("viewer")
    clients.logged_in("operator").ok("POST", "/auth/logout")
    clients.nobody.post("/auth/login", {"username": "viewer", "password": "wrong"})
    assert pruned(clients.app) == {}
    clock.shift(DAY)
    assert pruned(clients.app, NOW + DAY) == {"logins": 1, "login_attempts": 2}
    assert pruned(clients.app, NOW + 9 * DAY) == {}
    with clients.app.app_context():
        assert housekeeping.preview(settings_of(clients.app), NOW + 10 * DAY).counts["logins"]


def fill(app: Flask, count: int, start: int = OLD) -> None:
    with app.app_context(), write_transaction() as tx:
        device_id = rows.add_device(tx, "02:FF:00:00:00:01")
        session = {
            "device_id": device_id,
            "still_connected": False,
            "ip": "",
            "ip_key": "",
            "info": "x" * 100,
        }
        session |= {"conn_type": "Connected", "disc_type": "Disconnected"}
        for n in range(count):
            times = {"connected_at": start + 60 * n, "disconnected_at": start + 60 * n + 30}
            tx.value(rows.SESSION, **session, **times)


def test_more_than_a_stretch_goes_in_stretches(
    make_clients: MakeClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STRETCH", 150)
    clients = make_clients(**YEAR)
    fill(clients.app, 407)
    assert pruned(clients.app) == {"device_sessions": 407}


def test_as_many_go_at_once_as_keep_others_waiting_briefly() -> None:
    least, most = housekeeping.LEAST_ROWS, housekeeping.MOST_ROWS
    assert housekeeping.next_batch(700, housekeeping.LEAST_SECONDS / 2) == 1400
    assert housekeeping.next_batch(700, housekeeping.LEAST_SECONDS) == 700
    assert housekeeping.next_batch(1400, housekeeping.MOST_SECONDS * 2) == 700
    assert housekeeping.next_batch(least, housekeeping.MOST_SECONDS * 2) == least
    assert housekeeping.next_batch(most, 0) == most


@pytest.mark.parametrize(
    ("waits", "told"),
    [(True, [100, 200, 300, 400]), (False, [250, 407])],
    ids=["somebody waits", "nobody waits"],
)
def test_batches_share_a_transaction_as_long_as_nobody_waits(
    make_clients: MakeClients, monkeypatch: pytest.MonkeyPatch, waits: bool, told: list[int]
) -> None:
    clients = make_clients(**YEAR)
    fill(clients.app, 407)
    monkeypatch.setattr(housekeeping, "next_batch", lambda rows, seconds: rows)
    monkeypatch.setattr(housekeeping, "LEAST_ROWS", 100)
    monkeypatch.setattr(housekeeping, "MOST_ROWS", 250)
    monkeypatch.setattr(housekeeping, "others_wait_to_write", lambda: waits)
    done: list[int] = []
    with clients.app.app_context():
        settings = settings_of(clients.app)
        assert housekeeping.prune(settings, NOW, tell=done.append) is not None
    assert done[: len(told)] == told
    assert done[-1] == 407


@pytest.mark.sqlite("others queue there without a lock")
def test_a_thread_that_waits_to_write_is_seen(make_clients: MakeClients) -> None:
    app = make_clients().app

    def write() -> None:
        with app.app_context(), write_transaction(brief=True):
            pass

    with app.app_context():
        with write_transaction():
            assert not others_wait_to_write()
            waiter = threading.Thread(target=write)
            waiter.start()
            wait_until(others_wait_to_write, "that it waits")
        waiter.join()
        with write_transaction():
            assert not others_wait_to_write()


@pytest.mark.sqlite("its PRAGMAs")
def test_batches_do_not_wait_for_the_disk_and_what_follows_does(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    create(clients, 1, OLD, OLD + 100)

    def state() -> list[int]:
        with look_up() as tx:
            names = ("synchronous", "temp_store", "foreign_keys")
            return [tx.value(Statement(f"PRAGMA {name}")) for name in names]

    found: list[list[int]] = []
    with clients.app.app_context():
        before = state()
        settings = settings_of(clients.app)
        assert housekeeping.prune(settings, NOW, tell=lambda done: found.append(state())) is not None
        assert (before, state()) == ([2, 0, 1], [2, 0, 1])  # FULL, a file, and enforced.
    assert found
    assert all(each == [1, 2, 0] for each in found)  # NORMAL, memory, and not enforced.


def test_what_goes_is_in_no_sum_any_more(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    for start in (OLD, NOW - 20 * DAY):
        create(clients, 1, start, start + 3600)
        stay(clients.app, "viewer", str(start), start, (60, ("maps", "")), (60, ("rooms", "2")), ends=True)
    before = kept(clients.app)
    assert all(before.values())
    assert pruned(clients.app) == {"device_sessions": 1, "events": 3, "user_sessions": 1}
    after = kept(clients.app)
    assert all(0 < after[name] < before[name] for name in KEPT)
    # Another transaction that deletes leaves the sums to the triggers again.
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": "02:00:00:00:00:01"})
    with clients.app.app_context():
        assert [each for each in soundness.examine() if each.count] == []


def test_what_refers_to_what_goes_goes_too_or_forgets_it(make_clients: MakeClients) -> None:
    """On SQLite the foreign keys do not do it meanwhile."""
    clients = make_clients(RETENTION_DEVICE_SESSIONS="1 year", RETENTION_USER_SESSIONS="1 year")
    create(clients, 1, OLD, OLD + 100)
    stay(clients.app, "viewer", "old", OLD, (60, ("maps", "")), (60, ("rooms", "2")), ends=True)
    folder = Path(clients.app.instance_path)
    links = "SELECT count(*) FROM event WHERE session_id IS NOT NULL"
    of_stays = "SELECT (SELECT count(*) FROM view_time) + (SELECT count(*) FROM view_visit)"
    assert databases.rows(folder, links) == [(2,)]
    assert databases.rows(folder, of_stays) != [(0,)]
    assert pruned(clients.app) == {"device_sessions": 1, "user_sessions": 1}
    assert databases.rows(folder, links) == databases.rows(folder, of_stays) == [(0,)]
    assert databases.rows(folder, "SELECT count(*) FROM event") == [(3,)]


def test_each_reference_to_what_goes_says_what_becomes_of_it() -> None:
    for kind in retention.KINDS:
        for table, on_delete in references_to(kind.table):
            assert on_delete in ("CASCADE", "SET NULL")
            # Of rows that go along, nothing else would.
            assert on_delete == "SET NULL" or not list(references_to(table))


def references_to(table: str) -> Iterator[tuple[str, str | None]]:
    for other in Base.metadata.tables.values():
        for key in other.foreign_keys:
            if key.column.table.name == table:
                yield other.name, key.ondelete


@pytest.mark.sqlite("its index")
def test_sums_without_rows_are_found_by_their_index(clients: Clients) -> None:
    for table, sums in KEPT.items():
        plan = f"EXPLAIN QUERY PLAN {forget_zeros(table, sums[0])}"
        found = databases.rows(Path(clients.app.instance_path), plan)
        assert [f"ix_{table}_zero" in row[3] for row in found] == [True]


def kept(app: Flask) -> dict[str, int]:
    """The keys of each table of sums, those without rows too."""
    with app.app_context():
        with write_transaction() as tx:
            tx.fold_sums(KEPT)
        with read_transaction() as tx:
            return {name: tx.value(Statement(f"SELECT count(*) FROM {name}")) for name in KEPT}


@pytest.mark.sqlite("a size limit is for it only")
def test_too_much_goes_from_the_oldest_on(make_clients: MakeClients) -> None:
    clients = make_clients()
    fill(clients.app, 3000)
    with clients.app.app_context():
        used = used_bytes()
    limited = make_clients(RETENTION_MAX_BYTES=str(used // 2))
    fill(limited.app, 3000)
    before = ids(limited.app)["device_session"]
    settings = settings_of(limited.app)
    with limited.app.app_context():
        counted = housekeeping.preview(settings, NOW).counts
        done = housekeeping.prune(settings, NOW)
        assert done is not None
        assert done.removed == counted
        assert 0 < done.removed["device_sessions"] < 3000
    assert ids(limited.app)["device_session"] == before[done.removed["device_sessions"] :]
    with limited.app.app_context():
        assert used_bytes() < used * 0.75
        assert housekeeping.preview(settings, NOW).counts["device_sessions"] < done.removed["device_sessions"]


@pytest.mark.sqlite("a size limit is for it only")
def test_a_size_limit_removes_nothing_young(make_clients: MakeClients) -> None:
    clients = make_clients(RETENTION_MAX_BYTES="1000")
    fill(clients.app, 100, start=NOW - DAY)
    assert pruned(clients.app) == {}


def test_a_size_limit_is_refused_with_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontrack.database.maintenance.sqlite_file", lambda: None)
    with pytest.raises(InvalidSetting, match="RETENTION_MAX_BYTES"):
        create_app({"INSTANCE": tmp_path, "RETENTION_MAX_BYTES": "1 GB"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_EVENTS", "soon"),
        ("RETENTION_DEVICE_SESSIONS", "0 days"),
        ("RETENTION_MAX_BYTES", "much"),
        ("RETENTION_MAX_BYTES", "-1"),
        ("PRUNE_EVERY", "1 month"),
    ],
)
def test_a_limit_that_cannot_be_read_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        create_app({"INSTANCE": tmp_path, name: value})


# --- the claim


def take(app: Flask, now: int, holder: str, every: int | None = None) -> claims.Held | None:
    with app.app_context(), write_transaction() as tx:
        return claims.take_claim(tx, now, "prune", holder, every)


def finish(app: Flask, now: int, held: claims.Held) -> None:
    with app.app_context(), write_transaction() as tx:
        claims.finish_claim(tx, now, held, 3600)


def test_of_many_one_has_the_lease(app: Flask) -> None:
    found: list[claims.Held | None] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(take(app, NOW, f"worker {n}")))  # type: ignore[misc]
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in found if each is not None]) == 1


def test_a_lease_ends_when_its_holder_is_killed(app: Flask) -> None:
    first = take(app, NOW, "killed")
    assert first is not None
    assert take(app, NOW + CLAIM_SECONDS - 1, "next") is None
    second = take(app, NOW + CLAIM_SECONDS, "next")
    assert second is not None
    # The first process was only slow: it notices the loss of its claim before it removes more.
    with pytest.raises(Conflict), app.app_context(), write_transaction() as tx:
        claims.renew_claim(tx, NOW + CLAIM_SECONDS + 1, first)


def test_a_process_that_waited_to_write_takes_no_lease_of_one_that_asked_later(app: Flask) -> None:
    held = take(app, NOW + 5, "later", 3600)
    assert held is not None
    assert take(app, NOW, "waited", 3600) is None
    finish(app, NOW + 5, held)
    assert take(app, NOW, "waited", 3600) is None
    with app.app_context(), read_transaction() as tx:
        assert not claims.is_due(tx, NOW, "prune", 3600)


def test_a_lease_is_due_again_after_its_time(app: Flask) -> None:
    held = take(app, NOW, "a", 3600)
    assert held is not None
    finish(app, NOW + 5, held)
    assert take(app, NOW + 3604, "b", 3600) is None
    with app.app_context(), read_transaction() as tx:
        assert not claims.is_due(tx, NOW + 3604, "prune", 3600)
        assert claims.is_due(tx, NOW + 3605, "prune", 3600)
    assert take(app, NOW + 3605, "b", 3600) is not None


def test_a_clock_that_went_back_does_not_block_it(app: Flask) -> None:
    held = take(app, NOW + 10 * 365 * DAY, "ahead", 3600)
    assert held is not None
    back = take(app, NOW, "b", 3600)
    assert back is not None
    finish(app, NOW + 10 * 365 * DAY, claims.Held("prune", "b", None))
    assert take(app, NOW, "c", 3600) is not None


def test_after_a_jump_ahead_nothing_goes_for_a_day(make_clients: MakeClients) -> None:
    clients = make_clients(**YEAR)
    create(clients, 1, NOW - 20 * DAY, NOW - 19 * DAY)
    settings = settings_of(clients.app)
    ahead = NOW + 3650 * DAY
    with clients.app.app_context():
        for now, held_until in (
            (NOW, None),
            (ahead, ahead + DAY_SECONDS),
            (ahead + 3600, ahead + DAY_SECONDS),
            (NOW + 60, None),
        ):
            done = housekeeping.prune(settings, now)
            assert done is not None
            assert (done.held_until, done.removed["device_sessions"]) == (held_until, 0)
        # If the clock stays ahead, its time is accepted.
        for now, count in ((ahead, 0), (ahead + DAY_SECONDS, 1)):
            done = housekeeping.prune(settings, now)
            assert done is not None
            assert done.removed["device_sessions"] == count


def test_a_killed_run_is_finished_by_the_next(
    make_clients: MakeClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = make_clients(**YEAR)
    fill(clients.app, 1000)
    settings = settings_of(clients.app)
    real, calls = retention.prune_rows, [0]

    def killed(*arguments: Any) -> int:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(retention, "prune_rows", killed)
    monkeypatch.setattr(housekeeping, "LEAST_ROWS", 100)
    monkeypatch.setattr(housekeeping, "next_batch", lambda rows, seconds: rows)
    monkeypatch.setattr(housekeeping, "others_wait_to_write", lambda: True)
    with clients.app.app_context():
        with pytest.raises(KeyboardInterrupt):
            housekeeping.prune(settings, NOW)
        assert len(ids(clients.app)["device_session"]) == 1000 - 2 * housekeeping.LEAST_ROWS
        assert housekeeping.prune(settings, NOW) is None
        done = housekeeping.prune(settings, NOW + CLAIM_SECONDS)
        assert done is not None
        assert done.removed["device_sessions"] == 1000 - 2 * housekeeping.LEAST_ROWS


# --- the command


def test_the_command_counts_and_removes(make_clients: MakeClients, clock: time_machine.Traveller) -> None:
    clients = make_clients()
    create(clients, 1, OLD, OLD + 100)
    limits = {"RETENTION_DEVICE_SESSIONS": "1 year"}
    dry = invoke(clients.app.instance_path, "prune", "--dry-run", **limits)
    assert dry.exit_code == 0, dry.output
    assert "         1 device sessions, from before 2024-08-15T12:00:00+00:00\n" in dry.stdout
    assert "         0 events, without a limit (RETENTION_EVENTS)\n" in dry.stdout
    assert "         0 logins\n" in dry.stdout
    assert "dry run" in dry.stdout
    said = invoke(clients.app.instance_path, "prune", "--json", **limits)
    assert json.loads(said.stdout) == {"dry_run": False, "removed": {**NOTHING, "device_sessions": 1}}
    assert ids(clients.app)["device_session"] == []
    clock.shift(30 * DAY)
    late = invoke(clients.app.instance_path, "prune", **limits)
    assert late.exit_code == 0
    assert "ahead" in late.stderr
    assert "ahead" not in invoke(clients.app.instance_path, "prune", "--at-once").stderr
    take(clients.app, NOW + 30 * DAY, "somebody else")
    assert "Another run" in invoke(clients.app.instance_path, "prune").stderr


# --- beside the server


def test_a_look_prunes_what_is_due_once(
    make_clients: MakeClients, caplog: pytest.LogCaptureFixture, clock: time_machine.Traveller
) -> None:
    caplog.set_level(logging.INFO)
    clients = make_clients(**YEAR)
    create(clients, 1, OLD, OLD + 100)
    settings = settings_of(clients.app)
    with clients.app.app_context():
        housekeeping.look(settings)
        assert "Pruned: 1 device sessions, 3 events." in caplog.text
        create(clients, 2, OLD, OLD + 100)
        housekeeping.look(settings)
        assert len(ids(clients.app)["device_session"]) == 1
        clock.shift(3600)
        housekeeping.look(settings)
        assert ids(clients.app)["device_session"] == []
        clock.shift(30 * DAY)
        housekeeping.look(settings)
    assert "ahead" in caplog.text


def test_what_goes_wrong_in_a_look_is_logged_and_no_more(
    make_clients: MakeClients, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = make_clients()
    settings = settings_of(clients.app)
    for error, words in (
        (Conflict("x"), "another worker"),
        (StorageUnavailable("The disk is full."), "The disk is full."),
        (ValueError("what"), "ValueError: what"),
    ):

        def fail(*args: object, error: Exception = error, **kwargs: object) -> None:
            raise error

        monkeypatch.setattr(housekeeping, "prune", fail)
        with clients.app.app_context():
            housekeeping.look(settings)
        assert words in caplog.text
    monkeypatch.setattr(housekeeping, "database_sizes", lambda: (0, 2**40))
    with clients.app.app_context():
        housekeeping.look(settings)
    assert "1,099,511,627,776 bytes" in caplog.text


def test_never_is_never(make_clients: MakeClients) -> None:
    clients = make_clients(PRUNE_EVERY="never", **YEAR)
    create(clients, 1, OLD, OLD + 100)
    with clients.app.app_context():
        housekeeping.look(settings_of(clients.app))
    assert len(ids(clients.app)["device_session"]) == 1


def test_one_of_the_workers_that_serve_does_it(make_clients: MakeClients) -> None:
    clients = make_clients()
    create(clients, 1, OLD, OLD + 100)
    fill(clients.app, 1000)
    instance = Path(clients.app.instance_path)
    with Server(instance, workers=4, RETENTION_DEVICE_SESSIONS="1 year"):
        wait_until(lambda: not ids(clients.app)["device_session"], "what a worker prunes")
    assert ids(clients.app)["device_session"] == []
    with clients.app.app_context(), read_transaction() as tx:
        assert tx.rows(Statement("SELECT name FROM task_claim")) == [("prune",)]


# --- vacuum


@pytest.mark.sqlite("measures the file")
def test_vacuum_gives_back_what_was_pruned(make_clients: MakeClients) -> None:
    clients = make_clients()
    fill(clients.app, 3000)
    file = Path(clients.app.instance_path) / DATABASE
    with clients.app.app_context():
        for incremental in (False, True):
            with write_transaction() as tx:
                tx.run(Statement("DELETE FROM device_session"))
                tx.run(Statement("DELETE FROM device"))
            before = sum(size or 0 for size in database_sizes())
            won, size = vacuuming.vacuum(incremental=incremental)
            assert won == before - size > 0
            assert file.stat().st_size == size == used_bytes()
            assert [each for each in soundness.examine() if each.count] == []
            fill(clients.app, 3000)
    assert " bytes won" in invoke(clients.app.instance_path, "vacuum").stdout


@pytest.mark.sqlite("measures the file")
def test_where_nothing_is_free_nothing_is_won(clients: Clients) -> None:
    # What the migrations have left free.
    invoke(clients.app.instance_path, "vacuum")
    said = re.match(r"(\d+) bytes won; ", invoke(clients.app.instance_path, "vacuum").stdout)
    # Less than a page: the write-ahead log may be there before, and gone after.
    assert said is not None
    assert int(said[1]) < 4096


@pytest.mark.sqlite("its kind of VACUUM")
def test_incremental_needs_a_whole_one_first(clients: Clients) -> None:
    result = invoke(clients.app.instance_path, "vacuum", "--incremental")
    assert result.exit_code == 1
    assert result.stderr == "Error: Run sessiontrack vacuum once; from then on --incremental is enough.\n"


@pytest.mark.sqlite("its kind of VACUUM")
def test_vacuum_looks_at_the_free_space_first(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = vacuuming.shutil.disk_usage(clients.app.instance_path)
    monkeypatch.setattr(vacuuming.shutil, "disk_usage", lambda path: usage._replace(free=10))
    result = invoke(clients.app.instance_path, "vacuum")
    assert result.exit_code == 1
    assert "too little space" in result.stderr
