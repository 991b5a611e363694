"""A way in, as a new user goes it: the lines of a section of docs/start.md, in order, in an empty folder."""

import os
import re
import subprocess
from pathlib import Path
from typing import Self

from tests.support.pages import blocks
from tests.support.server import COMMAND
from tests.support.waiting import SECONDS, wait_until

PAGE = "start.md"
ROOT = Path(__file__).parents[2]


# What a line shows that it prints.
PRINTS = "  #> "


class Journey:
    """Runs the lines of a section; the context manager ends what still runs.

    Each line has a shell of its own, which knows the variables that lines before it have assigned.

    Args:
        changes: what is another word here than there: ports, and addresses of devices.
    """

    def __init__(self, folder: Path, title: str, changes: dict[str, str]) -> None:
        self.folder = folder
        self._lines = [line for block in blocks(PAGE, title, "sh") for line in block.splitlines()]
        self._changes = changes
        self._assigned = ""
        self._running: list[subprocess.Popen[bytes]] = []
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("SESSIONTRACK_")}
        self._environment["PYTHONPATH"] = str(ROOT)
        program = folder / ".venv" / "bin" / "sessiontrack"
        program.parent.mkdir(parents=True)
        program.symlink_to(COMMAND)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in reversed(self._running):
            each.terminate()
            each.wait(SECONDS)

    @property
    def is_over(self) -> bool:
        return not self._lines

    def _next(self, begins: str) -> tuple[str, str]:
        """The next line, which has these words, and what it shows that it prints."""
        line = self._lines.pop(0)
        assert begins in line, f"{begins} is awaited, and {line} comes"
        for there, here in self._changes.items():
            line = line.replace(there, here)
        typed, _, prints = line.partition(PRINTS)
        if re.match(r"\w+=", typed):
            self._assigned += f"{typed}\n"
        return typed, prints

    def run(self, begins: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run the next line, which has these words, to its end; what it printed."""
        typed, prints = self._next(begins)
        ran = subprocess.run(
            ["sh", "-c", self._assigned + typed],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode in codes, ran.stdout + ran.stderr
        assert prints in ran.stdout, ran.stdout + ran.stderr
        return ran.stdout

    def start(self, begins: str, *before: str, until: str = "") -> None:
        """Run the next line in a terminal of its own, until it has printed what it shows.

        Args:
            before: words before the shell, which run it elsewhere.
            until: what it has to print where it shows nothing.
        """
        typed, prints = self._next(begins)
        assert prints or until
        self._start([*before, "sh", "-c", f"exec {typed}"], prints or until)

    def serve(self, port: int) -> None:
        """What `make run` does once it has installed."""
        self._start([".venv/bin/sessiontrack", "serve", "--port", str(port)], "Serving on")

    def _start(self, command: list[str], until: str) -> None:
        printed = self.folder / f"terminal-{len(self._running)}"
        with printed.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._running.append(process)

        def has_printed() -> bool:
            assert process.poll() is None, printed.read_text()
            return until in printed.read_text()

        wait_until(has_printed, lambda: f"{until!r} in {printed.read_text()}", pause=0.05)
