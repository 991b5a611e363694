"""`sessiontrack import netalertx`: devices, sessions and events of another tool's database."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sessiontrack import clock
from sessiontrack.database import Row, Statement, Transaction, read_transaction
from tests.support import app_db, rows
from tests.support.app_db import CAMEL_CASE, MISSING, UNDERSCORES, device, event, session
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke
from tests.support.engine import IS_POSTGRES
from tests.support.history import assert_refused, counts, run_export, run_import, stored
from tests.support.hosts import environment_of_file, has_namespaces
from tests.support.server import COMMAND

MAC = "AA:BB:CC:DD:EE:FF"
TEN = 1_754_042_400  # 2025-08-01T10:00:00Z
HOUR = 3600
IP = ("192.168.1.10", "4c0a8010a")


def kept(start: int | None, end: int | None, is_open: int = 0, **more: Any) -> tuple[Any, ...]:
    values = {"conn": "Connected", "disc": "Disconnected", "info": ""} | more
    return (MAC, start, end, is_open, *IP, values["conn"], values["disc"], values["info"], None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


def take(app: Flask, path: Path, *options: str, **tables: Any) -> Any:
    return run_import(app, "netalertx", str(app_db.make(path, **tables)), *options)


@pytest.mark.parametrize("schema", [UNDERSCORES, CAMEL_CASE], ids=["underscores", "camel-case"])
def test_both_spellings_bring_devices_sessions_and_events(app: Flask, path: Path, schema: str) -> None:
    said = take(
        app,
        path,
        schema=schema,
        devices=[
            device(alert_down=1, favourite=1, first="2025-07-01 08:00:00", last="2025-08-01T12:30:00+00:00")
        ],
        sessions=[
            session("2025-08-01 10:00:00", "2025-08-01 11:00:00.250", info="Acme"),
            session("2025-08-01T12:00:00+02:00", None, disc=MISSING, still=1),
        ],
        events=[
            event("2025-08-01 10:00:00", info="Acme", pending=1),
            event("2025-08-01 11:00:00", "Disconnected"),
            event("2025-08-01 10:30:00", "VOIDED - Disconnected"),
            event("2025-08-01 09:00:00", "New Device"),
        ],
    )
    # The second one began at 10:00 too, by its offset, and says less than the first.
    assert counts(said, "sessions") == {"read": 2, "added": 1, "present": 1}
    assert counts(said, "devices") == {"read": 1, "added": 1}
    assert counts(said, "events") == {"read": 4, "added": 4}
    first, last = TEN - 31 * 24 * HOUR - 2 * HOUR, TEN + 2 * HOUR + 1800
    found = stored(app)
    assert found["devices"] == [(MAC, "phone", "anna", "Acme", 1, 1, 0, 1, None, first, last)]
    assert found["sessions"] == [kept(TEN, TEN + HOUR, info="Acme")]
    linked = (TEN, TEN + HOUR)
    assert found["events"] == [
        (MAC, TEN - HOUR, "New Device", *IP, "", 0, 0, None, None),
        (MAC, TEN, "Connected", *IP, "Acme", 0, 1, *linked),
        (MAC, TEN + 1800, "Disconnected", *IP, "", 1, 0, None, None),
        (MAC, TEN + HOUR, "Disconnected", *IP, "", 0, 0, *linked),
    ]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (session("2025-08-01 10:00", "2025-08-01 11:00"), kept(TEN, TEN + HOUR)),
        (session(MISSING, "2025-08-01 10:00", conn=MISSING), kept(None, TEN)),
        (session(None, "2025-08-01 10:00"), kept(None, TEN)),
        (session("", "2025-08-01 10:00", still=1), kept(None, TEN)),
        (session("2025-08-01 10:00", "", disc=MISSING), kept(TEN, None)),
        (session("2025-08-01 10:00", "2025-08-01 11:00", disc=MISSING), kept(TEN, None)),
        (session("2025-08-01 10:00", None, disc=None, still=None), kept(TEN, None)),
        (session("2025-08-01 10:00", None, disc=MISSING, still=1), kept(TEN, None, 1)),
        (
            session("2025-08-01 10:00", None, conn="Down Reconnected", still="1"),
            kept(TEN, None, 1, conn="Down Reconnected"),
        ),
        (
            session("2025-08-01 10:00", "2025-08-01 11:00", disc="Device Down", still=1),
            kept(TEN, TEN + HOUR, disc="Device Down"),
        ),
        (
            session("2025-08-01 10:00", "2025-08-01 11:00", mac="AABB.CCDD.EEFF", info=" a\nb\x00 "),
            kept(TEN, TEN + HOUR, info="a b"),
        ),
    ],
)
def test_ends_that_are_known_missing_or_still_to_come(
    app: Flask, path: Path, given: tuple[Any, ...], wanted: tuple[Any, ...]
) -> None:
    take(app, path, sessions=[given])
    assert stored(app)["sessions"] == [wanted]


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        ((), TEN),
        (("--naive-times", "utc"), TEN),
        (("--naive-times", "local"), TEN + 4 * HOUR),
        (("--naive-times", "Europe/Berlin"), TEN - 2 * HOUR),
    ],
)
def test_naive_times_are_in_the_zone_that_is_said(
    app: Flask, path: Path, options: tuple[str, ...], begin: int
) -> None:
    app_db.make(path, sessions=[session("2025-08-01 10:00:00", "2025-08-01T20:00:00Z")])
    run_import(app, "netalertx", str(path), *options, TIMEZONE="America/New_York")
    assert stored(app)["sessions"] == [kept(begin, TEN + 10 * HOUR)]


@pytest.mark.parametrize(
    ("options", "settings", "is_said"),
    [
        (("--naive-times", "local"), {}, True),
        (("--naive-times", "local"), {"TIMEZONE": "UTC"}, False),
        (("--naive-times", "local"), {"TIMEZONE": "Europe/Berlin"}, False),
        ((), {}, False),
    ],
)
def test_local_without_a_time_zone_set_is_warned_of(
    app: Flask, path: Path, options: tuple[str, ...], settings: dict[str, str], is_said: bool
) -> None:
    app_db.make(path, sessions=[session("2025-08-01 10:00:00", "2025-08-01 20:00:00")])
    done = invoke(app.instance_path, "import", "netalertx", str(path), "--dry-run", *options, **settings)
    assert done.exit_code == 0
    assert ("TIMEZONE is not set" in done.stderr) is is_said


def test_the_pseudo_device_internet_is_skipped_and_counted(app: Flask, path: Path) -> None:
    said = take(
        app,
        path,
        devices=[device("Internet"), device()],
        sessions=[session("2025-08-01", None, mac="internet")],
        events=[event("2025-08-01", "Internet IP Changed", mac="Internet", ip="(unknown)")],
    )
    assert [counts(said, kind).get("skipped") for kind in ("devices", "sessions", "events")] == [1, 1, 1]
    assert [row[0] for row in stored(app)["devices"]] == [MAC]
    assert said["refused"] == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (session("2025-08-01 10:00", "2025-08-01 09:59"), "ends before it starts"),
        (session("2025-08-01 10:00", None, mac="zz"), "'zz' is not a MAC address"),
        (session("2025-08-01 10:00", None, mac=None), "is not a MAC address"),
        (session("2025-08-01 10:00", None, mac=b"\xff\x00"), "is not a MAC address"),
        (session("2025-08-01 10:00", None, ip="300.1.1.1"), "is not an IP address"),
        (session("2025-08-01 10:00", None, ip=7), "is not an IP address"),
        (session("yesterday", None), "'yesterday' is not a time"),
        (session("2025-13-01 10:00", None), "is not a time"),
        (session(10**18, None), "is not a time"),
        (session(str(10**20), None), "is not a time"),
        (session(1e300, None), "is not a time"),
        (session(-5, None), "is not a time"),
        (session("1969-12-31 23:59", None), "is not a time from 1970 on"),
        (session(b"2025-08-01", None), "is not a time"),
        (session("2025-08-01 10:00\x00", None), "is not a time"),
        (session(None, None), "Neither its connection nor its disconnection"),
        (session(None, None, still=1), "Neither its connection nor its disconnection"),
        (session("2025-08-01 10:00", None, still="perhaps"), "is neither true nor false"),
        (session("2025-08-01 10:00", None, conn="x" * 65), "65 characters"),
        (session("2025-08-01 10:00", None, conn="a\nb"), "control characters"),
        (session("2025-08-01 10:00", None, info="x" * 70_000), "70000 characters"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_number_and_the_rest_is_taken(
    app: Flask, path: Path, given: tuple[Any, ...], reason: str
) -> None:
    good = session("2025-08-01 10:00", "2025-08-01 11:00")
    said = take(app, path, sessions=[good, given])
    (fault,) = said["refused"]
    assert (fault["kind"], fault["row"]) == ("sessions", 2)
    assert reason in fault["reason"]
    assert counts(said, "sessions") == {"read": 2, "added": 1, "refused": 1}
    assert stored(app)["sessions"] == [kept(TEN, TEN + HOUR)]


def test_overlapping_sessions_of_a_device_are_refused_also_out_of_order(app: Flask, path: Path) -> None:
    said = take(
        app,
        path,
        sessions=[
            session("2025-08-01 12:00", "2025-08-01 13:00"),
            session("2025-08-01 10:30", "2025-08-01 11:30"),
            session("2025-08-01 10:00", "2025-08-01 11:00"),
            session("2025-08-01 11:00", "2025-08-01 12:00"),
            session("2025-08-01 10:20", None),
            session("2025-08-01 10:30", "2025-08-01 11:30", mac="aa:bb:cc:00:00:01"),
        ],
    )
    other = "overlaps row 3, 2025-08-01T10:00:00+00:00 to 2025-08-01T11:00:00+00:00."
    assert [(fault["row"], fault["reason"]) for fault in said["refused"]] == [
        (5, f"{MAC}, 2025-08-01T10:20:00+00:00 to 2025-08-01T10:20:00+00:00, {other}"),
        (2, f"{MAC}, 2025-08-01T10:30:00+00:00 to 2025-08-01T11:30:00+00:00, {other}"),
    ]
    assert len(stored(app)["sessions"]) == 4


@pytest.mark.parametrize(
    ("start", "end", "hits"),
    [
        ("09:00", "10:00", False),
        ("09:00", "10:01", True),
        ("09:00", "12:00", True),
        ("10:20", "10:40", True),
        ("10:59", "12:00", True),
        ("11:00", "12:00", False),
        ("10:30", None, True),
        ("11:00", None, False),
        ("10:00", "10:30", True),
    ],
)
def test_what_is_stored_here_is_not_overlapped(
    app: Flask, path: Path, start: str, end: str | None, hits: bool
) -> None:
    with rows.writing(app) as tx:
        device_id = rows.add_device(tx, MAC)
        rows.add_session(tx, device_id, TEN, TEN + HOUR)
    ends = (f"2025-08-01 {start}", end and f"2025-08-01 {end}")
    # Another one that can be taken, so that the import is not refused as a whole.
    said = take(app, path, sessions=[session("2025-08-05", "2025-08-06"), session(*ends)])
    assert [fault["row"] for fault in said["refused"]] == ([2] if hits else [])
    assert len(stored(app)["sessions"]) == (2 if hits else 3)


def test_a_refused_session_makes_no_room_for_another_on_the_second_run(app: Flask, path: Path) -> None:
    with rows.writing(app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), TEN + 2 * HOUR, TEN + 3 * HOUR)
    tables = {
        "sessions": [
            session("2025-08-01 10:00", "2025-08-01 12:30"),
            session("2025-08-01 11:00", "2025-08-01 11:30"),
        ]
    }
    first = take(app, path, **tables)
    assert counts(first, "sessions") == {"read": 2, "added": 1, "refused": 1}
    before = stored(app)
    assert counts(take(app, path, **tables), "sessions") == {"read": 2, "present": 1, "refused": 1}
    assert stored(app) == before


def test_only_the_last_open_session_stays_open(app: Flask, path: Path) -> None:
    opens = [session(f"2025-08-01 {hour}:00", None, disc=MISSING, still=1) for hour in (12, 10, 11)]
    take(app, path, sessions=opens)
    wanted = [kept(TEN, None), kept(TEN + HOUR, None), kept(TEN + 2 * HOUR, None, 1)]
    assert stored(app)["sessions"] == wanted
    said = take(app, path, sessions=opens)
    assert counts(said, "sessions") == {"read": 3, "present": 3}
    assert stored(app)["sessions"] == wanted


def test_a_later_copy_of_the_database_closes_what_was_open(app: Flask, path: Path) -> None:
    take(app, path, sessions=[session("2025-08-01 10:00", None, disc=MISSING, still=1)])
    later = [
        session("2025-08-01 10:00", "2025-08-01 11:00"),
        session("2025-08-01 12:00", None, disc=MISSING, still=1),
    ]
    said = take(app, path, sessions=later, events=[event("2025-08-01 11:00", "Disconnected")])
    assert counts(said, "sessions") == {"read": 2, "added": 1, "changed": 1}
    assert said["counts"]["sessions"]["still_open"] == 1
    found = stored(app)
    assert found["sessions"] == [kept(TEN, TEN + HOUR), kept(TEN + 2 * HOUR, None, 1)]
    assert found["events"][0][-2:] == (TEN, TEN + HOUR)
    again = run_import(app, "netalertx", str(path))
    assert counts(again, "sessions") == {"read": 2, "present": 2}
    assert again["counts"]["sessions"]["still_open"] == 1
    assert "which stay open: 1." in invoke(app.instance_path, "import", "netalertx", str(path)).stderr


def test_a_session_that_a_later_one_of_the_copy_leaves_without_an_end_is_not_open(
    app: Flask, path: Path
) -> None:
    first = session("2025-08-01 10:00", None, disc=MISSING, still=1)
    take(app, path, sessions=[first])
    said = take(app, path, sessions=[first, session("2025-08-01 12:00", None, disc=MISSING, still=1)])
    assert said["counts"]["sessions"]["still_open"] == 1


def test_of_copies_the_one_that_saw_the_device_later_counts_whatever_their_order(
    make_clients: Callable[..., Clients], path: Path
) -> None:
    for copies in (("2025-08-01 14:00", "2025-08-02 15:00"), ("2025-08-02 15:00", "2025-08-01 14:00")):
        clients = make_clients(TIMEZONE="UTC")
        for last in copies:
            take(clients.app, path, devices=[device(last=last)])
        found = clients.viewer.ok("GET", f"/devices/{MAC}")["device"]
        assert found["last_seen"] == "2025-08-02T15:00:00+00:00"


def test_a_later_copy_that_differs_from_what_was_ended_says_what_to_do(app: Flask, path: Path) -> None:
    opened = session("2025-08-01 10:00", None, disc=MISSING, still=1)
    take(app, path, "--end-open", sessions=[opened], events=[event("2025-08-01 13:00", "Connected")])
    told = session("2025-08-01 10:00", "2025-08-01 17:00")
    app_db.make(path, sessions=[told, session("2025-08-01 18:00", "2025-08-01 19:00")])
    shown = invoke(app.instance_path, "import", "netalertx", str(path))
    assert "differs from it.\nIf --end-open has ended the sessions here that differ: restore" in shown.stderr


OTHER = "AA:BB:CC:DD:EE:00"


def _opens(*, last_event: str) -> dict[str, Any]:
    """Two devices that are still connected, one of them with a start of before that was never ended."""
    return {
        "sessions": [
            session("2025-08-01 10:00", None, disc=MISSING, still=1),
            session("2025-08-01 11:00", None, disc=MISSING, still=1),
            session("2025-08-01 09:00", "2025-08-01 12:00", mac=OTHER),
        ],
        "events": [event(last_event, "Connected", mac=OTHER)],
    }


@pytest.mark.parametrize("before", [False, True], ids=["at once", "after an import that left it open"])
def test_what_is_still_open_ends_at_the_last_instant_that_was_recorded(
    app: Flask, path: Path, before: bool
) -> None:
    tables = _opens(last_event="2025-08-01 13:00")
    if before:
        take(app, path, **tables)
    said = take(app, path, "--end-open", **tables)
    assert said["counts"]["sessions"]["still_open"] == 0
    assert counts(said, "sessions") == (
        {"read": 3, "present": 2, "changed": 1} if before else {"read": 3, "added": 3}
    )
    wanted = [kept(TEN, None), kept(TEN + HOUR, TEN + 3 * HOUR)]
    assert [row for row in stored(app)["sessions"] if row[0] == MAC] == wanted
    again = take(app, path, "--end-open", **tables)
    assert counts(again, "sessions") == {"read": 3, "present": 3}


def test_a_device_that_was_seen_after_all_events_says_how_far_the_record_goes(app: Flask, path: Path) -> None:
    tables = _opens(last_event="2025-08-01 13:00") | {"devices": [device(last="2025-08-01 14:00:00")]}
    assert take(app, path, "--end-open", **tables)["ended"] == {
        "sessions": 1,
        "at": "2025-08-01T14:00:00+00:00",
    }


def test_it_says_how_many_sessions_end_and_when(app: Flask, path: Path) -> None:
    tables = _opens(last_event="2025-08-01 13:00")
    line = "Open in it, and ended at 2025-08-01T13:00:00+00:00 where they are taken: 1\n"
    for options in (["--dry-run"], []):
        done = invoke(
            app.instance_path,
            *("import", "netalertx", str(app_db.make(path, **tables)), "--end-open", *options),
        )
        assert line in done.stdout
        path.unlink()
    said = take(app, path, "--end-open", "--dry-run", **tables)
    assert said["ended"] == {"sessions": 1, "at": "2025-08-01T13:00:00+00:00"}
    path.unlink()
    closed = [session("2025-08-02 10:00", "2025-08-02 11:00", mac="aa:bb:cc:dd:ee:00")]
    assert take(app, path, "--end-open", sessions=closed)["ended"] == {"sessions": 0, "at": None}
    assert "ended" not in take(app, path, sessions=closed)


def test_what_began_at_the_last_instant_that_was_recorded_is_that_instant(app: Flask, path: Path) -> None:
    take(app, path, "--end-open", sessions=[session("2025-08-01 10:00", None, disc=MISSING, still=1)])
    assert stored(app)["sessions"] == [kept(TEN, TEN)]


def test_an_import_says_how_many_sessions_stay_open(app: Flask, path: Path) -> None:
    opens = [session("2025-08-01 10:00", None, disc=MISSING, still=1)]
    for options in (["--dry-run"], []):
        done = invoke(
            app.instance_path, "import", "netalertx", str(app_db.make(path, sessions=opens)), *options
        )
        assert "sessions taken without an end, which stay open: 1." in done.stderr
        assert "Again with --end-open it ends them" in done.stderr
    path.unlink()
    closed = [session("2025-08-02 10:00", "2025-08-02 11:00", mac="aa:bb:cc:dd:ee:00")]
    done = invoke(app.instance_path, "import", "netalertx", str(app_db.make(path, sessions=closed)))
    assert done.stderr == ""


def test_doctor_names_an_open_session_that_a_source_contradicts_until_it_is_reported_ended(
    clients: Clients, tmp_path: Path
) -> None:
    app, now = clients.app, clock.now()

    def utc(at: int) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")

    def named() -> list[str]:
        found = json.loads(invoke(app.instance_path, "doctor", "--fast", "--json").stdout)["checks"]
        return [each["message"] for each in found if each["name"] == "histories" and MAC in each["message"]]

    take(app, tmp_path / "app.db", sessions=[session(utc(now - 4 * HOUR), None, disc=MISSING, still=1)])
    assert named() == []
    word = {"source": "floor 1", "mac": MAC}
    for at, kind in ((3, "disconnected"), (2, "connected"), (1, "disconnected")):
        clients.operator.ok("POST", "/presence/events", {**word, "at": now - at * HOUR, "event": kind})
    assert len(stored(app)["sessions"]) == 1
    (line,) = named()
    assert "a source reported its disconnection at" in line
    assert "docs/history.md" in line
    # As docs/history.md shows it.
    header, *exported = run_export(app, "sessions").splitlines()
    end = datetime.fromtimestamp(now - 3 * HOUR, UTC).isoformat()
    ended = [row.replace(",,true,", f",{end},false,") for row in exported]
    assert ended != exported
    said = run_import(app, "csv", "sessions", "-", text="\n".join([header, *ended]))
    assert counts(said, "sessions") == {"read": 1, "changed": 1}
    ends = [(row[1], row[2], row[-1]) for row in stored(app)["sessions"]]
    assert ends == [
        (now - 4 * HOUR, now - 3 * HOUR, None),
        (now - 2 * HOUR, now - HOUR, "presence"),
    ]
    assert named() == []


def test_an_open_session_of_an_import_loses_its_end_to_a_later_one(app: Flask, path: Path) -> None:
    take(app, path, sessions=[session("2025-08-01 10:00", None, disc=MISSING, still=1)])
    said = take(app, path, sessions=[session("2025-08-01 12:00", "2025-08-01 13:00")])
    assert counts(said, "sessions") == {"read": 1, "added": 1, "changed": 1}
    assert stored(app)["sessions"] == [kept(TEN, None), kept(TEN + 2 * HOUR, TEN + 3 * HOUR)]


def test_a_derived_session_gives_way_to_what_is_imported(app: Flask, path: Path) -> None:
    with rows.writing(app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), TEN, None, still_connected=True)
        tx.run(Statement("UPDATE device_session SET source = 'presence'"))
    said = take(
        app,
        path,
        sessions=[
            session("2025-08-01 09:00", None, disc=MISSING, still=1),
            session("2025-08-01 10:00", "2025-08-01 11:00"),
            session("2025-08-01 12:00", "2025-08-01 13:00"),
        ],
    )
    assert said["refused"] == []
    found = stored(app)["sessions"]
    assert [row[1:4] for row in found] == [
        (TEN - HOUR, None, 0),
        (TEN, TEN + HOUR, 0),
        (TEN + 2 * HOUR, TEN + 3 * HOUR, 0),
    ]


def test_an_import_may_be_repeated_and_says_that_nothing_was_new(app: Flask, path: Path) -> None:
    app_db.make(
        path,
        devices=[device(first="2025-07-01 08:00")],
        sessions=[
            session("2025-08-01 10:00", "2025-08-01 11:00"),
            session(None, "2025-08-01 12:00"),
            session("2025-08-01 13:00", None, still=1),
        ],
        events=[
            event("2025-08-01 10:00"),
            event("2025-08-01 10:00"),
            event("2025-08-01 10:00", "VOIDED - Connected"),
            event("2025-08-01 10:00", "VOIDED - Connected"),
        ],
    )
    first = run_import(app, "netalertx", str(path))
    assert counts(first, "events") == {"read": 4, "added": 3, "present": 1}
    before = stored(app)
    again = invoke(app.instance_path, "import", "netalertx", str(path))
    assert again.exit_code == 0
    assert again.stdout.endswith("Nothing was new.\n")
    assert stored(app) == before


@pytest.mark.sqlite("its steps can be counted")
def test_an_import_takes_as_many_more_steps_as_it_has_rows_the_second_time_too(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long history, or a later copy of it, would else take hours."""
    counted: list[None] = []  # hundreds of steps of SQLite's machine
    made = Transaction.__init__

    def counting(tx: Transaction, connection: Any, *others: Any) -> None:
        made(tx, connection, *others)
        connection.set_progress_handler(lambda: counted.append(None), 100)

    monkeypatch.setattr(Transaction, "__init__", counting)

    def twice(mac: str, count: int) -> list[int]:
        instants = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(2 * count)]
        times = [f"{each:%Y-%m-%d %H:%M:%S}" for each in instants]
        sessions = [session(start, end, mac=mac) for start, end in zip(times[::2], times[1::2], strict=True)]
        # Half of them are no session's.
        app_db.make(path, sessions=sessions, events=[event(each, mac=mac) for each in times])
        steps = []
        for _ in range(2):
            counted.clear()
            run_import(app, "netalertx", str(path))
            steps.append(len(counted))
        return steps

    few, many = twice("aa:bb:cc:dd:ee:01", 100), twice("aa:bb:cc:dd:ee:02", 800)
    assert all(0 < of_many < 10 * of_few for of_few, of_many in zip(few, many, strict=True)), (few, many)


