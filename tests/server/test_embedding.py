"""EMBED_ORIGINS: which origins may call the API, and which may frame pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from sessiontrack import create_app
from sessiontrack.blueprints.embedding import frame_ancestors, x_frame_options
from sessiontrack.config import settings_of
from sessiontrack.exceptions import InvalidSetting
from tests.support.application import Clients

PORTAL, OTHER = "https://portal.example", "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def embedded(make_clients: Callable[..., Clients]) -> Clients:
    return make_clients(EMBED_ORIGINS=f"{PORTAL}, http://10.0.0.5:8080")


def asked(clients: Clients, method: str, path: str, origin: str | None, **more: str) -> Any:
    headers = {**({} if origin is None else {"Origin": origin}), **more}
    return clients.viewer.call(method, path, headers=headers)


def preflight(clients: Clients, path: str, origin: str, method: str) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    return clients.nobody.call("OPTIONS", path, headers=headers)


def test_without_the_setting_nobody_may(clients: Clients) -> None:
    answer = asked(clients, "GET", "/devices", PORTAL)
    assert answer.status_code == 200
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert ALLOW not in preflight(clients, "/devices", PORTAL, "GET").headers


@pytest.mark.parametrize("origin", [PORTAL, "http://10.0.0.5:8080"])
def test_a_listed_origin_may_read(embedded: Clients, origin: str) -> None:
    for path in ("/devices", "/presence/now", "/api/v2/sessions", "/no-such"):
        answer = asked(embedded, "GET", path, origin)
        assert answer.headers[ALLOW] == origin
        assert "Origin" in answer.headers["Vary"]
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    refusal = embedded.nobody.call("GET", "/devices", headers={"Origin": origin})
    assert (refusal.status_code, refusal.headers[ALLOW]) == (401, origin)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        OTHER,
        "null",
        "*",
        "http://portal.example",
        f"{PORTAL}:444",
        f"{PORTAL}.evil.example",
        "https://evil-portal.example",
        f"{PORTAL}, {OTHER}",
        PORTAL.upper(),
        "",
    ],
)
def test_another_origin_may_not(embedded: Clients, origin: str | None) -> None:
    answer = asked(embedded, "GET", "/devices", origin)
    assert ALLOW not in answer.headers
    # A cache must not give this answer to a listed origin.
    assert "Origin" in answer.headers["Vary"]


def test_before_a_call_a_browser_is_told_what_may_be_sent(embedded: Clients) -> None:
    answer = preflight(embedded, "/devices", PORTAL, "GET")
    assert (answer.status_code, answer.headers[ALLOW]) == (204, PORTAL)
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert ALLOW not in preflight(embedded, "/devices", OTHER, "GET").headers


@pytest.mark.parametrize("name", ["sessionstart", "keepalive", "session-hide", "session_tracepath"])
def test_a_tracker_may_post_its_pings(embedded: Clients, name: str) -> None:
    answer = preflight(embedded, f"/api/v2/{name}", PORTAL, "POST")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert asked(embedded, "POST", f"/api/v2/{name}", PORTAL).headers[ALLOW] == PORTAL


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sessions/create"),
        ("DELETE", "/sessions/delete"),
        ("POST", "/auth/login"),
        ("POST", "/users"),
        ("PATCH", "/devices/AA:BB:CC:DD:EE:FF"),
        ("POST", "/presence/scans"),
        ("DELETE", "/api/v2/keepalive"),
    ],
)
def test_no_other_write_is_let_across(embedded: Clients, method: str, path: str) -> None:
    assert ALLOW not in preflight(embedded, path, PORTAL, method).headers
    assert ALLOW not in asked(embedded, method, path, PORTAL).headers


def test_only_the_embedded_pages_may_be_framed(embedded: Clients, app: Flask) -> None:
    with embedded.app.app_context():
        assert frame_ancestors("/embed/now") == f"frame-ancestors {PORTAL} http://10.0.0.5:8080"
        assert x_frame_options("/embed/now") is None
        assert (frame_ancestors("/devices"), x_frame_options("/devices")) == (
            "frame-ancestors 'none'",
            "DENY",
        )
    with app.app_context():
        assert (frame_ancestors("/embed/"), x_frame_options("/embed/")) == ("frame-ancestors 'none'", "DENY")


def test_pages_of_the_same_origin_may_frame_widgets_with_self(make_clients: Callable[..., Clients]) -> None:
    """A factory does not know the address that its machines will have."""
    with make_clients(EMBED_ORIGINS=f"self, {PORTAL}").app.app_context():
        assert frame_ancestors("/embed/now") == f"frame-ancestors 'self' {PORTAL}"
        assert x_frame_options("/embed/now") is None
        assert frame_ancestors("/ui/devices") == "frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("HTTPS://Portal.Example/", (PORTAL,)),
        ("https://portal.example:443 http://a:80", (PORTAL, "http://a")),
        ("http://[::1]:8000,http://localhost", ("http://[::1]:8000", "http://localhost")),
    ],
)
def test_origins_are_read_as_browsers_write_them(
    make_clients: Callable[..., Clients], text: str, origins: tuple[str, ...]
) -> None:
    settings = settings_of(make_clients(EMBED_ORIGINS=text).app)
    assert settings.embed_origins == origins


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*.example",
        "portal.example",
        "https://portal.example/x",
        "https://a@b",
        "null",
        "ftp://a",
        "https://",
        "https://a:b",
        "https://a;b",
        "https://a'b",
        "https://a:443:443",
    ],
)
def test_what_is_no_origin_stops_the_start(tmp_path: Any, text: str) -> None:
    with pytest.raises(InvalidSetting, match="is not an origin"):
        create_app({"INSTANCE": tmp_path, "EMBED_ORIGINS": text})
