"""`sessiontrack user`: who may sign in."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.application import PASSWORD, Clients
from tests.support.command import Commands, assert_one_line, invoke


class Users(Commands):
    def list(self) -> dict[str, dict[str, Any]]:
        return {user["username"]: user for user in json.loads(self.ok("list", "--json"))}


@pytest.fixture
def cli(clients: Clients) -> Users:
    return Users("user", clients.app.instance_path)


def status(clients: Clients, username: str, password: str) -> int:
    body = {"username": username, "password": password}
    return clients.nobody.post("/auth/login", body).status_code


def test_add_asks_for_the_password_twice_and_shows_it_never(cli: Users, clients: Clients) -> None:
    shown = cli.ok("add", "anna", "--role", "operator", text="a good one\na good one\n")
    assert "a good one" not in shown
    assert cli.list()["anna"]["role"] == "operator"
    assert status(clients, "anna", "a good one") == 200


def test_sign_out_ends_every_login_and_no_api_token(cli: Users, clients: Clients) -> None:
    logins = [clients.logged_in("viewer") for _ in range(3)]
    refresh = clients.with_token(clients.log_in("viewer")["refresh_token"])
    other = clients.logged_in("operator")
    cli.ok("sign-out", "viewer")
    for login in logins:
        assert login.get("/auth/me").status_code == 401
    assert refresh.post("/auth/refresh").status_code == 401
    assert other.get("/auth/me").status_code == 200
    assert clients.viewer.get("/auth/me").status_code == 200
    active = clients.admin.ok("GET", "/api/v2/sessions?active=true")
    assert [each["username"] for each in active] == ["operator"]
    assert status(clients, "viewer", PASSWORD) == 200


def test_sign_out_of_nobody_is_one_line(cli: Users) -> None:
    assert_one_line(cli.run("sign-out", "nobody").stderr, "nobody")


def test_add_refuses_two_different_answers(cli: Users) -> None:
    assert cli.run("add", "anna", text="one\nother\n").exit_code != 0
    assert "anna" not in cli.list()


def test_add_generates_a_password_that_works(cli: Users, clients: Clients) -> None:
    shown = cli.ok("add", "anna", "--generate")
    password = shown.splitlines()[0].removeprefix("Password: ")
    assert len(password) >= 16
    assert status(clients, "anna", password) == 200


def test_add_reads_the_password_from_standard_input(cli: Users, clients: Clients) -> None:
    cli.ok("add", "anna", "--password-stdin", text="  blanks count \r\nnot this\n")
    assert status(clients, "anna", "  blanks count ") == 200


@pytest.mark.parametrize("password", ["", "x", " " * 8, "password1", "x" * 1025])
@pytest.mark.parametrize("command", [("add", "anna"), ("passwd", "viewer")])
def test_a_weak_password_is_refused(cli: Users, command: tuple[str, str], password: str) -> None:
    result = cli.run(*command, "--password-stdin", text=password + "\n")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "password")
    assert "anna" not in cli.list()


def test_a_new_user_is_a_viewer(cli: Users) -> None:
    cli.ok("add", "anna", "--generate")
    assert cli.list()["anna"]["role"] == "viewer"


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "bell\a"])
def test_a_name_that_is_none_is_refused(cli: Users, name: str) -> None:
    result = cli.run("add", name, "--generate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "name")


def test_a_name_that_is_taken_is_refused(cli: Users, clients: Clients) -> None:
    result = cli.run("add", "viewer", "--generate")
    # No password: it would be nobody's.
    assert (result.exit_code, result.stdout) == (1, "")
    assert_one_line(result.stderr, "viewer")
    assert status(clients, "viewer", PASSWORD) == 200


def test_an_unknown_role_is_refused(cli: Users) -> None:
    assert cli.run("add", "anna", "--role", "root", "--generate").exit_code == 2
    assert cli.run("role", "viewer", "root").exit_code == 2
    assert cli.list()["viewer"]["role"] == "viewer"


def test_list_is_a_table_without_hashes(cli: Users) -> None:
    shown = cli.ok("list")
    assert shown.splitlines()[0].split() == ["username", "role", "created_at", "disabled_at", "from_proxy"]
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["admin", "operator", "viewer"]
    assert "pbkdf2" not in shown + cli.ok("list", "--json")


def test_passwd_gives_a_new_password_and_signs_out_everywhere(cli: Users, clients: Clients) -> None:
    before = clients.logged_in("operator")
    cli.ok("passwd", "operator", "--password-stdin", text="another one\n")
    assert before.get("/auth/me").status_code == 401
    assert status(clients, "operator", PASSWORD) == 401
    assert status(clients, "operator", "another one") == 200


def test_disable_lets_nobody_in_by_password_login_or_token(cli: Users, clients: Clients) -> None:
    before = clients.logged_in("operator")
    cli.ok("disable", "operator")
    assert before.get("/auth/me").status_code == 401
    assert clients.operator.get("/auth/me").status_code == 401
    assert status(clients, "operator", PASSWORD) == 401
    assert cli.list()["operator"]["disabled_at"] is not None


def test_enable_lets_a_disabled_user_in_again(cli: Users, clients: Clients) -> None:
    before = clients.logged_in("operator")
    cli.ok("disable", "operator")
    cli.ok("enable", "operator")
    assert status(clients, "operator", PASSWORD) == 200
    assert clients.operator.get("/auth/me").status_code == 200
    assert before.get("/auth/me").status_code == 401


def test_role_holds_from_the_next_request_on(cli: Users, clients: Clients) -> None:
    assert clients.operator.delete("/sessions/delete", {"mac": "00:1A:2B:3C:4D:5E"}).status_code == 200
    cli.ok("role", "operator", "viewer")
    assert clients.operator.delete("/sessions/delete", {"mac": "00:1A:2B:3C:4D:5E"}).status_code == 403


def test_remove_takes_the_tokens_too_and_leaves_the_user_sessions(cli: Users, clients: Clients) -> None:
    clients.operator.ok("POST", "/api/v2/sessionstart")
    cli.ok("remove", "operator")
    assert "operator" not in cli.list()
    assert clients.operator.get("/auth/me").status_code == 401
    (session,) = clients.admin.ok("GET", "/api/v2/sessions?usernames[]=operator")
    assert session["active"] is False


@pytest.mark.parametrize("command", [["disable", "admin"], ["remove", "admin"], ["role", "admin", "viewer"]])
def test_the_last_admin_stays(cli: Users, command: list[str]) -> None:
    result = cli.run(*command)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "admin", "last")
    assert cli.list()["admin"]["role"] == "admin"
    cli.ok("role", "operator", "admin")
    cli.ok(*command)


@pytest.mark.parametrize(
    "command",
    [["disable"], ["enable"], ["remove"], ["passwd", "--generate"], ["role", "viewer"]],
    ids=lambda command: command[0],
)
def test_a_user_that_is_not_there_is_one_line(cli: Users, command: list[str]) -> None:
    name, *rest = command
    result = cli.run(name, "nobody", *rest)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "nobody")


def test_without_the_user_admin_the_file_of_the_first_password_is_gone(cli: Users) -> None:
    file = Path(cli.instance) / "initial-admin-password"
    file.write_text("the first one")
    cli.ok("add", "anna", "--role", "admin", "--generate")
    cli.ok("remove", "admin")
    assert not file.exists()


def test_a_weak_first_password_is_refused_and_makes_nobody(tmp_path: Path) -> None:
    result = invoke(tmp_path / "new", "migrate", ADMIN_PASSWORD="admin")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "ADMIN_PASSWORD")
    assert invoke(tmp_path / "new", "migrate", ADMIN_PASSWORD="long enough").exit_code == 0
