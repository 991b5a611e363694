"""`sessiontrack token`: API tokens for scripts and appliances."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.application import Clients
from tests.support.command import Commands, assert_one_line


class Tokens(Commands):
    def list(self) -> dict[str, dict[str, Any]]:
        return {token["name"]: token for token in json.loads(self.ok("list", "--json"))}


@pytest.fixture
def cli(clients: Clients) -> Tokens:
    return Tokens("token", clients.app.instance_path)


def test_issue_shows_the_secret_this_once(cli: Tokens, clients: Clients) -> None:
    secret = cli.ok("issue", "nightly scan").splitlines()[-1]
    answer = clients.with_token(secret).ok("GET", "/auth/me")
    assert (answer["username"], answer["role"]) == ("admin", "admin")
    assert secret not in cli.ok("list") + cli.ok("list", "--json")


def test_quiet_prints_the_secret_and_nothing_else(cli: Tokens, clients: Clients) -> None:
    shown = cli.ok("issue", "--quiet", "--user", "operator", "nightly scan")
    assert shown.count("\n") == 1
    assert clients.with_token(shown.strip()).ok("GET", "/auth/me")["username"] == "operator"


def test_a_token_may_have_less_than_its_users_role(cli: Tokens, clients: Clients) -> None:
    secret = cli.ok("issue", "--quiet", "--role", "viewer", "reader").strip()
    reader = clients.with_token(secret)
    assert reader.get("/sessions/list").status_code == 200
    assert reader.delete("/sessions/delete", {"mac": "00:1A:2B:3C:4D:5E"}).status_code == 403


def test_a_token_never_has_more_than_its_users_role(cli: Tokens) -> None:
    result = cli.run("issue", "--user", "viewer", "--role", "admin", "climber")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "viewer")
    assert "climber" not in cli.list()


def test_a_token_for_some_days(cli: Tokens) -> None:
    cli.ok("issue", "--days", "30", "scan")
    found = cli.list()["scan"]
    assert found["expires_at"] == found["created_at"] + 30 * 86_400
    assert cli.run("issue", "--days", "0", "never").exit_code == 2


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines"])
def test_a_name_that_is_none_is_refused(cli: Tokens, name: str) -> None:
    result = cli.run("issue", name)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "name")


def test_output_writes_the_token_into_a_new_file_and_never_over_another(
    cli: Tokens, clients: Clients, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    shown = cli.ok("add", "scan", "--role", "viewer", "--output", str(path))
    secret = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in shown
    assert secret.strip() not in shown
    assert clients.with_token(secret.strip()).ok("GET", "/auth/me")["role"] == "viewer"
    for name, words in (("scan", "scan"), ("another", "is there already")):
        result = cli.run("add", name, "--output", str(path))
        assert (result.exit_code, result.stdout) == (1, "")
        assert_one_line(result.stderr, words)
        assert path.read_text() == secret
    result = cli.run("add", "another", "--output", str(tmp_path / "none" / "token"))
    assert_one_line(result.stderr, "cannot be written")
    assert "scan" in cli.list()
    assert "another" not in cli.list()
    assert cli.ok("add", "another", "--quiet", "--output", str(tmp_path / "other")) == ""


def test_a_refusal_prints_nothing_on_standard_output(cli: Tokens) -> None:
    cli.ok("add", "scan")
    result = cli.run("add", "scan", "--quiet")
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_user_that_is_not_there_gets_none(cli: Tokens) -> None:
    result = cli.run("issue", "--user", "nobody", "scan")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "nobody")


def test_a_name_in_use_is_refused_until_its_token_is_revoked(cli: Tokens) -> None:
    cli.ok("issue", "scan")
    result = cli.run("issue", "scan")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "scan")
    cli.ok("revoke", "scan")
    cli.ok("issue", "scan")


@pytest.mark.parametrize("by", ["id", "name"])
def test_revoke_lets_nobody_in_from_the_next_request_on(cli: Tokens, clients: Clients, by: str) -> None:
    secret = cli.ok("issue", "--quiet", "scan").strip()
    client = clients.with_token(secret)
    client.ok("POST", "/api/v2/sessionstart")
    cli.ok("revoke", str(cli.list()["scan"][by]))
    assert client.get("/auth/me").status_code == 401
    assert cli.list()["scan"]["revoked_at"] is not None
    (session,) = clients.admin.ok("GET", "/api/v2/sessions")
    assert session["active"] is False


@pytest.mark.parametrize("which", ["999", "nothing", "9" * 30, "²"])
def test_revoke_of_what_is_not_there_is_one_line(cli: Tokens, which: str) -> None:
    result = cli.run("revoke", which)
    assert result.exit_code == 1
    assert_one_line(result.stderr, which)


def test_list_is_a_table(cli: Tokens) -> None:
    lines = cli.ok("list").splitlines()
    assert lines[0].split() == [
        "id",
        "name",
        "username",
        "role",
        "created_at",
        "revoked_at",
        "expires_at",
        "last_used_at",
    ]
    assert len(lines) == 4
