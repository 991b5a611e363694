"""The real `sessiontrack` command, run as a process of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from sessiontrack.cli import main
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS


def run(
    instance: Path | None, *arguments: str, cwd: Path | None = None, text: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """The command with these settings and no others; without an instance it finds its own."""
    variables = environment(instance or (cwd or Path()) / "instance", **settings)
    if instance is None:
        del variables["SESSIONTRACK_INSTANCE"]
    # So that a test of a checkout finds it from any folder, as an installed program is found.
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
    """The same within this process: faster, and enough where the process is not what is tested."""
    variables: Mapping[str, str | None] = {
        **{name: None for name in os.environ if name.startswith("SESSIONTRACK_")},
        "SESSIONTRACK_INSTANCE": str(instance),
        **{f"SESSIONTRACK_{name}": value for name, value in settings.items()},
    }
    return CliRunner(env=variables).invoke(main, list(arguments), input=text)


def assert_one_line(stderr: str, *words: str) -> None:
    """An error is one line, without a stack trace, and says these words."""
    assert stderr.startswith("Error: "), stderr
    assert stderr.count("\n") == 1, stderr
    for word in words:
        assert word in stderr
