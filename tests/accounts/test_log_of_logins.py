"""Who signed in and out, and who was refused, is in the log: one line an event, and no secret."""

import logging
from collections.abc import Callable

import pytest

from sessiontrack.database import write_transaction
from sessiontrack.services import users
from tests.support.application import NOW, PASSWORD, Clients

Make = Callable[..., Clients]
TYPED = "a-password-in-the-wrong-field"


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [(each.levelname, each.getMessage()) for each in caplog.records]
    caplog.clear()
    return [line for line in found if "og" in line[1] or "igned" in line[1] or "token" in line[1]]


def test_every_attempt_to_sign_in_and_every_sign_out_is_logged(
    make_clients: Make, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make_clients(LOGIN_ATTEMPTS_PER_NAME=2)
    tokens = clients.log_in("viewer")
    assert lines(caplog) == [("INFO", "Signed in: 'viewer' from 127.0.0.1")]
    clients.with_token(tokens["access_token"]).ok("POST", "/auth/logout")
    assert lines(caplog) == [("INFO", "Signed out: 'viewer' from 127.0.0.1")]
    for username, password in (("viewer", "wrong"), (TYPED, PASSWORD)):
        clients.nobody.post("/auth/login", {"username": username, "password": password})
    with clients.app.app_context(), write_transaction() as tx:
        users.disable_user(tx, NOW, "operator", 300)
    for _ in range(3):
        clients.nobody.post("/auth/login", {"username": "operator", "password": PASSWORD})
    found = lines(caplog)
    assert found == [
        ("WARNING", "Login refused: 'viewer' from 127.0.0.1"),
        ("WARNING", "Login refused: an unknown user from 127.0.0.1"),
        ("WARNING", "Login refused: 'operator' from 127.0.0.1"),
        ("WARNING", "Login refused: 'operator' from 127.0.0.1"),
        ("WARNING", "Login refused: too many attempts, the last from 127.0.0.1"),
    ]
    assert TYPED not in str(found)


def test_api_tokens_and_users_of_the_proxy_are_logged(
    make_clients: Make, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make_clients(AUTH_PROXY_HEADER="X-Remote-User", TRUSTED_PROXIES="127.0.0.1")
    issued = clients.admin.ok("POST", "/auth/tokens", {"name": "t", "role": "viewer"})
    clients.admin.ok("DELETE", f"/auth/tokens/{issued['id']}")
    for _ in range(2):
        clients.nobody.call("GET", "/auth/me", headers={"X-Remote-User": "anna"})
    found = lines(caplog)
    assert found == [
        ("INFO", f"API token {issued['id']} (viewer) issued for 'admin' by 'admin'"),
        ("INFO", f"API token {issued['id']} revoked by 'admin'"),
        ("INFO", "Signed in for the first time: 'anna', named by the proxy"),
    ]
    assert issued["token"] not in str(found)


def test_a_name_cannot_write_a_line_of_its_own(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    name = "vi\u202eewer\u2028\u0085\u009b31m"
    with clients.app.app_context(), write_transaction() as tx:
        users.add_user(tx, NOW, name, "no hash", "viewer")
    clients.nobody.post("/auth/login", {"username": name, "password": "x"})
    clients.nobody.post("/auth/login", {"username": "a\r\nSigned in: 'admin'", "password": "x"})
    clients.nobody.get("/nowhere\r\n\x1b[31mSigned in: 'admin'")
    ((_, line),) = lines(caplog)
    assert line.isprintable()
    assert line == "Login refused: 'vi\\u202eewer\\u2028\\x85\\x9b31m' from 127.0.0.1"
