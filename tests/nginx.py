"""A real nginx with the files of `deploy/`, in front of a real server."""

import http.client
import json
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

from sessiontrack.deployment.files import Choices, render
from tests.server import START_SECONDS, Answer, free_port

PROGRAM = "/usr/sbin/nginx"
MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/http.conf;
    include {folder}/site.conf;
}}
"""
# Of somebody who has a site already, and gives sessiontrack a part of it.
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


class Nginx:
    """A context manager; `prefix` is the sub-path, "" for a site of its own."""

    def __init__(self, folder: Path, upstream_port: int, prefix: str = "") -> None:
        folder.mkdir()
        self.folder, self.prefix = folder, prefix
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
        is_root = Path("/proc/self").stat().st_uid == 0
        main = MAIN.format(folder=self.folder, user="user root;" if is_root else "")
        (self.folder / "nginx.conf").write_text(main)

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run([*self._command(), "-t"], capture_output=True, text=True)

    def _command(self) -> list[str]:
        return [PROGRAM, "-e", f"{self.folder}/error.log", "-c", f"{self.folder}/nginx.conf"]

    def __enter__(self) -> "Nginx":
        self._process = subprocess.Popen(self._command(), stderr=subprocess.PIPE)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.call("GET", "/")
                return self
            except OSError:
                assert self._process.poll() is None, (self.folder / "error.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        """One request over TLS, of the path below the prefix."""
        context = ssl.create_default_context(cafile=str(self.folder / "certificate"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
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
