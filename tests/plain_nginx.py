"""A real nginx from Debian's packages before the real server, on a free port of 127.0.0.1."""

import os
import pwd
import subprocess
import time
from pathlib import Path

from sessiontrack.errors import status_body
from tests.server import START_SECONDS, Answer, call, free_port

# Buffers requests and answers, as nginx does by itself; limits as a site would have them, only shorter.
CONFIGURATION = """
daemon off;
# Its workers read and write below the test's folder; where it is not started by root, this says nothing.
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
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
}}
"""


class Nginx:
    """nginx before a server; a context manager that ends it.

    Args:
        seconds: how long it waits for a slow client.
        more: lines of the location.
    """

    def __init__(self, folder: Path, server_port: int, *, seconds: int = 5, more: str = "") -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir()
        self._file = folder / "nginx.conf"
        self._file.write_text(
            CONFIGURATION.format(
                too_large=status_body(413).decode(),
                user=pwd.getpwuid(os.getuid()).pw_name,
                folder=folder,
                server_port=server_port,
                port=self.port,
                seconds=seconds,
                more=more,
            )
        )

    def __enter__(self) -> "Nginx":
        errors = f"{self._folder}/error.log"
        self._process = subprocess.Popen(["nginx", "-e", errors, "-c", str(self._file)])
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self._process.poll() is None, (self._folder / "error.log").read_text()
            assert time.monotonic() < deadline
            try:
                if self.call("GET", "/healthz").status == 200:
                    return self
            except OSError:
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def call(
        self, method: str, path: str, body: object = None, token: str | None = None, **headers: str
    ) -> Answer:
        return call(self.port, method, path, body, token, **headers)
