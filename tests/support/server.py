"""The real server, `sessiontrack serve`, as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import databases
from tests.support.calls import Answer, answers, call
from tests.support.ports import free_port
from tests.support.waiting import PATIENT, SECONDS, wait_until

CHANGED = """
{}
from sessiontrack.cli import main
main()
"""
COMMAND = str(Path(sys.executable).with_name("sessiontrack"))


def environment(instance: Path, **settings: str) -> dict[str, str]:
    """This process's environment, with only these settings of sessiontrack."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONTRACK_")}
    if "DATABASE_URL" not in settings and (url := databases.url_of(instance)) is not None:
        settings["DATABASE_URL"] = url
    chosen = {f"SESSIONTRACK_{name}": value for name, value in {**PATIENT, **settings}.items()}
    return {**kept, "SESSIONTRACK_INSTANCE": str(instance), **chosen}


class Server:
    """`sessiontrack serve` on a free port of 127.0.0.1, as a context manager that stops it.

    Args:
        changed: Python that changes the program before it begins.
    """

    def __init__(self, instance: Path, workers: int = 2, changed: str = "", **settings: str) -> None:
        self.port = free_port()
        self.log = instance.with_name(f"{instance.name}-{self.port}.log")
        command = [sys.executable, "-c", CHANGED.format(changed)] if changed else [COMMAND]
        self._arguments = [*command, "serve", "--port", str(self.port), "--workers", str(workers)]
        self._environment = environment(instance, **settings)

    def __enter__(self) -> "Server":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._arguments, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self._is_ready, lambda: f"a server that is ready: {self.output()}", pause=0.03)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.output()
        return answers(self.port)

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Stop it; return the exit code, which fails the test if a hanging server had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def output(self) -> str:
        """Its output so far, including errors."""
        return self.log.read_text()

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        return call(self.port, method, path, body, token, **headers)