SCHEMA = Statement("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")


def _assert_sound(app: Flask, before: list[Row]) -> None:
    checked = invoke(app.instance_path, "check")
    assert checked.exit_code == 0, checked.output
    assert schema(app) == before


def schema(app: Flask) -> list[Row]:
    with app.app_context(), read_transaction() as tx:
        return [] if IS_POSTGRES else tx.rows(SCHEMA)


def test_sums_and_indexes_are_right_after_many_rows_and_after_few(app: Flask, path: Path) -> None:
    before = schema(app)
    with rows.writing(app) as tx:
        device_id = rows.add_device(tx, MAC)
        rows.add_session(tx, device_id, TEN - 2 * HOUR, TEN - HOUR)
    hours = [
        (f"2025-08-{day:02} {hour:02}:00", f"2025-08-{day:02} {hour:02}:30")
        for day in range(1, 4)
        for hour in range(10, 20)
    ]
    told = {
        "sessions": [session(*each) for each in hours],
        "events": [event(start) for start, _ in hours]
        + [event(end, "Disconnected") for _, end in hours]
        + [event("2025-08-01 10:15", "VOIDED - Device Down")] * 2
        + [event("2025-08-01 09:00", "New Device")],
    }
    said = take(app, path, **told)
    assert (counts(said, "sessions")["added"], counts(said, "events")["added"]) == (30, 63)
    _assert_sound(app, before)
    # What came later, beside more that is here.
    path.unlink()
    told["sessions"].append(session("2025-08-04 10:00", "2025-08-04 11:00"))
    told["events"].append(event("2025-08-04 10:00"))
    said = take(app, path, **told)
    assert counts(said, "sessions") == {"read": 31, "added": 1, "present": 30}
    assert counts(said, "events") == {"read": 64, "added": 1, "present": 63}
    _assert_sound(app, before)


