"""Kill each command that takes long, again and again: the database is sound, and the same command goes on.

    python -m tests.programs.killed --rounds 20 --only prune

Each round begins with a copy of the demo's home office. The command is killed with SIGKILL, a little later
each time. Then `check` must find nothing; what it changes is done wholly or not at all (a prune: by batches);
and the same command, called again, ends with what it makes when nobody kills it. A merge has no command: the
server is killed during the call. `make crash` runs it.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import app_db
from tests.support.calls import answers
from tests.support.command import run
from tests.support.ports import free_port
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS, wait_until

DATABASE = "sessiontrack.sqlite3"
TABLES = ("device", "device_session", "event", "user_session", "view_time", "scan")
# What the prune of the demo removes.
RETENTION = {"RETENTION_DEVICE_SESSIONS": "20 days", "RETENTION_USER_SESSIONS": "20 days"}

State = dict[str, int]


@dataclass(frozen=True)
class Case:
    """A command that is killed.

    command: its words, for a folder that `prepare` has filled; None is the merge, by a server.
    file: of the database that it writes, in that folder.
    steps: it may end between its beginning and its end, on the way.
    """

    prepare: Callable[[Path], None]
    command: Callable[[Path], list[str]] | None
    file: str = f"instance/{DATABASE}"
    steps: bool = False
    settings: tuple[tuple[str, str], ...] = ()


def nothing(folder: Path) -> None:
    """The home office is all that it takes."""


def foreign_history(folder: Path) -> None:
    """Another tool's history, to be imported."""
    macs = [f"02:00:00:00:00:{n:02x}" for n in range(200)]
    instants = [f"2026-{1 + n // 20:02}-{1 + n % 20:02}" for n in range(200)]
    app_db.make(
        folder / "app.db",
        devices=[app_db.device(mac) for mac in macs],
        sessions=[
            app_db.session(f"{day} 10:00:00", f"{day} 11:00:00", mac=mac)
            for mac in macs
            for day in instants[:100]
        ],
    )


def backup_of_another_state(folder: Path) -> None:
    """A backup, and a user that came after it."""
    for words in (["backup", str(folder / "kept.sqlite3")], ["user", "add", "late", "--generate"]):
        done = run(folder / "instance", *words)
        assert done.returncode == 0, done.stderr


CASES = {
    "merge": Case(nothing, None),
    "prune": Case(nothing, lambda folder: ["prune"], steps=True, settings=tuple(RETENTION.items())),
    "import": Case(foreign_history, lambda folder: ["import", "netalertx", str(folder / "app.db")]),
    "restore": Case(backup_of_another_state, lambda folder: ["restore", str(folder / "kept.sqlite3")]),
    "move": Case(
        nothing,
        lambda folder: [
            "migrate-database",
            f"sqlite:///{folder / 'instance' / DATABASE}",
            f"sqlite:///{folder / 'moved.sqlite3'}",
        ],
        file="moved.sqlite3",
    ),
    "vacuum": Case(nothing, lambda folder: ["vacuum"]),
    "backup": Case(nothing, lambda folder: ["backup", str(folder / "copy.sqlite3")], file="copy.sqlite3"),
}


