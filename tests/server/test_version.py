"""The source of the version, and the places that show it."""

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from sessiontrack.version import NUMBER, VERSION, version_of
from tests.support.application import Clients, LiveServer


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    ran = subprocess.run(["git", "-C", str(root), *who, *words], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def checkout(root: Path, commits: int) -> str:
    git(root, "init", "--quiet")
    for number in range(commits):
        git(root, "commit", "--quiet", "--allow-empty", "--message", f"Step {number}")
    return git(root, "rev-parse", "--short=8", "HEAD")


def test_a_checkout_says_its_commit(tmp_path: Path) -> None:
    commit = checkout(tmp_path, 3)
    assert version_of(tmp_path) == f"{NUMBER}.dev3+g{commit}"


def test_a_tagged_checkout_is_the_release(tmp_path: Path) -> None:
    checkout(tmp_path, 1)
    git(tmp_path, "tag", f"v{NUMBER}")
    assert version_of(tmp_path) == NUMBER


def test_a_checkout_without_a_commit_is_a_development_build(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert version_of(tmp_path) == f"{NUMBER}.dev0"


def test_a_checkout_without_git_is_a_development_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout(tmp_path, 1)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert version_of(tmp_path) == f"{NUMBER}.dev0"


def test_an_sdist_says_what_it_was_made_as(tmp_path: Path) -> None:
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.4\nVersion: 0.2.0.dev9+gabc\n")
    (tmp_path / "setup.cfg").touch()
    assert version_of(tmp_path) == "0.2.0.dev9+gabc"


def test_an_archive_of_the_sources_has_the_number_alone(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()
    assert version_of(tmp_path) == NUMBER


def test_what_is_installed_says_what_it_was_built_as(tmp_path: Path) -> None:
    assert version_of(tmp_path) == version("sessiontrack")


def test_the_log_of_a_server_that_has_started_says_it(live: LiveServer) -> None:
    assert f"sessiontrack {VERSION}, Python " in live.server.output()


def test_every_page_ends_with_it(clients: Clients) -> None:
    foot = f"sessiontrack {VERSION}</footer>"
    assert foot in clients.nobody.get("/ui/login").text
    assert foot in clients.viewer.get("/ui/devices").text
