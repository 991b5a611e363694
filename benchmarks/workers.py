"""Choose the kind and number of workers by measuring: `python -m benchmarks.workers`.

Sixteen clients request a device's month and ping, directly and through nginx; and while forty clients send
half a request and no more, another client sends one.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.calls import Calls
from benchmarks.dataset import DATA, Shape
from benchmarks.load import burst
from benchmarks.servers import prepare
from tests.support.nginx import PlainNginx
from tests.support.server import call, environment, free_port
from tests.support.waiting import SECONDS

CLIENTS = 16
SLOW_CLIENTS = 40
PATIENCE_SECONDS = 3
# Kind, workers, threads of each worker.
CHOICES = [
    ("sync", 4, 1),
    ("sync", 8, 1),
    ("gthread", 1, 8),
    ("gthread", 2, 8),
    ("gthread", 4, 4),
    ("gthread", 4, 8),
    ("gthread", 4, 16),
    ("gthread", 8, 8),
]


@contextmanager
def running(folder: Path, kind: str, workers: int, threads: int) -> Iterator[int]:
    """Start the application with gunicorn; return the port."""
    port = free_port()
    # The server's timeout for slow clients is longer than this benchmark waits.
    options = ["-k", kind, "-w", str(workers), "--threads", str(threads), "--preload", "-t", "60"]
    with (folder / "workers.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}", "wsgi:app"],
            env=environment(folder, SESSION_ALIVE_SECONDS="86400"),
            stdout=log,
            stderr=log,
        )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(40)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            call(port, "GET", "/healthz")
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("gunicorn does not start; see workers.log") from error
            time.sleep(0.05)


def beside_slow_clients(port: int) -> str:
    """The time of one request that comes after theirs."""
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        time.sleep(0.3)
        began = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as other:
                other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                other.settimeout(PATIENCE_SECONDS)
                if not other.recv(12):
                    return "closed"
        except TimeoutError:
            return f"not in {PATIENCE_SECONDS} s"
        return f"{(time.perf_counter() - began) * 1000:.0f} ms"


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    shape = Shape.of(chosen.sessions)
    folder = DATA / f"workers-{os.getpid()}"
    print("| workers | | list, requests/s | p99 ms | keepalive, requests/s | p99 ms | beside slow clients |")
    print("|---|---|---|---|---|---|---|")
    try:
        calls = Calls(shape, prepare(shape, folder))
        months, pings = calls.months, calls.pings
        for kind, workers, threads in CHOICES:
            with ExitStack() as stack:
                direct = stack.enter_context(running(folder, kind, workers, threads))
                place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "nginx"
                behind = stack.enter_context(PlainNginx(place, direct, seconds=60)).port
                for name, port in (("direct", direct), ("nginx", behind)):
                    shown = [f"{workers} x {threads} {kind}", name]
                    # A sync worker closes each connection after its answer; nginx keeps its clients'
                    # connections.
                    is_closed = kind == "sync" and name == "direct"
                    for requests in (months, pings):
                        if is_closed:
                            shown += ["-", "-"]
                            continue
                        found = burst(port, CLIENTS, chosen.seconds, requests).summary()
                        shown += [f"{found['per_second']:.0f}", f"{found['p99']:.1f}"]
                    print("| " + " | ".join([*shown, beside_slow_clients(port)]) + " |", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
