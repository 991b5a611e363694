"""Measure a start: `python -m benchmarks.start`.

The time from the program's start to its first answer, in turns with a minimal program: a Flask application of
one function, behind gunicorn with as many workers and threads.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sessiontrack.cli.serve import answers
from tests.support.server import environment, free_port
from tests.support.waiting import SECONDS

HELLO = """
from flask import Flask

app = Flask(__name__)


@app.get("/healthz")
def healthz():
    return {}
"""
PAUSE_SECONDS = 0.002


def seconds_to_answer(command: list[str], folder: Path, variables: Mapping[str, str]) -> float:
    """The time until it answers on the port that replaces PORT."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *(each.replace("PORT", str(port)) for each in command)],
        cwd=folder,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(socket.AF_INET, ("127.0.0.1", port), 1):
            if process.poll() is not None or time.perf_counter() > began + SECONDS:
                raise SystemExit(f"This does not start: {command}")
            time.sleep(PAUSE_SECONDS)
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    took: dict[str, list[float]] = {"hello-world": [], "sessiontrack": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello.py").write_text(HELLO)
        workers = ["--workers", str(chosen.workers)]
        hello = ["-m", "gunicorn", "--preload", "--worker-class", "gthread", "--threads", "8", *workers]
        hello += ["--bind", "127.0.0.1:PORT", "hello:app"]
        serve = ["-c", "from sessiontrack.cli import main; main()", "serve", "--port", "PORT", *workers]
        variables = environment(folder / "instance")
        # The first start creates the database.
        seconds_to_answer(serve, folder, variables)
        for _ in range(chosen.rounds):
            took["hello-world"].append(seconds_to_answer(hello, folder, variables))
            took["sessiontrack"].append(seconds_to_answer(serve, folder, variables))
    for each, seconds in took.items():
        print(f"{each}: {statistics.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})")
    ratio = statistics.median(took["sessiontrack"]) / statistics.median(took["hello-world"])
    print(f"{ratio:.2f} times")


if __name__ == "__main__":
    main()
