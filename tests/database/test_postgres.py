"""PostgreSQL: lost connections, conflicts between transactions, comparison of text."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from werkzeug.test import TestResponse

from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import Statement, db, read_transaction, write_transaction
from sessiontrack.database.transactions import storage_errors
from sessiontrack.exceptions import Conflict, Contention, InvalidInput, StorageUnavailable, TakesNoWrites
from sessiontrack.monitoring.readiness import Readiness
from sessiontrack.services import device_sessions
from sessiontrack.startup import prepare
from tests.support import databases, rows
from tests.support.application import NOW, Clients
from tests.support.command import assert_one_line, invoke
from tests.support.postgres import Cluster
from tests.support.rows import writing
from tests.support.waiting import SECONDS, join

pytestmark = pytest.mark.postgres
MACS = [f"AA:BB:CC:00:00:0{n}" for n in range(4)]
SESSION = {"mac": MACS[0], "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}
OTHERS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
OTHERS += " AND pid <> pg_backend_pid()"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as found:
        yield found


def folder(clients: Clients) -> Path:
    return Path(clients.app.instance_path)


def test_connections_that_were_lost_meanwhile_are_not_noticed(clients: Clients) -> None:
    assert clients.operator.ok("POST", "/sessions/create", SESSION)["success"]
    for _ in range(3):
        assert databases.rows(folder(clients), OTHERS)[0][0] > 0
        assert len(clients.viewer.ok("GET", "/sessions/list")["sessions"]) == 1
        databases.rows(folder(clients), OTHERS)
        assert clients.operator.ok("POST", "/sessions/create", SESSION)["success"]


def test_a_connection_lost_in_a_transaction_changes_nothing_and_is_503(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = device_sessions.create_session

    def lost(*arguments: Any) -> int:
        made = real(*arguments)
        databases.rows(folder(clients), OTHERS)
        return made

    monkeypatch.setattr(device_sessions, "create_session", lost)
    answer = clients.operator.post("/sessions/create", SESSION)
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "storage_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert_no_stack_trace(caplog)
    assert clients.viewer.ok("GET", "/sessions/list")["sessions"] == []
    assert clients.operator.ok("POST", "/sessions/create", SESSION)["success"]


def assert_no_stack_trace(caplog: pytest.LogCaptureFixture) -> None:
    """A server that is away is said in a line, each time."""
    assert caplog.records
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_server_that_is_away_is_503_until_it_is_back(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"INSTANCE": tmp_path / "instance", "DATABASE_URL": cluster.url("postgres")}
    app = create_app(settings)
    prepare(app)
    client = app.test_client()

    def ready() -> TestResponse:
        # A result of the last second is not checked again.
        app.extensions["sessiontrack.readiness"] = Readiness()
        return client.get("/readyz")

    assert ready().status_code == 200
    cluster.stop("fast")
    for _ in range(2):
        answer = ready()
        assert answer.status_code == 503
        assert answer.get_json()["error"] == "storage_unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        # The driver's words name hosts and ports.
        assert "server" not in answer.text
        login = client.post("/auth/login", json={"username": "admin", "password": "nobody's"})
        assert login.status_code == 503
        with app.app_context():
            housekeeping.look(settings_of(app))
    assert_no_stack_trace(caplog)
    assert client.get("/healthz").status_code == 200
    result = invoke(tmp_path / "instance", "migrate", DATABASE_URL=cluster.url("postgres"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "postgres", "cannot be used")
    cluster.start()
    assert ready().status_code == 200
    with app.app_context():
        db.engine.dispose()


def test_a_deadlock_is_contention(clients: Clients) -> None:
    """Two transactions that lock two devices in opposite orders: one of them must be retried."""
    with writing(clients.app) as tx:
        ids = [rows.add_device(tx, mac) for mac in MACS[:2]]
    lock = Statement("SELECT id FROM device WHERE id = :device_id FOR UPDATE")
    met = threading.Barrier(2, timeout=SECONDS)
    outcomes: list[str] = []

    def both(first: int, second: int) -> None:
        try:
            with clients.app.app_context(), write_transaction() as tx:
                tx.row(lock, device_id=first)
                met.wait()
                tx.row(lock, device_id=second)
            outcomes.append("done")
        except Contention:
            outcomes.append("contention")

    threads = [threading.Thread(target=both, args=order) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert sorted(outcomes) == ["contention", "done"]


@pytest.mark.parametrize(("failures", "status"), [(0, 200), (2, 200), (3, 503)])
def test_what_was_in_the_way_of_others_is_begun_anew_but_not_for_ever(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, failures: int, status: int
) -> None:
    real, calls = device_sessions.create_session, []

    def in_the_way(*arguments: Any) -> int:
        calls.append(arguments)
        made = real(*arguments)
        if len(calls) <= failures:
            raise psycopg.errors.DeadlockDetected
        return made

    monkeypatch.setattr(psycopg.errors.DeadlockDetected, "sqlstate", "40P01")
    monkeypatch.setattr(device_sessions, "create_session", in_the_way)
    assert clients.operator.post("/sessions/create", SESSION).status_code == status
    assert len(calls) == min(failures + 1, 3)
    assert len(clients.viewer.ok("GET", "/sessions/list")["sessions"]) == (status == 200)


def test_what_overlaps_in_spite_of_all_is_a_conflict(clients: Clients) -> None:
    with writing(clients.app) as tx:
        device_id = rows.add_device(tx, MACS[0])
        rows.add_session(tx, device_id, NOW - 100, NOW)
    with pytest.raises(Conflict), writing(clients.app) as tx:
        rows.add_session(tx, device_id, NOW - 50, NOW + 50)


@pytest.mark.parametrize("values", [{"mac": "AA\0"}, {"mac": "x", "at": 2**63}])
def test_what_postgres_cannot_hold_is_a_wrong_input(clients: Clients, values: dict[str, Any]) -> None:
    statement = Statement("SELECT 1 FROM device WHERE mac = :mac AND first_seen_at = :at")
    with pytest.raises(InvalidInput), writing(clients.app) as tx:
        tx.rows(statement, **{"at": 0, **values})


def test_a_long_list_is_not_held_by_the_driver(clients: Clients) -> None:
    """A thousand million rows exceed any memory."""
    with clients.app.app_context(), read_transaction() as tx:
        stream = tx.stream(Statement("SELECT generate_series(1, 1000000000), repeat('x', 100)"))
        assert [next(stream)[0] for _ in range(3)] == [1, 2, 3]
        stream.close()
        assert tx.value(Statement("SELECT 1")) == 1


def test_a_reader_sees_one_state_and_cannot_write(clients: Clients) -> None:
    count = Statement("SELECT count(*) FROM device")
    with clients.app.app_context(), read_transaction() as tx:
        assert tx.value(count) == 0
        with writing(clients.app) as other:
            rows.add_device(other, MACS[0])
        assert tx.value(count) == 0
    with pytest.raises(StorageUnavailable), clients.app.app_context(), read_transaction() as tx:
        rows.add_device(tx, MACS[1])


@pytest.fixture(params=["C", "C.UTF-8"])
def of_locale(request: pytest.FixtureRequest, make_clients: Callable[..., Clients]) -> Iterator[Clients]:
    """Clients of a database with another locale."""
    with Cluster() as cluster:
        with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE other TEMPLATE template0 LOCALE '{request.param}'")
        made = make_clients(DATABASE_URL=cluster.url("other"), ADMIN_PASSWORD="a first password")
        prepare(made.app)
        token = made.log_in("admin", "a first password")["access_token"]
        made.admin = made.with_token(token)
        yield made
        with made.app.app_context():
            db.engine.dispose()


def test_a_database_that_takes_no_writes_is_told_of(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        tx.run(Statement("SET TRANSACTION READ ONLY"))
        with pytest.raises(TakesNoWrites, match="read-only"), storage_errors():
            tx.run(Statement("UPDATE device SET name = 'x'"))


def test_text_compares_as_on_sqlite_whatever_the_databases_locale(of_locale: Clients) -> None:
    names = ["Zoë", "ärger", "a-b", "aB", "Ümit"]
    with writing(of_locale.app) as tx:
        for number, name in enumerate(names):
            rows.add_device(tx, f"AA:BB:CC:00:00:0{number}", name=name)
    listed = of_locale.admin.ok("GET", "/devices?sort=name")["devices"]
    assert [each["name"] for each in listed] == ["a-b", "aB", "Zoë", "ärger", "Ümit"]
    for search, found in (("ÄRG", ["ärger"]), ("ümit", ["Ümit"]), ("AB", ["aB"])):
        listed = of_locale.admin.ok("GET", "/devices", query_string={"search": search})["devices"]
        assert [each["name"] for each in listed] == found


def test_a_database_that_is_not_utf8_is_refused_in_one_line(cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE old TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    result = invoke(tmp_path, "migrate", DATABASE_URL=cluster.url("old"))
    assert result.exit_code == 1
    assert_one_line(result.stderr, "LATIN1", "UTF8")


def test_one_who_may_not_make_tables_is_told_so_in_one_line(cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
    url = cluster.url("postgres").replace("tester@", "guest@")
    result = invoke(tmp_path, "migrate", DATABASE_URL=url)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "permission denied")


def test_a_password_in_the_url_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql+psycopg://someone:s3cret@127.0.0.1:1/nothing"
    result = invoke(tmp_path, "migrate", DATABASE_URL=url)
    assert result.exit_code == 1
    assert "s3cret" not in result.output
    assert_one_line(result.stderr, "cannot be used")
