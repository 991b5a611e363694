"""setup.cfg admits, and constraints.txt pins, no version with a published fault that .ci/floors.txt lists."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LINES = [
    line.split()
    for line in (ROOT / ".ci" / "floors.txt").read_text().splitlines()
    if not line.startswith("#")
]
PINNED = dict(
    re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
)


def required() -> dict[str, Requirement]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return {each.name: each for text in texts for each in map(Requirement, text.split("\n")[1:])}


def test_each_floor_names_its_advisory_once() -> None:
    assert LINES
    for name, floor, *advisories in LINES:
        assert Version(floor)
        assert advisories, name
        assert all(re.fullmatch(r"(CVE-\d{4}-\d+|GHSA(-[0-9a-z]{4}){3})", each) for each in advisories)
    names = [name for name, *_ in LINES]
    assert names == sorted(set(names))


@pytest.mark.parametrize(("name", "floor"), [line[:2] for line in LINES])
def test_setup_cfg_begins_at_the_floor(name: str, floor: str) -> None:
    specifiers = required()[name].specifier
    lowest = max(Version(each.version) for each in specifiers if each.operator == ">=")
    assert lowest >= Version(floor)
    assert Version({each.lower(): version for each, version in PINNED.items()}[name]) >= lowest
