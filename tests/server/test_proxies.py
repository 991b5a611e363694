"""X-Forwarded-* is trusted from TRUSTED_PROXIES only, and read from the right end (contract 7)."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from sessiontrack.http.proxies import TrustedProxies
from tests.support.application import Clients
from tests.support.refusals import refused

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEADERS = {"PROTO": "https", "HOST": "outside.example", "PREFIX": "/sub", "PORT": "8443"}


def seen_by_application(remote: str, trusted: str, **forwarded: str) -> dict[str, Any]:
    """The WSGI environment behind the middleware."""
    seen: dict[str, Any] = {}

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        seen.update(environ)
        return []

    environ = {
        "REMOTE_ADDR": remote,
        "HTTP_HOST": "inside:8000",
        "wsgi.url_scheme": "http",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "inside",
        "SERVER_PORT": "8000",
        **{f"HTTP_X_FORWARDED_{name}": value for name, value in forwarded.items()},
    }
    networks = tuple(ip_network(each) for each in trusted.split())
    TrustedProxies(application, networks)(environ, lambda *args: lambda data: None)  # type: ignore[arg-type]
    return seen


@pytest.mark.parametrize(
    ("remote", "trusted", "forwarded_for", "client"),
    [
        ("10.0.0.1", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.1", "9.9.9.9,8.8.8.8 , 1.2.3.4", "1.2.3.4"),
        # Two proxies of ours, one behind the other.
        ("10.0.0.1", "10.0.0.0/8", "9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        # A client inside the trusted network.
        ("10.0.0.1", "10.0.0.0/8", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        # A client that claims to be one of our proxies.
        ("10.0.0.1", "10.0.0.1", "10.0.0.1, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "fd00::/8", "1.2.3.4", "1.2.3.4"),
        # An IPv6 socket reached over IPv4.
        ("::ffff:10.0.0.1", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.2", "10.0.0.1", "1.2.3.4", "10.0.0.2"),
        ("10.0.0.1", "", "1.2.3.4", "10.0.0.1"),
        ("::ffff:10.0.0.2", "10.0.0.1", "1.2.3.4", "::ffff:10.0.0.2"),
        ("", "10.0.0.1", "1.2.3.4", ""),
        ("1.2.3.4", "10.0.0.1", "10.0.0.1", "1.2.3.4"),
        # An invalid address is ignored: the proxy that sent it counts as the client.
        ("10.0.0.1", "10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", "1.2.3.4, unix:", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", "1.2.3.4:5678", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.0/8", "1.2.3.4, _hidden, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.1", "fe80::1%" + "x" * 60, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.0/8", "10.0.0.3", "10.0.0.3"),
    ],
)
def test_contract_7_the_client_is_the_last_address_that_is_no_trusted_proxy(
    remote: str, trusted: str, forwarded_for: str, client: str
) -> None:
    assert seen_by_application(remote, trusted, FOR=forwarded_for)["REMOTE_ADDR"] == client


def test_contract_7_scheme_host_and_sub_path_come_from_a_trusted_proxy() -> None:
    seen = seen_by_application("10.0.0.1", "10.0.0.1", FOR="1.2.3.4", **HEADERS)
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "outside.example"
    assert seen["SCRIPT_NAME"] == "/sub"


def test_contract_7_of_several_values_the_last_is_the_proxys() -> None:
    seen = seen_by_application("10.0.0.1", "10.0.0.1", FOR="1.2.3.4", PROTO="https, http")
    assert seen["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize(
    ("remote", "trusted"), [("10.0.0.2", "10.0.0.1"), ("10.0.0.1", ""), ("", "10.0.0.1")]
)
def test_contract_7_from_anybody_else_they_are_dropped(remote: str, trusted: str) -> None:
    seen = seen_by_application(remote, trusted, FOR="1.2.3.4", **HEADERS)
    assert seen["wsgi.url_scheme"] == "http"
    assert seen["HTTP_HOST"] == "inside:8000"
    assert seen["SCRIPT_NAME"] == ""
    assert seen["REMOTE_ADDR"] == remote
    assert not [name for name in seen if "FORWARDED" in name]


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example",
        "/\\evil.example",
        "evil",
        "https://evil.example",
        "/..",
        "/a/../b",
        "/a//b",
        "/%2e",
        "/a b",
    ],
)
def test_a_prefix_that_leads_elsewhere_is_refused(make_clients: Callable[..., Clients], prefix: str) -> None:
    clients = make_clients(TRUSTED_PROXIES="127.0.0.1")
    for path in ("/", "/ui/devices", "/auth/me"):
        response = clients.nobody.call("GET", path, headers={"X-Forwarded-Prefix": prefix})
        assert "X-Forwarded-Prefix" in refused(response, 400)["message"]
        # From any other address it is dropped.
        other = {"environ_overrides": {"REMOTE_ADDR": "10.9.9.9"}, "headers": {"X-Forwarded-Prefix": prefix}}
        assert "evil" not in str(clients.nobody.call("GET", path, **other).headers)


def test_ordinary_segments_are_a_prefix(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(TRUSTED_PROXIES="127.0.0.1")
    for prefix in ("/sessiontrack", "/apps/session_track-1.0/~x"):
        response = clients.nobody.call("GET", "/", headers={"X-Forwarded-Prefix": prefix})
        assert response.headers["Location"].startswith(f"{prefix}/ui/")


def test_only_http_and_https_are_schemes() -> None:
    assert seen_by_application("10.0.0.1", "10.0.0.1", PROTO="javascript")["wsgi.url_scheme"] == "http"