def test_what_was_set_here_stays_and_what_is_empty_is_filled(app: Flask, path: Path) -> None:
    with rows.writing(app) as tx:
        rows.add_device(tx, MAC, name="my phone")
        tx.run(Statement("UPDATE device SET first_seen_at = :at, favourite = true"), at=TEN)
    first = "2025-08-01 09:00"
    said = take(app, path, devices=[device(alert_down=1, archived=1, first=first)])
    assert counts(said, "devices") == {"read": 1, "changed": 1}
    wanted = (MAC, "my phone", "anna", "Acme", 1, 1, 1, 1, None, TEN - HOUR, None)
    assert stored(app)["devices"] == [wanted]
    said = take(app, path, devices=[device(name="x", owner="y", first="2025-08-02 09:00", last=first)])
    assert stored(app)["devices"] == [(*wanted[:-1], TEN - HOUR)]


@pytest.mark.parametrize(
    ("schema", "last", "columns"),
    [
        (UNDERSCORES, "devIsArchived BOOLEAN", "devType STRING (30), devComments TEXT"),
        (CAMEL_CASE, "devIsArchived INTEGER", "devType TEXT, devComments TEXT"),
        (app_db.PIALERT, "dev_Archived BOOLEAN", "dev_DeviceType STRING (30), dev_Comments TEXT"),
    ],
    ids=["underscores", "camel-case", "pialert"],
)
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("Laptop", "under the\ndesk"), ("laptop", "under the desk")),
        (("TV", None), ("tv", "")),
        # Free text, which is none of our kinds; and more than there is room for.
        (("Singleboard Computer (SBC)", "x" * 1001), ("", "x" * 1000)),
        ((7, 12), ("", "12")),
        ((None, "null"), ("", "")),
    ],
)
def test_type_and_notes_are_taken_where_they_are_known_here(
    app: Flask, path: Path, schema: str, last: str, columns: str, given: tuple[Any, Any], wanted: Any
) -> None:
    assert last in schema
    with_both = schema.replace(last, f"{last}, {columns}")
    said = take(app, path, schema=with_both, devices=[(*device(), *given)])
    assert counts(said, "devices") == {"read": 1, "added": 1}
    with rows.writing(app) as tx:
        assert tx.row(Statement("SELECT kind, notes FROM device")) == wanted


