"""A receiver of webhooks: a real HTTP server that fails, hangs and recovers as the test says."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.waiting import SECONDS

Behaviour = Callable[["Handler"], None]


def answer(status: int, **headers: str) -> Behaviour:
    """Answer with this status."""

    def behave(handler: "Handler") -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def once(event: threading.Event, behave: Behaviour) -> Behaviour:
    """Behave like that once the event is set."""

    def wait(handler: "Handler") -> None:
        event.wait(SECONDS)
        behave(handler)

    return wait


def hang(handler: "Handler") -> None:
    """Send nothing until the sender hangs up."""
    handler.server.hanging.set()
    while handler.connection.recv(1000):
        pass
    handler.close_connection = True


def dribble(handler: "Handler") -> None:
    """Send one byte of an endless header every tenth of a second."""
    handler.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    try:
        while not handler.server.is_over.wait(0.1):
            handler.connection.sendall(b"x")
    except OSError:
        handler.server.hung_up.set()
    handler.close_connection = True


def flood(handler: "Handler") -> None:
    """Send an endless body."""
    handler.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    try:
        while not handler.server.is_over.is_set():
            handler.connection.sendall(b"x" * 65_536)
    except OSError:
        handler.server.hung_up.set()
    handler.close_connection = True


def drop(handler: "Handler") -> None:
    """Close the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def nonsense(handler: "Handler") -> None:
    """Send something that is not HTTP."""
    handler.connection.sendall(b"\x00\xff SMTP ready\r\n\r\n")
    handler.close_connection = True


@dataclass
class Received:
    """One received request."""

    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    server: "Receiver"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        behave = self.server.next_behaviour(Received(self.path, self.headers, body))
        behave(self)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Receiver(ThreadingHTTPServer):
    """Follows `script`, one entry per request, and then `otherwise`."""

    address: str = "127.0.0.1"
    script: list[Behaviour] = field(default_factory=list)
    otherwise: Behaviour = field(default_factory=lambda: answer(204))
    received: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    daemon_threads = True

    def __post_init__(self) -> None:
        self.connections = 0
        self.hanging, self.hung_up, self.is_over = threading.Event(), threading.Event(), threading.Event()
        self._lock = threading.Lock()
        super().__init__((self.address, 0), Handler)
        if self.tls is not None:
            self.socket = self.tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, *_: Any) -> None:
        """Ignore senders that hang up, which some tests provoke."""

    def next_behaviour(self, received: Received) -> Behaviour:
        with self._lock:
            self.received.append(received)
            return self.script.pop(0) if self.script else self.otherwise

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.server_port}/hook?key=in-the-url"

    def __enter__(self) -> "Receiver":
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


def _code_of_the_documentation() -> dict[str, Any]:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names


_is_authentic = _code_of_the_documentation()["is_authentic"]


def verify(received: Received, secret: str, now: int) -> bool:
    """Whether the documentation's example code accepts its signature."""
    found: bool = _is_authentic(received.headers, received.body, secret, now)
    return found
