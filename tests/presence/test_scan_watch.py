"""`sessiontrack scan watch`: a command over and over, whatever becomes of a single run."""

import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from sessiontrack.cli import scan_watch
from sessiontrack.cli.scan_input import run_command
from sessiontrack.cli.scan_watch import guessed_format
from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.formats import Reading
from tests.support.application import Clients
from tests.support.command import invoke
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS, wait_until

ROUTER = '{"dst":"10.0.0.1","dev":"e","lladdr":"00:1a:2b:3c:4d:5e","state":["REACHABLE"]}'


def watch(clients: Clients, script: str, *options: str, times: int = 2, **settings: str) -> Result:
    words = [
        "--every",
        "1s",
        "--times",
        str(times),
        "--format",
        "ip-neigh",
        *options,
        "--",
        "sh",
        "-c",
        script,
    ]
    return invoke(clients.app.instance_path, "scan", "watch", *words, **settings)


def test_it_takes_in_what_the_command_prints_each_time(clients: Clients) -> None:
    result = watch(clients, f"echo '[{ROUTER}]'", "--json")
    assert result.exit_code == 0, result.output
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["connected"], second["connected"], second["seen"]) == (1, 0, 1)


def begin(script: str) -> str:
    words = shlex.join(["sh", "-c", script])
    return f"Running {words} every 1s, as the source ip-neigh  (Ctrl-C ends it)"


