"""Contract section 2: how instants are read and written in site time."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import datetime_ambiguous, datetime_exists, resolve_imaginary
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessiontrack.exceptions import InvalidInstant, InvalidSetting
from sessiontrack.values import timestamps
from sessiontrack.values.timestamps import EARLIEST, INSTANT_FORMS, LATEST, TIMESTAMP_FORMS, SiteTime

DAY = 86_400
ZONES = (
    "UTC",
    "Africa/Casablanca",  # DST is the standard, and leaves off for Ramadan
    "Africa/Monrovia",  # -00:44:30 until 1972
    "America/Sao_Paulo",  # gaps over midnight
    "America/St_Johns",  # half hours; until 2011 changes at 00:01
    "America/Toronto",  # 1919: a gap from 23:30 to 00:30
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of DST
    "Europe/Berlin",
    "Europe/Dublin",  # negative DST
    "Pacific/Apia",  # no 2011-12-30
    "Pacific/Kwajalein",  # no 1993-08-21; most of 1969-09-30 twice
)
BERLIN = SiteTime("Europe/Berlin")
AUGUST = 1_754_035_200  # 2025-08-01T08:00:00Z, 10:00 in Berlin
PARSERS = ("parse_start", "parse_end", "parse_end_exclusive", "parse_timestamp_start", "parse_timestamp_end")
fast = settings(max_examples=150)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@cache
def site(name: str) -> SiteTime:
    return SiteTime(name)


def is_read_or_refused(name: str, parser: str, text: str) -> bool:
    """Whether a text gives an instant in the range, or an error that names the accepted forms."""
    try:
        return EARLIEST <= getattr(site(name), parser)(text) <= LATEST
    except InvalidInstant as error:
        return INSTANT_FORMS in error.message


@cache
def changes(name: str) -> tuple[int, ...]:
    """Every instant from 1880 to 2040 at which a zone's offset changes."""
    zone, found = ZoneInfo(name), []

    def offset(at: int) -> timedelta | None:
        return datetime.fromtimestamp(at, zone).utcoffset()

    step = 3 * DAY
    for start in range(epoch("1880-01-01T00:00Z"), epoch("2040-01-01T00:00Z"), step):
        low, high = start, start + step
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high)
    return tuple(found) or (0,)


def near_a_change(name: str, reach: int) -> st.SearchStrategy[int]:
    return st.builds(int.__add__, st.sampled_from(changes(name)), st.integers(-reach, reach))


zones = st.sampled_from(ZONES)
instants = st.integers(EARLIEST, LATEST) | st.integers(0, 2**31)
zones_and_instants = zones.flatmap(
    lambda name: st.tuples(
        st.just(name), near_a_change(name, 4_000) | near_a_change(name, 2 * DAY) | instants
    )
)


# Reading


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-01T10:00:00+02:00",
        "2025-08-01T10:00:00+0200",
        "2025-08-01T10:00:00+02",
        "2025-08-01T10:00+02:00",
        "2025-08-01 10:00+02:00",
        "2025-08-01t08:00z",
        "2025-08-01T08:00:00Z",
        "2025-08-01T08:00:00.999Z",
        "2025-08-01T08:00:00,9Z",
        "2025-08-01T08:00:00.99999999999999999999Z",
        "2025-08-01T10:00:00.5 +02:00",
        "2025-08-01T10:00:00 +02:00",
        "2025-08-01T06:00:00-02:00",
        "2025-08-01T06:00:00 -0200",
        "2025-08-01T07:15:30-00:44:30",
        "2025-08-01T08:00:00-00:00",
        "2025-08-02T07:59:59+23:59:59",
        " \t2025-08-01T10:00:00+02:00\r\n",
        "2025-08-01T10:00:00",
        "2025-08-01T10:00",
        "2025-08-01 10:00",
        "2025-08-01 10:00:00.25",
    ],
)
@pytest.mark.parametrize("parser", PARSERS)
def test_contract_2_iso_8601_with_or_without_t_seconds_fractions_and_offset(parser: str, text: str) -> None:
    assert getattr(BERLIN, parser)(text) == AUGUST


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-01T10:00:00 02:00",
        "2025-08-01T10:00:00 0200",
        "2025-08-01T10:00 02",
        "2025-08-01 10:00 02:00",
        "2025-08-01 10:00:00.123 02:00",
        "2025-08-01 10:00:00  02:00",
        "2025-08-01T08:44:30 00:44:30",
    ],
)
def test_contract_2_plus_decoded_to_a_blank_in_an_offset_is_understood(text: str) -> None:
    assert site("Asia/Kolkata").parse_start(text) == AUGUST


