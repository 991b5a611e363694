"""PostgreSQL for several hosts: two servers on one database, behind PgBouncer, with a replica."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiontrack import create_app
from sessiontrack.database import db
from sessiontrack.exceptions import InvalidSetting
from tests.database.test_concurrency import Call, at_once, log_in
from tests.support import databases, postgres
from tests.support.application import Client, Clients, LiveServer
from tests.support.command import assert_one_line, invoke
from tests.support.postgres import Cluster
from tests.support.server import Server
from tests.support.waiting import SECONDS, wait_until

pytestmark = pytest.mark.postgres
CLIENTS = 8
Template = tuple[Path, dict[str, str]]


@pytest.fixture
def folders(template: Template, tmp_path: Path) -> tuple[Path, Path]:
    """The instance folders of two hosts with the same keys, and the first one's database."""
    both = tmp_path / "one", tmp_path / "other"
    for each in both:
        shutil.copytree(template[0], each)
    return both


def pings(n: int) -> list[Call]:
    return [
        ("POST", "/api/v2/keepalive", {"visible": True, "path": [f"view{n % 3}"]}),
        ("POST", "/api/v2/session-hide", {"path": f"[view{n % 3},tab{n % 2}]"}),
    ]


def assert_pinged_together(one: LiveServer, other: LiveServer) -> None:
    """Clients of both servers ping one user session: it stays one; no second counts twice or gets lost."""
    token = log_in(one, "viewer")
    calls = [pings(n) for n in range(CLIENTS)]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda live: at_once(live, calls, token, seconds=3), (one, other)))
    assert Counter(status for answers in both for each in answers for status, _ in each).keys() == {200}
    (seen,) = other.server.call("GET", "/api/v2/sessions?usernames[]=viewer", token=token).json
    parts = [sum(each.values()) if isinstance(each, dict) else each for each in seen["tab_duration"].values()]
    assert sum(parts) == seen["visible_duration"] <= seen["last_ping"] - seen["start"]
    assert seen["visible_duration"] > 0


