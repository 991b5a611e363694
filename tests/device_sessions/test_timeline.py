"""`/presence/timeline`: a pixel is covered if and only if a session overlaps it, as the calendar shows it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from time_machine import Traveller

from sessiontrack.database import Statement
from sessiontrack.queries.calendar import CalendarFilter, list_calendar
from sessiontrack.queries.devices import DeviceFilter
from sessiontrack.queries.timeline import (
    CLOSED,
    KINDS,
    MIXED,
    MIXED_MISSING,
    NO_CONNECTION,
    NO_DISCONNECTION,
    OPEN,
    Window,
    list_timeline,
)
from sessiontrack.values.timestamps import IN_UTC
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused

URL = "/presence/timeline"
HOUR, DAY = 3600, 86_400
MAC = "00:00:0C:00:00:01"
WIPE = Statement("DELETE FROM device")
Session = tuple[int | None, int | None, bool]


def bars(client: Any, **query: Any) -> dict[str, list[list[int]]]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return {row["mac"]: row["bars"] for row in answer.json["devices"]}


def test_contract_6_a_row_a_device_a_bar_a_session(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, MAC, "Printer", "Office")
        rows.add_device(tx, "00:00:0C:00:00:02")
        start = NOW - 12 * HOUR
        rows.add_session(tx, device, start - HOUR, start + HOUR)
        rows.add_session(tx, device, None, start + 3 * HOUR)
        rows.add_session(tx, device, start + 4 * HOUR, None)
        rows.add_session(tx, device, start + 8 * HOUR, None, still_connected=True)
    found = clients.viewer.ok("GET", f"{URL}?start=2025-08-15&end=2025-08-15&width=24")
    assert (found["start"], found["end"], found["now"]) == (start, start + DAY, NOW)
    assert (found["width"], found["kinds"]) == (24, list(KINDS))
    second, first = sorted(found["devices"], key=lambda row: row["name"])
    assert first.pop("bars") == [
        [0, 1, CLOSED],
        [2, 3, NO_CONNECTION],
        [4, 5, NO_DISCONNECTION],
        [8, 12, OPEN],
    ]
    assert first == {
        "mac": MAC,
        "name": "Printer",
        "owner": "Office",
        "vendor": first["vendor"],
        "ip": "192.168.1.10",
        "status": "connected",
        "connected_since": "2025-08-15T08:00:00+00:00",
        "last_seen": "2025-08-15T12:00:00+00:00",
    }
    assert second["bars"] == []


def drawn(clients: Clients, sessions: Sequence[Session], window: Window, now: int) -> list[tuple[int, ...]]:
    """The bars of a device with these sessions."""
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, MAC)
        for connected_at, disconnected_at, still in sessions:
            rows.add_session(tx, device, connected_at, disconnected_at, still_connected=still)
        (row,) = list_timeline(tx, DeviceFilter((10, HOUR)), window, 10, 0, now, IN_UTC)
        tx.run(WIPE)
    return [tuple(bar) for bar in decode(row["bars"])]


def test_what_a_pixel_cannot_show_is_merged(clients: Clients) -> None:
    sessions = [(at, at + 10, False) for at in range(0, 1000, 20)]
    assert drawn(clients, sessions, Window(0, 1000, 10), NOW) == [(0, 10, CLOSED)]
    assert len(drawn(clients, sessions, Window(0, 1000, 100), NOW)) == 50
    # One that is open shares a pixel with one that is closed: that pixel alone is mixed.
    mixed = [(0, 150, False), (180, None, True)]
    assert drawn(clients, mixed, Window(0, 1000, 10), 500) == [(0, 1, CLOSED), (1, 2, MIXED), (2, 5, OPEN)]


@pytest.mark.parametrize("other", [(110, 120, False), (130, None, True)], ids=["closed", "open"])
def test_a_missing_end_is_seen_among_what_shares_its_pixel(clients: Clients, other: Session) -> None:
    sessions = [other, (None, 125, False)]
    assert (1, 2, MIXED_MISSING) in drawn(clients, sessions, Window(0, 1000, 10), 150)


def test_an_instant_has_a_pixel_and_the_end_of_the_window_none(clients: Clients) -> None:
    window = Window(0, 1000, 10)
    assert drawn(clients, [(100, 100, False)], window, NOW) == [(1, 2, CLOSED)]
    assert drawn(clients, [(0, 0, False)], window, NOW) == [(0, 1, CLOSED)]
    assert drawn(clients, [(1000, 1000, False)], window, NOW) == []
    assert drawn(clients, [(950, 1100, False)], window, NOW) == [(9, 10, CLOSED)]
    later = Window(10, 1010, 10)
    assert drawn(clients, [(0, 10, False)], later, NOW) == []
    assert drawn(clients, [(0, 11, False), (700, 3000, False)], later, NOW) == [
        (0, 1, CLOSED),
        (6, 10, CLOSED),
    ]


@pytest.mark.parametrize("width", [1, 7, 1000, 8192])
def test_a_session_is_a_bar_from_its_first_pixel_to_its_last(clients: Clients, width: int) -> None:
    """Any seconds of a window whose pixels are no whole seconds."""
    window = Window(NOW, NOW + 9973, width)
    for begin, end in ((0, 1), (1, 9973), (4986, 4987), (13, 8009), (9972, 9973)):
        first, last = begin * width // 9973, (end * width - 1) // 9973
        bar = (first, last + 1, CLOSED)
        assert drawn(clients, [(NOW + begin, NOW + end, False)], window, NOW) == [bar]


def test_devices_that_are_read_after_each_other_have_their_own_bars(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessiontrack.queries.timeline.BATCH", 2)
    with rows.writing(clients.app) as tx:
        for number in range(5):
            device = rows.add_device(tx, f"00:00:0C:00:00:0{number}", f"n{4 - number}")
            rows.add_session(tx, device, 100 * number, 100 * number + 50)
            rows.add_session(tx, device, 100 * number + 100, None)
        found = list(list_timeline(tx, DeviceFilter((10, HOUR)), Window(0, 1000, 10), 10, 0, NOW, IN_UTC))
    at = {row["mac"]: decode(row["bars"]) for row in found}
    assert list(at) == [f"00:00:0C:00:00:0{number}" for number in (4, 3, 2, 1, 0)]
    for number in range(5):
        begin = number + 1
        assert at[f"00:00:0C:00:00:0{number}"] == [[number, begin, CLOSED], [begin, 10, NO_DISCONNECTION]]


stretches = st.lists(
    st.tuples(
        st.integers(1, 3 * HOUR),
        st.integers(1, 2 * DAY) | st.integers(1, 200),
        st.sampled_from(["closed", "closed", "no connection", "no disconnection"]),
    ),
    max_size=12,
)


def laid_out(parts: list[tuple[int, int, str]], is_open: bool) -> list[Session]:
    """One after another, a gap before each."""
    at, found = NOW - 5 * DAY, list[Session]()
    for gap, length, kind in parts:
        at += gap
        end = at + length
        found.append(
            (None if kind == "no connection" else at, None if kind == "no disconnection" else end, False)
        )
        at = end
    if is_open:
        found.append((at + 1, None, True))
    return found


@settings(max_examples=150)
@given(
    parts=stretches,
    is_open=st.booleans(),
    start=st.integers(NOW - 6 * DAY, NOW + DAY),
    length=st.integers(1, 6 * DAY) | st.integers(1, 4 * HOUR),
    width=st.integers(1, 300),
)
def test_contract_6_a_pixel_is_covered_exactly_where_a_session_overlaps_it(
    clients: Clients, parts: list[tuple[int, int, str]], is_open: bool, start: int, length: int, width: int
) -> None:
    window = Window(start, start + length, width)
    with rows.writing(clients.app) as tx:
        tx.run(WIPE)
        device = rows.add_device(tx, MAC)
        for connected_at, disconnected_at, still in laid_out(parts, is_open):
            rows.add_session(tx, device, connected_at, disconnected_at, still_connected=still)
        (row,) = list_timeline(tx, DeviceFilter((10, HOUR)), window, 10, 0, NOW, IN_UTC)
        listed = list_calendar(tx, CalendarFilter(0, NOW + 10 * DAY), None, 0, NOW, IN_UTC)
        everything = [orjson.loads(each) for each in listed]
    shown = [(IN_UTC.parse_start(each["start"]), IN_UTC.parse_start(each["end"])) for each in everything]
    found = decode(row["bars"])
    covered = {pixel for first, after, _ in found for pixel in range(first, after)}
    for pixel in range(width):
        # In units of a second's width-th part: whole numbers.
        begin, end = start * width + pixel * length, start * width + (pixel + 1) * length
        hit = any(b * width < end and (e * width > begin or b * width >= begin) for b, e in shown)
        assert (pixel in covered) == hit, (pixel, shown)
    assert all(first < after for first, after, _ in found)
    assert all(one[1] < two[0] or (one[1] == two[0] and one[2] != two[2]) for one, two in pairwise(found))


def decode(fragment: Any) -> list[list[int]]:
    found: list[list[int]] = orjson.loads(orjson.dumps(fragment))
    return found


def test_contract_6_search_status_sort_and_pages_are_those_of_devices(
    clients: Clients, clock: Traveller
) -> None:
    with rows.writing(clients.app) as tx:
        for number in range(5):
            device = rows.add_device(tx, f"00:00:0C:00:00:0{number}", f"n{4 - number}")
            rows.add_session(
                tx, device, NOW - HOUR, None if number % 2 else NOW, still_connected=number % 2 == 1
            )
    window = {"start": "2025-08-15", "end": "2025-08-15"}
    assert list(bars(clients.viewer, **window, search="n3")) == ["00:00:0C:00:00:01"]
    assert len(bars(clients.viewer, **window, status="connected")) == 2
    assert next(iter(bars(clients.viewer, **window, sort="-name"))) == "00:00:0C:00:00:00"
    page = clients.viewer.get(URL, {**window, "limit": 2, "offset": 2})
    assert (len(page.json["devices"]), page.headers["X-Total-Count"]) == (2, "5")
    assert 'rel="next"' in page.headers["Link"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"end": "2025-08-15"}, "start"),
        ({"start": "2025-08-15"}, "end"),
        ({"start": "2025-08-15", "end": "2025-08-14"}, "end"),
        ({"start": "x", "end": "2025-08-15"}, "start"),
        *(
            ({"start": "2025-08-14", "end": "2025-08-15", "width": w}, "width")
            for w in ("0", "8193", "-1", "1.5")
        ),
        ({"start": "2025-08-14", "end": "2025-08-15", "limit": "1001"}, "limit"),
        ({"start": "2025-08-14", "end": "2025-08-15", "status": "gone"}, "status"),
        ({"start": "2025-08-14", "end": "2025-08-15", "sort": "color"}, "sort"),
    ],
)
def test_contract_6_bad_input_is_refused_by_name(clients: Clients, query: dict[str, str], field: str) -> None:
    assert set(refused(clients.viewer.get(URL, query), 400)["errors"]) == {field}


def test_contract_6_a_local_day_of_25_hours_is_one_window(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    found = clients.viewer.ok("GET", f"{URL}?start=2024-10-27&end=2024-10-27")
    assert found["end"] - found["start"] == 25 * HOUR


def test_contract_6_the_whole_calendar_is_a_window(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        rows.add_session(tx, rows.add_device(tx, MAC), NOW - HOUR, NOW)
    assert len(bars(clients.viewer, start="0001-01-03", end="9999-12-28", width=8192)[MAC]) == 1
