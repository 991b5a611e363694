"""setup.cfg admits, and constraints.txt pins, no version with a published fault that .ci/floors.txt lists.

What CI and the Debian package install is pinned by hashes, in the same versions.
"""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LINES = [
    line.split()
    for line in (ROOT / ".ci" / "floors.txt").read_text().splitlines()
    if not line.startswith("#")
]


def pinned(name: str) -> dict[str, str]:
    """Versions by package, as a file pins them."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


PINNED = pinned("constraints.txt")


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
    assert Version(PINNED[name]) >= lowest


@pytest.mark.parametrize(("name", "extra"), [("package.txt", "postgres"), ("test.txt", "test")])
def test_hashes_are_of_the_pinned_versions_and_of_all_that_is_required(name: str, extra: str) -> None:
    """`make hashes` updates them."""
    found = pinned(f"requirements/{name}")
    # Windows' colorama is in no freeze of ours, and setuptools builds.
    assert {each: PINNED[each] for each in found if each not in ("colorama", "setuptools")} == {
        each: version for each, version in found.items() if each not in ("colorama", "setuptools")
    }
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], config["options.extras_require"][extra]]
    direct = {canonicalize_name(Requirement(line).name) for text in texts for line in text.split("\n")[1:]}
    assert direct <= set(found)
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements" / name).read_text().strip())[1:]
    assert len(entries) == len(found)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_ci_and_the_package_check_hashes() -> None:
    assert "install --require-hashes --requirement requirements/test.txt" in (ROOT / "Makefile").read_text()
    assert '"--require-hashes", "--requirement"' in (ROOT / "bundling" / "deb.py").read_text()
