"""`/backups`: made on the server while it works, listed, and downloaded after signing in."""

import signal
import stat
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import time_machine

from sessiontrack.backups import copies, dumps
from sessiontrack.config import settings_of
from sessiontrack.database import database_file
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.process import last_backup
from tests.support.application import NOW, Client, Clients
from tests.support.command import invoke
from tests.support.refusals import refused
from tests.support.server import Server
from tests.support.waiting import SECONDS, wait_until


def made(client: Client) -> dict[str, Any]:
    """The folder, once none is being made any more."""
    client.ok("POST", "/backups")
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(client.ok("GET", "/backups"))
        return not found["running"]

    wait_until(is_over, "the backup")
    return found


def downloaded(client: Client, path: str) -> bytes:
    with client.get(path) as response:
        assert response.status_code == 200
        return response.data


def folder_of(clients: Clients) -> Path:
    instance = settings_of(clients.app).instance
    return instance / "backups"


def test_one_that_was_made_here_is_the_last_backup(clients: Clients) -> None:
    (only,) = made(clients.admin)["backups"]
    assert last_backup.last_backup(Path(clients.app.instance_path)) == only["made_at"]


def test_none_at_first(clients: Clients) -> None:
    found = clients.admin.ok("GET", "/backups")
    assert (found["backups"], found["running"], found["failure"]) == ([], False, None)
    assert found["folder"] == str(folder_of(clients))
    assert not folder_of(clients).exists()


@pytest.mark.sqlite("the file is looked into")
def test_a_backup_is_made_listed_and_downloaded(clients: Clients) -> None:
    with time_machine.travel(NOW, tick=False):
        (backup,) = made(clients.admin)["backups"]
        assert backup["name"] == f"sessiontrack-{copies.stamp(NOW)}-asked.sqlite3"
        assert backup["made_at"] == NOW
        file = folder_of(clients) / backup["name"]
        assert backup["size_bytes"] == file.stat().st_size
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert database_file.find_revision(file) is not None
        with clients.logged_in("admin").get(f"/backups/{backup['name']}") as response:
            assert response.data == file.read_bytes()
    assert response.headers["Content-Disposition"] == f"attachment; filename={backup['name']}"
    assert response.headers["Cache-Control"] == "no-store"


def test_only_whoever_has_just_signed_in_downloads(clients: Clients) -> None:
    folder_of(clients).mkdir()
    path = f"/backups/sessiontrack-{copies.stamp(NOW)}.sqlite3"
    (folder_of(clients).parent / path.removeprefix("/")).write_bytes(b"a backup")
    with time_machine.travel(NOW, tick=False) as clock:
        here = clients.logged_in("admin")
        tokens = clients.log_in("admin")
        assert downloaded(here, path) == b"a backup"
        refused(clients.admin.get(path), 403)
        refused(clients.logged_in("operator").get(path), 403)
        clock.shift(890)
        assert downloaded(here, path) == b"a backup"
        clock.shift(11)
        # Renewed, it is still the login of a quarter of an hour ago.
        renewed = clients.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
        refused(clients.with_token(renewed["access_token"]).get(path), 403)
        assert downloaded(clients.logged_in("admin"), path) == b"a backup"


@pytest.mark.parametrize(
    "name",
    ["sessiontrack-20250101T000000Z.sqlite3", "signing-key", "..%2fsigning-key", "last-failure", "..", "."],
)
def test_nothing_else_is_downloaded(clients: Clients, name: str) -> None:
    folder_of(clients).mkdir()
    (folder_of(clients) / "last-failure").write_text("x")
    refused(clients.logged_in("admin").get(f"/backups/{name}"), 404)


def test_a_link_is_no_backup(clients: Clients) -> None:
    folder_of(clients).mkdir()
    name = f"sessiontrack-{copies.stamp(NOW)}.sqlite3"
    (folder_of(clients) / name).symlink_to(folder_of(clients).parent / "signing-key")
    assert clients.admin.ok("GET", "/backups")["backups"] == []
    refused(clients.logged_in("admin").get(f"/backups/{name}"), 404)


