"""`sessiontrack restore`: the backup replaces the database, or nothing changes."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from flask import Flask

from sessiontrack import create_app, migrations
from sessiontrack.backups import copies
from sessiontrack.database import database_file, db
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.keeping import restoring
from sessiontrack.migrations.revisions import _config
from tests.support.application import NOW, PASSWORD, Clients
from tests.support.command import assert_one_line, invoke, run
from tests.support.database_files import DAMAGES, DATABASE, ask, copy_of, damage, make_foreign, run_in
from tests.support.server import Server
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.sqlite("of the one file that it is; a server has pg_restore")

ROOT = Path(__file__).parents[2]
COUNT = "SELECT count(*) FROM device"
SESSION = {"mac": "AA:BB:CC:00:00:01", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    return copy_of(template[0], tmp_path / "instance").parent


@pytest.fixture
def backup(instance: Path, tmp_path: Path) -> Path:
    """A backup of 300 devices; then one is deleted in the instance."""
    file = tmp_path / "backup"
    copies.back_up(instance / DATABASE, file, NOW, None, lambda done: None)
    run_in(instance / DATABASE, "DELETE FROM device WHERE id = 1")
    return file


def kept_of(instance: Path) -> list[Path]:
    return sorted(instance.glob(f"{DATABASE}.before-restore-*"))


def test_the_backup_is_in_place_and_the_old_database_beside_it(instance: Path, backup: Path) -> None:
    before = backup.read_bytes()
    result = invoke(instance, "restore", str(backup))
    assert result.exit_code == 0, result.output
    assert ask(instance / DATABASE, COUNT) == [(300,)]
    (kept,) = kept_of(instance)
    assert ask(kept, COUNT) == [(299,)]
    assert str(kept) in result.stdout
    assert backup.read_bytes() == before
    assert oct((instance / DATABASE).stat().st_mode)[-3:] == "600"
    # The old database can be restored in the same way.
    assert invoke(instance, "restore", str(kept)).exit_code == 0
    assert ask(instance / DATABASE, COUNT) == [(299,)]


def test_what_was_in_the_wal_stays_with_the_old_database(instance: Path, backup: Path) -> None:
    with closing(sqlite3.connect(instance / DATABASE)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("DELETE FROM device WHERE id = 2")
        connection.commit()
        # The leftovers of a killed run.
        for ending in ("", "-wal"):
            shutil.copy(f"{instance / DATABASE}{ending}", f"{instance}/copy{ending}")
    for ending in ("", "-wal"):
        (instance / f"copy{ending}").replace(f"{instance / DATABASE}{ending}")
    assert invoke(instance, "restore", str(backup)).exit_code == 0
    assert ask(instance / DATABASE, COUNT) == [(300,)]
    (kept,) = [each for each in kept_of(instance) if not each.name.endswith(("-wal", "-shm"))]
    assert ask(kept, COUNT) == [(298,)]


def test_a_server_serves_what_was_restored_and_logins_have_ended(clients: Clients, tmp_path: Path) -> None:
    app: Flask = clients.app
    instance = Path(app.instance_path)
    token = clients.log_in("viewer")["access_token"]
    assert invoke(instance, "backup", str(tmp_path / "copy")).exit_code == 0
    with app.app_context():
        db.engine.dispose()
    assert invoke(instance, "restore", str(tmp_path / "copy")).exit_code == 0
    with Server(instance, workers=1) as server:
        assert server.call("GET", "/auth/me", token=token).status == 401
        body = {"username": "viewer", "password": PASSWORD}
        token = server.call("POST", "/auth/login", body).json["access_token"]
        assert server.call("GET", "/auth/me", token=token).json["username"] == "viewer"


def test_kept_accounts_do_not_bring_back_what_was_revoked(clients: Clients, tmp_path: Path) -> None:
    instance, backup = Path(clients.app.instance_path), tmp_path / "stolen"
    clients.admin.ok("POST", "/users", {"username": "mallory", "password": "once an operator"})
    lost = clients.with_token(clients.admin.ok("POST", "/auth/tokens", {"name": "lost"})["token"])
    lost.ok("GET", "/auth/me")
    copies.back_up(instance / DATABASE, backup, NOW, None, lambda done: None)
    (token_id,) = [each["id"] for each in clients.admin.ok("GET", "/auth/tokens") if each["name"] == "lost"]
    clients.admin.ok("DELETE", f"/auth/tokens/{token_id}")
    clients.admin.ok("DELETE", "/users/mallory")
    clients.admin.ok("POST", "/auth/tokens", {"name": "since then"})
    clients.operator.ok("POST", "/sessions/create", SESSION)
    with clients.app.app_context():
        db.engine.dispose()

    result = invoke(instance, "restore", str(backup), "--keep-accounts")
    assert result.exit_code == 0, result.output
    assert "Users and API tokens are those" in result.stdout
    assert lost.get("/auth/me").status_code == 401
    names = [each["name"] for each in clients.admin.ok("GET", "/auth/tokens")]
    assert "since then" in names
    assert "mallory" not in [each["username"] for each in clients.admin.ok("GET", "/users")]
    # All else is the backup's.
    assert clients.viewer.ok("GET", "/sessions/list")["sessions"] == []
    assert invoke(instance, "check").exit_code == 0


def test_accounts_are_kept_of_a_current_and_sound_database_only(
    instance: Path, backup: Path, tmp_path: Path
) -> None:
    result = invoke(tmp_path / "nowhere", "restore", str(backup), "--keep-accounts")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "no database", "accounts")
    run_in(instance / DATABASE, "UPDATE alembic_version SET version_num = '0025'")
    result = invoke(instance, "restore", str(backup), "--keep-accounts")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "sessiontrack migrate")
    assert ask(instance / DATABASE, COUNT) == [(299,)]
    assert kept_of(instance) == []


def test_into_a_folder_without_a_database(tmp_path: Path, backup: Path) -> None:
    result = invoke(tmp_path / "new", "restore", str(backup))
    assert result.exit_code == 0, result.output
    assert ask(tmp_path / "new" / DATABASE, COUNT) == [(300,)]
    assert kept_of(tmp_path / "new") == []


def test_a_first_password_that_does_not_hold_any_more_goes(tmp_path: Path) -> None:
    """The file of a fresh instance names a password that the restored database refuses."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        assert run(folder, "init").returncode == 0
    assert invoke(old, "backup", str(tmp_path / "move")).exit_code == 0
    first = new / "initial-admin-password"

    result = invoke(new, "restore", str(tmp_path / "move"), "--keep-accounts")
    assert result.exit_code == 0, result.output
    assert first.exists()
    result = invoke(new, "restore", str(tmp_path / "move"))
    assert result.exit_code == 0, result.output
    assert "Users, passwords and API tokens are those of the backup." in result.stdout
    assert f"Removed {first}" in result.stdout
    assert not first.exists()

    # Where it still holds, it stays.
    result = invoke(old, "restore", str(tmp_path / "move"))
    assert result.exit_code == 0, result.output
    assert "Removed" not in result.stdout
    assert (old / "initial-admin-password").exists()


