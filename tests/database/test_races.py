"""Two concurrent writers, on either back end: one has made a change but not committed when the other begins.

On SQLite the other waits for the write lock. On PostgreSQL it continues until it meets a lock of the first
one, so rows that it must not overlook have to be locked.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sessiontrack.database import Statement, Transaction, write_transaction
from sessiontrack.database.engines.sqlite import SQLite
from sessiontrack.exceptions import Conflict, SessiontrackError
from sessiontrack.services import device_sessions, devices, login_throttle, logins, user_sessions, users
from sessiontrack.services.device_merge import merge_devices
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import PresenceRules, observe_event, observe_scan
from sessiontrack.values.observations import Observation
from sessiontrack.values.records import SESSIONS, Section, SessionRecord
from tests.support import databases, rows
from tests.support.application import NOW, Clients
from tests.support.engine import IS_POSTGRES
from tests.support.waiting import join, wait_until

ONE, OTHER, THIRD = (f"AA:BB:CC:00:00:0{n}" for n in (1, 2, 3))
RULES = PresenceRules(600, 7 * 86_400, 0.0)
ALIVE = 300
Work = Callable[[Transaction], Any]


@pytest.fixture
def app(clients: Clients) -> Flask:
    with rows.writing(clients.app) as tx:
        for mac in (ONE, OTHER):
            device_sessions.create_session(tx, NOW, session(mac, -9000, -8000), RULES)
    return clients.app


def session(mac: str, start: int, end: int | None) -> device_sessions.NewSession:
    return device_sessions.NewSession(mac, "10.0.0.1", NOW + start, None if end is None else NOW + end)


def scan(source: str, at: int, *macs: str) -> Work:
    seen = [Observation(mac, "10.0.0.1") for mac in macs]
    return lambda tx: observe_scan(tx, NOW, source, NOW + at, seen, RULES)


def create(mac: str, start: int, end: int | None) -> Work:
    return lambda tx: device_sessions.create_session(tx, NOW, session(mac, start, end), RULES)


def waits(app: Flask) -> bool:
    """Whether a transaction waits for a lock of another one."""
    if IS_POSTGRES:
        return databases.waits_for_a_lock(Path(app.instance_path))
    engine: SQLite = app.extensions["sessiontrack.engine"]
    return engine._writers._waiting > 0


def overlapped(app: Flask, first: Work, second: Work) -> Any:
    """The result or the error of the second one, begun before the first one had ended."""
    found: list[Any] = []

    def run_second() -> None:
        try:
            with app.app_context(), write_transaction() as tx:
                found.append(second(tx))
        except SessiontrackError as error:
            found.append(error)

    thread = threading.Thread(target=run_second)
    with app.app_context(), write_transaction() as tx:
        first(tx)
        thread.start()
        wait_until(lambda: waits(app) or not thread.is_alive(), "the second one, to wait for the first one")
    join(thread)
    return found[0]


def value(app: Flask, sql: str, **values: Any) -> Any:
    with rows.writing(app) as tx:
        return tx.value(Statement(sql), **values)


def open_sessions(app: Flask) -> list[tuple[str, int]]:
    return [(row[1], row[2]) for row in rows.stored(app)["sessions"] if row[4]]


def test_equal_sessions_are_one(app: Flask) -> None:
    overlapped(app, create(ONE, -100, -50), create(ONE, -100, -50))
    assert value(app, "SELECT count(*) FROM device_session") == 3


def test_of_two_that_overlap_the_second_is_a_conflict(app: Flask) -> None:
    found = overlapped(app, create(THIRD, -100, -50), create(THIRD, -70, -20))
    assert isinstance(found, Conflict)
    assert "overlaps session" in found.message


def test_two_open_ones_end_as_one(app: Flask) -> None:
    overlapped(app, create(ONE, -100, None), create(ONE, -50, None))
    assert open_sessions(app) == [(ONE, NOW - 50)]


def test_a_session_of_an_address_that_is_merged_is_the_others(app: Flask) -> None:
    overlapped(app, lambda tx: merge_devices(tx, NOW, ONE, OTHER, RULES), create(OTHER, -100, -50))
    assert value(app, "SELECT count(*) FROM device") == 1
    # The oldest sessions, at the same time, become one, too.
    assert [row[1] for row in rows.stored(app)["sessions"]] == [ONE, ONE]


def test_merged_while_a_session_comes(app: Flask) -> None:
    overlapped(app, create(OTHER, -100, -50), lambda tx: merge_devices(tx, NOW, ONE, OTHER, RULES))
    assert value(app, "SELECT count(*) FROM device") == 1
    assert [row[1] for row in rows.stored(app)["sessions"]] == [ONE, ONE]


def test_merged_both_ways_is_merged_once(app: Flask) -> None:
    def merge(mac: str, other: str) -> Work:
        return lambda tx: merge_devices(tx, NOW, mac, other, RULES)

    assert overlapped(app, merge(ONE, OTHER), merge(OTHER, ONE)) is None
    assert value(app, "SELECT count(*) FROM device") == 1
    assert value(app, "SELECT count(*) FROM device_alias") == 1


def test_a_device_that_is_deleted_comes_anew_with_its_session(app: Flask) -> None:
    overlapped(app, lambda tx: devices.delete_device(tx, NOW, ONE), create(ONE, -100, -50))
    assert [row[1:4] for row in rows.stored(app)["sessions"] if row[1] == ONE] == [(ONE, NOW - 100, NOW - 50)]
    at = NOW - 100
    assert value(app, "SELECT count(*) FROM event WHERE type = 'New Device' AND at = :at", at=at) == 1


@pytest.mark.parametrize(
    "gone",
    [lambda tx: devices.delete_device(tx, NOW, ONE), lambda tx: device_sessions.delete_sessions(tx, ONE)],
    ids=["device", "sessions"],
)
@pytest.mark.parametrize("scan_first", [True, False])
def test_what_is_deleted_while_a_scan_sees_it(app: Flask, gone: Callable[..., Any], scan_first: bool) -> None:
    both = (scan("a", -60, ONE, OTHER), gone)
    overlapped(app, *(both if scan_first else both[::-1]))
    assert open_sessions(app) == [(OTHER, NOW - 60)] if scan_first else [(ONE, NOW - 60), (OTHER, NOW - 60)]


def test_scans_of_two_sources_open_one_session(app: Flask) -> None:
    overlapped(app, scan("a", -60, ONE, OTHER), scan("b", -50, OTHER, ONE, THIRD))
    assert sorted(open_sessions(app)) == [(ONE, NOW - 60), (OTHER, NOW - 60), (THIRD, NOW - 50)]


def test_a_scan_that_misses_what_another_source_sees(app: Flask) -> None:
    with rows.writing(app) as tx:
        for at in (-3000, -2000):
            scan("a", at, ONE, OTHER)(tx)
    overlapped(app, scan("b", -1990, ONE), scan("a", -100, OTHER))
    assert sorted(open_sessions(app)) == [(ONE, NOW - 3000), (OTHER, NOW - 3000)]


def test_a_connection_is_told_while_a_scan_misses_it(app: Flask) -> None:
    """Either order gives the same: the scan, after the connection's grace time, ends the session."""
    seen = Observation(THIRD, "10.0.0.3")
    with rows.writing(app) as tx:
        scan("a", -800, ONE, OTHER)(tx)
    overlapped(
        app,
        lambda tx: observe_event(tx, NOW, "a", NOW - 705, "connected", seen, RULES),
        scan("a", -500, ONE, OTHER),
    )
    with rows.writing(app) as tx:
        scan("a", -100, ONE, OTHER)(tx)
    assert sorted(open_sessions(app)) == [(ONE, NOW - 800), (OTHER, NOW - 800)]
    assert value(app, "SELECT disconnected_at FROM device_session WHERE connected_at = :at", at=NOW - 705)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_session_is_reported_while_a_scan_derives_one(app: Flask, turn: int) -> None:
    """Whichever was first, the derived session gives way."""
    assert not isinstance(overlapped(app, *(scan("a", -60, ONE), create(ONE, -100, None))[::turn]), Exception)
    assert open_sessions(app) == [(ONE, NOW - 100)]


