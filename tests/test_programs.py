"""Programs that no test runs: they load, and the benchmark's floor still answers as the application does."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import SECONDS

ROOT = Path(__file__).parents[1]
# `make fuzz` installs what this one needs.
NEEDS_MORE = {"fuzz.targets"}
PROGRAMS = sorted(
    name
    for folder in ("benchmarks", "fuzz", "tests/programs")
    for file in (ROOT / folder).glob("*.py")
    if (name := ".".join(file.relative_to(ROOT).with_suffix("").parts)) not in NEEDS_MORE
)
MEASURE = (
    "import sys; from pathlib import Path; from benchmarks import dataset;"
    " dataset.DATA = Path(sys.argv.pop(1)); from benchmarks import run; run.ROUNDS = 1; run.main()"
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_loads(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.long
@pytest.mark.sqlite("which the floor is made of")
def test_the_benchmark_measures_each_call_beside_a_floor_with_the_same_answers(tmp_path: Path) -> None:
    options = ("--sessions", "1e4", "--clients", "1", "--seconds", "0.01", "--workers", "1", "--threads", "2")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    for call in ("list: first page", "events: all", "keepalive", "create"):
        assert f"| {call} | 1 | " in done.stdout