def test_placeholders_of_unnamed_devices_are_no_names(app: Flask, path: Path) -> None:
    take(app, path, devices=[device(name="(name not found)", owner="(unknown)", vendor=None)])
    assert stored(app)["devices"][0][:4] == (MAC, "", "", "")


def test_a_device_is_known_from_the_first_thing_that_is_told_of_it(app: Flask, path: Path) -> None:
    take(
        app,
        path,
        devices=[device()],
        sessions=[session("2025-08-01 11:00", None)],
        events=[event("2025-08-01 10:00", "New Device")],
    )
    assert stored(app)["devices"][0][-2] == TEN


def test_a_dry_run_says_the_same_and_writes_nothing(app: Flask, path: Path) -> None:
    tables = {"devices": [device()], "sessions": [session("2025-08-01 10:00", None), session("x", None)]}
    before = stored(app)
    dry = take(app, path, "--dry-run", **tables)
    assert stored(app) == before
    real = take(app, path, **tables)
    assert dry == {**real, "dry_run": True}
    shown = invoke(app.instance_path, "import", "netalertx", str(path), "--dry-run")
    assert "This was a dry run: nothing is written." in shown.stdout


def test_of_many_refused_rows_the_terminal_shows_the_first(app: Flask, path: Path) -> None:
    bad = [session(f"day {n}", None) for n in range(30)]
    app_db.make(path, sessions=[*bad, session("2025-08-01", None)])
    done = invoke(app.instance_path, "import", "netalertx", str(path))
    assert done.stderr.count("Refused: sessions, row ") == 20
    assert "... and 10 more; --json shows all." in done.stderr
    assert len(run_import(app, "netalertx", str(path))["refused"]) == 30


