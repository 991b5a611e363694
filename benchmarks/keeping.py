"""Measure how backup, pruning, vacuum and a reader that never ends delay pings.

    python -m benchmarks.keeping --sessions 200000

Four clients ping the real server all the time; for each of these tasks, the longest latency and the 99th
percentile, beside those of an idle server.
"""

import argparse
import http.client
import json
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sessiontrack import create_app
from sessiontrack.database import Statement, db, write_transaction
from tests.programs import crash
from tests.support.server import COMMAND, Server, environment

PINGERS = 4
OLD = 1_500_000_000
PRUNED = 100_000
SESSION = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type) VALUES (:device_id, :start, :end, false, '10.0.0.1', '40a000001', 'Connected',"
    " 'Disconnected')"
)
EVENT = Statement(
    "INSERT INTO event (device_id, at, type, session_id) VALUES (:device_id, :at, 'Connected',"
    " (SELECT id FROM device_session WHERE device_id = :device_id AND connected_at = :at))"
)
DEVICE = Statement("INSERT INTO device (id, mac, first_seen_at) VALUES (:id, :mac, 0)")


def fill(instance: Path, sessions: int) -> None:
    """Sessions with one event each, half of them old enough to be pruned."""
    app = create_app({"INSTANCE": instance})
    with app.app_context():
        with write_transaction() as tx:
            tx.run_many(DEVICE, [{"id": n, "mac": f"02:BE:00:00:00:{n:02X}"} for n in range(1, 251)])
        recent = int(time.time()) - 60 * 86_400
        for first in range(0, sessions, 20_000):
            rows = [
                {
                    "device_id": 1 + n % 250,
                    "start": (OLD if n < PRUNED // 2 else recent) + 60 * (n // 250),
                    "end": (OLD if n < PRUNED // 2 else recent) + 60 * (n // 250) + 30,
                }
                for n in range(first, min(sessions, first + 20_000))
            ]
            with write_transaction() as tx:
                tx.run_many(SESSION, rows)
                tx.run_many(EVENT, [{"device_id": each["device_id"], "at": each["start"]} for each in rows])
        db.engine.dispose()


class Pinger(threading.Thread):
    """Pings until it is stopped, and records the latencies."""

    def __init__(self, port: int, client: crash.Client, end: threading.Event) -> None:
        super().__init__()
        self.took: list[float] = []
        self._port = port
        self._headers = {"Authorization": f"Bearer {client.token}"}
        self._end = end

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with closing(connection):
            for path, body in self._calls():
                began = time.perf_counter()
                connection.request("POST", path, json.dumps(body).encode(), self._headers)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    raise SystemExit(f"{path}: {response.status}")
                self.took.append(time.perf_counter() - began)
                time.sleep(0.005)

    def _calls(self):  # type: ignore[no-untyped-def]
        yield "/api/v2/sessionstart", {}
        while not self._end.is_set():
            yield "/api/v2/keepalive", {"visible": True, "path": ["bench"]}


def measured(server: Server, clients: list[crash.Client], work: Callable[[], object]) -> str:
    """The latencies of the pings during the task."""
    end = threading.Event()
    pingers = [Pinger(server.port, client, end) for client in clients[:PINGERS]]
    for pinger in pingers:
        pinger.start()
    time.sleep(0.5)
    skipped = [len(pinger.took) for pinger in pingers]
    began = time.perf_counter()
    try:
        work()
    finally:
        seconds = time.perf_counter() - began
        end.set()
        for pinger in pingers:
            pinger.join()
    took = sorted(
        each for pinger, first in zip(pingers, skipped, strict=True) for each in pinger.took[first:]
    )
    p99 = took[int(len(took) * 0.99)] * 1000
    return f"{seconds:.1f} | {len(took)} | {p99:.0f} | {took[-1] * 1000:.0f}"


def command(instance: Path, *arguments: str, **settings: str) -> str:
    ran = subprocess.run(
        [COMMAND, *arguments], env=environment(instance, **settings), capture_output=True, text=True
    )
    if ran.returncode:
        raise SystemExit(ran.stdout + ran.stderr)
    return ran.stdout


def long_reader(database: Path, commits: int) -> tuple[int, int]:
    """The WAL's bytes while a reader held its transaction during that many commits, and after it ended."""
    wal = Path(f"{database}-wal")
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM device").fetchone()
        app = create_app({"INSTANCE": database.parent})
        with app.app_context():
            for number in range(commits):
                with write_transaction() as tx:
                    tx.run(Statement("UPDATE device SET first_seen_at = :at WHERE id = :id"), at=number, id=1)
            held = wal.stat().st_size
            reader.execute("ROLLBACK")
            for number in range(3):
                with write_transaction() as tx:
                    tx.run(Statement("UPDATE device SET first_seen_at = :at WHERE id = :id"), at=number, id=1)
            after = wal.stat().st_size
            db.engine.dispose()
    return held, after


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--commits", type=int, default=20_000)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-keeping-"))
    instance = folder / "instance"
    try:
        clients = crash.prepare(instance)
        fill(instance, given.sessions)
        with Server(instance, workers=2, PRUNE_EVERY="never") as server:
            limits = {"RETENTION_DEVICE_SESSIONS": "1 year", "RETENTION_EVENTS": "1 year"}
            steps: list[tuple[str, Callable[[], object]]] = [
                ("nothing", lambda: time.sleep(5)),
                ("backup", lambda: command(instance, "backup", str(folder / "copy"))),
                ("prune", lambda: print(command(instance, "prune", **limits))),
                ("vacuum", lambda: command(instance, "vacuum")),
                ("check", lambda: command(instance, "check")),
            ]
            print("| meanwhile | seconds | pings | p99 ms | longest ms |\n|---|---|---|---|---|")
            for name, work in steps:
                print(f"| {name} | {measured(server, clients, work)} |", flush=True)
        held, after = long_reader(instance / crash.DATABASE, given.commits)
        print(f"A reader through {given.commits:,} commits: a WAL of {held:,} bytes, afterwards {after:,}.")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
