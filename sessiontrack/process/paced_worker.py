"""gunicorn's threaded worker, which waits for no client for long: a request has to arrive at a least speed.

Without nginx before it, eight clients that send a byte now and then would hold all threads of a worker.
"""

import select
import time
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

# What a client has at first, head and all; each KiB that has arrived gives it one second more.
GRACE_SECONDS = 10.0
LEAST_BYTES_A_SECOND = 1024


class PacedSocket:
    """Reads from a socket; ends where the other side is too slow, as if that had closed it."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self.has_ended = False
        self._deadline: float | None = None

    def begin(self) -> None:
        """The next bytes are those of another request; gunicorn waits for the first of them by itself."""
        self._deadline = None

    def recv(self, size: int) -> bytes:
        """What has arrived; nothing once it is over."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + GRACE_SECONDS
        # What is there already is taken, however late: then it is this side that is slow.
        if self.has_ended or not self._is_readable(max(0.0, self._deadline - now)):
            self.has_ended = True
            return b""
        received: bytes = self._socket.recv(size)
        self._deadline += len(received) / LEAST_BYTES_A_SECOND
        return received

    def _is_readable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class PacedWorker(ThreadWorker):
    """The worker."""

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at SIGINT and SIGQUIT as at SIGTERM.

        gunicorn's own way takes the thread pool's lock in the handler of the signal. Where the main thread
        was just handing a connection to the pool, it waits for itself until it is killed.
        """
        self.handle_exit(sig, frame)

    def handle(self, conn: TConn) -> Any:
        """A request of a connection, in a thread of its own."""
        if conn.parser is None:
            conn.parser = RequestParser(conn.cfg, PacedSocket(conn.sock), conn.client)
        parser: Any = conn.parser
        paced: PacedSocket = parser.unreader.sock
        paced.begin()
        result = super().handle(conn)
        # What is read after that is the rest of a body.
        return False if paced.has_ended else result
