"""Measure the same calls on SQLite and on PostgreSQL: `python -m benchmarks.growing`.

One history of that many device sessions; a server of the application on each database, called in turns. Then
the oldest month of events is pruned. Prints tables in Markdown.
"""

import argparse
import os
import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.calls import Call, Calls
from benchmarks.dataset import DAY, Shape
from benchmarks.history import measure
from benchmarks.load import Measured, burst
from benchmarks.moving import SAFE, SIZED
from benchmarks.servers import Running, prepare, serve
from tests.support.postgres import Cluster

NAMES = (
    "list: device, 30 days",
    "list: first page",
    "device, 7 days",
    "calendar, recent week",
    "calendar, old week",
    "events: all",
    "events: search",
    "totals",
    "keepalive",
    "create",
)
SQLITE, POSTGRESQL = "sqlite", "postgresql"
ROUNDS = 3


def make_databases(cluster: Cluster, folder: Path) -> None:
    """Copy the history of the SQLite folder to PostgreSQL."""
    (folder / POSTGRESQL).mkdir()
    cluster.run("postgres", f"CREATE DATABASE {POSTGRESQL}")
    file = folder / SQLITE / "sessiontrack.sqlite3"
    measure(folder / SQLITE, "migrate-database", f"sqlite:///{file}", cluster.url(POSTGRESQL))
    cluster.run(POSTGRESQL, "VACUUM (ANALYZE)")


def ask(call: Call, servers: dict[str, Running], clients: int, seconds: float, first: int) -> dict[str, Any]:
    """Measure in rounds, so that other load on the machine affects all of them alike."""
    found = {name: Measured() for name in servers}
    for number in range(ROUNDS):
        for name, server in servers.items():
            told = first + number

            def requests(client: int, told: int = told) -> Any:
                return call.requests("", client, told)

            found[name].add(burst(server.port, clients, seconds / ROUNDS, requests))
    return {name: each.summary() for name, each in found.items()}


def prune_a_month(cluster: Cluster, folder: Path, shape: Shape) -> str:
    """Prune the oldest whole month of events with the command; return a row of the table."""
    began = datetime.fromtimestamp(shape.first_day, UTC)
    month = datetime(began.year + (began.month + 1) // 12, (began.month + 1) % 12 + 1, 1, tzinfo=UTC)
    days = int((datetime.now(UTC) - month).total_seconds() // DAY)
    os.environ["SESSIONTRACK_DATABASE_URL"] = cluster.url(POSTGRESQL)
    os.environ["SESSIONTRACK_RETENTION_EVENTS"] = f"{days} days"
    ((before,),) = cluster.run(POSTGRESQL, "SELECT count(*) FROM event")
    seconds, _ = measure(folder / POSTGRESQL, "prune")
    ((after,),) = cluster.run(POSTGRESQL, "SELECT count(*) FROM event")
    return f"| {before - after:,} | {seconds:.1f} |"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure, in three rounds")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    chosen = parser.parse_args()
    shape = Shape.of(chosen.sessions)
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-growing-"))
    lines = []
    try:
        with Cluster(**SAFE, **SIZED) as cluster:
            tokens = prepare(shape, folder / SQLITE)
            make_databases(cluster, folder)
            with ExitStack() as stack:
                url = {"DATABASE_URL": cluster.url(POSTGRESQL)}
                servers = {
                    SQLITE: serve(stack, "app", folder / SQLITE, 4, 8),
                    POSTGRESQL: serve(stack, "app", folder / POSTGRESQL, 4, 8, **url),
                }
                for place, call in enumerate(Calls(shape, tokens).all()):
                    if call.name not in NAMES:
                        continue
                    for turn, clients in enumerate(chosen.clients):
                        first = (
                            1 + (2 * place + turn) * ROUNDS if call.name != "create" else 1 + turn * ROUNDS
                        )
                        found = ask(call, servers, clients, chosen.seconds, first)
                        cells = (
                            f"{each['per_second']:.0f} ({each['p50']:.1f} / {each['p99']:.1f})"
                            for each in found.values()
                        )
                        lines.append(f"| {call.name} | {clients} | {' | '.join(cells)} |")
                        print(lines[-1], flush=True)
            pruned = prune_a_month(cluster, folder, shape)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{chosen.sessions:,} sessions over {shape.days} days, requests/s (p50 / p99 ms):\n")
    print(f"| call | clients | {SQLITE} | {POSTGRESQL} |\n|---|---|---|---|")
    print("\n".join(lines))
    print("\n| events of a month pruned | seconds |\n|---|---|")
    print(pruned)


if __name__ == "__main__":
    main()
