"""The `sessiontrack` command: help, first start, and errors that prevent a start."""

import gc
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sessiontrack.cli import COMMANDS, GROUPS, main
from sessiontrack.config import FILE_NAME
from sessiontrack.version import VERSION
from tests.support import databases
from tests.support.command import assert_one_line, invoke, run

PASSWORD_FILE = "initial-admin-password"
DATABASE = "sessiontrack.sqlite3"


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    yield names
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            if not inner.hidden:
                yield from commands(inner, *names, name)


@pytest.mark.parametrize("names", list(commands(main)), ids=" ".join)
def test_contract_7_each_command_has_help_with_an_example(names: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = CliRunner().invoke(main, [*names, option])
        assert result.exit_code == 0, result.output
        assert f"Example: {'sessiontrack' if names else 'sessiontrack serve'}" in " ".join(
            result.stdout.split()
        )
    assert f"sessiontrack {' '.join(names)}".strip() in " ".join(result.stdout.split())


def test_the_examples_are_calls_that_are_understood() -> None:
    """Readers would copy a typing error in an example."""
    for names in commands(main):
        help_text = CliRunner().invoke(main, [*names, "--help"], terminal_width=400).stdout
        for example in help_text.split("Example: ")[1:]:
            words = example.splitlines()[0].split("sessiontrack ", 1)[1].split()
            command: click.Command = main
            while isinstance(command, click.Group):
                named = command.get_command(click.Context(command), words.pop(0))
                assert named is not None
                command = named
            if "--" in words:  # followed by another program's options
                words = words[: words.index("--")]
            known = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known


def test_help_groups_every_command_by_what_it_is_for() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    sections = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == ["Options:", *(f"{title}:" for title in GROUPS)]
    listed = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line[2] != " "]
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize(
    ("typed", "meant"), [(["usr"], "user"), (["back-up"], "backup"), (["doctr", "--fast"], "doctor")]
)
def test_a_mistyped_command_is_answered_with_the_near_one(
    tmp_path: Path, typed: list[str], meant: str
) -> None:
    result = invoke(tmp_path, *typed)
    assert result.exit_code == 2
    assert f"No such command '{typed[0]}'. Did you mean {meant}?" in result.stderr


@pytest.mark.parametrize(
    ("group", "former", "name"),
    [
        (["token"], "issue", "add"),
        (["token"], "revoke", "remove"),
        (["listen", "dhcp-script"], "install", "write"),
        (["listen", "hostapd"], "install", "write"),
        (["listen", "openwrt"], "install", "write"),
    ],
)
def test_former_names_still_work_and_are_not_shown(group: list[str], former: str, name: str) -> None:
    listed = CliRunner().invoke(main, [*group, "--help"]).stdout.partition("Commands:")[2]
    assert f"  {name} " in listed
    assert f"  {former} " not in listed
    helps = [
        CliRunner().invoke(main, [*group, each, "--help"]).stdout.split("\n\n", 1)[1]
        for each in (name, former)
    ]
    assert helps[0] == helps[1]


def test_examples_are_whole_on_a_narrow_terminal() -> None:
    """A broken line, copied, is another call."""
    for names in commands(main):
        wide, narrow = (
            CliRunner().invoke(main, [*names, "--help"], terminal_width=width).stdout for width in (400, 80)
        )
        for example in re.findall(r"Example: .*", wide):
            assert example.strip() in narrow


def test_version_is_the_packages() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.stdout == f"sessiontrack, version {VERSION}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["serve", "--port", "0"], ["user", "add"], ["scan", "x"]]
)
def test_a_wrong_call_is_explained_and_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert list(tmp_path.iterdir()) == []


