"""Passwords and tokens never appear in logs, nor in files where they need not be (contract 5)."""

import os
import select
import subprocess
from pathlib import Path

import pytest

from sessiontrack.cli import application
from tests.support import databases
from tests.support.command import invoke
from tests.support.refusals import refused
from tests.support.server import COMMAND, Server, environment
from tests.support.waiting import SECONDS

PASSWORD = "the-first-admins-own-password"
WRONG = "a-wrong-password-that-was-typed"
UNTYPED = "a-password-in-the-wrong-field"


def break_table(instance: Path, name: str, *, back: bool = False) -> None:
    """Take a table away, so that whoever needs it fails for a reason nobody thought of."""
    names = (f"{name}_away", name) if back else (name, f"{name}_away")
    databases.rows(instance, 'ALTER TABLE "{}" RENAME TO "{}"'.format(*names))


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    # There before, and open to everybody: what is put into it still is not.
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o755)
    return folder


def test_contract_5_passwords_and_tokens_never_appear_in_logs(instance: Path) -> None:
    secrets = [PASSWORD, WRONG, UNTYPED]
    right = {"username": "admin", "password": PASSWORD}
    with Server(instance, ADMIN_PASSWORD=PASSWORD) as server:
        tokens = server.call("POST", "/auth/login?cookies=1", right).json
        access, refresh = tokens["access_token"], tokens["refresh_token"]
        issued = server.call("POST", "/auth/tokens", {"name": "script"}, access).json["token"]
        secrets += [access, refresh, issued, access.split(".")[2], refresh.split(".")[2]]
        assert server.call("GET", "/auth/me", token=issued).status == 200
        secrets.append(server.call("POST", "/auth/refresh", token=refresh).json["access_token"])
        # Refused for every reason there is.
        refused(server.call("POST", "/auth/login", {"username": "admin", "password": WRONG}), 401)
        refused(server.call("POST", "/auth/login", {"username": "no", "password": PASSWORD}), 401)
        refused(server.call("POST", "/auth/login", {"username": "admin", "pasword": UNTYPED}), 400)
        refused(server.call("POST", "/auth/login", {"username": UNTYPED, "password": 5}), 400)
        refused(server.call("POST", "/auth/login", f'{{"password": "{WRONG}"'.encode()), 400)
        refused(server.call("GET", f"/auth/me?access_token={access}"), 401)
        refused(server.call("GET", f"/nowhere/{issued}", token=access), 404)
        refused(server.call("GET", "/auth/me", token=access[:-5] + "AAAAA"), 401)
        refused(server.call("GET", "/auth/me", Cookie=f"sessiontrack_access={refresh}"), 401)
        # Failed for reasons that nobody thought of: the log tells where, and no secret.
        for table, calls in {
            "login_throttle": [("/auth/login", right, None)],
            "login": [("/auth/login", right, None), ("/auth/logout", None, access)],
            "api_token": [("/auth/logout", None, issued), ("/auth/tokens", {"name": "x"}, access)],
        }.items():
            break_table(instance, table)
            for path, body, token in calls:
                assert server.call("POST", path, body, token).status == 500
            break_table(instance, table, back=True)
        assert server.call("POST", "/auth/logout", token=access).status == 200
        output = server.output()
    output += server.output()
    assert output.count("Traceback") >= 5
    for secret in secrets:
        assert secret not in output
    for path in instance.iterdir():
        raw = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in raw, path.name
        assert path.stat().st_mode & 0o077 == 0, path.name
    key = (instance / "signing-key").read_text().strip()
    assert key not in output
    for path in instance.iterdir():
        assert path.name == "signing-key" or key.encode() not in path.read_bytes()


def test_contract_5_a_random_first_password_is_printed_once_and_kept_in_its_file(instance: Path) -> None:
    with Server(instance, workers=1) as server:
        file = instance / "initial-admin-password"
        password = file.read_text().strip()
        assert file.stat().st_mode & 0o777 == 0o600
        assert server.call("POST", "/auth/login", {"username": "admin", "password": password}).status == 200
    assert server.output().count(password) == 1
    for path in instance.iterdir():
        assert path == file or password.encode() not in path.read_bytes()
    with Server(instance, workers=1) as again:
        pass
    assert password not in again.output()


def test_contract_5_the_first_process_of_a_container_does_not_log_the_first_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "instance"
    monkeypatch.setattr(application.os, "getpid", lambda: 1)
    made = invoke(folder, "init")
    file = folder / "initial-admin-password"
    assert f"Password: in {file}" in made.stderr
    assert file.read_text().strip() not in made.output


def test_contract_5_a_terminal_gets_the_first_password_under_a_service_manager_too(tmp_path: Path) -> None:
    """Terminals of a desktop inherit JOURNAL_STREAM."""
    folder = tmp_path / "instance"
    terminal, its_end = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        ran = subprocess.run(
            [COMMAND, "provision"],
            env={**environment(folder), "JOURNAL_STREAM": "8:12345"},
            stdout=subprocess.DEVNULL,
            stderr=its_end,
            timeout=SECONDS,
        )
        shown = ""
        # Both lines, in however many pieces they come.
        waiting = select.poll()
        waiting.register(screen, select.POLLIN)
        while shown.count("\n") < 2 and waiting.poll(SECONDS * 1000):
            shown += screen.read(65_536).decode()
        os.close(its_end)
    assert ran.returncode == 0, shown
    assert (folder / "initial-admin-password").read_text().strip() in shown


def test_contract_5_the_journal_is_not_told_the_first_password(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    with Server(instance, workers=1) as server:
        file = instance / "initial-admin-password"
        assert str(file) in server.output()
        assert file.read_text().strip() not in server.output()
