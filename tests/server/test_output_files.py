"""Every command that writes a file says in one line that it cannot, and where."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sessiontrack.cli import COMMANDS, main
from sessiontrack.process.whole_file import user_name
from tests.support.application import Clients
from tests.support.command import assert_one_line
from tests.support.rights import run_confined, sealed

PARTS = ("dhcp-script", "hostapd", "openwrt", "write", "add")
REMOTE = ("--url", "http://127.0.0.1:9", "--token", "st_x")
# Without root's rights the test's PostgreSQL, another user's, cannot be reached.
OPEN_FIRST = ("export", "provision", "token")
NEEDS_FILE = pytest.mark.sqlite("which such a command can open")
WRITERS = [
    ("backup", "{}"),
    ("backup", "{}", "--keep", "2"),
    ("doctor", "--fast", "--bundle", "{}"),
    ("export", "sessions", "--output", "{}"),
    ("listen", "dhcp-script", "write", "{}"),
    ("listen", "hostapd", "write", "{}"),
    ("listen", "openwrt", "write", "{}", *REMOTE),
    ("provision", "--token-file", "{}"),
    ("token", "add", "mine", "--output", "{}"),
]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(each, marks=[NEEDS_FILE] if each[0] in OPEN_FIRST else [], id=" ".join(each))
        for each in WRITERS
    ],
)
def test_what_cannot_be_written_is_one_line(clients: Clients, tmp_path: Path, words: tuple[str, ...]) -> None:
    target = sealed(tmp_path / "sealed") / "file"
    done = run_confined(Path(clients.app.instance_path), *(each.format(target) for each in words))
    assert done.returncode == 1
    assert_one_line(done.stderr, str(target), "cannot be ", "the user ", "Permission denied")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("restore", "{}"), marks=pytest.mark.sqlite("whose file it puts in place")),
        ("import", "csv", "sessions", "{}"),
        ("scan", "arp-scan", "{}"),
    ],
)
def test_what_cannot_be_read_is_one_line(clients: Clients, tmp_path: Path, words: tuple[str, ...]) -> None:
    target = sealed(tmp_path / "sealed") / "file"
    done = run_confined(Path(clients.app.instance_path), *(each.format(target) for each in words))
    assert done.returncode == 1
    assert_one_line(done.stderr, str(target), "Permission denied")


def test_settings_that_cannot_be_read_say_who_can(tmp_path: Path) -> None:
    file = tmp_path / "sessiontrack.toml"
    file.touch(0o000)
    done = run_confined(tmp_path, "token", "list")
    assert done.returncode == 1
    assert_one_line(done.stderr, f"{file} cannot be read by the user ", "run this command as root")


def with_paths(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """The commands below it that take the path of a file."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from with_paths(inner, *names, name)
    elif not command.hidden and any(
        isinstance(each.type, click.Path) and each.type.file_okay for each in command.params
    ):
        yield names


def test_no_command_that_writes_a_file_is_left_out() -> None:
    tried = {tuple(word for word in words if word in COMMANDS or word in PARTS) for words in WRITERS}
    assert set(with_paths(main)) == tried | {("restore",)}


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(4_000_000_001) == "4000000001"
