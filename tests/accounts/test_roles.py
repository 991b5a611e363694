"""Every call of the OpenAPI document, by every role and without a token (contract 2 and 5)."""

import re
from typing import Any

import pytest

from sessiontrack import create_app
from tests.support.application import Clients
from tests.support.refusals import refused
from tests.support.rules import api_rules

OPEN = {
    ("POST", "/auth"),
    ("POST", "/auth/login"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
}
ADMINS = {("GET", "/auth/tokens"), ("POST", "/auth/tokens"), ("DELETE", "/auth/tokens/{token_id}")}
ADMINS |= {
    ("GET", "/users"),
    ("POST", "/users"),
    ("PATCH", "/users/{username}"),
    ("DELETE", "/users/{username}"),
}
ADMINS |= {("GET", "/settings"), ("GET", "/doctor")}
ADMINS |= {("GET", "/backups"), ("POST", "/backups"), ("GET", "/backups/{name}")}
OPERATORS = {("POST", "/sessions/create"), ("DELETE", "/sessions/delete")}
PARTS = {
    "{session_id}": "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10",
    "{username}": "nobody",
    "{token_id}": "999",
    "{login_id}": "nobodys",
    "{webhook_id}": "999",
    "{name}": "sessiontrack-20250801T120000Z.sqlite3",
    "{mac}": "AA:BB:CC:DD:EE:FF",
}
Operation = tuple[str, str]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    app = create_app({"INSTANCE": tmp_path_factory.mktemp("document")})
    found: dict[str, Any] = app.test_client().get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> list[Operation]:
    methods = {"get", "post", "put", "patch", "delete"}
    paths = document["paths"].items()
    return [(name.upper(), path) for path, item in paths for name in item if name in methods]


def least_role(operation: Operation) -> str:
    """Presence and devices are an operator's to write; other writes but one's own user session an admin's."""
    if operation in ADMINS or operation[1].startswith("/webhooks"):
        return "admin"
    method, path = operation
    writes_presence = method != "GET" and path.startswith(("/presence/", "/devices"))
    return "operator" if operation in OPERATORS or writes_presence else "viewer"


def address(path: str) -> str:
    for name, value in PARTS.items():
        path = path.replace(name, value)
    assert "{" not in path, f"a part of {path} is not known to this test"
    return path


def test_the_matrix_has_the_calls_of_the_contract(document: dict[str, Any]) -> None:
    found = set(operations(document))
    assert len(found) > 20
    assert found >= ADMINS | OPERATORS | (OPEN - {("GET", "/openapi.json")})


def test_contract_2_every_call_without_a_token_is_401_but_for_a_listed_few(
    clients: Clients, document: dict[str, Any]
) -> None:
    for operation in operations(document):
        method, path = operation
        response = clients.nobody.call(method, address(path))
        if operation in OPEN:
            assert document["paths"][path][method.lower()]["security"] == []
            assert response.status_code in (200, 400)
        else:
            assert document["paths"][path][method.lower()]["security"] == [{"bearer": []}]
            refused(response, 401)


def test_contract_2_every_route_in_the_document_or_not_is_401_without_a_token(clients: Clients) -> None:
    for rule in api_rules(clients.app):
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            if (method, rule.rule) not in OPEN:
                path = re.sub("<.*?:(.*?)>", r"{\1}", rule.rule)
                refused(clients.nobody.call(method, address(path)), 401)


def test_contract_5_each_role_may_do_what_is_its_own_and_no_more(
    clients: Clients, document: dict[str, Any]
) -> None:
    roles = ["viewer", "operator", "admin"]
    by_role = dict(zip(roles, (clients.viewer, clients.operator, clients.admin), strict=True))
    for operation in operations(document):
        method, path = operation
        if operation in OPEN or path == "/auth/refresh":
            continue
        for role in roles:
            # A field that no call knows: who may make the call is told so, and nothing is written.
            if method == "GET":
                response = by_role[role].get(f"{address(path)}?no-such-parameter=1")
            else:
                response = by_role[role].call(method, address(path), {"no-such-field": 1})
            allowed = roles.index(role) >= roles.index(least_role(operation))
            refused(response, 400 if allowed else 403)


def test_contract_5_a_refresh_token_is_due_on_refresh_for_every_role(clients: Clients) -> None:
    for role in ("viewer", "operator", "admin"):
        refresh = clients.with_token(clients.log_in(role)["refresh_token"])
        access = clients.with_token(refresh.ok("POST", "/auth/refresh")["access_token"])
        assert access.ok("GET", "/auth/me")["role"] == role


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_contract_5_every_role_keeps_its_own_user_session(clients: Clients, role: str) -> None:
    client = {"viewer": clients.viewer, "operator": clients.operator, "admin": clients.admin}[role]
    client.ok("POST", "/api/v2/sessionstart")
    client.ok("POST", "/api/v2/keepalive", {"visible": False})
    client.ok("POST", "/api/v2/session-hide", {"path": "a"})
    assert [each["username"] for each in client.ok("GET", "/api/v2/sessions")] == [role]
