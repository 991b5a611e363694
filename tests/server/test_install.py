"""`sessiontrack install` and `uninstall`; `deploy/` shows the files that they write."""

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import click
import pytest
from click.testing import Result

from sessiontrack.cli import install as install_command
from sessiontrack.cli import main
from sessiontrack.deployment import plan
from sessiontrack.deployment.files import FILES, INSTANCE, PACKAGED_UNIT, Choices, render, shown
from sessiontrack.deployment.plan import MANIFEST, below, install, remembered, uninstall
from sessiontrack.exceptions import Conflict, InvalidSetting
from tests.support.command import assert_one_line, invoke
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))


def files(root: Path) -> dict[str, bytes]:
    """All files and folders below, by path; the content of a folder is empty."""
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else b"" for p in sorted(root.rglob("*"))}


def call(root: Path, *arguments: str, text: str | None = None) -> Result:
    command, *rest = arguments
    options = ["--command", "/opt/sessiontrack/bin/sessiontrack"] if command == "install" else []
    return invoke("unused", command, "--prefix", str(root), *options, *rest, text=text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with existing files at our places."""
    made = tmp_path / "root"
    for name in ("etc/nginx/conf.d/other.conf", "etc/systemd/system/other.service"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("another's\n")
    return made


# --- deploy/


def test_deploy_shows_what_is_installed() -> None:
    """`make deploy` updates it."""
    found = {str(p.relative_to(DEPLOY)): p.read_text() for p in DEPLOY.rglob("*") if p.is_file()}
    assert found == shown()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_the_units_right(unit: Path, tmp_path: Path) -> None:
    for each in UNITS:
        # The program must exist; it is not at the default place.
        text = each.read_text().replace(Choices.command, "/bin/true")
        (tmp_path / each.name.replace("@", "@neighbours")).write_text(text)
    for timer in DEPLOY.glob("systemd/*.timer"):
        (tmp_path / timer.name).write_text(timer.read_text())
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name.replace("@", "@neighbours")],
        capture_output=True,
        text=True,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("timer", sorted(DEPLOY.glob("systemd/*.timer")), ids=lambda path: path.name)
def test_systemd_finds_the_timers_right(timer: Path) -> None:
    assert timer.with_suffix(".service").exists()
    (calendar,) = re.findall("OnCalendar=(.*)", timer.read_text())
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_expose_little(unit: Path) -> None:
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit],
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout.splitlines()[-1:]
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", rated.stdout)
    assert float(exposure) <= 2.0


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_call_what_there_is(unit: Path) -> None:
    (line,) = re.findall("ExecStart=(.*)", unit.read_text())
    program, *words = shlex.split(line)
    assert program == Choices.command
    found: click.Command = main
    while isinstance(found, click.Group):
        inner = found.get_command(click.Context(found), words.pop(0))
        assert inner is not None
        found = inner
    options = {name for parameter in found.params for name in parameter.opts}
    assert {
        word for word in words[: words.index("--") if "--" in words else None] if word.startswith("--")
    } <= options


def test_a_reload_needs_no_program_but_the_shell() -> None:
    """Not /bin/kill, which a minimal Debian has not: it is in the package procps."""
    (line,) = re.findall("ExecReload=(.*)", (DEPLOY / "systemd/sessiontrack.service").read_text())
    # Where these tests run in the background, SIGHUP may be ignored; then it is for their processes too.
    waits = "from signal import *; signal(SIGHUP, lambda *_: exit(3)); print(flush=True); pause()"
    process = subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"\n"
        words = shlex.split(line)
        assert words[:2] == ["/bin/sh", "-c"]
        # systemd replaces a variable that is a word of its own, and hands the others to the program.
        assert "$MAINPID" not in words
        environ = {"MAINPID": str(process.pid), "PATH": "/nonexistent"}
        subprocess.run(words, env=environ, check=True)
        assert process.wait(SECONDS) == 3
    finally:
        process.kill()
        process.stdout.close()


def test_prometheus_finds_rules_and_configuration_right() -> None:
    checked = subprocess.run(
        ["promtool", "check", "rules", DEPLOY / "prometheus/alerts.yml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    assert "5 rules found" in checked.stdout
    assert "rule_files: [alerts.yml]" in (DEPLOY / "prometheus/alerts.yml").read_text()
    subprocess.run(
        ["promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus/scrape.yml"],
        check=True,
        capture_output=True,
    )


def test_rules_fire_when_they_should(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text((DEPLOY / "prometheus/alerts.yml").read_text())
    (tmp_path / "test.yml").write_text(RULE_TEST)
    checked = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


RULE_TEST = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: sessiontrack_database_writable{job="sessiontrack", instance="box"}
        values: 1 1 1 1 1 0x20
      - series: sessiontrack_last_heard_timestamp_seconds{instance="box", source="hourly", kind="scan"}
        values: 0x59 3600x30
      - series: sessiontrack_longest_silence_seconds{instance="box", source="hourly", kind="scan"}
        values: 10800x90
      - series: sessiontrack_last_scan_timestamp_seconds{instance="box", source="hourly"}
        values: 0x59 3600x30
      - series: sessiontrack_last_heard_timestamp_seconds{instance="box", source="radius:ap", kind="radius"}
        values: 0x90
      - series: sessiontrack_longest_silence_seconds{instance="box", source="radius:ap", kind="radius"}
        values: 3600x90
      - series: sessiontrack_last_heard_timestamp_seconds{instance="box", source="arp", kind="scan"}
        values: 0x90
      - series: sessiontrack_longest_silence_seconds{instance="box", source="arp", kind="scan"}
        values: 900x90
      - series: sessiontrack_last_heard_timestamp_seconds{instance="box", source="dhcp", kind="hook"}
        values: 0+60x90
      - series: sessiontrack_longest_silence_seconds{instance="box", source="dhcp", kind="hook"}
        values: 3600x90
      - series: sessiontrack_last_backup_timestamp_seconds{instance="box"}
        values: -172200x90
      - series: sessiontrack_last_backup_timestamp_seconds{instance="made again"}
        values: -172200x9 540x80
      - series: sessiontrack_backup_awaited_since_timestamp_seconds{instance="never made"}
        values: -171600x90
      - series: sessiontrack_requests_total{instance="box", status="200"}
        values: 0+100x40
      - series: sessiontrack_requests_total{instance="box", status="500"}
        values: 0+2x40
    alert_rule_test:
      - {eval_time: 5m, alertname: SessiontrackDown}
      - eval_time: 8m
        alertname: SessiontrackDown
        exp_alerts:
          - exp_labels: {severity: critical, job: sessiontrack, instance: box}
            exp_annotations:
              summary: sessiontrack on box does not answer, or cannot use its database.
              description: No call is answered. `sessiontrack doctor` on that host says what is wrong.
      - {eval_time: 14m, alertname: SessiontrackScanStale}
      - eval_time: 25m
        alertname: SessiontrackScanStale
        exp_alerts:
          - exp_labels: {severity: warning, instance: box, source: arp, kind: scan}
            exp_annotations:
              summary: The source arp has made no scan for 25m 0s.
              description: Its devices stay as they were last seen. Is its scanner still running?
      - eval_time: 70m
        alertname: SessiontrackScanStale
        exp_alerts:
          - exp_labels: {severity: warning, instance: box, source: arp, kind: scan}
            exp_annotations:
              summary: The source arp has made no scan for 1h 10m 0s.
              description: Its devices stay as they were last seen. Is its scanner still running?
          - exp_labels: {severity: warning, instance: box, source: "radius:ap", kind: radius}
            exp_annotations:
              summary: The source radius:ap has not been heard of for 1h 10m 0s.
              description: Its devices stay as they were last seen. Is its listener still running?
      - {eval_time: 10m, alertname: SessiontrackBackupOld}
      - eval_time: 11m
        alertname: SessiontrackBackupOld
        exp_alerts:
          - exp_labels: {severity: warning, instance: box}
            exp_annotations:
              summary: For 2d 0h 1m 0s no backup of sessiontrack has been made on box.
              description: See `journalctl -u sessiontrack-backup` on that host, or the mail of its cron.
      - eval_time: 21m
        alertname: SessiontrackBackupOld
        exp_alerts:
          - exp_labels: {severity: warning, instance: box}
            exp_annotations:
              summary: For 2d 0h 11m 0s no backup of sessiontrack has been made on box.
              description: See `journalctl -u sessiontrack-backup` on that host, or the mail of its cron.
          - exp_labels: {severity: warning, instance: never made}
            exp_annotations:
              summary: For 2d 0h 1m 0s no backup of sessiontrack has been made on never made.
              description: See `journalctl -u sessiontrack-backup` on that host, or the mail of its cron.
      - {eval_time: 5m, alertname: SessiontrackErrors}
      - eval_time: 20m
        alertname: SessiontrackErrors
        exp_alerts:
          - exp_labels: {severity: warning, instance: box}
            exp_annotations:
              summary: sessiontrack on box answers 1.961% of its requests with an error of its own.
              description: Its log says which; each line has the request's id.
"""


# --- install


def test_a_trial_shows_everything_and_writes_nothing(root: Path) -> None:
    before = files(root)
    result = call(root, "install", "--dry-run")
    assert result.exit_code == 0, result.output
    for each in FILES:
        assert each.target is None or f"write  {below(root, each.target)}\n" in result.stdout
    assert "will run /opt/sessiontrack/bin/sessiontrack as the user sessiontrack.\n" in result.stdout
    assert "nothing was changed." in result.stdout.partition("systemctl enable --now sessiontrack.service")[0]
    assert files(root) == before


@pytest.mark.parametrize("place", ["home/anna/sessiontrack/.venv", "root", "run/user/0"])
def test_a_program_that_services_cannot_see_is_refused(root: Path, place: str) -> None:
    program, before = f"/{place}/bin/sessiontrack", files(root)
    refused = call(root, "install", "--yes", "--command", program)
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, f"{program} is where services cannot see it", "--command")
    trial = call(root, "install", "--dry-run", "--command", program)
    assert trial.exit_code == 1
    assert f"it is refused: {program} is where" in trial.stderr
    assert "systemctl enable" not in trial.stdout
    assert files(root) == before


