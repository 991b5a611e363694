"""Backups of PostgreSQL: pg_dump's, under the rules of all backups."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from sessiontrack.backups import copies, dumps
from sessiontrack.exceptions import InvalidInput, StorageUnavailable
from tests.support import databases
from tests.support.application import NOW
from tests.support.command import assert_one_line, invoke
from tests.support.server import Server

URL = make_url("postgresql+psycopg://anna:a%20secret@db.example:5433/tracker")
# Says what it was called with, in the file that it was told to write.
PG_DUMP = """#!/bin/sh
for word; do case "$word" in --file=*) file="${word#--file=}";; esac; done
printf 'PGDMP %s %s' "$PGPASSWORD" "$*" > "$file"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pg_dump and a pg_restore that are scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("pg_dump", PG_DUMP), ("pg_restore", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.defpath}")
    return folder


def test_the_password_is_in_the_environment_and_in_no_argument(programs: Path, tmp_path: Path) -> None:
    made = dumps.dump(URL, tmp_path / "copy", NOW, None)
    _, first, second, words = made.path.read_text().split(" ", 3)
    assert (first, second) == ("a", "secret")
    assert "--dbname=postgresql://anna@db.example:5433/tracker" in words.split()
    assert "secret" not in words
    assert made.path.stat().st_mode & 0o777 == 0o600


def test_in_a_folder_the_latest_are_kept_and_nothing_else_is_touched(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "notes.dump").write_text("mine")
    for day in range(4):
        made = dumps.dump(URL, folder, NOW + 86_400 * day, 2)
    assert made.path.name == "sessiontrack-20250818T120000Z.dump"
    kept = ["notes.dump", "sessiontrack-20250817T120000Z.dump", "sessiontrack-20250818T120000Z.dump"]
    assert sorted(each.name for each in folder.iterdir()) == kept
    earlier = dumps.dump(URL, folder, NOW - 86_400, 1)
    assert earlier.path.exists()
    assert sorted(each.name for each in folder.iterdir()) == ["notes.dump", earlier.path.name]
    asked = dumps.dump(URL, folder, NOW, 1, copies.ASKED)
    assert sorted(folder.glob("sessiontrack-*")) == [earlier.path, asked.path]
    assert dumps.dump(URL, folder, NOW, 1).removed == [earlier.path]


def test_what_fails_leaves_no_dump_and_replaces_none(programs: Path, tmp_path: Path) -> None:
    made = dumps.dump(URL, tmp_path / "copy", NOW, None)
    before = made.path.read_bytes()
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump: error: no such host' >&2\nexit 1\n")
    with pytest.raises(StorageUnavailable, match="pg_dump failed: pg_dump: error: no such host"):
        dumps.dump(URL, tmp_path / "copy", NOW, None)
    assert made.path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "copy"]


def test_another_file_is_not_overwritten(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InvalidInput, match="was not changed"):
        dumps.dump(URL, tmp_path / "mine", NOW, None)
    with pytest.raises(InvalidInput, match="There is no folder"):
        dumps.dump(URL, tmp_path / "nowhere" / "copy", NOW, None)
    assert (tmp_path / "mine").read_text() == "mine"


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        StorageUnavailable, match=r"pg_dump, which is not there \(Debian: postgresql-client\)"
    ):
        dumps.dump(URL, tmp_path / "copy", NOW, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_a_real_dump_holds_every_table(instance: Path, tmp_path: Path) -> None:
    result = invoke(instance, "backup", str(tmp_path / "backups"), "--keep", "2")
    assert result.exit_code == 0, result.output
    (made,) = (tmp_path / "backups").iterdir()
    listed = subprocess.run(["pg_restore", "--list", made], capture_output=True, text=True, check=True)
    for table in ("device", "device_session", "event", "user_session", "user"):
        assert f" TABLE DATA public {table} " in listed.stdout
    (tmp_path / "mine").write_text("mine")
    refused = invoke(instance, "backup", str(tmp_path / "mine"))
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, "not a dump of PostgreSQL")


@pytest.mark.postgres
def test_a_dump_read_back_brings_revoked_logins_back_until_the_signing_key_is_another(tmp_path: Path) -> None:
    """As docs/keeping.md says, of a database made anew."""

    def status(server: Server, token: str) -> int:
        return server.call("GET", "/auth/me", token=token).status

    instance, other, file = tmp_path / "instance", tmp_path / "other", tmp_path / "made.dump"
    with Server(instance, ADMIN_PASSWORD="correct horse") as server:
        password = {"username": "admin", "password": "correct horse"}
        login = server.call("POST", "/auth/login", password).json["access_token"]
        script = invoke(instance, "token", "add", "script", "--quiet").stdout.strip()
        assert invoke(instance, "backup", str(file)).exit_code == 0
        assert server.call("POST", "/auth/logout", token=login).status == 200
        assert status(server, login) == 401
    shutil.copytree(instance, other)
    url = str(databases.url_of(other)).replace("+psycopg", "")
    words = ["pg_restore", f"--dbname={url}", str(file)]
    read = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    assert invoke(other, "check").exit_code == 0
    with Server(other) as server:
        assert [status(server, each) for each in (login, script)] == [200, 200]
    (other / "signing-key").unlink()
    with Server(other) as server:
        assert [status(server, each) for each in (login, script)] == [401, 200]