def state(file: Path) -> State | None:
    """How many rows each table has; None where there is no such file."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = (*TABLES, "user")
        return {each: connection.execute(f'SELECT count(*) FROM "{each}"').fetchone()[0] for each in tables}


def kill_after(case: Case, folder: Path, seconds: float | None) -> tuple[float, bool]:
    """Run the command, or a merge in a server, and kill it.

    Args:
        seconds: of its run; None lets it end.
    Returns:
        how long it ran, and whether it was killed.
    """
    variables = environment(folder / "instance", **dict(case.settings))
    began = time.monotonic()
    if case.command is None:
        return _merge(folder, variables, seconds), seconds is not None
    process = subprocess.Popen(
        [COMMAND, *case.command(folder)],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        printed = process.communicate(timeout=SECONDS if seconds is None else seconds)[0]
    except subprocess.TimeoutExpired:
        assert seconds is not None, "It does not end."
        _kill(process)
        process.communicate()
        return time.monotonic() - began, True
    assert process.returncode == 0, printed
    return time.monotonic() - began, False


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _merge(folder: Path, variables: dict[str, str], seconds: float | None) -> float:
    """Merge two devices by a call, and kill the server so long after the call has begun."""
    port = free_port()
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), "--workers", "1"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    try:
        wait_until(lambda: answers(port), lambda: (folder / "server.log").read_text())
        secret = (folder / "token").read_text()
        keeper, other = json.loads((folder / "macs").read_text())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        began = time.monotonic()
        connection.request("POST", f"/devices/{keeper}/merge", json.dumps({"mac": other}), headers)
        if seconds is None:
            answer = connection.getresponse()
            # Where the killed call was done, the other one is an address of the keeper already.
            assert answer.status in (200, 400, 404, 409), answer.read()
        else:
            time.sleep(seconds)
        took = time.monotonic() - began
        connection.close()
    finally:
        _kill(process)
        process.wait()
    return took


def make_home(folder: Path) -> None:
    """An instance with the demo's home office, an API token, and two devices to merge."""
    filled = run(folder / "instance", "demo", "--seed", "1")
    assert filled.returncode == 0, filled.stderr
    issued = run(folder / "instance", "token", "add", "killed", "--role", "admin", "--quiet")
    assert issued.returncode == 0, issued.stderr
    (folder / "token").write_text(issued.stdout.strip())
    with closing(sqlite3.connect(folder / "instance" / DATABASE)) as connection:
        busiest = "SELECT d.mac FROM device d JOIN device_session s ON s.device_id = d.id GROUP BY d.id"
        found = connection.execute(f"{busiest} ORDER BY count(*) DESC LIMIT 2").fetchall()
    (folder / "macs").write_text(json.dumps([mac for (mac,) in found]))


def faults(case: Case, folder: Path, before: State | None, after: State | None) -> list[str]:
    """What is wrong after a kill, and after the same command once more."""
    found = []
    left = state(folder / case.file)
    if not (left in (before, after) or case.steps):
        found.append(f"done by half: {left} is neither {before} nor {after}")
    checked = run(folder / "instance", "check")
    if checked.returncode:
        found.append(f"check: {checked.stdout}{checked.stderr}")
    if case.steps:
        # As two minutes later: so long nobody else takes up what was killed.
        with closing(sqlite3.connect(folder / case.file)) as connection, connection:
            connection.execute("UPDATE task_claim SET expires_at = 0")
    if case.file == f"instance/{DATABASE}" or left is None:
        kill_after(case, folder, None)
    if (end := state(folder / case.file)) != after:
        found.append(f"again: {end} is not {after}")
    # A copy that nobody finished takes its place's room until the next one is made.
    found += [f"left over: {each.name}" for each in folder.rglob("*.moving*")]
    return found


def kill_again_and_again(name: str, home: Path, rounds: int) -> list[str]:
    """What was wrong in all rounds of one command."""
    case = CASES[name]
    prepared, folder = home.parent / "prepared", home.parent / "round"
    shutil.rmtree(prepared, ignore_errors=True)
    shutil.copytree(home, prepared)
    case.prepare(prepared)
    before = state(prepared / case.file)

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder)

    # Paths in the command are of this folder.
    begin()
    took, _ = kill_after(case, folder, None)
    wrong = []
    killed = 0
    for number in range(rounds):
        # What it makes now: a prune removes more with each second.
        begin()
        kill_after(case, folder, None)
        after = state(folder / case.file)
        begin()
        ran, is_killed = kill_after(case, folder, took * (number + 0.5) / rounds)
        killed += is_killed
        found = faults(case, folder, before, after)
        wrong += [f"{name}, killed after {ran:.2f} of {took:.2f} s: {each}" for each in found]
    print(f"{name}: killed {killed} of {rounds} times within {took:.2f} s, {len(wrong)} faults", flush=True)
    return wrong


def main() -> None:
    """Run it, and end with 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=CASES, action="append")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-killed-"))
    try:
        home = folder / "home"
        home.mkdir()
        make_home(home)
        wrong = [
            each for name in given.only or CASES for each in kill_again_and_again(name, home, given.rounds)
        ]
    finally:
        shutil.rmtree(folder)
    for each in wrong[:20]:
        print(each)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
