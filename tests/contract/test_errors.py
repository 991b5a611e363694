"""Contract 2: an error, whatever its cause, has one shape."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended.exceptions import NoAuthorizationError
from jwt.exceptions import InvalidTokenError
from marshmallow import ValidationError
from werkzeug.exceptions import Forbidden, ImATeapot, RequestTimeout, TooManyRequests
from werkzeug.test import TestResponse

from sessiontrack.database import Statement, write_transaction
from sessiontrack.exceptions import SessiontrackError
from sessiontrack.version import VERSION
from tests.support import databases
from tests.support.application import Clients

MAC = "AA:BB:CC:DD:EE:FF"
SESSION = {"mac": MAC, "ip": "192.168.1.10", "start_time": "2025-08-01T10:00:00"}
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9"}


def assert_error(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The one shape; gives the body."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/json"
    body: dict[str, Any] = response.get_json()
    assert set(body) - {"errors"} == {"success", "error", "message"}
    assert body["success"] is False
    assert body["error"] == code
    assert isinstance(body["message"], str)
    assert body["message"]
    assert "\n" not in body["message"]
    if "errors" in body:
        assert body["errors"]
        for name, texts in body["errors"].items():
            assert name
            assert texts
            assert all(isinstance(text, str) and text for text in texts)
    return body


def raise_at(app: Flask, error: Exception) -> None:
    """Make GET /healthz raise it."""

    def view(**kwargs: object) -> None:
        raise error

    app.view_functions["health.healthz"] = view


@pytest.mark.parametrize("headers", [{}, BROWSER])
def test_contract_2_400_bad_request(clients: Clients, headers: dict[str, str]) -> None:
    response = clients.operator.post("/sessions/create", data="{", headers=headers)
    assert "errors" not in assert_error(response, 400, "bad_request")
    response = clients.viewer.call("GET", "/sessions/calendar?begin=2025-08-01", headers=headers)
    body = assert_error(response, 400, "bad_request")
    assert set(body["errors"]) == {"start", "end", "begin"}


def test_contract_2_400_names_the_field_in_its_message_too(clients: Clients) -> None:
    body = assert_error(clients.viewer.get("/sessions/list", {"limit": "0"}), 400, "bad_request")
    assert set(body["errors"]) == {"limit"}
    assert body["message"].startswith("limit: ")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic YWRtaW46YWRtaW4=",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer st_unknown",
        "Bearer \xff",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer eyJhbGciOiJub25lIn0.WzFd.",
        "Bearer " + "a" * 100_000,
    ],
)
def test_contract_2_401_with_www_authenticate(clients: Clients, authorization: str | None) -> None:
    headers = BROWSER if authorization is None else {**BROWSER, "Authorization": authorization}
    response = clients.nobody.call("GET", "/sessions/list", headers=headers)
    assert_error(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_contract_2_401_for_a_wrong_password(clients: Clients) -> None:
    wrong = {"username": "admin", "password": "wrong"}
    response = clients.nobody.post("/auth/login", wrong)
    assert_error(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_contract_2_403_forbidden(clients: Clients) -> None:
    assert_error(clients.viewer.post("/sessions/create", SESSION, headers=BROWSER), 403, "forbidden")
    assert_error(clients.operator.get("/auth/tokens"), 403, "forbidden")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/sessions",
        "/sessions/list/",
        "//sessions/list",
        "/sessions//list",
        "/sessions/list/../list",
        "/a%00b",
        "/%ff",
        "/auth/tokens/x",
        "/auth/tokens/-1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_contract_2_404_not_found(clients: Clients, method: str, path: str) -> None:
    response = clients.admin.call(method, path, headers=BROWSER)
    assert_error(response, 404, "not_found")


@pytest.mark.parametrize("token_id", ["12345", 2**63 - 1, 2**63, 10**20, "9" * 5000])
def test_contract_2_404_for_what_is_not_stored(clients: Clients, token_id: object) -> None:
    assert_error(clients.admin.delete(f"/auth/tokens/{token_id}"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/sessions/list", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/sessions/create", {"POST", "OPTIONS"}),
        ("GET", "/sessions/delete", {"DELETE", "OPTIONS"}),
        ("PUT", "/auth/tokens", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("DELETE", f"/sessions/{MAC}", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/auth", {"POST", "OPTIONS"}),
        ("POST", "/openapi.json", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/healthz", {"GET", "HEAD", "OPTIONS"}),
        ("ANY", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_contract_2_405_with_allow(clients: Clients, method: str, path: str, allowed: set[str]) -> None:
    response = clients.admin.call(method, path, headers=BROWSER)
    assert_error(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_contract_2_head_and_options(clients: Clients) -> None:
    head = clients.viewer.call("HEAD", "/sessions/list")
    assert (head.status_code, head.content_type, head.data) == (200, "application/json", b"")
    assert clients.nobody.call("HEAD", "/sessions/list").status_code == 401
    assert clients.viewer.call("HEAD", "/nothing").status_code == 404
    wrong = clients.viewer.call("HEAD", "/auth/login")
    assert (wrong.status_code, wrong.data) == (405, b"")
    options = clients.nobody.call("OPTIONS", "/sessions/list")
    assert (options.status_code, options.data) == (204, b"")
    assert "Content-Type" not in options.headers
    assert set(options.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_contract_2_409_conflict(clients: Clients) -> None:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    response = clients.operator.post("/sessions/create", {**SESSION, "ip": "192.168.1.11"}, headers=BROWSER)
    assert_error(response, 409, "conflict")


def test_contract_2_409_session_inactive(clients: Clients) -> None:
    response = clients.viewer.post("/api/v2/keepalive", {"visible": False}, headers=BROWSER)
    assert_error(response, 409, "session_inactive")


def test_contract_2_429_with_retry_after(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(LOGIN_ATTEMPTS_PER_NAME=1)
    wrong = {"username": "admin", "password": "wrong"}
    assert clients.nobody.post("/auth/login", wrong).status_code == 401
    response = clients.nobody.post("/auth/login", wrong, headers=BROWSER)
    assert_error(response, 429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 300


@pytest.mark.parametrize("headers", [{}, BROWSER])
def test_contract_2_500_tells_nothing_and_logs_everything(
    clients: Clients, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    raise_at(clients.app, RuntimeError("SELECT secret FROM inside"))
    with caplog.at_level(logging.ERROR):
        response = clients.nobody.call("GET", "/healthz", headers=headers)
    assert_error(response, 500, "server_error")
    assert "secret" not in response.get_data(as_text=True)
    assert "RuntimeError" not in response.get_data(as_text=True)
    assert "GET '/healthz' failed" in caplog.text
    assert "RuntimeError: SELECT secret FROM inside" in caplog.text
    assert "Traceback" in caplog.text


def test_no_debugger_whatever_the_environment_says(
    make_clients: Callable[..., Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("FLASK_ENV", "development")
    clients = make_clients()
    assert not clients.app.debug
    raise_at(clients.app, RuntimeError("of the inside"))
    response = clients.nobody.call("GET", "/healthz", headers=BROWSER)
    assert_error(response, 500, "server_error")
    assert "of the inside" not in response.get_data(as_text=True)


def test_contract_2_500_also_for_an_error_of_ours_that_has_no_status(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    raise_at(clients.app, SessiontrackError("of the inside"))
    response = clients.nobody.get("/healthz")
    assert_error(response, 500, "server_error")
    assert "of the inside" not in response.get_data(as_text=True)
    assert "of the inside" in caplog.text


@pytest.mark.long
def test_contract_2_503_for_a_locked_database(
    make_clients: Callable[..., Clients], caplog: pytest.LogCaptureFixture
) -> None:
    clients = make_clients(BUSY_TIMEOUT_SECONDS=1)
    with databases.busy(Path(clients.app.instance_path)):
        response = clients.operator.post("/sessions/create", SESSION, headers=BROWSER)
        assert_error(response, 503, "storage_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert "locked" not in response.get_data(as_text=True)
        assert "database is locked" in caplog.text or "due to lock timeout" in caplog.text
        # Reading goes on.
        assert clients.operator.ok("GET", "/sessions/list")["sessions"] == []
    assert clients.operator.ok("POST", "/sessions/create", SESSION)["success"]


@pytest.mark.sqlite("of its PRAGMA; test_postgres.py asks PostgreSQL")
def test_contract_2_503_for_a_read_only_database(clients: Clients) -> None:
    @clients.app.before_request
    def make_read_only() -> None:
        # As on a disk that was remounted read-only; file modes would not stop a privileged test run.
        with write_transaction(brief=True) as tx:
            tx.run(Statement("PRAGMA query_only = ON"))

    response = clients.operator.post("/sessions/create", SESSION, headers=BROWSER)
    assert_error(response, 503, "storage_unavailable")
    assert response.json is not None
    assert response.json["message"] == "The database is read-only."
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.sqlite("damages the file")
def test_contract_2_503_for_a_database_that_is_none(clients: Clients) -> None:
    for suffix in ("", "-wal", "-shm"):
        with open(f"{clients.app.instance_path}/sessiontrack.sqlite3{suffix}", "wb") as file:
            file.write(b"not a database " * 1000 if not suffix else b"")
    for path in ("/sessions/list", "/readyz"):
        response = clients.viewer.get(path)
        assert_error(response, 503, "storage_unavailable")
        assert int(response.headers["Retry-After"]) > 0
    assert clients.nobody.ok("GET", "/healthz") == {"status": "up", "version": VERSION}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        # flask-jwt-extended's and PyJWT's own
        (NoAuthorizationError("Missing Authorization Header"), 401, "unauthorized"),
        (InvalidTokenError("Signature verification failed"), 401, "unauthorized"),
        (ValidationError({"devices": {0: {"mac": ["Not a MAC."]}}}), 400, "bad_request"),
        (ValidationError("as a whole"), 400, "bad_request"),
        # Werkzeug's own
        (Forbidden("<p>no</p>"), 403, "forbidden"),
        (RequestTimeout(), 408, "bad_request"),
        (ImATeapot(), 418, "bad_request"),
        (TooManyRequests(retry_after=7), 429, "rate_limited"),
    ],
)
def test_contract_2_the_libraries_own_errors_have_the_shape(
    clients: Clients, error: Exception, status: int, code: str
) -> None:
    raise_at(clients.app, error)
    response = clients.nobody.call("GET", "/healthz", headers=BROWSER)
    assert_error(response, status, code)
    assert "<p>" not in response.get_data(as_text=True)
    assert ("Retry-After" in response.headers) == (status == 429)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


def test_contract_2_errors_name_nested_fields(clients: Clients) -> None:
    raise_at(clients.app, ValidationError({"devices": {0: {"mac": ["Not a MAC."]}}}))
    body = assert_error(clients.nobody.get("/healthz"), 400, "bad_request")
    assert body["errors"] == {"devices.0.mac": ["Not a MAC."]}
