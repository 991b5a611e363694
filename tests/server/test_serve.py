"""`sessiontrack serve`: the real server."""

import socket
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from sessiontrack import create_app
from sessiontrack.cli.serve import default_workers, memory_bytes
from sessiontrack.database import Statement, Transaction, look_up
from sessiontrack.monitoring import readiness
from sessiontrack.monitoring.readiness import Readiness
from sessiontrack.process import paced_worker
from sessiontrack.version import VERSION
from tests.support import databases
from tests.support.application import Clients, LiveServer
from tests.support.refusals import refused
from tests.support.server import Server, call


def test_contract_7_healthz_and_readyz_need_no_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/healthz").json == {"status": "up", "version": VERSION}
    assert live.server.call("GET", "/readyz").json == {"status": "ready"}


@pytest.mark.parametrize(
    ("cores", "megabytes", "workers"),
    [(1, 64_000, 1), (4, 490, 1), (4, 200, 1), (4, 980, 2), (2, 4000, 2), (64, 64_000, 4)],
)
def test_workers_are_as_many_as_cores_and_memory_allow(cores: int, megabytes: int, workers: int) -> None:
    assert default_workers(cores, megabytes << 20) == workers


def test_the_memory_is_that_of_this_host_at_most() -> None:
    (total,) = (
        line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line
    )
    assert 0 < memory_bytes() <= int(total) * 1024


def test_contract_2_everything_else_needs_a_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/sessions/list").status == 401
    assert live.server.call("GET", "/sessions/list", token=live.tokens["viewer"]).status == 200


@pytest.mark.long
def test_contract_7_readyz_says_that_nothing_can_be_written(
    make_clients: Callable[..., Clients], caplog: pytest.LogCaptureFixture
) -> None:
    clients = make_clients(BUSY_TIMEOUT_SECONDS=1)
    with databases.busy(Path(clients.app.instance_path)) as writer:
        body = refused(clients.nobody.get("/readyz"), 503, "storage_unavailable")
        assert body["message"] == "The database cannot be written; the log says why."
        assert "timeout" in caplog.text or "locked" in caplog.text
        # What was seen a moment ago is not looked at again: it costs a wait.
        writer.execute("ROLLBACK")
        refused(clients.nobody.get("/readyz"), 503, "storage_unavailable")
    clients.app.extensions["sessiontrack.readiness"] = Readiness()
    assert clients.nobody.ok("GET", "/readyz") == {"status": "ready"}


def test_contract_7_readyz_writes_once_a_second_at_most(clients: Clients) -> None:
    for _ in range(20):
        clients.nobody.ok("GET", "/readyz")
    ((written,),) = databases.rows(Path(clients.app.instance_path), "SELECT number FROM write_probe")
    assert 1 <= written <= 10


@pytest.mark.sqlite("of its PRAGMA")
def test_contract_7_readyz_says_that_the_database_is_read_only(
    instance: Path, template: tuple[Path, object], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app({"INSTANCE": instance})

    with app.app_context(), look_up() as tx:
        tx.run(Statement("PRAGMA query_only = ON"))  # of this thread's connection
    body = refused(app.test_client().get("/readyz"), 503, "storage_unavailable")
    assert body["message"] == "The database is read-only."
    assert "attempt to write a readonly database" in caplog.text


@pytest.mark.sqlite("of its PRAGMA; a server of PostgreSQL has its own disk")
def test_contract_7_readyz_says_that_the_disk_is_full(
    instance: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(tx: Transaction) -> None:
        tx.run(Statement("PRAGMA max_page_count = 1"))  # as many as there are
        tx.run(Statement("CREATE TABLE filling AS SELECT zeroblob(1000000) AS filling"))

    monkeypatch.setattr(readiness, "probe", write)
    app = create_app({"INSTANCE": instance})
    body = refused(app.test_client().get("/readyz"), 503, "storage_unavailable")
    assert body["message"] == "There is no room left for the database: its disk is full."
    assert "database or disk is full" in caplog.text


def test_contract_7_readyz_says_when_the_database_is_not_migrated(tmp_path: Path) -> None:
    answer = create_app({"INSTANCE": tmp_path}).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "storage_unavailable"


SLOW = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(SLOW + b"Content-Length: 60000\r\n\r\n{", id="body"),
        pytest.param(SLOW + b"X-Slow: a", id="head"),
    ],
)
def test_slow_clients_lose_their_threads_without_nginx(instance: Path, beginning: bytes) -> None:
    with Server(instance, workers=1, THREADS="2") as server, ExitStack() as held:
        slow = [
            held.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)))
            for _ in range(2)
        ]
        for connection in slow:
            connection.sendall(beginning)
        # Whatever the machine's speed, they are ended and the next one is answered.
        assert call(server.port, "GET", "/healthz").status == 200
        for connection in slow:
            answered = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65_536):
                    answered += piece
            # Of half a head nothing is known that could be answered.
            assert answered.startswith(b"HTTP/1.1 400") or (b"X-Slow" in beginning and not answered)
        assert "Traceback" not in server.output()


def test_a_socket_is_read_from_for_as_long_as_enough_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(paced_worker.time, "monotonic", lambda: now)
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        paced = paced_worker.PacedSocket(ours)
        for _ in range(20):
            theirs.sendall(b"a" * 2048)
            assert len(paced.recv(4096)) == 2048
            now += 2
        # One byte a second is too slow, though each of them comes in time.
        paced.begin()
        for _ in range(11):
            theirs.sendall(b"a")
            assert paced.recv(4096) == b"a"
            now += 1
        assert paced.recv(4096) == b""
        # It has ended for good.
        theirs.sendall(b"a")
        paced.begin()
        assert paced.recv(4096) == b""
