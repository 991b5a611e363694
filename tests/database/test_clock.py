"""A clock that jumps in a session, another time zone, both clock changes of the year: the invariants hold."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from sessiontrack import clock as now_of
from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import db
from sessiontrack.keeping import soundness
from sessiontrack.values.timestamps import IN_UTC, SiteTime
from tests.support.application import NOW, Clients

HOUR = 3600
TEN_YEARS = 10 * 365 * 86_400
MAC = "02:00:00:00:00:01"
Clock = time_machine.Traveller
MakeClients = Callable[..., Clients]


def assert_sound(clients: Clients) -> None:
    with clients.app.app_context():
        assert [each for each in soundness.examine() if each.count] == []


def ping(clients: Clients, tab: str) -> int:
    """Ping; restart a session that has expired; return the status."""
    body = {"visible": True, "path": ["clock", tab]}
    status = clients.viewer.post("/api/v2/keepalive", body).status_code
    if status == 409:
        clients.viewer.ok("POST", "/api/v2/sessionstart")
    return status


def stays(clients: Clients) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clients.admin.ok("GET", "/api/v2/sessions")
    return found


def scan(clients: Clients, at: int | None = None, *, is_there: bool = True) -> int:
    # Never empty: a scan without any device counts as broken.
    macs = ["02:00:00:00:00:03", *([MAC] if is_there else [])]
    body: dict[str, Any] = {"source": "scanner", "devices": [{"mac": mac} for mac in macs]}
    body |= {} if at is None else {"at": at}
    return clients.operator.post("/presence/scans", body).status_code


@pytest.mark.parametrize("jump", [-HOUR, HOUR, TEN_YEARS, -TEN_YEARS], ids=["-1h", "+1h", "+10y", "-10y"])
@pytest.mark.parametrize("is_back", [False, True], ids=["stays", "and back"])
def test_a_jump_in_mid_session_credits_nothing_that_was_not(
    clients: Clients, clock: Clock, jump: int, is_back: bool
) -> None:
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    steps = [(60, "a")] * 3 + [(jump, "b"), (60, "c"), (60, "c")]
    steps += [(-jump, "d"), (60, "e"), (60, "e")] if is_back else []
    elapsed = 0
    for shift, tab in steps:
        clock.shift(shift)
        elapsed += shift if abs(shift) == 60 else 0
        assert ping(clients, tab) in (200, 409)
        assert_sound(clients)
    # Never more than the true time, except for the effect of a jump within the alive time.
    assert sum(each["visible_duration"] for each in stays(clients)) <= elapsed
    assert all(each["last_ping"] >= each["start"] for each in stays(clients))


@pytest.mark.parametrize("jump", [-HOUR, HOUR, TEN_YEARS], ids=["-1h", "+1h", "+10y"])
def test_a_jump_between_scans_and_creates_leaves_sound_sessions(
    clients: Clients, clock: Clock, jump: int
) -> None:
    shifts = (60, 60, jump, 60, HOUR, -jump, 60)
    for shift, is_there in zip(shifts, (True, True, True, False, False, True, True), strict=True):
        clock.shift(shift)
        assert scan(clients, is_there=is_there) == 200
        start = IN_UTC.format_offset(now_of.now())
        body = {"mac": "02:00:00:00:00:02", "ip": "10.0.0.1", "start_time": start}
        assert clients.operator.post("/sessions/create", body).status_code in (200, 409)
        assert_sound(clients)
    for path in ("/sessions/list", f"/sessions/{MAC}?period=all", "/devices", "/sessions/totals"):
        assert clients.viewer.get(path).status_code == 200


def test_of_a_scan_that_a_wrong_clock_dated_the_future_nothing_is_taken(clients: Clients) -> None:
    assert scan(clients, NOW + TEN_YEARS) == 400
    assert scan(clients, NOW - TEN_YEARS) == 400
    assert_sound(clients)


def test_logins_end_by_a_jump_and_api_tokens_do_not(clients: Clients, clock: Clock) -> None:
    signed_in = clients.logged_in("viewer")
    clock.shift(TEN_YEARS)
    assert signed_in.get("/auth/me").status_code == 401
    assert clients.viewer.get("/auth/me").status_code == 200
    clock.shift(-TEN_YEARS)
    assert signed_in.get("/auth/me").status_code == 200


def test_a_jump_ahead_prunes_nothing(make_clients: MakeClients, clock: Clock) -> None:
    clients = make_clients(RETENTION_DEVICE_SESSIONS="1 year")
    for at in (NOW - 300, NOW):
        clock.move_to(at)
        assert scan(clients) == 200
    with clients.app.app_context():
        settings = settings_of(clients.app)
        housekeeping.look(settings)
        clock.shift(TEN_YEARS)
        housekeeping.look(settings)
        clock.shift(-TEN_YEARS)
        housekeeping.look(settings)
    assert len(clients.viewer.ok("GET", f"/sessions/{MAC}?period=all")["sessions"]) == 1


@pytest.mark.parametrize("other", ["Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns"])
def test_another_time_zone_between_two_runs_moves_no_instant(clients: Clients, other: str) -> None:
    body = {"mac": MAC, "ip": "10.0.0.1"}
    body |= {"start_time": "2025-08-01T10:00:00", "end_time": "2025-08-01T12:00:00"}
    clients.operator.ok("POST", "/sessions/create", body)
    (before,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    moved = create_app({"INSTANCE": clients.app.instance_path, "TIMEZONE": other})
    with moved.app_context():
        (after,) = (
            moved.test_client().get("/sessions/list", headers=clients.viewer.headers).get_json()["sessions"]
        )
        db.engine.dispose()
    site = SiteTime(other)
    for key in ("ses_DateTimeConnection", "ses_DateTimeDisconnection"):
        assert site.parse_start(after[key]) == IN_UTC.parse_start(before[key])
    assert after["ses_DurationSeconds"] == before["ses_DurationSeconds"] == 7200
    assert after["ses_Connection"] != before["ses_Connection"]
    # The same report with an offset is a duplicate; without an offset it is another instant.
    ends = {"start": before["ses_DateTimeConnection"], "end": before["ses_DateTimeDisconnection"]}
    told = {**body, "start_time": ends["start"], "end_time": ends["end"]}
    again = moved.test_client().post("/sessions/create", json=told, headers=clients.operator.headers)
    assert again.status_code == 200
    with moved.app_context():
        assert [each for each in soundness.examine() if each.count] == []
        db.engine.dispose()


# In Berlin: 02:00 becomes 03:00, and seven months later 03:00 becomes 02:00.
NIGHTS = {"spring": (1_743_292_800, 23), "autumn": (1_761_429_600, 25)}


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_that_the_clock_changes_in_has_its_true_length(
    make_clients: MakeClients, clock: Clock, night: str
) -> None:
    midnight, hours = NIGHTS[night]
    midnight -= midnight % HOUR
    clients = make_clients(TIMEZONE="Europe/Berlin", SESSION_ALIVE_SECONDS="3600")
    site = SiteTime("Europe/Berlin")
    day = site.format_minute(midnight + 12 * HOUR)[:10]
    start, end = site.parse_start(day), site.parse_end(day)
    assert (end - start + HOUR // 2) // HOUR == hours
    clock.move_to(start)
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    at = start
    while at + 300 <= end:
        at += 300
        clock.move_to(at)
        assert scan(clients) == 200
        assert ping(clients, "night") == 200
    assert_sound(clients)
    assert [each["visible_duration"] for each in stays(clients)] == [at - start]
    (session,) = clients.viewer.ok("GET", f"/sessions/{MAC}?period=2 days")["sessions"]
    assert session["ses_StillConnected"] is True
    assert session["ses_DurationSeconds"] == at - start - 300
    # After a silence one look is not enough: it is missed for one more grace time.
    for minutes in (0, 5, 11):
        clock.move_to(at + 2 * HOUR + minutes * 60)
        assert scan(clients, is_there=False) == 200
    (session,) = clients.viewer.ok("GET", f"/sessions/list?mac={MAC}&start_date={day}&end_date={day}")[
        "sessions"
    ]
    assert session["ses_DurationSeconds"] == at - start - 300
    assert_sound(clients)
