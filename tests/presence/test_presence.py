"""services/presence.py and `sessiontrack scan`: sessions opened and closed by looks at the network."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import Result

from tests.sources.test_ip_neigh import CAPTURED
from tests.support.application import NOW, Clients
from tests.support.command import invoke

PHONE = "DA:A1:19:11:22:33"
LAPTOP = "00:1A:2B:3C:4D:5E"


def entry(mac: str, ip: str = "10.0.0.5", state: str = "REACHABLE") -> dict[str, Any]:
    return {"dst": ip, "dev": "eth0", "lladdr": mac.lower(), "state": [state]}


class Scanner:
    """Runs the command on the database that the clients read, with a clock that stands still."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock
        self.settings: dict[str, str] = {}

    def run(self, *arguments: str, text: str | None = None) -> Result:
        return invoke(
            self.clients.app.instance_path, "scan", "ip-neigh", *arguments, text=text, **self.settings
        )

    def see(self, *entries: dict[str, Any], minutes: int = 1) -> Any:
        """What a scan of this table says, so long after the one before."""
        self.clock.shift(60 * minutes)
        result = self.run("-", "--json", text=json.dumps(entries))
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def sessions(self, mac: str) -> list[dict[str, Any]]:
        listed = self.clients.admin.ok("GET", f"/sessions/list?mac={mac}")
        found: list[dict[str, Any]] = listed["sessions"]
        return found

    def event_types(self, mac: str) -> list[str]:
        answer = self.clients.admin.ok("GET", f"/sessions/session-events?type=all&search={mac}")
        return sorted(event["type"] for event in answer["events"])


@pytest.fixture
def scanner(clients: Clients, clock: time_machine.Traveller) -> Iterator[Scanner]:
    return Scanner(clients, clock)


# Who is always there: a scan that sees nobody at all is believed by nobody.
ROUTER = entry("00:00:5E:00:01:01", "10.0.0.1")


def test_a_sighting_opens_a_session_now(scanner: Scanner) -> None:
    answer = scanner.see(entry(PHONE))
    assert {name: answer[name] for name in ("seen", "connected", "disconnected", "new")} == {
        "seen": 1,
        "connected": 1,
        "disconnected": 0,
        "new": 1,
    }
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DateTimeConnection"] == "2025-08-15T12:01:00+00:00"
    assert session["ses_StillConnected"] is True
    assert session["ses_IP"] == "10.0.0.5"
    assert scanner.event_types(PHONE) == ["Connected", "New Device"]