def test_imported_sessions_are_shown_as_any_other(clients: Clients, path: Path) -> None:
    take(clients.app, path, devices=[device()], sessions=[session("2025-08-01 10:00", "2025-08-01 12:00")])
    (shown,) = clients.viewer.ok("GET", f"/sessions/list?mac={MAC}")["sessions"]
    assert (shown["ses_Connection"], shown["ses_Duration"]) == ("2025-08-01 10:00", "2h 0m")


@pytest.mark.parametrize(
    ("end", "last", "shown"),
    [
        # Its disconnection is missing: all that is known of it is when the other tool saw it.
        (None, "2025-08-01 14:00", "2025-08-01T14:00:00+00:00"),
        ("2025-08-01 12:00", "2025-08-01 14:00", "2025-08-01T14:00:00+00:00"),
        ("2025-08-01 12:00", "2025-08-01 11:00", "2025-08-01T12:00:00+00:00"),
    ],
)
def test_a_device_was_last_seen_when_the_other_tool_saw_it(
    make_clients: Callable[..., Clients], path: Path, end: str | None, last: str, shown: str
) -> None:
    clients = make_clients(TIMEZONE="UTC")
    other = "aa:bb:cc:00:00:01"
    take(
        clients.app,
        path,
        devices=[device(last=last), device(other, last="2025-08-01 13:00")],
        sessions=[
            session("2025-08-01 10:00", end),
            session("2025-08-01 09:00", "2025-08-01 13:30", mac=other),
        ],
    )
    assert clients.viewer.ok("GET", f"/devices/{MAC}")["device"]["last_seen"] == shown
    listed = clients.viewer.ok("GET", "/devices?sort=-last_seen")["devices"]
    assert (listed[0]["mac"] == MAC.upper()) is (last == "2025-08-01 14:00")