def test_it_says_what_it_runs_and_what_the_first_look_saw_and_then_what_changes(clients: Clients) -> None:
    script = f"echo '[{ROUTER}]'"
    for outcome in (
        "1 seen, 1 connected, 0 disconnected, 1 new",
        "1 seen, 0 connected, 0 disconnected, 0 new",
    ):
        result = watch(clients, script, times=3)
        assert result.stdout.splitlines() == [begin(script), f"{outcome}, 0 down, 0 ip_changed"]
        assert result.stderr == ""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run may take three seconds, whatever is given, and the others as long as they want."""
    first: list[bool] = []

    def run_first(words: Sequence[str], seconds: float) -> Reading:
        first.append(not first)
        return run_command(words, 3 if first[-1] else SECONDS)

    monkeypatch.setattr("sessiontrack.cli.scan.run_command", run_first)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("script", ["exec sleep 600", "sleep 600 & wait"])
def test_a_run_that_takes_too_long_is_ended_and_the_next_one_counts(
    clients: Clients, tmp_path: Path, script: str
) -> None:
    mark = tmp_path / "was-here"
    result = watch(clients, f"test -e {mark} && exec echo '[{ROUTER}]'; touch {mark}; {script}")
    assert result.exit_code == 0, result.output
    assert "longer than 3 seconds" in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout.splitlines()[1].startswith("1 seen, 1 connected")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no luck >&2; exit 3", "exit code 3: no luck"),
        ("true", "not JSON"),
        ("echo '[]'", "empty"),
        ("kill -9 $$", "exit code -9: it said nothing"),
        ("echo printed; exit 1", "exit code 1: printed"),
        ("seq 9999 | tr '\\n' ' ' >&2; echo the reason >&2; exit 1", " 9998 9999 the reason"),
    ],
)
def test_a_run_that_fails_is_one_line_sends_nothing_and_the_next_one_counts(
    clients: Clients, tmp_path: Path, script: str, words: str
) -> None:
    mark = tmp_path / "was-here"
    result = watch(clients, f"test -e {mark} && exec echo '[{ROUTER}]'; touch {mark}; {script}")
    assert result.exit_code == 0, result.output
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout.splitlines()[1].startswith("1 seen, 1 connected")


def test_a_program_that_is_not_there_is_one_line(clients: Clients) -> None:
    words = ["--times", "1", "--format", "csv", "--", "no-such-program"]
    result = invoke(clients.app.instance_path, "scan", "watch", *words)
    assert (result.exit_code, result.stderr) == (0, "Note: There is no command no-such-program here.\n")


def test_a_server_that_cannot_be_reached_is_survived(clients: Clients) -> None:
    result = watch(clients, f"echo '[{ROUTER}]'", URL="http://127.0.0.1:1", TOKEN="st_x")
    assert result.exit_code == 0
    assert result.stderr.count("cannot be reached") == 2
    assert result.stdout.splitlines() == [begin(f"echo '[{ROUTER}]'")]


def test_many_faults_are_one_line(clients: Clients) -> None:
    result = watch(clients, f"echo '[{ROUTER}, 7, 8, 9]'", times=1)
    assert result.stderr == "Note: Entry 2 of 4: it is not an object. (and 2 more notes)\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("ip -j neigh", "ip-neigh"),
        ("/usr/sbin/arp-scan -x", "arp-scan"),
        ("sudo -n nmap -sn -oX - 10.0.0.0/24", "nmap"),
        ("ssh router ip -j neigh", "ip-neigh"),
        (
            "ssh router 'ubus call hostapd.phy0-ap0 get_clients; ubus call hostapd.phy1-ap0 get_clients'",
            "openwrt",
        ),
        ("sh -c 'cd /tmp;/usr/sbin/arp-scan -l'", "arp-scan"),
        ("sh -c 'test -e x&&(ip neigh)'", "ip-neigh"),
        ("cat leases", None),
        ("ssh router 'cat ip.txt /tmp/nmap/leases'", None),
    ],
)
def test_the_format_is_guessed_from_the_program(command: str, name: str | None) -> None:
    assert guessed_format(shlex.split(command)) == name


@pytest.mark.parametrize(
    "arguments",
    [
        ["--", "cat", "leases"],
        [],
        ["--every", "0s", "--", "ip"],
        ["--every", "1 month", "--", "ip"],
        ["--every", "soon", "--", "ip"],
        ["--times", "0", "--", "ip"],
        ["--format", "pcap", "--", "ip"],
        ["--token", "st_x", "--", "ip"],
    ],
)
def test_a_wrong_call_is_explained(tmp_path: Path, arguments: list[str]) -> None:
    assert invoke(tmp_path, "scan", "watch", *arguments).exit_code == 2


@pytest.mark.parametrize("every", ["1 s", "60sec", "5 min", "1 hour", "1S", "60", "10m"])
def test_how_times_are_written(clients: Clients, every: str) -> None:
    words = ["--every", every, "--times", "1", "--", "ip", "-V"]
    assert invoke(clients.app.instance_path, "scan", "watch", *words).exit_code == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("ends_by_itself", [True, False])
def test_a_signal_ends_it_cleanly_and_what_it_runs_too(
    clients: Clients, tmp_path: Path, signal_number: signal.Signals, ends_by_itself: bool
) -> None:
    """Between two runs, and within one."""
    mark = tmp_path / "pid"
    script = f"echo '[{ROUTER}]'; echo $$ > {mark}; " + ("true" if ends_by_itself else "exec sleep 600")
    process = subprocess.Popen(
        # Where these tests run in the background, SIGHUP may be ignored.
        [
            *shlex.split(
                f"env --default-signal=HUP {COMMAND} scan watch --every 600s --format ip-neigh -- sh -c"
            ),
            script,
        ],
        env=environment(Path(clients.app.instance_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        pid = int(wait_until(lambda: mark.exists() and mark.read_text(), "the command that is watched"))
        if ends_by_itself:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Running sh -c ")
            assert process.stdout.readline().startswith("1 seen, 1 connected")
        process.send_signal(signal_number)
        _, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.communicate()
    said = "Note: ended by SIGHUP; it reads its settings when it is started again.\n"
    assert (process.returncode, stderr) == (0, said if signal_number == signal.SIGHUP else "")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_sighup_does_not_end_what_nohup_started_and_sigint_ends_what_a_script_has_in_the_background() -> None:
    inherited = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGHUP, signal.SIGINT)}
    try:
        assert scan_watch.ending_signals() == [signal.SIGTERM, signal.SIGINT]
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert scan_watch.ending_signals() == [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    finally:
        for each, handler in inherited.items():
            signal.signal(each, handler)


def test_a_signal_while_a_command_is_being_started_waits_until_it_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)
            # As on a busy machine: it goes on before what was killed has ended.
            self._sigint_wait_secs = 0
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    # Tests that a shell runs in the background have inherited that it is ignored.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_command(["sleep", "600"])
        assert started[0].returncode == -signal.SIGKILL
        with pytest.raises(UnreadableObservations):
            run_command([str(tmp_path / "none")])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_a_unit_whose_looks_all_fail_fails_and_says_why(clients: Clients, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        script = ["sh", "-c", "echo no rights >&2; exit 1"]
        failed = subprocess.run(
            [COMMAND, "scan", "watch", "--every", "1s", "--format", "csv", "--", *script],
            env={**environment(Path(clients.app.instance_path)), "NOTIFY_SOCKET": str(tmp_path / "notify")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        heard = [systemd.recv(4096).decode() for _ in range(3)]
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("Error: 5 looks in a row have failed; the last one: sh")
    assert heard[0] == "READY=1"
    assert heard[1].startswith("STATUS=Failed looks in a row: 1. sh -c echo no rights")
    assert heard[2].startswith("STATUS=Failed looks in a row: 2. ")
