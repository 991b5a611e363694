"""Signing in and out, refreshing, API tokens and cookies (contract 5)."""

import json
import logging
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from time_machine import Traveller
from werkzeug.test import TestResponse

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.process import request_log
from sessiontrack.services import api_tokens, logins, users
from tests.support.application import NOW, PASSWORD, Clients
from tests.support.refusals import refused

RIGHT = {"username": "viewer", "password": PASSWORD}
CSRF = "X-CSRF-TOKEN"


@pytest.mark.parametrize("url", ["/auth/login", "/auth"])
def test_contract_5_login_and_its_alias_answer_the_tokens(clients: Clients, url: str) -> None:
    response = clients.nobody.post(url, RIGHT)
    assert response.status_code == 200
    tokens = response.json
    assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.getlist("Set-Cookie") == []
    me = clients.with_token(tokens["access_token"]).ok("GET", "/auth/me")
    assert me == {"username": "viewer", "role": "viewer", "kind": "login"}


def test_contract_2_a_login_body_is_json_whatever_its_content_type(clients: Clients) -> None:
    response = clients.nobody.call(
        "POST", "/auth/login", data=json.dumps(RIGHT), content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 200


@pytest.mark.parametrize("url", ["/auth/login", "/auth"])
@pytest.mark.parametrize(
    "body",
    [
        {"username": "viewer", "password": "wrong"},
        {"username": "viewer", "password": PASSWORD + " "},
        {"username": "viewer", "password": PASSWORD.upper()},
        {"username": "Viewer", "password": PASSWORD},
        {"username": "viewer ", "password": PASSWORD},
        {"username": "nobody", "password": PASSWORD},
        {"username": "viewer' OR '1'='1", "password": PASSWORD},
        {"username": "viewer", "password": "x\x00"},
    ],
)
def test_contract_5_a_wrong_name_or_password_has_one_answer(
    clients: Clients, url: str, body: dict[str, str]
) -> None:
    expected = "The user name or the password is wrong."
    assert refused(clients.nobody.post(url, body), 401)["message"] == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "viewer"}, "password"),
        ({"password": PASSWORD}, "username"),
        ({"username": "", "password": PASSWORD}, "username"),
        ({"username": "viewer", "password": ""}, "password"),
        ({"username": "a" * 65, "password": PASSWORD}, "username"),
        ({"username": "viewer", "password": "a" * 1025}, "password"),
        ({"username": ["viewer"], "password": PASSWORD}, "username"),
        ({"username": "viewer", "password": {"$ne": ""}}, "password"),
        ({"username": None, "password": PASSWORD}, "username"),
        ({"username": "vie\nwer", "password": PASSWORD}, "username"),
        ({**RIGHT, "role": "admin"}, "role"),
        ({**RIGHT, "user_id": 1}, "user_id"),
        ({**RIGHT, "is_admin": True}, "is_admin"),
    ],
)
def test_contract_2_a_login_body_with_wrong_or_unknown_fields_is_refused(
    clients: Clients, body: object, field: str
) -> None:
    found = refused(clients.nobody.post("/auth/login", body), 400)
    assert field in found["errors"]
    assert PASSWORD not in json.dumps(found)


