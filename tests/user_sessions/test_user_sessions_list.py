"""`GET /api/v2/sessions` (contract 4): fields, filters, order, paging, who may see what."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from time_machine import Traveller

from tests.support.application import NOW, Client, Clients
from tests.support.refusals import refused
from tests.support.stays import ALIVE, stay

VIEW, TAB = ("map", ""), ("map", "north")
URL = "/api/v2/sessions"


@pytest.fixture
def several(clients: Clients, clock: Traveller) -> Clients:
    """Sessions named by their keys: each filter leaves some of them out."""
    app = clients.app
    stay(app, "anna", "old", NOW - 5000, (100, VIEW))
    stay(app, "bert", "signed-out", NOW - 4000, (50, TAB), ends=True)
    stay(app, "anna", "just-expired", NOW - ALIVE)
    stay(app, "bert", "just-active", NOW - ALIVE + 1)
    stay(app, "Anna", "other-anna", NOW - 200, (100, VIEW), ends=True)
    stay(app, "anna b", "now", NOW)
    return clients


def keys(client: Client, query: Any = None, url: str = URL) -> list[str]:
    response = client.get(url, query)
    assert response.status_code == 200, response.json
    return [each["id_beaker_session"] for each in response.json]


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_contract_4_a_user_session_in_a_list_has_all_its_fields(clients: Clients, clock: Traveller) -> None:
    stay(clients.app, "anna", "the-key", NOW - 100, (10, VIEW), (20, TAB), (30, None))
    (found,) = clients.viewer.ok("GET", URL)
    assert str(uuid.UUID(found.pop("_id"))) != "the-key"
    assert found == {
        "id_beaker_session": "the-key",
        "username": "anna",
        "start": NOW - 100,
        "last_ping": NOW - 40,
        "last_visible_ping": NOW - 70,
        "last_visible_path": ["map", "north"],
        "visible_duration": 30,
        "tab_duration": {"map": {"": 10, "north": 20}},
        "active": True,
    }


@pytest.mark.parametrize(
    ("paths", "tab_duration"),
    [
        ([], {}),
        ([("a", "")], {"a": 10}),
        ([("a", ""), ("a", "")], {"a": 20}),
        ([("a", "x")], {"a": {"x": 10}}),
        ([("a", "x"), ("a", "y"), ("a", "x")], {"a": {"x": 20, "y": 10}}),
        ([("a", "x"), ("a", "")], {"a": {"": 10, "x": 10}}),
        ([("b", ""), ("a", "x"), ("b", "x")], {"a": {"x": 10}, "b": {"": 10, "x": 10}}),
    ],
)
def test_contract_4_tab_duration_is_by_view_or_by_view_and_tab(
    clients: Clients, paths: list[tuple[str, str]], tab_duration: object, clock: Traveller
) -> None:
    stay(clients.app, "noise", "noise", NOW - 100, (7, ("a", "x")), (7, ("c", "")))
    stay(clients.app, "anna", "key", NOW - 100, *((10, path) for path in paths))
    (found,) = clients.viewer.ok("GET", f"{URL}?usernames[]=anna")
    assert found["tab_duration"] == tab_duration
    assert found["visible_duration"] == 10 * len(paths)


def test_contract_4_newest_start_first(several: Clients) -> None:
    expected = ["now", "other-anna", "just-active", "just-expired", "signed-out", "old"]
    assert keys(several.viewer) == expected
    assert keys(several.viewer, url="/api/v2/session-hide") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("usernames[]=anna", ["just-expired", "old"]),
        ("usernames%5B%5D=bert", ["just-active", "signed-out"]),
        ("usernames[]=bert&usernames[]=Anna", ["other-anna", "just-active", "signed-out"]),
        ("usernames[]=anna&usernames[]=anna", ["just-expired", "old"]),
        ("usernames[]=anna+b", ["now"]),
        ("usernames[]=nobody", []),
        ("usernames[]=%25", []),
        ("usernames[]=anna'%20OR%201=1--", []),
        ("active=true", ["now", "just-active"]),
        ("active=false", ["other-anna", "just-expired", "signed-out", "old"]),
        ("active=false&active=true", ["other-anna", "just-expired", "signed-out", "old"]),
        (f"started_after={NOW - 4000}", ["now", "other-anna", "just-active", "just-expired"]),
        (f"started_after={NOW - 4001}", ["now", "other-anna", "just-active", "just-expired", "signed-out"]),
        (f"started_after={NOW}", []),
        (f"stopped_before={NOW - 4900}", []),
        (f"stopped_before={NOW - 4899}", ["old"]),
        (f"stopped_before={NOW - ALIVE}", ["signed-out", "old"]),
        (f"stopped_before={NOW - ALIVE + 1}", ["just-expired", "signed-out", "old"]),
        (f"stopped_before={NOW + 1}", ["other-anna", "just-expired", "signed-out", "old"]),
        (f"stopped_before={NOW}&active=true", []),
        (f"started_after={NOW - 4500}&stopped_before={NOW - 3000}", ["signed-out"]),
        (f"started_after={NOW - 400}&usernames[]=bert&active=true", ["just-active"]),
        ("limit=2", ["now", "other-anna"]),
        ("limit=2&offset=3", ["just-expired", "signed-out"]),
        ("offset=4", ["signed-out", "old"]),
        ("offset=6", []),
        ("usernames[]=anna&limit=1&offset=1", ["old"]),
        ("_=12345&timeZone=local", ["now", "other-anna", "just-active", "just-expired", "signed-out", "old"]),
    ],
)
def test_contract_4_filters(several: Clients, query: str, expected: list[str]) -> None:
    assert keys(several.viewer, query) == expected


@pytest.mark.parametrize("name", ["started_after", "stopped_before"])
@pytest.mark.parametrize("at", [NOW - 4000, NOW - 4899, NOW - ALIVE, NOW + 1])
def test_contract_4_a_timestamp_is_epoch_seconds_or_iso(several: Clients, name: str, at: int) -> None:
    by_epoch = keys(several.viewer, {name: str(at)})
    assert keys(several.viewer, {name: iso(at)}) == by_epoch
    assert keys(several.viewer, {name: iso(at).replace("Z", "+00:00")}) == by_epoch
    # A `+` that was decoded to a blank.
    assert keys(several.viewer, f"{name}={iso(at).replace('Z', '+00:00')}") == by_epoch
    assert keys(several.viewer, {name: iso(at).replace("T", " ").rstrip("Z")}) == by_epoch


def test_contract_2_naive_timestamps_are_site_time(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Asia/Kolkata")
    stay(clients.app, "anna", "key", NOW)
    # NOW is 12:00 UTC, which is 17:30 there.
    assert keys(clients.viewer, {"started_after": "2025-08-15T17:29"}) == ["key"]
    assert keys(clients.viewer, {"started_after": "2025-08-15T17:30"}) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("usernames=anna", "usernames"),
        ("username[]=anna", "username[]"),
        ("usernames[]=" + "a" * 65, "usernames[].0"),
        ("active=yes", "active"),
        ("active=2", "active"),
        ("started_after=yesterday", "started_after"),
        ("started_after=-5", "started_after"),
        ("started_after=1.5", "started_after"),
        ("started_after=" + "9" * 30, "started_after"),
        ("stopped_before=2025-13-01", "stopped_before"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("offset=-1", "offset"),
        ("offset=" + "9" * 30, "offset"),
        ("sort=start", "sort"),
    ],
)
@pytest.mark.parametrize("url", [URL, "/api/v2/session-hide"])
def test_contract_2_wrong_parameters_are_refused_by_name(
    clients: Clients, url: str, query: str, field: str
) -> None:
    assert field in refused(clients.viewer.get(f"{url}?{query}"), 400)["errors"]


def test_contract_2_pages_have_a_total_and_links(several: Clients) -> None:
    page = several.viewer.get(f"{URL}?limit=2&offset=2&usernames[]=anna&usernames[]=bert&usernames[]=Anna")
    assert page.headers["X-Total-Count"] == "5"
    links = {
        part.split("; ")[1]: part.split("; ")[0].strip("<>") for part in page.headers["Link"].split(", ")
    }
    assert set(links) == {'rel="next"', 'rel="prev"'}
    assert keys(several.viewer, url=links['rel="next"']) == ["old"]
    assert keys(several.viewer, url=links['rel="prev"']) == ["other-anna", "just-active"]


def test_contract_2_first_last_and_whole_lists_have_the_links_they_need(several: Clients) -> None:
    first = several.viewer.get(f"{URL}?limit=4")
    assert 'rel="next"' in first.headers["Link"]
    assert 'rel="prev"' not in first.headers["Link"]
    last = several.viewer.get(f"{URL}?limit=3&offset=3")
    assert 'rel="next"' not in last.headers["Link"]
    assert 'rel="prev"' in last.headers["Link"]
    whole = several.viewer.get(URL)
    assert (whole.headers["X-Total-Count"], whole.headers.get("Link")) == ("6", None)
    beyond = several.viewer.get(f"{URL}?limit=3&offset=60")
    assert (beyond.json, beyond.headers["X-Total-Count"]) == ([], "6")


def test_contract_2_everything_comes_when_no_limit_is_given(clients: Clients, clock: Traveller) -> None:
    for n in range(1101):
        stay(clients.app, "anna", f"key-{n}", NOW - 20_000 + n, (1, ("v", "")), (1, ("v", "t")), ends=True)
    response = clients.viewer.get(URL)
    assert response.headers["X-Total-Count"] == "1101"
    assert [each["id_beaker_session"] for each in response.json] == [f"key-{n}" for n in range(1100, -1, -1)]
    assert all(each["tab_duration"] == {"v": {"": 1, "t": 1}} for each in response.json)
    assert len(keys(clients.viewer, "limit=1000")) == 1000


def test_sessions_that_started_at_once_keep_their_order_over_pages(
    clients: Clients, clock: Traveller
) -> None:
    for n in range(7):
        stay(clients.app, "anna", f"key-{n}", NOW, (1, ("v", "")), (1, ("w", "")))
    paged = [key for offset in range(0, 7, 2) for key in keys(clients.viewer, f"limit=2&offset={offset}")]
    assert paged == keys(clients.viewer)
    assert sorted(paged) == [f"key-{n}" for n in range(7)]


@pytest.mark.parametrize("url", [URL, "/api/v2/session-hide", "/api/v2/session-stats"])
def test_contract_4_seen_by_every_authenticated_user(clients: Clients, url: str, clock: Traveller) -> None:
    for name in ("admin", "operator", "viewer"):
        stay(clients.app, name, name, NOW - 10, (5, VIEW))
    for client in (clients.admin, clients.operator, clients.viewer):
        assert sorted(each["username"] for each in client.ok("GET", url)) == ["admin", "operator", "viewer"]
    refused(clients.nobody.get(url), 401)


@pytest.mark.parametrize("url", [URL, "/api/v2/session-hide", "/api/v2/session-stats"])
def test_contract_4_with_visible_own_a_non_admin_sees_only_its_own(
    make_clients: Callable[..., Clients], url: str, clock: Traveller
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    for name in ("admin", "operator", "viewer"):
        stay(clients.app, name, name, NOW - 10, (5, VIEW))
    for name, client in (("operator", clients.operator), ("viewer", clients.viewer)):
        assert [each["username"] for each in client.ok("GET", url)] == [name]
        for query in ("usernames[]=admin", f"usernames[]=admin&usernames[]={name}"):
            seen = client.ok("GET", f"{url}?{query}")
            assert [each["username"] for each in seen] == ([name] if name in query else [])
    assert len(clients.admin.ok("GET", url)) == 3
    one = clients.viewer.get(f"{URL}?limit=1")
    assert one.headers["X-Total-Count"] == "1"
