"""The real server, `sessiontrack serve`, as a process of its own, and a client without a library."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import databases
from tests.support.postgres import free_port

COMMAND = str(Path(sys.executable).with_name("sessiontrack"))
START_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def environment(instance: Path, **settings: str) -> dict[str, str]:
    """This process's environment without any setting of sessiontrack but these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONTRACK_")}
    if "DATABASE_URL" not in settings and (url := databases.url_of(instance)) is not None:
        settings["DATABASE_URL"] = url
    chosen = {f"SESSIONTRACK_{name}": value for name, value in settings.items()}
    return {**kept, "SESSIONTRACK_INSTANCE": str(instance), **chosen}


def call(
    port: int, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
) -> Answer:
    """One request on a connection of its own; bytes are sent as they are, anything else as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Server:
    """`sessiontrack serve` on a free port of 127.0.0.1; a context manager that ends it."""

    def __init__(self, instance: Path, workers: int = 2, **settings: str) -> None:
        self.port = free_port()
        self.log = instance.with_name(f"{instance.name}-{self.port}.log")
        self._arguments = [COMMAND, "serve", "--port", str(self.port), "--workers", str(workers)]
        self._environment = environment(instance, **settings)

    def __enter__(self) -> "Server":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._arguments, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        try:
            return self.call("GET", "/readyz").status == 200
        except OSError:
            return False

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """End it; the exit code. Whoever has to be killed after 10 s fails its test by that code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def output(self) -> str:
        """What it has printed so far, errors too."""
        return self.log.read_text()

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        return call(self.port, method, path, body, token, **headers)
