"""The web UI's pages from the server: who may see them, their headers, their files."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from time_machine import Traveller
from werkzeug.test import TestResponse

from sessiontrack.blueprints import web
from sessiontrack.web.bundle import Bundle
from sessiontrack.web.pages import PAGES
from tests.support.application import PASSWORD, Clients, LiveServer
from tests.support.rules import page_rules

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
NAVIGATION = {**BROWSER, "Sec-Fetch-Dest": "document"}
PARTS = {"mac:mac": "DA:41:7E:0C:93:5A", "uuid:session": "0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10"}


def addresses() -> list[str]:
    """An address of every page, with values for its parts."""
    return [re.sub("<(.*?)>", lambda part: PARTS[part[1]], f"/ui{page.path}") for page in PAGES]


@pytest.fixture
def window(clients: Clients) -> FlaskClient:
    """A client with a browser's cookies, not signed in."""
    return clients.app.test_client()


def sign_in(window: FlaskClient, username: str, **headers: str) -> TestResponse:
    body = {"username": username, "password": PASSWORD}
    return window.post("/auth/login?cookies=1", json=body, headers=headers)


@pytest.mark.parametrize("path", ["/", "/ui", "/ui/"])
def test_the_first_page_is_where_the_root_leads(window: FlaskClient, path: str) -> None:
    assert window.get(path).headers["Location"] == addresses()[0]


def test_contract_2_a_doubled_slash_is_not_the_root(live: LiveServer) -> None:
    assert live.server.call("GET", "/").status == 302
    assert live.server.call("GET", "//").json["error"] == "not_found"


@pytest.mark.parametrize("path", addresses())
def test_a_page_without_a_login_leads_to_the_login_page_and_back(window: FlaskClient, path: str) -> None:
    answer = window.get(f"{path}?q=a%26b&page=2", headers=BROWSER)
    assert answer.status_code == 302
    login = window.get(answer.headers["Location"])
    assert login.status_code == 200
    assert f'data-next="{path}?q=a%26b&amp;page=2"' in login.text
    sign_in(window, "admin")
    assert window.get(answer.headers["Location"]).headers["Location"] == f"{path}?q=a%26b&page=2"


@pytest.mark.parametrize("path", addresses())
def test_a_page_names_its_reader_its_element_and_the_files_it_needs(window: FlaskClient, path: str) -> None:
    sign_in(window, "admin")
    page = window.get(path, headers=BROWSER)
    assert page.status_code == 200
    assert 'data-user="admin" data-role="admin"' in page.text
    assert "<st-page-" in page.text
    files = re.findall(r'(?:src|href)="(/static/[^"]*)"', page.text)
    assert len(files) > 4
    for file in files:
        kept = window.get(file, buffered=True)
        assert kept.status_code == 200
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert window.get(file, headers={"If-None-Match": kept.headers["ETag"]}).status_code == 304


def test_pages_have_no_inline_script_or_style_and_say_so(window: FlaskClient) -> None:
    pages = [window.get("/ui/login"), window.get("/ui/nothing", headers=BROWSER)]
    sign_in(window, "admin")
    pages += [window.get(path) for path in addresses()]
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert re.findall(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", page.text) == []


def test_a_page_needs_its_role(window: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(window, "viewer")
    for page, path in zip(PAGES, addresses(), strict=True):
        assert window.get(path, headers=BROWSER).status_code == (200 if page.role == "viewer" else 403)


def test_a_login_whose_access_token_has_run_out_still_sees_pages(
    window: FlaskClient, clock: Traveller
) -> None:
    sign_in(window, "viewer")
    clock.shift(901)
    assert window.get(addresses()[0]).status_code == 200
    clock.shift(2_592_000)
    assert window.get(addresses()[0]).status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/ui/",
        "/ui//elsewhere.example",
        "/\\elsewhere.example",
        "/ui/\\elsewhere.example",
        "javascript:alert(1)",
        "/ui/\r\nSet-Cookie: a=b",
        "/auth/logout",
        "",
    ],
)
def test_signing_in_never_leads_elsewhere(window: FlaskClient, target: str) -> None:
    assert 'data-next="/ui/"' in window.get("/ui/login", query_string={"next": target}).text
    sign_in(window, "viewer")
    assert window.get("/ui/login", query_string={"next": target}).headers["Location"] == "/ui/"


def test_the_login_page_says_where_the_first_password_is_while_it_is_in_use(
    window: FlaskClient, clients: Clients
) -> None:
    assert "initial-admin-password" not in window.get("/ui/login").text
    folder = Path(clients.app.instance_path)
    (folder / "initial-admin-password").write_text("a secret word")
    page = window.get("/ui/login").text
    assert f"cat {folder.name}/initial-admin-password" in page
    assert "a secret word" not in page
    clients.admin.ok("PATCH", "/users/operator", {"role": "admin"})
    clients.admin.ok("PATCH", "/users/admin", {"disabled": True})
    assert "initial-admin-password" not in window.get("/ui/login").text


