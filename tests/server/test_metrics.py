"""`/metrics`: counts of several workers, figures from the database, and access."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sessiontrack import clock
from sessiontrack.backups.copies import stamped
from sessiontrack.database import write_transaction
from sessiontrack.monitoring import metrics
from sessiontrack.process import last_backup
from sessiontrack.process.request_log import Answered
from sessiontrack.services.source_failures import record_failure
from sessiontrack.version import VERSION
from tests.support import databases
from tests.support.application import NOW, Clients
from tests.support.command import invoke
from tests.support.engine import IS_POSTGRES
from tests.support.refusals import refused
from tests.support.server import Server

DEPLOY = Path(__file__).parents[2] / "deploy"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(raw: bytes) -> Samples:
    """The values by name and labels, as Prometheus reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(raw.decode())
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"sessiontrack_{name}", frozenset(labels.items())


def scraped(clients: Clients) -> Samples:
    answer = clients.viewer.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == metrics.CONTENT_TYPE
    return samples(answer.data)


def test_every_worker_counts_and_any_of_them_tells(
    instance: Path, template: tuple[Path, dict[str, str]]
) -> None:
    with Server(instance, workers=3) as server:
        for _ in range(60):
            assert server.call("GET", "/auth/me", token=template[1]["viewer"]).status == 200
        # New connections each time, so that different workers answer.
        for _ in range(5):
            found = samples(server.call("GET", "/metrics", token=template[1]["viewer"]).raw)
            assert found[key("requests_total", route="/auth/me", method="GET", status="200")] == 60
            assert found[key("request_seconds_count", route="/auth/me")] == 60
            assert found[key("request_seconds_bucket", route="/auth/me", le="+Inf")] == 60
            assert found[key("build_info", version=VERSION)] == 1
    assert not list(metrics.MEMORY.glob(f"{metrics.FOLDER_PREFIX}{server.process.pid}-*"))


def test_routes_are_rules_and_methods_are_known_ones(clients: Clients) -> None:
    for number in range(20):
        clients.viewer.call("GET", f"/devices/AA:BB:CC:00:00:{number:02}", buffered=True)
        clients.viewer.call(f"NONSENSE{number}", f"/nowhere/{number}", buffered=True)
    found = scraped(clients)
    assert found[key("requests_total", route="/devices/<mac:mac>", method="GET", status="404")] == 20
    assert found[key("requests_total", route="none", method="other", status="404")] == 20
    assert len([name for name, _ in found if name == "sessiontrack_requests_total"]) == 2


@pytest.mark.usefixtures("clock")
def test_figures_are_what_the_database_says(clients: Clients) -> None:
    devices = [{"mac": f"AA:BB:CC:00:00:0{n}"} for n in range(3)]
    clients.operator.ok("POST", "/presence/scans", {"source": 'a "scanner"\\', "devices": devices})
    clients.operator.ok("PATCH", "/devices/AA:BB:CC:00:00:02", {"archived": True})
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    clients.operator.ok("POST", "/api/v2/sessionstart")
    found = scraped(clients)
    assert found[key("devices", state="connected")] == 2
    assert found[key("devices", state="new")] == 2
    assert found[key("devices", state="disconnected")] == 0
    assert found[key("devices", state="archived")] == 1
    assert found[key("active_people")] == 2
    assert found[key("last_scan_timestamp_seconds", source='a "scanner"\\')] == NOW
    database = Path(clients.app.instance_path) / "sessiontrack.sqlite3"
    if IS_POSTGRES:
        assert found[key("database_bytes")] > 1_000_000
    else:
        assert found[key("database_bytes")] == database.stat().st_size
        assert found[key("wal_bytes")] == database.with_name(f"{database.name}-wal").stat().st_size
    assert found[key("database_writable")] == 1


