"""The nginx site of `deploy/`: a real nginx before the real server, at the root and below a path."""

import gzip
import http.client
import json
import re
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sessiontrack.deployment.files import ANSWERS, render
from tests.support.application import PASSWORD
from tests.support.nginx import Nginx
from tests.support.server import Answer, Server, free_port
from tests.support.waiting import SECONDS, join, wait_until
from tests.support.web import TIMEOUT, wait_in

LOGIN = {"username": "viewer", "password": PASSWORD}
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9",
    "X-Request-Id": "forged-by-the-client",
}


@pytest.fixture(scope="module", params=["", "/sessiontrack"], ids=["plain", "sub-path"])
def site(
    request: pytest.FixtureRequest,
    template: tuple[Path, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Nginx, Server, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(template[0], folder / "instance")
    settings = {"TRUSTED_PROXIES": "127.0.0.1", "LOG": "json", "METRICS_ALLOW": "127.0.0.2"}
    with (
        Server(folder / "instance", **settings) as server,
        Nginx(folder / "nginx", server.port, request.param) as nginx,
    ):
        yield nginx, server, template[1]


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]


def line_of(server: Server, answer: Answer) -> dict[str, Any]:
    """The log line of a request; it is written after the answer was sent."""
    found = wait_until(
        lambda: [each for each in lines(server) if each.get("id") == answer.headers["X-Request-Id"]],
        lambda: f"the request's line: {server.output()}",
    )
    return found[0]


def assert_ours(answer: Answer, status: int, code: str) -> None:
    """Check for an error in the contract's shape, from nginx or from the server."""
    assert answer.status == status, answer.raw
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json) - {"errors"} == {"success", "error", "message"}
    assert (answer.json["success"], answer.json["error"]) == (False, code)
    assert len(answer.headers.get_all("X-Request-Id") or []) == 1


