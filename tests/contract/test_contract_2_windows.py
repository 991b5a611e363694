"""Contract 2: where a period is taken, `start` and `end` may stand in its place."""

from typing import Any

import pytest

from tests.contract.test_errors import assert_error
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.stays import stay

MAC = "AA:BB:CC:DD:EE:01"
HOUR, DAY = 3600, 86400
CALLS = (
    f"/sessions/{MAC}",
    "/sessions/session-events",
    "/sessions/session-events.csv",
    "/sessions/totals",
    f"/devices/{MAC}/statistics",
    "/api/v2/session-stats",
    "/api/v2/session-days",
)
# NOW is 2025-08-15 12:00 UTC; a session a day at 10:00 from the 10th on, the last one still open.
DAYS = range(10, 16)

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def history(clients: Clients) -> Clients:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC)
        for day in DAYS:
            start = NOW - (15 - day) * DAY - 2 * HOUR
            is_open = day == 15
            rows.add_session(tx, device_id, start, None if is_open else start + HOUR, still_connected=is_open)
            rows.add_event(tx, device_id, start, "Connected")
    for day in DAYS:
        start = NOW - (15 - day) * DAY - 2 * HOUR
        stay(clients.app, "anna", f"a{day}", start, (200, ("map", "")), ends=True)
    return clients


def seen(history: Clients, **query: Any) -> dict[str, Any]:
    """How much each call has of that time."""
    get = history.admin.get
    events = get("/sessions/session-events", {**query, "format": "json"}).get_json()
    sessions = get("/sessions/session-events", {**query, "format": "json", "type": "sessions"}).get_json()
    statistics = get(f"/devices/{MAC}/statistics", query).get_json()
    stats = get("/api/v2/session-stats", query).get_json()
    found = {
        "of the device": len(get(f"/sessions/{MAC}", query).get_json()["sessions"]),
        "events": events["total"],
        "events listed": len(events["events"]),
        "sessions": sessions["total"],
        "sessions listed": len(sessions["events"]),
        "csv": get("/sessions/session-events.csv", query).get_data(as_text=True).count(MAC),
        "totals": get("/sessions/totals", query).get_json()[0],
        "totals of sessions": get("/sessions/totals", query).get_json()[1],
        "statistics": statistics["sessions"],
        "stats": sum(each["sessions"] for each in stats),
        "days": sum(each["sessions"] for each in get("/api/v2/session-days", query).get_json()),
    }
    return found


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"period": "all"}, 6),
        ({"period": "100 years"}, 6),
        ({"start": "2025-08-11", "end": "2025-08-12"}, 2),
        ({"start": "2025-08-11T00:00:00Z", "end": "2025-08-13T00:00:00Z"}, 2),
        ({"start": "2025-08-11", "end": "2025-08-13T10:00:00"}, 2),
        ({"start": "2025-08-14"}, 2),
        ({"start": "2025-08-15", "end": "2025-08-20"}, 1),
        ({"start": "2025-08-20", "end": "2025-08-21"}, 0),
        ({"end": "2025-08-11", "period": "1 day"}, 1),
        ({"end": "2025-08-11", "period": "all"}, 2),
        ({"start": "", "end": "", "period": "2 days"}, 2),
        ({"start": "2025-08-14", "end": "", "period": ""}, 2),
    ],
)
def test_contract_2_every_call_with_a_period_takes_start_and_end(
    history: Clients, query: dict[str, str], count: int
) -> None:
    found = seen(history, **query)
    # The open session ends nowhere before now: it reaches into every later time, except of events and people.
    if query == {"start": "2025-08-20", "end": "2025-08-21"}:
        assert found["events"] == found["events listed"] == found["csv"] == found["totals"] == 0
        assert found["stats"] == found["days"] == 0
    else:
        assert found == dict.fromkeys(found, count)


@pytest.mark.parametrize("path", CALLS)
def test_contract_2_what_cannot_be_together_is_refused_by_name(history: Clients, path: str) -> None:
    def wrong(**query: str) -> set[str]:
        return set(assert_error(history.admin.get(path, query), 400, "bad_request")["errors"])

    assert wrong(start="2025-08-11", period="1 day") == {"period"}
    assert wrong(start="2025-08-11", end="2025-08-10") == {"end"}
    assert wrong(start="2025-08-11T10:00", end="2025-08-11T10:00") == {"end"}
    assert wrong(start="soon") == {"start"}
    assert wrong(end="soon") == {"end"}


def test_contract_2_the_answer_names_the_time_it_speaks_of(history: Clients) -> None:
    query = {"start": "2025-08-11", "end": "2025-08-12"}
    for path in ("/sessions/session-events", f"/devices/{MAC}/statistics"):
        answer = history.admin.ok("GET", path, query_string=query)
        assert answer["period"] == "2025-08-11T00:00:00+00:00/2025-08-13T00:00:00+00:00"
        assert history.admin.ok("GET", path, query_string={"period": "7d"})["period"] == "7 days"


def test_contract_2_statistics_of_the_past_end_there(history: Clients) -> None:
    query = {"start": "2025-08-11", "end": "2025-08-12"}
    found = history.admin.ok("GET", f"/devices/{MAC}/statistics", query_string=query)
    assert (found["observed_seconds"], found["connected_seconds"]) == (2 * DAY, 2 * HOUR)
    later = {"start": "2025-08-15T11:00", "end": "2025-08-20"}
    found = history.admin.ok("GET", f"/devices/{MAC}/statistics", query_string=later)
    assert (found["observed_seconds"], found["connected_seconds"]) == (HOUR, HOUR)
