"""`sessiontrack doctor`: every line can be right and wrong; the exit code is the worst of them."""

import ast
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sessiontrack import clock, create_app
from sessiontrack.cli import doctor as command
from sessiontrack.config import load_settings, settings_of
from sessiontrack.database import Statement, write_transaction
from sessiontrack.doctor import database, surroundings
from sessiontrack.doctor.examination import CHECKS as FIRST_CHECKS
from sessiontrack.doctor.examination import DATABASE_CHECKS
from sessiontrack.doctor.findings import Patient, State
from sessiontrack.process import last_backup
from sessiontrack.process.instance import KEY_FILE
from sessiontrack.queries.sources import EVENTS, HOOK, RADIUS, SCAN
from sessiontrack.services import users
from sessiontrack.services.presence import observe_event
from sessiontrack.services.source_failures import record_failure
from sessiontrack.values.observations import Observation
from sessiontrack.version import BUILT_AT, VERSION
from sessiontrack.web.catalogues import FOLDER, LANGUAGES, translate
from tests.support import databases
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.engine import IS_POSTGRES
from tests.support.history_calls import RULES


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    folder = tmp_path / "instance"
    shutil.copytree(template[0], folder)
    folder.chmod(0o700)
    return folder


CHECKS = {
    *("settings", "instance", "secrets", "disk", "backup", "clock", "time zone", "proxies"),
    *("schema", "writing", "size", "recorded", "histories", "password", "passwords", "webhooks", "source"),
    # Of a file; a server looks after its own.
    *(() if IS_POSTGRES else ("integrity",)),
}


@pytest.fixture(autouse=True)
def synchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "is_synchronised", lambda: True)
    monkeypatch.setattr(surroundings, "_hosts_zone", lambda: "Etc/UTC")


