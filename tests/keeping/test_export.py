"""`sessiontrack export`: all data of a kind, or the part that overlaps a period."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from sessiontrack.cli.progress import progress_bar
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.command import assert_one_line, invoke
from tests.support.history import run_export

MAC = "AA:BB:CC:DD:EE:FF"
OTHER = "AA:BB:CC:00:00:01"
DAY = 86_400
HOUR = 3600


@pytest.fixture
def filled(app: Flask) -> Flask:
    """A closed session three days ago, one with a missing end, and an open one."""
    with rows.writing(app) as tx:
        phone = rows.add_device(tx, MAC, name="=phone", owner="anna")
        rows.add_session(tx, phone, NOW - 3 * DAY, NOW - 3 * DAY + HOUR, info="-x")
        rows.add_session(tx, phone, None, NOW - DAY)
        rows.add_event(tx, phone, NOW - 3 * DAY, "Connected")
        rows.add_event(tx, phone, NOW - HOUR, "Disconnected", voided=True)
        other = rows.add_device(tx, OTHER)
        rows.add_session(tx, other, NOW - 2 * DAY, None, still_connected=True, ip="2001:db8::1")
    return app


def lines(app: Flask, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run_export(app, *arguments, "--format", "ndjson").splitlines()]


def test_sessions_oldest_first_with_what_is_known_of_each(filled: Flask) -> None:
    shared = {"conn_type": "Connected", "disc_type": "Disconnected"}
    assert lines(filled, "sessions") == [
        {
            "mac": MAC,
            "connected_at": "2025-08-12T12:00:00+00:00",
            "disconnected_at": "2025-08-12T13:00:00+00:00",
            "still_connected": False,
            "ip": "192.168.1.10",
            **shared,
            "info": "-x",
        },
        {
            "mac": OTHER,
            "connected_at": "2025-08-13T12:00:00+00:00",
            "disconnected_at": None,
            "still_connected": True,
            "ip": "2001:db8::1",
            **shared,
            "disc_type": None,
            "info": "",
        },
        {
            "mac": MAC,
            "connected_at": None,
            "disconnected_at": "2025-08-14T12:00:00+00:00",
            "still_connected": False,
            "ip": "192.168.1.10",
            **shared,
            "conn_type": None,
            "info": "",
        },
    ]


def test_the_three_formats_say_the_same(filled: Flask) -> None:
    for kind in ("devices", "sessions", "events"):
        as_lines = lines(filled, kind)
        assert json.loads(run_export(filled, kind, "--format", "json")) == as_lines
        table = list(csv.DictReader(io.StringIO(run_export(filled, kind))))
        assert len(table) == len(as_lines)
        assert list(table[0]) == list(as_lines[0])


def test_an_empty_export_is_still_a_file_of_its_format(app: Flask) -> None:
    assert run_export(app, "sessions").startswith("mac,connected_at,")
    assert run_export(app, "sessions", "--format", "json") == "[\n]\n"
    assert run_export(app, "sessions", "--format", "ndjson") == ""


def test_cells_that_a_spreadsheet_would_run_are_defused(filled: Flask) -> None:
    (phone, _) = csv.DictReader(io.StringIO(run_export(filled, "devices")))
    assert phone["name"] == "'=phone"
    assert next(csv.DictReader(io.StringIO(run_export(filled, "sessions"))))["info"] == "'-x"
    assert lines(filled, "devices")[0]["name"] == "=phone"


def test_user_sessions_have_the_shape_of_the_dialect(clients: Clients) -> None:
    user = clients.logged_in("viewer")
    user.ok("POST", "/api/v2/keepalive", {"visible": True, "path": "[view,tab]"})
    shown = clients.admin.ok("GET", "/api/v2/sessions")
    assert lines(clients.app, "user-sessions") == [{**each, "ended_at": None} for each in shown]
    (table,) = csv.DictReader(io.StringIO(run_export(clients.app, "user-sessions")))
    assert json.loads(table["last_visible_path"]) == ["view", "tab"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--start", "2025-08-12", "--end", "2025-08-12"), [3]),
        (("--start", "2025-08-12T13:00:00Z", "--end", "2025-08-12T14:00:00Z"), [3]),
        (("--start", "2025-08-12T13:00:01Z", "--end", "2025-08-12T14:00:00Z"), []),
        (("--end", "2025-08-12T11:59:59Z"), []),
        (("--start", "2025-08-13"), [2, 1]),
        (("--start", "2025-08-15"), [2]),
        (("--period", "2 days"), [2, 1]),
        (("--period", "12 hours"), [2]),
        (("--period", "all"), [3, 2, 1]),
    ],
)
def test_sessions_that_reach_into_a_stretch_of_time(
    filled: Flask, clock: time_machine.Traveller, options: tuple[str, ...], found: list[int]
) -> None:
    days_ago = {"2025-08-12": 3, "2025-08-13": 2, "2025-08-14": 1}
    sessions = lines(filled, "sessions", *options)
    assert [days_ago[(each["connected_at"] or each["disconnected_at"])[:10]] for each in sessions] == found


def test_events_and_devices_of_a_stretch_of_time(filled: Flask, clock: time_machine.Traveller) -> None:
    assert [each["type"] for each in lines(filled, "events", "--period", "2 hours")] == ["Disconnected"]
    # The other device has no event, but a session that overlaps the period.
    assert [each["mac"] for each in lines(filled, "devices", "--period", "2 hours")] == [MAC, OTHER]
    only_other = ("--start", "2025-08-13", "--end", "2025-08-13T23:00:00Z")
    assert [each["mac"] for each in lines(filled, "devices", *only_other)] == [OTHER]


def test_a_date_is_the_sites_own_day(filled: Flask) -> None:
    window = ("--start", "2025-08-13", "--end", "2025-08-13", "--format", "ndjson")
    done = invoke(filled.instance_path, "export", "sessions", *window, TIMEZONE="Pacific/Kiritimati")
    # 12:00 on the 12th in UTC is 02:00 on the 13th there, 12:00 on the 13th is 02:00 on the 14th.
    assert [json.loads(line)["mac"] for line in done.stdout.splitlines()] == [MAC]


def test_a_file_is_there_when_it_is_complete(filled: Flask, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    run_export(filled, "sessions", "--output", str(file))
    assert file.read_bytes().decode() == run_export(filled, "sessions").replace("\r\n", "\n").replace(
        "\n", "\r\n"
    )
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("out")] == ["out.csv"]


def test_a_file_that_cannot_be_written_is_one_line(filled: Flask, tmp_path: Path) -> None:
    done = invoke(filled.instance_path, "export", "events", "--output", str(tmp_path / "no" / "out.csv"))
    assert done.exit_code == 1
    assert_one_line(done.stderr, "cannot be written")


@pytest.mark.parametrize(
    "options",
    [
        ("sessions", "--period", "7 fortnights"),
        ("sessions", "--start", "yesterday"),
        ("sessions", "--start", "2025-08-02", "--end", "2025-08-01"),
        ("sessions", "--period", "1 day", "--start", "2025-08-02"),
        ("sessions", "--format", "xml"),
        ("people",),
    ],
)
def test_a_wrong_call_is_refused(filled: Flask, options: tuple[str, ...]) -> None:
    done = invoke(filled.instance_path, "export", *options)
    assert done.exit_code in (1, 2)
    assert done.stdout == ""
    assert "Error: " in done.stderr


class Screen(io.StringIO):
    """Standard error, as a terminal or not."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Reading", 100) as tell:
        tell(50)
    assert ("Reading" in screen.getvalue()) == is_terminal
