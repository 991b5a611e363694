"""`sessiontrack serve`: the real server."""

from pathlib import Path

from sessiontrack import create_app
from tests import databases
from tests.conftest import Clients, LiveServer


def test_contract_7_healthz_and_readyz_need_no_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/healthz").json == {"status": "up"}
    assert live.server.call("GET", "/readyz").json == {"status": "ready"}


def test_contract_2_everything_else_needs_a_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/sessions/list").status == 401
    assert live.server.call("GET", "/sessions/list", token=live.tokens["viewer"]).status == 200


def test_contract_7_readyz_keeps_no_writer_waiting_and_waits_for_none(clients: Clients) -> None:
    with databases.busy(Path(clients.app.instance_path)):
        assert clients.nobody.ok("GET", "/readyz") == {"status": "ready"}


def test_contract_7_readyz_says_when_the_database_is_not_migrated(tmp_path: Path) -> None:
    answer = create_app({"INSTANCE": tmp_path}).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "storage_unavailable"