def test_the_other_tools_database_is_not_changed(app: Flask, path: Path) -> None:
    app_db.make(path, sessions=[session("2025-08-01 10:00", None)])
    before = path.read_bytes()
    run_import(app, "netalertx", str(path))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir() if each.name.startswith("app.db")] == ["app.db"]


def test_a_database_that_its_tool_is_writing_is_read_as_it_was_last_committed(app: Flask, path: Path) -> None:
    app_db.make(path, sessions=[session("2025-08-01 10:00", None)])
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM Sessions")
    assert counts(run_import(app, "netalertx", str(path)), "sessions") == {"read": 1, "added": 1}
    writer.close()


def test_columns_that_are_not_needed_may_be_missing(app: Flask, path: Path) -> None:
    schema = """
        CREATE TABLE devices (DEV_MAC); CREATE TABLE SESSIONS (sesMAC, ses_datetimeconnection,
        sesDateTimeDisconnection); CREATE TABLE Events (EVEMAC, eveDateTime, eve_event_type)
    """
    at = "2025-08-01 10:00"
    mac = app_db.MAC
    app_db.make(path, schema, devices=[(mac,)], sessions=[(mac, at, None)], events=[(mac, at, "Connected")])
    run_import(app, "netalertx", str(path))
    found = stored(app)
    assert found["sessions"] == [(MAC, TEN, None, 0, "", "", "Connected", "Disconnected", "", None)]
    assert found["events"] == [(MAC, TEN, "Connected", "", "", "", 0, 0, TEN, TEN)]


