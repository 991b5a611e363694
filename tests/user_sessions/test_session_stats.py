"""`GET /api/v2/session-stats` (contract 4): what each user did in a period."""

from collections.abc import Callable
from typing import Any

import pytest
from time_machine import Traveller

from tests.support.application import NOW, Clients
from tests.support.refusals import refused
from tests.support.stays import stay

URL = "/api/v2/session-stats"
DAY = 86_400


@pytest.fixture
def several(clients: Clients, clock: Traveller) -> Clients:
    """Three users, sessions inside and outside of the usual periods."""
    app = clients.app
    stay(app, "anna", "a1", NOW - 40 * DAY, (10, ("map", "")), ends=True)
    stay(app, "anna", "a2", NOW - 20 * DAY, (20, ("map", "")), (5, ("map", "n")), ends=True)
    stay(app, "anna", "a3", NOW - 100, (30, ("map", "n")), (7, ("list", "")), (9, None))
    stay(app, "bert", "b1", NOW - 3 * DAY, (40, ("list", "")), ends=True)
    stay(app, "carl", "c1", NOW - 50)
    return clients


def stats(clients: Clients, query: Any = None) -> dict[str, dict[str, Any]]:
    response = clients.viewer.get(URL, query)
    assert response.status_code == 200, response.json
    return {each["username"]: each for each in response.json}


def test_contract_4_per_user_sessions_seconds_views_first_and_last_seen(several: Clients) -> None:
    assert several.viewer.ok("GET", URL) == [
        {
            "username": "anna",
            "sessions": 2,
            "visible_duration": 62,
            "tab_duration": {"list": 7, "map": {"": 20, "n": 35}},
            "first_seen": NOW - 20 * DAY,
            "last_seen": NOW - 54,
        },
        {
            "username": "bert",
            "sessions": 1,
            "visible_duration": 40,
            "tab_duration": {"list": 40},
            "first_seen": NOW - 3 * DAY,
            "last_seen": NOW - 3 * DAY + 40,
        },
        {
            "username": "carl",
            "sessions": 1,
            "visible_duration": 0,
            "tab_duration": {},
            "first_seen": NOW - 50,
            "last_seen": NOW - 50,
        },
    ]


@pytest.mark.parametrize(
    ("period", "sessions"),
    [
        ("30 days", {"anna": 2, "bert": 1, "carl": 1}),
        ("1 day", {"anna": 1, "carl": 1}),
        ("7d", {"anna": 1, "bert": 1, "carl": 1}),
        ("2 months", {"anna": 3, "bert": 1, "carl": 1}),
        ("all", {"anna": 3, "bert": 1, "carl": 1}),
    ],
)
def test_contract_4_stats_are_those_of_the_period(
    several: Clients, period: str, sessions: dict[str, int]
) -> None:
    found = stats(several, {"period": period})
    assert {name: each["sessions"] for name, each in found.items()} == sessions


def test_contract_4_the_default_period_is_30_days(several: Clients) -> None:
    assert stats(several) == stats(several, {"period": "30 days"})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("usernames[]=anna", ["anna"]),
        ("usernames[]=carl&usernames[]=bert", ["bert", "carl"]),
        ("usernames[]=Anna", []),
        ("usernames[]=bert&period=1+day", []),
        ("usernames[]=bert&period=7%20days", ["bert"]),
    ],
)
def test_contract_4_stats_of_some_users(several: Clients, query: str, names: list[str]) -> None:
    found = stats(several, query)
    assert list(found) == names
    assert all(found[name] == stats(several)[name] for name in names)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=0+days", "period"),
        ("period=-1+day", "period"),
        ("period=soon", "period"),
        ("users[]=anna", "users[]"),
        ("usernames=anna", "usernames"),
    ],
)
def test_contract_2_wrong_parameters_of_the_stats_are_refused(
    clients: Clients, query: str, field: str
) -> None:
    assert field in refused(clients.viewer.get(f"{URL}?{query}"), 400)["errors"]


def test_contract_4_the_sum_over_views_is_the_visible_time(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients()
    for n in range(40):
        paths = [(f"v{n % 3}", ""), (f"v{n % 5}", f"t{n % 2}"), (f"v{n % 7}", "")]
        stay(clients.app, f"user{n % 4}", f"k{n}", NOW - 5000 + n, *((n + i, p) for i, p in enumerate(paths)))
    found = stats(clients)
    assert sum(each["sessions"] for each in found.values()) == 40
    for each in found.values():
        parts = [
            sum(seconds.values()) if isinstance(seconds, dict) else seconds
            for seconds in each["tab_duration"].values()
        ]
        assert sum(parts) == each["visible_duration"] > 0
