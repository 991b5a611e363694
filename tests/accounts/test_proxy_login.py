"""Proxy login: whom a trusted reverse proxy has authenticated is signed in, and nobody else."""

import http.client
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from sessiontrack.config import load_settings
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import request_log
from sessiontrack.queries import accounts
from sessiontrack.services import users
from tests.support.application import NOW, PASSWORD, Clients
from tests.support.refusals import refused
from tests.support.server import Answer, Server
from tests.support.waiting import SECONDS

HEADER = "X-Remote-User"
PROXY = "10.0.0.1"
ON = {"AUTH_PROXY_HEADER": HEADER, "TRUSTED_PROXIES": PROXY}
Make = Callable[..., Clients]


@pytest.fixture
def behind(make_clients: Make) -> Clients:
    """The clients of an application that believes the proxy at 10.0.0.1."""
    return make_clients(**ON)


def call(
    clients: Clients, method: str, path: str, body: Any = None, *, peer: str = PROXY, **headers: str
) -> TestResponse:
    """A request as it comes from that peer; header names with underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return clients.nobody.call(method, path, body, headers=sent, environ_overrides={"REMOTE_ADDR": peer})


def me(clients: Clients, name: str, **headers: str) -> Any:
    response = call(clients, "GET", "/auth/me", X_Remote_User=name, **headers)
    assert response.status_code == 200, response.json
    return response.json


def names(clients: Clients) -> set[str]:
    with clients.app.app_context(), read_transaction() as tx:
        return {each["username"] for each in accounts.list_users(tx)}


def test_a_named_user_is_signed_in_with_the_default_role_and_made_at_first_sight(behind: Clients) -> None:
    for _ in range(2):
        assert me(behind, "anna") == {"username": "anna", "role": "viewer", "kind": "proxy"}
    with behind.app.app_context(), read_transaction() as tx:
        (made,) = [each for each in accounts.list_users(tx) if each["username"] == "anna"]
        others = {each["from_proxy"] for each in accounts.list_users(tx) if each["username"] != "anna"}
    assert (made["from_proxy"], made["role"], made["disabled_at"]) == (True, "viewer", None)
    assert others == {False}


def test_it_is_off_by_default(make_clients: Make) -> None:
    clients = make_clients(TRUSTED_PROXIES=PROXY)
    refused(call(clients, "GET", "/auth/me", X_Remote_User="anna"), 401)
    assert "anna" not in names(clients)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_the_default_role_is_a_setting_and_a_known_users_role_stays(make_clients: Make, role: str) -> None:
    clients = make_clients(**ON, AUTH_PROXY_ROLE=role)
    assert me(clients, "anna")["role"] == role
    assert me(clients, "operator") == {"username": "operator", "role": "operator", "kind": "proxy"}
    with clients.app.app_context(), write_transaction() as tx:
        users.set_role(tx, "anna", "operator")
    assert me(clients, "anna")["role"] == "operator"


def test_the_role_holds(behind: Clients) -> None:
    csrf = {"X_Remote_User": "anna", "X_CSRF_TOKEN": "1"}
    refused(call(behind, "DELETE", "/sessions/delete", {"mac": "AA:BB:CC:DD:EE:FF"}, **csrf), 403)
    refused(call(behind, "GET", "/auth/tokens", X_Remote_User="anna"), 403)


@pytest.mark.parametrize("peer", ["10.0.0.2", "127.0.0.1", "", "::ffff:10.0.0.2", "::1"])
@pytest.mark.parametrize("forwarded", [PROXY, "1.2.3.4", f"1.2.3.4, {PROXY}"])
def test_whoever_is_no_trusted_proxy_is_not_believed(behind: Clients, peer: str, forwarded: str) -> None:
    for name in ("anna", "admin"):
        response = call(behind, "GET", "/auth/me", peer=peer, X_Remote_User=name, X_Forwarded_For=forwarded)
        refused(response, 401)
    assert "anna" not in names(behind)


@pytest.mark.parametrize(
    "header", ["Remote-User", "X-Remote-User2", "X-User", "Remote_User", "X-Forwarded-User"]
)
def test_another_header_signs_nobody_in(behind: Clients, header: str) -> None:
    refused(call(behind, "GET", "/auth/me", **{header: "admin"}), 401)


@pytest.mark.parametrize(
    "sent",
    [
        "anna,admin",
        "anna, admin",
        "admin,",
        ",admin",
        "a" * 65,
        "an\tna",
        "anna\x00",
        "an\x7fna",
        "an\x1bna",
        "\xff",
        "anna\xe9",
        "\xed\xa0\x80",
    ],
)
def test_what_names_no_one_user_is_refused(behind: Clients, sent: str) -> None:
    before = names(behind)
    environ = {"REMOTE_ADDR": PROXY, "HTTP_X_REMOTE_USER": sent}
    refused(behind.nobody.call("GET", "/auth/me", environ_overrides=environ), 401)
    assert names(behind) == before


@pytest.mark.parametrize("sent", ["", " ", "\t"])
def test_an_empty_header_names_nobody(behind: Clients, sent: str) -> None:
    refused(call(behind, "GET", "/auth/me", X_Remote_User=sent), 401)
    # And does not stand in the way of a token.
    response = call(behind, "GET", "/auth/me", X_Remote_User=sent, **behind.viewer.headers)
    assert response.json["kind"] == "token"


@pytest.mark.parametrize(
    "name", ["anna", "EXAMPLE\\anna", "anna@example.org", "Anna Meier", "ånna", "' OR 1=1", "安娜"]
)
def test_any_other_name_is_the_users(behind: Clients, name: str) -> None:
    sent = name.encode().decode("latin-1")
    environ = {"REMOTE_ADDR": PROXY, "HTTP_X_REMOTE_USER": f" {sent} "}
    response = behind.nobody.call("GET", "/auth/me", environ_overrides=environ)
    assert response.json == {"username": name, "role": "viewer", "kind": "proxy"}


def test_a_disabled_user_stays_out_and_a_removed_one_is_new(behind: Clients) -> None:
    me(behind, "anna")
    with behind.app.app_context(), write_transaction() as tx:
        users.set_role(tx, "anna", "operator")
        users.disable_user(tx, NOW, "anna", 300)
    refused(call(behind, "GET", "/auth/me", X_Remote_User="anna"), 401)
    with behind.app.app_context(), write_transaction() as tx:
        users.enable_user(tx, "anna")
    assert me(behind, "anna")["role"] == "operator"
    with behind.app.app_context(), write_transaction() as tx:
        users.remove_user(tx, NOW, "anna", 300)
    assert me(behind, "anna")["role"] == "viewer"


def test_whom_the_proxy_named_has_no_password(behind: Clients) -> None:
    me(behind, "anna")
    for password in ("x", "anna", PASSWORD):
        refused(behind.nobody.post("/auth/login", {"username": "anna", "password": password}), 401)


def test_a_bearer_token_counts_before_the_proxy_and_the_proxy_before_a_cookie(behind: Clients) -> None:
    assert me(behind, "anna", **behind.operator.headers)["username"] == "operator"
    refused(call(behind, "GET", "/auth/me", X_Remote_User="anna", Authorization="Bearer no"), 401)
    cookie = f"sessiontrack_access={behind.log_in('admin')['access_token']}"
    assert me(behind, "anna", Cookie=cookie)["username"] == "anna"
    # What the proxy itself asked the browser for.
    assert me(behind, "anna", Authorization="Basic YW5uYTphbm5h")["username"] == "anna"


def test_there_is_nothing_to_refresh(behind: Clients) -> None:
    refused(call(behind, "POST", "/auth/refresh", X_Remote_User="anna", X_CSRF_TOKEN="1"), 401)
    assert "anna" not in names(behind)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v2/sessionstart", None),
        ("GET", "/api/v2/sessionstart", None),
        ("POST", "/api/v2/keepalive", {"visible": False}),
        ("POST", "/api/v2/session-hide", {"path": "a"}),
        ("POST", "/sessions/create", {}),
        ("DELETE", "/sessions/delete", {}),
        ("POST", "/auth/logout", None),
        ("POST", "/auth/tokens", {"name": "x"}),
    ],
)
def test_a_foreign_pages_write_is_refused(make_clients: Make, method: str, path: str, body: Any) -> None:
    clients = make_clients(**ON, AUTH_PROXY_ROLE="admin")
    message = refused(call(clients, method, path, body, X_Remote_User="anna"), 403)["message"]
    assert "X-CSRF-TOKEN" in message
    assert "anna" not in names(clients)
    allowed = call(clients, method, path, body, X_Remote_User="anna", X_CSRF_TOKEN="any")
    assert allowed.status_code in (200, 400, 409)


def test_the_log_names_the_user_whose_write_was_refused(
    behind: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    me(behind, "anna")
    with caplog.at_level(logging.INFO, logger=request_log.__name__):
        answer = call(behind, "POST", "/api/v2/sessionstart", X_Remote_User="anna")
        refused(answer, 403)
        answer.close()
    assert [(each.msg["user"], each.msg["status"]) for each in caplog.records] == [("anna", 403)]


def test_it_has_a_user_session_of_its_own(behind: Clients) -> None:
    csrf = {"X_Remote_User": "anna", "X_CSRF_TOKEN": "1"}
    refused(call(behind, "POST", "/api/v2/keepalive", {"visible": False}, **csrf), 409, "session_inactive")
    for _ in range(2):
        assert call(behind, "POST", "/api/v2/sessionstart", **csrf).status_code == 200
    assert (
        call(behind, "POST", "/api/v2/keepalive", {"visible": True, "path": "a"}, **csrf).status_code == 200
    )
    (session,) = behind.viewer.ok("GET", "/api/v2/sessions")
    assert (session["username"], session["active"]) == ("anna", True)
    call(behind, "POST", "/api/v2/sessionstart", X_Remote_User="bert", X_CSRF_TOKEN="1")
    assert call(behind, "POST", "/auth/logout", **csrf).status_code == 200
    active = behind.viewer.ok("GET", "/api/v2/sessions?active=true")
    assert [each["username"] for each in active] == ["bert"]


def test_a_header_without_a_proxy_to_believe_stops_the_start() -> None:
    with pytest.raises(InvalidSetting, match="TRUSTED_PROXIES"):
        load_settings({"AUTH_PROXY_HEADER": HEADER}, {})


@pytest.mark.parametrize(
    "header",
    [
        "Authorization",
        "cookie",
        "HOST",
        "X-Forwarded-For",
        "x-csrf-token",
        "Content-Type",
        "X_User",
        "a b",
        "é",
        "1",
    ],
)
def test_a_header_that_cannot_be_meant_stops_the_start(header: str) -> None:
    with pytest.raises(InvalidSetting, match="AUTH_PROXY_HEADER"):
        load_settings({"AUTH_PROXY_HEADER": header, "TRUSTED_PROXIES": PROXY}, {})


@pytest.mark.parametrize("role", ["root", "Admin", ""])
def test_a_role_that_is_none_stops_the_start(role: str) -> None:
    with pytest.raises(InvalidSetting, match="AUTH_PROXY_ROLE"):
        load_settings({**ON, "AUTH_PROXY_ROLE": role}, {})


# --- the real server, of which this machine is the proxy


@pytest.fixture(scope="module")
def trusting(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("trusting") / "instance"
    shutil.copytree(template[0], folder)
    with Server(folder, workers=4, AUTH_PROXY_HEADER=HEADER, TRUSTED_PROXIES="127.0.0.1") as server:
        yield server


def raw(server: Server, headers: list[tuple[str, bytes]]) -> Answer:
    """GET /auth/me with these header lines, also twice the same."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    try:
        connection.putrequest("GET", "/auth/me")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def test_the_real_server_believes_its_proxy(trusting: Server) -> None:
    assert trusting.call("GET", "/auth/me", **{HEADER: "anna"}).json["username"] == "anna"
    assert raw(trusting, [(HEADER, "ånna".encode())]).json["username"] == "ånna"


