"""What needs the time is recorded only while the clock can be right."""

import logging

import pytest
import time_machine

from sessiontrack.config import settings_of
from sessiontrack.database import Statement, write_transaction
from sessiontrack.services.clock_door import ClockDoor, Floor, accept_clock, find_floor, open_door
from sessiontrack.startup import prepare
from sessiontrack.values.timestamps import IN_UTC
from sessiontrack.version import BUILT_AT
from tests.support.application import NOW, Clients
from tests.support.command import assert_one_line, invoke
from tests.support.rows import writing

DAY = 86_400
SCAN = {"source": "arp", "devices": [{"mac": "00:1a:2b:3c:4d:5e", "ip": "10.0.0.5"}]}
CREATE = {"mac": "00:1a:2b:3c:4d:5f", "ip": "10.0.0.6", "start_time": "2025-08-15 10:00"}
PING = {"visible": True, "path": "[devices]"}
NEEDING = [
    ("/presence/scans", SCAN),
    ("/presence/events", {"source": "ap", "mac": "00:1a:2b:3c:4d:5e", "event": "connected"}),
    ("/sessions/create", CREATE),
    ("/api/v2/sessionstart", None),
    ("/api/v2/keepalive", PING),
    ("/api/v2/session-hide", {"path": "[devices]"}),
    ("/api/v2/session_tracepath", {"path": "[devices]"}),
]
WEBHOOK = {"name": "pager", "url": "https://8.8.8.8/hook"}
OF_ADMIN = ("/webhooks/1/test", "/webhooks/1/retry")


class Even:
    """Time that goes on evenly, and a time source."""

    def __init__(self) -> None:
        self.uptime = 1000.0
        self.is_confirmed = False

    def door(self, clients: Clients, floor: int = NOW, now: int = NOW, **options: int) -> ClockDoor:
        with clients.app.app_context():
            return ClockDoor(
                Floor(floor, 0),
                now,
                3600,
                uptime=lambda: self.uptime,
                confirms=lambda now: self.is_confirmed,
                **options,
            )


@pytest.fixture
def even() -> Even:
    return Even()


def problem(clients: Clients, door: ClockDoor, now: int) -> str | None:
    with clients.app.app_context():
        return door.problem(now)


def test_a_clock_that_goes_on_is_right(clients: Clients, even: Even) -> None:
    door = even.door(clients)
    for seconds in (0, 60, 86_400, 400 * DAY):
        even.uptime = 1000 + seconds
        assert problem(clients, door, NOW + seconds) is None


@pytest.mark.parametrize("now", [0, NOW - 400 * DAY, NOW - 301])
def test_one_before_the_floor_is_not_until_it_is_past_it(clients: Clients, even: Even, now: int) -> None:
    door = even.door(clients)
    reason = problem(clients, door, now)
    assert reason is not None
    assert "cannot be before 2025-08-15 12:00 UTC" in reason
    assert "sessiontrack clock accept" in reason
    assert problem(clients, door, NOW - 300) is None


@pytest.mark.parametrize("boot", [0, NOW - 3 * 365 * DAY, NOW - 2 * DAY])
def test_after_a_boot_in_the_past_the_first_right_instant_is_believed(
    clients: Clients, even: Even, boot: int
) -> None:
    door = even.door(clients, now=boot)
    assert problem(clients, door, boot) is not None
    even.uptime += 60
    assert problem(clients, door, NOW + 30 * DAY) is None
    assert problem(clients, door, NOW + 60 * DAY) is not None, "a jump from a clock that was right"


def test_after_a_boot_in_the_past_the_far_future_is_not(clients: Clients, even: Even) -> None:
    door = even.door(clients, now=0)
    assert problem(clients, door, NOW + 15 * 365 * DAY) is not None


def test_none_is_right_before_the_program_was_built(clients: Clients, even: Even) -> None:
    door = even.door(clients, floor=0, least=NOW + DAY)
    assert problem(clients, door, NOW) is not None
    assert problem(clients, door, NOW + DAY) is None