def test_contract_2_fraction_is_cut_off_before_1970_too() -> None:
    assert BERLIN.parse_start("1969-12-31T23:59:58.9Z") == -2


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "2025-08",
        "2025-W31-5",
        "2025-213",
        "20250801T100000Z",
        "2025-8-1",
        "2025-02-29",
        "2025-13-01",
        "2025-00-10",
        "2025-08-00",
        "0000-01-01",
        "0000-01-01T00:00:00Z",
        "10000-01-01",
        "-2025-08-01",
        "+2025-08-01",
        "2025-08-01T",
        "2025-08-01T10",
        "2025-08-01T10Z",
        "2025-08-01T1000",
        "2025-08-01T24:00",
        "2025-08-01T10:60",
        "2025-08-01T10:00:60",
        "2025-08-01T10:00:00.",
        "2025-08-01T10:00.5",
        "2025-08-01T10:00:00Z.5",
        "2025-08-01  10:00",
        "2025-08-01_10:00",
        "2025-08-01\n10:00",
        "2025-08-01T10:00:00Z+02:00",
        "2025-08-01T10:00:00+2",
        "2025-08-01T10:00:00+24:00",
        "2025-08-01T10:00:00+99",
        "2025-08-01T10:00:00+02:60",
        "2025-08-01T10:00:00+02:00:60",
        "2025-08-01T10:00:00+02:",
        "2025-08-01T10:00:00  +02:00",
        "2025-08-01T10:00:00   02:00",
        "2025-08-01T10:00:00+ 02:00",
        "2025-08-01T10:00:00\N{MINUS SIGN}02:00",
        "2025-08-01T10:00:00 CEST",
        "2025-08-01T10:00:00[Europe/Berlin]",
        "2025-08-01Z",
        "2025-08-01+02:00",
        "2025-08-01\0",
        "\N{ARABIC-INDIC DIGIT TWO}025-08-01",
        "202\N{FULLWIDTH DIGIT FIVE}-08-01",
        "2025-08-01T10:00:0\N{SUPERSCRIPT TWO}",
        "\ud800",
        "9" * 10_000,
        "0" * 10_000 + "x",
        "2025-08-01T10:00:00." + "9" * 10_000 + "x",
        "-1754042400",
        "+1754042400",
        "1754042400.5",
        "1_754_042_400",
        "1e9",
        "\N{ARABIC-INDIC DIGIT ONE}754042400",
        # outside the range
        "0001-01-01",
        "0001-01-02T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31",
        "9999-12-30T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "999999999999",
    ],
)
@pytest.mark.parametrize("parser", PARSERS)
def test_contract_2_unreadable_instant_is_refused_naming_the_accepted_forms(parser: str, text: str) -> None:
    with pytest.raises(InvalidInstant) as caught:
        getattr(BERLIN, parser)(text)
    assert caught.value.message == (
        TIMESTAMP_FORMS if parser.startswith("parse_timestamp") else INSTANT_FORMS
    )


@pytest.mark.parametrize("parser", ["parse_start", "parse_end", "parse_end_exclusive"])
@pytest.mark.parametrize("text", ["7", "2025", "20250801", "1754042400"])
def test_contract_2_bare_number_is_an_instant_only_where_a_timestamp_is_asked(parser: str, text: str) -> None:
    with pytest.raises(InvalidInstant):
        getattr(BERLIN, parser)(text)
    assert BERLIN.parse_timestamp_start(text) == int(text)


def test_contract_2_refusal_names_the_accepted_forms() -> None:
    for form in ("YYYY-MM-DD,", "YYYY-MM-DDTHH:MM", "blank", "Z", "+02:00", "site time"):
        assert form in INSTANT_FORMS
    assert TIMESTAMP_FORMS.startswith(INSTANT_FORMS)
    assert "epoch seconds" in TIMESTAMP_FORMS


@given(
    name=zones,
    parser=st.sampled_from(PARSERS),
    text=st.text() | st.text("0123456789-:TtZz+., \0", max_size=32),
)
@fast
@example(name="UTC", parser="parse_start", text="9999-99-99T99:99:99+99:99")
def test_contract_2_no_text_raises_anything_but_invalid_instant(name: str, parser: str, text: str) -> None:
    assert is_read_or_refused(name, parser, text)


