"""Measure a move to PostgreSQL and back: `python -m benchmarks.moving --sessions 1000000`.

A database of that many device sessions, with their events and as many user sessions, moves from SQLite to a
private PostgreSQL server, back, and into another database of the server, each time with its own `sessiontrack
migrate-database`; prints the seconds and the peak memory (RSS) of each as a Markdown table.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.dataset import DATABASE, Shape, make_dataset
from benchmarks.history import measure
from tests.support.postgres import Cluster

# Settings of a server whose data must survive; shared memory as for a host of 4 GB or more.
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"}
SIZED = {"shared_buffers": "512MB"}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int)
    given = parser.parse_args()
    made = make_dataset(Shape.of(given.sessions, given.devices)) / DATABASE
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-moving-"))
    try:
        with Cluster(**SAFE, **SIZED) as cluster:
            for name in ("first", "second"):
                cluster.run("postgres", f"CREATE DATABASE {name}")
            first, second = cluster.url("first"), cluster.url("second")
            here, back = f"sqlite:///{made}", f"sqlite:///{folder / 'back.sqlite3'}"
            ways = {
                "SQLite to PostgreSQL": (here, first),
                "PostgreSQL to SQLite": (first, back),
                "PostgreSQL to PostgreSQL": (first, second),
                "SQLite to SQLite": (here, f"sqlite:///{folder / 'other.sqlite3'}"),
            }
            measured = {name: measure(folder, "migrate-database", *urls) for name, urls in ways.items()}
            ((size,),) = cluster.run("first", "SELECT pg_database_size('first')")
        sizes = f"SQLite {made.stat().st_size >> 20} MiB, PostgreSQL {size >> 20} MiB"
    finally:
        shutil.rmtree(folder)
    print(f"{given.sessions:,} device sessions; {sizes}\n")
    print("| from, to | seconds | peak MiB |\n|---|---|---|")
    for name, (seconds, peak) in measured.items():
        print(f"| {name} | {seconds:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