def test_a_checkout_that_boots_in_1970_records_nothing(clients: Clients) -> None:
    with clients.app.app_context(), time_machine.travel(DAY, tick=False):
        door = open_door(settings_of(clients.app))
        assert door is not None
        reason = door.problem(DAY)
    assert reason is not None
    assert "cannot be before" in reason


def test_an_hour_ahead_for_a_minute_is_no_floor(clients: Clients, even: Even) -> None:
    door = even.door(clients)
    with clients.app.app_context():
        door.pass_through(NOW + 3600)
        even.uptime += 61
        door.pass_through(NOW + 3661)
        door.pass_through(NOW + 61)
        with write_transaction() as tx:
            assert find_floor(tx) == Floor(NOW + 61, 0)


@pytest.mark.parametrize("ahead", [DAY + 1, 30 * DAY, 15 * 365 * DAY])
def test_a_jump_ahead_waits_for_a_time_source(clients: Clients, even: Even, ahead: int) -> None:
    door = even.door(clients)
    reason = problem(clients, door, NOW + ahead)
    assert reason is not None
    assert f"jumped ahead by {ahead // DAY} days" in reason
    assert problem(clients, door, NOW) is None
    assert problem(clients, door, NOW + ahead) is not None
    even.is_confirmed = True
    assert problem(clients, door, NOW + ahead) is not None, "asked again within seconds"
    even.uptime += 5
    assert problem(clients, door, NOW + ahead + 5) is None


def test_a_jump_that_stays_is_believed_after_the_settable_time(clients: Clients, even: Even) -> None:
    door = even.door(clients)
    for seconds, held in ((0, True), (3599, True), (3600, False), (3601, False)):
        even.uptime = 1000 + seconds
        assert (problem(clients, door, NOW + 30 * DAY + seconds) is not None) == held


def test_an_administrator_knows_better(clients: Clients, even: Even) -> None:
    door = even.door(clients, least=NOW)
    for now in (NOW - 400 * DAY, NOW + 400 * DAY):
        assert problem(clients, door, now) is not None
        with clients.app.app_context(), write_transaction() as tx:
            accept_clock(tx, now)
        assert problem(clients, door, now) is None
        assert problem(clients, door, now + 1) is None


def test_an_end_that_was_reported_ahead_of_now_is_no_floor(clients: Clients) -> None:
    with time_machine.travel(NOW, tick=False):
        ends = {"start_time": "2025-08-15 10:00", "end_time": IN_UTC.format_offset(NOW + 20 * 3600)}
        clients.operator.ok("POST", "/sessions/create", {**CREATE, **ends})
    with writing(clients.app) as tx:
        tx.run(Statement("DELETE FROM clock_floor"))
        assert find_floor(tx).at <= NOW


def test_what_was_recorded_is_the_first_floor(clients: Clients) -> None:
    with time_machine.travel(NOW, tick=False):
        clients.operator.ok("POST", "/presence/scans", SCAN)
        with clients.app.app_context(), write_transaction() as tx:
            assert find_floor(tx).at >= NOW


@pytest.mark.parametrize(("path", "body"), NEEDING)
def test_what_needs_the_time_is_refused_and_reads_go_on(
    clients: Clients, even: Even, path: str, body: dict[str, object] | None
) -> None:
    clients.app.extensions["sessiontrack.clock_door"] = even.door(clients, floor=NOW + 10 * DAY)
    with time_machine.travel(NOW, tick=False):
        refused = clients.operator.post(path, body)
        assert refused.status_code == 503
        assert refused.json is not None
        assert refused.json["error"] == "clock_unsure"
        assert refused.headers["Retry-After"]
        assert clients.nobody.get("/readyz").status_code == 503
        assert "cannot be before" in clients.nobody.get("/readyz").json["message"]
        for read in ("/sessions/list", "/devices", "/presence/now", "/api/v2/sessions", "/healthz"):
            assert clients.viewer.get(read).status_code == 200, read
    with time_machine.travel(NOW + 10 * DAY, tick=False):
        even.uptime += 10 * DAY
        assert clients.operator.post(path, body).status_code != 503