def test_a_trial_from_where_no_service_can_run_shows_everything_and_says_why_it_would_be_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = importlib.import_module("sessiontrack.cli.install")
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr(command, "HIDDEN", (Path(COMMAND).resolve().parent,))
    before = files(root)
    result = invoke("unused", "install", "--prefix", str(root), "--dry-run")
    assert result.exit_code == 1, result.output
    assert f"write  {root / 'etc/nginx/snippets/sessiontrack.conf'}\n" in result.stdout
    assert "refused: " in result.stderr
    assert "/opt/sessiontrack/bin/pip install" in result.stderr
    refused = invoke("unused", "install", "--prefix", str(root), "--yes")
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, "/opt/sessiontrack/bin/pip install")
    assert files(root) == before


def test_it_asks_first(root: Path) -> None:
    before = files(root)
    result = call(root, "install", text="n\n")
    assert "Nothing was changed." in result.stdout
    assert files(root) == before
    assert call(root, "install", text="y\n").exit_code == 0
    assert below(root, MANIFEST).exists()


def test_install_writes_and_uninstall_leaves_what_was_there_before(root: Path) -> None:
    before = files(root)
    result = call(root, "install", "--yes", "--server-name", "tracker.example.org", "--port", "8123")
    assert result.exit_code == 0, result.output
    assert "systemctl enable --now sessiontrack.service" in result.stdout
    unit = (root / "etc/systemd/system/sessiontrack.service").read_text()
    assert "ExecStart=/opt/sessiontrack/bin/sessiontrack serve --host 127.0.0.1 --port 8123\n" in unit
    assert "server_name tracker.example.org;" in (root / "etc/nginx/sites-available/sessiontrack").read_text()
    assert "server 127.0.0.1:8123;" in (root / "etc/nginx/conf.d/sessiontrack.conf").read_text()
    data = below(root, INSTANCE)
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "sessiontrack.toml").stat().st_mode & 0o777 == 0o600
    # Again: nothing to do.
    again = call(root, "install", "--yes", "--server-name", "tracker.example.org", "--port", "8123")
    assert not re.findall("^write", again.stdout, re.MULTILINE)
    result = call(root, "uninstall", "--yes")
    assert result.exit_code == 0, result.output
    assert files(root) == before


