"""The lines of the README and of docs/history.md, as a reader types them after `make run`, in order."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.server import COMMAND
from tests.support.waiting import SECONDS

ROOT = Path(__file__).parents[2]
MAC = "AA:BB:CC:DD:EE:FF"
STORED = f"mac,connected_at,disconnected_at,still_connected\n{MAC},2025-08-01T10:00:00Z,,true\n"
# By page, the lines that need what is not here: another tool's database, a server, root.
ELSEWHERE = {
    "README.md": r"sudo |^make ",
    "docs/history.md": r"^curl |import (netalertx|pialert) ",
}


def _lines(page: str) -> list[str]:
    lines, language = [], None
    for line in map(str.strip, (ROOT / page).read_text("utf-8").splitlines()):
        if line.startswith("```"):
            language = line[3:] if language is None else None
        elif language in ("", "sh") and not re.search(ELSEWHERE[page], line):
            # An address, because a name would be looked up.
            lines.append(line.replace("pager.example", "93.184.216.34"))
    return lines


@pytest.mark.parametrize("page", ELSEWHERE)
def test_shown_lines_run_as_they_are(page: str, tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "sessiontrack"
    program.parent.mkdir(parents=True)
    program.symlink_to(COMMAND)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONTRACK_")}
    # What the pages call `sessiontrack` is the same program.
    path = f"{program.parent}:{kept['PATH']}"
    (tmp_path / "stored.csv").write_text(STORED)
    first = ["sessiontrack init", "sessiontrack import csv sessions stored.csv"]
    lines = _lines(page)
    assert any("sessiontrack " in line for line in lines)
    ran = subprocess.run(
        ["sh", "-exc", "\n".join([*first, *lines])],
        cwd=tmp_path,
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