def assert_created_together(one: LiveServer, other: LiveServer, token: str) -> None:
    """Equal sessions become one, and of overlapping ones one is accepted, whichever server is called."""
    body = {"mac": "02:00:00:00:00:01", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00"}
    equal: list[list[Call]] = [[("POST", "/sessions/create", body)]] * CLIENTS
    different: list[list[Call]] = [
        [
            (
                "POST",
                "/sessions/create",
                {**body, "mac": "02:00:00:00:00:02", "start_time": f"2025-08-01T10:{n:02}:00"}
                | {"end_time": f"2025-08-01T11:{n:02}:00"},
            )
        ]
        for n in range(CLIENTS)
    ]
    with ThreadPoolExecutor(2) as pool:
        asked = pool.map(lambda live: at_once(live, equal, token), (one, other))
        answers = [answer for both in asked for each in both for answer in each]
        assert Counter(status for status, _ in answers) == {200: 2 * CLIENTS}
        assert len({answer["id"] for _, answer in answers}) == 1
        halves = ((one, different[:4]), (other, different[4:]))
        asked = pool.map(lambda half: at_once(half[0], half[1], token), halves)
        statuses = Counter(status for both in asked for each in both for status, _ in each)
    assert statuses == {200: 1, 409: CLIENTS - 1}


def test_two_servers_on_one_database_are_as_one(folders: tuple[Path, Path], template: Template) -> None:
    url = databases.any_url_of(folders[0])
    servers = [Server(folder, DATABASE_URL=url) for folder in folders]
    with servers[0], servers[1]:
        one, other = (LiveServer(s, f, template[1]) for s, f in zip(servers, folders, strict=True))
        assert_pinged_together(one, other)
        assert_created_together(one, other, template[1]["operator"])
        token = log_in(one, "viewer")
        assert other.server.call("GET", "/auth/me", token=token).status == 200
        assert one.server.call("POST", "/auth/logout", token=token).status == 200
        assert other.server.call("GET", "/auth/me", token=token).status == 401


def test_a_server_that_is_killed_keeps_nobody_waiting(folders: tuple[Path, Path], template: Template) -> None:
    url = databases.any_url_of(folders[0])
    servers = [Server(folder, DATABASE_URL=url) for folder in folders]
    body = {"mac": "02:00:00:00:00:01", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00"}
    token = template[1]["operator"]
    with servers[0], servers[1]:
        calls = [("POST", "/sessions/create", body)]
        order = {"port": servers[0].port, "calls": calls, "token": token, "seconds": 60}
        asking = subprocess.Popen(
            [sys.executable, "-m", "tests.support.load", json.dumps(order)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(1)
            children = Path(f"/proc/{servers[0].process.pid}/task/{servers[0].process.pid}/children")
            workers = [int(each) for each in children.read_text().split()]
            servers[0].stop(signal.SIGKILL)
            for worker in workers:
                subprocess.run(["kill", "-KILL", str(worker)], check=False)
            assert servers[1].call("POST", "/sessions/create", body, token).status == 200
        finally:
            asking.kill()
            asking.wait()


# --- PgBouncer


@pytest.fixture
def bouncer(folders: tuple[Path, Path]) -> Iterator[str]:
    """The URL of the first folder's database through a PgBouncer in transaction mode."""
    name = databases.any_url_of(folders[0]).rpartition("/")[2].partition("?")[0]
    place = postgres.private_folder("sessiontrack-bouncer-")
    port = postgres.free_port()
    (place / "users").write_text(f'"{postgres.NAME}" ""\n')
    (place / "pgbouncer.ini").write_text(
        "[databases]\n"
        f"{name} = {databases.conninfo(folders[0])}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {place / 'users'}\n"
        # Fewer connections than clients: an idle client has none.
        "pool_mode = transaction\ndefault_pool_size = 3\n"
    )
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    assert program is not None, "pgbouncer is missing: make test-postgres installs it"
    log = (place / "log").open("wb")
    running = postgres.started_unprivileged(program, str(place / "pgbouncer.ini"), log=log)
    try:
        yield f"postgresql+psycopg://{postgres.NAME}@127.0.0.1:{port}/{name}"
    finally:
        running.terminate()
        running.wait(SECONDS)
        log.close()
        shutil.rmtree(place)


def test_all_goes_through_pgbouncer_a_connection_a_transaction(
    folders: tuple[Path, Path], template: Template, bouncer: str
) -> None:
    servers = [Server(folder, DATABASE_URL=bouncer) for folder in folders]
    token = template[1]["operator"]
    with servers[0], servers[1]:
        one, other = (LiveServer(s, f, template[1]) for s, f in zip(servers, folders, strict=True))
        assert_pinged_together(one, other)
        assert_created_together(one, other, token)
        for n in range(4):
            scan = {"source": f"scanner {n % 2}", "devices": [{"mac": f"02:00:00:00:01:{n:02X}"}]}
            assert servers[n % 2].call("POST", "/presence/scans", scan, token).status == 200
        # More rows than the driver fetches at once: read through a server-side cursor.
        listed = servers[1].call("GET", "/sessions/list", token=token)
        assert listed.status == 200
        outputs = servers[0].output() + servers[1].output()
    assert "Traceback" not in outputs


def test_an_import_goes_through_pgbouncer(folders: tuple[Path, Path], bouncer: str, tmp_path: Path) -> None:
    file = tmp_path / "sessions.csv"
    lines = (f"02:00:00:00:00:01,{1_700_000_000 + n * 100},{1_700_000_050 + n * 100}" for n in range(3000))
    file.write_text("\n".join(("mac,connected_at,disconnected_at", *lines)) + "\n")
    for added in (3000, 0):
        result = invoke(folders[0], "import", "csv", "sessions", str(file), DATABASE_URL=bouncer)
        assert result.exit_code == 0, result.output
        assert databases.rows(folders[0], "SELECT count(*) FROM device_session") == [(3000,)], added


# --- a replica


class Hosts:
    """Two applications, as on two hosts, that write to a primary and read from its replica."""

    def __init__(self, primary: Cluster, replica: Cluster, template: Template, folder: Path) -> None:
        self.primary, self.replica = primary, replica
        self.clients = []
        for name in ("one", "other"):
            shutil.copytree(template[0], folder / name)
            (folder / name / databases.MARK).unlink()
            settings = {
                "INSTANCE": folder / name,
                "DATABASE_URL": primary.url("site"),
                "READ_DATABASE_URL": replica.url("site"),
            }
            self.clients.append(Clients(create_app(settings), template[1]))
        self.one, self.other = self.clients

    def pause(self) -> None:
        """Stop the replica's replay, so that it lags."""
        self.replica.run("postgres", "SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Let the replica catch up."""
        self.replica.run("postgres", "SELECT pg_wal_replay_resume()")
        self.catch_up()

    def catch_up(self) -> None:
        catch_up(self.primary, self.replica)

    def close(self) -> None:
        for each in self.clients:
            close(each)


def catch_up(primary: Cluster, replica: Cluster) -> None:
    ((position,),) = primary.run("postgres", "SELECT pg_current_wal_insert_lsn()::text")
    seen = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
    wait_until(lambda: replica.run("postgres", seen) == [(True,)], "a replica that has caught up")


def close(clients: Clients) -> None:
    with clients.app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture(scope="module")
def clusters(template: Template) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary with the template's database, and a replica made by pg_basebackup."""
    with Cluster() as primary:
        source = databases.conninfo_of_template(template[0])
        dump = subprocess.run(
            [postgres.program("pg_dump"), source], capture_output=True, text=True, check=True, timeout=SECONDS
        )
        primary.run("postgres", "CREATE DATABASE site TEMPLATE template0")
        psql = [postgres.program("psql"), "-q", "-v", "ON_ERROR_STOP=1", primary.conninfo("site")]
        subprocess.run(
            psql, input=dump.stdout, text=True, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL
        )
        with Cluster(copy_of=primary) as replica:
            yield primary, replica


@pytest.fixture
def hosts(clusters: tuple[Cluster, Cluster], template: Template, tmp_path: Path) -> Iterator[Hosts]:
    found = Hosts(*clusters, template, tmp_path)
    found.catch_up()
    yield found
    found.resume()
    found.close()


def create(client: Client, number: int) -> None:
    start = f"2025-08-01 10:{number:02}"
    body = {"mac": f"02:00:00:00:02:{number:02X}", "ip": "10.0.0.1", "start_time": start}
    client.ok("POST", "/sessions/create", body)


def count(client: Client) -> int:
    return len(client.ok("GET", "/sessions/list")["sessions"])


def test_reads_go_to_the_replica_but_never_before_it_has_seen_what_the_reader_wrote(hosts: Hosts) -> None:
    before = count(hosts.one.viewer)
    hosts.pause()
    create(hosts.one.operator, 1)
    # The writer reads its own write at once, on every host; other clients may see the state before.
    for each in (hosts.one, hosts.other):
        assert count(each.operator) == before + 1
        assert count(each.viewer) == before
    create(hosts.other.operator, 2)
    for each in (hosts.one, hosts.other):
        assert count(each.operator) == before + 2
    hosts.resume()
    for each in (hosts.one, hosts.other):
        assert count(each.viewer) == before + 2
        assert count(each.operator) == before + 2


def test_who_wrote_reads_from_the_replica_again_once_it_has_seen_that(hosts: Hosts) -> None:
    before = count(hosts.one.operator)
    create(hosts.one.operator, 3)
    hosts.catch_up()
    hosts.pause()
    create(hosts.one.admin, 4)
    # The operator need not see the administrator's write: read from the replica, it is missing.
    assert count(hosts.one.operator) == before + 1
    assert count(hosts.one.admin) == before + 2


def test_what_a_login_wrote_holds_for_all_its_tokens(hosts: Hosts) -> None:
    tokens = hosts.one.log_in("operator")
    before = count(hosts.one.viewer)
    hosts.pause()
    create(hosts.one.with_token(tokens["access_token"]), 5)
    renewed = hosts.other.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
    assert count(hosts.other.with_token(renewed["access_token"])) == before + 1
    assert count(hosts.other.viewer) == before


def test_what_was_revoked_holds_at_once_though_the_replica_lags(hosts: Hosts) -> None:
    token = hosts.one.log_in("viewer")["access_token"]
    hosts.catch_up()
    hosts.pause()
    assert hosts.one.with_token(token).get("/sessions/list").status_code == 200
    hosts.one.with_token(token).ok("POST", "/auth/logout")
    for each in (hosts.one, hosts.other):
        assert each.with_token(token).get("/sessions/list").status_code == 401


def test_a_session_start_by_get_is_seen_by_its_own_next_read(hosts: Hosts) -> None:
    hosts.pause()
    hosts.one.viewer.ok("GET", "/api/v2/sessionstart")
    seen = hosts.other.viewer.ok("GET", "/api/v2/sessions?usernames[]=viewer&active=true")
    assert len(seen) == 1


def test_a_replica_that_is_away_is_done_without(hosts: Hosts) -> None:
    before = count(hosts.one.viewer)
    hosts.replica.stop("fast")
    try:
        create(hosts.one.operator, 6)
        for each in (hosts.one, hosts.other):
            for client in (each.operator, each.viewer):
                assert count(client) == before + 1
    finally:
        hosts.replica.start()
    hosts.catch_up()


def test_a_replica_that_lacks_a_table_yet_is_done_without(hosts: Hosts) -> None:
    before = count(hosts.one.viewer)
    hosts.pause()
    hosts.primary.run("site", "ALTER TABLE device_session ADD COLUMN later text")
    hosts.primary.run("site", "ALTER TABLE device_session RENAME COLUMN info TO told")
    hosts.primary.run("site", "ALTER TABLE device_session RENAME COLUMN told TO info")
    hosts.primary.run("site", "ALTER TABLE device_session DROP COLUMN later")
    assert count(hosts.one.viewer) == before


def test_a_replica_takes_the_place_of_a_primary_that_is_lost(
    clusters: tuple[Cluster, Cluster], template: Template, tmp_path: Path
) -> None:
    """As docs/scaling.md says: promote it, name it in the settings file, restart."""
    primary, _ = clusters
    folder = tmp_path / "host"
    shutil.copytree(template[0], folder)
    (folder / databases.MARK).unlink()
    file = folder / "sessiontrack.toml"
    with Cluster(copy_of=primary) as replica:
        before, after = f'database_url = "{primary.url("site")}"', f'database_url = "{replica.url("site")}"'
        file.write_text(f'{before}\nread_database_url = "{replica.url("site")}"\n')
        clients = Clients(create_app({"INSTANCE": folder}), template[1])
        create(clients.operator, 40)
        written = count(clients.operator)
        catch_up(primary, replica)
        primary.stop("immediate")
        try:
            replica.promote()
            close(clients)
            file.write_text(f"{after}\n")
            clients = Clients(create_app({"INSTANCE": folder}), template[1])
            assert count(clients.viewer) == written
            create(clients.operator, 41)
            assert count(clients.operator) == written + 1
            assert clients.admin.ok("GET", "/auth/me")["role"] == "admin"
        finally:
            close(clients)
            primary.start()


@pytest.mark.parametrize("url", ["sqlite:///x", "nonsense", "postgresql+psycopg://u:s3cret@h:x/y"])
def test_what_is_no_replica_is_refused_in_one_line(tmp_path: Path, url: str) -> None:
    result = invoke(tmp_path, "migrate", READ_DATABASE_URL=url)
    assert result.exit_code == 1
    assert_one_line(result.stderr, "READ_DATABASE_URL")
    assert "s3cret" not in result.stderr


def test_a_sqlite_file_has_no_replica(tmp_path: Path) -> None:
    settings = {"INSTANCE": tmp_path, "DATABASE_URL": "sqlite:///x.sqlite3"}
    with pytest.raises(InvalidSetting, match="READ_DATABASE_URL"):
        create_app({**settings, "READ_DATABASE_URL": "postgresql+psycopg://u@h/d"})