@pytest.fixture
def without_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_command, "has_nginx", lambda prefix: False)


@pytest.mark.usefixtures("without_nginx")
def test_without_nginx_it_says_how_the_service_is_reached(root: Path) -> None:
    result = call(root, "install", "--yes", "--port", "8123")
    assert result.exit_code == 0, result.output
    left = result.stdout.partition("Left to do")[2]
    assert "http://127.0.0.1:8123" in left
    assert "ExecStart=/opt/sessiontrack/bin/sessiontrack serve --host 0.0.0.0 --port 8123\n" in left
    # What needs nginx comes after its installation.
    before, _, after = left.partition("apt install nginx")
    assert "nginx -t" not in before
    assert "/etc/nginx/sites-enabled/\n  nginx -t && systemctl reload nginx\n" in after
    removed = call(root, "uninstall", "--yes")
    assert (removed.exit_code, "nginx -t" in removed.stdout) == (0, False)
    assert "userdel sessiontrack" in removed.stdout


@pytest.mark.usefixtures("without_nginx")
@pytest.mark.parametrize(
    "options", [["--sub-path", "/sessiontrack"], ["--proxy-user-header", "X-Remote-User"], ["packaged"]]
)
def test_what_is_for_nginx_alone_begins_with_its_installation(root: Path, options: list[str]) -> None:
    if options == ["packaged"]:
        below(root, PACKAGED_UNIT).parent.mkdir(parents=True)
        below(root, PACKAGED_UNIT).touch()
        options = []
    result = call(root, "install", "--yes", *options)
    assert result.exit_code == 0, result.output
    before, _, after = result.stdout.partition("apt install nginx")
    assert "nginx -t" not in before
    assert "0.0.0.0" not in result.stdout
    assert "  nginx -t && systemctl reload nginx\n" in after


