"""`GET /presence/sources`, its metrics, and what a look that fails leaves there."""

import os
from pathlib import Path
from typing import Any

import pytest
import time_machine

from sessiontrack.clock import now
from tests.server.test_metrics import key, scraped
from tests.support.application import NOW, Clients
from tests.support.command import invoke

ROUTER = "10.0.0.1 dev e lladdr 00:1a:2b:3c:4d:5e REACHABLE"
MAC = "DA:A1:19:11:22:33"


def sources(clients: Clients) -> dict[str, dict[str, Any]]:
    found = clients.viewer.ok("GET", "/presence/sources")["sources"]
    return {each["name"]: each for each in found}


def scan(clients: Clients, source: str = "arp", count: int = 2) -> None:
    devices = [{"mac": f"02:00:00:00:00:{n:02}"} for n in range(1, count + 1)]
    clients.admin.ok("POST", "/presence/scans", {"source": source, "devices": devices})


def word(clients: Clients, source: str, event: str = "seen") -> None:
    clients.admin.ok("POST", "/presence/events", {"source": source, "mac": MAC, "event": event})


@pytest.mark.usefixtures("clock")
def test_contract_6_a_new_install_has_no_sources(clients: Clients) -> None:
    assert sources(clients) == {}


def test_contract_6_what_feeds_us(clients: Clients, clock: time_machine.Traveller) -> None:
    for _ in range(5):
        scan(clients)
        clock.shift(60)
    found = sources(clients)["arp"]
    assert found == {
        "name": "arp",
        "kind": "scan",
        "last_look": "2025-08-15T12:04:00+00:00",
        "rhythm_seconds": 60,
        "quiet_seconds": 900,
        "silent_since": None,
        "failing_since": None,
        "reason": "",
        "archived": False,
        "seen": 2,
    }
    clock.shift(900)
    assert sources(clients)["arp"]["silent_since"] == "2025-08-15T12:04:00+00:00"
    scan(clients, count=1)
    assert (sources(clients)["arp"]["silent_since"], sources(clients)["arp"]["seen"]) == (None, 1)


def test_a_scan_with_a_slow_rhythm_is_not_silent_between_two(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    for _ in range(3):
        scan(clients)
        clock.shift(3600)
    assert sources(clients)["arp"]["quiet_seconds"] == 3 * 3600
    assert sources(clients)["arp"]["silent_since"] is None


def test_what_came_while_the_clock_was_an_hour_ahead_hides_no_silence(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    for offset in (0, 60, 3660):
        clock.move_to(NOW + offset)
        scan(clients)
        word(clients, "x")
    scan(clients, "new")
    clock.move_to(NOW + 120)
    found = sources(clients)
    assert found["arp"]["last_look"] == found["x"]["last_look"] == "2025-08-15T12:01:00+00:00"
    # Of this one nothing else is known.
    assert (found["new"]["kind"], found["new"]["last_look"]) == ("scan", "2025-08-15T13:01:00+00:00")
    clock.shift(900)
    assert sources(clients)["arp"]["silent_since"] == "2025-08-15T12:01:00+00:00"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("radius:ap-1", "radius"),
        ("dhcp", "hook"),
        ("dhcp6", "hook"),
        ("hostapd:wlan0", "hook"),
        ("x", "events"),
    ],
)
def test_listeners_are_heard_of_too(
    clients: Clients, clock: time_machine.Traveller, source: str, kind: str
) -> None:
    for _ in range(3):
        clock.shift(-60)
        word(clients, source, "seen")
    clock.move_to(NOW)
    word(clients, source, "connected")
    found = sources(clients)[source]
    # It speaks when something happens.
    assert (found["kind"], found["seen"], found["rhythm_seconds"]) == (kind, 1, None)
    assert found["quiet_seconds"] == 86_400
    metrics = scraped(clients)
    labels = {"source": source, "kind": kind}
    assert metrics[key("last_heard_timestamp_seconds", **labels)] == NOW
    assert metrics[key("longest_silence_seconds", **labels)] == 86_400
    clock.shift(86_401)
    assert sources(clients)[source]["silent_since"] == "2025-08-15T12:00:00+00:00"


HOUR, DAY = 3600, 86_400


