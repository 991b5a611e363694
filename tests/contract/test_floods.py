"""Floods, slow clients and bodies meant to hurt are refused, through nginx too; others are served."""

import base64
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from sessiontrack.http.json_body import LARGE
from tests.contract.test_malformed_http import GET, POST
from tests.support.application import LiveServer
from tests.support.nginx import PlainNginx
from tests.support.refusals import refused
from tests.support.server import Answer, Server, call
from tests.support.waiting import SECONDS, join

WAYS = ("direct", "nginx")
SLOW_CLIENTS = 200


@pytest.fixture(scope="module")
def front(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainNginx]:
    with PlainNginx(tmp_path_factory.mktemp("front") / "nginx", live.server.port, seconds=SECONDS) as nginx:
        yield nginx


@pytest.fixture(scope="module")
def impatient(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainNginx]:
    """One that waits for slow clients no longer than a test can."""
    with PlainNginx(tmp_path_factory.mktemp("impatient") / "nginx", live.server.port, seconds=4) as nginx:
        yield nginx


@pytest.fixture(params=WAYS)
def port(request: pytest.FixtureRequest, live: LiveServer, front: PlainNginx) -> int:
    """Where to send it."""
    return live.server.port if request.param == "direct" else front.port


def status_of(port: int, raw: bytes) -> int:
    """The status of the first answer; 0 where the connection was just closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        received = b""
        with suppress(ConnectionResetError):
            while b"\r\n" not in received and (piece := connection.recv(65_536)):
                received += piece
    return int(received.split()[1]) if received else 0


class Others:
    """Somebody else, who asks all the time."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._ended = threading.Event()
        self.answers: list[Answer] = []

    def __enter__(self) -> "Others":
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def _ask(self) -> None:
        while not self._ended.is_set():
            self.answers.append(call(self._port, "GET", "/auth/me", token=self._token))
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        join(self._thread)
        assert self.answers
        assert {answer.status for answer in self.answers} == {200}


def deep(opening: bytes, closing_: bytes) -> bytes:
    return opening * 1_000_000 + closing_ * 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 1_000_000, id="lists"),
        pytest.param(b'{"a":' * 1_000_000, id="objects"),
        pytest.param(deep(b"[", b"]"), id="lists, closed"),
        pytest.param(b'{"mac":' + deep(b"[", b"]") + b"}", id="lists in a field"),
        pytest.param(deep(b'{"a":', b"}")[:-1_000_000] + b"1" + b"}" * 1_000_000, id="objects, closed"),
    ],
)
@pytest.mark.parametrize(("path", "status"), [("/presence/scans", 400), ("/auth/login", 413)])
def test_contract_2_a_million_levels_of_json_are_refused(
    live: LiveServer, port: int, path: str, status: int, body: bytes
) -> None:
    with Others(port, live.tokens["viewer"]):
        code = "payload_too_large" if status == 413 else None
        refused(call(port, "POST", path, body, live.tokens["operator"]), status, code)


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("size", [LARGE.length, LARGE.length + 1])
def test_contract_2_many_large_bodies_at_once(
    live: LiveServer, port: int, size: int, in_chunks: bool
) -> None:
    content = b'{"x": "' + b"a" * (size - 9) + b'"}'
    body: Any = iter([content[: size // 2], content[size // 2 :]]) if in_chunks else content
    expected = 413 if size > LARGE.length else 400

    def send(_: int) -> Answer:
        sent = iter([content[: size // 2], content[size // 2 :]]) if in_chunks else body
        return post(port, sent, live.tokens["operator"])

    with Others(port, live.tokens["viewer"]), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    for answer in answers:
        refused(answer, expected, "payload_too_large" if expected == 413 else None)


def post(port: int, body: Any, token: str) -> Answer:
    """With Content-Length, or in chunks where the body is an iterator; the answer may come before its end."""
    head = POST.replace(b"/auth/login", b"/presence/scans") + f"Authorization: Bearer {token}\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            if isinstance(body, bytes):
                connection.sendall(
                    head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                )
            else:
                connection.sendall(head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
                for piece in body:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                connection.sendall(b"0\r\n\r\n")
        received = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                received += piece
    answered, _, content = received.partition(b"\r\n\r\n")
    start = content.find(b"{")
    return Answer(int(answered.split()[1]), live_headers(answered), content[start : content.rfind(b"}") + 1])


def live_headers(head: bytes) -> Any:
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name: value for name, _, value in lines}


@pytest.mark.parametrize(
    ("raw", "statuses"),
    [
        pytest.param(GET + b"X-A: " + b"a" * 65_536 + b"\r\n\r\n", {400, 431}, id="64 KB header"),
        pytest.param(
            GET + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n", {400, 431}, id="5,000 headers"
        ),
        pytest.param(GET + b"Cookie: " + b"a=b; " * 20_000 + b"\r\n\r\n", {400, 431}, id="20,000 cookies"),
        pytest.param(
            b"GET /healthz?" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}, id="64 KB address"
        ),
        pytest.param(GET + b"A: b\r\n" * 200_000, {400, 431}, id="headers without an end"),
    ],
)
def test_header_floods_are_refused_and_others_are_served(
    live: LiveServer, port: int, raw: bytes, statuses: set[int]
) -> None:
    with Others(port, live.tokens["viewer"]), ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: status_of(port, raw), range(32)))
    assert found - {0} <= statuses
    assert found != {0}


def test_an_address_of_8_kb_is_read_or_refused(live: LiveServer, port: int) -> None:
    for length in (3000, 8192):
        raw = b"GET /healthz?" + b"a" * length + b" HTTP/1.1\r\nHost: a\r\n\r\n"
        # An unknown parameter; or longer than the server reads.
        assert status_of(port, raw) in (400, 414)


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /hea", id="half a line"),
        pytest.param(GET + b"X-Slow: a", id="half a head"),
        pytest.param(POST + b"Content-Length: 1000\r\n\r\n{", id="half a body"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", id="half a chunk"),
    ],
)
def test_slow_clients_keep_nobody_waiting_behind_nginx(
    live: LiveServer, impatient: PlainNginx, beginning: bytes
) -> None:
    with ExitStack() as held:
        slow = [
            held.enter_context(
                closing(socket.create_connection(("127.0.0.1", impatient.port), timeout=SECONDS))
            )
            for _ in range(SLOW_CLIENTS)
        ]
        for connection in slow:
            connection.sendall(beginning)
        with Others(impatient.port, live.tokens["viewer"]), Others(live.server.port, live.tokens["viewer"]):
            # A byte now and then, as slowloris does; nginx gives up on them by itself.
            for _ in range(3):
                time.sleep(0.5)
                for connection in slow:
                    with suppress(OSError):
                        connection.sendall(b"a")
        for connection in slow[:20]:
            connection.settimeout(SECONDS)
            ended = b"?"
            with suppress(ConnectionResetError):
                while ended:
                    ended = connection.recv(65_536)


def test_a_request_smuggled_past_nginx_is_not_answered(live: LiveServer, front: PlainNginx) -> None:
    inner = b"GET /auth/me HTTP/1.1\r\nHost: a\r\n\r\n"
    for framing in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(inner)),
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
    ):
        for port in (front.port, live.server.port):
            assert status_of(port, POST + framing + inner) in (400, 401, 501)
        assert front.call("GET", "/auth/me", token=live.tokens["viewer"]).status == 200


