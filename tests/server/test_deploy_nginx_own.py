"""What nginx answers itself: its log, and port 80's folder for certificate authorities."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.nginx import Nginx
from tests.support.receiver import Receiver
from tests.support.server import free_port
from tests.support.waiting import SECONDS, wait_until

SYSLOG = "syslog:server=unix:/dev/log,tag=sessiontrack_nginx,nohostname"


class LoggingNginx(Nginx):
    """nginx with its log in a file, where a system has it in its journal."""

    def __init__(self, folder: Path, upstream_port: int, **replaced: str) -> None:
        super().__init__(folder, upstream_port)
        for name in ("http", "locations", "site"):
            path = folder / f"{name}.conf"
            text = path.read_text()
            for old, new in ((SYSLOG, f"{folder}/own.log"), *replaced.items()):
                text = text.replace(old, new)
            path.write_text(text)

    def logged(self) -> list[dict[str, Any]]:
        path = self.folder / "own.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def line(self, **values: object) -> dict[str, Any]:
        """The line with these values; nginx writes it once it has answered."""
        found = wait_until(
            lambda: [each for each in self.logged() if values.items() <= each.items()],
            f"a line with {values}",
        )
        return found[-1]

    def send(self, *head: str) -> bytes:
        """The first line of the answer to a request that has only these lines."""
        context = ssl.create_default_context(cafile=str(self.folder / "certificate"))
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        with closing(context.wrap_socket(plain, server_hostname=self.host)) as connection:
            connection.sendall("\r\n".join((*head, f"Host: {self.host}", "", "")).encode())
            return connection.recv(4096).partition(b"\r\n")[0]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[LoggingNginx]:
    """Without a server behind it; a slow machine is refused by its limit on logins too."""
    with LoggingNginx(tmp_path / "nginx", free_port(), **{"rate=1r/s": "rate=1r/m"}) as nginx:
        yield nginx


def test_what_nginx_refuses_is_in_its_log(alone: LoggingNginx) -> None:
    assert b" 413 " in alone.send("POST /presence/scans?secret=x HTTP/1.1", "Content-Length: 16777217")
    assert alone.line(status=413)["path"] == "/presence/scans"
    assert b" 405 " in alone.send("TRACE /healthz HTTP/1.1")
    assert alone.line(status=405, method="TRACE")["path"] == "/healthz"
    answers = [alone.call("POST", "/auth/login", {"username": "x", "password": "x"}) for _ in range(40)]
    refused = [each for each in answers if each.status == 429]
    assert refused, "ten in a burst, then one a minute"
    assert alone.line(status=429)["path"] == "/auth/login"
    for each in answers:
        assert alone.line(id=each.headers["X-Request-Id"])["status"] == each.status


def test_a_server_that_is_away_or_silent_is_in_its_log(alone: LoggingNginx, tmp_path: Path) -> None:
    answer = alone.call("GET", "/devices?search=secret")
    assert answer.status == 502
    line = alone.line(id=answer.headers["X-Request-Id"])
    assert (line["status"], line["path"], line["address"]) == (502, "/devices", "127.0.0.1")
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        LoggingNginx(
            tmp_path / "silent",
            silent.getsockname()[1],
            **{"proxy_read_timeout 60s": "proxy_read_timeout 100ms"},
        ) as nginx,
    ):
        answer = nginx.call("GET", "/healthz")
        assert (answer.status, nginx.line(id=answer.headers["X-Request-Id"])["status"]) == (504, 504)


def test_what_the_server_answers_is_in_the_servers_log_alone(tmp_path: Path) -> None:
    with Receiver() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        with LoggingNginx(tmp_path / "nginx", port) as nginx:
            assert nginx.call("POST", "/x", {}).status == 204
            assert b" 405 " in nginx.send("TRACE /healthz HTTP/1.1")
            nginx.line(status=405)
            assert [each for each in nginx.logged() if each["path"] == "/x"] == []


def test_port_80_lets_a_certificate_authority_look(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    for each in (tmp_path, *(tmp_path / "acme").rglob("*")):
        each.chmod(0o755)
    with LoggingNginx(tmp_path / "nginx", free_port(), **{"/var/www/acme": f"{tmp_path}/acme"}) as nginx:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=SECONDS)
        with closing(connection):
            connection.request("GET", "/.well-known/acme-challenge/token", headers={"Host": nginx.host})
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"proof")
            connection.request("GET", "/.well-known/acme-challenge/none", headers={"Host": nginx.host})
            response = connection.getresponse()
            response.read()
            assert response.status == 404