@pytest.mark.parametrize("path", OF_ADMIN)
def test_what_receivers_are_sent_waits_for_the_time_too(clients: Clients, even: Even, path: str) -> None:
    clients.admin.ok("POST", "/webhooks", WEBHOOK)
    clients.app.extensions["sessiontrack.clock_door"] = even.door(clients, floor=NOW + 10 * DAY)
    with time_machine.travel(NOW, tick=False):
        refused = clients.admin.post(path, {})
    assert refused.status_code == 503
    assert refused.json is not None
    assert refused.json["error"] == "clock_unsure"


def test_it_says_once_that_it_holds_and_once_that_it_goes_on(
    clients: Clients, even: Even, caplog: pytest.LogCaptureFixture
) -> None:
    door = even.door(clients)
    with caplog.at_level(logging.WARNING):
        for now in (NOW, 0, 60, 120, NOW, NOW):
            problem(clients, door, now)
    assert [message.partition(" ")[0] for message in caplog.messages] == ["The", "The"]
    assert "goes on" in caplog.messages[1]


def test_a_service_has_a_door_unless_the_settings_want_none(clients: Clients) -> None:
    prepare(clients.app)
    assert "sessiontrack.clock_door" not in clients.app.extensions
    prepare(clients.app, is_service=True)
    assert clients.app.extensions["sessiontrack.clock_door"] is not None
    with clients.app.app_context():
        settings = settings_of(clients.app)
        object.__setattr__(settings, "wait_for_clock", "off")
        assert open_door(settings) is None


def test_commands_wait_for_the_clock_too(clients: Clients) -> None:
    instance = clients.app.instance_path
    clients.admin.ok("POST", "/webhooks", WEBHOOK)
    with clients.app.app_context(), write_transaction() as tx:
        accept_clock(tx, NOW)
    with time_machine.travel(NOW - 100 * DAY, tick=False):
        result = invoke(instance, "scan", "csv", "-", text="mac\n00:1a:2b:3c:4d:5e\n")
        assert result.exit_code == 1
        assert_one_line(result.stderr, "cannot be before")
        result = invoke(instance, "listen", "dhcp-script", "add", "00:1a:2b:3c:4d:5e", "10.0.0.5")
        assert result.exit_code == 1
        for words in (("test", "pager"), ("retry", "pager"), ("deliver",)):
            assert_one_line(invoke(instance, "webhook", *words).stderr, "cannot be before")
        assert "Not before" in invoke(instance, "clock", "show").stdout
        assert invoke(instance, "clock", "accept").exit_code == 0
        assert invoke(instance, "scan", "csv", "-", text="mac\n00:1a:2b:3c:4d:5e\n").exit_code == 0


def test_the_clock_is_shown_with_the_later_of_its_floors_and_which_that_is(clients: Clients) -> None:
    def shown() -> str:
        return invoke(clients.app.instance_path, "clock", "show").stdout

    built = IN_UTC.format_offset(BUILT_AT)
    with writing(clients.app) as tx:
        tx.run(Statement("DELETE FROM clock_floor"))
    assert f"Not before          {built}: this program is newer\n" in shown()
    with time_machine.travel(NOW, tick=False):
        clients.operator.ok("POST", "/presence/scans", SCAN)
    recorded = IN_UTC.format_offset(NOW)
    assert f"Not before          {recorded}: recorded or accepted then\n" in shown()
    with writing(clients.app) as tx:
        accept_clock(tx, DAY)
    assert "Not before          1970-01-02T00:00:00+00:00: recorded or accepted then\n" in shown()