def test_another_root_may_get_its_nginx_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_command, "nginx", lambda: None)
    assert "apt install nginx" not in call(root, "install", "--yes").stdout


def test_below_a_sub_path_there_is_no_site_of_its_own(root: Path) -> None:
    result = call(root, "install", "--yes", "--sub-path", "/sessiontrack/")
    assert "include snippets/sessiontrack.conf;" in result.stdout
    assert not (root / "etc/nginx/sites-available/sessiontrack").exists()
    assert "location /sessiontrack/ {" in (root / "etc/nginx/snippets/sessiontrack.conf").read_text()


def test_nginx_names_the_user_whom_it_authenticated(root: Path) -> None:
    options = ["install", "--yes", "--proxy-user-header", "X-Remote-User"]
    first = call(root, *options)
    assert first.exit_code == 0, first.output
    assert "anybody could be admin" in first.stdout
    snippet = (root / "etc/nginx/snippets/sessiontrack.conf").read_text()
    assert snippet.count("proxy_set_header X-Remote-User $remote_user;") == 3
    assert 'X-Remote-User ""' not in snippet
    settings = below(root, INSTANCE) / "sessiontrack.toml"
    assert 'auth_proxy_header = "X-Remote-User"\n' in settings.read_text()
    assert invoke(below(root, INSTANCE), "migrate").exit_code == 0
    again = call(root, *options)
    assert (again.exit_code, re.findall("^write", again.stdout, re.MULTILINE)) == (0, [])
    other = call(root, "install", "--yes", "--proxy-user-header", "X-User")
    assert other.exit_code == 0, other.output
    snippet = (root / "etc/nginx/snippets/sessiontrack.conf").read_text()
    assert "proxy_set_header X-User $remote_user;" in snippet
    assert 'proxy_set_header X-Remote-User "";' in snippet