def refused(instance: Path, file: Path, *words: str) -> None:
    database, content = (instance / DATABASE).read_bytes(), file.read_bytes() if file.is_file() else b""
    names = sorted(each.name for each in instance.iterdir())
    result = invoke(instance, "restore", str(file))
    assert result.exit_code == 1
    assert_one_line(result.stderr, *words)
    assert (instance / DATABASE).read_bytes() == database
    assert not file.is_file() or file.read_bytes() == content
    assert {each.name for each in instance.iterdir()} <= {*names, f"{DATABASE}-in-use"}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_backup_is_refused(instance: Path, backup: Path, how: str) -> None:
    damage(backup, how)
    refused(instance, backup, str(backup), "damaged")


def test_an_index_that_lacks_a_row_is_damage_too(instance: Path, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "UPDATE sqlite_master SET sql = replace(sql, '\"begin_at\"', '\"id\"')"
        sql = sql.replace("'\"begin_at\"'", "'begin_at)'").replace("'\"id\"'", "'id)'")
        connection.execute(f"{sql} WHERE name = 'ix_device_session_begin'")
    refused(instance, backup, str(backup), "damaged", "index")


def test_a_newer_versions_backup_is_refused(instance: Path, backup: Path) -> None:
    run_in(backup, "UPDATE alembic_version SET version_num = '9999'")
    refused(instance, backup, "newer version", "9999")


def test_another_programs_database_is_refused(instance: Path, tmp_path: Path) -> None:
    make_foreign(tmp_path / "foreign")
    refused(instance, tmp_path / "foreign", str(tmp_path / "foreign"), "another program")


def test_what_is_no_file_is_refused(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    refused(instance, tmp_path / "empty", "is empty")
    refused(instance, tmp_path, "not a file")
    refused(instance, tmp_path / "nowhere", "nowhere")
    refused(instance, instance / DATABASE, "the database itself")
    run_in(tmp_path / "no-tables", "CREATE TABLE a (b)", "DROP TABLE a")
    refused(instance, tmp_path / "no-tables", "is empty")


def test_it_is_refused_while_a_server_runs(instance: Path, backup: Path) -> None:
    with Server(instance, workers=1) as server:
        result = run(instance, "restore", str(backup))
        assert result.returncode == 1
        assert_one_line(result.stderr, "in use", "stop every serve, scan and listen")
        assert server.call("GET", "/readyz").status == 200
    assert ask(instance / DATABASE, COUNT) == [(299,)]
    assert run(instance, "restore", str(backup)).returncode == 0


def test_it_is_refused_while_another_program_has_it_open(instance: Path, backup: Path) -> None:
    with closing(sqlite3.connect(instance / DATABASE)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        connection.execute(COUNT).fetchone()
        result = run(instance, "restore", str(backup))
    assert result.returncode == 1
    assert_one_line(result.stderr, "locked")
    assert ask(instance / DATABASE, COUNT) == [(299,)]


def test_an_older_versions_backup_is_brought_up_to_date(instance: Path, tmp_path: Path) -> None:
    older = create_app({"INSTANCE": tmp_path / "older"})
    with older.app_context():
        with db.engine.begin() as connection:
            command.upgrade(_config(connection), "0001")
        db.engine.dispose()
    file = tmp_path / "older" / DATABASE
    run_in(file, "INSERT INTO device (mac, first_seen_at) VALUES ('02:00:00:00:00:01', 5)")
    database_file.fold_wal(file)
    before = file.read_bytes()
    result = invoke(instance, "restore", str(file))
    assert result.exit_code == 0, result.output
    assert "0001" in result.stdout
    assert ask(instance / DATABASE, "SELECT version_num FROM alembic_version") == [
        (migrations.newest_revision(),)
    ]
    assert ask(instance / DATABASE, "SELECT mac, can_flap FROM device") == [("02:00:00:00:00:01", 1)]
    assert file.read_bytes() == before


def test_a_damaged_database_is_replaced_and_kept_as_it_was(instance: Path, backup: Path) -> None:
    before = damage(instance / DATABASE, "random pages")
    (instance / f"{DATABASE}-wal").write_bytes(b"whatever")
    assert run(instance, "serve", "--port", "65000").returncode == 1
    result = invoke(instance, "restore", str(backup))
    assert result.exit_code == 0, result.output
    assert ask(instance / DATABASE, COUNT) == [(300,)]
    assert before in [kept.read_bytes() for kept in kept_of(instance)]
    assert run(instance, "migrate").returncode == 0


# One interpreter forks a child for each step, killed before the call at it; it says which steps these were.
KILLED = """
import os, shutil, signal, sys, traceback
from pathlib import Path
from sessiontrack.keeping import restoring

instance, backup, target = (Path(each) for each in sys.argv[1:])

def restored(step):
    folder, calls = target / f"instance-{step}", []
    shutil.copytree(instance, folder)
    os.environ["SESSIONTRACK_INSTANCE"] = str(folder)
    def counted(function):
        def call(*args, **kwargs):
            calls.append(function)
            if len(calls) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call
    for name in ("link", "replace", "rename", "unlink", "fsync", "open", "chmod"):
        setattr(os, name, counted(getattr(os, name)))
    restoring.restore(folder / "sessiontrack.sqlite3", backup, 1755259200)
    return len(calls)

def forked(step):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(restored(step)).encode())
        except Exception:
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    return os.waitpid(child, 0)[1], os.read(reading, 9)

steps = int(forked(0)[1])
for step in range(steps, 0, -max(1, steps // 12)):
    if forked(step)[0] != signal.SIGKILL:
        sys.exit(f"not killed at {step} of {steps}")
    print(step)
"""


def test_killed_anywhere_it_leaves_the_old_database_or_the_new_one(
    instance: Path, backup: Path, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(instance), str(backup), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    counts = []
    for step in ran.stdout.split():
        folder = tmp_path / f"instance-{step}"
        assert ask(folder / DATABASE, "PRAGMA integrity_check") == [("ok",)]
        counts += ask(folder / DATABASE, COUNT)
        # It can be repeated, and leaves nothing of the first run.
        restoring.restore(folder / DATABASE, backup, NOW + 60)
        assert ask(folder / DATABASE, COUNT) == [(300,)]
        assert list(folder.glob("*.restoring*")) == []
    assert set(counts) == {(299,), (300,)}


def test_a_file_that_cannot_be_copied_is_told(
    instance: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(StorageUnavailable, match="No space left"):
        restoring.restore(instance / DATABASE, backup, NOW)
    assert ask(instance / DATABASE, COUNT) == [(299,)]
