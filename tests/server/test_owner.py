"""The owner of an installation, and the installation that a command uses."""

import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask

from sessiontrack.cli.serve import _Server
from sessiontrack.config import load_settings
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import instance, owner
from tests.support.command import assert_one_line, invoke

NOBODY = pwd.getpwnam("nobody")


class Became(list[tuple[str, int]]):
    """The changes of user that a process of root would have made."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Became:
    """Pretend to be root."""
    done = Became()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "initgroups", lambda name, gid: done.append((name, gid)))
    monkeypatch.setattr(os, "setgid", lambda gid: done.append(("gid", gid)))
    monkeypatch.setattr(os, "setuid", lambda uid: done.append(("uid", uid)))
    monkeypatch.setattr(os, "umask", lambda mask: done.append(("umask", mask)))
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **_: done.append((Path(path).name, uid)))
    monkeypatch.setenv("HOME", "/root")
    return done


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation."""
    made = tmp_path / "lib"
    made.mkdir(mode=0o700)
    monkeypatch.setattr(instance, "INSTALLED", made)
    monkeypatch.setattr(owner, "INSTALLED", made)
    return made


def owned_by(uid: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def told(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = stat(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], uid if path == folder else found[4], *found[5:]))

    monkeypatch.setattr(os, "stat", told)


@pytest.fixture
def nobodys(
    template: tuple[Path, dict[str, str]], folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An installation with a database, of the user nobody, seen by root."""
    shutil.copytree(template[0], folder, dirs_exist_ok=True)
    owned_by(NOBODY.pw_uid, folder, monkeypatch)
    return folder


AS_NOBODY = [
    ("nobody", NOBODY.pw_gid),
    ("gid", NOBODY.pw_gid),
    ("uid", NOBODY.pw_uid),
    ("umask", 0o077),
]


def test_root_becomes_the_owner(folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch) -> None:
    owned_by(NOBODY.pw_uid, folder, monkeypatch)
    assert owner.become_owner(folder) == "nobody"
    assert became == AS_NOBODY
    assert os.environ["HOME"] == NOBODY.pw_dir


def test_before_the_first_start_the_folder_becomes_the_users(
    folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by(0, folder, monkeypatch)
    monkeypatch.setattr(owner, "USER", "nobody")
    (folder / "sessiontrack.toml").touch()
    assert owner.become_owner(folder) == "nobody"
    assert became == [("lib", NOBODY.pw_uid), ("sessiontrack.toml", NOBODY.pw_uid), *AS_NOBODY]


def test_before_there_is_that_user_it_says_how_to_make_it(
    folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by(0, folder, monkeypatch)
    monkeypatch.setattr(owner, "USER", "no-such-user")
    with pytest.raises(InvalidSetting, match="systemd-sysusers"):
        owner.become_owner(folder)


def test_a_folder_of_roots_elsewhere_is_roots(
    tmp_path: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by(0, tmp_path, monkeypatch)
    assert owner.become_owner(tmp_path) is None
    assert owner.become_owner(tmp_path / "not-there") is None
    assert became == []


def test_a_folder_of_a_user_who_is_gone_is_refused(
    folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by(4_000_000_001, folder, monkeypatch)
    with pytest.raises(InvalidSetting, match="4000000001"):
        owner.become_owner(folder)


def test_a_user_who_cannot_read_the_program_is_told(
    folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by(NOBODY.pw_uid, folder, monkeypatch)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InvalidSetting, match="nobody cannot read"):
        owner.become_owner(folder)


def test_the_server_goes_on_as_the_owner_though_root_started_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn notes at its import who it is, and gives its files to that user."""
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY.pw_gid)
    server = _Server(app, "127.0.0.1", 0, 1, 1, Mock(), Mock())
    assert (server.cfg.uid, server.cfg.gid) == (NOBODY.pw_uid, NOBODY.pw_gid)


@pytest.mark.sqlite("whose one file it copies")
def test_a_folder_for_backups_is_made_by_root_for_the_owner(nobodys: Path, became: Became) -> None:
    made = nobodys.parent / "backups"
    for _ in range(2):
        result = invoke(nobodys, "backup", str(made), "--keep", "3")
        assert result.exit_code == 0, result.output
    assert made.stat().st_mode & 0o777 == 0o700
    # Once: a folder that was there stays whose it was.
    assert became == [("backups", NOBODY.pw_uid), *AS_NOBODY, *AS_NOBODY]


@pytest.mark.sqlite("whose file is copied")
@pytest.mark.parametrize(
    "words", [("export", "sessions", "--output"), ("token", "add", "mine", "--output")], ids=" ".join
)
def test_root_is_told_where_the_owner_can_write(words: tuple[str, ...], nobodys: Path) -> None:
    result = invoke(nobodys, *words, "/proc/file")
    assert result.exit_code == 1
    note, line = result.stderr.splitlines()
    assert note == f"Note: as the user nobody, in {nobodys}."
    assert line.startswith("Error: /proc/file")
    assert line.endswith(f"Name a place in {nobodys}, or in a folder that this user may write.")


def test_root_writes_hook_scripts_as_root(
    folder: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into /usr/local/lib; what they call goes on as the owner."""
    owned_by(NOBODY.pw_uid, folder, monkeypatch)
    script = folder.parent / "hook"
    assert invoke(folder, "listen", "dhcp-script", "write", str(script)).exit_code == 0
    assert not set(AS_NOBODY) & set(became)
    assert invoke(folder, "listen", "dhcp-script", "add", "aa:bb:cc:dd:ee:01", "10.0.0.9").exit_code == 0
    assert became[-4:] == AS_NOBODY


@pytest.mark.sqlite("whose file is copied")
def test_root_bundles_what_the_owner_cannot_read_or_write(
    nobodys: Path, became: Became, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal, and the folder of root's in which the archive is asked for."""
    target = nobodys.parent / "help.tar.gz"
    run = subprocess.run

    def called(words: list[str], **options: Any) -> Any:
        became.append((words[0], int(target.exists())))
        return run(["true"], **options)

    platform.platform()  # Asks uname, once in a process.
    monkeypatch.setattr(subprocess, "run", called)
    result = invoke(nobodys, "doctor", "--fast", "--bundle", str(target))
    assert f"Written: {target}" in result.stderr
    assert became[:-1] == [("journalctl", 1), *AS_NOBODY]
    assert became[-1] == ("systemctl", 1)


def test_other_users_are_told_whose_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert owner.become_owner(folder.parent) is None
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = invoke(folder, "token", "list")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(folder), "as root, or as the user sessiontrack")


def test_help_is_for_everybody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr("sys.argv", ["sessiontrack", "token", "--help"])
    assert invoke(folder, "token", "--help").exit_code == 0


def test_an_installed_program_finds_its_installation(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A checkout has its own instance.
    assert load_settings(environment={}).instance == tmp_path / "instance"
    monkeypatch.setattr(
        instance, "__file__", str(tmp_path / "site-packages/sessiontrack/process/instance.py")
    )
    assert load_settings(environment={}).instance == folder
    assert (
        load_settings(environment={"SESSIONTRACK_INSTANCE": "elsewhere"}).instance == tmp_path / "elsewhere"
    )
    folder.rmdir()
    assert load_settings(environment={}).instance == tmp_path / "instance"
