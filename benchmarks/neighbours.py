"""Measure how large reads delay pings: `python -m benchmarks.neighbours`.

Sixteen clients ping at a steady rate; meanwhile two others request calendars of 31 days, one after another.
"""

import argparse
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection as Pipe

from benchmarks.calls import Calls
from benchmarks.dataset import DATA, DAY, Shape
from benchmarks.load import Client, Measured, Requests, burst
from benchmarks.servers import Running, prepare, serve

PEOPLE = 16
PAUSE_SECONDS = 0.1
READERS = 2
DAYS = 31


def _ping(pipe: Pipe, port: int, requests: Iterator[bytes], first: float, seconds: float) -> None:
    client = Client(port, requests)
    took = []
    due = first
    while due < first + seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        client.ask()
        while not client.is_answered():
            pass
        took.append(time.perf_counter() - client.asked_at)
        due = max(due + PAUSE_SECONDS, time.perf_counter())
    pipe.send(took)


def steady(port: int, seconds: float, requests: Requests) -> Measured:
    """The latencies of clients that ping every 100 ms, however slow the server is."""
    fork = multiprocessing.get_context("fork")
    first = time.perf_counter() + 0.2
    running = []
    for number in range(PEOPLE):
        ours, theirs = fork.Pipe(duplex=False)
        begin = first + PAUSE_SECONDS * number / PEOPLE
        process = fork.Process(target=_ping, args=(theirs, port, requests(number), begin, seconds))
        process.start()
        theirs.close()
        running.append((process, ours))
    measured = Measured(seconds=seconds)
    for process, pipe in running:
        measured.latencies += pipe.recv()
        process.join()
    return measured


def beside(server: Running, calls: Calls, seconds: float, readers: int) -> tuple[Measured, Measured]:
    """Run the pings, with the reads beside them."""
    reading = Measured(seconds=seconds)
    if not readers:
        return steady(server.port, seconds, calls.pings), reading
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)

    def read() -> None:
        theirs.send(burst(server.port, readers, seconds + 1, calls.calendars_of(DAYS)))

    process = fork.Process(target=read)
    process.start()
    time.sleep(0.5)
    pings = steady(server.port, seconds, calls.pings)
    reading = ours.recv()
    process.join()
    return pings, reading


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    chosen = parser.parse_args()
    shape = Shape.of(chosen.sessions)
    folder = DATA / f"neighbours-{os.getpid()}"
    try:
        with ExitStack() as stack:
            tokens = prepare(shape, folder)
            server = serve(stack, "app", folder, chosen.workers, chosen.threads)
            calls = Calls(shape, tokens)
            alone, crowded, read = Measured(), Measured(), Measured()
            for _ in range(chosen.rounds):
                alone.add(beside(server, calls, chosen.seconds, 0)[0])
                pings, reads = beside(server, calls, chosen.seconds, READERS)
                crowded.add(pings)
                read.add(reads)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{shape.sessions:,} sessions; {PEOPLE} people ping every {PAUSE_SECONDS * 1000:.0f} ms;")
    print(f"{READERS} clients ask for {DAYS} days ({DAYS * DAY:,} s) one after another: ", end="")
    print(f"{len(read.latencies)} answers, p50 {read.percentile_ms(50):.0f} ms\n")
    print("| pings | p50 | p95 | p99 | worst |\n|---|---|---|---|---|")
    for name, found in (("alone", alone), ("beside them", crowded)):
        shown = " | ".join(f"{found.percentile_ms(n):.1f}" for n in (50, 95, 99, 100))
        print(f"| {name} | {shown} |")
    print(f"| ratio | | | {crowded.percentile_ms(99) / alone.percentile_ms(99):.1f} | |")


if __name__ == "__main__":
    main()
