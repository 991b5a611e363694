"""Many concurrent processes against several workers, and concurrent first starts on one folder."""

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiontrack.services import users
from tests.support import databases, thorough
from tests.support.application import LiveServer
from tests.support.server import COMMAND, Server, environment
from tests.support.waiting import SECONDS

ROOT = Path(__file__).parents[2]
CLIENTS = 16
Call = tuple[str, str, Any]


@pytest.fixture(scope="module")
def crowd(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """The real server with four workers."""
    folder = tmp_path_factory.mktemp("crowd") / "instance"
    shutil.copytree(template[0], folder)
    with Server(folder, workers=4) as server:
        yield LiveServer(server, folder, template[1])


def at_once(
    live: LiveServer, calls: list[list[Call]], token: str, seconds: float = 0
) -> list[list[tuple[int, Any]]]:
    """Run one process per list of calls, all beginning at once; return the answers of each."""
    processes = []
    for each in calls:
        order = {"port": live.server.port, "calls": each, "token": token, "seconds": seconds}
        command = [sys.executable, "-m", "tests.support.load", json.dumps(order)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        processes.append(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        answers.append([(status, body) for status, body in json.loads(output)])
    return answers


def rows(live: LiveServer, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return databases.rows(live.instance, sql, *values)


def log_in(live: LiveServer, username: str) -> str:
    body = {"username": username, "password": "correct horse"}
    token: str = live.server.call("POST", "/auth/login", body).json["access_token"]
    return token


def test_contract_4_sixteen_clients_ping_one_user_session_for_10_s(crowd: LiveServer) -> None:
    token = log_in(crowd, "viewer")
    calls: list[list[Call]] = [
        [
            ("POST", "/api/v2/keepalive", {"visible": True, "path": [f"view{n % 4}"]}),
            ("POST", "/api/v2/session-hide", {"path": f"[view{n % 4},tab{n % 3}]"}),
            ("POST", "/api/v2/keepalive", {"visible": n % 2 == 0, "path": f"[view{n % 5}]"}),
        ]
        for n in range(CLIENTS)
    ]
    began = int(time.time())
    answers = at_once(crowd, calls, token, seconds=10)
    assert Counter(status for each in answers for status, _ in each).keys() == {200}
    # Every process had its turn.
    assert min(map(len, answers)) >= 3
    # The newest one: other tests of this file sign in too.
    seen = crowd.server.call("GET", "/api/v2/sessions?usernames[]=viewer", token=token).json[0]
    parts = [sum(each.values()) if isinstance(each, dict) else each for each in seen["tab_duration"].values()]
    assert sum(parts) == seen["visible_duration"] <= seen["last_ping"] - seen["start"]
    assert seen["visible_duration"] > 0
    visited = rows(
        crowd,
        "SELECT sum(seconds) FROM view_visit JOIN user_session s ON s.id = session_id WHERE s.public_id = ?",
        seen["_id"],
    )
    assert visited == [(seen["visible_duration"],)]
    assert seen["last_ping"] - began >= 10
    assert crowd.server.output().count("Traceback") == 0


def test_contract_4_sixteen_clients_start_one_user_session_at_once(crowd: LiveServer) -> None:
    calls: list[list[Call]] = [[("POST", "/api/v2/sessionstart", None)]] * CLIENTS
    for each in at_once(crowd, calls, crowd.tokens["operator"], seconds=0.5):
        assert all(answer == (200, {"description": "Session Start"}) for answer in each)
    found = rows(crowd, "SELECT count(*), min(ended_at) FROM user_session WHERE username = 'operator'")
    assert found == [(1, None)]


def test_contract_3_sixteen_clients_create_the_same_device_session_at_once(crowd: LiveServer) -> None:
    body = {"mac": "02:00:00:00:00:01", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00"}
    calls: list[list[Call]] = [[("POST", "/sessions/create", body)]] * CLIENTS
    answers = [answer for each in at_once(crowd, calls, crowd.tokens["operator"]) for answer in each]
    assert {status for status, _ in answers} == {200}
    assert len({answer["id"] for _, answer in answers}) == 1
    of_it = "WHERE device_id = (SELECT id FROM device WHERE mac = ?)"
    assert rows(crowd, f"SELECT count(*) FROM device_session {of_it}", body["mac"]) == [(1,)]
    types = f"SELECT type, count(*) FROM event {of_it} GROUP BY type ORDER BY type"
    assert rows(crowd, types, body["mac"]) == [
        ("Connected", 1),
        ("New Device", 1),
    ]


def test_contract_3_fifty_concurrent_equal_creates_make_one_row(crowd: LiveServer) -> None:
    body = {
        "mac": "02:00:00:00:00:02",
        "ip": "10.0.0.2",
        "start_time": "2025-08-01T10:00:00",
        "end_time": "2025-08-01T11:00:00",
    }
    # Ten processes with five rounds each: fifty in all, without fifty interpreters.
    calls: list[list[Call]] = [[("POST", "/sessions/create", body)] * 5] * 10
    answers = [answer for each in at_once(crowd, calls, crowd.tokens["operator"]) for answer in each]
    assert len(answers) == 50
    assert {status for status, _ in answers} == {200}
    assert len({answer["id"] for _, answer in answers}) == 1
    count = "SELECT count(*) FROM device_session s JOIN device d ON d.id = s.device_id WHERE d.mac = ?"
    assert rows(crowd, count, body["mac"]) == [(1,)]


def test_contract_3_of_different_sessions_at_once_none_overlap(crowd: LiveServer) -> None:
    def body(n: int) -> dict[str, str]:
        start, end = f"2025-08-01T10:{n:02}:00", f"2025-08-01T11:{n:02}:00"
        return {"mac": "02:00:00:00:00:03", "ip": "10.0.0.3", "start_time": start, "end_time": end}

    calls: list[list[Call]] = [[("POST", "/sessions/create", body(n))] for n in range(CLIENTS)]
    answers = [answer for each in at_once(crowd, calls, crowd.tokens["operator"]) for answer in each]
    assert Counter(status for status, _ in answers) == {200: 1, 409: CLIENTS - 1}


def test_contract_5_logout_holds_in_every_worker_at_once(crowd: LiveServer) -> None:
    def statuses(token: str) -> set[int]:
        ask = partial(crowd.server.call, "GET", "/auth/me", token=token)
        with ThreadPoolExecutor(8) as pool:
            return {answer.status for answer in pool.map(lambda _: ask(), range(40))}

    for _ in range(5):
        token = log_in(crowd, "viewer")
        # Every worker has cached the token.
        assert statuses(token) == {200}
        assert crowd.server.call("POST", "/auth/logout", token=token).status == 200
        assert statuses(token) == {401}


def test_contract_7_first_starts_at_once_make_one_admin_and_one_key(tmp_path: Path) -> None:
    for round_number in range(thorough.made_up(3)):
        folder = tmp_path / f"instance-{round_number}"
        processes = [
            subprocess.Popen(
                [COMMAND, "migrate"],
                # However busy this machine is, the others wait for the first one.
                env=environment(folder, BUSY_TIMEOUT_SECONDS="60"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        outputs = [process.communicate(timeout=SECONDS) for process in processes]
        assert [process.returncode for process in processes] == [0] * 4, outputs
        announced = [err for _, err in outputs if "Password: " in err]
        assert len(announced) == 1, outputs
        password = announced[0].split("Password: ")[1].split()[0]
        names = sorted(path.name for path in folder.iterdir() if "sqlite3" not in path.name)
        assert names == ["initial-admin-password", "signing-key"]
        assert (folder / "initial-admin-password").read_text().strip() == password
        ((name, role, password_hash),) = databases.rows(
            folder, 'SELECT username, role, password_hash FROM "user"'
        )
        assert (name, role) == ("admin", "admin")
        assert users.is_password(password_hash, password)


def test_contract_7_two_servers_start_at_once_on_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    settings = {"ADMIN_PASSWORD": "a first password"}
    one, other = Server(folder, workers=1, **settings), Server(folder, workers=1, **settings)
    other.log = other.log.with_name("other.log")
    with one, other:
        body = {"username": "admin", "password": "a first password"}
        token = one.call("POST", "/auth/login", body).json["access_token"]
        assert other.call("GET", "/auth/me", token=token).json["role"] == "admin"
        assert one.call("GET", "/auth/me", token=token).json["role"] == "admin"