def test_nginx_finds_the_files_right(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    checked = site[0].check()
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


def test_calls_of_every_kind_get_through(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    nginx, _, tokens = site
    session = {"mac": "AA:BB:CC:DD:EE:FF", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}
    assert nginx.call("POST", "/sessions/create", session, tokens["operator"]).status == 200
    assert nginx.call("GET", "/sessions/AA:BB:CC:DD:EE:FF?period=all", token=tokens["viewer"]).json[
        "sessions"
    ]
    assert (
        nginx.call("GET", "/sessions/aa%3Abb%3Acc%3Add%3Aee%3Aff?period=1+day", token=tokens["viewer"]).status
        == 200
    )
    assert_ours(nginx.call("GET", "/auth/me"), 401, "unauthorized")
    assert (
        nginx.call("DELETE", "/sessions/delete", {"mac": session["mac"]}, tokens["operator"]).json["deleted"]
        == 1
    )


def test_links_and_cookies_are_those_of_the_site(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    nginx, _, tokens = site
    answer = nginx.call("GET", "/auth/tokens?limit=1", token=tokens["admin"])
    assert answer.headers["Link"].startswith(f"<{nginx.prefix}/auth/tokens?")
    answer = nginx.call("POST", "/auth/login?cookies=1", LOGIN)
    cookies = answer.headers.get_all("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)


def test_nothing_that_a_client_forges_gets_through(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    nginx, server, tokens = site
    answer = nginx.call("GET", "/auth/tokens?limit=1", token=tokens["admin"], **FORGED)
    assert answer.headers["Link"].startswith(f"<{nginx.prefix}/auth/tokens?")
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert answer.headers.get_all("X-Request-Id") == [answer.headers["X-Request-Id"]]
    line = line_of(server, answer)
    assert line["address"] == "127.0.0.1"
    assert (line["user"], line["method"], line["path"], line["status"]) == (
        "admin",
        "GET",
        "/auth/tokens",
        200,
    )
    # Nor does a forged client address open the allow-list of /metrics.
    assert_ours(nginx.call("GET", "/metrics", **{"X-Forwarded-For": "127.0.0.2"}), 401, "unauthorized")


def test_without_nginx_in_between_only_the_trusted_are_believed(
    site: tuple[Nginx, Server, dict[str, str]],
) -> None:
    _, server, tokens = site
    # This client has a trusted address itself, so the server would trust the headers that nginx removes.
    answer = server.call("GET", "/auth/tokens?limit=1", token=tokens["admin"], **FORGED)
    assert answer.headers["Link"].startswith("</evil/auth/tokens?")
    assert answer.headers["X-Request-Id"] == FORGED["X-Request-Id"]


@pytest.fixture
def own_nginx(site: tuple[Nginx, Server, dict[str, str]], tmp_path: Path) -> Iterator[Nginx]:
    """Another nginx before that server, because nginx counts logins itself, and forgets them slowly."""
    nginx = Nginx(tmp_path / "nginx", site[1].port, site[0].prefix)
    path = nginx.folder / "http.conf"
    path.write_text(path.read_text().replace("rate=1r/s", "rate=1r/m"))
    with nginx:
        yield nginx


def test_logins_in_quick_succession_are_429_and_others_are_not_concerned(
    site: tuple[Nginx, Server, dict[str, str]], own_nginx: Nginx
) -> None:
    nginx, (_, server, tokens) = own_nginx, site
    before = len([each for each in lines(server) if each.get("path") == "/auth/login"])
    answers: list[Answer] = []

    def attempt() -> None:
        answers.append(nginx.call("POST", "/auth/login", {"username": "operator", "password": "x"}))

    threads = [threading.Thread(target=attempt) for _ in range(40)]
    for thread in threads:
        thread.start()
    join(*threads)
    refused = [answer for answer in answers if answer.status == 429 and answer.headers["Server"] == "nginx"]
    by_nginx = 40 - (len([each for each in lines(server) if each.get("path") == "/auth/login"]) - before)
    assert by_nginx >= 15
    for answer in refused:
        assert_ours(answer, 429, "rate_limited")
        assert int(answer.headers["Retry-After"]) > 0
    assert nginx.call("GET", "/auth/me", token=tokens["viewer"]).status == 200


def test_a_body_over_the_limit_is_413_by_nginx(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    nginx, _, tokens = site
    too_long = b"x" * (16 * 1024 * 1024 + 1)
    try:
        answer = nginx.call("POST", "/presence/scans", too_long, tokens["operator"])
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        # nginx may hang up before the whole body was sent.
        answer = raw(
            nginx, f"POST {nginx.prefix}/presence/scans HTTP/1.1", f"Content-Length: {len(too_long)}"
        )
    assert_ours(answer, 413, "payload_too_large")
    if not nginx.prefix:
        assert len(answer.headers.get_all("Strict-Transport-Security") or []) == 1
    # A body of exactly the limit reaches the server.
    answer = nginx.call("POST", "/presence/scans", too_long[:-1], tokens["operator"])
    assert_ours(answer, 400, "bad_request")


def raw(nginx: Nginx, request_line: str, *headers: str) -> Answer:
    """Send a request written by hand."""
    context = ssl.create_default_context(cafile=str(nginx.folder / "certificate"))
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", nginx.port), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=nginx.host) as connection,
    ):
        head = [request_line, f"Host: {nginx.host}", *headers, "", ""]
        connection.sendall("\r\n".join(head).encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Answer(response.status, response.headers, response.read())


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /{} HTTP/1.1".format("x" * 9000), [], 414),
        ("GET /healthz HTTP/1.1", ["X-Long: " + "x" * 9000], 431),
        ("GET /healthz HTTP/1.1", ["Content-Length: x"], 400),
        ("GET /healthz HTTP/1.1", ["Transfer-Encoding: nonsense"], 400),
        ("TRACE /healthz HTTP/1.1", [], 405),
        ("GET /.unreadable/400 HTTP/1.1", [], 404),
    ],
    ids=["address", "header", "length", "encoding", "method", "internal"],
)
# Below a sub-path such a request belongs to the other site.
@pytest.mark.parametrize("site", [""], ids=["plain"], indirect=True)
def test_what_nginx_cannot_read_has_the_body_of_every_error(
    site: tuple[Nginx, Server, dict[str, str]], line: str, headers: list[str], status: int
) -> None:
    codes = {404: "not_found", 405: "method_not_allowed"}
    assert_ours(raw(site[0], line, *headers), status, codes.get(status, "bad_request"))


def test_long_answers_are_compressed_and_those_with_secrets_are_not(
    site: tuple[Nginx, Server, dict[str, str]],
) -> None:
    nginx, _, _ = site
    answer = nginx.call("GET", "/openapi.json", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.raw))["openapi"]
    answer = nginx.call("POST", "/auth/login", LOGIN, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_a_sub_path_leaves_the_rest_of_the_site_alone(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    nginx = site[0]
    if not nginx.prefix:
        assert nginx.call("GET", "/healthz").headers["Strict-Transport-Security"]
        return
    nginx.prefix = ""
    try:
        assert nginx.call("GET", "/healthz").raw == b"another site\n"
        assert nginx.call("GET", "/sessiontrack").headers["Location"].endswith("/sessiontrack/")
        assert nginx.call("GET", "/sessiontracker").raw == b"another site\n"
    finally:
        nginx.prefix = "/sessiontrack"


@pytest.mark.parametrize("prefix", ["", "/sessiontrack"])
def test_a_server_that_is_away_or_silent_is_told_in_json(tmp_path: Path, prefix: str) -> None:
    with Nginx(tmp_path / "away", free_port(), prefix) as nginx:
        answer = nginx.call("GET", "/healthz")
        assert_ours(answer, 502, "server_error")
        assert int(answer.headers["Retry-After"]) > 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nginx = Nginx(tmp_path / "silent", silent.getsockname()[1], prefix)
        path = nginx.folder / "locations.conf"
        # The test need not wait a minute.
        path.write_text(path.read_text().replace("proxy_read_timeout 60s", "proxy_read_timeout 100ms"))
        with nginx:
            assert_ours(nginx.call("GET", "/healthz"), 504, "server_error")


def test_without_tls_a_browser_is_sent_on_and_a_program_is_told(tmp_path: Path) -> None:
    with Nginx(tmp_path / "nginx", free_port()) as nginx:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=SECONDS)
        connection.request("GET", "/x?y=1", headers={"Host": nginx.host, "Accept": "text/html,*/*"})
        response = connection.getresponse()
        response.read()
        assert (response.status, response.headers["Location"]) == (301, f"https://{nginx.host}/x?y=1")
        connection.request("POST", "/auth/login", b"{}", {"Host": nginx.host})
        response = connection.getresponse()
        assert response.status == 403
        assert json.loads(response.read())["error"] == "forbidden"
        connection.close()


def test_no_body_can_end_the_string_that_it_is_in(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    bodies = re.findall(r"return (\d+) '(.*)';", render("nginx/locations.conf", site[0].choices))
    assert {int(status) for status, _ in bodies} <= set(ANSWERS.values())
    for _, body in bodies:
        assert json.loads(body)["success"] is False
        assert not set("'$\\") & set(body)


def put(page: Page, address: str, script: str) -> None:
    """A page of another product at that address, which loads the module."""
    html = f'<!doctype html><title>A product</title><script type="module">{script}</script>'
    page.route(address, lambda route: route.fulfill(content_type="text/html", body=html))


def test_the_tracker_goes_through_it_with_the_logins_cookies_or_a_token(
    site: tuple[Nginx, Server, dict[str, str]], browser: Browser
) -> None:
    nginx, _, tokens = site
    root = f"https://127.0.0.1:{nginx.port}"
    cases: list[tuple[str, str, dict[str, str]]] = [
        (f"{nginx.prefix}/product", "viewer", {}),
        # Cookies are limited to the sub-path; pages beside it use a token.
        ("/beside", "operator", {"token": tokens["operator"]}),
    ]
    with closing(browser.new_context(ignore_https_errors=True)) as context:
        assert context.request.post(f"{root}{nginx.prefix}/auth/login?cookies=1", data=LOGIN).ok
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        for path, username, options in cases:
            script = (
                f"import {{ track }} from '{nginx.prefix}/static/tracker.js'; track({json.dumps(options)})"
            )
            put(page, f"{root}{path}", script)
            with page.expect_response(f"{root}{nginx.prefix}/api/v2/keepalive") as pinged:
                page.goto(f"{root}{path}")
            assert pinged.value.status == 200
            # Leave the page, which sends a last ping.
            page.goto("about:blank")
            asked = f"/api/v2/sessions?usernames[]={username}"
            wait_in(
                page,
                lambda asked=asked, path=path: (  # type: ignore[misc]
                    nginx.call("GET", asked, token=tokens["viewer"]).json[0]["last_visible_path"] == [path]
                ),
                f"{path} in sight",
            )


def test_hsts_is_sent_once(site: tuple[Nginx, Server, dict[str, str]]) -> None:
    answer = site[0].call("GET", "/healthz")
    assert len(answer.headers.get_all("Strict-Transport-Security") or []) == 1
