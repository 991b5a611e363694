"""`/api/v2/sessions/<id>/views` and `/api/v2/session-days`: user sessions in the order of time."""

from collections.abc import Callable

import pytest
from time_machine import Traveller

from sessiontrack.database import Statement
from tests.support import rows
from tests.support.application import NOW, Client, Clients
from tests.support.refusals import refused
from tests.support.stays import ALIVE, stay

A, B, B_TAB = ("a", ""), ("b", ""), ("b", "x")
DAYS = "/api/v2/session-days"
HOUR = 3600


def views_url(client: Client, username: str = "anna") -> str:
    (found,) = client.ok("GET", f"/api/v2/sessions?usernames[]={username}")
    return f"/api/v2/sessions/{found['_id']}/views"


def test_contract_4_a_session_is_a_row_of_views(clients: Clients, clock: Traveller) -> None:
    start = NOW - 200
    stay(
        clients.app,
        "anna",
        "k",
        start,
        (10, A),
        (5, A),
        (20, None),
        (5, A),
        (0, B),
        (10, B),
        (10, B_TAB),
        (7, A),
    )
    assert clients.viewer.ok("GET", views_url(clients.viewer)) == [
        {"path": ["a"], "since": start, "until": start + 40, "visible_duration": 20},
        {"path": ["b"], "since": start + 40, "until": start + 50, "visible_duration": 10},
        {"path": ["b", "x"], "since": start + 50, "until": start + 60, "visible_duration": 10},
        {"path": ["a"], "since": start + 60, "until": start + 67, "visible_duration": 7},
    ]


def test_contract_4_views_come_in_pages(clients: Clients, clock: Traveller) -> None:
    stay(clients.app, "anna", "k", NOW - 200, *((5, (A, B)[n % 2]) for n in range(5)))
    page = clients.viewer.get(views_url(clients.viewer), {"limit": 2, "offset": 2})
    assert ([each["path"] for each in page.json], page.headers["X-Total-Count"]) == ([["a"], ["b"]], "5")
    assert 'rel="prev"' in page.headers["Link"]


def test_pings_on_one_path_are_one_row_and_go_with_the_session(clients: Clients, clock: Traveller) -> None:
    stay(clients.app, "anna", "k", NOW - 5000, *((2, A) for _ in range(500)))
    with rows.writing(clients.app) as tx:
        assert tx.rows(Statement("SELECT seconds FROM view_visit")) == [(1000,)]
        tx.run(Statement("DELETE FROM user_session"))
        assert tx.rows(Statement("SELECT * FROM view_visit")) == []


def test_contract_4_an_unknown_session_is_not_found(clients: Clients) -> None:
    refused(clients.viewer.get("/api/v2/sessions/0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10/views"), 404)
    refused(clients.viewer.get("/api/v2/sessions/nonsense/views"), 404)


def test_contract_4_views_and_days_are_seen_by_whom_the_list_is_seen(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    stay(clients.app, "anna", "k", NOW - 100, (10, A))
    stay(clients.app, "viewer", "v", NOW - 100, (10, A))
    url = views_url(clients.admin)
    refused(clients.viewer.get(url), 404)
    assert len(clients.admin.ok("GET", url)) == 1
    assert len(clients.viewer.ok("GET", views_url(clients.viewer, "viewer"))) == 1
    assert [each["username"] for each in clients.viewer.ok("GET", DAYS)] == ["viewer"]
    assert [each["username"] for each in clients.admin.ok("GET", DAYS)] == ["anna", "viewer"]


def test_contract_4_seconds_are_on_their_day_of_the_sites_calendar(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    # Local midnight is at 22:00 UTC: two visits lie before it, one across it by 30 of 90 s, one behind it.
    midnight = NOW - 14 * HOUR
    stay(clients.app, "anna", "k", midnight - 260, (200, A), (90, B), (40, None), (100, A), ends=True)
    stay(clients.app, "anna", "l", NOW - 100, (60, A))
    stay(clients.app, "bert", "m", NOW - 100)
    assert clients.viewer.ok("GET", DAYS) == [
        {"username": "anna", "day": "2025-08-14", "sessions": 1, "visible_duration": 260},
        {"username": "anna", "day": "2025-08-15", "sessions": 2, "visible_duration": 190},
        {"username": "bert", "day": "2025-08-15", "sessions": 1, "visible_duration": 0},
    ]
    assert [each["day"] for each in clients.viewer.ok("GET", f"{DAYS}?period=2h&usernames[]=anna")] == [
        "2025-08-15"
    ]
    assert len(clients.viewer.ok("GET", f"{DAYS}?period=all&usernames[]=anna&usernames[]=bert")) == 3


def test_contract_4_a_day_of_25_hours_is_one_day(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    day = 1_729_980_000  # 2024-10-27 00:00 there
    stay(clients.app, "anna", "k", day, *((ALIVE - 1, A) for _ in range(302)), ends=True)
    found = clients.viewer.ok("GET", f"{DAYS}?period=all")
    seconds = 302 * (ALIVE - 1)
    assert [(each["day"], each["visible_duration"]) for each in found] == [
        ("2024-10-27", 25 * HOUR),
        ("2024-10-28", seconds - 25 * HOUR),
    ]


def test_sessions_without_visits_are_spread_over_their_days(clients: Clients, clock: Traveller) -> None:
    midnight = NOW - 12 * HOUR
    stay(clients.app, "anna", "k", midnight - 100, (200, A), ends=True)
    with rows.writing(clients.app) as tx:
        tx.run(Statement("DELETE FROM view_visit"))
        tx.run(Statement("UPDATE user_session SET visible_seconds = 101"))
    assert [each["visible_duration"] for each in clients.viewer.ok("GET", DAYS)] == [50, 51]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"period": "x"}, "period"), ({"usernames": "a"}, "usernames"), ({"limit": "1"}, "limit")],
)
def test_contract_2_bad_input_is_refused(clients: Clients, query: dict[str, str], field: str) -> None:
    assert set(refused(clients.viewer.get(DAYS, query), 400)["errors"]) == {field}


def test_one_session_is_as_it_is_in_the_list(clients: Clients, clock: Traveller) -> None:
    stay(clients.app, "anna", "k", NOW - 200, (10, A), (5, B_TAB))
    stay(clients.app, "ben", "l", NOW - 100, (10, B))
    for listed in clients.viewer.ok("GET", "/api/v2/sessions?usernames[]=anna&usernames[]=ben"):
        assert clients.viewer.ok("GET", f"/api/v2/sessions/{listed['_id']}") == listed
    refused(clients.viewer.get("/api/v2/sessions/0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10"), 404)
    refused(clients.viewer.get("/api/v2/sessions/nonsense"), 404)


def test_with_own_sessions_only_another_ones_is_not_there(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    stay(clients.app, "anna", "k", NOW - 200, (10, A))
    (found,) = clients.admin.ok("GET", "/api/v2/sessions?usernames[]=anna")
    refused(clients.viewer.get(f"/api/v2/sessions/{found['_id']}"), 404)
