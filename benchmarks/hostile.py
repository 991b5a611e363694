"""The cost of hostile bodies, compared with an empty one: `python -m benchmarks.hostile --requests 200`.

The CPU time of the one worker of a real server, for each call that needs no token; then its memory after long
refused scans. The exit code is 1 if a body costs more than ten empty ones, an answer has 16 KiB, or more than
32 MiB stay allocated.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.resident import held_by
from sessiontrack import create_app
from sessiontrack.clock import now
from sessiontrack.database import db, write_transaction
from sessiontrack.http.json_body import LARGE
from sessiontrack.services import api_tokens
from sessiontrack.startup import prepare
from tests.contract.test_hostile_bodies import HOSTILE, LARGEST_REFUSAL, filled
from tests.support.server import Server

CALLS = (
    ("POST", "/auth/login"),
    ("POST", "/auth"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json?nothing=1"),
    ("POST", "/presence/scans"),
)
MOST = 10
SCANS = 8
MOST_KEPT = 32 << 10


def main() -> None:
    """Read the options, run, print a table."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sessiontrack-hostile-") as folder:
        token = _token(Path(folder))
        with Server(Path(folder), workers=1) as server:
            (worker,) = _children(server.process.pid)
            dear = 0.0
            print("| call | empty, ms | the dearest body | ms | ratio | answer, bytes |")
            print("|---|---|---|---|---|---|")
            for method, path in CALLS:
                empty, _ = _cost(server, worker, method, path, b"{}", options.requests)
                costs = {
                    name: _cost(server, worker, method, path, body, options.requests)
                    for name, body in HOSTILE.items()
                }
                name = max(costs, key=lambda each: costs[each][0])
                size = max(each[1] for each in costs.values())
                ratio = costs[name][0] / empty
                dear = max(dear, ratio, MOST * size / LARGEST_REFUSAL)
                shown = f"{empty:.2f} | {name} | {costs[name][0]:.2f} | {ratio:.1f} | {size}"
                print(f"| {method} {path} | {shown} |")
            before = held_by(server.process.pid).pss
            long = filled(lambda number: f'"{number}":0', size=LARGE.length)
            for _ in range(SCANS):
                server.call("POST", "/presence/scans", long, token)
            kept = held_by(server.process.pid).pss - before
            print(f"\nAfter {SCANS} refused scans of 16 MiB: {kept / 1024:.1f} MiB more.")
    sys.exit(dear > MOST or kept > MOST_KEPT)


def _token(folder: Path) -> str:
    app = create_app({"INSTANCE": folder, "ADMIN_PASSWORD": "a password for this run"})
    prepare(app)
    with app.app_context():
        with write_transaction() as tx:
            secret = api_tokens.issue_token(tx, now(), "admin", "hostile", None).secret
        db.engine.dispose()
    return secret


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cost(
    server: Server, worker: int, method: str, path: str, body: bytes, requests: int
) -> tuple[float, int]:
    """The milliseconds of CPU per request, and the size of its answer."""
    before = _cpu(worker)
    for _ in range(requests):
        answer = server.call(method, path, body)
    return (_cpu(worker) - before) * 1000 / requests, len(answer.raw)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
