"""Contract 2: how instants, days and periods are read, and how they are written."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.test_errors import MAC, SESSION, assert_error
from tests.support.application import Clients

AT_10 = "2025-08-01T10:00:00+00:00"


def created(clients: Clients, **fields: str) -> dict[str, Any]:
    """The one session of a new database, as it is listed."""
    clients.operator.ok("POST", "/sessions/create", {**SESSION, **fields})
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    found: dict[str, Any] = session
    return found


@pytest.fixture
def berlin(make_clients: Callable[..., Clients]) -> Clients:
    return make_clients(TIMEZONE="Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-01T10:00:00",
        "2025-08-01 10:00:00",
        "2025-08-01T10:00",
        "2025-08-01 10:00",
        "2025-08-01T10:00:00.999999",
        "2025-08-01T10:00:00.5Z",
        "2025-08-01T10:00:00Z",
        "2025-08-01T10:00Z",
        "2025-08-01T12:00:00+02:00",
        "2025-08-01T12:00+02:00",
        "2025-08-01 12:00:00+0200",
        "2025-08-01T12:00:00+02",
        "2025-08-01T05:30:00-04:30",
    ],
)
def test_contract_2_instants_in_every_form(clients: Clients, text: str) -> None:
    assert created(clients, start_time=text)["ses_DateTimeConnection"] == AT_10
    for query in (f"start_date={quote(text)}", f"start_date={text.replace('+', '%2B')}"):
        assert len(clients.viewer.ok("GET", f"/sessions/list?{query}")["sessions"]) == 1
    later = text.replace("10:00", "10:01").replace("12:00", "12:01").replace("05:30", "05:31")
    assert clients.viewer.ok("GET", f"/sessions/list?start_date={quote(later)}")["sessions"] == []


@pytest.mark.parametrize(
    "text", ["2025-08-01T12:00:00+02:00", "2025-08-01T12:00+0200", "2025-08-01T12:00+02"]
)
def test_contract_2_a_plus_that_was_decoded_to_a_blank_is_understood(clients: Clients, text: str) -> None:
    created(clients)
    after = text.replace("12:00", "12:01", 1)
    assert len(clients.viewer.ok("GET", f"/sessions/list?start_date={text}")["sessions"]) == 1
    assert clients.viewer.ok("GET", f"/sessions/list?start_date={after}")["sessions"] == []
    window = f"start={text}&end=2025-08-01T13:00:00+02:00"
    assert len(clients.viewer.ok("GET", f"/sessions/calendar?{window}")["sessions"]) == 1


def test_contract_2_a_naive_instant_is_in_site_time(berlin: Clients) -> None:
    session = created(berlin, start_time="2025-08-01T10:00:00", end_time="2025-08-01T12:00:00Z")
    assert session["ses_Connection"] == "2025-08-01 10:00"
    assert session["ses_Disconnection"] == "2025-08-01 14:00"
    assert session["ses_Duration"] == "4h 0m"
    assert session["ses_DateTimeConnection"] == "2025-08-01T10:00:00+02:00"
    window = {"start": "2025-08-01", "end": "2025-08-01"}
    (shown,) = berlin.viewer.ok("GET", "/sessions/calendar", query_string=window)["sessions"]
    assert (shown["start"], shown["end"]) == ("2025-08-01T10:00:00", "2025-08-01T14:00:00")
    assert shown["tooltip"].startswith("Connection: 2025-08-01 10:00\nDisconnection: 2025-08-01 14:00\n")


@pytest.mark.parametrize(
    ("naive", "instant"),
    [
        # The gap of spring: 02:00 to 03:00 does not exist.
        ("2025-03-30T01:59:59", "2025-03-30T01:59:59+01:00"),
        ("2025-03-30T02:30:00", "2025-03-30T03:30:00+02:00"),
        ("2025-03-30T03:00:00", "2025-03-30T03:00:00+02:00"),
        # Autumn: 02:00 to 03:00 happens twice.
        ("2025-10-26T02:30:00", "2025-10-26T02:30:00+02:00"),
        ("2025-10-26T02:30:00+01:00", "2025-10-26T02:30:00+01:00"),
        ("2025-10-26T03:00:00", "2025-10-26T03:00:00+01:00"),
    ],
)
def test_contract_2_naive_instants_at_clock_changes(berlin: Clients, naive: str, instant: str) -> None:
    assert created(berlin, start_time=naive)["ses_DateTimeConnection"] == instant


def test_contract_2_a_day_alone_starts_with_its_first_instant(berlin: Clients) -> None:
    session = created(berlin, start_time="2025-08-01")
    assert session["ses_DateTimeConnection"] == "2025-08-01T00:00:00+02:00"


def test_contract_2_a_day_alone_ends_with_its_last_instant(berlin: Clients) -> None:
    session = created(berlin, start_time="2025-10-26", end_time="2025-10-26")
    assert session["ses_DateTimeDisconnection"] == "2025-10-26T23:59:59+01:00"
    # The day of the autumn change has 25 hours.
    assert session["ses_DurationSeconds"] == 25 * 3600 - 1


def test_contract_2_days_alone_as_the_ends_of_a_list(berlin: Clients) -> None:
    first_and_last = {
        "start_time": "2025-07-31T22:00:00Z",
        "end_time": "2025-08-01T21:59:59Z",
    }
    created(berlin, **first_and_last)

    def listed(start: str, end: str) -> int:
        query = {"start_date": start, "end_date": end}
        return len(berlin.viewer.ok("GET", "/sessions/list", query_string=query)["sessions"])

    assert listed("2025-08-01", "2025-08-01") == 1
    assert listed("2025-08-02", "2025-08-02") == 0
    assert listed("2025-07-31", "2025-07-31") == 0


def test_contract_2_formatted_instants_are_in_site_time_and_cut_to_the_minute(berlin: Clients) -> None:
    session = created(berlin, start_time="2025-08-01T21:59:59Z", end_time="2025-08-01T22:00:59Z")
    assert session["ses_Connection"] == "2025-08-01 23:59"
    assert session["ses_Disconnection"] == "2025-08-02 00:00"
    assert session["ses_Duration"] == "0h 1m"


@pytest.mark.parametrize(
    ("text", "name"),
    [("1754042400", "started_after"), ("2025-08-01T12:00:00%2B02:00", "started_after")],
)
def test_contract_2_timestamps_are_epoch_seconds_or_iso(
    clients: Clients, clock: Any, text: str, name: str
) -> None:
    clock.move_to(1_754_042_401)
    clients.viewer.ok("POST", "/api/v2/sessionstart")
    assert len(clients.viewer.ok("GET", f"/api/v2/sessions?{name}={text}")) == 1
    clock.move_to(1_754_042_400 + 10_000)
    clients.operator.ok("POST", "/api/v2/sessionstart")
    ended = clients.viewer.ok("GET", "/api/v2/sessions?stopped_before=1754042402")
    assert [each["username"] for each in ended] == ["viewer"]
    assert clients.viewer.ok("GET", "/api/v2/sessions?stopped_before=1754042401") == []
    assert len(clients.viewer.ok("GET", "/api/v2/sessions?started_after=1754042401")) == 1


# --- periods; now is 2025-08-15 12:00 UTC

SHOWN = "/sessions/" + MAC


def overlaps(clients: Clients, period: str) -> bool:
    """Whether the session is in the period; it is put into the URL as it stands."""
    return len(clients.viewer.ok("GET", f"{SHOWN}?period={period}")["sessions"]) == 1


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("end", "inside", "outside"),
    [
        ("2025-08-15T11:30", ["30 min", "30min", "30 minutes", "1h", "1 HOUR"], ["29 min", "1 minute"]),
        ("2025-08-14T12:00", ["24h", "1d", "1 day", "1 Day", "1  day"], ["23h", "23 hours 59 minutes"]),
        (
            "2025-08-08T12:00",
            ["7 days", "7%20days", "7+days", "7d", "1w", "1 week", "7DAYS"],
            ["6d", "6 days"],
        ),
        ("2025-08-01T12:00", ["2w", "2 weeks", "14+days", "1 week 7 days"], ["13 days", "1w6d23h"]),
        ("2025-07-15T12:00", ["1 month", "1mo", "1 months", "31 days"], ["30 days", "4 weeks"]),
        ("2025-05-15T12:00", ["3mo", "3 months", "92 days"], ["2mo", "91 days"]),
        ("2024-08-15T12:00", ["1y", "1 year", "12 months", "365 days"], ["364 days", "11 months"]),
        ("2025-08-14T00:00", ["1 day 12 hours", "1d12h", "36h"], ["1 day 11 hours"]),
        ("1970-01-01T00:00", ["all", "ALL", "All"], ["55 years"]),
    ],
)
def test_contract_2_periods(clients: Clients, end: str, inside: list[str], outside: list[str]) -> None:
    clients.operator.ok("POST", "/sessions/create", {**SESSION, "start_time": end, "end_time": end})
    for period in inside:
        assert overlaps(clients, period), period
    for period in outside:
        assert not overlaps(clients, period), period


def test_contract_2_a_month_before_the_31st_of_march_is_the_last_of_february(
    clients: Clients, clock: Any
) -> None:
    session = {**SESSION, "start_time": "2024-02-29T11:00", "end_time": "2024-02-29T12:00"}
    clients.operator.ok("POST", "/sessions/create", session)
    clock.move_to(1_711_886_400)  # 2024-03-31 12:00 UTC
    assert overlaps(clients, "1 month")
    clock.move_to(1_711_886_401)
    assert not overlaps(clients, "1 month")


def test_contract_2_days_are_calendar_days_in_site_time(berlin: Clients, clock: Any) -> None:
    session = {**SESSION, "start_time": "2025-03-29T11:00", "end_time": "2025-03-29T12:00"}
    berlin.operator.ok("POST", "/sessions/create", session)
    clock.move_to(1_743_328_800)  # 2025-03-30 12:00 in Berlin, 23 hours after
    assert overlaps(berlin, "1 day")
    clock.move_to(1_743_328_801)
    assert not overlaps(berlin, "1 day")
    assert overlaps(berlin, "24h")


@pytest.mark.parametrize(
    "period",
    [
        "0 days",
        "-1 day",
        "1.5 days",
        "7",
        "days",
        "7 parsecs",
        "1 m",
        "all 7 days",
        "9" * 30 + " days",
        "7 days;",
        "\x00",
    ],
)
@pytest.mark.parametrize(
    "path", [SHOWN, "/sessions/session-events", "/sessions/totals", "/api/v2/session-stats"]
)
def test_contract_2_other_periods_are_400_and_named(clients: Clients, path: str, period: str) -> None:
    body = assert_error(clients.viewer.get(path, {"period": period}), 400, "bad_request")
    assert set(body["errors"]) == {"period"}
    assert "<n> <unit>" in body["message"]
    assert "all" in body["message"]
