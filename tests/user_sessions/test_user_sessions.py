"""Starting, keeping alive and ending user sessions over HTTP (contract 4)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from time_machine import Traveller

from sessiontrack.database import Statement, Transaction, read_transaction, write_transaction
from sessiontrack.services import logins
from tests.support.application import NOW, PASSWORD, Client, Clients
from tests.support.refusals import refused

VIEW = "/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8"
TAB = "view-tab_edd5855b-54f1-4c51-9550-d88c2da60768"
PATH = f"[{VIEW},{TAB}]"
HIDES = ("/api/v2/session-hide", "/api/v2/session_tracepath")
ALIVE = 300


def sessions(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ok("GET", "/api/v2/sessions")
    return found


def only_session(client: Client) -> dict[str, Any]:
    (found,) = sessions(client)
    return found


def start(client: Client) -> None:
    assert client.ok("POST", "/api/v2/sessionstart") == {"description": "Session Start"}


def ping(client: Client, path: object, *, visible: bool = True) -> None:
    client.ok("POST", "/api/v2/keepalive", {"visible": visible, "path": path})


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_contract_4_sessionstart_starts_a_session(clients: Clients, method: str, clock: Traveller) -> None:
    assert sessions(clients.admin) == []
    assert clients.viewer.ok(method, "/api/v2/sessionstart") == {"description": "Session Start"}
    found = only_session(clients.admin)
    assert (found["username"], found["start"], found["active"]) == ("viewer", NOW, True)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_contract_4_sessionstart_while_it_is_active_changes_nothing(
    clients: Clients, method: str, clock: Traveller
) -> None:
    start(clients.viewer)
    before = only_session(clients.admin)
    clock.shift(ALIVE - 1)
    assert clients.viewer.ok(method, "/api/v2/sessionstart") == {"description": "Session Start"}
    assert only_session(clients.admin) == before


def test_contract_4_sessionstart_after_it_expired_starts_a_new_one(
    clients: Clients, clock: Traveller
) -> None:
    start(clients.viewer)
    clock.shift(60)
    ping(clients.viewer, PATH)
    first = only_session(clients.admin)
    clock.shift(ALIVE)
    start(clients.viewer)
    new, old = sessions(clients.admin)
    assert old == {**first, "active": False}
    assert new["start"] == NOW + 60 + ALIVE
    assert new["_id"] != old["_id"]
    assert new["id_beaker_session"] == old["id_beaker_session"]
    assert (new["visible_duration"], new["tab_duration"], new["last_visible_path"]) == (0, {}, [])


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_contract_2_sessionstart_refuses_parameters_it_does_not_know(clients: Clients, method: str) -> None:
    refused(clients.viewer.call(method, "/api/v2/sessionstart?user=x"), 400)
    assert sessions(clients.admin) == []


def test_source_document_keepalive(clients: Clients, clock: Traveller) -> None:
    start(clients.viewer)
    clock.shift(5)
    # As `curl -d` sends it.
    response = clients.viewer.call(
        "POST",
        "/api/v2/keepalive",
        data=json.dumps({"visible": True, "path": PATH}),
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 200
    expected = {"description": "Session keepalive", "time": NOW + 5, "visible": True, "paths": PATH}
    assert response.json == expected


@pytest.mark.parametrize("hide", HIDES)
def test_source_document_session_hide_and_its_alias(clients: Clients, hide: str, clock: Traveller) -> None:
    start(clients.viewer)
    clock.shift(7)
    expected = {"description": "Session hide", "time": NOW + 7, "paths": PATH}
    assert clients.viewer.ok("POST", hide, {"path": PATH}) == expected
    assert only_session(clients.admin)["tab_duration"] == {VIEW: {TAB: 7}}


def test_source_document_get_on_session_hide_lists_the_sessions(clients: Clients) -> None:
    start(clients.viewer)
    start(clients.operator)
    listed = sessions(clients.viewer)
    assert len(listed) == 2
    assert clients.viewer.ok("GET", "/api/v2/session-hide") == listed
    one = clients.viewer.get("/api/v2/session-hide?usernames[]=viewer&limit=1")
    assert [each["username"] for each in one.json] == ["viewer"]
    assert one.headers["X-Total-Count"] == "1"


@pytest.mark.parametrize(
    ("path", "tab_duration"),
    [
        ("[view,tab]", {"view": {"tab": 9}}),
        ("[view]", {"view": 9}),
        ("view", {"view": 9}),
        (["view", "tab"], {"view": {"tab": 9}}),
        (["view"], {"view": 9}),
        ("[ view ,  tab ]", {"view": {"tab": 9}}),
        ([" view "], {"view": 9}),
        ("[été,日本]", {"été": {"日本": 9}}),
    ],
)
def test_contract_4_a_path_is_echoed_as_sent_in_every_form(
    clients: Clients, path: object, tab_duration: object, clock: Traveller
) -> None:
    start(clients.viewer)
    clock.shift(4)
    answer = clients.viewer.ok("POST", "/api/v2/keepalive", {"visible": True, "path": path})
    assert answer["paths"] == path
    clock.shift(5)
    assert clients.viewer.ok("POST", "/api/v2/session-hide", {"path": path})["paths"] == path
    answer = clients.viewer.ok("POST", "/api/v2/keepalive", {"visible": False, "path": path})
    assert (answer["visible"], answer["paths"]) == (False, path)
    assert only_session(clients.admin)["tab_duration"] == tab_duration


@pytest.mark.parametrize("alive", [1, 10, ALIVE])
@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/v2/keepalive", {"visible": True, "path": PATH}),
        ("/api/v2/keepalive", {"visible": False}),
        ("/api/v2/session-hide", {"path": PATH}),
        ("/api/v2/session_tracepath", {"path": PATH}),
    ],
)
def test_contract_4_active_while_the_last_ping_is_younger_than_session_alive_seconds(
    make_clients: Callable[..., Clients], alive: int, url: str, body: object, clock: Traveller
) -> None:
    clients = make_clients(SESSION_ALIVE_SECONDS=alive)
    start(clients.viewer)
    clock.shift(alive - 1)
    assert only_session(clients.admin)["active"] is True
    clients.viewer.ok("POST", url, body)
    kept = only_session(clients.admin)
    assert kept["last_ping"] == NOW + alive - 1
    clock.shift(alive)
    refused(clients.viewer.post(url, body), 409, "session_inactive")
    assert only_session(clients.admin) == {**kept, "active": False}


@pytest.mark.parametrize("url", ["/api/v2/keepalive", *HIDES])
def test_contract_4_pings_without_a_session_are_409_session_inactive(clients: Clients, url: str) -> None:
    body = {"path": PATH, "visible": True} if "keepalive" in url else {"path": PATH}
    assert "sessionstart" in refused(clients.viewer.post(url, body), 409, "session_inactive")["message"]
    assert sessions(clients.admin) == []


def test_contract_4_a_ping_credits_the_time_since_the_last_ping_to_its_path(
    clients: Clients, clock: Traveller
) -> None:
    viewer = clients.viewer
    start(viewer)
    clock.shift(10)
    ping(viewer, "[home]")
    clock.shift(20)
    ping(viewer, "[home,map]")
    clock.shift(30)
    viewer.ok("POST", "/api/v2/session-hide", {"path": "[home,map]"})
    clock.shift(40)
    ping(viewer, "[other]", visible=False)
    seen = only_session(clients.admin)
    assert seen["last_visible_path"] == ["home", "map"]
    assert seen["last_visible_ping"] == NOW + 60
    assert seen["last_ping"] == NOW + 100
    clock.shift(50)
    ping(viewer, "[other]")
    seen = only_session(clients.admin)
    assert seen["tab_duration"] == {"home": {"": 10, "map": 50}, "other": 50}
    assert seen["visible_duration"] == 110
    assert seen["last_visible_path"] == ["other"]
    assert seen["last_visible_ping"] == seen["last_ping"] == NOW + 150


def test_contract_4_visible_false_credits_nothing_and_needs_no_path(
    clients: Clients, clock: Traveller
) -> None:
    start(clients.viewer)
    for body in ({"visible": False}, {"visible": False, "path": None}, {"visible": False, "path": PATH}):
        clock.shift(ALIVE - 1)
        answer = clients.viewer.ok("POST", "/api/v2/keepalive", body)
        assert (answer["visible"], answer["paths"]) == (False, body.get("path"))
    seen = only_session(clients.admin)
    assert seen["last_ping"] == NOW + 3 * (ALIVE - 1)
    assert (seen["visible_duration"], seen["tab_duration"]) == (0, {})
    assert (seen["last_visible_ping"], seen["last_visible_path"]) == (None, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"visible": True}, "path"),
        ({"visible": True, "path": None}, "path"),
        ({"visible": True, "path": ""}, "path"),
        ({"visible": True, "path": "[a,b,c]"}, "path"),
        ({"visible": True, "path": "a" * 513}, "path"),
        ({"visible": True, "path": ["a", "b" * 513]}, "path"),
        ({"visible": True, "path": {"view": "a"}}, "path"),
        ({"visible": True, "path": "a\x00b"}, "path"),
        ({"visible": True, "path": ["a", "b\nc"]}, "path"),
        ({"visible": False, "path": "[a,b,c]"}, "path"),
        ({"path": PATH}, "visible"),
        ({"visible": None, "path": PATH}, "visible"),
        ({"visible": "true", "path": PATH}, "visible"),
        ({"visible": 1, "path": PATH}, "visible"),
        ({"visible": 0}, "visible"),
        ({"visible": True, "path": PATH, "paths": PATH}, "paths"),
        ({"visible": True, "path": PATH, "username": "admin"}, "username"),
        ({"visible": True, "path": PATH, "time": 5}, "time"),
    ],
)
def test_contract_4_a_wrong_keepalive_is_refused_by_field_and_credits_nothing(
    clients: Clients, body: object, field: str, clock: Traveller
) -> None:
    start(clients.viewer)
    before = only_session(clients.admin)
    clock.shift(5)
    assert field in refused(clients.viewer.post("/api/v2/keepalive", body), 400)["errors"]
    assert only_session(clients.admin) == before


@pytest.mark.parametrize("url", HIDES)
@pytest.mark.parametrize("body", [{}, {"path": None}, {"path": ""}, {"path": []}, {"path": 5}])
def test_contract_4_session_hide_needs_a_path(clients: Clients, url: str, body: object) -> None:
    start(clients.viewer)
    assert "path" in refused(clients.viewer.post(url, body), 400)["errors"]


@pytest.mark.parametrize("url", HIDES)
def test_contract_4_session_hide_knows_no_visible(clients: Clients, url: str) -> None:
    start(clients.viewer)
    body = {"path": PATH, "visible": True}
    assert "visible" in refused(clients.viewer.post(url, body), 400)["errors"]


def test_contract_4_logging_in_starts_it(clients: Clients, clock: Traveller) -> None:
    viewer = clients.logged_in("viewer")
    found = only_session(clients.admin)
    assert (found["username"], found["start"], found["active"]) == ("viewer", NOW, True)
    clock.shift(8)
    ping(viewer, PATH)
    assert only_session(clients.admin)["visible_duration"] == 8


def test_contract_4_a_failed_login_starts_none(clients: Clients) -> None:
    refused(clients.nobody.post("/auth/login", {"username": "viewer", "password": "no"}), 401)
    assert sessions(clients.admin) == []


def test_contract_4_one_session_a_login_kept_across_refreshes(clients: Clients, clock: Traveller) -> None:
    tokens = clients.log_in("viewer")
    for _ in range(3):
        clock.shift(100)
        tokens = clients.with_token(tokens["refresh_token"]).ok("POST", "/auth/refresh")
        start(clients.with_token(tokens["access_token"]))
        ping(clients.with_token(tokens["access_token"]), PATH)
    found = only_session(clients.admin)
    assert (found["start"], found["visible_duration"]) == (NOW, 300)


def test_contract_4_each_login_and_each_api_token_has_a_session_of_its_own(
    clients: Clients, clock: Traveller
) -> None:
    first, second = clients.logged_in("viewer"), clients.logged_in("viewer")
    start(clients.viewer)
    clock.shift(30)
    ping(second, PATH)
    assert sorted(each["visible_duration"] for each in sessions(clients.admin)) == [0, 0, 30]
    assert len({each["id_beaker_session"] for each in sessions(clients.admin)}) == 3
    ping(first, "[other]")
    ping(clients.viewer, "[third]")
    found = {json.dumps(each["tab_duration"]) for each in sessions(clients.admin)}
    assert found == {json.dumps({VIEW: {TAB: 30}}), '{"other": 30}', '{"third": 30}'}


def test_contract_4_logging_out_ends_it_at_once(clients: Clients, clock: Traveller) -> None:
    leaving, staying = clients.logged_in("viewer"), clients.logged_in("viewer")
    clock.shift(20)
    ping(leaving, PATH)
    ping(staying, PATH)
    clock.shift(5)
    leaving.ok("POST", "/auth/logout")
    active = {each["_id"]: each["active"] for each in sessions(clients.admin)}
    assert sorted(active.values()) == [False, True]
    (ended,) = clients.admin.ok("GET", "/api/v2/sessions?active=false")
    assert (ended["last_ping"], ended["visible_duration"]) == (NOW + 20, 20)
    ping(staying, PATH)
    refused(leaving.post("/api/v2/keepalive", {"visible": False}), 401)


@pytest.mark.parametrize(("after", "ended_after"), [(ALIVE - 1, ALIVE - 1), (ALIVE, 0), (ALIVE + 1, 0)])
def test_contract_4_one_that_has_expired_ended_with_its_last_ping(
    clients: Clients, clock: Traveller, after: int, ended_after: int
) -> None:
    start(clients.viewer)
    clock.shift(after)
    clients.viewer.ok("POST", "/auth/logout")
    with clients.app.app_context(), read_transaction() as tx:
        assert tx.rows(Statement("SELECT ended_at - last_ping FROM user_session")) == [(ended_after,)]


def test_contract_4_logging_out_with_an_api_token_ends_its_session_only(clients: Clients) -> None:
    start(clients.viewer)
    start(clients.operator)
    clients.viewer.ok("POST", "/auth/logout")
    active = {each["username"]: each["active"] for each in sessions(clients.admin)}
    assert active == {"viewer": False, "operator": True}
    refused(clients.viewer.post("/api/v2/keepalive", {"visible": False}), 409, "session_inactive")
    start(clients.viewer)
    assert len(sessions(clients.admin)) == 3


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_contract_4_a_sign_out_that_comes_between_keeps_sessionstart_from_starting(
    clients: Clients, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = clients.logged_in("viewer")
    (login_id,) = (each["id_beaker_session"] for each in sessions(clients.admin))

    @contextmanager
    def after_a_sign_out(*, brief: bool) -> Iterator[Transaction]:
        with write_transaction() as tx:
            logins.revoke_login(tx, NOW, login_id, ALIVE)
        with write_transaction(brief=brief) as tx:
            yield tx

    monkeypatch.setattr("sessiontrack.blueprints.user_sessions.write_transaction", after_a_sign_out)
    refused(viewer.call(method, "/api/v2/sessionstart"), 401)
    assert only_session(clients.admin)["active"] is False


def test_contract_4_a_refused_ping_of_an_ended_session_leaves_it_as_it_is(
    clients: Clients, clock: Traveller
) -> None:
    start(clients.viewer)
    clients.viewer.ok("POST", "/auth/logout")
    before = only_session(clients.admin)
    clock.shift(1)
    refused(clients.viewer.post("/api/v2/session-hide", {"path": PATH}), 409, "session_inactive")
    assert only_session(clients.admin) == before


@pytest.mark.parametrize("step", [-1, -3600, -86_400 * 365])
def test_a_clock_that_steps_back_credits_nothing_and_loses_nothing(
    clients: Clients, clock: Traveller, step: int
) -> None:
    start(clients.viewer)
    clock.shift(10)
    ping(clients.viewer, "[a]")
    clock.shift(step)
    ping(clients.viewer, "[a]")
    clock.move_to(NOW + 15)
    ping(clients.viewer, "[a]")
    found = only_session(clients.admin)
    assert (found["tab_duration"], found["visible_duration"]) == ({"a": 15}, 15)
    assert (found["start"], found["last_ping"]) == (NOW, NOW + 15)


def test_contract_4_the_calls_take_no_other_method(clients: Clients) -> None:
    for method, path in [
        ("PUT", "/api/v2/sessionstart"),
        ("GET", "/api/v2/keepalive"),
        ("DELETE", "/api/v2/session-hide"),
        ("GET", "/api/v2/session_tracepath"),
        ("POST", "/api/v2/sessions"),
        ("POST", "/api/v2/session-stats"),
    ]:
        response = clients.admin.call(method, path)
        refused(response, 405)
        assert response.headers["Allow"]


def test_the_password_is_no_field_of_a_user_session(clients: Clients) -> None:
    clients.logged_in("viewer")
    assert PASSWORD not in json.dumps(sessions(clients.admin))