def test_the_last_backup_is_one_that_was_made_into_a_folder(clients: Clients, tmp_path: Path) -> None:
    instance = Path(clients.app.instance_path)
    name = key("last_backup_timestamp_seconds")
    assert invoke(instance, "backup", str(tmp_path / "one")).exit_code == 0
    assert name not in scraped(clients)
    assert invoke(instance, "backup", str(tmp_path / "nowhere" / "at all")).exit_code == 1
    assert name not in scraped(clients)
    awaited = key("backup_awaited_since_timestamp_seconds")
    assert awaited not in scraped(clients)
    before = clock.now()
    for _ in range(2):
        assert invoke(instance, "backup", str(tmp_path / "no" / "disk"), "--keep", "2").exit_code == 1
        found = scraped(clients)
        assert name not in found
        assert before <= found[awaited] <= clock.now()
    assert invoke(instance, "backup", str(tmp_path / "each"), "--keep", "2").exit_code == 0
    (made,) = (tmp_path / "each").iterdir()
    assert scraped(clients)[name] == stamped(made.name)
    assert awaited not in scraped(clients)


def test_without_its_database_it_still_tells_what_it_counted(clients: Clients) -> None:
    clients.viewer.call("GET", "/auth/me", buffered=True)
    counted: metrics.RequestMetrics = clients.app.extensions["sessiontrack.metrics"]
    found = samples(counted.exposition(None))
    assert found[key("database_readable")] == 0
    assert found[key("requests_total", route="/auth/me", method="GET", status="200")] == 1
    assert key("database_writable") not in found


@pytest.mark.parametrize(
    ("allowed", "remote", "status"),
    [
        ("", "127.0.0.1", 401),
        ("192.0.2.0/24", "192.0.2.9", 200),
        ("192.0.2.0/24", "::ffff:192.0.2.9", 200),
        ("2001:db8::/32", "2001:db8::1", 200),
        ("192.0.2.0/24", "192.0.3.9", 401),
        ("192.0.2.0/24", "nonsense", 401),
    ],
)
def test_an_address_may_be_allowed_to_read_without_a_token(
    make_clients: Callable[..., Clients], allowed: str, remote: str, status: int
) -> None:
    clients = make_clients(METRICS_ALLOW=allowed)
    answer = clients.nobody.call("GET", "/metrics", environ_overrides={"REMOTE_ADDR": remote})
    assert answer.status_code == status
    # And nothing else.
    other = clients.nobody.call("GET", "/devices", environ_overrides={"REMOTE_ADDR": remote})
    refused(other, 401)