@given(
    name=zones,
    parser=st.sampled_from(PARSERS),
    year=st.sampled_from((0, 1, 2, 1919, 1993, 2011, 9_998, 9_999)) | st.integers(0, 9_999),
    month=st.integers(0, 13),
    day=st.integers(0, 32),
    clock=st.sampled_from(("", "T00:00", " 23:59:59", "T12:00Z", "T00:00+23:59:59", "T23:59:59-23:59:59")),
)
@fast
def test_contract_2_no_date_raises_anything_but_invalid_instant(
    name: str, parser: str, year: int, month: int, day: int, clock: str
) -> None:
    assert is_read_or_refused(name, parser, f"{year:04}-{month:02}-{day:02}{clock}")


def test_contract_2_accepted_range_ends_where_the_constants_say() -> None:
    utc = site("UTC")
    assert epoch("0001-01-03T00:00:00+00:00") == EARLIEST
    assert epoch("9999-12-29T23:59:59+00:00") == LATEST
    assert utc.parse_start("0001-01-03") == utc.parse_start("0001-01-03T00:00:00Z") == EARLIEST
    assert utc.parse_end("9999-12-29") == utc.parse_timestamp_end(str(LATEST)) == LATEST
    assert utc.format_offset(EARLIEST) == "0001-01-03T00:00:00+00:00"
    assert utc.format_offset(LATEST) == "9999-12-29T23:59:59+00:00"
    with pytest.raises(InvalidInstant):
        utc.parse_timestamp_start(str(LATEST + 1))
    with pytest.raises(InvalidInstant):
        utc.parse_end_exclusive("9999-12-29")


@pytest.mark.parametrize("parser", ["parse_timestamp_start", "parse_timestamp_end"])
@pytest.mark.parametrize(("text", "at"), [("0", 0), ("1754042400", 1_754_042_400), (" 000000000000012 ", 12)])
def test_contract_2_timestamp_is_whole_epoch_seconds(parser: str, text: str, at: int) -> None:
    assert getattr(BERLIN, parser)(text) == at


def test_contract_2_timestamp_may_be_a_date_alone() -> None:
    assert BERLIN.parse_timestamp_start("2025-08-01") == BERLIN.parse_start("2025-08-01")
    assert BERLIN.parse_timestamp_end("2025-08-01") == BERLIN.parse_end("2025-08-01")


# Naive times, and the days on which clocks change


@pytest.mark.parametrize(
    ("name", "text", "moved"),
    [
        ("Europe/Berlin", "2025-03-30T02:30", "2025-03-30T03:30:00+02:00"),
        ("Europe/Berlin", "2025-03-30T02:00", "2025-03-30T03:00:00+02:00"),
        ("Europe/Berlin", "2025-03-30T01:59:59", "2025-03-30T01:59:59+01:00"),
        ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-05T02:45:00+11:00"),
        ("America/St_Johns", "2025-03-09T02:30", "2025-03-09T03:30:00-02:30"),
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T01:30:00-02:00"),
        ("Africa/Monrovia", "1972-01-07T00:30", "1972-01-07T01:14:30+00:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T12:00:00+14:00"),
    ],
)
def test_contract_2_naive_time_in_spring_gap_moves_forward_by_the_gap(
    name: str, text: str, moved: str
) -> None:
    assert site(name).format_offset(site(name).parse_start(text)) == moved


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("Europe/Berlin", "2025-10-26T02:30", "2025-10-26T02:30:00+02:00"),
        ("Europe/Berlin", "2025-10-26T03:00", "2025-10-26T03:00:00+01:00"),
        ("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-06T01:45:00+11:00"),
        ("America/St_Johns", "2010-11-06T23:30", "2010-11-06T23:30:00-02:30"),
        ("Africa/Casablanca", "2025-02-23T02:30", "2025-02-23T02:30:00+01:00"),
    ],
)
def test_contract_2_ambiguous_naive_time_is_the_first(name: str, text: str, first: str) -> None:
    assert site(name).format_offset(site(name).parse_start(text)) == first


@given(zones_and_instants)
@fast
def test_contract_2_naive_time_is_read_as_dateutil_resolves_it(case: tuple[str, int]) -> None:
    name, at = case
    at = min(max(at, EARLIEST + 3 * DAY), LATEST - 3 * DAY)
    # The clock time near the change by the offset before or after it, so that gaps are hit too.
    for offset in {datetime.fromtimestamp(at + reach, ZoneInfo(name)).utcoffset() for reach in (-DAY, DAY)}:
        wall = (datetime.fromtimestamp(at, UTC) + (offset or timedelta())).replace(tzinfo=ZoneInfo(name))
        parsed = site(name).parse_start(wall.replace(tzinfo=None).isoformat())
        assert datetime.fromtimestamp(parsed, UTC) == resolve_imaginary(wall).astimezone(UTC)


