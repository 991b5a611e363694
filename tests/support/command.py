"""The real `sessiontrack` command, run as a process."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sessiontrack.cli import main
from tests.support.server import COMMAND, environment
from tests.support.waiting import PATIENT, SECONDS


def run(
    instance: Path | None, *arguments: str, cwd: Path | None = None, text: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with only these settings; without an instance it uses the default."""
    variables = environment(instance or (cwd or Path()) / "instance", **settings)
    if instance is None:
        del variables["SESSIONTRACK_INSTANCE"]
    # A test of a checkout finds the package from any folder, as with an installed program.
    variables.setdefault("PYTHONPATH", str(Path(__file__).parents[2]))
    return subprocess.run(
        [COMMAND, *arguments],
        env=variables,
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def invoke(instance: Path | str, *arguments: str, text: str | None = None, **settings: str) -> Result:
    """The same within this process: faster, for tests that do not depend on the process."""
    variables: Mapping[str, str | None] = {
        **{name: None for name in os.environ if name.startswith("SESSIONTRACK_")},
        "SESSIONTRACK_INSTANCE": str(instance),
        **{f"SESSIONTRACK_{name}": value for name, value in {**PATIENT, **settings}.items()},
    }
    return CliRunner(env=variables).invoke(main, list(arguments), input=text)


class Commands:
    """Runs a command's subcommands on one instance folder."""

    def __init__(self, command: str, instance: Path | str) -> None:
        self.command = command
        self.instance = instance

    def run(self, *arguments: str, **more: Any) -> Result:
        return invoke(self.instance, self.command, *arguments, **more)

    def ok(self, *arguments: str, **more: Any) -> str:
        result = self.run(*arguments, **more)
        assert result.exit_code == 0, result.output
        return result.stdout


def assert_one_line(stderr: str, *words: str) -> None:
    """Check that the error is one line without a stack trace, and contains these words."""
    assert stderr.startswith("Error: "), stderr
    assert stderr.count("\n") == 1, stderr
    for word in words:
        assert word in stderr
