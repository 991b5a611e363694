"""Rows written as JSON text: the bytes that orjson would write, the times that SiteTime writes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiontrack.queries import calendar, device_sessions, event_rows
from sessiontrack.queries.rendering import quoted
from sessiontrack.values.periods import format_duration
from sessiontrack.values.timestamps import EARLIEST, LATEST, SiteTime

MAC, IP = "AA:BB:CC:DD:EE:FF", "2001:db8::1"
# Days of 23 and 25 hours; offsets that have seconds; a day that was skipped.
ZONES = [SiteTime(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")]
CHANGE = 1_774_746_000  # Europe/Berlin, 2026-03-29
texts = st.text(st.characters(exclude_categories=["Cs"]))
instants = st.one_of(
    st.integers(EARLIEST, LATEST), st.integers(CHANGE - 90_000, CHANGE + 90_000), st.integers(-3 * 10**9, 0)
)
sites = st.sampled_from(ZONES)


def canonical(text: str) -> Any:
    """What the text says, which must be as orjson writes it."""
    body = orjson.loads(text)
    assert orjson.dumps(body).decode() == text
    return body


@given(texts)
def test_a_text_is_quoted_as_orjson_does(text: str) -> None:
    assert quoted[text] == orjson.dumps(text).decode()


def test_quoted_texts_are_forgotten_before_they_are_too_many() -> None:
    for number in range(10_000):
        assert quoted[str(number)] == f'"{number}"'
    assert len(quoted) <= 4096


@given(site=sites, at=instants)
def test_parts_are_what_the_formats_are_made_of(site: SiteTime, at: int) -> None:
    day, minute, second, offset = site.parts(at)
    assert f"{day} {minute}" == site.format_minute(at)
    assert f"{day}T{minute}{second}" == site.format_second(at)
    assert f"{day}T{minute}{second}{offset}" == site.format_offset(at)


@given(
    site=sites,
    ends=st.tuples(instants, instants),
    info=texts,
    shape=st.sampled_from(["closed", "open", "begin", "end"]),
)
def test_a_session_of_a_list(site: SiteTime, ends: tuple[int, int], info: str, shape: str) -> None:
    begin, end = sorted(ends)
    row = (
        7,
        MAC,
        None if shape == "end" else begin,
        end if shape in ("closed", "end") else None,
        shape == "open",
        IP,
        info,
    )
    (text,) = device_sessions._written(iter([row]), end, site, camel=False)
    seconds = end - begin if shape in ("closed", "open") else None
    assert canonical(text) == {
        "id": 7,
        "ses_DateTimeOrder": site.format_offset(end if shape == "end" else begin),
        "ses_MAC": MAC,
        "ses_Connection": "<missing event>" if shape == "end" else site.format_minute(begin),
        "ses_Disconnection": {"open": "...", "begin": "<missing event>"}.get(shape, site.format_minute(end)),
        "ses_Duration": "..." if seconds is None else format_duration(seconds),
        "ses_IP": IP,
        "ses_Info": info,
        "ses_StillConnected": shape == "open",
        "ses_DateTimeConnection": None if shape == "end" else site.format_offset(begin),
        "ses_DateTimeDisconnection": site.format_offset(end) if shape in ("closed", "end") else None,
        "ses_DurationSeconds": seconds,
    }


@given(site=sites, ends=st.tuples(instants, instants))
def test_a_calendar_event(site: SiteTime, ends: tuple[int, int]) -> None:
    begin, end = sorted(ends)
    (text,) = calendar._written(iter([(MAC, IP, begin, end, 0, begin, end, 7)]), site)
    assert canonical(text) == {
        "resourceId": MAC,
        "title": "",
        "start": site.format_second(begin),
        "end": site.format_second(end),
        "color": "#00a659",
        "tooltip": (
            f"Connection: {site.format_minute(begin)}\nDisconnection: {site.format_minute(end)}\nIP: {IP}"
        ),
        "className": "no-border",
    }


@given(site=sites, at=instants, named=st.tuples(texts, texts, texts, texts), voided=st.booleans())
def test_an_event(site: SiteTime, at: int, named: tuple[str, str, str, str], voided: bool) -> None:
    name, owner, info, kind = named
    row = (3, at, MAC, name, owner, IP, info, kind, 0, voided, "deleted", at, owner)
    assert event_rows.event_object(row, at, site) == {
        "id": 3,
        "mac": MAC,
        "name": name,
        "owner": owner,
        "ip": IP,
        "time": site.format_minute(at),
        "type": kind,
        "info": info,
        "at": site.format_offset(at),
        "explanation": {"code": "deleted", "at": site.format_offset(at), "source": owner} if voided else None,
    }


@pytest.mark.parametrize("still_connected", [True, False, 1, 0])
def test_a_session_among_the_events(still_connected: Any) -> None:
    row = (3, 100, MAC, 'na"me', "", IP, "", 100, None, still_connected, None)
    found = event_rows.session_object(row, 160, ZONES[0])
    assert found["still_connected"] is bool(still_connected)
    assert found["name"] == 'na"me'
    assert found["duration_seconds"] == (60 if still_connected else None)
    assert found["disconnection"] == ("..." if still_connected else "<missing event>")