@pytest.mark.parametrize(
    ("name", "day", "start", "hours"),
    [
        ("UTC", "2025-08-01", "2025-08-01T00:00:00+00:00", 24),
        ("Europe/Berlin", "2025-08-01", "2025-08-01T00:00:00+02:00", 24),
        ("Europe/Berlin", "2025-03-30", "2025-03-30T00:00:00+01:00", 23),
        ("Europe/Berlin", "2025-10-26", "2025-10-26T00:00:00+02:00", 25),
        ("Europe/Berlin", "2024-02-29", "2024-02-29T00:00:00+01:00", 24),
        ("Australia/Lord_Howe", "2025-10-05", "2025-10-05T00:00:00+10:30", 23.5),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-06T00:00:00+11:00", 24.5),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", 23),
        ("America/Sao_Paulo", "2018-11-03", "2018-11-03T00:00:00-03:00", 24),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", 25),
        ("Asia/Beirut", "2025-03-30", "2025-03-30T01:00:00+03:00", 23),
        ("America/Toronto", "1919-03-30", "1919-03-30T00:00:00-05:00", 23.5),
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30:00-04:00", 23.5),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00", 24),
        ("America/St_Johns", "2010-11-06", "2010-11-06T00:00:00-02:30", 25),
        ("America/St_Johns", "2010-11-07", "2010-11-07T00:00:00-02:30", 25),
    ],
)
def test_contract_2_date_alone_is_the_whole_local_day(name: str, day: str, start: str, hours: float) -> None:
    zone = site(name)
    assert zone.format_offset(zone.parse_start(day)) == start
    assert zone.parse_end(day) - zone.parse_start(day) == hours * 3_600 - 1
    assert zone.parse_end_exclusive(day) == zone.parse_end(day) + 1


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"])
def test_contract_2_exclusive_end_of_a_day_is_the_start_of_the_next(name: str) -> None:
    zone = site(name)
    first = datetime(2011, 1, 1, tzinfo=UTC).date()
    days = [(first + timedelta(days=number)).isoformat() for number in range(366 * 8)]
    for day, following in pairwise(days):
        assert zone.parse_end_exclusive(day) == zone.parse_start(following)


def test_contract_2_instant_as_an_end_is_itself() -> None:
    assert BERLIN.parse_end_exclusive("2025-08-01T10:00") == BERLIN.parse_end("2025-08-01T10:00") == AUGUST


@given(zones_and_instants)
@settings(max_examples=150)
def test_contract_2_date_alone_has_no_instant_of_its_day_outside_of_it(case: tuple[str, int]) -> None:
    name, at = case
    at = min(max(at, EARLIEST + 3 * DAY), LATEST - 3 * DAY)
    zone, day = ZoneInfo(name), datetime.fromtimestamp(at, ZoneInfo(name)).date()

    def is_on_the_day(instant: int) -> bool:
        return datetime.fromtimestamp(instant, zone).date() == day

    start, end = site(name).parse_start(day.isoformat()), site(name).parse_end(day.isoformat())
    assert start <= at <= end
    assert is_on_the_day(start)
    assert is_on_the_day(end)
    outside = [start - 1, end + 1, *range(start - 2 * DAY, start, 450), *range(end + 2 * DAY, end, -450)]
    assert not any(is_on_the_day(instant) for instant in outside)


# Writing


@pytest.mark.parametrize(
    ("name", "at", "minute", "second", "offset"),
    [
        ("Europe/Berlin", AUGUST, "2025-08-01 10:00", "2025-08-01T10:00:00", "2025-08-01T10:00:00+02:00"),
        ("Europe/Berlin", -1, "1970-01-01 00:59", "1970-01-01T00:59:59", "1970-01-01T00:59:59+01:00"),
        ("Africa/Monrovia", 0, "1969-12-31 23:15", "1969-12-31T23:15:30", "1969-12-31T23:15:30-00:44:30"),
        ("Asia/Kathmandu", 0, "1970-01-01 05:30", "1970-01-01T05:30:00", "1970-01-01T05:30:00+05:30"),
    ],
)
def test_contract_2_formatted_output_is_site_time(
    name: str, at: int, minute: str, second: str, offset: str
) -> None:
    zone = SiteTime(name)
    for _ in ("computed", "cached"):
        assert zone.format_minute(at) == minute
        assert zone.format_second(at) == second
        assert zone.format_offset(at) == offset


