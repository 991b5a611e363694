"""The load: clients that each wait for an answer before the next request, on persistent connections.

A process drives its connections with one selector on raw sockets, so that the clients use as little as
possible of the cores that they share with the servers.
"""

import multiprocessing
import selectors
import socket
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe

MOST_REQUESTS = 1_000_000  # of one client in one burst
ANSWER_SECONDS = 30
LEAD_SECONDS = 0.1
# Returns the endless requests of a client, by its number.
Requests = Callable[[int], Iterator[bytes]]


@dataclass
class Measured:
    """The result of one or more bursts: latencies in seconds, and the duration of the bursts in seconds."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Measured") -> None:
        self.latencies += other.latencies
        self.seconds += other.seconds

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def summary(self) -> dict[str, float]:
        """Requests per second and milliseconds."""
        return {"per_second": self.per_second} | {f"p{n}": self.percentile_ms(n) for n in (50, 95, 99)}

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Client:
    """A client that sends requests and reads the answers as they arrive."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._received = bytearray()
        self._expected = 0
        self.asked_at = 0.0

    def ask(self) -> None:
        """Send the next request."""
        self._received.clear()
        self._expected = 0
        request = next(self._requests)
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read what has arrived; return whether the answer is complete.

        Raises:
            RuntimeError: the status is not 200, or the connection was closed.
        """
        received = self._received
        piece = self.socket.recv(1 << 18)
        received += piece
        if not piece or (len(received) >= 12 and received[9:12] != b"200"):
            raise RuntimeError(f"Not a good answer: {bytes(received[:2000])!r}")
        if not self._expected:
            head = received.find(b"\r\n\r\n")
            if head < 0:
                return False
            at = received.find(b"Content-Length: ", 0, head)
            # -1: chunked; compact JSON never contains the end of a chunked body.
            self._expected = -1
            if at >= 0:
                self._expected = head + 4 + int(received[at + 16 : received.find(b"\r", at)])
        if self._expected < 0:
            return received.endswith(b"\r\n0\r\n\r\n")
        return len(received) >= self._expected


def burst(port: int, clients: int, seconds: float, requests: Requests) -> Measured:
    """Run that many clients for that long, in at most four processes.

    Raises:
        RuntimeError: the status of an answer was not 200.
    """
    processes = min(4, clients)
    begin = time.perf_counter() + LEAD_SECONDS
    fork = multiprocessing.get_context("fork")
    running = []
    for number in range(processes):
        ours, theirs = fork.Pipe(duplex=False)
        mine = range(number, clients, processes)
        process = fork.Process(target=_drive, args=(theirs, port, mine, requests, begin, begin + seconds))
        process.start()
        theirs.close()
        running.append((process, ours))
    measured = Measured(seconds=seconds)
    failures = []
    for process, pipe in running:
        told = pipe.recv() if pipe.poll(seconds + ANSWER_SECONDS + 5) else "A client hangs."
        if isinstance(told, str):
            failures.append(told)
        else:
            measured.latencies += told
        process.join(1)
        if process.is_alive():
            process.kill()
    if failures:
        raise RuntimeError(failures[0])
    return measured


def _drive(pipe: Pipe, port: int, numbers: range, requests: Requests, begin: float, end: float) -> None:
    try:
        clients = [Client(port, requests(number)) for number in numbers]
        pipe.send(_measure(clients, begin, end))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def _measure(clients: list[Client], begin: float, end: float) -> "array[float]":
    latencies = array("d")
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    time.sleep(max(0.0, begin - time.perf_counter()))
    for client in clients:
        client.ask()
    busy = len(clients)
    while busy:
        ready = selector.select(ANSWER_SECONDS)
        if not ready:
            raise RuntimeError(f"No answer within {ANSWER_SECONDS} s")
        for key, _ in ready:
            client = key.data
            if not client.is_answered():
                continue
            now = time.perf_counter()
            # Includes an answer after the end to a request before it: a slow call has no other.
            latencies.append(now - client.asked_at)
            if now >= end or len(latencies) >= MOST_REQUESTS:
                busy -= 1
                selector.unregister(client.socket)
                client.socket.close()
            else:
                client.ask()
    return latencies
