"""Contract section 3, `POST /sessions/create`."""

from typing import Any

import pytest

from tests.support import rows
from tests.support.application import NOW, Clients

MAC = "AA:BB:CC:DD:EE:FF"
TEN = 1_754_042_400  # 2025-08-01 10:00:00 UTC
MINUTE, HOUR = 60, 3600
# The source document's own body.
BODY = {
    "mac": MAC,
    "ip": "192.168.1.10",
    "start_time": "2025-08-01T10:00:00",
    "end_time": "2025-08-01T12:00:00",
    "event_type_conn": "Connected",
    "event_type_disc": "Disconnected",
}
OPEN = {name: BODY[name] for name in ("mac", "ip", "start_time")}


def told(start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    """A body with clock times of the source document's day."""
    times = {"start_time": f"2025-08-01T{start}"} | ({"end_time": f"2025-08-01T{end}"} if end else {})
    return {"mac": MAC, "ip": "192.168.1.10"} | times | more


def create(clients: Clients, body: dict[str, Any]) -> int:
    """The new session's id."""
    created: int = clients.operator.ok("POST", "/sessions/create", body)["id"]
    return created


def refuse(clients: Clients, body: dict[str, Any], status: int, error: str) -> dict[str, Any]:
    """The error's body; a refused create leaves nothing behind."""
    before = rows.stored(clients.app)
    response = clients.operator.post("/sessions/create", body)
    answer: dict[str, Any] = response.get_json()
    assert (response.status_code, answer["success"], answer["error"]) == (status, False, error)
    assert rows.stored(clients.app) == before
    return answer


def sessions(clients: Clients) -> list[tuple[Any, ...]]:
    """(id, connected_at, disconnected_at, still_connected) of all sessions, by their begin."""
    return [(row[0], row[2], row[3], bool(row[4])) for row in rows.stored(clients.app)["sessions"]]


def events(clients: Clients) -> list[tuple[Any, ...]]:
    """(at, type, ip, session_id) of all unvoided events, by time."""
    return [(at, kind, ip, sid) for _, at, kind, ip, _, sid in rows.stored(clients.app)["events"]]


def test_source_document_create_answers_as_printed(clients: Clients) -> None:
    answer = clients.operator.ok("POST", "/sessions/create", BODY)
    session_id = answer.pop("id")
    assert answer == {"success": True, "message": "Session created for MAC AA:BB:CC:DD:EE:FF"}
    facts = (MAC, TEN, TEN + 2 * HOUR, 0, "192.168.1.10", "Connected", "Disconnected")
    assert rows.stored(clients.app)["sessions"] == [(session_id, *facts)]


def test_contract_3_create_needs_only_mac_ip_and_start(clients: Clients) -> None:
    session_id = create(clients, OPEN)
    facts = (MAC, TEN, None, 1, "192.168.1.10", "Connected", "Disconnected")
    assert rows.stored(clients.app)["sessions"] == [(session_id, *facts)]


def test_contract_3_create_takes_null_as_no_end(clients: Clients) -> None:
    session_id = create(clients, OPEN | {"end_time": None})
    assert sessions(clients) == [(session_id, TEN, None, True)]


def test_contract_2_create_answers_the_canonical_mac_and_stores_the_canonical_ip(clients: Clients) -> None:
    body = BODY | {"mac": "aabb.ccdd.eeff", "ip": "2001:DB8:0::1"}
    assert clients.operator.ok("POST", "/sessions/create", body)["message"].endswith(MAC)
    assert rows.stored(clients.app)["sessions"][0][1:6:4] == (MAC, "2001:db8::1")


@pytest.mark.parametrize("missing", ["mac", "ip", "start_time"])
def test_contract_3_create_names_the_missing_field(clients: Clients, missing: str) -> None:
    body = {name: value for name, value in BODY.items() if name != missing}
    assert list(refuse(clients, body, 400, "bad_request")["errors"]) == [missing]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mac", "AA:BB:CC:DD:EE"),
        ("mac", None),
        ("mac", 7),
        ("ip", "192.168.1.256"),
        ("ip", ""),
        ("start_time", "yesterday"),
        ("start_time", "2025-02-30T10:00:00"),
        ("start_time", "1969-12-31T23:59:59"),
        ("start_time", None),
        ("end_time", "2025-08-01T25:00:00"),
        ("end_time", "2025-08-01T09:59:59"),
        ("end_time", "2025-07-31"),
        ("event_type_conn", "x" * 65),
        ("event_type_conn", "two\nlines"),
        ("event_type_disc", "x" * 65),
        ("event_type_disc", 7),
        ("end", "2025-08-01T12:00:00"),
    ],
)
def test_contract_3_create_names_the_wrong_field(clients: Clients, field: str, value: Any) -> None:
    assert list(refuse(clients, BODY | {field: value}, 400, "bad_request")["errors"]) == [field]


