"""The man page and the shells' completions, made of the same texts as --help."""

import os
import subprocess

import pytest

from bundling.deb import manual
from sessiontrack.cli import GROUPS, main
from tests.server.test_cli import commands
from tests.support.server import COMMAND
from tests.support.waiting import SECONDS


def test_the_man_page_has_every_group_and_every_command_with_its_options() -> None:
    page = manual().replace("\\-", "-")
    assert [line for line in page.splitlines() if line.startswith(".SH ") and line[4:] in _titles()] == [
        f".SH {title}" for title in _titles()
    ]
    for names in commands(main):
        if names:
            assert f"\n.SS sessiontrack {' '.join(names)}\n" in page
    assert "--alert / --no-alert" in page
    assert page.count("  -h, --help ") > len(GROUPS)
    assert "token issue" not in page
    assert "\b" not in page


def _titles() -> list[str]:
    return [title.upper() for title in GROUPS]


@pytest.mark.parametrize(
    ("words", "offered", "not_offered"),
    [("sessiontrack dev", "device", "demo"), ("sessiontrack token ", "add", "issue")],
)
def test_a_shell_completes_what_help_shows(words: str, offered: str, not_offered: str) -> None:
    asked = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_SESSIONTRACK_COMPLETE": "bash_complete",
    }
    ran = subprocess.run(
        [COMMAND], env={**os.environ, **asked}, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    found = [line.rpartition(",")[2] for line in ran.stdout.splitlines()]
    assert offered in found
    assert not_offered not in found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    asked = {**os.environ, "_SESSIONTRACK_COMPLETE": f"{shell}_source"}
    ran = subprocess.run([COMMAND], env=asked, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "_sessiontrack_completion" in ran.stdout