TABLES = "CREATE TABLE Devices (devMac); CREATE TABLE Events (eveMac, eveDateTime, eveEventType);"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("CREATE TABLE other (x)", "no table Devices"),
        (TABLES, "no table Sessions"),
        (TABLES + "CREATE TABLE Sessions (sesMac)", "no column like sesdatetimeconnection"),
        (TABLES + "CREATE VIEW Sessions AS SELECT 1 AS sesMac", "no table Sessions"),
    ],
)
def test_a_database_of_something_else_is_refused(app: Flask, path: Path, schema: str, words: str) -> None:
    assert_refused(app, "netalertx", str(app_db.make(path, schema)), words=words)


@pytest.mark.parametrize("content", [b"", b"MAC,IP\n", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_what_is_no_database_is_refused(app: Flask, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert_refused(app, "netalertx", str(path), words="app.db")


def test_a_file_that_is_not_there_or_a_folder_is_refused(app: Flask, path: Path) -> None:
    assert_refused(app, "netalertx", str(path), words="There is no file")
    assert_refused(app, "netalertx", str(path.parent), words="There is no file")
    assert not path.exists()


@pytest.mark.parametrize("kind", ["sessions", "events"])
def test_a_truncated_database_leaves_nothing_half_done(app: Flask, path: Path, kind: str) -> None:
    instants = [f"2025-08-{day:02} {hour:02}:00" for day in range(1, 29) for hour in range(24)]
    many = {
        "sessions": [session(at, None, info="x" * 90) for at in instants],
        "events": [event(at, info="x" * 90) for at in instants],
    }
    app_db.make(path, devices=[device()], **{kind: many[kind]})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    before = schema(app)
    assert_refused(app, "netalertx", str(path), words="cannot be read as an SQLite database")
    _assert_sound(app, before)


def test_a_value_of_megabytes_is_refused(app: Flask, path: Path) -> None:
    app_db.make(path, devices=[device(name="x" * 2_000_000)])
    assert_refused(app, "netalertx", str(path), words="too big")


def test_where_every_row_is_refused_the_import_fails(app: Flask, path: Path) -> None:
    app_db.make(path, sessions=[session("x", None), session("y", None)])
    assert_refused(app, "netalertx", str(path), words="every row is refused")


def test_an_unknown_zone_is_refused(app: Flask, path: Path) -> None:
    app_db.make(path)
    assert_refused(app, "netalertx", str(path), "--naive-times", "Mars/Base", words="not a known time zone")


WHOLE = session("2025-08-01 10:00", "2025-08-01 11:00")
INCOMPLETE = session("2025-08-01 10:00", None, disc=MISSING)
STILL = session("2025-08-01 10:00", None, disc=MISSING, still=1)


@pytest.mark.parametrize("each", [WHOLE, INCOMPLETE, STILL, session(None, "2025-08-01 10:00", conn=MISSING)])
def test_two_equal_rows_are_one(app: Flask, path: Path, each: tuple[Any, ...]) -> None:
    said = take(app, path, sessions=[each, each, each])
    assert counts(said, "sessions") == {"read": 3, "added": 1, "present": 2}
    assert len(stored(app)["sessions"]) == 1


@pytest.mark.parametrize("other", [INCOMPLETE, STILL])
@pytest.mark.parametrize("turned", [False, True])
def test_of_a_whole_and_an_incomplete_row_of_one_start_the_whole_one_counts(
    app: Flask, path: Path, other: tuple[Any, ...], turned: bool
) -> None:
    both = [other, WHOLE] if turned else [WHOLE, other]
    said = take(app, path, sessions=both)
    assert counts(said, "sessions") == {"read": 2, "added": 1, "present": 1}
    assert stored(app)["sessions"] == [kept(TEN, TEN + HOUR)]
    assert counts(take(app, path, sessions=both), "sessions") == {"read": 2, "present": 2}


def test_a_later_copy_completes_what_lacked_its_end(app: Flask, path: Path) -> None:
    take(app, path, sessions=[INCOMPLETE])
    assert counts(take(app, path, sessions=[WHOLE]), "sessions") == {"read": 1, "changed": 1}
    assert counts(take(app, path, sessions=[INCOMPLETE]), "sessions") == {"read": 1, "present": 1}
    assert stored(app)["sessions"] == [kept(TEN, TEN + HOUR)]


def test_the_hour_that_autumn_repeats(app: Flask, path: Path) -> None:
    app_db.make(
        path,
        sessions=[
            session("2025-10-26 02:50", "2025-10-26 02:10"),
            session("2025-10-27 10:00", "2025-10-27 09:00"),
            session("2025-10-26 02:50:00+02:00", "2025-10-26 02:10:00+02:00", mac="aa:bb:cc:00:00:01"),
        ],
    )
    said = run_import(app, "netalertx", str(path), "--naive-times", "Europe/Berlin")
    assert [(each["row"], each["reason"]) for each in said["refused"]] == [
        (2, "It ends before it starts."),
        (3, "It ends before it starts."),
    ]
    first = 1_761_439_800  # 2025-10-26T00:50:00Z, which is 02:50 in summer time
    assert stored(app)["sessions"] == [kept(first, first + 1200)]


def test_a_dry_run_shows_the_first_and_the_last_instant_and_what_lies_ahead(app: Flask, path: Path) -> None:
    app_db.make(
        path,
        devices=[device(first="2025-08-01 08:00", last="2025-08-01 11:00")],
        sessions=[session("2025-08-01 10:00", "2025-08-01 11:00"), session("2099-01-01 10:00", None)],
    )
    words = ("import", "netalertx", str(path), "--dry-run")
    shown = invoke(app.instance_path, *words, TIMEZONE="Europe/Berlin")
    assert shown.exit_code == 0, shown.output
    assert (
        "sessions: from 2025-08-01T12:00:00+02:00 to 2099-01-01T11:00:00+01:00, site time\n" in shown.stdout
    )
    assert "devices: from 2025-08-01T10:00:00+02:00 to 2025-08-01T13:00:00+02:00, site time\n" in shown.stdout
    assert shown.stderr.startswith(
        "Ahead of now: 1 session. Is --naive-times right?\nRefused: sessions, row 2: It lies"
    )
    said = run_import(app, "netalertx", str(path), "--dry-run")
    assert said["counts"]["sessions"]["ahead"] == 1
    assert "events" not in said["instants"]


def test_what_lies_ahead_of_now_stops_an_import_unless_it_may_be_skipped(app: Flask, path: Path) -> None:
    """As a wrong zone makes it: what was recorded so would keep everything else from being recorded."""
    ahead = datetime.now(UTC) + timedelta(days=3, minutes=30)
    device_ahead = device(first="2025-08-01 08:00", last=f"{ahead:%Y-%m-%d %H:%M:%S}")
    whole = [session("2025-08-01 10:00", "2025-08-01 11:00"), session(f"{ahead:%Y-%m-%d %H:%M:%S}", None)]
    path.unlink(missing_ok=True)
    app_db.make(path, devices=[device_ahead], sessions=whole)
    refused = invoke(app.instance_path, "import", "netalertx", str(path))
    assert refused.exit_code == 1
    assert refused.stderr == (
        "Error: Nothing is taken. Ahead of now: 1 device, 1 session. Is --naive-times right?"
        " With --skip-ahead the rest is taken.\n"
    )
    assert stored(app)["sessions"] == []
    said = run_import(app, "netalertx", str(path), "--skip-ahead")
    assert counts(said, "sessions") == {"read": 2, "added": 1, "refused": 1, "ahead": 1}
    assert counts(said, "devices") == {"read": 1, "refused": 1, "ahead": 1}
    assert {each["reason"][:29] for each in said["refused"]} == {"It lies ahead of now, by 3d 0"}


def test_a_dry_run_has_one_zone_and_says_how_it_read_times_without_an_offset(app: Flask, path: Path) -> None:
    """In the step in which zones are compared."""
    app_db.make(
        path,
        sessions=[
            session("2025-08-01 10:00", "2025-08-01 12:00"),
            session("2025-08-01 11:00", "2025-08-01 13:00"),
        ],
    )
    words, zone = ("import", "netalertx", str(path)), "Europe/Berlin"
    shown = invoke(app.instance_path, *words, "--dry-run", TIMEZONE=zone)
    assert shown.stderr == (
        f"Refused: sessions, row 2: {MAC}, 2025-08-01T13:00:00+02:00 to 2025-08-01T15:00:00+02:00, overlaps"
        " row 1, 2025-08-01T12:00:00+02:00 to 2025-08-01T14:00:00+02:00.\n"
    )
    assert (
        "sessions: from 2025-08-01T12:00:00+02:00 to 2025-08-01T15:00:00+02:00, site time\n" in shown.stdout
    )
    assert "Times without an offset are taken as UTC (--naive-times).\n" in shown.stdout
    shown = invoke(app.instance_path, *words, "--dry-run", "--naive-times", "local", TIMEZONE=zone)
    assert "Times without an offset are taken as Europe/Berlin (--naive-times).\n" in shown.stdout
    assert "2025-08-01T11:00:00+02:00 to " in shown.stderr
    assert "Times without an offset" not in invoke(app.instance_path, *words, TIMEZONE=zone).stdout


if has_namespaces():

    @pytest.mark.parametrize("unwritten", [False, True])
    def test_a_wal_database_in_a_folder_that_cannot_be_written(tmp_path: Path, unwritten: bool) -> None:
        folder = tmp_path / "readonly"
        folder.mkdir()
        path = app_db.make(folder / "app.db", devices=[device()])
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE Devices SET devOwner = 'bea'")
        connection.commit()
        if unwritten:
            shutil.copytree(folder, tmp_path / "copied")
            folder = tmp_path / "copied"
            (folder / "app.db-shm").unlink()
        connection.close()
        # A folder in which root cannot write either.
        bind = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}"
        script = f"{bind} && exec {COMMAND} import netalertx {folder / 'app.db'} --json"
        ran = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            env=environment_of_file(tmp_path / "instance"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if unwritten:
            assert ran.returncode == 1
            assert_one_line(ran.stderr, "copy it with its -wal")
        else:
            assert ran.returncode == 0, ran.stderr
            assert counts(json.loads(ran.stdout), "devices") == {"read": 1, "added": 1}
            with closing(sqlite3.connect(tmp_path / "instance" / "sessiontrack.sqlite3")) as here:
                assert here.execute("SELECT owner FROM device").fetchall() == [("bea",)]