def pass_days(
    clients: Clients, clock: time_machine.Traveller, days: int, hours: range, every: int = HOUR
) -> bool:
    """For so many days somebody comes or goes in these hours; whether dhcp ever seemed silent meanwhile."""
    midnight, silent = now() // DAY * DAY, False
    for at in range(now(), midnight + days * DAY, HOUR):
        clock.move_to(at)
        silent = silent or sources(clients)["dhcp"]["silent_since"] is not None
        if at % DAY // HOUR in hours:
            for moment in range(at, at + HOUR, every):
                clock.move_to(moment)
                word(clients, "dhcp")
    clock.move_to(midnight + days * DAY)
    return silent


def test_nights_at_home_are_no_silence_from_the_first_one_on(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOW // DAY * DAY + 18 * HOUR)
    word(clients, "dhcp")
    # More is said on an evening than is looked at to know the rhythm.
    assert not pass_days(clients, clock, 1, range(18, 23), every=120)
    assert sources(clients)["dhcp"]["quiet_seconds"] == DAY
    assert not pass_days(clients, clock, 8, range(7, 23))
    # Nobody comes or goes from 22:00 to 7:00; twice that.
    assert sources(clients)["dhcp"]["quiet_seconds"] == 18 * HOUR
    clock.shift(16 * HOUR)
    assert sources(clients)["dhcp"]["silent_since"] is None
    clock.shift(1)
    assert sources(clients)["dhcp"]["silent_since"] == "2025-08-23T22:00:00+00:00"


def test_a_listener_that_never_rests_is_silent_after_an_hour(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOW // DAY * DAY)
    word(clients, "dhcp")
    assert not pass_days(clients, clock, 8, range(24), every=1800)
    assert sources(clients)["dhcp"]["quiet_seconds"] == HOUR
    clock.shift(HOUR)
    assert sources(clients)["dhcp"]["silent_since"] == "2025-08-22T23:30:00+00:00"


def test_who_comes_home_from_a_holiday_sleeps_the_first_night(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOW // DAY * DAY)
    word(clients, "dhcp")
    pass_days(clients, clock, 8, range(7, 23))
    clock.shift(14 * DAY)
    word(clients, "dhcp", "connected")
    assert not pass_days(clients, clock, 2, range(20, 23))
    # The week before its last word began in the holiday.
    assert sources(clients)["dhcp"]["quiet_seconds"] > 5 * DAY


def watch(clients: Clients, script: str, *options: str) -> None:
    words = ["--format", "ip-neigh", "--times", "1", *options, "--", "sh", "-c", script]
    result = invoke(clients.app.instance_path, "scan", "watch", *words)
    assert result.exit_code == 0, result.output


def test_a_look_that_fails_is_told_until_one_works(clients: Clients, clock: time_machine.Traveller) -> None:
    watch(clients, "echo no such device >&2; exit 3")
    found = sources(clients)["ip-neigh"]
    assert (found["kind"], found["last_look"], found["seen"]) == ("events", None, 0)
    assert found["failing_since"] == "2025-08-15T12:00:00+00:00"
    assert "failed with exit code 3: no such device" in found["reason"]
    clock.shift(60)
    watch(clients, "echo nonsense", "--source", "ip-neigh")
    found = sources(clients)["ip-neigh"]
    assert found["failing_since"] == "2025-08-15T12:00:00+00:00"
    assert "not what" in found["reason"]
    labels = {"source": "ip-neigh"}
    assert scraped(clients)[key("source_failing_since_timestamp_seconds", **labels)] == NOW
    clock.shift(60)
    watch(clients, f"echo {ROUTER}")
    found = sources(clients)["ip-neigh"]
    assert (found["kind"], found["failing_since"], found["reason"]) == ("scan", None, "")
    assert key("source_failing_since_timestamp_seconds", **labels) not in scraped(clients)


def test_a_lease_file_that_was_not_written_says_so(
    clients: Clients, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    path = tmp_path / "leases"
    path.write_text(f"{NOW + 600} da:a1:19:11:22:33 10.0.0.5 phone *\n")
    os.utime(path, (NOW - 60, NOW - 60))
    assert invoke(clients.app.instance_path, "scan", "dnsmasq", str(path)).stderr == ""
    again = invoke(clients.app.instance_path, "scan", "dnsmasq", str(path))
    assert (again.exit_code, again.stderr) == (
        0,
        f"Note: {path} was not written since 2025-08-15T11:59:00+00:00: it says nothing new,"
        " and disconnects nobody.\n",
    )
    os.utime(path, (NOW, NOW))
    assert invoke(clients.app.instance_path, "scan", "dnsmasq", str(path)).stderr == ""


def archive(clients: Clients, name: str, archived: bool = True) -> dict[str, Any]:
    answer = clients.operator.ok("PATCH", "/presence/sources", {"name": name, "archived": archived})
    found: dict[str, Any] = answer["source"]
    return found


def test_a_retired_source_is_archived_until_it_is_heard_of(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    scan(clients)
    clock.shift(3600)
    assert sources(clients)["arp"]["silent_since"] is not None
    assert archive(clients, "arp") == {**sources(clients)["arp"], "archived": True, "silent_since": None}
    labels = {"source": "arp"}
    metrics = scraped(clients)
    assert key("last_scan_timestamp_seconds", **labels) not in metrics
    assert key("last_heard_timestamp_seconds", **labels, kind="scan") not in metrics
    assert archive(clients, "arp", archived=False)["silent_since"] is not None
    archive(clients, "arp")
    scan(clients)
    found = sources(clients)["arp"]
    assert (found["archived"], found["silent_since"]) == (False, None)
    assert key("last_scan_timestamp_seconds", **labels) in scraped(clients)


def test_a_source_that_never_worked_is_forgotten_when_it_is_archived(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    watch(clients, "exit 3")
    assert archive(clients, "ip-neigh")["name"] == "ip-neigh"
    assert sources(clients) == {}
    watch(clients, f"echo {ROUTER}")
    archive(clients, "ip-neigh")
    clock.shift(60)
    watch(clients, "exit 3")
    found = sources(clients)["ip-neigh"]
    assert (found["archived"], found["failing_since"] is None) == (False, False)


def test_only_operators_archive_and_only_what_there_is(clients: Clients) -> None:
    body = {"name": "nobody", "archived": True}
    assert clients.viewer.call("PATCH", "/presence/sources", body).status_code == 403
    assert clients.operator.call("PATCH", "/presence/sources", body).status_code == 404
    assert clients.operator.call("PATCH", "/presence/sources", {"name": "nobody"}).status_code == 400


@pytest.mark.usefixtures("clock")
def test_the_command_lists_and_archives(clients: Clients) -> None:
    scan(clients)
    folder = clients.app.instance_path
    assert invoke(folder, "source", "archive", "arp").output == "Archived source arp.\n"
    assert sources(clients)["arp"]["archived"]
    assert "archived" in invoke(folder, "source", "list").output
    assert invoke(folder, "source", "unarchive", "arp").exit_code == 0
    assert not sources(clients)["arp"]["archived"]
    missing = invoke(folder, "source", "archive", "x")
    assert (missing.exit_code, missing.stderr) == (1, "Error: There is no source x.\n")


def test_now_names_what_is_silent_or_fails(clients: Clients, clock: time_machine.Traveller) -> None:
    scan(clients)
    scan(clients, "old")
    word(clients, "radius:ap-1")
    watch(clients, "exit 3")
    archive(clients, "old")
    clock.shift(3600)
    found = clients.viewer.ok("GET", "/presence/now")["sources"]
    assert found == {"all": 3, "silent": ["arp"], "failing": ["ip-neigh"]}


def test_deleting_a_device_does_not_change_when_its_source_was_heard_of(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    word(clients, "dhcp:vm", "connected")
    clock.shift(3600)
    other = {"source": "dhcp:vm", "mac": "02:00:00:00:00:01", "event": "connected"}
    clients.admin.ok("POST", "/presence/events", other)
    heard = sources(clients)["dhcp:vm"]["last_look"]
    for mac in ("02:00:00:00:00:01", MAC):
        clients.admin.ok("DELETE", f"/devices/{mac}")
        assert sources(clients)["dhcp:vm"]["last_look"] == heard
    clock.shift(60)
    word(clients, "dhcp:vm")
    assert sources(clients)["dhcp:vm"]["last_look"] == "2025-08-15T13:01:00+00:00"


def test_a_deleted_device_of_whom_was_spoken_while_the_clock_was_ahead_counts_for_nothing(
    clients: Clients, clock: time_machine.Traveller
) -> None:
    word(clients, "dhcp:vm")
    clock.shift(3600)
    other = {"source": "dhcp:vm", "mac": "02:00:00:00:00:01", "event": "seen"}
    clients.admin.ok("POST", "/presence/events", other)
    clock.shift(-3540)
    clients.admin.ok("DELETE", "/devices/02:00:00:00:00:01")
    clock.shift(7200)
    assert sources(clients)["dhcp:vm"]["last_look"] == "2025-08-15T12:00:00+00:00"
