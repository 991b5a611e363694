"""A real nginx before a real server: with the files of `deploy/`, or with a minimal configuration."""

import http.client
import json
import os
import pwd
import ssl
import subprocess
from pathlib import Path
from typing import Any, Self

from sessiontrack.deployment.files import Choices, render
from sessiontrack.http.errors import status_body
from tests.support.server import Answer, call, free_port
from tests.support.waiting import SECONDS, wait_until

PROGRAM = "/usr/sbin/nginx"
MAIN = """
daemon off;
# Its workers read and write below the test's folder; where it is not started by root, this says nothing.
user {user};
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {content}
}}
"""
# Buffers requests and answers, as nginx does by default.
PLAIN = """
client_header_timeout {seconds}s;
client_body_timeout {seconds}s;
# The server's own limit: what is longer must not get as far, where an early answer can be lost.
client_max_body_size 16m;
upstream sessiontrack {{ server 127.0.0.1:{server_port}; keepalive 8; }}
server {{
    listen 127.0.0.1:{port};
    error_page 413 = @too_large;
    location @too_large {{
        default_type application/json;
        return 413 '{too_large}';
    }}
    location / {{
        proxy_pass http://sessiontrack;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        {more}
    }}
}}
"""
# An existing site that gives sessiontrack a part of its paths.
SHARED_SITE = """
server {{
    listen 127.0.0.1:{port} ssl;
    server_name shared.example;
    ssl_certificate {folder}/certificate;
    ssl_certificate_key {folder}/key;
    location / {{ return 200 "another site\\n"; }}
    include {folder}/locations.conf;
}}
"""


class ConfiguredNginx:
    """A running nginx, as a context manager that stops it."""

    port: int

    def __init__(self, folder: Path, content: str) -> None:
        self.folder = folder
        user = pwd.getpwuid(os.getuid()).pw_name
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, content=content))

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run `nginx -t`."""
        return subprocess.run([*self._command(), "-t"], capture_output=True, text=True)

    def _command(self) -> list[str]:
        return [PROGRAM, "-e", f"{self.folder}/error.log", "-c", f"{self.folder}/nginx.conf"]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command(), stderr=subprocess.PIPE)
        wait_until(self._answers, lambda: f"an answer by nginx: {(self.folder / 'error.log').read_text()}")
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "error.log").read_text()
        try:
            self.call("GET", "/healthz")
        except OSError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=SECONDS)

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        """Send one request through it."""
        return call(self.port, method, path, body, token, **headers)


class Nginx(ConfiguredNginx):
    """nginx with the files of `deploy/`; `prefix` is the sub-path, "" for a site of its own."""

    def __init__(self, folder: Path, upstream_port: int, prefix: str = "") -> None:
        folder.mkdir()
        super().__init__(folder, f"include {folder}/http.conf; include {folder}/site.conf;")
        self.prefix = prefix
        self.port, self.plain_port = free_port(), free_port()
        self.host = "shared.example" if prefix else "sessiontrack.example.org"
        self.choices = Choices(
            port=upstream_port,
            prefix=prefix,
            certificate=f"{folder}/certificate",
            certificate_key=f"{folder}/key",
            http_listen=(f"127.0.0.1:{self.plain_port}",),
            https_listen=(f"127.0.0.1:{self.port}",),
            snippet=f"{folder}/locations.conf",
        )
        self._write()

    def _write(self) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command = ["openssl", "req", "-x509", *curve, "-nodes", "-days", "2"]
        files = ["-keyout", self.folder / "key", "-out", self.folder / "certificate"]
        subprocess.run([*command, *files, "-subj", f"/CN={self.host}"], check=True, capture_output=True)
        for name in ("http", "locations", "site"):
            (self.folder / f"{name}.conf").write_text(render(f"nginx/{name}.conf", self.choices))
        if self.prefix:
            shared = SHARED_SITE.format(port=self.port, folder=self.folder)
            (self.folder / "site.conf").write_text(shared)

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        """Send one request over TLS, with a path below the prefix."""
        context = ssl.create_default_context(cafile=str(self.folder / "certificate"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=SECONDS, context=context)
        headers = {"Host": self.host, **headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, f"{self.prefix}{path}", body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


class PlainNginx(ConfiguredNginx):
    """nginx with a minimal configuration, without TLS, and with a real site's limits, only shorter.

    Args:
        seconds: the timeout for slow clients.
        more: more lines for the location.
    """

    def __init__(self, folder: Path, server_port: int, *, seconds: int = 5, more: str = "") -> None:
        folder.mkdir()
        self.port = free_port()
        content = PLAIN.format(
            too_large=status_body(413).decode(),
            server_port=server_port,
            port=self.port,
            seconds=seconds,
            more=more,
        )
        super().__init__(folder, content)