# --- login by nginx


@pytest.fixture(scope="module")
def authenticating(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlainNginx]:
    """nginx asks for a password, and tells who it was."""
    tmp_path = tmp_path_factory.mktemp("authenticating")
    folder = tmp_path / "instance"
    shutil.copytree(template[0], folder)
    users = tmp_path / "users"
    users.write_text("anna:{PLAIN}anna's password\n")
    more = f"""
        auth_basic "sessiontrack";
        auth_basic_user_file {users};
        proxy_set_header X-Remote-User $remote_user;
    """
    settings = {"AUTH_PROXY_HEADER": "X-Remote-User", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(folder, workers=1, **settings) as server:
        open_health = f"}} location = /healthz {{ proxy_pass http://127.0.0.1:{server.port};"
        with PlainNginx(tmp_path / "nginx", server.port, more=more + open_health) as nginx:
            yield nginx


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_whom_a_real_nginx_authenticates_is_signed_in(authenticating: PlainNginx) -> None:
    anna = basic("anna", "anna's password")
    expected = {"username": "anna", "role": "viewer", "kind": "proxy"}
    assert authenticating.call("GET", "/auth/me", **anna).json == expected
    for forged in (
        {"X-Remote-User": "admin"},
        {"x-remote-user": "admin"},
        {"X_Remote_User": "admin"},
        {"X-Remote-User": ""},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Connection": "X-Remote-User"},
    ):
        assert authenticating.call("GET", "/auth/me", **anna, **forged).json == expected
    assert authenticating.call("POST", "/api/v2/sessionstart", **anna).status == 403
    started = authenticating.call("POST", "/api/v2/sessionstart", **anna, **{"X-CSRF-TOKEN": "1"})
    assert json.loads(started.raw) == {"description": "Session Start"}


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("admin", "correct horse"), ("", "")])
def test_whom_it_does_not_know_does_not_come_through(
    authenticating: PlainNginx, name: str, password: str
) -> None:
    forged = {"X-Remote-User": "admin"}
    assert authenticating.call("GET", "/auth/me", **basic(name, password), **forged).status == 401
    assert authenticating.call("GET", "/auth/me", **forged).status == 401
