"""An unusable database: one clear line at start, exit code 1, and nothing is overwritten."""

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sessiontrack.database import database_file, in_use
from sessiontrack.database.engines import writer_lock
from sessiontrack.exceptions import DamagedDatabase, StorageUnavailable
from sessiontrack.process.whole_file import user_name
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke, run
from tests.support.database_files import DAMAGES, DATABASE, PAGE, ask, copy_of, damage, make_foreign, run_in
from tests.support.server import Server, free_port
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.sqlite("damages the file")

Template = tuple[Path, dict[str, str]]
STARTS = (["serve", "--port", "65000"], ["listen", "radius", "--port", "65000"])
RADIUS = {"RADIUS_CLIENTS": "127.0.0.1=secret"}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start[0])
def test_a_damaged_file_is_refused_and_the_way_out_named(
    tmp_path: Path, template: Template, how: str, start: list[str]
) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    before = damage(file, how)
    result = invoke(tmp_path / "instance", *start, **RADIUS)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert_one_line(result.stderr, str(file), "damaged", "sessiontrack restore")
    assert file.read_bytes() == before


def test_another_programs_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    before = make_foreign(tmp_path / DATABASE)
    result = invoke(tmp_path, "serve", "--port", "65000")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(tmp_path / DATABASE), "another program")
    assert (tmp_path / DATABASE).read_bytes() == before


def test_a_newer_databases_journal_mode_is_not_even_changed(tmp_path: Path, template: Template) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    run_in(file, "UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    result = invoke(tmp_path / "instance", "serve", "--port", "65000")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "newer version", "9999", "sessiontrack restore")
    assert file.read_bytes() == before


def test_a_database_without_its_revision_is_refused(tmp_path: Path, template: Template) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    run_in(file, "DELETE FROM alembic_version")
    result = invoke(tmp_path / "instance", "migrate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(file), "revision")


def test_an_empty_file_is_a_fresh_install(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    result = invoke(tmp_path, "migrate")
    assert result.exit_code == 0, result.output
    assert ask(tmp_path / DATABASE, 'SELECT username FROM "user"') == [("admin",)]


def test_a_file_that_is_damaged_while_it_is_served_is_named_so(clients: Clients) -> None:
    file = Path(clients.app.instance_path) / DATABASE
    # Not the first pages: the application opens the file normally, and then reads noise.
    content = bytearray(file.read_bytes())
    content[PAGE:] = os.urandom(len(content) - PAGE)
    file.write_bytes(content)
    answer = clients.viewer.get("/sessions/list")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "storage_unavailable"
    assert "sessiontrack restore" in answer.get_json()["message"]
    assert answer.headers["Retry-After"]


def test_the_look_at_the_pages_ends_in_time(tmp_path: Path, template: Template) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    damage(file, "random pages")
    with pytest.raises(DamagedDatabase):
        database_file.refuse_damaged(file)
    database_file.STEPS_A_LOOK, before = 1, database_file.STEPS_A_LOOK
    try:
        # With no time at all the check finds and reports nothing.
        database_file.refuse_damaged(file, -1)
    finally:
        database_file.STEPS_A_LOOK = before


# In a namespace in which the folder is read-only or belongs to another user.
READ_ONLY = """
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
exec "$2" -c 'from sessiontrack.cli import main; main()' migrate
"""


def test_a_read_only_file_system_is_one_clear_line(tmp_path: Path, template: Template) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    before = file.read_bytes()
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh"]
    result = subprocess.run(
        [*command, str(file.parent), sys.executable],
        env={**os.environ, "SESSIONTRACK_INSTANCE": str(file.parent)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert result.returncode == 1
    assert_one_line(result.stderr, str(file.parent), "read-only")
    assert file.read_bytes() == before


@pytest.mark.parametrize("ending", ["", "-wal", "-writer"])
def test_a_file_of_another_owner_is_named_with_both_users(
    tmp_path: Path, template: Template, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    foreign = Path(f"{file}{ending}")
    foreign.touch()
    # root may write everything, so the test substitutes the answer for other users.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != foreign)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    result = invoke(tmp_path / "instance", "migrate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(foreign), "12345", user_name(foreign.stat().st_uid))


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    result = run(
        tmp_path, "serve", "--port", str(free_port()), DATABASE_URL=f"sqlite:///{tmp_path}/no/x.sqlite3"
    )
    assert result.returncode == 1
    assert_one_line(result.stderr, f"{tmp_path}/no")
    assert not (tmp_path / "no").exists()


def test_a_port_in_use_is_one_clear_line_and_touches_no_database(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert_one_line(result.stderr, "Cannot listen")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_being_restored_is_not_started_upon(tmp_path: Path, template: Template) -> None:
    shutil.copytree(template[0], tmp_path / "instance")
    with in_use.use_alone(tmp_path / "instance" / DATABASE):
        result = run(tmp_path / "instance", "migrate")
    assert result.returncode == 1
    assert_one_line(result.stderr, "being restored")
    assert run(tmp_path / "instance", "migrate").returncode == 0


def test_who_only_asks_whether_a_database_is_used_refuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock for an instant, in which another program may start."""
    asking = in_use.use_alone(tmp_path / DATABASE)
    asking.__enter__()
    monkeypatch.setattr(
        "sessiontrack.database.in_use.time.sleep", lambda _: asking.__exit__(None, None, None)
    )
    user: set[int] = set()
    in_use.use_with_others(tmp_path / DATABASE, user)
    assert in_use.is_used(tmp_path / DATABASE)


def test_a_running_server_has_the_database_in_use_until_its_last_process_ends(
    tmp_path: Path, template: Template
) -> None:
    shutil.copytree(template[0], tmp_path / "instance")
    file = tmp_path / "instance" / DATABASE
    with (
        Server(tmp_path / "instance", workers=1),
        pytest.raises(StorageUnavailable, match="in use"),
        in_use.use_alone(file),
    ):
        pass
    with in_use.use_alone(file):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    result = invoke(tmp_path, "migrate")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "cannot be locked", os.strerror(number), "flock()")
    with pytest.raises(StorageUnavailable, match=r"flock\(\)"):
        writer_lock.WriterLock(tmp_path / "writer", 60).acquire()