@pytest.mark.usefixtures("real_hashes")
@pytest.mark.parametrize("known", [True, False])
def test_a_name_that_does_not_exist_costs_a_hash_too(
    clients: Clients, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def check(stored: str, password: str) -> bool:
        checked.append((stored, password))
        return True

    monkeypatch.setattr(users, "check_password_hash", check)
    name = "viewer" if known else "nobody"
    status = clients.nobody.post("/auth/login", {"username": name, "password": "p"}).status_code
    assert status == (200 if known else 401)
    ((stored, password),) = checked
    assert password == "p"
    assert known or stored.startswith("scrypt:32768:8:3$")


def test_a_disabled_user_gets_the_answer_of_a_wrong_password(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        users.disable_user(tx, NOW, "viewer", 300)
    wrong = refused(clients.nobody.post("/auth/login", {**RIGHT, "password": "x"}), 401)
    assert refused(clients.nobody.post("/auth/login", RIGHT), 401) == wrong


def test_a_password_changed_while_it_is_checked_lets_nobody_in(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_meanwhile(stored_hash: str, password: str) -> bool:
        with write_transaction() as tx:
            users.set_password(tx, NOW, "viewer", "another hash", 300)
        return True

    monkeypatch.setattr(users, "is_password", change_meanwhile)
    refused(clients.nobody.post("/auth/login", RIGHT), 401)
    assert clients.admin.ok("GET", "/api/v2/sessions") == []


@pytest.mark.parametrize("change", ["password", "disabled", "removed"])
def test_no_login_opens_for_what_was_found_before_a_change(clients: Clients, change: str) -> None:
    with clients.app.app_context():
        with read_transaction() as tx:
            user_id, stored_hash, _ = logins.find_password(tx, "viewer") or (0, "", None)
        with write_transaction() as tx:
            if change == "password":
                users.set_password(tx, NOW, "viewer", "another hash", 300)
            elif change == "disabled":
                users.disable_user(tx, NOW, "viewer", 300)
            else:
                users.remove_user(tx, NOW, "viewer", 300)
            assert logins.open_login(tx, NOW, user_id, stored_hash, "127.0.0.1", NOW + 60) is None


def test_contract_5_refresh_answers_new_tokens_of_the_same_family(clients: Clients, clock: Traveller) -> None:
    first = clients.log_in("viewer")
    clock.shift(10)
    second = clients.with_token(first["refresh_token"]).ok("POST", "/auth/refresh")
    assert set(second) == set(first)
    assert second["access_token"] != first["access_token"]
    assert clients.with_token(second["access_token"]).ok("GET", "/auth/me")["username"] == "viewer"
    clients.with_token(second["access_token"]).ok("POST", "/auth/logout")
    for token in (first["access_token"], second["access_token"]):
        refused(clients.with_token(token).get("/auth/me"), 401)
    for token in (first["refresh_token"], second["refresh_token"]):
        refused(clients.with_token(token).post("/auth/refresh"), 401)


def test_contract_5_a_login_lives_as_long_as_it_is_refreshed(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(ACCESS_TOKEN_SECONDS=60, REFRESH_TOKEN_SECONDS=600)
    tokens = clients.log_in("viewer")
    assert tokens["expires_in"] == 60
    for _ in range(3):
        clock.shift(599)
        refused(clients.with_token(tokens["access_token"]).get("/auth/me"), 401)
        # Somebody else's login clears away what is over.
        clients.log_in("operator")
        tokens = clients.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
        clients.with_token(tokens["access_token"]).ok("GET", "/auth/me")
    clock.shift(600)
    refused(clients.with_token(tokens["refresh_token"]).post("/auth/refresh"), 401)


def test_contract_5_logout_revokes_one_family_and_no_other(clients: Clients) -> None:
    leaving, staying = clients.log_in("viewer"), clients.log_in("viewer")
    answer = clients.with_token(leaving["access_token"]).ok("POST", "/auth/logout")
    assert answer["success"] is True
    refused(clients.with_token(leaving["access_token"]).get("/auth/me"), 401)
    refused(clients.with_token(leaving["access_token"]).post("/auth/logout"), 401)
    refused(clients.with_token(leaving["refresh_token"]).post("/auth/refresh"), 401)
    clients.with_token(staying["access_token"]).ok("GET", "/auth/me")
    clients.with_token(staying["refresh_token"]).ok("POST", "/auth/refresh")


def test_contract_5_me_tells_name_role_and_kind(clients: Clients) -> None:
    for name, client in [
        ("admin", clients.admin),
        ("operator", clients.operator),
        ("viewer", clients.viewer),
    ]:
        assert client.ok("GET", "/auth/me") == {"username": name, "role": name, "kind": "token"}
    refused(clients.nobody.get("/auth/me"), 401)


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_contract_2_refresh_and_logout_take_no_field(clients: Clients, path: str) -> None:
    tokens = clients.log_in("viewer")
    client = clients.with_token(tokens["refresh_token" if "refresh" in path else "access_token"])
    assert "role" in refused(client.post(path, {"role": "admin"}), 400)["errors"]
    client.ok("POST", path)


class Browser:
    """A client that keeps cookies as a browser does, and sends of them what its test says."""

    def __init__(self, clients: Clients, **environ: str) -> None:
        self.flask = clients.app.test_client()
        self.environ = environ
        self.response = self.call("POST", "/auth/login?cookies=1", json=RIGHT)
        assert self.response.status_code == 200

    def call(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        environ = {f"HTTP_{name}": value for name, value in self.environ.items()}
        return self.flask.open(path, method=method, environ_overrides=environ, **kwargs)

    def csrf(self, kind: str) -> str:
        cookie = self.flask.get_cookie(f"sessiontrack_{kind}_csrf")
        assert cookie is not None
        return cookie.value


def attributes(response: TestResponse) -> dict[str, Any]:
    return {
        name: morsel
        for line in response.headers.getlist("Set-Cookie")
        for name, morsel in SimpleCookie(line).items()
    }


def test_contract_5_cookies_are_httponly_and_same_site(clients: Clients) -> None:
    made = attributes(Browser(clients).response)
    assert set(made) == {
        f"sessiontrack_{kind}{csrf}" for kind in ("access", "refresh") for csrf in ("", "_csrf")
    }
    for name, morsel in made.items():
        # Scripts must read the CSRF token, and nothing else.
        assert bool(morsel["httponly"]) is not name.endswith("_csrf")
        assert morsel["samesite"] == "Lax"
        assert morsel["path"] == "/"
        assert not morsel["domain"]
        assert not morsel["secure"]


def test_contract_5_cookies_are_secure_behind_tls_only(make_clients: Callable[..., Clients]) -> None:
    believed = Browser(make_clients(TRUSTED_PROXIES="127.0.0.1"), X_FORWARDED_PROTO="https")
    assert [bool(each["secure"]) for each in attributes(believed.response).values()] == [True] * 4
    forged = Browser(make_clients(), X_FORWARDED_PROTO="https")
    assert [bool(each["secure"]) for each in attributes(forged.response).values()] == [False] * 4


BASE = "sessiontrack_access"


@pytest.mark.parametrize(("prefix", "path", "name"), [("", "/", "__Host-"), ("/sub", "/sub", "__Secure-")])
def test_behind_tls_cookies_can_be_set_by_nobody_else(
    make_clients: Callable[..., Clients], prefix: str, path: str, name: str
) -> None:
    clients = make_clients(TRUSTED_PROXIES="127.0.0.1")
    tls = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": prefix}
    made = attributes(clients.nobody.post("/auth/login?cookies=1", RIGHT, headers=tls))
    assert set(made) == {
        f"{name}sessiontrack_{kind}{csrf}" for kind in ("access", "refresh") for csrf in ("", "_csrf")
    }
    for morsel in made.values():
        assert (morsel["path"], bool(morsel["secure"]), morsel["domain"]) == (path, True, "")
    token = made[f"{name}{BASE}"].value
    right = {**tls, "Cookie": f"{name}{BASE}={token}"}
    assert clients.nobody.call("GET", "/auth/me", headers=right).json["username"] == "viewer"
    # Under a name that anybody between here and the browser could have set, it lets nobody in.
    for wrong in (BASE, f"{'__Secure-' if name == '__Host-' else '__Host-'}{BASE}"):
        refused(clients.nobody.call("GET", "/auth/me", headers={**tls, "Cookie": f"{wrong}={token}"}), 401)
    refused(clients.nobody.call("GET", "/auth/me", headers={"Cookie": right["Cookie"]}), 401)
    csrf = {CSRF: made[f"{name}{BASE}_csrf"].value}
    gone = clients.nobody.call("POST", "/auth/logout", headers={**right, **csrf})
    assert set(attributes(gone)) == set(made)
    assert {morsel["path"] for morsel in attributes(gone).values()} == {path}


def test_signing_in_again_ends_the_login_whose_cookies_are_replaced(clients: Clients) -> None:
    browser = Browser(clients)
    first = browser.flask.get_cookie(BASE)
    assert first is not None
    others = Browser(clients)
    # Nobody gets a login that was there before: not their own, and none that was planted.
    assert browser.call("POST", "/auth/login?cookies=1", json=RIGHT).status_code == 200
    second = browser.flask.get_cookie(BASE)
    assert second is not None
    assert second.value != first.value
    refused(clients.with_token(first.value).get("/auth/me"), 401)
    clients.with_token(second.value).ok("GET", "/auth/me")
    assert others.call("GET", "/auth/me").status_code == 200
    assert [each["active"] for each in clients.admin.ok("GET", "/api/v2/sessions")].count(True) == 2
    # A failed attempt ends nothing, and neither does a login without cookies.
    refused(browser.call("POST", "/auth/login?cookies=1", json={**RIGHT, "password": "x"}), 401)
    assert browser.call("POST", "/auth/login", json=RIGHT).status_code == 200
    assert browser.call("GET", "/auth/me").status_code == 200


def test_a_planted_cookie_is_replaced_when_signing_in(clients: Clients) -> None:
    planted = clients.log_in("viewer")
    browser = clients.app.test_client()
    browser.set_cookie(BASE, planted["access_token"])
    browser.set_cookie("sessiontrack_refresh", planted["refresh_token"])
    right = {"username": "admin", "password": PASSWORD}
    assert browser.post("/auth/login?cookies=1", json=right).status_code == 200
    assert browser.get("/auth/me").json == {"username": "admin", "role": "admin", "kind": "login"}
    refused(clients.with_token(planted["access_token"]).get("/auth/me"), 401)


def test_a_page_of_another_site_signs_nobody_in(clients: Clients) -> None:
    sent = {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    response = clients.nobody.post("/auth/login?cookies=1", RIGHT, headers=sent)
    refused(response, 403)
    assert response.headers.getlist("Set-Cookie") == []
    # Without cookies there is nothing to plant.
    assert clients.nobody.post("/auth/login", RIGHT, headers=sent).status_code == 200
    for site in ("same-origin", "same-site", "none"):
        response = clients.nobody.post("/auth/login?cookies=1", RIGHT, headers={"Sec-Fetch-Site": site})
        assert response.status_code == 200


def test_a_login_ends_with_its_lifetime_however_often_it_is_refreshed(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(REFRESH_TOKEN_SECONDS=600, LOGIN_LIFETIME_SECONDS=1000)
    tokens = clients.log_in("viewer")
    clock.shift(500)
    tokens = clients.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
    clock.shift(499)
    clients.with_token(tokens["access_token"]).ok("GET", "/auth/me")
    tokens = clients.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
    clients.with_token(tokens["access_token"]).ok("GET", "/auth/me")
    clock.shift(1)
    refused(clients.with_token(tokens["access_token"]).get("/auth/me"), 401)
    refused(clients.with_token(tokens["refresh_token"]).post("/auth/refresh"), 401)


def test_a_lifetime_shorter_than_a_refresh_token_counts_from_the_start(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(REFRESH_TOKEN_SECONDS=600, LOGIN_LIFETIME_SECONDS=60)
    tokens = clients.log_in("viewer")
    clock.shift(60)
    refused(clients.with_token(tokens["access_token"]).get("/auth/me"), 401)
    refused(clients.with_token(tokens["refresh_token"]).post("/auth/refresh"), 401)


@pytest.mark.parametrize("query", ["", "?cookies=0"])
def test_contract_5_no_cookies_unless_asked_for(clients: Clients, query: str) -> None:
    assert clients.nobody.post(f"/auth/login{query}", RIGHT).headers.getlist("Set-Cookie") == []


@pytest.mark.parametrize("query", ["cookies=2", "cookies=yes", "cookie=1"])
def test_contract_2_wrong_parameters_of_login_are_refused(clients: Clients, query: str) -> None:
    refused(clients.nobody.post(f"/auth/login?{query}", RIGHT), 400)


def test_contract_2_reads_by_cookie_need_no_csrf_token(clients: Clients) -> None:
    browser = Browser(clients)
    for path in ("/auth/me", "/sessions/list", "/api/v2/sessions", "/api/v2/session-hide"):
        assert browser.call("GET", path).status_code == 200


WRITES = [
    ("POST", "/api/v2/sessionstart", None),
    ("GET", "/api/v2/sessionstart", None),
    ("POST", "/api/v2/keepalive", {"visible": False}),
    ("POST", "/api/v2/session-hide", {"path": "a"}),
    ("POST", "/api/v2/session_tracepath", {"path": "a"}),
    ("POST", "/auth/logout", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_contract_2_every_write_by_cookie_needs_its_csrf_token(
    clients: Clients, method: str, path: str, body: object
) -> None:
    browser = Browser(clients)
    before = clients.admin.ok("GET", "/api/v2/sessions")
    kwargs = {} if body is None else {"json": body}
    others = Browser(clients).csrf("access")
    right = browser.csrf("access")
    clients.app.extensions["sessiontrack.verified_tokens"].clear()
    for wrong in (None, "", "x", "\0", "é", right[:-1], right + "x", browser.csrf("refresh"), others):
        headers = {} if wrong is None else {CSRF: wrong}
        refused(browser.call(method, path, headers=headers, **kwargs), 403)
    assert before == clients.admin.ok("GET", "/api/v2/sessions")[-len(before) :]
    assert browser.call(method, path, headers={CSRF: right}, **kwargs).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/auth/tokens"), ("DELETE", "/auth/tokens/1"), ("POST", "/sessions/create")],
)
def test_contract_2_the_csrf_token_comes_before_the_role(clients: Clients, method: str, path: str) -> None:
    message = refused(Browser(clients).call(method, path), 403)["message"]
    assert CSRF in message


def test_the_log_names_the_user_whose_write_by_cookie_was_refused(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(clients)
    with caplog.at_level(logging.INFO, logger=request_log.__name__):
        answer = browser.call("POST", "/api/v2/sessionstart")
        refused(answer, 403)
        answer.close()
    assert [each.msg["user"] for each in caplog.records] == ["viewer"]


def test_contract_5_refresh_by_cookie_sets_new_cookies(clients: Clients, clock: Traveller) -> None:
    browser = Browser(clients)
    old = browser.csrf("access")
    refused(browser.call("POST", "/auth/refresh"), 403)
    refused(browser.call("POST", "/auth/refresh", headers={CSRF: old}), 403)
    clock.shift(901)
    refused(browser.call("GET", "/auth/me"), 401)
    refreshed = browser.call("POST", "/auth/refresh", headers={CSRF: browser.csrf("refresh")})
    assert refreshed.status_code == 200
    assert len(attributes(refreshed)) == 4
    assert browser.csrf("access") != old
    assert browser.call("GET", "/auth/me").json["username"] == "viewer"


def test_contract_5_logout_by_cookie_takes_the_cookies_away(clients: Clients) -> None:
    browser = Browser(clients)
    kept = {kind: browser.flask.get_cookie(f"sessiontrack_{kind}") for kind in ("access", "refresh")}
    refresh_csrf = browser.csrf("refresh")
    assert browser.call("POST", "/auth/logout", headers={CSRF: browser.csrf("access")}).status_code == 200
    for name in ("access", "refresh", "access_csrf", "refresh_csrf"):
        assert browser.flask.get_cookie(f"sessiontrack_{name}") is None
    for kind, cookie in kept.items():
        assert cookie is not None
        browser.flask.set_cookie(f"sessiontrack_{kind}", cookie.value)
    refused(browser.call("GET", "/auth/me"), 401)
    refused(browser.call("POST", "/auth/refresh", headers={CSRF: refresh_csrf}), 401)


def test_an_authorization_header_counts_before_a_cookie(clients: Clients) -> None:
    browser = Browser(clients)
    me = browser.call("GET", "/auth/me", headers=clients.admin.headers).json
    assert me["username"] == "admin"
    refused(browser.call("GET", "/auth/me", headers={"Authorization": "Bearer no"}), 401)


def test_an_api_token_is_no_cookie(clients: Clients) -> None:
    secret = clients.admin.headers["Authorization"].removeprefix("Bearer ")
    client = clients.app.test_client()
    client.set_cookie("sessiontrack_access", secret)
    refused(client.get("/auth/me"), 401)


def test_contract_5_an_api_token_is_shown_once(clients: Clients, clock: Traveller) -> None:
    response = clients.admin.post("/auth/tokens", {"name": "backup"})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    issued = response.json
    secret = issued.pop("token")
    assert issued == {
        "id": issued["id"],
        "name": "backup",
        "username": "admin",
        "role": "admin",
        "created_at": NOW,
        "revoked_at": None,
        "expires_at": None,
        "last_used_at": None,
    }
    listed = clients.admin.ok("GET", "/auth/tokens")
    assert [each["name"] for each in listed] == ["admin's", "operator's", "viewer's", "backup"]
    assert listed[-1] == issued
    assert secret not in json.dumps(listed)
    assert api_tokens.secret_hash(secret) not in json.dumps(listed)
    me = clients.with_token(secret).ok("GET", "/auth/me")
    assert me == {"username": "admin", "role": "admin", "kind": "token"}


def test_contract_5_an_api_token_is_long_lived_and_revocable(clients: Clients, clock: Traveller) -> None:
    issued = clients.admin.ok("POST", "/auth/tokens", {"name": "backup"})
    script = clients.with_token(issued["token"])
    clock.shift(20 * 365 * 86_400)
    script.ok("POST", "/api/v2/sessionstart")
    clients.admin.ok("DELETE", f"/auth/tokens/{issued['id']}")
    refused(script.get("/auth/me"), 401)
    (ended,) = clients.admin.ok("GET", "/api/v2/sessions")
    assert ended["active"] is False
    revoked = clients.admin.ok("GET", "/auth/tokens")[-1]
    assert revoked["revoked_at"] == NOW + 20 * 365 * 86_400
    clock.shift(5)
    clients.admin.ok("DELETE", f"/auth/tokens/{issued['id']}")
    assert clients.admin.ok("GET", "/auth/tokens")[-1] == revoked
    # Its name is free again.
    clients.admin.ok("POST", "/auth/tokens", {"name": "backup"})


def test_contract_5_an_api_token_is_no_refresh_token(clients: Clients) -> None:
    refused(clients.admin.post("/auth/refresh"), 401)


@pytest.mark.parametrize(
    ("owner", "role", "status"),
    [
        ("viewer", "operator", 403),
        ("viewer", "admin", 403),
        ("operator", "admin", 403),
        ("operator", "viewer", 200),
        ("admin", "operator", 200),
        ("viewer", "viewer", 200),
        ("operator", None, 200),
        ("nobody", None, 404),
    ],
)
def test_contract_5_an_api_token_has_at_most_its_owners_role(
    clients: Clients, owner: str, role: str | None, status: int
) -> None:
    body = {"name": "t", "username": owner} | ({} if role is None else {"role": role})
    response = clients.admin.post("/auth/tokens", body)
    if status != 200:
        refused(response, status)
        assert len(clients.admin.ok("GET", "/auth/tokens")) == 3
        return
    me = clients.with_token(response.json["token"]).ok("GET", "/auth/me")
    assert me == {"username": owner, "role": role or owner, "kind": "token"}


def test_an_api_token_can_be_valid_for_some_days(clients: Clients, clock: Traveller) -> None:
    issued = clients.admin.ok("POST", "/auth/tokens", {"name": "for a week", "expires_in_days": 7})
    assert issued["expires_at"] == NOW + 7 * 86_400
    assert clients.admin.ok("GET", "/auth/tokens")[-1]["expires_at"] == NOW + 7 * 86_400
    script = clients.with_token(issued["token"])
    clock.shift(7 * 86_400 - 1)
    script.ok("GET", "/auth/me")
    clock.shift(1)
    refused(script.get("/auth/me"), 401)
    # Its name is in use until it is revoked, as of any other.
    refused(clients.admin.post("/auth/tokens", {"name": "for a week"}), 409, "conflict")
    clients.admin.ok("DELETE", f"/auth/tokens/{issued['id']}")
    clients.admin.ok("POST", "/auth/tokens", {"name": "for a week"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "a\tb"}, "name"),
        ({"name": "t", "role": "root"}, "role"),
        ({"name": "t", "role": ["admin"]}, "role"),
        ({"name": "t", "token": "st_mine"}, "token"),
        ({"name": "t", "id": 7}, "id"),
        ({"name": "t", "username": 5}, "username"),
        *(
            ({"name": "t", "expires_in_days": each}, "expires_in_days")
            for each in (0, -1, 3651, 1.5, "7", True, 2**70)
        ),
    ],
)
def test_contract_2_a_wrong_api_token_is_refused_by_field(clients: Clients, body: object, field: str) -> None:
    assert field in refused(clients.admin.post("/auth/tokens", body), 400)["errors"]


def test_a_name_in_use_is_409_conflict(clients: Clients) -> None:
    refused(clients.admin.post("/auth/tokens", {"name": "viewer's"}), 409, "conflict")


@pytest.mark.parametrize(
    "token_id", ["99", "0", "-1", "x", "9" * 15, "9" * 19, "9" * 30, "9" * 5000, "\u0663"]
)
def test_revoking_a_token_that_never_was_is_404(clients: Clients, token_id: str) -> None:
    refused(clients.admin.delete(f"/auth/tokens/{token_id}"), 404)


def test_contract_2_the_list_of_api_tokens_has_pages(clients: Clients) -> None:
    page = clients.admin.get("/auth/tokens?limit=1&offset=1")
    assert [each["name"] for each in page.json] == ["operator's"]
    assert page.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in page.headers["Link"]
    assert 'rel="prev"' in page.headers["Link"]
    refused(clients.admin.get("/auth/tokens?limit=0"), 400)


def test_a_demoted_owner_keeps_no_more_through_a_token(clients: Clients) -> None:
    with clients.app.app_context(), write_transaction() as tx:
        users.set_role(tx, "operator", "viewer")
    assert clients.operator.ok("GET", "/auth/me")["role"] == "viewer"
    refused(clients.operator.delete("/sessions/delete", {"mac": "AA:BB:CC:DD:EE:FF"}), 403)
    with clients.app.app_context(), write_transaction() as tx:
        users.set_role(tx, "operator", "admin")
    # The token is still an operator's.
    assert clients.operator.ok("GET", "/auth/me")["role"] == "operator"


@pytest.mark.parametrize("change", ["disable", "remove", "role", "password"])
def test_contract_5_what_happens_to_a_user_holds_on_the_next_request(clients: Clients, change: str) -> None:
    tokens = clients.log_in("operator")
    access, refresh = clients.with_token(tokens["access_token"]), clients.with_token(tokens["refresh_token"])
    delete = ("DELETE", "/sessions/delete", {"mac": "AA:BB:CC:DD:EE:FF"})
    for client in (access, clients.operator):
        client.ok(*delete)
    with clients.app.app_context(), write_transaction() as tx:
        if change == "disable":
            users.disable_user(tx, NOW, "operator", 300)
        elif change == "remove":
            users.remove_user(tx, NOW, "operator", 300)
        elif change == "role":
            users.set_role(tx, "operator", "viewer")
        else:
            users.set_password(tx, NOW, "operator", "another hash", 300)
    if change == "role":
        for client in (access, clients.operator):
            refused(client.call(*delete), 403)
        assert access.ok("GET", "/auth/me")["role"] == "viewer"
        return
    refused(access.call(*delete), 401)
    refused(refresh.post("/auth/refresh"), 401)
    if change == "password":
        clients.operator.ok(*delete)
    else:
        refused(clients.operator.call(*delete), 401)


def test_enabling_a_user_again_does_not_bring_logins_back(clients: Clients) -> None:
    viewer = clients.logged_in("viewer")
    with clients.app.app_context(), write_transaction() as tx:
        users.disable_user(tx, NOW, "viewer", 300)
        users.enable_user(tx, "viewer")
    refused(viewer.get("/auth/me"), 401)
    clients.viewer.ok("GET", "/auth/me")
    clients.logged_in("viewer").ok("GET", "/auth/me")