@pytest.mark.sqlite("pg_dump makes the others")
def test_while_one_is_made_others_work_and_no_second_one_begins(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    calls: list[int] = []
    copy_database = database_file.copy_database

    def slow(path: Path, target: Path, tell: database_file.Progress) -> dict[str, int]:
        calls.append(1)
        tell(0)
        may_end.wait()
        return copy_database(path, target, tell)

    monkeypatch.setattr(database_file, "copy_database", slow)
    try:
        clients.admin.ok("POST", "/backups")
        assert clients.admin.ok("GET", "/backups")["running"]
        clients.viewer.ok("POST", "/api/v2/sessionstart")
        clients.viewer.ok("POST", "/api/v2/keepalive", {"visible": True, "path": "a"})
        clients.admin.ok("POST", "/backups")
    finally:
        may_end.set()
    wait_until(lambda: not clients.admin.ok("GET", "/backups")["running"], "the backup")
    assert len(calls) == 1
    assert len(clients.admin.ok("GET", "/backups")["backups"]) == 1


def test_why_none_was_made_is_said_until_one_is(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise StorageUnavailable("There is too little space.")

    with monkeypatch.context() as patched:
        patched.setattr(copies, "back_up", full)
        patched.setattr(dumps, "dump", full)
        found = made(clients.admin)
    assert (found["backups"], found["failure"]) == ([], "There is too little space.")
    assert made(clients.admin)["failure"] is None


# Worker and master die while a backup is made, as when the power fails.
KILLED = """
import os, signal
from sessiontrack.backups import copies
from sessiontrack.database import database_file
database_file.PAGES_A_STEP = 1
back_up = copies.back_up

def killed(database, target, now, keep, tell, kind):
    def die(percent):
        tell(percent)
        if percent > 40:
            for process in (os.getppid(), os.getpid()):
                os.kill(process, signal.SIGKILL)
    return back_up(database, target, now, keep, die, kind)

copies.back_up = killed
"""


@pytest.mark.sqlite("the files are SQLite's")
def test_of_a_server_killed_midway_no_backup_is_left_and_the_next_one_works(
    template: tuple[Path, dict[str, str]], instance: Path
) -> None:
    token = template[1]["admin"]
    with Server(instance, workers=1, changed=KILLED) as server:
        # It may be killed before it has answered.
        with suppress(OSError, HTTPException):
            server.call("POST", "/backups", token=token)
        assert server.process.wait(SECONDS) == -signal.SIGKILL
    left = [each.name for each in (instance / "backups").iterdir()]
    assert left
    assert all(".sqlite3.part" in name for name in left)
    with Server(instance, workers=1) as server:

        def folder() -> Any:
            return server.call("GET", "/backups", token=token).json

        found = folder()
        assert (found["backups"], found["running"], found["failure"]) == ([], False, None)
        assert server.call("POST", "/backups", token=token).status == 200
        wait_until(lambda: not folder()["running"], "the backup")
        (backup,) = folder()["backups"]
        assert [each.name for each in (instance / "backups").iterdir()] == [backup["name"]]
        assert database_file.find_revision(instance / "backups" / backup["name"]) is not None


@pytest.mark.sqlite("the files are SQLite's")
def test_the_oldest_give_way(clients: Clients) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(9):
            found = made(clients.admin)
            clock.shift(60)
    stamps = [each["made_at"] for each in found["backups"]]
    assert stamps == [NOW + 60 * number for number in range(8, 1, -1)]


@pytest.mark.sqlite("pg_dump makes the others")
def test_none_that_was_made_by_the_command_gives_way(clients: Clients) -> None:
    """A click, or a stolen token, removes nothing of the nights; nor does a night of theirs."""
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(9):
            assert (
                invoke(folder_of(clients).parent, "backup", str(folder_of(clients)), "--keep", "9").exit_code
                == 0
            )
            clock.shift(60)
        for _ in range(8):
            found = made(clients.admin)
            clock.shift(60)
        assert (
            invoke(folder_of(clients).parent, "backup", str(folder_of(clients)), "--keep", "9").exit_code == 0
        )
    stamps = [each["made_at"] for each in clients.admin.ok("GET", "/backups")["backups"]]
    asked = [each["made_at"] for each in found["backups"] if "-asked." in each["name"]]
    assert asked == [NOW + 60 * number for number in range(16, 9, -1)]
    nightly = [NOW + 60 * number for number in (17, *range(8, 0, -1))]
    assert stamps == sorted([*asked, *nightly], reverse=True)
