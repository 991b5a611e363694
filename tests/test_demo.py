"""`sessiontrack demo`: a believable history that keeps every rule."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result

from sessiontrack.cli import main
from sessiontrack.values.macs import is_locally_administered, is_multicast
from tests.support import databases
from tests.support.application import NOW, Clients
from tests.support.engine import IS_POSTGRES

WEEK = "?period=7 days"


def demo(instance: Path | str, *arguments: str, now: int = NOW, zone: str = "UTC") -> Result:
    variables = {"SESSIONTRACK_INSTANCE": str(instance), "SESSIONTRACK_TIMEZONE": zone}
    return CliRunner(env=variables).invoke(main, ["demo", "--now", str(now), *arguments])


def rows(instance: Path | str, query: str) -> list[Any]:
    return databases.rows(Path(instance), query)


@pytest.fixture(scope="module")
def filled(template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance with the demo in it, for tests that only look."""
    folder = tmp_path_factory.mktemp("demo") / "instance"
    shutil.copytree(template[0], folder)
    result = demo(folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def viewers(filled: Path, make_clients: Callable[..., Clients], clock: time_machine.Traveller) -> Clients:
    """Clients that see the demo, at the instant at which it ends."""
    return make_clients(DATABASE_URL=databases.any_url_of(filled))


OVERLAPS = """
    SELECT a.id, b.id FROM device_session a JOIN device_session b ON a.device_id = b.device_id AND a.id < b.id
    WHERE a.begin_at < coalesce(b.end_at, 1e18) AND b.begin_at < coalesce(a.end_at, 1e18)
"""
FROM_THE_FUTURE = f"""
    SELECT 'device session', id FROM device_session WHERE begin_at > {{now}} OR coalesce(end_at, 0) > {{now}}
    UNION ALL SELECT 'event', id FROM event WHERE at > {{now}}
    UNION ALL SELECT 'ping', id FROM user_session WHERE last_ping > {{now}}
    UNION ALL SELECT 'old', id FROM event WHERE at < {{now}} - {61 * 86_400}
"""
BAD_USER_SESSIONS = """
    SELECT s.id FROM user_session s
    WHERE visible_seconds <> (SELECT coalesce(sum(seconds), 0) FROM view_time v WHERE v.session_id = s.id)
    OR visible_seconds > last_ping - started_at OR last_visible_ping NOT BETWEEN started_at AND last_ping
    OR visible_seconds <> (SELECT coalesce(sum(seconds), 0) FROM view_visit v WHERE v.session_id = s.id)
    OR (visible_seconds > 0) <> (last_visible_ping IS NOT NULL) OR ended_at < last_ping
"""
EVENTLESS = """
    SELECT s.id FROM device_session s
    WHERE CASE WHEN connected_at IS NULL OR disconnected_at IS NULL THEN 1 ELSE 2 END
    <> (SELECT count(*) FROM event e WHERE e.session_id = s.id AND e.device_id = s.device_id AND NOT voided
        AND ((e.at = connected_at AND type = conn_type) OR (e.at = disconnected_at AND type = disc_type)))
"""


def assert_rules_hold(instance: Path, now: int) -> None:
    assert rows(instance, OVERLAPS) == []
    assert rows(instance, FROM_THE_FUTURE.format(now=now)) == []
    assert rows(instance, BAD_USER_SESSIONS) == []
    assert rows(instance, EVENTLESS) == []
    if not IS_POSTGRES:
        assert rows(instance, "PRAGMA integrity_check") == [("ok",)]


def test_the_demo_keeps_every_rule(filled: Path) -> None:
    assert_rules_hold(filled, NOW)


@pytest.mark.parametrize(
    ("now", "zone"),
    [
        (1_743_300_000, "Europe/Berlin"),  # the night in which clocks go forward
        (1_761_440_400, "America/New_York"),
        (1_735_700_000, "Pacific/Chatham"),
        (1_755_259_199, "Asia/Kolkata"),
    ],
)
def test_any_seed_end_and_zone_keeps_every_rule(tmp_path: Path, now: int, zone: str) -> None:
    assert demo(tmp_path, "--seed", str(now), now=now, zone=zone).exit_code == 0
    assert_rules_hold(tmp_path, now)


def test_the_same_seed_and_end_give_the_same_history(filled: Path, tmp_path: Path) -> None:
    assert demo(tmp_path / "again").exit_code == 0
    assert demo(tmp_path / "other", "--seed", "2").exit_code == 0
    for table in ("device", "device_session", "event", "user_session", "view_time"):
        query = f"SELECT * FROM {table}"
        assert rows(tmp_path / "again", query) == rows(filled, query)
    query = "SELECT connected_at FROM device_session"
    assert rows(tmp_path / "other", query) != rows(filled, query)


def test_devices_have_names_owners_and_realistic_addresses(filled: Path) -> None:
    devices = rows(filled, "SELECT name, owner, mac FROM device")
    assert len(devices) == 25
    assert len({name for name, _, _ in devices}) == 25
    assert all(owner for _, owner, _ in devices)
    assert not any(is_multicast(mac) for _, _, mac in devices)
    phones = {name for name, _, mac in devices if is_locally_administered(mac)}
    assert {name for name, _, _ in devices if "phone" in name} <= phones
    assert len(phones) < 10


def test_some_ends_are_missing(filled: Path) -> None:
    query = "SELECT count(*) FILTER (WHERE connected_at IS NULL),"
    query += " count(*) FILTER (WHERE disconnected_at IS NULL AND NOT still_connected), count(*)"
    ((no_start, no_end, total),) = rows(filled, f"{query} FROM device_session")
    assert no_start >= 1
    assert no_end >= 1
    assert 0.005 < (no_start + no_end) / total < 0.03


def test_some_sessions_are_longer_than_a_week(filled: Path) -> None:
    assert rows(filled, "SELECT count(*) FROM device_session WHERE end_at - begin_at > 604800")[0][0] >= 5


def test_phones_are_out_on_work_days(filled: Path) -> None:
    query = """
        SELECT hour / 86400 % 7 IN (2, 3) AS weekend, avg(present) FROM (
            WITH RECURSIVE hours(hour) AS (
                SELECT {noon} UNION ALL SELECT hour - 86400 FROM hours WHERE hour > {noon} - 50 * 86400)
            SELECT hour, (SELECT count(*) FROM device_session s JOIN device d ON d.id = s.device_id
                WHERE d.name IN ('Anna''s phone', 'Ben''s phone', 'Clara''s phone', 'David''s phone')
                AND begin_at <= hour AND coalesce(end_at, 1e18) > hour) AS present FROM hours) AS noons
        GROUP BY weekend ORDER BY weekend
    """
    (_, on_work_days), (_, at_weekends) = rows(filled, query.format(noon=NOW))
    assert on_work_days < 1.5 < at_weekends


def test_every_list_is_alive(viewers: Clients) -> None:
    answer = viewers.viewer.ok("GET", f"/sessions/totals{WEEK}&format=named")
    totals = {name: answer[name] for name in ("all", "sessions", "missing", "voided", "new", "down")}
    assert all(totals.values()), totals
    for kind, total in totals.items():
        found = viewers.viewer.ok("GET", f"/sessions/session-events{WEEK}&type={kind}&limit=5")
        assert found["total"] == total
        assert found["events"]
    listed = viewers.viewer.ok("GET", "/sessions/list")["sessions"]
    assert len(listed) > 800
    assert sum(session["ses_StillConnected"] for session in listed) >= 10
    calendar = viewers.viewer.ok("GET", "/sessions/calendar?start=2025-08-09&end=2025-08-15")["sessions"]
    assert {event["color"] for event in calendar} == {"#00a659", "#0073b7", "#f39c12"}
    router = viewers.viewer.ok("GET", "/sessions/7C:FF:4D:10:52:01?period=60 days")["sessions"]
    assert router[0]["ses_StillConnected"] is True


def test_what_is_voided_has_a_reason(viewers: Clients) -> None:
    found = viewers.viewer.ok("GET", f"/sessions/session-events{WEEK}&type=voided")["events"]
    assert {each["explanation"]["code"] for each in found} == {"seen"}
    assert all(each["explanation"]["source"] and each["explanation"]["at"] for each in found)


def test_event_types(filled: Path) -> None:
    kinds = {kind for (kind,) in rows(filled, "SELECT DISTINCT type FROM event")}
    assert kinds == {
        "New Device",
        "Connected",
        "Disconnected",
        "Device Down",
        "Down Reconnected",
        "IP Changed",
    }
    assert rows(filled, "SELECT count(*) FROM event WHERE pending_alert")[0][0] >= 1


def test_six_people_in_the_ui_some_of_them_now(viewers: Clients) -> None:
    stats = viewers.admin.ok("GET", "/api/v2/session-stats?period=61 days")
    assert [user["username"] for user in stats] == ["anna", "ben", "clara", "david", "eva", "frank"]
    active = viewers.admin.ok("GET", "/api/v2/sessions?active=true")
    assert sorted(session["username"] for session in active) == ["anna", "ben", "david"]
    over = viewers.admin.ok("GET", "/api/v2/sessions?active=false")
    assert len(over) > 100
    assert any(isinstance(seconds, dict) for session in over for seconds in session["tab_duration"].values())


def test_nobody_can_sign_in_until_given_a_password(filled: Path, make_clients: Any, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    databases.copy(filled, copy)
    clients = make_clients(DATABASE_URL=databases.any_url_of(copy))
    for password in ("demo", "anna", "!"):
        body = {"username": "anna", "password": password}
        assert clients.nobody.post("/auth/login", body).status_code == 401
    variables = {"SESSIONTRACK_INSTANCE": str(copy)}
    runner = CliRunner(env=variables)
    given = runner.invoke(main, ["user", "passwd", "anna", "--password-stdin"], input="anna's own\n")
    assert given.exit_code == 0, given.output
    assert clients.log_in("anna", "anna's own")["token_type"] == "Bearer"


def test_a_second_time_is_refused_and_changes_nothing(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    databases.copy(filled, copy)
    result = demo(copy, "--seed", "2")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database is not empty")
    assert result.stderr.count("\n") == 1
    assert rows(copy, "SELECT count(*) FROM event") == rows(filled, "SELECT count(*) FROM event")


def test_a_database_with_one_device_is_not_empty(clients: Clients) -> None:
    body = {"mac": "00:1A:2B:3C:4D:5E", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}
    clients.operator.ok("POST", "/sessions/create", body)
    assert demo(clients.app.instance_path).exit_code == 1


def test_a_database_with_one_user_session_is_not_empty(clients: Clients) -> None:
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    assert demo(clients.app.instance_path).exit_code == 1


def test_a_user_of_the_same_name_stays_alone(clients: Clients) -> None:
    instance = clients.app.instance_path
    runner = CliRunner(env={"SESSIONTRACK_INSTANCE": str(instance)})
    assert runner.invoke(main, ["user", "add", "ben", "--generate"]).exit_code == 0
    result = demo(instance)
    assert result.exit_code == 1
    assert result.stderr == "Error: There is a user ben already.\n"
    assert rows(instance, "SELECT count(*) FROM device") == [(0,)]
