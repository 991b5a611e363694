"""Contract 4 and 5: Canopsis' UI signs in by a form, with cookies; what a cookie write must come with."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from tests.support.application import PASSWORD, Clients
from tests.support.refusals import refused

FORM = "application/x-www-form-urlencoded"
LOGIN = {"username": "viewer", "password": PASSWORD, "json_response": "true"}
SELF = "http://localhost"


def sign_in(clients: Clients, body: str | bytes | None = None, **headers: str) -> TestResponse:
    """As the UI does, in a browser of its own."""
    sent = {"Content-Type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = urlencode(LOGIN) if body is None else body
    return clients.app.test_client().post("/auth", data=data, headers=sent)


def test_contract_5_a_form_signs_in_with_cookies(clients: Clients) -> None:
    browser = clients.app.test_client()
    answer = browser.post("/auth", data=urlencode(LOGIN), headers={"Content-Type": FORM})
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert browser.get("/auth/me").json["username"] == "viewer"
    # What the UI then does, by the browser's own word of where it is.
    word = {"Sec-Fetch-Site": "same-origin"}
    assert browser.get("/api/v2/sessionstart", headers=word).json == {"description": "Session Start"}
    ping = {"visible": True, "path": ["view", "tab"]}
    assert browser.post("/api/v2/keepalive", json=ping, headers=word).status_code == 200
    for name in ("session_hide", "session_tracepath", "session-hide"):
        left = browser.post(f"/api/v2/{name}", json={"path": ["view", "tab"]}, headers=word)
        assert left.json["description"] == "Session hide"


@pytest.mark.parametrize(
    ("content_type", "body", "sets_cookies"),
    [
        (FORM, urlencode({**LOGIN, "json_response": ""}), True),
        (f"{FORM}; charset=utf-8", urlencode(LOGIN), True),
        (FORM, urlencode({name: LOGIN[name] for name in ("username", "password")}), True),
        # curl -d says that JSON is a form.
        (FORM, json.dumps({"username": "viewer", "password": PASSWORD}), False),
        ("application/json", json.dumps({"username": "viewer", "password": PASSWORD}), False),
        ("application/json", json.dumps({**LOGIN, "json_response": True}), True),
    ],
)
def test_contract_5_a_form_and_json_are_told_apart(
    clients: Clients, content_type: str, body: str, sets_cookies: bool
) -> None:
    answer = sign_in(clients, body, Content_Type=content_type)
    assert answer.status_code == 200, answer.text
    assert bool(answer.headers.getlist("Set-Cookie")) is sets_cookies


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("username=viewer", {"password"}),
        (urlencode({**LOGIN, "colour": "red"}), {"colour"}),
        (urlencode(LOGIN) + "&username=admin", {"username"}),
        ("username=%ff&password=x", set()),
        (b"username=\xff&password=x", set()),
        ("&".join(f"a{n}=1" for n in range(50)), set()),
        ("[1]", {"[1]", "username", "password"}),
    ],
)
def test_contract_2_a_form_is_read_as_strictly(clients: Clients, body: str | bytes, fields: set[str]) -> None:
    answer = sign_in(clients, body)
    assert set(refused(answer, 400).get("errors", {})) == fields
    assert not answer.headers.getlist("Set-Cookie")


def test_contract_5_a_form_is_taken_nowhere_else(clients: Clients) -> None:
    for path in ("/auth/login", "/api/v2/keepalive"):
        answer = clients.viewer.call("POST", path, data=urlencode(LOGIN), headers={"Content-Type": FORM})
        refused(answer, 400)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": SELF}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Origin": SELF}, 403),
    ],
)
def test_a_foreign_page_s_form_signs_nobody_in(
    clients: Clients, headers: dict[str, str], status: int
) -> None:
    answer = sign_in(clients, **headers)
    assert answer.status_code == status
    assert bool(answer.headers.getlist("Set-Cookie")) is (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": SELF}, 200),
        ({"Origin": SELF}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        # Where the browser says which site, its word counts, not the origin.
        ({"Sec-Fetch-Site": "same-site", "Origin": SELF}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": SELF}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost.elsewhere.example"}, 403),
        ({"Referer": f"{SELF}/ui/now"}, 403),
        ({"X-CSRF-TOKEN": "wrong"}, 403),
        ({"X-CSRF-TOKEN": "wrong", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_contract_5_a_cookie_write_needs_the_csrf_token_or_the_browser_s_word(
    clients: Clients, method: str, headers: dict[str, str], status: int
) -> None:
    browser = clients.app.test_client()
    browser.post("/auth", data=urlencode(LOGIN), headers={"Content-Type": FORM})
    answer = browser.open("/api/v2/sessionstart", method=method, headers=headers)
    assert answer.status_code == status
    if status == 403:
        refused(answer, 403)


def test_contract_5_our_origin_is_the_one_that_a_trusted_proxy_has(make_clients: Any) -> None:
    browser = make_clients(TRUSTED_PROXIES="127.0.0.1").app.test_client()
    proxy = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "house.example", "Content-Type": FORM}
    signed_in = browser.post("/auth", data=urlencode(LOGIN), headers=proxy, base_url="https://house.example")
    assert signed_in.status_code == 200

    def start(origin: str) -> int:
        headers = {**proxy, "Origin": origin}
        answer = browser.post("/api/v2/sessionstart", headers=headers, base_url="https://house.example")
        return int(answer.status_code)

    assert start("https://house.example") == 200
    assert start("http://house.example") == 403
    assert start("https://localhost") == 403