def test_contract_3_create_is_for_operators(clients: Clients) -> None:
    assert clients.viewer.post("/sessions/create", BODY).status_code == 403
    assert clients.nobody.post("/sessions/create", BODY).status_code == 401
    assert rows.stored(clients.app) == {"devices": [], "sessions": [], "events": []}


# --- safe to repeat


@pytest.mark.parametrize("body", [BODY, OPEN, told("10:00", "10:00")])
def test_contract_3_create_is_safe_to_repeat(clients: Clients, body: dict[str, Any]) -> None:
    first = clients.operator.ok("POST", "/sessions/create", body)
    before = rows.stored(clients.app)
    assert clients.operator.ok("POST", "/sessions/create", body) == first
    assert rows.stored(clients.app) == before


def test_contract_3_create_knows_the_same_instant_in_other_words(clients: Clients) -> None:
    first = create(clients, BODY)
    other = {
        "mac": "aabbccddeeff",
        "start_time": "2025-08-01 12:00+02:00",
        "end_time": "2025-08-01T12:00:00.9Z",
    }
    assert create(clients, BODY | other) == first
    assert len(sessions(clients)) == 1


def test_contract_3_create_with_an_end_closes_the_open_session(clients: Clients) -> None:
    first = create(clients, OPEN)
    assert create(clients, BODY) == first
    assert sessions(clients) == [(first, TEN, TEN + 2 * HOUR, False)]
    assert events(clients)[1:] == [
        (TEN, "Connected", "192.168.1.10", first),
        (TEN + 2 * HOUR, "Disconnected", "192.168.1.10", first),
    ]


def test_contract_3_closing_by_create_is_safe_to_repeat(clients: Clients) -> None:
    first = create(clients, OPEN)
    closing = BODY | {"ip": "192.168.1.99", "event_type_conn": "Joined", "event_type_disc": "Left"}
    assert create(clients, closing) == first
    before = rows.stored(clients.app)
    assert create(clients, closing) == first
    assert rows.stored(clients.app) == before
    facts = (MAC, TEN, TEN + 2 * HOUR, 0, "192.168.1.99", "Joined", "Left")
    assert before["sessions"] == [(first, *facts)]
    assert events(clients)[-1] == (TEN + 2 * HOUR, "Left", "192.168.1.99", first)


@pytest.mark.parametrize(
    "difference",
    [
        {"ip": "192.168.1.11"},
        {"end_time": "2025-08-01T12:00:01"},
        {"end_time": None},
        {"event_type_conn": "Joined"},
        {"event_type_disc": "Left"},
    ],
)
def test_contract_3_another_session_of_the_same_start_is_a_conflict(
    clients: Clients, difference: dict[str, Any]
) -> None:
    session_id = create(clients, BODY)
    message = refuse(clients, BODY | difference, 409, "conflict")["message"]
    assert f"ession {session_id} of {MAC}" in message


@pytest.mark.parametrize(
    "difference", [{"ip": "192.168.1.11"}, {"event_type_conn": "Joined"}, {"event_type_disc": "Left"}]
)
def test_contract_3_another_open_session_of_the_same_start_is_a_conflict(
    clients: Clients, difference: dict[str, Any]
) -> None:
    create(clients, OPEN)
    refuse(clients, OPEN | difference, 409, "conflict")


def test_contract_3_an_open_create_stays_safe_to_repeat_after_a_later_one(clients: Clients) -> None:
    first = create(clients, OPEN)
    create(clients, told("12:00"))
    before = rows.stored(clients.app)
    assert create(clients, OPEN) == first
    assert rows.stored(clients.app) == before


