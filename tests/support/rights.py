"""A folder that this process's commands may not enter, whoever runs the tests."""

import os
import subprocess
from pathlib import Path

from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS

# Root without the right to pass over the rights of files.
CONFINED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def sealed(folder: Path) -> Path:
    """A folder of mode 0."""
    folder.mkdir()
    folder.chmod(0)
    return folder


def run_confined(instance: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command; as root, without root's right to write everywhere."""
    return subprocess.run(
        [*CONFINED, COMMAND, *arguments],
        env=environment(instance),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
