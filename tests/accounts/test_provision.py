"""`sessiontrack provision`: an instance with a token, without a person, and safe to repeat."""

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiontrack.database import Statement
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke, run
from tests.support.pages import section
from tests.support.rows import writing

TOKENS = Statement(
    "SELECT name, role, revoked_at IS NULL FROM api_token WHERE name = 'appliance' ORDER BY id"
)


def secret_in(path: Path) -> str:
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text().strip()


def status(clients: Clients, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    answer: int = clients.nobody.call("GET", "/auth/me", headers=headers).status_code
    return answer


def test_an_empty_folder_becomes_an_instance_with_a_token(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    first = invoke(folder, "provision", ADMIN_PASSWORD="correct horse battery")
    assert first.exit_code == 0, first.output
    assert "correct horse" not in first.output
    assert first.stdout == f"The token appliance (operator) is in {folder / 'token'}.\n"
    secret = secret_in(folder / "token")
    assert secret not in first.output
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ""}
    again = invoke(folder, "provision")
    assert again.stdout == f"The token appliance (operator) is in {folder / 'token'} already.\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ""} == before


@pytest.mark.parametrize(
    ("place", "kept"),
    [("/var/lib/sessiontrack", {"sessiontrack.toml"}), ("instance", {"sessiontrack.toml", ".gitkeep"})],
)
def test_a_factory_reset_leaves_the_settings_alone(place: str, kept: set[str], tmp_path: Path) -> None:
    """By the lines of docs/embedding.md, of an installation and of a checkout."""
    folder = tmp_path / "instance"
    invoke(folder, "provision")
    invoke(folder, "settings", "set", "TIMEZONE", "Europe/Paris")
    invoke(folder, "backup", str(folder / "backups"))
    before = {name: (folder / name).read_text() for name in ("token", "signing-key")}
    for name in kept:
        (folder / name).touch()
    (line,) = re.findall(rf"find {place} [^`\n]+", section("embedding.md", "Factory reset"))
    subprocess.run(["sh", "-c", line.replace(place, str(folder))], check=True)
    assert {path.name for path in folder.iterdir()} == kept
    again = invoke(folder, "provision")
    assert again.exit_code == 0, again.output
    for name, text in before.items():
        assert (folder / name).read_text() != text, name


def test_the_first_password_is_not_printed_where_no_person_is(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    first = invoke(folder, "provision")
    file = folder / "initial-admin-password"
    assert first.stderr == f"User:     admin\nPassword: in {file}\n"
    assert file.read_text().strip() not in first.output


def test_the_token_works_and_a_lost_or_revoked_one_is_replaced(clients: Clients, tmp_path: Path) -> None:
    path = tmp_path / "token"

    def provision(*options: str) -> str:
        words = ["provision", "--token-file", str(path), *options]
        result = invoke(clients.app.instance_path, *words)
        assert result.exit_code == 0, result.output
        return secret_in(path)

    first = provision()
    assert status(clients, first) == 200
    path.unlink()
    second = provision()
    assert (status(clients, first), status(clients, second)) == (401, 200)
    assert invoke(clients.app.instance_path, "token", "revoke", "appliance").exit_code == 0
    third = provision()
    assert (status(clients, second), status(clients, third)) == (401, 200)
    fourth = provision("--role", "viewer")
    assert (status(clients, third), status(clients, fourth)) == (401, 200)
    path.write_text("")
    assert status(clients, provision("--role", "viewer")) == 200
    with writing(clients.app) as tx:
        assert tx.rows(TOKENS)[-1] == ("appliance", "viewer", 1)
        assert [row[2] for row in tx.rows(TOKENS)].count(1) == 1


def test_several_at_once_make_one_token(clients: Clients, tmp_path: Path) -> None:
    path, folder = tmp_path / "token", Path(clients.app.instance_path)
    with ThreadPoolExecutor(4) as pool:
        words = ("provision", "--token-file", str(path))
        ended = list(pool.map(lambda _: run(folder, *words), range(4)))
    assert [each.returncode for each in ended] == [0] * 4, [each.stderr for each in ended]
    assert status(clients, secret_in(path)) == 200
    with writing(clients.app) as tx:
        assert len(tx.rows(TOKENS)) == 1


def test_another_file_at_that_place_is_left_alone(clients: Clients, tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("theirs")
    result = invoke(clients.app.instance_path, "provision", "--token-file", str(path))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "is no token")
    assert path.read_text() == "theirs"


@pytest.mark.parametrize("where", ["missing/token", "/proc/token"])
def test_where_it_cannot_be_written_nothing_is_issued(clients: Clients, tmp_path: Path, where: str) -> None:
    result = invoke(clients.app.instance_path, "provision", "--token-file", os.path.join(tmp_path, where))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "cannot be written")
    with writing(clients.app) as tx:
        assert tx.rows(TOKENS) == []


RETIRED = [("disable", "admin"), ("remove", "admin"), ("role", "admin", "viewer")]


@pytest.mark.parametrize("retired", RETIRED, ids=" ".join)
@pytest.mark.parametrize("is_lost", [False, True], ids=["kept", "lost"])
def test_once_admin_is_retired_another_admin_has_the_token(
    tmp_path: Path, retired: tuple[str, ...], is_lost: bool
) -> None:
    folder = tmp_path / "instance"
    assert invoke(folder, "provision").exit_code == 0
    first = secret_in(folder / "token")
    for name in ("owner", "later"):
        added = invoke(folder, "user", "add", name, "--role", "admin", "--generate")
        assert added.exit_code == 0, added.output
    assert invoke(folder, "user", *retired).exit_code == 0
    if is_lost:
        (folder / "token").unlink()
    again = invoke(folder, "provision")
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout == f"The token appliance (operator) is in {folder / 'token'}.\n"
    assert secret_in(folder / "token") != first
    assert "already" in invoke(folder, "provision").stdout
    listed = json.loads(invoke(folder, "token", "list", "--json").stdout)
    in_use = [each for each in listed if each["revoked_at"] is None]
    assert [(each["username"], each["role"]) for each in in_use] == [("owner", "operator")]


def test_a_token_stays_where_its_user_may_still_do_what_it_may(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    assert invoke(folder, "provision", "--role", "viewer").exit_code == 0
    assert invoke(folder, "user", "add", "owner", "--role", "admin", "--generate").exit_code == 0
    assert invoke(folder, "user", "role", "admin", "operator").exit_code == 0
    assert "already" in invoke(folder, "provision", "--role", "viewer").stdout


@pytest.mark.parametrize("retired", RETIRED, ids=" ".join)
def test_a_token_added_by_hand_is_an_admins_too(tmp_path: Path, retired: tuple[str, ...]) -> None:
    folder = tmp_path / "instance"
    assert invoke(folder, "init").exit_code == 0
    first = invoke(folder, "token", "add", "first", "--role", "viewer")
    assert "(first, viewer of admin)" in first.stdout
    assert invoke(folder, "user", "add", "owner", "--role", "admin", "--generate").exit_code == 0
    assert "(both, admin of admin)" in invoke(folder, "token", "add", "both").stdout
    assert invoke(folder, "user", *retired).exit_code == 0
    added = invoke(folder, "token", "add", "second")
    assert (added.exit_code, added.stderr) == (0, "")
    assert "(second, admin of owner)" in added.stdout
    named = invoke(folder, "token", "add", "third", "--user", "nobody")
    assert_one_line(named.stderr, "no user nobody")
