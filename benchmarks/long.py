"""Measure an answer of a million rows: `python -m benchmarks.long --sessions 1e6`.

The time to its first and its last byte, and the workers' memory meanwhile.
"""

import argparse
import os
import shutil
import socket
import threading
import time
from contextlib import ExitStack

from benchmarks.calls import request
from benchmarks.dataset import DATA, Shape
from benchmarks.servers import Running, prepare, serve

PATH = "/sessions/list"


class Watch(threading.Thread):
    """The peak memory of any worker, PSS and RSS in KiB."""

    def __init__(self, server: Running) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._end = threading.Event()
        self.pss = self.rss = 0

    def run(self) -> None:
        while not self._end.wait(0.05):
            sizes = self._server.memory_kib()
            self.pss = max(self.pss, *sizes["pss"][1:])
            self.rss = max(self.rss, *sizes["rss"][1:])

    def stop(self) -> None:
        """Stop watching."""
        self._end.set()
        self.join()


def ask(server: Running, token: str) -> tuple[float, float, int]:
    """The seconds to the first and the last byte, and the number of bytes."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request("GET", PATH, token))
        size, first, end = len(connection.recv(1 << 16)), time.perf_counter() - began, b""
        while not end.endswith(b"\r\n0\r\n\r\n"):
            piece = connection.recv(1 << 18)
            size += len(piece)
            end = (end + piece)[-8:]
    return first, time.perf_counter() - began, size


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    folder = DATA / f"long-{os.getpid()}"
    try:
        with ExitStack() as stack:
            tokens = prepare(Shape.of(chosen.sessions), folder)
            server = serve(stack, "app", folder, 4, 8)
            watch = Watch(server)
            watch.start()
            found = [ask(server, tokens[0]) for _ in range(chosen.rounds)]
            watch.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    firsts, wholes = sorted(each[0] for each in found), sorted(each[1] for each in found)
    print(f"{PATH}: {chosen.sessions:,} rows, {found[0][2] / (1 << 20):.0f} MiB, {chosen.rounds} times")
    print(f"first byte: median {firsts[len(firsts) // 2] * 1000:.0f} ms, worst {firsts[-1] * 1000:.0f} ms")
    print(f"last byte: median {wholes[len(wholes) // 2]:.1f} s, worst {wholes[-1]:.1f} s")
    print(f"the largest worker: {watch.rss / 1024:.0f} MiB RSS, {watch.pss / 1024:.0f} MiB PSS")


if __name__ == "__main__":
    main()
