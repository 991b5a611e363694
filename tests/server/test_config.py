"""config.py: the sources of settings, their precedence, and refused values."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sessiontrack import create_app
from sessiontrack.config import FILE_NAME, Settings, describe_settings, load_settings
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import instance


def load(folder: Path, toml: str = "", overrides: Any = None, **environment: str) -> Settings:
    if toml:
        (folder / FILE_NAME).write_text(toml)
    exported = {f"SESSIONTRACK_{name}": value for name, value in environment.items()}
    return load_settings(overrides, {"SESSIONTRACK_INSTANCE": str(folder), "PATH": "/bin", **exported})


def test_defaults_are_the_contracts(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.instance == tmp_path
    assert settings.database_url == "sqlite:///sessiontrack.sqlite3"
    assert settings.timezone.format_offset(0) == "1970-01-01T00:00:00+00:00"
    assert settings.session_alive_seconds == 300
    assert settings.user_sessions_visible == "all"
    assert settings.trusted_proxies == ()


def test_defaults_below_the_file_below_the_environment_below_overrides(tmp_path: Path) -> None:
    toml = "threads = 2\nsession_alive_seconds = 20\naccess_token_seconds = 200\n"
    exported = {"SESSION_ALIVE_SECONDS": "30", "ACCESS_TOKEN_SECONDS": "300"}
    settings = load(tmp_path, toml, {"ACCESS_TOKEN_SECONDS": 400}, **exported)
    assert settings.busy_timeout_seconds == 5
    assert settings.threads == 2
    assert settings.session_alive_seconds == 30
    assert settings.access_token_seconds == 400


def test_overrides_are_by_name_in_either_case(tmp_path: Path) -> None:
    assert load(tmp_path, overrides={"threads": 3}).threads == 3
    assert load(tmp_path, overrides={"THREADS": "4"}).threads == 4


def test_the_file_is_read_from_the_chosen_folder(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("threads = 2")
    assert load_settings({"INSTANCE": tmp_path}, {}).threads == 2
    assert load_settings({"INSTANCE": tmp_path}, {"SESSIONTRACK_INSTANCE": "/nowhere"}).threads == 2


def test_without_a_folder_it_is_the_current_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).instance == tmp_path / "instance"


def test_the_folder_that_was_found_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "default_folder", lambda: tmp_path / "lib")
    described = {each["name"]: each for each in describe_settings(None, {})}
    assert described["INSTANCE"]["value"] == str(tmp_path / "lib")
    assert (described["INSTANCE"]["default"], described["INSTANCE"]["source"]) == ("./instance", "default")


def test_a_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(None, {"SESSIONTRACK_INSTANCE": "~/data"}).instance == tmp_path / "data"


def test_names_in_the_file_are_in_either_case_and_lists_are_lists(tmp_path: Path) -> None:
    settings = load(tmp_path, 'THREADS = 7\ntrusted_proxies = ["10.0.0.1", "192.168.0.0/16"]')
    assert settings.threads == 7
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.1/32", "192.168.0.0/16"]


@pytest.mark.parametrize("value", ["600", "600s", "10m", "10 minutes", "10 min"])
def test_lengths_of_time_are_read_alike_in_every_setting(tmp_path: Path, value: str) -> None:
    settings = load(tmp_path, SESSION_ALIVE_SECONDS=value, PRESENCE_GRACE=value, PRUNE_EVERY=value)
    assert (settings.session_alive_seconds, settings.presence_grace, settings.prune_every) == (600, 600, 600)


def test_blanks_around_a_value_do_not_matter(tmp_path: Path) -> None:
    assert load(tmp_path, THREADS=" 8 ").threads == 8


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("threadz = 1", ["threadz", "is not a setting"]),
        ("threads = ", ["not TOML"]),
        ("threads = 1\nthreads = 2", ["not TOML"]),
        ("threads = true", ["threads", "whole number"]),
        ("threads = 1.5", ["threads", "whole number"]),
        ("[threads]", ["threads", "whole number"]),
        ('timezone = "UTC\\u0000"', ["timezone"]),
        ('timezone = "../../etc/passwd"', ["timezone"]),
        ('instance = "/elsewhere"', ["instance", "cannot be set in the file"]),
    ],
)
def test_a_wrong_line_of_the_file_is_one_line_that_names_the_file(
    tmp_path: Path, toml: str, words: list[str]
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load(tmp_path, toml)
    assert "\n" not in caught.value.message
    for word in [*words, str(tmp_path / FILE_NAME)]:
        assert word in caught.value.message


@pytest.mark.parametrize("kind", ["not UTF-8", "folder"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / FILE_NAME
    if kind == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"timezone = '\xff'")
    with pytest.raises(InvalidSetting, match=FILE_NAME):
        load(tmp_path)


@pytest.mark.parametrize(
    "value", ["", "0", "257", "-1", "+1", "1e2", "1_0", "٣", "7.0", "0x10", "9" * 5000, "0" * 12 + "300"]
)
def test_a_wrong_number_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidSetting, match="SESSIONTRACK_THREADS"):
        load(tmp_path, THREADS=value)


def test_an_override_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="THREADZ is not a setting"):
        load(tmp_path, overrides={"THREADZ": 1})


@pytest.mark.parametrize(
    ("name", "near"),
    [("THREAD", "; did you mean THREADS?"), ("TIMZONE", "; did you mean TIMEZONE?"), ("COLOUR", ".")],
)
def test_a_name_that_is_no_setting_is_refused_in_the_environment_as_in_the_file(
    tmp_path: Path, name: str, near: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load(tmp_path, **{name: "8"})
    assert caught.value.message == f"SESSIONTRACK_{name} is not a setting of sessiontrack{near}"
    with pytest.raises(InvalidSetting) as caught:
        load(tmp_path, f"{name} = 8")
    assert caught.value.message.endswith(f" is not a setting of sessiontrack{near}")


def test_what_clients_of_another_sessiontrack_read_stops_no_start(tmp_path: Path) -> None:
    assert load(tmp_path, URL="https://other.example", TOKEN="st_x", SOURCE="lobby").threads == 8


def test_each_setting_says_what_it_is_for() -> None:
    for each in fields(Settings):
        assert each.metadata["meaning"].endswith("."), each.name


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:",
        "nosuch://x",
        "",
        "x" * 300,
        "postgresql+nosuch://x/y",
        "sqlite+nosuch:///x",
    ],
)
def test_a_database_url_that_cannot_work_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidSetting, match="DATABASE_URL") as caught:
        create_app({"INSTANCE": tmp_path, "DATABASE_URL": url})
    assert "\n" not in caught.value.message


def test_radius_clients_and_their_secrets(tmp_path: Path) -> None:
    listed = load(tmp_path, 'radius_clients = ["10.0.0.1=secret", "10.0.1.0/24 = a=b c"]').radius_clients
    exported = load(tmp_path, RADIUS_CLIENTS="10.0.0.1=secret,10.0.1.0/24=a=b c").radius_clients
    assert listed == exported
    assert [(str(network), secret) for network, secret in listed] == [
        ("10.0.0.1/32", b"secret"),
        ("10.0.1.0/24", b"a=b c"),
    ]


@pytest.mark.parametrize(
    "value", ["hush", "10.0.0.1", "10.0.0.1=", "=hush", "10.0.0.1/24=hush", "10.0.0.1=a,,"]
)
def test_a_secret_is_never_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        load(tmp_path, RADIUS_CLIENTS=value)
    assert "SESSIONTRACK_RADIUS_CLIENTS: client" in str(caught.value)
    assert "hush" not in str(caught.value)
    shown = repr(load(tmp_path, RADIUS_CLIENTS="10.0.0.1=hush", ADMIN_PASSWORD="hush"))
    assert "hush" not in shown
