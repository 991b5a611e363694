"""Notifications to systemd: ready when serving, alive while working, stopping at the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sessiontrack.process.supervisor import Supervisor
from tests.support.server import COMMAND, Server, environment, free_port
from tests.support.waiting import SECONDS


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(SECONDS)

    def hears(self, seconds: float = SECONDS) -> str | None:
        """The next message; None if none comes in time."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def hears_in_the_end(self) -> list[str]:
        """The messages sent and not yet read."""
        found = []
        while (message := self.hears(0.2)) is not None:
            found.append(message)
        return found

    def hears_for(self, seconds: float) -> list[str]:
        """All messages in this time."""
        until, found = time.monotonic() + seconds, []
        while (left := until - time.monotonic()) > 0:
            if (message := self.hears(left)) is not None:
                found.append(message)
        return found

    def close(self) -> None:
        self._socket.close()


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill the process where a test fails, which would wait for it otherwise."""
    try:
        yield
    except BaseException:
        process.kill()
        raise


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    made = Systemd(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", made.path)
    monkeypatch.setenv("WATCHDOG_USEC", "900000")
    yield made
    made.close()


def workers_of(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_serve_is_ready_once_it_answers_and_alive_only_while_it_does(
    systemd: Systemd, instance: Path
) -> None:
    with Server(instance, workers=2) as server:
        assert systemd.hears() == "READY=1"
        assert systemd.hears() == "WATCHDOG=1"
        workers = workers_of(server)
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            # The master still runs, but except for messages under way none says that the service is alive.
            systemd.hears_in_the_end()
            assert len(systemd.hears_for(2)) <= 1
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        assert systemd.hears() == "WATCHDOG=1"
        assert server.stop() == 0
    assert systemd.hears_in_the_end()[-1] == "STOPPING=1"


@pytest.mark.parametrize(("family", "host"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
def test_whether_it_answers_is_asked_without_a_lock_that_a_fork_would_inherit(family: str, host: str) -> None:
    code = f"""
import socket, sys, threading
from sessiontrack.cli.serve import answers
listener = socket.create_server(("{host}", 0), family=socket.{family})
def answer():
    connection, _ = listener.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK")
    connection.close()
server = threading.Thread(target=answer)
server.start()
heard = []
sys.addaudithook(lambda event, _: heard.append(event))
is_answered = answers(socket.{family}, ("{host}", listener.getsockname()[1]), 5)
print(is_answered, "socket.connect" in heard, {{"import", "open", "socket.getaddrinfo"}} & set(heard))
server.join()
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS)
    assert told.stdout == "True True set()\n", told.stderr


def test_serve_is_ready_where_only_some_hosts_are_trusted(systemd: Systemd, instance: Path) -> None:
    """Its own probes, a container's and a monitor's name the address, and no host that users name."""
    with Server(instance, TRUSTED_HOSTS="sessions.example") as server:
        assert systemd.hears() == "READY=1"
        assert server.call("GET", "/healthz", Host="evil.example").status == 200
        for method, path in (
            ("GET", "/ui/login"),
            ("POST", "/auth/login"),
            ("GET", "/auth/me"),
            ("GET", "/metrics"),
        ):
            answer = server.call(method, path, Host="evil.example")
            assert (answer.status, answer.json["error"]) == (400, "bad_request"), path
            # A client names its own host: nobody's word for another one counts without a trusted proxy.
            answer = server.call(
                method, path, Host="evil.example", **{"X-Forwarded-Host": "sessions.example"}
            )
            assert answer.status == 400, path
        assert server.call("GET", "/auth/me", Host="sessions.example").status == 401


def test_serve_says_that_it_ends_once(systemd: Systemd, instance: Path) -> None:
    with Server(instance) as server:
        assert server.stop(signal.SIGINT) == 0
    assert systemd.hears_in_the_end().count("STOPPING=1") == 1


def test_serve_is_never_ready_where_it_cannot_start(systemd: Systemd, instance: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [COMMAND, "serve", "--port", port],
            env=environment(instance),
            capture_output=True,
            timeout=SECONDS,
        )
    assert ended.returncode == 1
    assert "READY=1" not in systemd.hears_in_the_end()


@pytest.mark.parametrize(
    "arguments",
    [
        ["listen", "radius", "--port", "{port}"],
        ["scan", "watch", "--every", "60s", "--timeout", "30s", "--", "ip", "-j", "neigh"],
    ],
    ids=["radius", "scan"],
)
def test_listeners_are_ready_alive_and_end(systemd: Systemd, instance: Path, arguments: list[str]) -> None:
    process = subprocess.Popen(
        [COMMAND, *(each.format(port=free_port()) for each in arguments)],
        env=environment(instance, RADIUS_CLIENTS="127.0.0.1=secret"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process, ended(process):
        first = systemd.hears()
        if arguments[0] == "scan":
            # Longer than systemd's watchdog: a run and a pause.
            assert first == "WATCHDOG_USEC=150000000"
            first = systemd.hears()
        assert first == "READY=1"
        said = systemd.hears()
        while said is not None and said.startswith("STATUS="):
            said = systemd.hears()
        assert said == "WATCHDOG=1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    assert systemd.hears_in_the_end()[-1] == "STOPPING=1"


def test_what_a_service_starts_is_not_the_service(systemd: Systemd) -> None:
    supervisor = Supervisor()
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)
    if (child := os.fork()) == 0:
        supervisor.stopping()
        os._exit(0)
    os.waitpid(child, 0)
    assert systemd.hears_in_the_end() == []
    supervisor.stopping()
    assert systemd.hears() == "STOPPING=1"


def test_an_abstract_socket_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(f"\0sessiontrack-test-{os.getpid()}")
        other.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@sessiontrack-test-{os.getpid()}")
        Supervisor().ready("serving")
        assert other.recv(100) == b"READY=1\nSTATUS=serving"


@pytest.mark.parametrize(
    ("variable", "value"), [("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", "soon"), ("WATCHDOG_PID", "1")]
)
def test_signs_of_life_go_to_whoever_waits_for_them(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    supervisor = Supervisor()
    supervisor.alive()
    supervisor.expect_within(60)
    assert systemd.hears_in_the_end() == []


def test_nobody_who_listens_stops_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with Supervisor() as supervisor:
        supervisor.ready()


def test_a_first_probe_that_gets_lost_costs_a_second_of_the_start(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "12000000")
    patiences: list[float] = []

    def works(patience: float) -> bool:
        patiences.append(patience)
        return len(patiences) > 4

    with Supervisor() as supervisor:
        supervisor.watch(works)
        assert systemd.hears() == "READY=1"
        assert patiences[:5] == [1, 2, 4, 4, 4]