def test_contract_3_an_end_that_is_reported_late_is_taken(clients: Clients) -> None:
    first = create(clients, OPEN)
    later = create(clients, told("12:00"))
    assert create(clients, BODY) == first
    assert sessions(clients) == [
        (first, TEN, TEN + 2 * HOUR, False),
        (later, TEN + 2 * HOUR, None, True),
    ]
    assert (TEN + 2 * HOUR, "Disconnected", "192.168.1.10", first) in events(clients)
    # As it was before it had an end, and as it is now.
    assert create(clients, OPEN) == create(clients, BODY) == first


def test_contract_3_an_end_that_is_reported_late_overlaps_nothing(clients: Clients) -> None:
    create(clients, OPEN)
    later = create(clients, told("11:59:59"))
    message = refuse(clients, BODY, 409, "conflict")["message"]
    assert f"session {later} of {MAC}" in message


# --- a later session, and overlaps


@pytest.mark.parametrize("end", [None, "13:00"])
def test_contract_3_a_later_session_closes_an_open_one_with_a_missing_disconnection(
    clients: Clients, end: str | None
) -> None:
    first = create(clients, OPEN)
    later = create(clients, told("12:00", end))
    ended = None if end is None else TEN + 3 * HOUR
    assert sessions(clients) == [
        (first, TEN, None, False),
        (later, TEN + 2 * HOUR, ended, end is None),
    ]
    # Nobody saw it go: there is no event of it.
    assert [kind for at, kind, _, sid in events(clients) if sid == first] == ["Connected"]
    lost = clients.viewer.ok("GET", "/sessions/list")["sessions"][0]
    shown = ("ses_Disconnection", "ses_Duration", "ses_DurationSeconds", "ses_StillConnected")
    assert [lost[name] for name in shown] == ["<missing event>", "...", None, False]


@pytest.mark.parametrize("end", [None, "13:00"])
def test_contract_3_an_open_session_that_is_reported_after_a_later_one_has_a_missing_disconnection(
    clients: Clients, end: str | None
) -> None:
    later = create(clients, told("12:00", end))
    first = create(clients, OPEN)
    ended = None if end is None else TEN + 3 * HOUR
    assert sessions(clients) == [
        (first, TEN, None, False),
        (later, TEN + 2 * HOUR, ended, end is None),
    ]
    assert create(clients, OPEN) == first
    assert create(clients, BODY) == first
    assert sessions(clients)[0] == (first, TEN, TEN + 2 * HOUR, False)


def test_contract_3_an_open_session_of_another_device_stays_open(clients: Clients) -> None:
    first = create(clients, OPEN)
    create(clients, told("12:00", mac="AA:BB:CC:DD:EE:00"))
    assert sessions(clients)[0] == (first, TEN, None, True)


@pytest.mark.parametrize(
    ("stored", "new"),
    [
        (("10:00", "12:00"), ("11:00", "13:00")),
        (("10:00", "12:00"), ("09:00", "10:00:01")),
        (("10:00", "12:00"), ("10:30", "11:00")),
        (("10:00", "12:00"), ("09:00", "13:00")),
        (("10:00", "12:00"), ("11:59:59", None)),
        (("10:00", "12:00"), ("11:00", "11:00")),
        (("10:00", "10:00"), ("09:00", "11:00")),
        (("10:00", None), ("09:00", "10:00:01")),
    ],
)
def test_contract_3_an_overlapping_create_is_a_conflict_that_names_the_session(
    clients: Clients, stored: tuple[str, str | None], new: tuple[str, str | None]
) -> None:
    create(clients, told("06:00", "07:00"))
    hit = create(clients, told(*stored))
    create(clients, told("14:00", "15:00", mac="AA:BB:CC:DD:EE:00"))
    message = refuse(clients, told(*new), 409, "conflict")["message"]
    assert f"session {hit} of {MAC}" in message


def test_contract_3_a_refused_create_does_not_close_the_open_session_either(clients: Clients) -> None:
    session_id = create(clients, told("12:00"))
    with rows.writing(clients.app) as tx:
        device_id = tx.value(rows.Statement("SELECT id FROM device"))
        rows.add_session(tx, device_id, None, TEN + 4 * HOUR)
    # It begins later than the open one, which it would close; and it holds a known disconnection.
    refuse(clients, told("13:00", "15:00"), 409, "conflict")
    assert sessions(clients)[0] == (session_id, TEN + 2 * HOUR, None, True)


def test_contract_3_a_refused_create_does_not_date_the_device_earlier(clients: Clients) -> None:
    create(clients, BODY)
    refuse(clients, told("09:00", "11:00"), 409, "conflict")
    assert rows.stored(clients.app)["devices"] == [(MAC, TEN)]


