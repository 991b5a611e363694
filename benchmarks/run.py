"""Measure every call beside its floor: `python -m benchmarks.run --sessions 100000`."""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.calls import Call, Calls
from benchmarks.dataset import DATA, DATABASE, Shape
from benchmarks.load import Measured, burst
from benchmarks.servers import Running, answer_of, prepare, serve
from benchmarks.table import table

CLIENTS = (1, 4, 16)
ROUNDS = 3
EQUAL = 5  # requests of each call, of which application and floors must answer the same


@dataclass(frozen=True)
class Servers:
    """The application and its floor, on the same file."""

    app: Running
    floor: Running

    def of(self, prefix: str) -> Running:
        return self.floor if prefix else self.app


def require_equal_answers(call: Call, servers: Servers) -> None:
    """Check that all give the same answers: a floor that does less proves nothing.

    Raises:
        SystemExit: the answers differ.
    """
    prefixes = ("", *call.floors)
    for asked in islice(zip(*(call.requests(prefix, 0, 0) for prefix in prefixes), strict=True), EQUAL):
        for floor, prefix in zip(asked[1:], call.floors, strict=True):
            mine, its = answer_of(servers.app, asked[0]), answer_of(servers.of(prefix), floor)
            if _timeless(mine) != _timeless(its):
                raise SystemExit(f"Application and floor {prefix} differ: {asked[0].decode()}")


def _timeless(body: Any) -> Any:
    """Drop the durations of open sessions, which change every second."""
    if isinstance(body, list):
        return [_timeless(each) for each in body]
    if not isinstance(body, dict):
        return body
    is_open = body.get("ses_StillConnected") or body.get("still_connected") or body.get("color") == "#0073b7"
    return {
        name: _timeless(value)
        for name, value in body.items()
        if not (is_open and ("duration" in name.lower() or name == "end"))
    }


def measure(call: Call, servers: Servers, clients: int, seconds: float, first: int) -> dict[str, Any]:
    """Measure in rounds, so that other load on this machine affects application and floors alike."""
    prefixes = ("", *call.floors)
    found = {prefix: Measured() for prefix in prefixes}
    for number in range(ROUNDS):
        for place, prefix in enumerate(prefixes):
            told = first + number * len(prefixes) + place
            port = servers.of(prefix).port

            def requests(client: int, prefix: str = prefix, told: int = told) -> Any:
                return call.requests(prefix, client, told)

            found[prefix].add(burst(port, clients, seconds / ROUNDS, requests))
    return {prefix.strip("/") or "app": measured.summary() for prefix, measured in found.items()}


def measure_size(sessions: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """All calls for a history of that many device sessions."""
    shape = Shape.of(sessions)
    folder = DATA / f"run-{os.getpid()}"
    try:
        with ExitStack() as stack:
            tokens = prepare(shape, folder)
            servers = Servers(
                serve(stack, "app", folder, chosen.workers, chosen.threads),
                serve(stack, "floor", folder, chosen.workers, chosen.threads),
            )
            rows: list[dict[str, Any]] = []
            for call in Calls(shape, tokens).all():
                if not any(name in call.name for name in chosen.only.split(",")):
                    continue
                if call.is_read:
                    require_equal_answers(call, servers)
                first = next(call.requests("", 0, 0))
                size = len(servers.app.fetch(first)[0]) if call.name != "create" else 0
                for clients in chosen.clients:
                    found = measure(call, servers, clients, chosen.seconds, first=1 + len(rows) * 100)
                    rows.append({"call": call.name, "clients": clients, "bytes": size, **found})
                print(f"{sessions:>9,}  {call.name}", file=sys.stderr, flush=True)
            memory = {each.name: each.memory_kib() for each in (servers.app, servers.floor)}
            size = (folder / DATABASE).stat().st_size >> 20
        made_of = {"devices": shape.devices, "days": shape.days, "user_sessions": shape.user_sessions}
        return {"sessions": sessions, **made_of, "database_mib": size, "rows": rows, "memory_kib": memory}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> dict[str, Any]:
    """The machine of the measurement."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "command": f"python -m {__spec__.name} {' '.join(sys.argv[1:])}",
    }


def _numbers(text: str) -> list[int]:
    return [int(float(each)) for each in text.split(",")]


def main() -> None:
    """Measure the application beside its floors, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=_numbers, default=[100_000], help="sizes, like 1e4,1e5,1e6,1e7")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure, in three rounds")
    parser.add_argument("--clients", type=_numbers, default=list(CLIENTS), help="like 1,4,16")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--only", default="", help="calls whose name has one of these in it: list,create")
    parser.add_argument("--resume", type=Path, help="a file of results: sizes that it has are not measured")
    chosen = parser.parse_args()
    if chosen.resume and chosen.resume.exists():
        results = json.loads(chosen.resume.read_text())
    else:
        results = {"machine": machine(), "sizes": []}
    written = chosen.resume or DATA / f"results-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    began = time.monotonic()
    for sessions in chosen.sessions:
        if all(size["sessions"] != sessions for size in results["sizes"]):
            results["sizes"].append(measure_size(sessions, chosen))
            written.write_text(json.dumps(results, indent=1))
    print(table(results))
    print(f"\n{time.monotonic() - began:.0f} seconds; the figures are in {written}")


if __name__ == "__main__":
    main()