@given(zones_and_instants)
@settings(max_examples=400)
def test_contract_2_formatted_output_equals_what_datetime_writes(case: tuple[str, int]) -> None:
    name, at = case
    zone, aware = site(name), datetime.fromtimestamp(at, ZoneInfo(name))
    assert zone.format_minute(at) == aware.replace(tzinfo=None).isoformat(" ", "minutes")
    assert zone.format_second(at) == aware.replace(tzinfo=None).isoformat()
    assert zone.format_offset(at) == aware.isoformat()


@pytest.mark.parametrize("name", ZONES)
def test_contract_2_formatted_output_is_right_round_every_change_of_a_zone(name: str) -> None:
    zone, info = site(name), ZoneInfo(name)
    for change in changes(name):
        for reach in (-DAY, -3_600, -1, 0, 1, 1_800, DAY):
            aware = datetime.fromtimestamp(change + reach, info)
            assert zone.format_offset(change + reach) == aware.isoformat()
            assert zone.format_second(change + reach) == aware.isoformat()[:19]
            assert zone.format_minute(change + reach) == aware.isoformat(" ")[:16]


@given(zones_and_instants)
@fast
def test_contract_2_written_instant_reads_back_as_itself(case: tuple[str, int]) -> None:
    name, at = case
    zone, aware = site(name), datetime.fromtimestamp(at, ZoneInfo(name))
    written = zone.format_offset(at)
    for parser in PARSERS:
        assert getattr(zone, parser)(written) == at
        assert getattr(zone, parser)(written.replace("+", " ").replace("T", " ")) == at
    again = zone.parse_start(zone.format_second(at))
    assert again == at or (again < at and datetime_ambiguous(aware) and aware.fold == 1)


@given(zones_and_instants)
@fast
def test_contract_2_written_minute_reads_back_as_itself(case: tuple[str, int]) -> None:
    name, at = case
    minute = max(EARLIEST + 60, at - datetime.fromtimestamp(at, ZoneInfo(name)).second)
    aware = datetime.fromtimestamp(minute, ZoneInfo(name))
    if not datetime_ambiguous(aware):
        assert site(name).parse_start(site(name).format_minute(minute)) == minute - aware.second


@given(zones_and_instants)
@fast
def test_contract_2_wall_time_exists_and_resolves_to_its_first_instant(case: tuple[str, int]) -> None:
    name, at = case
    wall = site(name).wall_time(at)
    assert wall.tzinfo is None
    assert datetime_exists(wall, ZoneInfo(name))
    assert site(name).resolve(wall.replace(fold=1)) == site(name).resolve(wall) <= at


def test_caches_stay_bounded_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamps, "_CACHED_DAYS", 10)
    monkeypatch.setattr(timestamps, "_DATES", timestamps._DateTexts())
    zone = SiteTime("America/St_Johns")
    for at in range(AUGUST, AUGUST + 400 * DAY, DAY):
        assert zone.format_offset(at) == datetime.fromtimestamp(at, zone.zone).isoformat()
        assert 1 <= len(zone._offsets) <= 10
        assert 1 <= len(timestamps._DATES) <= 10


def test_site_time_knows_its_zone() -> None:
    assert (BERLIN.name, BERLIN.zone) == ("Europe/Berlin", ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Nowhere/Land",
        "Europe",
        "../etc/passwd",
        "/etc/passwd",
        "UTC\0",
        "U\nTC",
        "x" * 5_000,
        "\ud800",
        "+02:00",
    ],
)
def test_unknown_time_zone_is_an_invalid_setting_of_one_line(name: str) -> None:
    with pytest.raises(InvalidSetting, match="is not a known time zone") as caught:
        SiteTime(name)
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize("at", [0, 1_754_042_401, 1_743_296_399, 1_743_296_400, 1_761_440_399, 1_761_440_461])
def test_parts_are_those_of_the_whole_text(at: int) -> None:
    for zone in ("UTC", "Europe/Berlin", "America/St_Johns"):
        site = SiteTime(zone)
        day, minute, second, offset = site.parts(at)
        assert f"{day}T{minute}{second}{offset}" == site.format_offset(at)


def test_the_second_reading_is_an_hour_later_in_the_hour_that_autumn_repeats() -> None:
    site = SiteTime("Europe/Berlin")
    first = site.parse_start("2025-10-26T02:30")
    assert site.second_reading(first) == first + 3600
    for other in (first - 3600, first + 3600, site.parse_start("2025-08-01T02:30")):
        assert site.second_reading(other) == other
