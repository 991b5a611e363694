"""The headers of every answer for browsers and proxies, and the accepted hosts."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from sessiontrack.config import load_settings
from sessiontrack.exceptions import InvalidSetting
from tests.contract.test_contract_2 import every_call
from tests.contract.test_malformed_http import POST, send
from tests.support.application import Clients, LiveServer
from tests.support.refusals import refused

TLS = {"X-Forwarded-Proto": "https"}


def assert_default_deny(response: TestResponse) -> None:
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert not [name for name, _ in headers if name.lower().startswith("access-control-")]


def test_every_answer_may_be_neither_guessed_nor_framed_nor_read_from_elsewhere(clients: Clients) -> None:
    elsewhere = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method, path in every_call(clients.app):
        for client in (clients.admin, clients.nobody):
            # An unknown parameter, so that the call does nothing.
            response = client.call(method, f"{path}?no-such=1", headers=elsewhere)
            assert_default_deny(response)
            assert response.content_type == "application/json"
        assert_default_deny(clients.nobody.call("OPTIONS", path, headers=elsewhere))
    assert_default_deny(clients.nobody.get("/nowhere"))
    assert_default_deny(clients.nobody.call("PUT", "/healthz"))


def test_what_is_somebodys_is_kept_by_nobody_else(clients: Clients) -> None:
    for path in ("/auth/me", "/sessions/list", "/devices", "/api/v2/sessions"):
        assert "private" in clients.viewer.get(path).headers["Cache-Control"]
        assert clients.nobody.get(path).headers["Cache-Control"] == "no-store"
    assert clients.admin.post("/auth/tokens", {"name": "t"}).headers["Cache-Control"] == "no-store"


def test_behind_tls_browsers_are_told_to_stay_there(make_clients: Callable[..., Clients]) -> None:
    believed = make_clients(TRUSTED_PROXIES="127.0.0.1")
    answered = believed.nobody.call("GET", "/healthz", headers=TLS)
    assert answered.headers["Strict-Transport-Security"] == "max-age=31536000"
    for clients, headers in ((believed, {}), (make_clients(), TLS)):
        plain = clients.nobody.call("GET", "/healthz", headers=headers)
        assert "Strict-Transport-Security" not in plain.headers


@pytest.mark.parametrize(
    "path",
    [
        "/sessions/list?mac=%0d%0aX-Injected:%201",
        "/sessions/list?limit=1&offset=1&start_date=2025-01-01%0d%0aX-Injected:1",
        "/nowhere%0d%0aX-Injected:%201",
        "/sessions/%0d%0aX-Injected:1",
        "/auth/tokens?limit=1&_=%0d%0aX-Injected:%201",
    ],
)
def test_nothing_from_a_request_becomes_a_header(clients: Clients, path: str) -> None:
    response = clients.admin.get(path)
    assert "X-Injected" not in response.headers
    assert not [value for value in response.headers.values() if "\n" in value or "\r" in value]


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/sessions/..%2f..%2fsigning-key",
        "/signing-key",
        "/instance/signing-key",
        "/sessiontrack.sqlite3",
        "/.git/config",
        "/static/../signing-key",
        "/static/%2e%2e/instance/signing-key",
        "/static/..%5c..%5csigning-key",
        "/auth/tokens/../../signing-key",
    ],
)
def test_no_path_leads_to_a_file(live: LiveServer, path: str) -> None:
    answer = live.server.call("GET", path, token=live.tokens["admin"])
    assert answer.status in (400, 404)
    key = (live.instance / "signing-key").read_bytes().strip()
    assert key not in answer.raw


def test_the_servers_own_errors_are_not_guessed_at_either(live: LiveServer) -> None:
    assert send(live, POST + b"Transfer-Encoding: weird\r\n\r\n")[0] == 400
    answer = live.server.call("GET", "/healthz", **{"Transfer-Encoding": "weird"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


HOSTS = {"TRUSTED_HOSTS": "sessions.example, .lan.example, 192.168.1.5, [fd00::1]"}


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("sessions.example", True),
        ("SESSIONS.example:8443", True),
        ("box.lan.example", True),
        ("lan.example", True),
        ("192.168.1.5:8000", True),
        ("sessions.example.", True),
        ("[fd00::1]:8000", True),
        ("evil.example", False),
        ("sessions.example.evil.example", False),
        ("evillan.example", False),
        ("192.168.1.50", False),
        ("sessions.example@evil.example", False),
        ("", False),
    ],
)
def test_only_the_trusted_hosts_are_answered_for(
    make_clients: Callable[..., Clients], host: str, is_answered: bool
) -> None:
    clients = make_clients(**HOSTS)
    response = clients.viewer.call("GET", "/auth/me", environ_overrides={"HTTP_HOST": host})
    if is_answered:
        assert response.status_code == 200
    else:
        refused(response, 400)


def test_a_proxys_host_counts_where_it_is_trusted(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(**HOSTS, TRUSTED_PROXIES="127.0.0.1")
    for forwarded, status in (("sessions.example", 200), ("evil.example", 400)):
        sent = {"X-Forwarded-Host": forwarded}
        environ = {"HTTP_HOST": "inside"}
        found = clients.viewer.call("GET", "/auth/me", headers=sent, environ_overrides=environ)
        assert found.status_code == status


@pytest.mark.parametrize("host", ["evil.example", "a b", 'x"><script>', "évil", "a/b", "a%00b"])
def test_whatever_the_host_it_is_in_no_answer(clients: Clients, host: str) -> None:
    environ = {"HTTP_HOST": host}
    for path in ("/sessions/list?limit=1", "/nowhere", "/sessions/list/"):
        response = clients.viewer.call("GET", path, environ_overrides=environ)
        assert response.status_code < 500
        assert host not in response.get_data(as_text=True)
        assert not [value for value in response.headers.values() if host in value]


@pytest.mark.parametrize(
    "hosts", ["https://a.example", "a.example:80", "a b/c", "*", "*.example", "-", "é.example"]
)
def test_what_is_no_host_name_stops_the_start(hosts: str) -> None:
    with pytest.raises(InvalidSetting, match="TRUSTED_HOSTS"):
        load_settings({"TRUSTED_HOSTS": hosts}, {})
