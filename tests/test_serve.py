"""`sessiontrack serve`: the real server."""

from tests.conftest import LiveServer


def test_contract_7_healthz_and_readyz_need_no_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/healthz").json == {"status": "up"}
    assert live.server.call("GET", "/readyz").json == {"status": "ready"}


def test_contract_2_everything_else_needs_a_token(live: LiveServer) -> None:
    assert live.server.call("GET", "/sessions/list").status == 401
    assert live.server.call("GET", "/sessions/list", token=live.tokens["viewer"]).status == 200