# --- the first start


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_contract_5_first_start_prints_user_and_password_once(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    first = run(instance, "migrate")
    assert first.returncode == 0
    password = (instance / PASSWORD_FILE).read_text().strip()
    assert len(password) >= 16
    assert "User:     admin\n" in first.stderr
    assert first.stderr.count(password) == 1
    assert password not in first.stdout
    second = run(instance, "migrate")
    assert (second.returncode, second.stderr) == (0, "")


def test_contract_5_password_and_signing_key_are_for_the_owner_alone(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    before = os.umask(0)
    try:
        assert invoke(instance, "migrate").exit_code == 0
    finally:
        os.umask(before)
    assert mode(instance / PASSWORD_FILE) == 0o600
    assert mode(instance / "signing-key") == 0o600
    assert mode(instance) == 0o700


def test_contract_5_a_given_password_is_used_and_written_nowhere(tmp_path: Path) -> None:
    result = invoke(tmp_path, "migrate", ADMIN_PASSWORD="a password of mine")
    assert result.exit_code == 0
    assert "User:     admin" in result.stderr
    assert "a password of mine" not in result.output
    assert not (tmp_path / PASSWORD_FILE).exists()
    assert not any(b"a password of mine" in file.read_bytes() for file in tmp_path.iterdir())
    assert "Password: the one in SESSIONTRACK_ADMIN_PASSWORD\n" in result.stderr


def test_a_password_of_the_settings_file_is_said_to_be_there(tmp_path: Path) -> None:
    assert invoke(tmp_path, "settings", "set", "ADMIN_PASSWORD", "a password of mine").exit_code == 0
    said = invoke(tmp_path, "init").stderr
    assert f"Password: the one in {tmp_path / FILE_NAME}, where it may be removed now\n" in said


@pytest.mark.parametrize("command", [("init",), ("serve",), ("provision",)])
def test_a_weak_first_password_leaves_no_database_without_an_admin(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / FILE_NAME).write_text('admin_password = "password"\n')
    result = invoke(tmp_path, *command)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "ADMIN_PASSWORD cannot be the first password", "most common")
    assert not (tmp_path / "sessiontrack.sqlite3").exists()


def test_a_weak_first_password_of_the_environment_is_named_as_it_is_there(tmp_path: Path) -> None:
    result = invoke(tmp_path, "provision", ADMIN_PASSWORD="short")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "SESSIONTRACK_ADMIN_PASSWORD cannot be the first password", "8 to 1024")


def test_a_given_password_changes_nothing_once_there_are_users(tmp_path: Path) -> None:
    invoke(tmp_path, "migrate")
    before = (tmp_path / PASSWORD_FILE).read_text()
    result = invoke(tmp_path, "migrate", ADMIN_PASSWORD="too late")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / PASSWORD_FILE).read_text() == before


def test_passwd_of_admin_removes_the_file(tmp_path: Path) -> None:
    invoke(tmp_path, "migrate")
    assert invoke(tmp_path, "user", "passwd", "admin", "--generate").exit_code == 0
    assert not (tmp_path / PASSWORD_FILE).exists()


def test_passwd_of_others_leaves_the_file(tmp_path: Path) -> None:
    invoke(tmp_path, "migrate")
    assert invoke(tmp_path, "user", "add", "anna", "--generate").exit_code == 0
    assert invoke(tmp_path, "user", "passwd", "anna", "--generate").exit_code == 0
    assert (tmp_path / PASSWORD_FILE).exists()


def test_outside_a_checkout_the_instance_is_made_in_the_current_folder(tmp_path: Path) -> None:
    result = run(None, "init", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"The instance in {tmp_path / 'instance'} is ready" in result.stdout
    assert databases.rows(tmp_path / "instance", 'SELECT count(*) FROM "user"') == [(1,)]
    assert [each.name for each in tmp_path.iterdir()] == ["instance"]
    again = run(None, "init", cwd=tmp_path)
    assert (again.returncode, again.stderr, again.stdout) == (0, "", result.stdout)


@pytest.mark.sqlite("the file that is not there")
@pytest.mark.parametrize(
    "arguments", [["user", "list"], ["migrate"], ["token", "list"], ["backup", "b"], ["device", "list"]]
)
def test_a_command_in_a_folder_without_an_instance_makes_none_and_says_which(
    tmp_path: Path, arguments: list[str]
) -> None:
    result = run(None, *arguments, cwd=tmp_path)
    assert result.returncode == 1
    wanted = f"There is no database {tmp_path / 'instance' / DATABASE}"
    assert_one_line(result.stderr, wanted, "`sessiontrack init`", "SESSIONTRACK_INSTANCE")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite("the file that is not there")
def test_a_command_beside_an_installation_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontrack.process.instance.INSTALLED", tmp_path)
    monkeypatch.setattr("sessiontrack.process.instance.default_folder", lambda: tmp_path / "instance")
    monkeypatch.setenv("SESSIONTRACK_INSTANCE", "")
    monkeypatch.delenv("SESSIONTRACK_INSTANCE")
    result = CliRunner().invoke(main, ["user", "list"])
    assert_one_line(result.stderr, f"The installation's is {tmp_path}: set SESSIONTRACK_INSTANCE to it.")
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_the_environment_that_is_no_setting_stops_the_start(tmp_path: Path) -> None:
    result = invoke(tmp_path / "instance", "migrate", THREAD="8")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "SESSIONTRACK_THREAD is not a setting", "did you mean THREADS?")
    assert not (tmp_path / "instance").exists()


