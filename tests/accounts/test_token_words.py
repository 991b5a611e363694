"""What is said of a token that does not work, and of a name that is taken."""

from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke


def test_a_mistyped_token_is_unknown_and_a_revoked_one_was_revoked(clients: Clients) -> None:
    issued = clients.admin.ok("POST", "/auth/tokens", {"name": "scan"})
    right = clients.with_token(issued["token"])
    assert right.get("/auth/me").status_code == 200
    mistyped = clients.with_token(issued["token"][:-1]).get("/auth/me")
    assert mistyped.status_code == 401
    assert mistyped.get_json()["message"].startswith("The token is unknown here")
    clients.admin.call("DELETE", f"/auth/tokens/{issued['id']}")
    revoked = right.get("/auth/me")
    assert revoked.status_code == 401
    assert "was revoked or has expired" in revoked.get_json()["message"]


def test_a_name_that_is_taken_is_said_with_whose_token_it_is(clients: Clients) -> None:
    folder = clients.app.instance_path
    assert invoke(folder, "token", "add", "scan", "--user", "operator").exit_code == 0
    refused = invoke(folder, "token", "add", "scan", "--user", "admin")
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, "operator has a token scan already", "unique among all users")