def test_the_settings_that_are_installed_are_settings(root: Path) -> None:
    call(root, "install", "--yes")
    data = below(root, INSTANCE)
    assert invoke(data, "migrate").exit_code == 0


def test_the_data_stays_and_so_does_what_was_changed(root: Path) -> None:
    call(root, "install", "--yes")
    data, unit = below(root, INSTANCE), root / "etc/systemd/system/sessiontrack.service"
    assert invoke(data, "migrate").exit_code == 0
    unit.write_text(unit.read_text() + "# mine\n")
    result = call(root, "uninstall", "--yes")
    assert f"leave  {unit}  (it was changed since)" in result.stdout
    assert f"leave  {data}  (the data)" in result.stdout
    assert (data / "signing-key").exists()
    assert unit.exists()
    assert not (root / "etc/systemd/system/sessiontrack-prune.timer").exists()


def test_purge_removes_the_data_too(root: Path) -> None:
    before = files(root)
    call(root, "install", "--yes")
    assert invoke(below(root, INSTANCE), "migrate").exit_code == 0
    assert call(root, "uninstall", "--purge", text="n\n").exit_code == 0
    assert (below(root, INSTANCE) / "signing-key").exists()
    result = call(root, "uninstall", "--purge", "--yes")
    assert "(the data, all of it)" in result.stdout
    after = files(root)
    assert {name: text for name, text in after.items() if name in before} == before
    assert not below(root, INSTANCE).exists()


def test_a_newer_version_replaces_its_own_files_and_no_settings(root: Path) -> None:
    call(root, "install", "--yes", "--port", "8001")
    settings = below(root, INSTANCE) / "sessiontrack.toml"
    settings.write_text('timezone = "Europe/Berlin"\n')
    result = call(root, "install", "--yes", "--port", "8002")
    assert "(in place of an older one)" in result.stdout
    assert "--port 8002" in (root / "etc/systemd/system/sessiontrack.service").read_text()
    assert settings.read_text() == 'timezone = "Europe/Berlin"\n'


def test_a_replacement_that_was_cut_short_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(root)
    install(root, Choices(port=8001))
    unit = root / "etc/systemd/system/sessiontrack.service"
    old, write, written = unit.read_text(), plan.write_whole, []

    def cut_short(path: Path, text: str, mode: int) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, text, mode)

    monkeypatch.setattr(plan, "write_whole", cut_short)
    with pytest.raises(KeyboardInterrupt):
        install(root, Choices(port=8002))
    monkeypatch.undo()
    assert unit.read_text() == old
    install(root, Choices(port=8003))
    assert "--port 8003" in unit.read_text()
    uninstall(root, purge=False)
    assert files(root) == before


def test_another_file_at_our_place_stops_it_before_anything_is_written(root: Path) -> None:
    theirs = root / "etc/nginx/conf.d/sessiontrack.conf"
    theirs.write_text("theirs")
    before = files(root)
    result = call(root, "install", "--yes")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(theirs), "Nothing was written")
    assert files(root) == before
    theirs.unlink()
    theirs.symlink_to("/etc/passwd")
    assert_one_line(call(root, "install", "--yes").stderr, str(theirs))


@pytest.mark.parametrize(
    "options",
    [
        ["--server-name", "a; include /etc/passwd"],
        ["--server-name", ""],
        ["--sub-path", "sessiontrack"],
        ["--sub-path", "/a b"],
        ["--sub-path", '/a"; }'],
        ["--certificate", "relative"],
        ["--certificate-key", "/a;b"],
        ["--command", "/opt/with blank/sessiontrack"],
        ["--command", "%i"],
        ["--proxy-user-header", "X User"],
        ["--proxy-user-header", "Authorization"],
        ["--proxy-user-header", "X-Forwarded-For"],
    ],
)
def test_what_could_mean_something_else_to_nginx_or_systemd_is_refused(
    root: Path, options: list[str]
) -> None:
    before = files(root)
    result = call(root, "install", "--yes", *options)
    assert result.exit_code == 1
    assert_one_line(result.stderr)
    assert files(root) == before