def looked_at(instance: Path, *options: str, **settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and the state and message of each check by name."""
    result = invoke(instance, "doctor", "--json", *options, **settings)
    page = json.loads(result.stdout)
    assert page["state"] == ["ok", "warning", "wrong"][result.exit_code]
    return result.exit_code, {each["name"]: (each["state"], each["message"]) for each in page["checks"]}


def test_all_is_well(instance: Path) -> None:
    code, found = looked_at(instance)
    assert (code, {state for state, _ in found.values()}) == (0, {"ok"}), found
    assert set(found) == CHECKS


def test_people_get_a_line_each(instance: Path) -> None:
    result = invoke(instance, "doctor")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == len(CHECKS)
    assert all(line.startswith("ok ") for line in lines)


def test_fast_does_not_read_the_whole_database(instance: Path) -> None:
    assert "integrity" not in looked_at(instance, "--fast")[1]


def test_to_look_at_an_install_does_not_start_it(tmp_path: Path) -> None:
    code, found = looked_at(tmp_path / "none")
    assert code == 2
    assert found["instance"][0] == "wrong"
    assert found["database"][0] == "wrong"
    assert not (tmp_path / "none").exists()


@pytest.mark.sqlite("removes the file")
def test_a_database_that_is_gone_is_not_made_anew(instance: Path) -> None:
    (instance / "sessiontrack.sqlite3").unlink()
    assert looked_at(instance)[1]["database"][0] == "wrong"
    assert not (instance / "sessiontrack.sqlite3").exists()


def test_settings_that_cannot_work_are_the_one_line(instance: Path) -> None:
    code, found = looked_at(instance, TIMEZONE="Mars/Olympus")
    assert code == 2
    assert list(found) == ["settings"]
    assert "Mars/Olympus" in found["settings"][1]


def test_a_typing_error_in_the_environment_is_wrong_as_it_stops_the_start(instance: Path) -> None:
    code, found = looked_at(instance, TIMZONE="UTC")
    assert code == 2
    assert "SESSIONTRACK_TIMZONE" in found["settings"][1]


@pytest.mark.parametrize("name", ["signing-key", "initial-admin-password"])
def test_secrets_that_others_may_read_are_wrong(instance: Path, name: str) -> None:
    path = instance / name
    if not path.exists():
        path.write_text("")
    path.chmod(0o640)
    code, found = looked_at(instance)
    assert code == 2
    assert found["secrets"] == ("wrong", f"others may read them: chmod 600 {path}")


def test_a_settings_file_that_others_may_read_is_worth_a_look(instance: Path) -> None:
    path = instance / "sessiontrack.toml"
    path.write_text("")
    path.chmod(0o644)
    code, found = looked_at(instance)
    assert code == 1
    assert found["secrets"] == ("warning", f"others may read the settings: chmod 600 {path}")
    assert invoke(instance, "settings", "set", "LOG", "json").exit_code == 0
    assert looked_at(instance)[1]["secrets"][0] == "ok"


def test_a_folder_that_others_may_enter_is_worth_a_look(instance: Path) -> None:
    instance.chmod(0o755)
    code, found = looked_at(instance)
    assert (code, found["instance"][0]) == (1, "warning")


def test_a_signing_key_that_is_too_short_is_told_and_the_rest_looked_at(instance: Path) -> None:
    (instance / "signing-key").write_text("short")
    code, found = looked_at(instance)
    assert code == 2
    assert "too short" in found["start"][1]
    assert found["disk"][0] == "ok"


@pytest.mark.sqlite("damages the file")
def test_a_damaged_database_is_wrong(instance: Path) -> None:
    path = instance / "sessiontrack.sqlite3"
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 20))
    code, found = looked_at(instance)
    assert code == 2
    assert "wrong" in {state for name, (state, _) in found.items() if name in ("integrity", "schema")}
    path.write_text("this is no database, whatever its name says" * 100)
    assert looked_at(instance)[0] == 2


def test_another_schema_is_wrong(instance: Path) -> None:
    for revision, word in (("0001", "migrate"), ("9999", "newer")):
        databases.rows(instance, "UPDATE alembic_version SET version_num = ?", revision)
        code, found = looked_at(instance)
        assert code == 2
        assert found["schema"][0] == "wrong"
        assert word in found["schema"][1]


@pytest.mark.long
def test_a_database_that_another_program_holds_is_wrong(instance: Path) -> None:
    with databases.busy(instance):
        found = looked_at(instance, BUSY_TIMEOUT_SECONDS="1")[1]
    reason = "canceling statement due to lock timeout" if IS_POSTGRES else "database is locked"
    assert found["writing"] == ("wrong", f"not possible: {reason}.")


def test_news_that_never_arrived_is_worth_a_look(instance: Path) -> None:
    assert looked_at(instance)[1]["webhooks"][0] == "ok"
    databases.rows(
        instance, "INSERT INTO webhook (id, name, url, secret, created_at) VALUES (1, 'pager', 'x', 'x', 0)"
    )
    databases.rows(
        instance,
        "INSERT INTO webhook_delivery"
        " (public_id, webhook_id, type, body, created_at, state, due_at, finished_at)"
        " VALUES ('a', 1, 'flapping', '{}', 0, 'dead', 0, 1)",
    )
    state, message = looked_at(instance)[1]["webhooks"]
    assert (state, message[:24]) == ("warning", "deliveries given up: 1. ")


def test_a_clock_behind_what_was_recorded_is_wrong(instance: Path) -> None:
    statement = "INSERT INTO login (id, user_id, address, created_at, expires_at) VALUES ('x', 1, '', ?, ?)"
    databases.rows(instance, statement, 4_000_000_000, 4_000_000_001)
    code, found = looked_at(instance)
    assert (code, found["recorded"][0]) == (2, "wrong")
    assert "2096-10-02" in found["recorded"][1]


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({"TRUSTED_PROXIES": "127.0.0.1"}, "ok"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8"}, "wrong"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "wrong"),
        ({"METRICS_ALLOW": "127.0.0.1"}, "warning"),
        ({"METRICS_ALLOW": "127.0.0.1", "TRUSTED_PROXIES": "127.0.0.1"}, "ok"),
        ({"METRICS_ALLOW": "192.0.2.0/24"}, "ok"),
    ],
)
def test_proxies(instance: Path, settings: dict[str, str], state: str) -> None:
    assert looked_at(instance, **settings)[1]["proxies"][0] == state


def test_the_first_password_is_worth_a_look_while_it_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert invoke(folder, "migrate").exit_code == 0
    code, found = looked_at(folder)
    assert (code, found["password"][0]) == (1, "warning")
    # The file exists, but its password is no longer valid.
    kept = (folder / "initial-admin-password").read_text()
    assert invoke(folder, "user", "passwd", "admin", "--generate").exit_code == 0
    (folder / "initial-admin-password").write_text(kept)
    (folder / "initial-admin-password").chmod(0o600)
    assert looked_at(folder)[0] == 0


def test_a_password_from_the_settings_and_one_that_anybody_would_try(tmp_path: Path) -> None:
    chosen, guessed = tmp_path / "chosen", tmp_path / "guessed"
    for folder in (chosen, guessed):
        assert invoke(folder, "migrate", ADMIN_PASSWORD="long enough to be one").exit_code == 0
    of_before(guessed, "admin")
    assert looked_at(chosen, ADMIN_PASSWORD="long enough to be one")[1]["password"][0] == "warning"
    assert looked_at(chosen)[1]["password"][0] == "ok"
    assert looked_at(guessed)[1]["password"][0] == "wrong"


def of_before(folder: Path, password: str) -> None:
    """The admin's password is older than the password rule."""
    app = create_app({"INSTANCE": folder})
    with app.app_context(), write_transaction() as tx:
        tx.run(
            Statement('UPDATE "user" SET password_hash = :hashed, password_meets_rule = NULL'),
            hashed=users.hash_password(password),
        )


def test_an_admins_password_that_does_not_meet_the_rule_is_worth_a_look(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    assert invoke(folder, "migrate", ADMIN_PASSWORD="long enough to be one").exit_code == 0
    assert looked_at(folder)[1]["passwords"] == ("ok", "those of all admins meet the rule.")
    of_before(folder, "x")
    state, message = looked_at(folder)[1]["passwords"]
    assert state == "warning"
    assert "from before there was a rule" in message
    body = {"username": "admin", "password": "x"}
    assert create_app({"INSTANCE": folder}).test_client().post("/auth/login", json=body).status_code == 200
    state, message = looked_at(folder)[1]["passwords"]
    assert state == "warning"
    assert "short or common: sessiontrack user passwd admin" in message


def test_without_the_user_admin_there_is_no_first_password(clients: Clients) -> None:
    with clients.app.app_context():
        with write_transaction() as tx:
            users.add_user(tx, NOW, "anna", "x", "admin")
            users.disable_user(tx, NOW, "admin", 300)
        (found,) = database.first_password(patient(clients))
    assert found.state == State.OK


def test_a_database_without_an_admin_is_wrong(clients: Clients) -> None:
    with clients.app.app_context():
        with write_transaction() as tx:
            tx.run(Statement("UPDATE \"user\" SET disabled_at = 1 WHERE role = 'admin'"))
        (found,) = database.first_password(patient(clients))
    assert found.state == State.WRONG
    assert "sessiontrack user add NAME --role admin" in found.message


# --- states that a test cannot create


def patient(clients: Clients, now: int = NOW) -> Patient:
    return Patient(settings_of(clients.app), clients.app, now)


@pytest.mark.parametrize(
    ("free", "inodes", "state"),
    [(10_000, 5, State.OK), (400, 5, State.WARNING), (10, 5, State.WRONG), (10_000, 0, State.WRONG)],
)
def test_disk(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, state: State
) -> None:
    answer = SimpleNamespace(f_bavail=free, f_frsize=1024**2, f_blocks=20_000, f_files=9, f_favail=inodes)
    monkeypatch.setattr(surroundings.os, "statvfs", lambda path: answer)
    (found,) = surroundings.disk(patient(clients))
    assert found.state == state


@pytest.mark.parametrize(
    ("wal", "state"),
    [(None, State.OK), (10**6, State.OK), (2 * 10**8, State.WARNING), (2 * 10**9, State.WRONG)],
)
def test_write_ahead_log(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, wal: int | None, state: State
) -> None:
    monkeypatch.setattr(database, "database_sizes", lambda: (10**6, wal))
    (found,) = database.write_ahead_log(patient(clients))
    assert found.state == state


def test_clock(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def state(now: int) -> State:
        (found,) = surroundings.clock(patient(clients, now))
        return found.state

    assert state(NOW) == State.OK
    assert state(0) == State.WRONG
    # As the check of a clock that records.
    assert state(BUILT_AT - 301) == State.WRONG
    assert state(BUILT_AT - 300) == State.OK
    monkeypatch.setattr(surroundings, "is_synchronised", lambda: False)
    assert state(NOW) == State.WARNING


@pytest.mark.parametrize(
    ("age", "state", "words"),
    [
        (None, State.OK, "none into a folder yet"),
        (172_800, State.OK, "2025-08-13"),
        (172_801, State.WARNING, "2 days ago"),
    ],
)
def test_backups_that_are_not_made_any_more(
    clients: Clients, age: int | None, state: State, words: str
) -> None:
    if age is not None:
        last_backup.remember(Path(clients.app.instance_path), NOW - age)
    (found,) = surroundings.backup(patient(clients))
    assert found.state == state
    assert words in found.message


@pytest.mark.parametrize(
    ("enabled", "begun", "is_installation", "state"),
    [
        (172_801, 172_801, True, State.WARNING),
        (172_800, 900_000, True, State.OK),
        # The timer came with the image of a machine that was new two days ago.
        (900_000, 172_800, True, State.OK),
        (None, 900_000, True, State.OK),
        (900_000, 900_000, False, State.OK),
    ],
)
def test_nightly_backups_that_never_worked(
    clients: Clients,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enabled: int | None,
    begun: int,
    is_installation: bool,
    state: State,
) -> None:
    instance, timer = Path(clients.app.instance_path), tmp_path / "backup.timer"
    monkeypatch.setattr(last_backup, "TIMER", timer)
    monkeypatch.setattr(last_backup, "INSTALLED", instance if is_installation else tmp_path / "other")
    os.utime(instance / KEY_FILE, (NOW - begun, NOW - begun))
    if enabled is not None:
        timer.symlink_to("/lib/systemd/system/sessiontrack-backup.timer")
        os.utime(timer, (NOW - enabled, NOW - enabled), follow_symlinks=False)
    (found,) = surroundings.backup(patient(clients))
    assert found.state == state
    assert ("has worked since 2025-08-13" in found.message) == (state == State.WARNING)
    last_backup.remember(instance, NOW)
    (found,) = surroundings.backup(patient(clients))
    assert found.state == State.OK


def test_backups_of_a_crontab_that_never_worked(clients: Clients, tmp_path: Path) -> None:
    instance = Path(clients.app.instance_path)

    def state(days: int) -> State:
        (found,) = surroundings.backup(patient(clients, clock.now() + days * 86_400))
        return found.state

    for _ in range(2):
        assert invoke(instance, "backup", str(tmp_path / "not" / "there"), "--keep", "2").exit_code == 1
        assert (state(1), state(3)) == (State.OK, State.WARNING)
    # Whoever goes on with single files had mistyped a folder.
    assert invoke(instance, "backup", str(tmp_path / "one")).exit_code == 0
    assert state(3) == State.OK
    assert invoke(instance, "backup", str(tmp_path / "not" / "there"), "--keep", "2").exit_code == 1
    assert state(3) == State.WARNING
    assert invoke(instance, "backup", str(tmp_path / "each"), "--keep", "2").exit_code == 0
    assert (state(1), state(3)) == (State.OK, State.WARNING)
    assert last_backup.awaited_since(instance) is None


@pytest.mark.parametrize(
    ("chosen", "hosts", "state"),
    [
        # One that was chosen is right, wherever the host is: servers are often in UTC.
        ("Europe/Paris", "Etc/UTC", "ok"),
        ("UTC", "Europe/Berlin", "ok"),
        (None, "Etc/UTC", "ok"),
        (None, None, "ok"),
        (None, "Europe/Berlin", "warning"),
    ],
)
def test_time_zone(
    instance: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, hosts: str | None, state: str
) -> None:
    monkeypatch.setattr(surroundings, "_hosts_zone", lambda: hosts)
    settings = {} if chosen is None else {"TIMEZONE": chosen}
    found = looked_at(instance, **settings)[1]["time zone"]
    assert found[0] == state
    assert ("settings set TIMEZONE Europe/Berlin" in found[1]) is (state == "warning")


def test_one_check_that_fails_does_not_stop_the_others(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: object) -> Any:
        raise OSError("no such thing")

    monkeypatch.setattr(surroundings.os, "statvfs", broken)
    code, found = looked_at(instance)
    assert code == 2
    assert found["disk"] == ("wrong", "cannot be looked at: OSError: no such thing.")
    assert found["schema"][0] == "ok"


def test_states_are_ordered_by_how_bad_they_are() -> None:
    assert State.OK < State.WARNING < State.WRONG
    assert ip_network("127.0.0.0/8") in surroundings.LOOPBACK
    assert load_settings({}, {}).metrics_allow == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_finding_has_its_sentence_in_each_language(language: str) -> None:
    """With all its values in it, and no others; and no sentence is left over."""
    codes = dict(found_codes())
    assert len(codes) > 50
    names = {*FIRST_CHECKS, *DATABASE_CHECKS, *(code.partition(".")[0].replace("-", " ") for code in codes)}
    catalogue = json.loads((FOLDER / language / "doctor.json").read_text("utf-8"))
    sentences = {
        key.removeprefix("doctor."): set(re.findall(r"\{(\w+)\}", text)) for key, text in catalogue.items()
    }
    assert sentences == codes | {"unexamined": {"error"}} | {f"name.{each}": set() for each in names}


def found_codes() -> Iterator[tuple[str, set[str | None]]]:
    """Each code in the source, with the names of its values."""
    for path in (*Path(database.__file__).parent.glob("*.py"), Path(command.__file__)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("ok", "warning", "wrong"):
                (code,) = node.args
                values = {each.arg for each in node.keywords}
                if isinstance(code, ast.Constant):
                    yield code.value, values
                else:
                    assert ast.unparse(code) == "f'source.silent.{each.kind}'"
                    yield from ((f"source.silent.{kind}", values) for kind in (RADIUS, HOOK, SCAN, EVENTS))


def test_a_bundle_has_what_helps_and_no_secret(clients: Clients, tmp_path: Path) -> None:
    target = tmp_path / "help.tar.gz"
    secrets = {"ADMIN_PASSWORD": "very-secret-word", "RADIUS_CLIENTS": "10.0.0.1=another-secret-word"}
    database = {"READ_DATABASE_URL": "postgresql+psycopg://anna:third-secret-word@db.example/x"}
    settings = secrets if IS_POSTGRES else {**secrets, **database}
    result = invoke(clients.app.instance_path, "doctor", "--fast", "--bundle", str(target), **settings)
    assert result.exit_code in (0, 1, 2)
    assert target.stat().st_mode & 0o777 == 0o600
    with tarfile.open(target) as archive:
        found = {each.name: archive.extractfile(each) for each in archive.getmembers()}
        texts = {name: file.read().decode() for name, file in found.items() if file is not None}
    assert set(texts) == {
        f"sessiontrack/{name}"
        for name in ("versions.txt", "findings.txt", "settings.json", "files.txt", "units.txt", "log.txt")
    }
    assert f"sessiontrack {VERSION}" in texts["sessiontrack/versions.txt"]
    assert "signing-key" in texts["sessiontrack/files.txt"]
    key = (Path(clients.app.instance_path) / "signing-key").read_text().strip()
    for secret in ("very-secret-word", "another-secret-word", "third-secret-word", key):
        assert not any(secret in text for text in texts.values()), secret


def test_a_bundles_log_names_no_password_no_person_and_no_device(
    clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journalctl").write_text(
        "#!/bin/sh\ncat <<'END'\n"
        "2025-08-15 box sessiontrack[7]: User:     admin\n"
        "2025-08-15 box sessiontrack[7]: Password: first-secret-word  (also in a file)\n"
        "2025-08-15 box sessiontrack[7]: INFO sessiontrack.blueprints.auth id=1: Signed in: 'anna' from ::1\n"
        "2025-08-15 box sessiontrack[7]: WARNING sessiontrack: Login refused: 'anna' from ::1\n"
        "2025-08-15 box sessiontrack[7]: id=4 user=anna method=GET path=/devices status=200\n"
        "2025-08-15 box sessiontrack[8]: 00:1A:2B:3C:4D:5E  10.0.0.9   Example\n"
        "2025-08-15 box sessiontrack[8]: Note: nothing answers.\nEND\n"
    )
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    target = tmp_path / "help.tar.gz"
    invoke(clients.app.instance_path, "doctor", "--fast", "--bundle", str(target))
    with tarfile.open(target) as archive:
        file = archive.extractfile("sessiontrack/log.txt")
        assert file is not None
        log = file.read().decode()
    assert "Note: nothing answers." in log
    assert "<MAC>  10.0.0.9" in log
    assert [word for word in ("secret", "anna", "00:1A", "Password") if word in log] == []


def test_a_bundle_that_cannot_be_written_is_one_line(clients: Clients, tmp_path: Path) -> None:
    words = ["doctor", "--fast", "--bundle", str(tmp_path / "nowhere" / "help.tar.gz")]
    result = invoke(clients.app.instance_path, *words)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_a_source_that_fails_or_is_silent_is_told(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        record_failure(tx, NOW, "arp", "no rights")
    assert (
        "arp fails since 2025-08-15T12:00:00+00:00: no rights"
        in invoke(clients.app.instance_path, "doctor", "--fast").stdout
    )


@pytest.mark.parametrize(
    ("source", "question"),
    [
        ("radius:floor 3", "does `listen radius` run"),
        ("hostapd:ap:wlan0", "is its hook script still called?"),
        ("camera", "does what reports it run?"),
    ],
)
def test_what_to_look_at_depends_on_the_kind_of_a_silent_source(
    clients: Clients, source: str, question: str
) -> None:
    """Who only listens has no scanner."""
    with clients.app.app_context():
        with write_transaction() as tx:
            seen = Observation("AA:BB:CC:00:00:01")
            observe_event(tx, NOW, source, NOW - 2 * 86_400, "connected", seen, RULES)
        (found,) = database.sources(patient(clients))
    assert f"{source} is silent since" in found.message
    assert question in found.message


def test_the_call_says_what_the_fast_command_says(clients: Clients) -> None:
    said = clients.admin.ok("GET", "/doctor")
    for each in said["checks"]:
        assert each["message"] == translate("en", f"doctor.{each['code']}", **each["values"])
    assert {each["name"] for each in said["checks"]} == CHECKS - {"integrity"}
    worst = max(said["checks"], key=lambda each: ["ok", "warning", "wrong"].index(each["state"]))
    assert said["state"] == worst["state"]
    assert clients.operator.get("/doctor").status_code == 403
