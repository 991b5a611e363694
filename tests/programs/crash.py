"""Kill the whole server in the middle of writing, again and again: nothing that was acknowledged may be lost.

    python -m tests.programs.crash --rounds 50

Sixteen clients write pings, sessions and scans; after some time every process of the server is killed with
SIGKILL, and it is started again on what it left. `make crash` runs it.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessiontrack import create_app, migrations
from sessiontrack.database import db, write_transaction
from sessiontrack.services import api_tokens, users
from tests.support.calls import answers
from tests.support.server import COMMAND, environment, free_port
from tests.support.waiting import wait_until

CLIENTS = 16
# Of each round, on a machine of any speed.
LEAST_WRITES = 30
DATABASE = "sessiontrack.sqlite3"
BASE = 1_750_000_000


@dataclass
class Acknowledged:
    """What one client was told is written."""

    pings: list[str] = field(default_factory=list)
    last_ping: int = 0
    sessions: list[int] = field(default_factory=list)
    scans: list[tuple[int, str]] = field(default_factory=list)

    def count(self) -> int:
        return len(self.pings) + len(self.sessions) + len(self.scans)


class Client:
    """One of the sixteen, with an API token and so a user session of its own."""

    def __init__(self, number: int, token: str) -> None:
        self.number = number
        self.token = token
        self.step = 0
        self.acknowledged = Acknowledged()
        self.refused: list[str] = []

    def write_until_killed(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            self._call(connection, "/api/v2/sessionstart", None)
            while True:
                self.step += 1
                (self._ping, self._create, self._scan)[self.step % 3](connection)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _call(self, connection: http.client.HTTPConnection, path: str, body: Any) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        connection.request("POST", path, content, {"Authorization": f"Bearer {self.token}"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            self.refused.append(f"{path}: {response.status} {answer}")
            return None
        return answer

    def _ping(self, connection: http.client.HTTPConnection) -> None:
        tab = f"{self.number}-{self.step}"
        answer = self._call(connection, "/api/v2/keepalive", {"visible": True, "path": ["crash", tab]})
        if answer is not None:
            self.acknowledged.pings.append(tab)
            self.acknowledged.last_ping = answer["time"]

    def _create(self, connection: http.client.HTTPConnection) -> None:
        start = BASE + 60 * self.step
        body = {
            "mac": f"02:C0:00:00:00:{self.number:02X}",
            "ip": "10.0.0.1",
            "start_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
            "end_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + 30)),
        }
        answer = self._call(connection, "/sessions/create", body)
        if answer is not None:
            self.acknowledged.sessions.append(start)

    def _scan(self, connection: http.client.HTTPConnection) -> None:
        mac = f"02:C1:{self.number:02X}:" + ":".join(
            f"{self.step >> shift & 255:02X}" for shift in (16, 8, 0)
        )
        at = int(time.time()) - 86_400 + self.step
        body = {"source": f"scanner {self.number}", "at": at, "devices": [{"mac": mac}]}
        if self._call(connection, "/presence/scans", body) is not None:
            self.acknowledged.scans.append((at, mac))


def prepare(folder: Path) -> list[Client]:
    """An install with a token for each client."""
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        migrations.upgrade(db.engine)
        with write_transaction() as tx:
            users.add_user(tx, BASE, "crash", "nobody signs in", "operator")
            secrets = [
                api_tokens.issue_token(tx, BASE, "crash", f"client {n}", None).secret for n in range(CLIENTS)
            ]
        db.engine.dispose()
    return [Client(number, secret) for number, secret in enumerate(secrets)]


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The server with four workers, in a group of processes of its own."""
    with (folder.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), "--workers", "4"],
            env=environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def is_ready() -> bool:
        assert process.poll() is None, (folder.parent / "server.log").read_text()[-2000:]
        return answers(port)

    wait_until(is_ready, "a server that answers")
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """All of its processes at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def acknowledged(clients: list[Client]) -> int:
    """How many writes were acknowledged, of all clients."""
    return sum(client.acknowledged.count() for client in clients)


def await_writes(clients: list[Client], least: int) -> None:
    """Wait until they have so many acknowledged writes in all."""
    wait_until(lambda: acknowledged(clients) >= least, f"{least} acknowledged writes")


def lost(file: Path, clients: list[Client]) -> list[str]:
    """What was acknowledged and is not there."""
    missing: list[str] = []
    with closing(sqlite3.connect(file)) as connection:
        if (found := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            missing.append(f"integrity: {found}")
        tabs = {tab for (tab,) in connection.execute("SELECT tab FROM view_time")}
        for client in clients:
            name = (f"client {client.number}",)
            told = client.acknowledged
            missing += [f"ping {tab}" for tab in told.pings if tab not in tabs]
            (last,) = connection.execute(
                "SELECT max(last_ping) FROM user_session WHERE login_key ="
                " (SELECT 'token:' || id FROM api_token WHERE name = ?)",
                name,
            ).fetchone()
            if (last or 0) < told.last_ping:
                missing.append(f"last ping of client {client.number}: {last} < {told.last_ping}")
            starts = connection.execute(
                "SELECT connected_at FROM device_session JOIN device d ON d.id = device_id WHERE d.mac = ?",
                (f"02:C0:00:00:00:{client.number:02X}",),
            )
            stored = {start for (start,) in starts}
            missing += [
                f"session {start} of {client.number}" for start in told.sessions if start not in stored
            ]
            scans = {
                at
                for (at,) in connection.execute(
                    "SELECT at FROM scan JOIN source s ON s.id = source_id WHERE s.name = ?",
                    (f"scanner {client.number}",),
                )
            }
            macs = {mac for (mac,) in connection.execute("SELECT mac FROM device WHERE mac LIKE '02:C1:%'")}
            missing += [f"scan {at} of {mac}" for at, mac in told.scans if at not in scans or mac not in macs]
    return missing


def run(folder: Path, rounds: int, seconds: float) -> tuple[int, list[str], list[str]]:
    """Write, kill and start again; how many writes were acknowledged, what was lost, what was refused."""
    instance = folder / "instance"
    clients = prepare(instance)
    missing: list[str] = []
    written = 0
    for number in range(rounds):
        port = free_port()
        process = start(instance, port)
        threads = [threading.Thread(target=client.write_until_killed, args=(port,)) for client in clients]
        try:
            for thread in threads:
                thread.start()
            time.sleep(seconds * random.uniform(0.5, 1.5))
            await_writes(clients, written + LEAST_WRITES)
        finally:
            kill(process)
            for thread in threads:
                thread.join()
        missing += lost(instance / DATABASE, clients)
        written = acknowledged(clients)
        print(f"round {number + 1}: {written} writes acknowledged so far, {len(missing)} lost", flush=True)
    checked = subprocess.run([COMMAND, "check"], env=environment(instance), capture_output=True, text=True)
    if checked.returncode:
        missing.append(checked.stdout + checked.stderr)
    return written, missing, [each for client in clients for each in client.refused]


def main() -> None:
    """Run it, and end with 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.5, help="of writing in each round, about")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-crash-"))
    try:
        written, missing, refused = run(folder, given.rounds, given.seconds)
    finally:
        shutil.rmtree(folder)
    print(
        f"{given.rounds} kills, {written} acknowledged writes: {len(missing)} lost, {len(refused)} refused."
    )
    for each in (missing + refused)[:20]:
        print(each)
    sys.exit(1 if missing or refused else 0)


if __name__ == "__main__":
    main()
