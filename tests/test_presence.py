"""services/presence.py and `sessiontrack scan`: sessions opened and closed by looks at the network."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result

from sessiontrack.cli import main
from tests.conftest import Clients
from tests.test_ip_neigh import CAPTURED

PHONE = "DA:A1:19:11:22:33"
LAPTOP = "00:1A:2B:3C:4D:5E"


def entry(mac: str, ip: str = "10.0.0.5", state: str = "REACHABLE") -> dict[str, Any]:
    return {"dst": ip, "dev": "eth0", "lladdr": mac.lower(), "state": [state]}


class Scanner:
    """Runs the command on the database that the clients read, with a clock that stands still."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock

    def run(self, *arguments: str, text: str | None = None) -> Result:
        variables = {"SESSIONTRACK_INSTANCE": self.clients.app.instance_path}
        return CliRunner(env=variables).invoke(main, ["scan", "ip-neigh", *arguments], input=text)

    def see(self, *entries: dict[str, Any]) -> Any:
        """What a scan of this table says, a minute after the one before."""
        self.clock.shift(60)
        result = self.run("-", "--json", text=json.dumps(entries))
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def sessions(self, mac: str) -> list[dict[str, Any]]:
        listed = self.clients.admin.ok("GET", f"/sessions/list?mac={mac}")
        found: list[dict[str, Any]] = listed["sessions"]
        return found

    def event_types(self) -> list[str]:
        answer = self.clients.admin.ok("GET", "/sessions/session-events?type=all")
        return sorted(event["type"] for event in answer["events"])


@pytest.fixture
def scanner(clients: Clients, clock: time_machine.Traveller) -> Iterator[Scanner]:
    return Scanner(clients, clock)


GATEWAY = entry("00:00:5E:00:01:01", "10.0.0.1", "STALE")


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
    assert scanner.event_types() == ["Connected", "New Device"]


def test_seen_again_changes_nothing(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    answer = scanner.see(entry(PHONE, state="DELAY"))
    assert answer["changes"] == []
    assert answer["seen"] == 1
    assert len(scanner.sessions(PHONE)) == 1


def test_gone_from_the_table_closes_at_the_last_sighting_not_now(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))  # 12:01
    scanner.see(entry(PHONE))  # 12:02
    scanner.see(entry(PHONE, state="STALE"))  # 12:03
    answer = scanner.see(GATEWAY)  # 12:04
    assert answer["disconnected"] == 1
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DateTimeDisconnection"] == "2025-08-15T12:02:00+00:00"
    assert scanner.event_types() == ["Connected", "Disconnected", "New Device"]


def test_seen_once_only_the_session_has_no_length(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    scanner.see(GATEWAY)
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DateTimeDisconnection"] == session["ses_DateTimeConnection"]


def test_a_failed_entry_closes(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    failed = {"dst": "10.0.0.5", "dev": "eth0", "state": ["FAILED"]}
    assert scanner.see(failed)["disconnected"] == 1


@pytest.mark.parametrize("state", ["STALE", "PERMANENT", "NOARP"])
def test_no_evidence_neither_opens_nor_closes(scanner: Scanner, state: str) -> None:
    assert scanner.see(entry(LAPTOP, state=state))["changes"] == []
    assert scanner.sessions(LAPTOP) == []
    scanner.see(entry(PHONE))
    assert scanner.see(entry(PHONE, state=state))["changes"] == []
    assert scanner.sessions(PHONE)[0]["ses_StillConnected"] is True


def test_back_again_is_a_second_session(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    scanner.see(GATEWAY)
    answer = scanner.see(entry(PHONE, "10.0.0.9"))
    assert (answer["connected"], answer["new"]) == (1, 0)
    assert [session["ses_IP"] for session in scanner.sessions(PHONE)] == ["10.0.0.5", "10.0.0.9"]


def test_a_session_opened_through_the_api_is_never_closed_by_a_scan(scanner: Scanner) -> None:
    body = {"mac": PHONE, "ip": "10.0.0.5", "start_time": "2025-08-15 11:00"}
    scanner.clients.operator.ok("POST", "/sessions/create", body)
    assert scanner.see(entry(PHONE))["changes"] == []
    assert scanner.see(GATEWAY)["changes"] == []
    (session,) = scanner.sessions(PHONE)
    assert session["ses_StillConnected"] is True


def test_a_session_that_lies_ahead_is_left_alone_and_named(scanner: Scanner) -> None:
    times = {"start_time": "2025-08-15 11:00", "end_time": "2025-08-15 13:00"}
    scanner.clients.operator.ok("POST", "/sessions/create", {"mac": PHONE, "ip": "10.0.0.5", **times})
    result = scanner.run("-", text=json.dumps([entry(PHONE), entry(LAPTOP)]))
    assert result.exit_code == 0
    assert f"of {PHONE}" in result.stderr
    assert len(scanner.sessions(PHONE)) == 1
    assert len(scanner.sessions(LAPTOP)) == 1


def test_a_clock_that_jumped_back_ends_no_session_before_its_start(scanner: Scanner) -> None:
    scanner.see(entry(PHONE))
    scanner.clock.shift(-3600)
    scanner.see(entry(PHONE))
    assert scanner.see(GATEWAY)["disconnected"] == 1
    (session,) = scanner.sessions(PHONE)
    assert session["ses_DurationSeconds"] == 0


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
    result = scanner.run(str(file))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "4 seen, 4 connected, 0 disconnected, 4 new"
    assert len(lines) == 6
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
    monkeypatch.setattr("sessiontrack.sources.ip_neigh.COMMAND", ("no-such-command", "-j", "neigh"))
    result = scanner.run()
    assert result.exit_code == 1
    assert "give a file" in result.stderr
