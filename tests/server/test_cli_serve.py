"""`sessiontrack serve`: how it starts and stops."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from sessiontrack.cli import serve
from tests.support import databases
from tests.support.application import LiveServer
from tests.support.command import assert_one_line, invoke, run
from tests.support.receiver import Receiver
from tests.support.server import COMMAND, Server, environment, free_port
from tests.support.waiting import SECONDS, wait_until

SIGNALS = [signal.SIGTERM, signal.SIGINT]
# The seconds for open requests at the end.
OTHER_END = "from sessiontrack.cli import serve; serve.GRACEFUL_SECONDS = {}"
CREATE = {"mac": "00:1A:2B:3C:4D:5E", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}


def test_contract_7_the_first_start_migrates_and_prints_password_and_address(tmp_path: Path) -> None:
    instance = tmp_path / "new"
    with Server(instance, workers=1) as server:
        password = (instance / "initial-admin-password").read_text().strip()
        body = {"username": "admin", "password": password}
        assert server.call("POST", "/auth/login", body).status == 200
        assert server.output().count(password) == 1
        assert server.output().count(f"http://127.0.0.1:{server.port}") == 1
    with Server(instance, workers=1) as server:
        assert password not in server.output()
        assert "Password" not in server.output()


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_contract_7_a_signal_ends_it_cleanly_with_an_idle_connection_open(
    instance: Path, signal_number: int
) -> None:
    with Server(instance) as server:
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        with contextlib.closing(idle):
            idle.request("GET", "/healthz")
            assert idle.getresponse().read()
            assert server.stop(signal_number) == 0
        assert "Traceback" not in server.output()


@pytest.mark.parametrize("signal_number", SIGNALS)
def test_contract_7_what_is_being_answered_is_answered_before_the_end(
    instance: Path, template: tuple[Path, dict[str, str]], signal_number: int
) -> None:
    # One worker, which is ready: another one may be starting, and then misses the signal.
    patient = Server(instance, workers=1, changed=OTHER_END.format(SECONDS))
    with patient as server, databases.busy(instance) as writer:
        with server_socket(server) as client:
            begin_request(client, "/sessions/create", CREATE, template[1]["operator"])
            server.process.send_signal(signal_number)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(0.5)
            writer.execute("ROLLBACK")
            response = http.client.HTTPResponse(client)
            response.begin()
            assert response.status == 200
        assert server.stop() == 0


def begin_request(client: socket.socket, path: str, body: object, token: str) -> None:
    """Send a POST request, and return once a thread of the server has taken it, as the 100 Continue says."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {len(content)}\r\nExpect: 100-continue\r\n\r\n"
    )
    client.sendall(head.encode() + content)
    expected = b"HTTP/1.1 100 Continue\r\n\r\n"
    with client.makefile("rb") as received:
        assert received.read(len(expected)) == expected


def test_contract_7_it_ends_even_if_a_request_never_does(instance: Path) -> None:
    assert serve.GRACEFUL_SECONDS + serve.LAST_DELIVERY_SECONDS < 5
    with Server(instance, workers=1, changed=OTHER_END.format(1)) as server, server_socket(server) as stuck:
        # The rest of the body is never sent.
        stuck.sendall(b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert server.call("GET", "/healthz").status == 200
        assert server.stop() == 0


def server_socket(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)


def test_a_taken_port_is_one_clear_line(live: LiveServer, instance: Path) -> None:
    result = run(instance, "serve", "--port", str(live.server.port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert_one_line(result.stderr, f"127.0.0.1:{live.server.port}")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "::ffff:192.0.2.1"])
def test_an_address_that_is_not_ours_is_one_clear_line(instance: Path, host: str) -> None:
    result = invoke(instance, "serve", "--host", host, "--port", str(free_port()))
    assert result.exit_code == 1
    assert_one_line(result.stderr, host)


@pytest.mark.parametrize("option", [["--port", "65536"], ["--port", "http"], ["--workers", "0"]])
def test_a_wrong_option_ends_with_2(instance: Path, option: list[str]) -> None:
    assert invoke(instance, "serve", *option).exit_code == 2


def test_a_signal_before_the_first_request_ends_it_too(instance: Path) -> None:
    """When the address is printed, workers may still be starting."""
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", str(free_port())],
        env=environment(instance),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        assert process.stdout is not None
        assert any(b"Serving on" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_commands_say_which_settings_the_running_server_has_not_read(instance: Path) -> None:
    file = instance / "sessiontrack.toml"

    def found() -> tuple[str, str]:
        checks = json.loads(invoke(instance, "doctor", "--fast", "--json", **database).stdout)["checks"]
        return next((each["state"], each["message"]) for each in checks if each["name"] == "settings")

    with Receiver() as pager:
        command = environment(instance)
        database = {"DATABASE_URL": url} if (url := command.get("SESSIONTRACK_DATABASE_URL")) else {}
        database["ADMIN_PASSWORD"] = "only the first start reads it"
        with Server(instance, workers=1) as server:
            assert found()[0] == "ok"
            file.write_text('webhook_allow = "127.0.0.0/8"\nradius_clients = "10.0.0.1=a-secret-word"\n')
            file.chmod(0o600)
            assert invoke(instance, "webhook", "add", "pager", pager.url, **database).exit_code == 0
            tested = invoke(instance, "webhook", "test", "pager", **database)
            assert (tested.exit_code, tested.stdout) == (0, "Delivered: answered 204.\n")
            # The RADIUS listener is a process of its own, which reads RADIUS_CLIENTS at its start.
            assert "another value of WEBHOOK_ALLOW. This" in tested.stderr
            state, message = found()
            assert state == "warning"
            assert "another value of WEBHOOK_ALLOW: restart it" in message
            assert "a-secret-word" not in (instance / "served-settings").read_text()
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: found()[0] == "ok", lambda: found()[1])
            file.write_text("")
            assert found()[0] == "warning"
            assert server.stop() == 0
        assert found()[0] == "ok"
        assert (
            invoke(instance, "webhook", "test", "pager", WEBHOOK_ALLOW="127.0.0.0/8", **database).stderr == ""
        )


def test_sighup_reads_the_settings_anew_and_goes_on_with_the_old_where_they_cannot_work(
    instance: Path,
) -> None:
    file = instance / "sessiontrack.toml"

    def is_timed() -> bool:
        return "Server-Timing" in server.call("GET", "/healthz").headers

    with Server(instance, workers=1) as server:
        assert not is_timed()
        file.write_text('server_timing = "on"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_until(is_timed, "the new setting")
        assert "The settings are read anew." in server.output()
        file.write_text('server_timing = "perhaps"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "The settings stay as they were" in server.output(), server.output)
        assert is_timed()
        assert server.stop() == 0
