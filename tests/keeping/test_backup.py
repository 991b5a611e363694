"""`sessiontrack backup`: the database in one file, during writes."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sessiontrack.backups import copies
from sessiontrack.database import database_file
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW, LiveServer
from tests.support.command import assert_one_line, invoke
from tests.support.database_files import DATABASE, ask, copy_of, damage, make_foreign, run_in
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.sqlite("of the one file that it is; a server has pg_dump")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    return copy_of(template[0], tmp_path / "instance").parent


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_backup_is_one_sound_file_for_its_owner_alone(instance: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    result = invoke(instance, "backup", str(target))
    assert result.exit_code == 0, result.output
    assert "verified" in result.stdout
    assert mode(target) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.sqlite3", "instance"]
    assert ask(target, "PRAGMA integrity_check") == [("ok",)]
    for table in ("device", "device_session", "api_token", "alembic_version"):
        rows = f"SELECT * FROM {table} ORDER BY 1"
        assert ask(target, rows) == ask(instance / DATABASE, rows)
    assert ask(target, "SELECT count(*) FROM device") == [(300,)]


def test_what_is_only_in_the_wal_is_in_the_backup(live: LiveServer, tmp_path: Path) -> None:
    body = {"mac": "02:BA:00:00:00:01", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00"}
    assert live.server.call("POST", "/sessions/create", body, live.tokens["operator"]).status == 200
    assert (live.instance / f"{DATABASE}-wal").stat().st_size > 0
    assert invoke(live.instance, "backup", str(tmp_path / "copy")).exit_code == 0
    assert ask(tmp_path / "copy", "SELECT count(*) FROM device WHERE mac = ?", body["mac"]) == [(1,)]


def test_backups_made_while_others_write_are_whole(live: LiveServer, tmp_path: Path) -> None:
    """Each creates its sessions in order, so a backup must hold all up to one, and none after it."""
    done = threading.Event()
    acknowledged: dict[int, list[int]] = {n: [] for n in range(4)}

    def create(n: int) -> None:
        for minute in range(2000):
            if done.is_set():
                return
            body = {
                "mac": f"02:BB:00:00:00:{n:02X}",
                "ip": "10.0.0.1",
                "start_time": IN_UTC.format_offset(1_750_000_000 + 60 * minute),
                "end_time": IN_UTC.format_offset(1_750_000_030 + 60 * minute),
            }
            answer = live.server.call("POST", "/sessions/create", body, live.tokens["operator"])
            assert answer.status == 200
            acknowledged[n].append(answer.json["id"])

    threads = [threading.Thread(target=create, args=(n,)) for n in acknowledged]
    for thread in threads:
        thread.start()
    try:
        acknowledged_before = []
        for number in range(5):
            before = {n: list(ids) for n, ids in acknowledged.items()}
            copies.back_up(live.instance / DATABASE, tmp_path / str(number), NOW, None, lambda done: None)
            acknowledged_before.append(before)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    for number, before in enumerate(acknowledged_before):
        for n, ids in before.items():
            sql = (
                "SELECT s.id, connected_at FROM device_session s JOIN device d ON d.id = device_id"
                " WHERE mac = ? ORDER BY connected_at"
            )
            stored = ask(tmp_path / str(number), sql, f"02:BB:00:00:00:{n:02X}")
            assert {each for each, _ in stored} >= set(ids)
            assert [at for _, at in stored] == [1_750_000_000 + 60 * m for m in range(len(stored))]


def test_in_a_folder_the_newest_are_kept_and_nothing_else_is_touched(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    others = ["notes.txt", "sessiontrack-old.sqlite3", "sessiontrack-20250101T000000Z.sqlite3.txt"]
    for name in others:
        (folder / name).write_text("mine")
    for day in range(5):
        copies.back_up(instance / DATABASE, folder, NOW + 86_400 * day, 3, lambda done: None)
    result = invoke(instance, "backup", str(folder), "--keep", "2")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("Removed ") == 2
    kept = sorted(each.name for each in folder.iterdir() if each.name not in others)
    assert len(kept) == 2
    assert kept[0] == "sessiontrack-20250819T120000Z.sqlite3"
    assert re.fullmatch(r"sessiontrack-2[0-9]{7}T[0-9]{6}Z\.sqlite3", kept[1])
    assert all((folder / name).read_text() == "mine" for name in others)


def test_a_folder_to_keep_backups_in_is_made_for_its_owner(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    result = invoke(instance, "backup", str(folder), "--keep", "2")
    assert result.exit_code == 0, result.output
    assert len(list(folder.glob("*.sqlite3"))) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    refused = invoke(instance, "backup", str(tmp_path / "instance" / DATABASE / "below"), "--keep", "2")
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, "cannot be written")


@pytest.mark.parametrize("missing", ["usb", "usb/of/mine"])
def test_a_folder_above_it_is_not_made_since_a_disk_may_not_be_mounted(
    instance: Path, tmp_path: Path, missing: str
) -> None:
    parent = tmp_path / missing
    refused = invoke(instance, "backup", str(parent / "backups"), "--keep", "2")
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, f"{parent} is not there", "not mounted")
    assert not (tmp_path / "usb").exists()


def test_the_one_just_made_stays_though_the_clock_went_back(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    newest = copies.back_up(instance / DATABASE, folder, NOW, 1, lambda done: None)
    older = copies.back_up(instance / DATABASE, folder, NOW - 86_400, 1, lambda done: None)
    assert older.removed == [newest.path]
    assert list(folder.iterdir()) == [older.path]


def test_those_made_last_are_kept_whatever_their_names_say(instance: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    ahead = NOW + 15 * 365 * 86_400
    made = [
        copies.back_up(instance / DATABASE, folder, at, 2, lambda done: None).path
        for at in (ahead, NOW, NOW + 60, 0, NOW + 120)
    ]
    assert sorted(folder.iterdir()) == sorted(made[-2:])


def test_an_older_backup_is_replaced_and_any_other_file_is_not(instance: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    assert invoke(instance, "backup", str(target)).exit_code == 0
    run_in(instance / DATABASE, "DELETE FROM device WHERE id = 1")
    assert invoke(instance, "backup", str(target)).exit_code == 0
    assert ask(target, "SELECT count(*) FROM device") == [(299,)]
    (tmp_path / "letter").write_text("Dear Anna")
    foreign = make_foreign(tmp_path / "foreign")
    for name, content in (("letter", b"Dear Anna"), ("foreign", foreign)):
        result = invoke(instance, "backup", str(tmp_path / name))
        assert result.exit_code == 1
        assert_one_line(result.stderr, name, "not changed")
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    ("target", "word"), [("nowhere/copy", "nowhere"), (f"instance/{DATABASE}", "the database itself")]
)
def test_a_target_that_will_not_do_is_one_line(
    instance: Path, tmp_path: Path, target: str, word: str
) -> None:
    before = (instance / DATABASE).read_bytes()
    result = invoke(instance, "backup", str(tmp_path / target))
    assert result.exit_code == 1
    assert_one_line(result.stderr, word)
    assert (instance / DATABASE).read_bytes() == before


@pytest.mark.parametrize(
    "options", [[__file__, "--keep", "2"], [".", "--keep", "0"], [".", "--keep", "all"], []]
)
def test_a_wrong_call_ends_with_2(instance: Path, options: list[str]) -> None:
    assert invoke(instance, "backup", *options).exit_code == 2


def test_restore_of_postgresql_says_what_to_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether or not its driver is installed.
    monkeypatch.setattr("sessiontrack.cli.application.sqlite_file", lambda: None)
    result = invoke(tmp_path, "restore", str(tmp_path / "x"))
    assert result.exit_code == 2
    assert "PostgreSQL" in result.stderr
    assert "pg_restore" in result.stderr


def test_there_is_nothing_to_back_up_before_the_first_start(tmp_path: Path) -> None:
    result = invoke(tmp_path / "new", "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "no database", DATABASE)
    assert not (tmp_path / "copy").exists()


def test_a_damaged_database_gives_no_backup_and_replaces_none(instance: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    assert invoke(instance, "backup", str(target)).exit_code == 0
    before = target.read_bytes()
    damage(instance / DATABASE, "random pages")
    result = invoke(instance, "backup", str(target))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "damaged", "sessiontrack restore")
    assert target.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy", "instance"]


def test_an_index_that_differs_from_its_table_gives_no_backup(instance: Path, tmp_path: Path) -> None:
    file = instance / DATABASE
    ((sql,),) = ask(file, "SELECT sql FROM sqlite_master WHERE name = 'ix_device_session_begin'")
    run_in(file, "DROP INDEX ix_device_session_begin")
    run_in(file, f"{sql} WHERE id <> 1")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'ix_device_session_begin'", (sql,))
    result = invoke(instance, "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "ix_device_session_begin does not match its table")
    assert not (tmp_path / "copy").exists()


def test_rows_that_refer_to_none_are_told_and_saved(instance: Path, tmp_path: Path) -> None:
    run_in(instance / DATABASE, "DELETE FROM device WHERE id IN (7, 8)")
    result = invoke(instance, "backup", str(tmp_path / "copy"))
    assert result.exit_code == 0
    assert "2 rows refer to others" in result.stderr
    assert ask(tmp_path / "copy", "SELECT count(*) FROM device") == [(298,)]


def test_too_little_space_is_said_before_anything_is_written(
    instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    result = invoke(instance, "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "too little space", "1,000")


def test_two_at_once_into_one_folder_do_not_meet(instance: Path, tmp_path: Path) -> None:
    with copies.alone_in(tmp_path):
        result = invoke(instance, "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "is running")


KILLED = """
import os, signal, sys
from pathlib import Path
from sessiontrack.database import database_file
from sessiontrack.backups import copies

database_file.PAGES_A_STEP = 1
def tell(percent):
    if percent > 40:
        os.kill(os.getpid(), signal.SIGKILL)
copies.back_up(Path(sys.argv[1]), Path(sys.argv[2]), 1755259200, 5, tell)
"""


def test_killed_halfway_it_leaves_no_backup_and_the_next_one_cleans_up(
    instance: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    command = [sys.executable, "-c", KILLED, str(instance / DATABASE), str(folder)]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=SECONDS)
    assert killed.returncode == -signal.SIGKILL
    left = [each.name for each in folder.iterdir()]
    assert left
    assert all(".sqlite3.part" in name for name in left)
    made = copies.back_up(instance / DATABASE, folder, NOW + 60, 5, lambda done: None)
    assert list(folder.iterdir()) == [made.path]


def test_a_copy_that_cannot_be_made_says_which(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(FileExistsError):
        database_file.copy_database(tmp_path / "x", tmp_path / "there")
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        database_file.copy_database(tmp_path / "x", tmp_path / "new")
