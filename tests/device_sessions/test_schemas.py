"""What the calls of the device dialect take, by their schemas alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError

from sessiontrack.schemas.device_sessions import (
    SORT_COLUMNS,
    Calendar,
    CalendarAnswer,
    CalendarEvent,
    CreateSession,
    CreateSessionAnswer,
    DeleteSessions,
    DeleteSessionsAnswer,
    DeviceSessionAnswer,
    DeviceSessions,
    DeviceSessionsAnswer,
    EventRow,
    Explanation,
    ExportEvents,
    ListSessions,
    SessionEvents,
    SessionsAnswer,
    Totals,
)
from sessiontrack.schemas.fields import read_times_in
from sessiontrack.values.reports import NewSession
from sessiontrack.values.timestamps import IN_UTC

MAC = "AA:BB:CC:DD:EE:FF"
BODY = {"mac": "aabb.ccdd.eeff", "ip": "192.168.1.10", "start_time": "2025-08-01T10:00:00"}
TEN = 1_754_042_400


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    read_times_in(IN_UTC)
    return


def errors(schema: Any, given: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        schema.load_given(schema.in_own_names(given))
    return dict(caught.value.messages_dict)


def test_a_session_is_loaded_with_its_defaults() -> None:
    assert CreateSession().load_given(BODY) == NewSession(MAC, "192.168.1.10", TEN)
    whole = {**BODY, "end_time": "2025-08-01T12:00:00", "event_type_conn": "a", "event_type_disc": "b" * 64}
    assert CreateSession().load_given(whole) == NewSession(
        MAC, "192.168.1.10", TEN, TEN + 7200, "a", "b" * 64
    )
    empty = {**BODY, "end_time": None, "event_type_conn": "", "event_type_disc": None}
    assert CreateSession().load_given(empty) == NewSession(MAC, "192.168.1.10", TEN)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"end_time": "2025-08-01T09:59:59"}, {"end_time": ["Must not be before start_time."]}),
        ({"start_time": "1969-12-31T23:59:59"}, {"start_time": ["Must not be before 1970."]}),
        ({"mac": "00:00:00:00:00:00"}, {"mac": []}),
        ({"event_type_conn": "a" * 65}, {"event_type_conn": ["Length must be between 1 and 64."]}),
        ({"event_type_disc": "a" * 65}, {"event_type_disc": ["Length must be between 1 and 64."]}),
        ({"source": "x"}, {"source": ["Unknown field."]}),
    ],
)
def test_what_no_session_can_be_is_refused_by_its_name(
    change: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    found = errors(CreateSession(), {**BODY, **change})
    assert found.keys() == expected.keys()
    assert all(texts in ([], found[name]) for name, texts in expected.items())


def test_an_instant_and_the_beginning_of_1970_are_sessions() -> None:
    found = CreateSession().load_given(
        {**BODY, "start_time": "1970-01-01T00:00:00", "end_time": "1970-01-01 00:00"}
    )
    assert (found.start, found.end) == (0, 0)


@pytest.mark.parametrize("name", ["mac", "ip", "start_time"])
def test_what_a_session_needs(name: str) -> None:
    assert errors(CreateSession(), {**BODY, name: ""}).keys() == {name}
    assert errors(CreateSession(), {key: value for key, value in BODY.items() if key != name}).keys() == {
        name
    }


def test_lists_have_all_and_begin_at_the_first() -> None:
    nothing = {"limit": None, "offset": 0}
    assert ListSessions().load_given({}) == {"mac": None, "start_date": None, "end_date": None, **nothing}
    asked = {
        "mac": MAC.lower(),
        "start_date": "2025-08-01",
        "end_date": "2025-08-01",
        "limit": "1",
        "offset": "2",
    }
    day = TEN - 36_000
    expected = {"mac": MAC, "start_date": day, "end_date": day + 86_399, "limit": 1, "offset": 2}
    assert ListSessions().load_given(asked) == expected
    assert errors(ListSessions(), {"limit": "0"}).keys() == {"limit"}
    assert errors(ListSessions(), {"limit": "1001"}).keys() == {"limit"}
    assert DeleteSessions().load_given({}) == {}


def test_a_calendar_has_two_ends_in_order() -> None:
    found = Calendar().load_given({"start": "2025-08-01", "end": "2025-08-01"})
    assert (found["start"], found["end"]) == (TEN - 36_000, TEN - 36_000 + 86_400)
    instant = "2025-08-01T10:00:00"
    assert errors(Calendar(), {"start": instant, "end": instant}) == {"end": ["Must be after start."]}
    assert errors(Calendar(), {}).keys() == {"start", "end"}


def test_periods_have_a_default_of_their_own() -> None:
    assert [str(schema().load_given({})["period"]) for schema in (DeviceSessions, ExportEvents, Totals)] == [
        "1 day",
        "7 days",
        "7 days",
    ]
    assert Totals().load_given({})["format"] == "list"


def test_rows_are_ordered_by_number_or_name_the_newest_first() -> None:
    def order(**given: str) -> Any:
        return SessionEvents().load_given(SessionEvents().in_own_names(given))["order"]

    assert order() == (("order_time", True),)
    assert order(sortCol="9", sortDir="asc") == (("ip", False),)
    assert order(sortCol="owner") == (("owner", True),)
    assert order(order="-name,ip") == (("name", True), ("ip", False))
    assert [order(sortCol=str(number))[0][0] for number in range(15)] == list(SORT_COLUMNS)
    assert errors(SessionEvents(), {"sortCol": "15"}).keys() == {"sortCol"}
    assert "At most 3 columns." in errors(SessionEvents(), {"order": "name,ip,mac,info"})["order"]
    assert "separated by commas" in errors(SessionEvents(), {"order": "name,what"})["order"][0]
    assert order(order="name,ip,mac") == (("name", False), ("ip", False), ("mac", False))


def test_pages_and_offsets_are_of_one_another() -> None:
    def page(**given: str) -> tuple[int, int, int]:
        found = SessionEvents().load_given(SessionEvents().in_own_names(given))
        return found["page"], found["limit"], found["offset"]

    assert page() == (1, 100, 0)
    assert page(page="3", limit="20") == (3, 20, 40)
    assert page(offset="40", limit="20") == (3, 20, 40)
    assert page(offset="39", limit="20") == (2, 20, 39)
    assert page(offset="0", limit="20") == (1, 20, 0)
    assert page(limit="100000") == (1, 1000, 0)
    assert page(limit="1000", format="json") == (1, 1000, 0)
    assert errors(SessionEvents(), {"limit": "1001", "format": "json"}) == {
        "limit": ["Must be at most 1000."]
    }
    assert page(limit=str(10**9)) == (1, 1000, 0)
    assert page(page=str(10**12), limit="1") == (10**12, 1, 10**12 - 1)
    for name, most in (("limit", 10**9), ("page", 10**12), ("offset", 10**12)):
        assert errors(SessionEvents(), {name: str(most + 1)}).keys() == {name}
    assert errors(SessionEvents(), {"page": "0"}).keys() == {"page"}
    assert errors(SessionEvents(), {"limit": "0"}).keys() == {"limit"}
    assert errors(SessionEvents(), {"offset": "-1"}).keys() == {"offset"}


def test_datatables_own_parameters_are_understood() -> None:
    sent = {
        "start": "20",
        "length": "10",
        "search[value]": "tv",
        "order[0][column]": "1",
        "order[0][dir]": "asc",
    }
    found = SessionEvents().load_given(SessionEvents().in_own_names(sent))
    assert (found["page"], found["limit"], found["offset"], found["search"]) == (3, 10, 20, "tv")
    assert found["order"] == (("name", False),)


def test_no_parameter_may_be_null_but_an_end() -> None:
    for schema in (ListSessions, Calendar, DeviceSessions, ExportEvents, SessionEvents, Totals):
        assert [name for name, field in schema().fields.items() if field.allow_none] == []
    assert [name for name, field in CreateSession().fields.items() if field.allow_none] == ["end_time"]


@pytest.mark.parametrize(
    "answer",
    [
        *(CreateSessionAnswer, DeleteSessionsAnswer, SessionsAnswer, DeviceSessionsAnswer, CalendarAnswer),
        *(DeviceSessionAnswer, CalendarEvent, Explanation),
    ],
)
def test_an_answer_has_all_its_fields(answer: Any) -> None:
    assert [name for name, field in answer().fields.items() if not field.required] == []


def test_a_row_of_events_and_one_of_sessions_have_these_fields_in_common() -> None:
    common = [name for name, field in EventRow().fields.items() if field.required]
    assert common == ["id", "mac", "name", "owner", "ip", "info"]