# --- errors that prevent a start

BAD_SETTINGS = [
    ("TIMEZONE", "Mars/Base", "time zone"),
    ("THREADS", "many", "whole number"),
    ("THREADS", "0", "from 1 to 256"),
    ("SESSION_ALIVE_SECONDS", "-5", "whole number"),
    ("USER_SESSIONS_VISIBLE", "some", "all, own"),
    ("SQLITE_SYNCHRONOUS", "OFF", "NORMAL"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8"),
    ("DATABASE_URL", "sqlite://", "file"),
    ("DATABASE_URL", "sqlite:///:memory:", "file"),
    ("DATABASE_URL", "nosuch://host/name", "DATABASE_URL"),
    ("DATABASE_URL", "not a url", "DATABASE_URL"),
    ("DATABASE_URL", "mysql://host/name", "sqlite:///FILE, or postgresql://"),
    ("DATABASE_URL", "postgres://host/name", "sqlite:///FILE, or postgresql://"),
    ("DATABASE_URL", "postgresql+psycopg2://host/name", "sqlite:///FILE, or postgresql://"),
]


@pytest.mark.parametrize(("name", "value", "word"), BAD_SETTINGS, ids=lambda each: each or "empty")
def test_contract_7_a_wrong_value_stops_the_start_with_one_clear_line(
    tmp_path: Path, name: str, value: str, word: str
) -> None:
    result = invoke(tmp_path, "serve", **{name: value})
    assert result.exit_code == 1
    assert result.stdout == ""
    assert_one_line(result.stderr, name, word)
    assert not (tmp_path / DATABASE).exists()
    assert gc.isenabled()


def test_contract_7_a_wrong_value_stops_the_real_command_too(tmp_path: Path) -> None:
    result = run(tmp_path, "serve", TIMEZONE="Mars/Base")
    assert result.returncode == 1
    assert_one_line(result.stderr, "SESSIONTRACK_TIMEZONE")


def test_the_password_in_a_database_url_is_not_shown(tmp_path: Path) -> None:
    result = invoke(tmp_path, "migrate", DATABASE_URL="nosuch://user:s3cret@host/name")
    assert result.exit_code == 1
    assert "s3cret" not in result.output


@pytest.mark.parametrize("path", ["a-file", "a-file/inside"])
def test_an_instance_folder_that_cannot_be_made_is_one_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "a-file").write_text("not a folder")
    result = invoke(tmp_path / path, "migrate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "a-file")


def test_a_signing_key_that_is_too_short_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "signing-key").write_text("short\n")
    result = invoke(tmp_path, "migrate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "signing-key", "too short")


@pytest.mark.sqlite("names a file")
def test_a_database_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = invoke(tmp_path, "migrate", DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/x.sqlite3")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "nowhere/x.sqlite3")


@pytest.mark.sqlite("damages the file")
@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_damaged_database_is_one_line_and_is_not_touched(
    tmp_path: Path, template: tuple[Path, dict[str, str]], damage: str
) -> None:
    file = tmp_path / DATABASE
    whole = (template[0] / DATABASE).read_bytes()
    file.write_bytes(b"These are the notes of a meeting.\n" * 1000 if damage == "text" else whole[:6000])
    before = file.read_bytes()
    for command in (["migrate"], ["serve", "--port", "65000"], ["user", "list"]):
        result = invoke(tmp_path, *command)
        assert result.exit_code == 1
        assert_one_line(result.stderr, str(file))
        assert file.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused_and_not_changed(
    instance: Path,
) -> None:
    databases.rows(instance, "UPDATE alembic_version SET version_num = '9999'")
    before = databases.rows(instance, "SELECT * FROM alembic_version")
    result = invoke(instance, "serve", "--port", "65000")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "newer version", "9999")
    assert databases.rows(instance, "SELECT * FROM alembic_version") == before


@pytest.mark.sqlite("its start looks for migrations without a write lock")
def test_a_command_that_reads_waits_for_no_writer(instance: Path) -> None:
    assert invoke(instance, "device", "list").exit_code == 0
    with databases.busy(instance):
        assert invoke(instance, "device", "list", BUSY_TIMEOUT_SECONDS="1").exit_code == 0