def test_what_a_client_says_of_its_address_allows_nothing(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(METRICS_ALLOW="192.0.2.0/24", TRUSTED_PROXIES="10.0.0.1")
    for remote, forwarded in (("203.0.113.1", "192.0.2.9"), ("10.0.0.1", "192.0.2.9, 203.0.113.1")):
        answer = clients.nobody.call(
            "GET",
            "/metrics",
            headers={"X-Forwarded-For": forwarded},
            environ_overrides={"REMOTE_ADDR": remote},
        )
        refused(answer, 401)


def test_no_secret_and_no_name_of_a_person_is_in_it(
    clients: Clients, template: tuple[Path, dict[str, str]]
) -> None:
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    text = clients.admin.get("/metrics").get_data(as_text=True)
    for word in (*template[1].values(), "viewer", "admin"):
        assert word not in text


def test_the_folder_of_the_counts_is_fresh_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MEMORY", tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"{metrics.FOLDER_PREFIX}{ended.pid}-x"
    others = [tmp_path / f"{metrics.FOLDER_PREFIX}{os.getppid()}-x", tmp_path / f"{metrics.FOLDER_PREFIX}x"]
    for folder in (left, *others):
        folder.mkdir()
    with metrics.shared_by_workers():
        folder = Path(os.environ[metrics.FOLDER_VARIABLE])
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        assert not left.exists()
    assert not folder.exists()
    assert metrics.FOLDER_VARIABLE not in os.environ
    assert all(each.exists() for each in others)


def test_a_folder_that_somebody_chose_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(metrics.FOLDER_VARIABLE, str(tmp_path))
    with metrics.shared_by_workers():
        assert os.environ[metrics.FOLDER_VARIABLE] == str(tmp_path)
    assert tmp_path.exists()


def test_a_broken_database_is_told_and_no_error(clients: Clients) -> None:
    clients.viewer.ok("GET", "/auth/me")
    counted: metrics.RequestMetrics = clients.app.extensions["sessiontrack.metrics"]
    counted.observe(Answered("GET", "/x", 503, 0.1))
    found = samples(counted.exposition(None))
    assert found[key("requests_total", route="/x", method="GET", status="503")] == 1


def asked_for() -> list[str]:
    """The expressions of the dashboard and of the rules, without comparisons."""
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = (DEPLOY / "prometheus/alerts.yml").read_text()
    return [*drawn, *re.findall(r"sessiontrack_\w+(?:{[^}]*})?", rules)]


def as_series_of(found: Samples) -> Iterator[str]:
    """Constant series in promtool's format: counters grow, all others stay."""
    for (name, labels), value in found.items():
        shown = ",".join(f"{key}={json.dumps(word)}" for key, word in sorted(labels))
        values = f"0+{value}" if name.endswith(("_total", "_bucket", "_count", "_sum")) else f"{value}+0"
        yield f"      - series: '{name}{{{shown}}}'\n        values: {values}x20"


def test_the_shipped_rule_fires_for_a_source_that_fails(tmp_path: Path) -> None:
    """It fails since 600 seconds of a clock that begins at 0."""
    series = "sessiontrack_source_failing_since_timestamp_seconds"
    fired = {"severity": "warning", "source": "radius"}
    told = {
        "summary": "The source radius has failed for 5m 1s.",
        "description": "Nothing is taken from what fails. `sessiontrack source list` on that host says why.",
    }
    alerts = [{"exp_labels": fired, "exp_annotations": told}]
    case = {"alertname": "SessiontrackSourceFailing"}
    rules = {
        "rule_files": [str(DEPLOY / "prometheus/alerts.yml")],
        "evaluation_interval": "1s",
        "tests": [
            {
                "interval": "1s",
                "input_series": [{"series": f'{series}{{source="radius"}}', "values": "600x1200"}],
                "alert_rule_test": [
                    {**case, "eval_time": "15m", "exp_alerts": []},
                    {**case, "eval_time": "901s", "exp_alerts": alerts},
                ],
            }
        ],
    }
    # JSON is YAML.
    (tmp_path / "fires.yml").write_text(json.dumps(rules))
    checked = subprocess.run(
        ["promtool", "test", "rules", "fires.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_finds_an_answer_to_all_that_is_asked_of_it(clients: Clients, tmp_path: Path) -> None:
    clients.operator.ok(
        "POST", "/presence/scans", {"source": "arp", "devices": [{"mac": "AA:BB:CC:00:00:01"}]}
    )
    counted: metrics.RequestMetrics = clients.app.extensions["sessiontrack.metrics"]
    counted.observe(Answered("GET", "/devices", 503, 0.1))
    with clients.app.app_context(), write_transaction() as tx:
        record_failure(tx, NOW, "arp", "it is not there")
    last_backup.remember_try(Path(clients.app.instance_path), NOW)
    found = scraped(clients)
    last_backup.remember(Path(clients.app.instance_path), NOW)
    wanted = [each for each in asked_for() if not IS_POSTGRES or "wal_bytes" not in each]
    assert len(wanted) > 15
    # The series exists and is a number: 0/0 gives none.
    tests = [
        f"      - expr: {json.dumps(f'count(({each}) >= -Inf) > bool 0')}\n        eval_time: 10m\n"
        "        exp_samples: [{labels: '{}', value: 1}]"
        for each in wanted
    ]
    series = as_series_of({**found, **scraped(clients)})
    lines = ["tests:", "  - interval: 1m", "    input_series:", *series, "    promql_expr_test:", *tests]
    (tmp_path / "asked.yml").write_text("\n".join(lines))
    checked = subprocess.run(
        ["promtool", "test", "rules", "asked.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_readyz_and_metrics_say_that_nothing_can_be_written(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(BUSY_TIMEOUT_SECONDS=1)
    with databases.busy(Path(clients.app.instance_path)):
        assert scraped(clients)[key("database_writable")] == 0
        assert clients.nobody.get("/readyz").status_code == 503