def test_an_import_is_laid_beside_what_comes_meanwhile(app: Flask) -> None:
    refused: list[Any] = []

    def bring(tx: Transaction) -> None:
        record = SessionRecord(ONE, NOW - 100, NOW - 50)
        import_history(tx, NOW, [Section(SESSIONS, [(1, record)])], refused.append, RULES)

    assert isinstance(overlapped(app, bring, create(ONE, -70, -20)), Conflict)
    overlapped(app, create(OTHER, -100, -50), bring)
    assert refused == []
    assert value(app, "SELECT count(*) FROM device_session") == 4


def test_the_last_two_admins_do_not_go_at_once(app: Flask) -> None:
    with rows.writing(app) as tx:
        users.add_user(tx, NOW, "second", "hash", "admin")
    found = overlapped(
        app,
        lambda tx: users.set_role(tx, "admin", "viewer"),
        lambda tx: users.disable_user(tx, NOW, "second", ALIVE),
    )
    assert isinstance(found, Conflict)
    admins = """SELECT count(*) FROM "user" WHERE role = 'admin' AND disabled_at IS NULL"""
    assert value(app, admins) == 1


def test_there_is_one_first_admin(app: Flask) -> None:
    with rows.writing(app) as tx:
        tx.run(Statement('DELETE FROM "user"'))
    make: Work = lambda tx: users.add_first_admin(tx, NOW, "hash")  # noqa: E731
    assert overlapped(app, make, make) is False
    assert value(app, 'SELECT count(*) FROM "user"') == 1