@pytest.mark.parametrize(
    "headers",
    [
        [(HEADER, b"anna"), (HEADER, b"admin")],
        [(HEADER, b"admin"), (HEADER, b"admin")],
        [(HEADER, b"anna"), ("x-remote-USER", b"admin")],
        [(HEADER, b"anna, admin")],
        [(HEADER, b"\xff")],
        # What servers read as the same variable.
        [("X_Remote_User", b"admin")],
        [("X-Remote_User", b"admin")],
    ],
)
def test_the_real_server_refuses_a_header_that_is_not_the_proxys_alone(
    trusting: Server, headers: list[tuple[str, bytes]]
) -> None:
    refused(raw(trusting, headers), 401)


def test_a_header_that_is_none_does_not_reach_the_application(trusting: Server) -> None:
    refused(raw(trusting, [(HEADER, b"an\x01na")]), 400)


def test_a_clients_variable_does_not_add_to_the_proxys(trusting: Server) -> None:
    answer = raw(trusting, [(HEADER, b"anna"), ("X_Remote_User", b"admin")])
    assert answer.json["username"] == "anna"


def test_the_real_server_does_not_believe_a_stranger(
    template: tuple[Path, dict[str, str]], instance: Path
) -> None:
    with Server(instance, workers=1, AUTH_PROXY_HEADER=HEADER, TRUSTED_PROXIES="192.0.2.1") as server:
        for headers in ({HEADER: "admin"}, {HEADER: "admin", "X-Forwarded-For": "192.0.2.1"}):
            refused(server.call("GET", "/auth/me", **headers), 401)
        token = template[1]["viewer"]
        assert server.call("GET", "/auth/me", token=token, **{HEADER: "admin"}).json["username"] == "viewer"


def test_many_first_requests_at_once_make_one_user(trusting: Server) -> None:
    def first(n: int) -> Answer:
        return trusting.call("GET", "/auth/me", **{HEADER: f"user{n % 4}"})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(first, range(64)))
    assert {answer.status for answer in answers} == {200}
    assert {json.loads(answer.raw)["username"] for answer in answers} == {f"user{n}" for n in range(4)}


def test_a_page_opened_first_is_the_users(behind: Clients) -> None:
    for _ in range(2):
        page = call(behind, "GET", "/ui/devices", X_Remote_User="anna", Accept="text/html")
        assert "Location" not in page.headers
    assert "anna" in names(behind)
    # Without the proxy's word, to where one signs in.
    assert "/ui/login" in call(behind, "GET", "/ui/devices").headers["Location"]