@pytest.mark.parametrize("path", ["/ui/nothing", "/ui/devices/nothing/nothing", "/nothing"])
def test_whoever_opens_a_wrong_address_in_a_browser_sees_a_page(window: FlaskClient, path: str) -> None:
    page = window.get(path, headers=NAVIGATION)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is nothing here" in page.text
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        assert window.get(path, headers=headers).get_json()["error"] == "not_found"
    assert window.post(path, headers=NAVIGATION).mimetype == "application/json"


@pytest.mark.parametrize(
    "path", ["/devices/nothing", "/devices", "/sessions/list?limit=0", "/static/nothing"]
)
def test_contract_2_a_call_answers_json_to_browsers_too(clients: Clients, path: str) -> None:
    assert clients.nobody.call("GET", path, headers=NAVIGATION).mimetype == "application/json"


def test_a_fault_of_ours_is_a_page_that_tells_nothing_of_the_inside(
    window: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(web, "identify", broken)
    page = window.get(addresses()[0], headers=BROWSER)
    assert (page.status_code, page.mimetype) == (500, "text/html")
    assert "Something went wrong" in page.text
    assert "inside" not in page.text


@pytest.mark.parametrize(
    "path", ["/static/../config.py", "/static/%2e%2e/bundle.py", "/static/", "/static//etc/passwd"]
)
def test_files_of_the_bundle_alone_are_served(window: FlaskClient, path: str) -> None:
    assert window.get(path).status_code == 404


def test_what_has_no_hash_in_its_name_is_asked_for_again(window: FlaskClient) -> None:
    answer = window.get("/static/licenses.txt", buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_without_the_bundle_a_page_says_what_to_do(
    window: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "bundle", Bundle(tmp_path))
    for path in ("/ui/login", "/ui/nothing"):
        page = window.get(path, headers=BROWSER)
        assert page.status_code == 503
        assert "make web" in page.text
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert window.get("/static/licenses.txt").status_code == 404
    assert window.get("/healthz").status_code == 200


def test_a_bundle_built_later_is_found(
    window: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "bundle", Bundle(tmp_path))
    assert window.get("/ui/login").status_code == 503
    (tmp_path / "manifest.json").write_bytes((web.Bundle().folder / "manifest.json").read_bytes())
    assert window.get("/ui/login").status_code == 200


@pytest.mark.parametrize(
    ("accepted", "cookie", "language"),
    [
        ("fr-CH, en;q=0.9", "", "fr"),
        ("it, de-AT;q=0.9", "", "de"),
        ("it", "", "en"),
        ("", "", "en"),
        ("en", "fr", "fr"),
        ("fr", "de", "de"),
        ("fr", "xx", "fr"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(
    window: FlaskClient, accepted: str, cookie: str, language: str
) -> None:
    window.set_cookie("sessiontrack_language", cookie)
    page = window.get("/ui/login", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}"' in page
    assert ("Se connecter" in page) is (language == "fr")
    assert ("Kennwort" in page) is (language == "de")


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("", "auto"), ('"><b>', "auto")]
)
def test_the_theme_is_there_before_any_script(window: FlaskClient, cookie: str, theme: str) -> None:
    window.set_cookie("sessiontrack_theme", cookie)
    assert f' data-theme="{theme}"' in window.get("/ui/login").text


def test_below_a_sub_path_everything_stays_below_it(make_clients: Callable[..., Clients]) -> None:
    window = make_clients(TRUSTED_PROXIES="127.0.0.1").app.test_client(use_cookies=False)
    headers = {**BROWSER, "X-Forwarded-Prefix": "/sub"}
    assert window.get("/", headers=headers).headers["Location"] == f"/sub{addresses()[0]}"
    login = sign_in(window, "viewer", **{"X-Forwarded-Prefix": "/sub"})
    cookies = login.headers.getlist("Set-Cookie")
    assert len(cookies) == 4
    assert all("; Path=/sub" in cookie for cookie in cookies)
    sent = "; ".join(cookie.split(";")[0] for cookie in cookies)
    page = window.get(addresses()[0], headers={**headers, "Cookie": sent})
    assert page.status_code == 200
    addressed = re.findall(r'(?:src|href|data-base)="(/[^"]*)"', page.text)
    assert addressed
    assert [each for each in addressed if not each.startswith("/sub")] == []


def test_every_page_is_in_the_table(clients: Clients) -> None:
    own = {"web.home", "web.login", "web.static", "web.embed"}
    assert {rule.endpoint for rule in page_rules(clients.app)} == own | {f"web.{page.name}" for page in PAGES}


def test_each_page_has_a_name_for_those_who_read_what_people_looked_at() -> None:
    """Page views are stored by a page's name; `views.js` says which text is its name."""
    text = (Path(web.__file__).parents[1] / "web/browser/elements/views.js").read_text("utf-8")
    named = {
        name
        for line in re.findall(r"^const \w+ = \[(.*)\];$", text, re.M)
        for name in re.findall(r'"([\w-]+)"', line)
    }
    assert named == {page.name for page in PAGES}
