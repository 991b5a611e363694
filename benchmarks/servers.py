"""The two servers of a benchmark on one database file: the application and its floor."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.calls import MOST_CLIENTS
from benchmarks.dataset import Shape, make_dataset
from sessiontrack import create_app
from sessiontrack.database import db, write_transaction
from sessiontrack.services import api_tokens, user_sessions, users
from tests.support.server import environment, free_port

START_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """A server on a port of 127.0.0.1."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def fetch(self, request: bytes) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of the answer."""
        head, _, body = request.partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, path, _ = line.split()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            body or None,
            dict(each.split(": ", 1) for each in headers),
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.read(), dict(answer.headers)

    def memory_kib(self) -> dict[str, list[int]]:
        """RSS (shared pages counted in full) and PSS (shared pages divided) of the master and each worker."""
        master = self.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        sizes = [_memory(int(pid)) for pid in [master, *map(int, children)]]
        return {"rss": [size["Rss"] for size in sizes], "pss": [size["Pss"] for size in sizes]}


def _memory(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}


def prepare(shape: Shape, folder: Path) -> list[str]:
    """Copy the history to that instance folder, with a token and a user session for each client.

    Returns:
        The secrets of the tokens.
    """
    shutil.copytree(make_dataset(shape), folder)
    app = create_app({"INSTANCE": folder})
    now = int(time.time())
    with app.app_context():
        with write_transaction() as tx:
            users.add_user(tx, now, "bench", "no password", "admin")
            issued = [
                api_tokens.issue_token(tx, now, "bench", f"client {n}", None) for n in range(MOST_CLIENTS)
            ]
            keys = {each.secret: api_tokens.login_key(each.token_id) for each in issued}
            for key in keys.values():
                user_sessions.start_session(tx, now, key, "bench", 300)
        db.engine.dispose()
    (folder / "login-keys.json").write_text(json.dumps(keys))
    return list(keys)


def serve(stack: ExitStack, name: str, folder: Path, workers: int, threads: int, **settings: str) -> Running:
    """Start the application or the floor on a free port; the stack stops it."""
    port = free_port()
    chosen = {"THREADS": str(threads), "SESSION_ALIVE_SECONDS": "86400", **settings}
    command = ["-c", "from sessiontrack.cli import main; main()", "serve"]
    if name == "floor":
        command = ["-m", "benchmarks.floor", str(folder), "--threads", str(threads)]
    log_file = folder / f"{name}-{port}.log"
    log = stack.enter_context(log_file.open("wb"))
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port), "--workers", str(workers)],
        env=environment(folder, **chosen),
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
                raise SystemExit(log_file.read_text()) from error
            time.sleep(0.02)


def answer_of(server: Running, request: bytes) -> Any:
    """The JSON of the answer."""
    return json.loads(server.fetch(request)[0])
