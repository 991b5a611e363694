"""Contract section 3, `GET /sessions/totals`."""

import random

import pytest

from tests.support import rows
from tests.support.application import NOW, Clients

TYPES = ["all", "sessions", "missing", "voided", "new", "down"]
HOUR, DAY = 3600, 86400

pytestmark = pytest.mark.usefixtures("clock")


def fill(clients: Clients, seed: int) -> None:
    """Some 150 sessions and 200 events of four devices over 60 days, of every kind."""
    chance = random.Random(seed)
    kinds = ("Connected", "Disconnected", "New Device", "Device Down", "IP Changed")
    with rows.writing(clients.app) as tx:
        for number in range(4):
            device_id = rows.add_device(tx, f"AA:BB:CC:DD:EE:0{number}")
            at = NOW - 60 * DAY
            while at < NOW - HOUR:
                length = chance.choice((0, HOUR, DAY, 3 * DAY))
                ends = chance.choice(((at, at + length), (at, at + length), (None, at), (at, None)))
                rows.add_session(tx, device_id, *ends)
                at += length + chance.randint(1, DAY)
            if chance.random() < 0.5:
                rows.add_session(tx, device_id, at, None, still_connected=True)
            for second in chance.sample(range(60 * DAY), 50):
                kind, voided = chance.choice(kinds), chance.random() < 0.2
                rows.add_event(tx, device_id, NOW - second, kind, voided=voided)


def test_contract_3_totals_of_nothing_are_six_zeros(clients: Clients) -> None:
    assert clients.viewer.ok("GET", "/sessions/totals") == [0, 0, 0, 0, 0, 0]
    assert clients.viewer.ok("GET", "/sessions/totals?format=named") == dict.fromkeys(TYPES, 0)


@pytest.mark.parametrize("seed", range(4))
def test_contract_3_each_total_equals_the_total_of_its_type(clients: Clients, seed: int) -> None:
    fill(clients, seed)
    for period in ("1 day", "7 days", "1 month", "100 days", "all"):
        query = {"period": period}
        counts = clients.viewer.ok("GET", "/sessions/totals", query_string=query)
        for kind, count in zip(TYPES, counts, strict=True):
            told = {"type": kind, "period": period, "limit": "1000"}
            answer = clients.viewer.ok("GET", "/sessions/session-events", query_string=told)
            assert count == answer["total"] == len(answer["events"]), (kind, period)
        named = clients.viewer.ok("GET", "/sessions/totals", query_string=query | {"format": "named"})
        assert list(named.items()) == list(zip(TYPES, counts, strict=True))
    # Over all time there is something of each kind.
    assert all(counts)


def test_contract_3_totals_are_of_7_days_by_default(clients: Clients) -> None:
    fill(clients, 9)
    of_a_week = clients.viewer.ok("GET", "/sessions/totals?period=7 days")
    assert clients.viewer.ok("GET", "/sessions/totals") == of_a_week
    assert clients.viewer.ok("GET", "/sessions/totals?period=8 days") != of_a_week


@pytest.mark.parametrize("query", [{"period": "soon"}, {"format": "csv"}, {"type": "all"}])
def test_contract_3_totals_names_the_wrong_parameter(clients: Clients, query: dict[str, str]) -> None:
    response = clients.viewer.get("/sessions/totals", query)
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == list(query)