def test_seen_again_changes_nothing(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    answer = scanner.see(entry(PHONE, state="DELAY"))
    assert answer["changes"] == []
    assert answer["seen"] == 1
    assert len(scanner.sessions(PHONE)) == 1


def test_contract_6_missed_for_longer_than_the_grace_time_it_left_at_the_last_sighting(
    scanner: Scanner,
) -> None:
    scanner.see(entry(PHONE), ROUTER)  # 12:01
    scanner.see(entry(PHONE), ROUTER)  # 12:02
    scanner.see(ROUTER)  # 12:03: missed for the first time
    assert scanner.see(ROUTER, minutes=9)["disconnected"] == 0  # 12:12: for no longer than ten minutes
    answer = scanner.see(ROUTER)  # 12:13
    assert answer["disconnected"] == 1
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DateTimeDisconnection"] == "2025-08-15T12:02:00+00:00"
    assert scanner.event_types(PHONE) == ["Connected", "Disconnected", "New Device"]


def test_contract_6_the_grace_time_is_a_setting(scanner: Scanner) -> None:
    scanner.settings = {"PRESENCE_GRACE": "1 minute"}
    scanner.see(entry(PHONE), ROUTER)
    assert scanner.see(ROUTER)["disconnected"] == 0
    assert scanner.see(ROUTER)["disconnected"] == 1


def test_contract_6_missed_once_and_back_is_one_session(scanner: Scanner) -> None:
    scanner.see(entry(PHONE), ROUTER)
    scanner.see(ROUTER)
    assert scanner.see(entry(PHONE), ROUTER, minutes=8)["changes"] == []
    (session,) = scanner.sessions(PHONE)
    assert session["ses_StillConnected"] is True
    assert scanner.event_types(PHONE) == ["Connected", "New Device"]


def test_contract_6_a_silent_scanner_disconnects_nobody(scanner: Scanner) -> None:
    scanner.see(entry(PHONE), ROUTER)
    answer = scanner.see(entry(PHONE), ROUTER, minutes=600)
    assert answer["changes"] == []
    assert len(scanner.sessions(PHONE)) == 1


def test_seen_once_only_the_session_has_no_length(scanner: Scanner) -> None:
    scanner.see(entry(PHONE), ROUTER)
    scanner.see(ROUTER, minutes=9)
    scanner.see(ROUTER, minutes=2)
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DateTimeDisconnection"] == session["ses_DateTimeConnection"]


def test_a_failed_entry_is_a_miss(scanner: Scanner) -> None:
    scanner.see(entry(PHONE), ROUTER)
    failed = {"dst": "10.0.0.5", "dev": "eth0", "state": ["FAILED"]}
    scanner.see(failed, ROUTER, minutes=9)
    assert scanner.see(failed, ROUTER, minutes=2)["disconnected"] == 1


def test_a_table_that_sees_nobody_is_no_evidence_of_absence(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    failed = {"dst": "10.0.0.5", "dev": "eth0", "state": ["FAILED"]}
    answer = scanner.see(failed, minutes=11)
    assert answer["suspicious"] is True
    assert answer["disconnected"] == 0


@pytest.mark.parametrize("state", ["STALE", "PERMANENT", "NOARP"])
def test_what_is_only_remembered_neither_opens_nor_closes(scanner: Scanner, state: str) -> None:
    assert scanner.see(entry(LAPTOP, state=state), ROUTER)["seen"] == 1
    assert scanner.sessions(LAPTOP) == []
    scanner.see(entry(PHONE), ROUTER)
    assert scanner.see(entry(PHONE, state=state), ROUTER, minutes=11)["changes"] == []
    assert scanner.sessions(PHONE)[0]["ses_StillConnected"] is True


@pytest.mark.parametrize("state", ["STALE", "PERMANENT"])
def test_an_unknown_neighbour_that_is_only_remembered_hides_no_departure(
    scanner: Scanner, state: str
) -> None:
    scanner.see(entry(PHONE), ROUTER)
    scanner.see(entry(LAPTOP, state=state), ROUTER, minutes=9)
    assert scanner.see(entry(LAPTOP, state=state), ROUTER, minutes=2)["disconnected"] == 1
    assert scanner.sessions(LAPTOP) == []


def test_back_again_is_a_second_session(scanner: Scanner) -> None:
    scanner.see(entry(PHONE), ROUTER)
    scanner.see(ROUTER, minutes=9)
    scanner.see(ROUTER, minutes=2)
    answer = scanner.see(entry(PHONE, "10.0.0.9"), ROUTER)
    assert (answer["connected"], answer["new"]) == (1, 0)
    assert [session["ses_IP"] for session in scanner.sessions(PHONE)] == ["10.0.0.5", "10.0.0.9"]


def test_a_session_opened_through_the_api_is_never_closed_by_a_scan(scanner: Scanner) -> None:
    body = {"mac": PHONE, "ip": "10.0.0.5", "start_time": "2025-08-15 11:00"}
    scanner.clients.operator.ok("POST", "/sessions/create", body)
    scanner.see(entry(PHONE), ROUTER)
    assert scanner.see(ROUTER, minutes=11)["changes"] == []
    (session,) = scanner.sessions(PHONE)
    assert session["ses_StillConnected"] is True


def test_contract_6_a_clock_that_jumped_back_ends_no_session_before_its_start(scanner: Scanner) -> None:
    # Else nothing would be recorded until it is right.
    scanner.settings["WAIT_FOR_CLOCK"] = "off"
    scanner.see(entry(PHONE), ROUTER)  # 12:01
    scanner.see(entry(PHONE), ROUTER, minutes=-60)  # 11:01
    scanner.see(ROUTER, minutes=9)  # 11:10
    scanner.see(ROUTER, minutes=2)  # 11:12, which the sighting at 12:01 refutes
    scanner.see(ROUTER, minutes=58)  # 12:10
    scanner.see(ROUTER, minutes=2)  # 12:12
    for session in scanner.sessions(PHONE):
        assert session["ses_DurationSeconds"] >= 0
    assert [session["ses_DateTimeDisconnection"] for session in scanner.sessions(PHONE)] == [
        "2025-08-15T11:01:00+00:00",
        "2025-08-15T12:01:00+00:00",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", "no neighbours", "[7]"])
def test_an_unreadable_table_closes_nobody_and_is_one_line(scanner: Scanner, text: str) -> None:
    scanner.see(entry(PHONE))
    result = scanner.run("-", text=text)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert scanner.sessions(PHONE)[0]["ses_StillConnected"] is True


def test_the_table_of_changes_and_the_summary(scanner: Scanner, tmp_path: Path) -> None:
    file = tmp_path / "neigh.json"
    file.write_text(CAPTURED)
    os.utime(file, (NOW, NOW))
    result = scanner.run(str(file))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "Lines: 8 taken, 6 left out, 0 faulty"
    assert lines[-2] == "4 seen, 4 connected, 0 disconnected, 4 new, 0 down, 0 ip_changed"
    assert [line.split()[1] for line in lines[1:-2]].count("Connected") == 4
    assert any(line.startswith(LAPTOP) and "192.168.1.20" in line for line in lines)


def test_malformed_entries_are_notes_on_standard_error(scanner: Scanner) -> None:
    result = scanner.run("-", "--json", text=json.dumps([entry(PHONE), 7]))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["connected"] == 1
    assert result.stderr == "Note: Entry 2 of 2: it is not an object.\n"


@pytest.mark.parametrize("content", [None, b"\xff\xfe["])
def test_a_file_that_cannot_be_read_is_one_line(
    scanner: Scanner, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "neigh.json"
    if content is not None:
        file.write_bytes(content)
    result = scanner.run(str(file))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def a_command(folder: Path, script: str) -> str:
    """A PATH on which `ip` is this script."""
    folder.mkdir()
    (folder / "ip").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ip").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_without_an_argument_it_runs_the_command_itself(
    scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"test \"$*\" = '-j neigh' && echo '{json.dumps([entry(PHONE)])}'"
    monkeypatch.setenv("PATH", a_command(tmp_path / "bin", script))
    result = scanner.run()
    assert result.exit_code == 0, result.output
    assert len(scanner.sessions(PHONE)) == 1


@pytest.mark.parametrize("script", ["echo no netlink >&2; exit 3", "exec /nonexistent", "true"])
def test_a_command_that_fails_closes_nobody(
    scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    scanner.see(entry(PHONE))
    monkeypatch.setenv("PATH", a_command(tmp_path / "bin", script))
    result = scanner.run()
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert scanner.sessions(PHONE)[0]["ses_StillConnected"] is True


def test_a_host_without_the_command_is_told_what_else_to_do(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sessiontrack.cli.scan_input.SYSTEM_FOLDERS", ())
    result = scanner.run()
    assert result.exit_code == 1
    assert "give a file" in result.stderr


def test_a_known_device_without_a_name_gets_the_one_that_a_lease_has(clients: Clients) -> None:
    send = clients.operator
    send.ok("POST", "/presence/scans", {"source": "arp", "devices": [{"mac": PHONE}, {"mac": LAPTOP}]})
    lease = {"source": "dhcp", "mac": PHONE, "event": "connected", "name": "Anna's phone"}
    send.ok("POST", "/presence/events", lease)
    named = {"mac": LAPTOP, "name": "laptop", "vendor": "ACME"}
    send.ok("POST", "/presence/scans", {"source": "leases", "devices": [named]})
    # What is there stays, whoever wrote it.
    send.ok("PATCH", f"/devices/{LAPTOP}", {"name": "Ben's laptop"})
    send.ok("POST", "/presence/scans", {"source": "leases", "devices": [named]})
    send.ok("POST", "/presence/events", lease | {"name": "android-1234"})
    found = {each["mac"]: each["name"] for each in send.ok("GET", "/devices")["devices"]}
    assert found == {PHONE: "Anna's phone", LAPTOP: "Ben's laptop"}
    assert [each["mac"] for each in send.ok("GET", "/devices?search=anna")["devices"]] == [PHONE]
    found = clients.viewer.ok("GET", "/sessions/session-events?period=all&search=Anna's")["events"]
    assert {each["name"] for each in found} == {"Anna's phone"}
