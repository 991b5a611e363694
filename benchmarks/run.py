"""Measure the application beside its floor: `python -m benchmarks.run --sessions 100000 --seconds 5`."""

import argparse
import json
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.dataset import DATA, DATABASE, DAY, FIRST_DAY, Shape, make_dataset
from benchmarks.load import Measured, burst
from sessiontrack import create_app
from sessiontrack.db import db, write_transaction
from sessiontrack.services import api_tokens, users

CLIENTS = (1, 4, 16)
ROUNDS = 5
START_SECONDS = 60
PATH = "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b]"


@dataclass(frozen=True)
class Call:
    """requests gives each client, by its number and the burst's, its own endless row of requests."""

    name: str
    requests: Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class Running:
    """One of the two servers."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def fetch(self, request: bytes) -> Any:
        """The JSON that it answers."""
        line, *headers = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        method, path, _ = line.split()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            request.partition(b"\r\n\r\n")[2] or None,
            dict(each.split(": ", 1) for each in headers),
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read())

    def memory(self) -> list[dict[str, int]]:
        """RSS and PSS of each worker, in KiB."""
        master = self.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return [_memory(int(pid)) for pid in children]


def _memory(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
    return {"rss": sizes["Rss"], "pss": sizes["Pss"]}


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A whole request, as curl would send it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def make_calls(shape: Shape, tokens: list[str]) -> list[Call]:
    """The calls of the benchmark; reads first, so that they find the history as it was made."""
    first = datetime.fromtimestamp(FIRST_DAY, UTC).date()
    months = max(1, shape.days // 30)
    weeks = max(1, shape.days // 7)

    def day(number: int) -> date:
        return first + timedelta(days=number)

    def list_month(client: int, _: int) -> Iterator[bytes]:
        for number in count(client * 7):
            month, device = number % months, number * 7 % shape.devices
            window = f"start_date={day(month * 30)}&end_date={day(month * 30 + 29)}"
            yield request("GET", f"/sessions/list?mac={shape.mac(device)}&{window}", tokens[0])

    def calendar_week(client: int, _: int) -> Iterator[bytes]:
        for number in count(client * 7):
            week = number * 5 % weeks
            window = f"start={day(week * 7)}&end={day(week * 7 + 6)}"
            yield request("GET", f"/sessions/calendar?{window}", tokens[0])

    def ping(token: str) -> Iterator[bytes]:
        body = json.dumps({"visible": True, "path": PATH}).encode()
        asked = request("POST", "/api/v2/keepalive", token, body)
        while True:
            yield asked

    def create(client: int, burst_number: int) -> Iterator[bytes]:
        mine = range(client, shape.devices, max(CLIENTS))
        # Days of its own for each burst, so that no session meets another.
        begin = FIRST_DAY + (shape.days + 10 + burst_number * 20) * DAY
        for number in count():
            device = mine[number % len(mine)]
            start = datetime.fromtimestamp(begin + number // len(mine) * 120, UTC)
            body = {
                "mac": shape.mac(device),
                "ip": shape.ip(device),
                "start_time": f"{start:%Y-%m-%dT%H:%M:%S}",
                "end_time": f"{start + timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}",
            }
            yield request("POST", "/sessions/create", tokens[0], json.dumps(body).encode())

    return [
        Call("list", list_month),
        Call("calendar", calendar_week),
        Call("keepalive", lambda client, _: ping(tokens[client % len(tokens)])),
        Call("keepalive, one session", lambda client, _: ping(tokens[0])),
        Call("create", create),
    ]


def prepare(shape: Shape, run: Path) -> list[str]:
    """Two copies of the same history, one for each server, with a token for each client.

    Returns:
        the tokens' secrets.
    """
    app_folder, floor_folder = run / "app", run / "floor"
    shutil.copytree(make_dataset(shape), app_folder)
    app = create_app({"INSTANCE": app_folder})
    now = int(time.time())
    with app.app_context():
        with write_transaction() as tx:
            users.add_user(tx, now, "bench", "no password", "admin")
            issued = [
                api_tokens.issue_token(tx, now, "bench", f"client {n}", None) for n in range(max(CLIENTS))
            ]
        db.engine.dispose()
    shutil.copytree(app_folder, floor_folder)
    keys = {each.secret: api_tokens.login_key(each.token_id) for each in issued}
    (floor_folder / "login-keys.json").write_text(json.dumps(keys))
    return [each.secret for each in issued]


def serve(stack: ExitStack, name: str, command: list[str], run: Path, workers: int, threads: int) -> Running:
    """Start a server on a free port; it ends with the stack."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONTRACK_")}
    settings = {"SESSIONTRACK_INSTANCE": str(run / "app"), "SESSIONTRACK_THREADS": str(threads)}
    log = stack.enter_context((run / f"{name}.log").open("wb"))
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port), "--workers", str(workers)],
        env={**kept, **settings},
        stdout=log,
        stderr=log,
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    server = Running(name, port, process)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.fetch(b"GET /readyz HTTP/1.1\r\n\r\n")
            return server
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((run / f"{name}.log").read_text()) from error
            time.sleep(0.1)