@pytest.mark.parametrize("change", ["password", "disable", "remove"])
def test_nobody_signs_in_with_what_is_being_taken_away(app: Flask, change: str) -> None:
    changes: dict[str, Work] = {
        "password": lambda tx: users.set_password(tx, NOW, "viewer", "new", ALIVE),
        "disable": lambda tx: users.disable_user(tx, NOW, "viewer", ALIVE),
        "remove": lambda tx: users.remove_user(tx, NOW, "viewer", ALIVE),
    }
    with rows.writing(app) as tx:
        found = logins.find_password(tx, "viewer")
    assert found is not None
    user_id, password_hash, _ = found

    def sign_in(tx: Transaction) -> str | None:
        return logins.open_login(tx, NOW, user_id, password_hash, "10.0.0.1", NOW + 60)

    assert overlapped(app, changes[change], sign_in) is None
    assert value(app, "SELECT count(*) FROM login") == 0


def test_who_signs_in_while_the_password_changes_is_signed_out(app: Flask) -> None:
    with rows.writing(app) as tx:
        found = logins.find_password(tx, "viewer")
    assert found is not None
    overlapped(
        app,
        lambda tx: logins.open_login(tx, NOW, found[0], found[1], "10.0.0.1", NOW + 60),
        lambda tx: users.set_password(tx, NOW, "viewer", "new", ALIVE),
    )
    assert value(app, "SELECT count(*) FROM login WHERE revoked_at IS NULL") == 0


def test_each_attempt_to_sign_in_is_counted(app: Flask) -> None:
    def attempt(name: str) -> Work:
        return lambda tx: login_throttle.count_attempt(tx, NOW, name, "10.0.0.1", (9, 9), 300)

    overlapped(app, attempt("anna"), attempt("anna"))
    assert value(app, "SELECT attempts FROM login_throttle WHERE key = 'name anna'") == 2
    assert value(app, "SELECT attempts FROM login_throttle WHERE key = 'address 10.0.0.1'") == 2


def test_old_attempts_are_forgotten_without_waiting_in_a_ring(app: Flask) -> None:
    def attempt(now: int, name: str, address: str) -> Work:
        return lambda tx: login_throttle.count_attempt(tx, now, name, address, (9, 9), 300)

    with rows.writing(app) as tx:
        attempt(NOW - 900, "anna", "10.0.0.1")(tx)
        attempt(NOW - 900, "ben", "10.0.0.2")(tx)
    found = overlapped(app, attempt(NOW, "anna", "10.0.0.2"), attempt(NOW, "ben", "10.0.0.1"))
    assert found == 0
    assert value(app, "SELECT max(attempts) FROM login_throttle") == 1


def test_a_ping_is_credited_once_and_a_session_starts_once(app: Flask) -> None:
    def start(tx: Transaction) -> None:
        user_sessions.start_session(tx, NOW, "login:1", "anna", ALIVE)

    def ping(at: int) -> Work:
        return lambda tx: user_sessions.credit_view(tx, NOW + at, "login:1", ("maps", ""), ALIVE)

    overlapped(app, start, start)
    assert value(app, "SELECT count(*) FROM user_session") == 1
    overlapped(app, ping(10), ping(10))
    overlapped(app, ping(30), ping(20))
    assert value(app, "SELECT visible_seconds FROM user_session") == 30
    assert value(app, "SELECT sum(seconds) FROM view_time") == 30


def test_a_session_that_ends_while_it_is_pinged(app: Flask) -> None:
    with rows.writing(app) as tx:
        user_sessions.start_session(tx, NOW, "login:1", "anna", ALIVE)
    overlapped(
        app,
        lambda tx: user_sessions.end_session(tx, NOW + 10, "login:1", ALIVE),
        lambda tx: user_sessions.keep_alive(tx, NOW + 20, "login:1", ALIVE),
    )
    assert value(app, "SELECT ended_at FROM user_session") == NOW + 10
    assert value(app, "SELECT last_ping FROM user_session") == NOW