def test_uninstall_where_nothing_is_installed_is_one_line(tmp_path: Path) -> None:
    result = call(tmp_path, "uninstall", "--yes")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "installed.json")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "files": {}, "folders": []}', "nonsense"])
def test_a_manifest_that_is_none_is_one_line(root: Path, text: str) -> None:
    path = below(root, MANIFEST)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert_one_line(call(root, "uninstall", "--yes").stderr, str(path))


def test_two_at_once_leave_one_whole_installation(root: Path) -> None:
    before = files(root)
    threads = [threading.Thread(target=install, args=(root, Choices())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in FILES:
        if each.target is not None:
            assert below(root, each.target).read_text() == render(each.template, Choices())
    uninstall(root, purge=False)
    assert files(root) == before


def test_one_that_was_killed_can_be_taken_back_or_done_again(root: Path) -> None:
    before = files(root)
    for delay in (0.0, 0.3, 0.34, 0.38, 0.42, 0.5):
        process = subprocess.Popen(
            [COMMAND, "install", "--yes", "--prefix", str(root), "--command", "/opt/sessiontrack"],
            env={**environment(root), "PYTHONPATH": str(DEPLOY.parent)},
            stdout=subprocess.DEVNULL,
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(SECONDS)
    assert call(root, "install", "--yes").exit_code == 0
    assert call(root, "uninstall", "--yes").exit_code == 0
    left = {name: text for name, text in files(root).items() if name not in before}
    # The draft of a killed run; its name has no effect.
    assert all(Path(name).name.startswith(".") for name in left if (root / name).is_file())


@pytest.mark.parametrize("written", range(4))
def test_one_that_was_cut_short_is_done_again_as_it_was_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    write = plan.write_whole
    left = iter(range(written))

    def cut_short(path: Path, text: str, mode: int) -> None:
        if path.name != "installed.json" and next(left, None) is None:
            raise KeyboardInterrupt
        write(path, text, mode)

    choices = Choices(server_name="tracker.example.org", port=8123)
    with monkeypatch.context() as patch:
        patch.setattr(plan, "write_whole", cut_short)
        with pytest.raises(KeyboardInterrupt):
            install(root, choices)
    assert call(root, "install", "--yes").exit_code == 0
    assert remembered(root) == asdict(
        Choices(server_name="tracker.example.org", port=8123, command="/opt/sessiontrack/bin/sessiontrack")
    )


# --- again, and back


def made(root: Path, *options: str) -> None:
    result = call(root, "install", "--yes", *options)
    assert result.exit_code == 0, result.output


def test_again_without_options_changes_nothing(root: Path) -> None:
    made(root, "--server-name", "tracker.example.org", "--port", "8123", "--certificate", "/etc/ssl/a.pem")
    before = files(root)
    result = invoke("unused", "install", "--prefix", str(root), "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("Done.\n")
    assert files(root) == before


def test_again_with_an_option_changes_that_one(root: Path) -> None:
    made(root, "--server-name", "tracker.example.org", "--port", "8123")
    made(root, "--port", "8124")
    assert "server_name tracker.example.org;" in (root / "etc/nginx/sites-available/sessiontrack").read_text()
    assert "127.0.0.1:8124" in (root / "etc/nginx/conf.d/sessiontrack.conf").read_text()


def test_below_a_sub_path_it_stays_there_and_writes_no_site(root: Path) -> None:
    made(root, "--sub-path", "/sessiontrack")
    made(root)
    assert "location /sessiontrack/ {" in (root / "etc/nginx/snippets/sessiontrack.conf").read_text()
    assert not (root / "etc/nginx/sites-available/sessiontrack").exists()


def test_a_site_of_its_own_goes_when_a_sub_path_is_chosen(root: Path) -> None:
    made(root)
    enabled = root / "etc/nginx/sites-enabled/sessiontrack"
    enabled.parent.mkdir()
    enabled.symlink_to("../sites-available/sessiontrack")
    made(root, "--sub-path", "/sessiontrack")
    assert not os.path.lexists(enabled)
    assert not (root / "etc/nginx/sites-available/sessiontrack").exists()
    made(root, "--sub-path", "")
    assert (root / "etc/nginx/sites-available/sessiontrack").exists()


def test_an_installation_that_remembers_nothing_wants_its_options_once_more(root: Path) -> None:
    made(root, "--server-name", "tracker.example.org")
    manifest = below(root, MANIFEST)
    kept = json.loads(manifest.read_text())
    del kept["choices"]
    manifest.write_text(json.dumps(kept))
    result = call(root, "install", "--yes")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "--server-name")
    made(root, "--server-name", "tracker.example.org")


def test_what_nginx_refuses_is_taken_back(root: Path) -> None:
    made(root)
    enabled = root / "etc/nginx/sites-enabled/sessiontrack"
    enabled.parent.mkdir()
    enabled.symlink_to("../sites-available/sessiontrack")
    before = files(root)
    with pytest.raises(Conflict, match="duplicate location"):
        install(root, Choices(prefix="/below"), lambda: "duplicate location")
    assert files(root) == before
    assert enabled.is_symlink()


def test_what_nginx_refuses_at_first_leaves_no_file(root: Path) -> None:
    with pytest.raises(Conflict):
        install(root, Choices(), lambda: "no")
    assert not (root / "etc/nginx/conf.d/sessiontrack.conf").exists()
    assert not (root / "etc/systemd/system/sessiontrack.service").exists()


def test_nginx_says_why_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nginx = tmp_path / "nginx"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for code, said in ((0, None), (1, "nginx: it is wrong")):
        nginx.write_text(f"#!/bin/sh\necho 'nginx: it is   wrong' >&2\nexit {code}\n")
        nginx.chmod(0o755)
        assert install_command.nginx_refusal() == said


def test_beside_a_package_only_what_is_nginxs_is_written(root: Path) -> None:
    unit = below(root, PACKAGED_UNIT)
    unit.parent.mkdir(parents=True)
    unit.write_text("the package's\n")
    data = below(root, INSTANCE)
    data.mkdir(parents=True)
    made(root)
    assert not (root / "etc/systemd/system/sessiontrack.service").exists()
    assert (root / "etc/nginx/conf.d/sessiontrack.conf").exists()
    assert call(root, "uninstall", "--yes", "--purge").exit_code == 0
    assert not (root / "etc/nginx/conf.d/sessiontrack.conf").exists()
    assert data.is_dir()


def test_beside_a_package_its_unit_serves_on_the_port_that_nginx_asks(root: Path, tmp_path: Path) -> None:
    unit = below(root, PACKAGED_UNIT)
    unit.parent.mkdir(parents=True)
    packaged = render("systemd/sessiontrack.service", Choices(command="/bin/true"))
    unit.write_text(packaged)
    before = files(root)
    result = call(root, "install", "--yes", "--port", "8321")
    assert result.exit_code == 0, result.output
    assert "systemctl daemon-reload && systemctl restart sessiontrack" in result.stdout
    assert "server 127.0.0.1:8321;" in (root / "etc/nginx/conf.d/sessiontrack.conf").read_text()
    drop_in = root / "etc/systemd/system/sessiontrack.service.d/10-port.conf"
    assert drop_in.read_text().endswith(
        "ExecStart=\nExecStart=/opt/sessiontrack/bin/sessiontrack serve --host 127.0.0.1 --port 8321\n"
    )
    # systemd takes both together.
    seen = tmp_path / "units"
    (seen / "sessiontrack.service.d").mkdir(parents=True)
    (seen / "sessiontrack.service").write_text(packaged)
    lines = drop_in.read_text().replace("/opt/sessiontrack/bin/sessiontrack", "/bin/true")
    (seen / "sessiontrack.service.d" / drop_in.name).write_text(lines)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", seen / "sessiontrack.service"],
        capture_output=True,
        text=True,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    # An edited one stops the next call, as all of ours do.
    drop_in.write_text(drop_in.read_text() + "# mine\n")
    assert_one_line(call(root, "install", "--yes", "--port", "8322").stderr, str(drop_in))
    drop_in.write_text(drop_in.read_text().removesuffix("# mine\n"))
    # The package's own port needs none.
    made(root, "--port", "8000")
    assert not drop_in.exists()
    made(root, "--port", "8321")
    gone = call(root, "uninstall", "--yes")
    assert gone.exit_code == 0, gone.output
    assert "systemctl try-restart sessiontrack" in gone.stdout
    assert "userdel" not in gone.stdout
    assert files(root) == before


def test_without_a_package_the_unit_itself_has_the_port(root: Path) -> None:
    made(root, "--port", "8321")
    assert "--port 8321\n" in (root / "etc/systemd/system/sessiontrack.service").read_text()
    assert not (root / "etc/systemd/system/sessiontrack.service.d").exists()


def test_links_to_what_is_removed_go_too(root: Path) -> None:
    made(root)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    sites = root / "etc/nginx/sites-enabled"
    for folder in (wants, sites):
        folder.mkdir()
    (wants / "sessiontrack.service").symlink_to("/etc/systemd/system/sessiontrack.service")
    (wants / "sessiontrack-scan@lan.service").symlink_to("/etc/systemd/system/sessiontrack-scan@.service")
    (wants / "other.service").symlink_to("/etc/systemd/system/other.service")
    (sites / "sessiontrack").symlink_to("../sites-available/sessiontrack")
    assert call(root, "uninstall", "--yes").exit_code == 0
    assert [each.name for each in (*wants.iterdir(), *sites.iterdir())] == ["other.service"]


def test_a_snippet_that_another_site_includes_is_not_removed(root: Path) -> None:
    made(root, "--sub-path", "/sessiontrack")
    site = root / "etc/nginx/sites-enabled/default"
    site.parent.mkdir()
    site.write_text("server {\n    include snippets/sessiontrack.conf;\n}\n")
    before = files(root)
    result = call(root, "uninstall", "--yes")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(site), "remove that line first")
    assert files(root) == before
    site.write_text("server {\n    # include snippets/sessiontrack.conf;\n}\n")
    assert call(root, "uninstall", "--yes").exit_code == 0


def test_a_program_that_services_cannot_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "venv/bin/sessiontrack"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(0o755)
    for each in (program.parent, program.parent.parent):
        each.chmod(0o755)
    closed = tmp_path / "venv"
    closed.chmod(0o700)
    with pytest.raises(InvalidSetting, match=r"is closed to the user sessiontrack.*chmod -R go\+rX"):
        install_command._refuse_closed(program)
    with pytest.raises(InvalidSetting, match="There is no program"):
        install_command._refuse_closed(tmp_path / "nothing")


def test_a_python_that_services_cannot_read_is_named(tmp_path: Path) -> None:
    """As root's own below /root is, to which an environment leads."""
    python = tmp_path / "closed/python3"
    python.parent.mkdir()
    python.touch(0o755)
    program = tmp_path / "venv/bin/sessiontrack"
    program.parent.mkdir(parents=True)
    (program.parent / "python").symlink_to(python)
    program.write_text(f"#!{program.parent}/python\n")
    for each in (program, program.parent, program.parent.parent):
        each.chmod(0o755)
    python.parent.chmod(0o700)
    with pytest.raises(InvalidSetting) as caught:
        install_command._refuse_closed(program)
    # The folder of tests is closed, too.
    assert f"{tmp_path} is closed to the user sessiontrack, who needs {program};" in caught.value.message
    assert "/opt/sessiontrack" in caught.value.message
    said = install_command._remedy(python.parent, program.parent.parent, python)
    assert said.startswith(f", who needs {python};")
    assert "/usr/bin/python3" in said


def test_a_folder_for_programs_that_a_umask_closed_is_opened() -> None:
    """Where there was no /opt, `python3 -m venv` makes it, and closes it too."""
    environment = Path("/opt/sessiontrack")
    said = install_command._remedy(environment.parent, environment, environment / "bin/sessiontrack")
    assert said.endswith("was it made under a umask like 077? chmod go+rx /opt")
    said = install_command._remedy(
        Path("/srv/closed"), Path("/srv/closed/venv"), Path("/srv/closed/venv/bin")
    )
    assert "elsewhere" in said