def require_equal_answers(calls: list[Call], app: Running, floor: Running) -> None:
    """Both must answer the same: a floor that does less would prove nothing.

    Raises:
        SystemExit: they differ.
    """
    for call in calls:
        if call.name not in ("list", "calendar"):
            continue
        for _, asked in zip(range(20), call.requests(0, 0), strict=False):
            # "So far" goes on by the second, so two answers may lie on either side of one.
            if not any(app.fetch(asked) == floor.fetch(asked) for _ in range(5)):
                raise SystemExit(f"Application and floor differ: {asked.decode()}")


def measure(call: Call, servers: list[Running], clients: int, seconds: float, first: int) -> list[Measured]:
    """In rounds, so that whatever else this machine does hits both."""
    found = [Measured() for _ in servers]
    for number in range(ROUNDS):
        for server, measured in zip(servers, found, strict=True):
            measured.add(
                burst(
                    server.port,
                    clients,
                    seconds / ROUNDS,
                    lambda client: call.requests(client, first + number),  # noqa: B023 - called at once
                )
            )
    return found


def report(row: dict[str, Any]) -> str:
    """A line of the table."""
    app, floor = row["app"], row["floor"]
    cells = [
        row["call"],
        row["clients"],
        f"{app['per_second']:.0f}",
        f"{floor['per_second']:.0f}",
        f"{row['ratio']:.2f}",
        f"{app['p50']:.2f} / {app['p95']:.2f}",
        f"{floor['p50']:.2f} / {floor['p95']:.2f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Measure the application beside its floor."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--devices", type=int, help="default: 250")
    parser.add_argument("--days", type=int, help="default: 365, or what the sessions need")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure, in five rounds")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--only", help="calls whose name has this in it")
    chosen = parser.parse_args()
    shape = Shape.of(chosen.sessions, chosen.devices, chosen.days)
    run = DATA / f"run-{os.getpid()}"
    run.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            _measure_all(stack, chosen, shape, run)
    finally:
        shutil.rmtree(run)


def _measure_all(stack: ExitStack, chosen: argparse.Namespace, shape: Shape, run: Path) -> None:
    tokens = prepare(shape, run)
    size = (run / "app" / DATABASE).stat().st_size
    machine = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "workers": chosen.workers,
        "threads": chosen.threads,
        "sessions": shape.sessions,
        "devices": shape.devices,
        "days": shape.days,
        "database_mib": round(size / 2**20),
        "command": f"python -m {__spec__.name} {' '.join(sys.argv[1:])}",
    }
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    workers, threads = chosen.workers, chosen.threads
    floor_command = ["-m", "benchmarks.floor", str(run / "floor"), "--threads", str(threads)]
    app_code = "from sessiontrack.cli import main; main()"
    servers = [
        serve(stack, "app", ["-c", app_code, "serve"], run, workers, threads),
        serve(stack, "floor", floor_command, run, workers, threads),
    ]
    calls = make_calls(shape, tokens)
    require_equal_answers(calls, *servers)
    for server in servers:
        for token in tokens:
            server.fetch(request("POST", "/api/v2/sessionstart", token, b"{}"))
    rows = []
    print("| call | clients | requests/s | floor | floor / app | p50 / p95 ms | floor |")
    print("|---|---|---|---|---|---|---|")
    for call in calls:
        for clients in CLIENTS:
            if chosen.only and chosen.only not in call.name:
                continue
            found = measure(call, servers, clients, chosen.seconds, first=len(rows) * ROUNDS)
            row: dict[str, Any] = {"call": call.name, "clients": clients}
            for server, measured in zip(servers, found, strict=True):
                row[server.name] = {
                    "per_second": measured.per_second,
                    "p50": measured.percentile_ms(50),
                    "p95": measured.percentile_ms(95),
                }
            row["ratio"] = row["floor"]["per_second"] / row["app"]["per_second"]
            rows.append(row)
            print(report(row), flush=True)
    memory = {server.name: server.memory() for server in servers}
    for name, workers in memory.items():
        shown = ", ".join(f"{each['rss'] / 1024:.0f} / {each['pss'] / 1024:.0f}" for each in workers)
        print(f"memory of each worker, {name}: RSS / PSS in MiB: {shown}")
    results = DATA / f"results-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    results.write_text(json.dumps({"machine": machine, "rows": rows, "memory_kib": memory}, indent=1))
    print(f"written to {results}")


if __name__ == "__main__":
    main()
