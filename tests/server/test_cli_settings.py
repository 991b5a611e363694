"""`sessiontrack settings`: the file is written as people would, and never half or wrong."""

import json
import stat
import tomllib
from pathlib import Path

import pytest

from sessiontrack.config import FILE_NAME, load_settings
from tests.support.command import assert_one_line, invoke


def test_set_writes_a_file_for_its_owner_that_the_start_reads(tmp_path: Path) -> None:
    shown = invoke(tmp_path, "settings", "set", "TIMEZONE", "Europe/Berlin")
    assert shown.exit_code == 0
    assert f"TIMEZONE is set in {tmp_path / FILE_NAME}" in shown.stdout
    assert invoke(tmp_path, "settings", "set", "SESSIONTRACK_THREADS", "3").exit_code == 0
    file = tmp_path / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load_settings(environment={"SESSIONTRACK_INSTANCE": str(tmp_path)})
    assert (settings.timezone.name, settings.threads) == ("Europe/Berlin", 3)


def test_set_says_how_a_running_service_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(name: str = "TIMEZONE", value: str = "Europe/Berlin") -> str:
        return invoke(tmp_path, "settings", "set", name, value).output

    radius = "RADIUS_CLIENTS", "10.0.0.1=secret"
    assert "a running service read it: SIGHUP to its first process, or Ctrl-C and another start." in shown()
    assert "a running `listen radius` read it: SIGHUP to its first process, or" in shown(*radius)
    monkeypatch.setattr("sessiontrack.cli.settings.INSTALLED", tmp_path)
    assert "To let a running service read it: `systemctl reload sessiontrack`." in shown()
    assert "a running `listen radius` read it: `systemctl restart sessiontrack-radius`." in shown(*radius)


def test_a_value_of_several_words_needs_no_quotes(tmp_path: Path) -> None:
    assert invoke(tmp_path, "settings", "set", "PRESENCE_GRACE", "5", "minutes").exit_code == 0
    assert load_settings(environment={"SESSIONTRACK_INSTANCE": str(tmp_path)}).presence_grace == 300
    assert 'presence_grace = "5 minutes"' in (tmp_path / FILE_NAME).read_text()
    assert invoke(tmp_path, "settings", "set", "PRESENCE_GRACE").exit_code == 2


def test_set_leaves_other_lines_and_comments(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_text('# ours\nThreads = 2  # few\ntrusted_proxies = [\n  "10.0.0.1",\n]\n')
    file.chmod(0o644)
    assert invoke(tmp_path, "settings", "set", "threads", "9").exit_code == 0
    assert invoke(tmp_path, "settings", "set", "RADIUS_CLIENTS", '10.0.0.1=a"\\secret').exit_code == 0
    text = file.read_text()
    assert text.startswith('# ours\nthreads = "9"\ntrusted_proxies = [\n')
    assert tomllib.loads(text) == {
        "threads": "9",
        "trusted_proxies": ["10.0.0.1"],
        "radius_clients": '10.0.0.1=a"\\secret',
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("THREADS", "0", ["THREADS", "whole number"]),
        ("THREADZ", "1", ["THREADZ is not a setting", "did you mean THREADS?"]),
        ("TIMEZONE", "Mars/Base", ["Mars/Base"]),
        ("AUTH_PROXY_HEADER", "X-Remote-User", ["needs TRUSTED_PROXIES"]),
        ("ADMIN_PASSWORD", "password", ["ADMIN_PASSWORD cannot be the first password", "most common"]),
        ("INSTANCE", "/elsewhere", ["INSTANCE cannot be set in the file"]),
        ("TRUSTED_PROXIES", "10.0.0.2", ["more than one line"]),
    ],
)
def test_set_refuses_what_cannot_work_and_writes_nothing(
    tmp_path: Path, name: str, value: str, words: list[str]
) -> None:
    file = tmp_path / FILE_NAME
    if name == "TRUSTED_PROXIES":
        file.write_text('trusted_proxies = [\n  "10.0.0.1",\n]\n')
    before = file.read_text() if file.exists() else None
    result = invoke(tmp_path, "settings", "set", name, value)
    assert result.exit_code == 1
    assert_one_line(result.stderr, *words)
    assert (file.read_text() if file.exists() else None) == before
    assert [each.name for each in tmp_path.iterdir() if each.name != FILE_NAME] == []


def test_set_in_no_folder_makes_none(tmp_path: Path) -> None:
    result = invoke(tmp_path / "nowhere", "settings", "set", "THREADS", "2")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "is not there", "sessiontrack init")
    assert list(tmp_path.iterdir()) == []


def test_set_says_that_the_environment_goes_first(tmp_path: Path) -> None:
    result = invoke(tmp_path, "settings", "set", "THREADS", "2", THREADS="5")
    assert "SESSIONTRACK_THREADS in the environment goes before the file" in result.stderr


def test_list_shows_each_value_with_its_source_and_no_secret(tmp_path: Path) -> None:
    invoke(tmp_path, "settings", "set", "THREADS", "2")
    result = invoke(tmp_path, "settings", "list", "--json", ADMIN_PASSWORD="a password of mine")
    found = {each["name"]: each for each in json.loads(result.stdout)}
    assert (found["THREADS"]["value"], found["THREADS"]["source"]) == ("2", "file")
    assert found["ADMIN_PASSWORD"]["value"] is None
    assert "a password of mine" not in result.output
    lines = invoke(tmp_path, "settings", "list").stdout.splitlines()
    assert any(line.split() == ["THREADS", "2", "file"] for line in lines)
    assert any(line.split() == ["RADIUS_CLIENTS", "-", "default"] for line in lines)
    invoke(tmp_path, "settings", "set", "RADIUS_CLIENTS", "10.0.0.1=hidden")
    lines = invoke(tmp_path, "settings", "list").stdout.splitlines()
    assert any(line.split() == ["RADIUS_CLIENTS", "(secret)", "file"] for line in lines)
    assert not any("hidden" in line for line in lines)
