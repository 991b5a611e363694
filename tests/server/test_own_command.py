"""How pages call the command: as it is typed on this host, in the folder of the server."""

import sys
from pathlib import Path

import pytest

from sessiontrack.process.own_command import own_command
from tests.support.application import Clients


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in an environment of its own, which runs this process; no other one is found."""
    made = tmp_path / "checkout" / ".venv" / "bin" / "sessiontrack"
    made.parent.mkdir(parents=True)
    made.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(made.with_name("python")))
    monkeypatch.setenv("PATH", str(tmp_path))
    return made


def test_in_a_checkout_it_is_below_the_folder(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(program.parents[2])
    assert own_command() == ".venv/bin/sessiontrack"


def test_elsewhere_it_is_the_whole_path(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert own_command() == str(program)


def test_where_a_shell_finds_it_the_name_is_enough(program: Path, tmp_path: Path) -> None:
    """As the Debian package links it."""
    (tmp_path / "sessiontrack").symlink_to(program)
    assert own_command() == "sessiontrack"


def test_without_one_beside_python_it_is_the_name(program: Path) -> None:
    program.unlink()
    assert own_command() == "sessiontrack"


@pytest.mark.usefixtures("program")
def test_a_page_has_it_for_who_is_signed_in_and_the_way_to_sign_in_has_not(clients: Clients) -> None:
    login = clients.nobody.get("/ui/login").get_data(as_text=True)
    assert "data-command" not in login
    page = clients.viewer.get("/ui/sources").get_data(as_text=True)
    assert f'data-command="{own_command()}"' in page