@pytest.mark.parametrize(
    "new", [("12:00", "13:00"), ("09:00", "10:00"), ("12:00", None), ("12:00", "12:00"), ("13:00", "14:00")]
)
def test_contract_3_sessions_may_touch(clients: Clients, new: tuple[str, str | None]) -> None:
    create(clients, BODY)
    create(clients, told(*new))
    assert len(sessions(clients)) == 2


def test_contract_3_the_other_devices_sessions_do_not_matter(clients: Clients) -> None:
    create(clients, BODY)
    create(clients, BODY | {"mac": "AA:BB:CC:DD:EE:00"})
    assert len(sessions(clients)) == 2


def test_contract_3_an_end_that_is_a_day_is_its_last_second(clients: Clients) -> None:
    session_id = create(clients, OPEN | {"end_time": "2025-08-01"})
    assert sessions(clients) == [(session_id, TEN, TEN + 14 * HOUR - 1, False)]


# --- device and events


def test_contract_3_the_first_session_makes_the_device_and_a_new_device_event(clients: Clients) -> None:
    session_id = create(clients, BODY)
    assert rows.stored(clients.app)["devices"] == [(MAC, TEN)]
    assert events(clients) == [
        (TEN, "New Device", "192.168.1.10", None),
        (TEN, "Connected", "192.168.1.10", session_id),
        (TEN + 2 * HOUR, "Disconnected", "192.168.1.10", session_id),
    ]


def test_contract_3_a_known_device_is_not_new_again(clients: Clients) -> None:
    create(clients, BODY)
    create(clients, told("08:00", "09:00"))
    create(clients, told("13:00"))
    clients.operator.ok("DELETE", "/sessions/delete", {"mac": MAC})
    create(clients, told("14:00"))
    assert [event[1] for event in events(clients)].count("New Device") == 1
    assert rows.stored(clients.app)["devices"] == [(MAC, TEN - 2 * HOUR)]


@pytest.mark.parametrize("name", ["x", "y" * 64, "Angemeldet für Gäste"])
def test_contract_3_events_have_the_given_type_names(clients: Clients, name: str) -> None:
    body = BODY | {"event_type_conn": name, "event_type_disc": f"{name[:-1]}!"}
    session_id = create(clients, body)
    assert events(clients)[1:] == [
        (TEN, name, "192.168.1.10", session_id),
        (TEN + 2 * HOUR, f"{name[:-1]}!", "192.168.1.10", session_id),
    ]


def test_contract_3_an_open_session_has_no_disconnection_event(clients: Clients) -> None:
    create(clients, OPEN)
    assert [event[1] for event in events(clients)] == ["New Device", "Connected"]


def test_contract_3_an_open_session_may_begin_in_the_future(clients: Clients, clock: object) -> None:
    create(clients, OPEN | {"start_time": "2025-08-15T12:05:00Z"})
    assert sessions(clients)[0][1] == NOW + 5 * MINUTE
    (session,) = clients.viewer.ok("GET", "/sessions/list")["sessions"]
    assert (session["ses_Duration"], session["ses_DurationSeconds"]) == ("0h 0m", 0)


@pytest.mark.parametrize("day", ["2026-08-15", "2025-08-17", "2025-08-16T13:00:01Z", "2300-01-01T00:00Z"])
def test_an_end_far_ahead_is_refused(clients: Clients, clock: object, day: str) -> None:
    refused = refuse(clients, {**OPEN, "end_time": day}, 400, "bad_request")
    assert refused["errors"] == {"end_time": ["This is more than a day ahead."]}


@pytest.mark.parametrize("day", ["2025-08-15", "2025-08-15T23:59:59Z", "2025-08-16T12:00:00Z"])
def test_an_end_may_be_the_last_instant_of_this_day(clients: Clients, clock: object, day: str) -> None:
    create(clients, {**OPEN, "end_time": day})


def test_a_day_of_25_hours_may_be_an_end_from_its_first_second_on(make_clients: Any, clock: Any) -> None:
    clock.move_to(1_761_429_600)  # 2025-10-26 00:00 in Berlin, where clocks go back on that day
    create(make_clients(TIMEZONE="Europe/Berlin"), {**OPEN, "end_time": "2025-10-26"})
