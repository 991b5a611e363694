"""docs/development/security.md names for each item of OWASP's ASVS its tests, some of which are here."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from sessiontrack.services import users
from tests.accounts.test_auth import RIGHT, Browser
from tests.contract.test_contract_2 import call, every_call
from tests.support.application import PASSWORD, Clients
from tests.support.refusals import refused

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "development" / "security.md").read_text()
# Those that apply to an API with tokens and a web UI.
ITEMS = {
    "1": "1.2.4 1.2.10 1.3.6",
    "2": "2.2.1 2.3.3 2.4.1",
    "3": "3.3.1 3.3.2 3.3.3 3.3.4 3.4.2 3.4.4 3.4.6 3.5.1",
    "4": "4.1.1 4.1.3 4.1.5 4.2.1",
    "6": "6.3.1 6.3.2 6.3.8",
    "7": "7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.5",
    "8": "8.2.1 8.2.2 8.2.3",
    "9": "9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3",
    "11 to 14": "11.4.2 12.3.2 13.2.4 13.2.6 13.4.2 13.4.5 14.2.1 14.3.2",
    "15, 16": "15.3.2 15.3.3 16.3.1 16.4.1 16.5.1 16.5.2",
}
WITHOUT_TOKEN = {"/healthz", "/readyz", "/auth/login", "/auth", "/openapi.json"}


def rows() -> list[tuple[str, list[str]]]:
    """The items of the table, and the tests that each names."""
    found = re.findall(r"^\| ([0-9.]+) \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    return [(item, re.findall(r"`([a-z0-9_]+::[a-z0-9_]+)`", tests)) for item, tests in found]


@cache
def functions_of(module: str) -> set[str]:
    (path,) = TESTS.rglob(f"{module}.py")
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_item_is_on_the_page_once_and_has_a_test() -> None:
    assert [item for item, _ in rows()] == " ".join(ITEMS.values()).split()
    assert [item for item, tests in rows() if not tests] == []


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(test_[a-z0-9_]+::[a-z0-9_]+)`", PAGE))))
def test_every_named_test_exists(named: str) -> None:
    module, _, name = named.partition("::")
    assert name in functions_of(module)


def test_every_write_there_is_needs_its_csrf_token(clients: Clients) -> None:
    browser = Browser(clients)
    paths = [each for each in every_call(clients.app) if each[1] not in WITHOUT_TOKEN]
    for method, path in paths:
        if method == "GET" and path != "/api/v2/sessionstart":
            continue
        # Before the role and before what was sent: nobody learns anything.
        assert "X-CSRF-TOKEN" in refused(browser.call(method, path, data="{"), 403)["message"], (method, path)


def test_only_a_webhook_takes_an_address_to_ask(app: Flask, clients: Clients) -> None:
    for method, path in every_call(app):
        for name in ("url", "uri", "callback", "redirect", "next", "host"):
            sent = {name: "http://127.0.0.1:9/"}
            body = call(clients, method, path, query=sent).json
            assert set(body["errors"]) == {name}, (method, path)
            body = call(clients, method, path, body=sent).json
            assert name in body["errors"], (method, path)
            takes = name == "url" and (method, path) in (("POST", "/webhooks"), ("PATCH", "/webhooks/1"))
            assert ("WEBHOOK_ALLOW" in str(body)) is takes
    document = json.dumps(clients.nobody.ok("GET", "/openapi.json"))
    assert '"format": "uri"' not in document


@pytest.mark.parametrize(
    "name", ["role", "user", "user_id", "username", "owner_id", "is_admin", "password_hash"]
)
def test_no_call_takes_a_role_or_a_user_that_is_not_its_own_to_say(clients: Clients, name: str) -> None:
    own = {
        ("POST", "/auth/tokens"): {"role", "username"},
        **{("POST", p): {"username"} for p in ("/auth", "/auth/login")},
        # An admin's, as tests/accounts/test_roles.py has it.
        ("POST", "/users"): {"role", "username"},
        ("PATCH", "/users/viewer"): {"role"},
    }
    for method, path in every_call(clients.app):
        if name not in own.get((method, path), set()):
            body = call(clients, method, path, body={name: "admin"}).json
            assert set(body["errors"]) == {name}, (method, path)
    assert clients.viewer.ok("GET", "/auth/me")["role"] == "viewer"


def test_nobody_pings_or_ends_anothers_user_session(clients: Clients) -> None:
    clients.operator.ok("POST", "/api/v2/sessionstart")
    (others,) = clients.admin.ok("GET", "/api/v2/sessions")
    for name in ("_id", "id", "id_beaker_session", "login_key"):
        for path in ("/api/v2/keepalive", "/api/v2/session-hide", "/api/v2/sessionstart", "/auth/logout"):
            refused(clients.viewer.post(path, {name: others["_id"]}), 400)
            refused(clients.viewer.post(f"{path}?{name}={others['_id']}"), 400)
    refused(clients.viewer.post("/api/v2/keepalive", {"visible": False}), 409, "session_inactive")
    clients.viewer.ok("POST", "/auth/logout")
    assert clients.admin.ok("GET", "/api/v2/sessions") == [others]


def test_every_refused_login_takes_the_same_steps(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []

    def check(stored: str, password: str) -> bool:
        hashed.append(stored.count("$"))
        return False

    monkeypatch.setattr(users, "check_password_hash", check)
    answers = []
    for username, password in (
        ("viewer", PASSWORD),
        ("nobody", PASSWORD),
        ("viewer", "x" * 1000),
        ("é" * 64, "x"),
    ):
        response = clients.nobody.post("/auth/login", {"username": username, "password": password})
        # Each request has an id of its own.
        del response.headers["X-Request-Id"]
        answers.append((response.status_code, response.data, sorted(response.headers)))
    assert len(hashed) == 4
    assert len(set(hashed)) == 1
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 401
    assert RIGHT["username"] == "viewer"
