"""Contract section 2: periods, the windows they open, and durations."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.exceptions import InvalidPeriod
from sessiontrack.values.periods import (
    ALL,
    DURATION_FORMS,
    PERIOD_FORMS,
    Period,
    fixed_period,
    fixed_seconds,
    format_duration,
    instants_every,
    parse_duration,
    parse_period,
    window_start,
)
from sessiontrack.values.timestamps import EARLIEST, SiteTime

UNITS = ("years", "months", "weeks", "days", "hours", "minutes")
ZONES = (
    "UTC",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
)
CHANGES = (
    1_743_296_400,  # Europe/Berlin, March 2025
    1_761_440_400,  # Europe/Berlin, October 2025
    1_743_865_200,  # Australia/Lord_Howe, April 2025
    1_759_591_800,  # Australia/Lord_Howe, October 2025
    1_325_239_200,  # Pacific/Apia, December 2011
)
fast = settings(max_examples=150)


def periods_of(most: int) -> st.SearchStrategy[Period]:
    numbers = st.dictionaries(st.sampled_from(UNITS), st.integers(1, most), min_size=1)
    return numbers.map(lambda chosen: Period(**chosen))


periods = st.just(ALL) | periods_of(999_999_999) | periods_of(30)
instants = st.integers(1_000_000_000, 2**31) | st.builds(
    int.__add__, st.sampled_from(CHANGES), st.integers(-90_000, 90_000)
)


@cache
def site(name: str) -> SiteTime:
    return SiteTime(name)


def outcome(function: Callable[..., object], *values: object) -> object:
    """What a function gives, or why it refuses."""
    try:
        return function(*values)
    except InvalidPeriod as error:
        return error.message


def start_of(text: str, now: str, zone: str = "Europe/Berlin") -> str:
    at = window_start(parse_period(text), int(datetime.fromisoformat(now).timestamp()), site(zone))
    return site(zone).format_offset(at)


# Reading


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        ("minute minutes min mins", "minutes"),
        ("hour hours h hr hrs", "hours"),
        ("day days d", "days"),
        ("week weeks w wk wks", "weeks"),
        ("month months mo mos", "months"),
        ("year years y yr yrs", "years"),
    ],
)
def test_contract_2_period_is_a_number_and_a_unit_or_its_short_form(names: str, unit: str) -> None:
    for name in names.split():
        for text in (f"7 {name}", f"7{name}", f"7+{name}", f" 7 \t  {name.upper()}\n", f"007{name.title()}"):
            assert parse_period(text) == Period(**{unit: 7})


@pytest.mark.parametrize(
    "text",
    ["1 day 12 hours", "1d12h", "1D 12H", "12 hours 1 day", "1+day+12+hours", " 1 day12hr", "01d\n12 h"],
)
def test_contract_2_period_may_be_compound(text: str) -> None:
    assert parse_period(text) == Period(days=1, hours=12)


@pytest.mark.parametrize("text", ["all", "ALL", " All ", "all+"])
def test_contract_2_period_may_be_all(text: str) -> None:
    assert parse_period(text) is ALL


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "7",
        "days",
        "d7",
        "5m",
        "5 m",
        "1d 5m",
        "0 days",
        "0",
        "1 day 0 hours",
        "0d0h",
        "-1 day",
        "1 day -1 hour",
        "1.5 days",
        "1,5 days",
        "1/2 day",
        "1e2 days",
        "1_000 days",
        "1 day 2 days",
        "1 d 1 day",
        "1 day, 12 hours",
        "1 day and 12 hours",
        "1 2 days",
        "1 0 days",
        "1 d ays",
        "7%20days",
        "1 fortnight",
        "1 second",
        "a day",
        "all 1 day",
        "1 day all",
        "1 all",
        "all all",
        "allday",
        "P7D",
        "7 days\0",
        "\N{ARABIC-INDIC DIGIT SEVEN} days",
        "\N{FULLWIDTH DIGIT SEVEN} days",
        "7 w\N{KELVIN SIGN}",
        "7 day\N{LATIN SMALL LETTER LONG S}",
        "7\N{NO-BREAK SPACE}days",
        "1000000000000 days",
        "9" * 10_000 + " days",
        "7 " + "d" * 10_000,
        "1d" * 10_000,
        "\ud800",
    ],
)
def test_contract_2_unreadable_period_is_refused_naming_the_accepted_forms(text: str) -> None:
    with pytest.raises(InvalidPeriod) as caught:
        parse_period(text)
    assert caught.value.message.endswith(PERIOD_FORMS)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < len(PERIOD_FORMS) + 150


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1m", "`1m`: m could be minutes or months; write 1 min or 1 mo. A period is "),
        ("1 day 5 M", "`1 day 5 M`: m could be minutes or months; write 5 min or 5 mo. A period is "),
        ("7", "`7`: a number has no unit. "),
        ("1 day 7", "`1 day 7`: a number has no unit. "),
        ("soon", "`soon`: not a number and a unit. "),
        ("2 fortnights", "`2 fortnights`: fortnights is no unit. "),
        ("1 day 2 days", "`1 day 2 days`: days stand there twice. "),
        ("0 days", "`0 days`: the number is 0. "),
        ("7 days\x00", "`7 days?`: "),
    ],
)
def test_refusal_names_the_value_and_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidPeriod) as caught:
        parse_period(text)
    assert caught.value.message.startswith(why)


def test_contract_2_refusal_names_every_unit() -> None:
    for word in ("minutes", "hours", "days", "weeks", "months", "years", "all"):
        assert word in PERIOD_FORMS


def test_a_refused_length_names_what_may_be_written_there_and_no_more() -> None:
    with pytest.raises(InvalidPeriod) as caught:
        parse_duration("bogus")
    assert caught.value.message == f"`bogus`: not a number and a unit. {DURATION_FORMS}"
    units = re.search(r"with (.*) \(or (.*)\),", DURATION_FORMS)
    assert units is not None
    for word in ", ".join(units.groups()).split(", "):
        assert parse_duration(f"2 {word}") >= 2
    for word in ("months", "years"):
        with pytest.raises(InvalidPeriod):
            parse_duration(f"2 {word}")


@given(st.text() | st.text("0123456789 +-.alldhwmoyr\0", max_size=16))
@fast
def test_contract_2_no_text_raises_anything_but_invalid_period(text: str) -> None:
    answer = outcome(parse_period, text)
    assert str(answer).endswith(PERIOD_FORMS) or parse_period(str(answer)) == answer


@given(periods)
@fast
def test_contract_2_written_period_reads_back_as_itself(period: Period) -> None:
    for text in (
        str(period),
        str(period).upper(),
        str(period).replace(" ", "+"),
        str(period).replace(" ", ""),
    ):
        assert parse_period(text) == period


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (ALL, "all"),
        (Period(minutes=1), "1 minute"),
        (Period(months=1, minutes=30), "1 month 30 minutes"),
        (
            Period(years=1, months=2, weeks=3, days=4, hours=5, minutes=6),
            "1 year 2 months 3 weeks 4 days 5 hours 6 minutes",
        ),
    ],
)
def test_contract_2_period_is_written_with_whole_words(period: Period, text: str) -> None:
    assert str(period) == text


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"days": 0},
        {"days": -1},
        {"days": 2, "hours": -1},
        {"years": 10**9},
        {"unlimited": True, "days": 1},
    ],
)
def test_contract_2_period_cannot_be_made_zero_negative_or_contradictory(numbers: dict[str, int]) -> None:
    with pytest.raises(InvalidPeriod):
        Period(**numbers)


# Windows


@pytest.mark.parametrize(
    ("text", "now", "start"),
    [
        ("1 month", "2025-03-31T12:00:00+02:00", "2025-02-28T12:00:00+01:00"),
        ("1 month", "2024-03-31T12:00:00+02:00", "2024-02-29T12:00:00+01:00"),
        ("3 months", "2025-05-31T12:00:00+02:00", "2025-02-28T12:00:00+01:00"),
        ("1 month", "2025-07-31T12:00:00+02:00", "2025-06-30T12:00:00+02:00"),
        ("1 month", "2025-01-31T12:00:00+01:00", "2024-12-31T12:00:00+01:00"),
        ("1 year", "2024-02-29T12:00:00+01:00", "2023-02-28T12:00:00+01:00"),
        ("4 years", "2024-02-29T12:00:00+01:00", "2020-02-29T12:00:00+01:00"),
        ("1 month 1 day", "2025-03-31T12:00:00+02:00", "2025-02-27T12:00:00+01:00"),
        ("13mo", "2025-03-31T12:00:00+02:00", "2024-02-29T12:00:00+01:00"),
        # in UTC it is still 31 July, and a month back were 30 June
        ("1 month", "2025-08-01T00:30:00+02:00", "2025-07-01T00:30:00+02:00"),
    ],
)
def test_contract_2_months_and_years_are_calendar_units(text: str, now: str, start: str) -> None:
    assert start_of(text, now) == start


@pytest.mark.parametrize(
    ("zone", "text", "now", "start"),
    [
        ("Europe/Berlin", "1 day", "2025-03-30T12:00:00+02:00", "2025-03-29T12:00:00+01:00"),
        ("Europe/Berlin", "1 week", "2025-10-27T12:00:00+01:00", "2025-10-20T12:00:00+02:00"),
        ("Europe/Berlin", "24 hours", "2025-03-30T12:00:00+02:00", "2025-03-29T11:00:00+01:00"),
        ("Europe/Berlin", "24 hours", "2025-10-26T12:00:00+01:00", "2025-10-25T13:00:00+02:00"),
        ("Europe/Berlin", "1 day 12 hours", "2025-03-30T12:00:00+02:00", "2025-03-29T00:00:00+01:00"),
        ("Australia/Lord_Howe", "1 day", "2025-10-05T12:00:00+11:00", "2025-10-04T12:00:00+10:30"),
        ("America/St_Johns", "1 day", "2025-03-09T12:00:00-02:30", "2025-03-08T12:00:00-03:30"),
        ("Asia/Kolkata", "1 month", "2025-03-31T00:15:00+05:30", "2025-02-28T00:15:00+05:30"),
    ],
)
def test_contract_2_days_keep_the_clock_time_and_hours_are_exact(
    zone: str, text: str, now: str, start: str
) -> None:
    assert start_of(text, now, zone) == start


@pytest.mark.parametrize(
    ("zone", "text", "now", "start"),
    [
        ("Europe/Berlin", "1 day", "2025-03-31T02:30:00+02:00", "2025-03-30T03:30:00+02:00"),
        ("Europe/Berlin", "1 day", "2025-10-27T02:30:00+01:00", "2025-10-26T02:30:00+02:00"),
        ("Australia/Lord_Howe", "1 day", "2025-10-06T02:15:00+11:00", "2025-10-05T02:45:00+11:00"),
        ("Pacific/Apia", "1 day", "2011-12-31T12:00:00+14:00", "2011-12-31T12:00:00+14:00"),
        ("Pacific/Apia", "2 days", "2011-12-31T12:00:00+14:00", "2011-12-29T12:00:00-10:00"),
    ],
)
def test_contract_2_window_start_in_a_gap_moves_forward_and_an_ambiguous_one_is_the_first(
    zone: str, text: str, now: str, start: str
) -> None:
    assert start_of(text, now, zone) == start


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2025-10-26T02:30:00+01:00", "2025-10-26T02:15:00+01:00"),
        ("2025-10-26T02:10:00+01:00", "2025-10-26T02:55:00+02:00"),
        ("2025-10-26T02:30:00+02:00", "2025-10-26T02:15:00+02:00"),
    ],
)
def test_contract_2_minutes_go_back_from_the_right_one_of_two_equal_clock_times(now: str, start: str) -> None:
    assert start_of("15 min", now) == start


@given(st.integers(0, 999), st.integers(1, 999), instants, st.sampled_from(ZONES))
@fast
def test_contract_2_hours_and_minutes_are_exact_everywhere(
    hours: int, minutes: int, now: int, name: str
) -> None:
    start = window_start(Period(hours=hours, minutes=minutes), now, site(name))
    assert now - start == hours * 3_600 + minutes * 60


@given(st.integers(1, 400), instants, st.sampled_from(ZONES))
@fast
def test_contract_2_days_keep_the_clock_time_everywhere(days: int, now: int, name: str) -> None:
    wall = datetime.fromtimestamp(now, ZoneInfo(name)).replace(tzinfo=None, fold=0) - timedelta(days=days)
    # PEP 495: fold=0 moves a time in a gap forward, and takes the first of two.
    expected = int(wall.replace(tzinfo=ZoneInfo(name)).timestamp())
    assert window_start(Period(days=days), now, site(name)) == expected


@given(st.integers(1, 240), instants)
@fast
def test_contract_2_months_back_is_the_same_day_or_the_last_of_the_month(months: int, now: int) -> None:
    wall = datetime.fromtimestamp(now, UTC)
    start = datetime.fromtimestamp(window_start(Period(months=months), now, site("UTC")), UTC)
    assert (wall.year - start.year) * 12 + wall.month - start.month == months
    assert start.time() == wall.time()
    assert start.day == wall.day or (start.day < wall.day and (start + timedelta(days=1)).day == 1)


def test_contract_2_period_all_starts_before_everything() -> None:
    assert window_start(ALL, 1_754_042_400, site("UTC")) == EARLIEST


@pytest.mark.parametrize(
    "text",
    [
        "60 years",
        "100 years",
        "2000 y 23 h",
        "999999 years",
        "999999 months",
        "999999 days",
        "999999 h",
        "1000000 days",
        "99999999 min",
        "999999999999 years",
        "999999999999 months 999999999999 weeks 999999999999 days",
        "999999999999 minutes",
    ],
)
def test_contract_2_period_before_1970_is_everything(text: str) -> None:
    assert window_start(parse_period(text), 1_754_035_200, site("Europe/Berlin")) == EARLIEST


def test_contract_2_a_period_of_many_minutes_is_one() -> None:
    now = 1_754_035_200
    assert window_start(parse_period("5256000 min"), now, site("UTC")) == now - 5_256_000 * 60
    assert parse_period("0000007 days") == Period(days=7)


def test_contract_2_period_may_reach_back_to_1970_exactly() -> None:
    assert window_start(Period(years=30), 946_684_800, site("UTC")) == 0
    assert window_start(Period(minutes=1), 60, site("UTC")) == 0
    assert window_start(Period(minutes=1), 59, site("UTC")) == EARLIEST


@given(periods, instants, st.sampled_from(ZONES))
@fast
def test_contract_2_window_starts_between_1970_and_now_or_holds_everything(
    period: Period, now: int, name: str
) -> None:
    start = window_start(period, now, site(name))
    assert start == EARLIEST or (period is not ALL and 0 <= start <= now)


# Durations


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0h 0m"),
        (59, "0h 0m"),
        (60, "0h 1m"),
        (3_599, "0h 59m"),
        (7_200, "2h 0m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h 0m"),
        (86_400 + 7_380, "1d 2h 3m"),
        (400 * 86_400, "400d 0h 0m"),
    ],
)
def test_contract_2_duration_is_hours_and_minutes_and_from_a_day_on_days(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


def test_negative_duration_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        format_duration(-1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1800, "30 minutes"),
        (60, "1 minute"),
        (90, "2 minutes"),
        (0, "1 minute"),
        (86_400, "1 day"),
        (7 * 86_400 + 3_660, "7 days 1 hour 1 minute"),
        (2**62, "999999 days"),
    ],
)
def test_a_length_of_time_is_told_as_a_period(seconds: int, text: str) -> None:
    assert str(fixed_period(seconds)) == text


@fast
@given(minutes=st.integers(1, 10**6))
def test_a_length_of_whole_minutes_survives(minutes: int) -> None:
    assert fixed_seconds(parse_period(str(fixed_period(minutes * 60)))) == minutes * 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1 minute", 60),
        ("2 hours", 7_200),
        ("3 days", 259_200),
        ("1 week", 604_800),
        ("2 weeks 1 day", 1_296_000),
        ("1 week 2 days 3 hours 4 minutes", 788_640),
    ],
)
def test_a_fixed_length_in_seconds(text: str, seconds: int) -> None:
    assert fixed_seconds(parse_period(text)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("60", 60), ("60s", 60), (" 60 sec ", 60), ("90 seconds", 90), ("10m", 600), ("10M", 600)],
        *[("10 min", 600), ("10 minutes", 600), ("2h", 7_200), ("1 day 12 hours", 129_600), ("1h30m", 5_400)],
    ],
)
def test_a_duration_is_read_alike_with_any_unit_that_it_can_have(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["0", "", "-5", "1.5", "soon", "all", "1 mo", "1 year", "1234567", "0s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidPeriod):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1 year", "1 month", "1 year 1 day", "1 month 1 day", "all"])
def test_months_years_and_all_have_no_fixed_length(text: str) -> None:
    with pytest.raises(InvalidPeriod):
        fixed_seconds(parse_period(text))


@pytest.mark.parametrize(
    ("step", "start", "expected"),
    [
        # Over the night of the change: days keep the clock time, hours are exact.
        ("1 day", "2025-03-29T12:00", ["2025-03-29 12:00", "2025-03-30 12:00", "2025-03-31 12:00"]),
        ("24 hours", "2025-03-29T12:00", ["2025-03-29 12:00", "2025-03-30 13:00", "2025-03-31 13:00"]),
        ("1 day 1 hour", "2025-03-29T12:00", ["2025-03-29 12:00", "2025-03-30 13:00", "2025-03-31 14:00"]),
        ("1 month", "2025-01-31", ["2025-01-31 00:00", "2025-02-28 00:00", "2025-03-31 00:00"]),
        ("2 weeks", "2025-01-31", ["2025-01-31 00:00", "2025-02-14 00:00", "2025-02-28 00:00"]),
        ("1 year", "2024-02-29", ["2024-02-29 00:00", "2025-02-28 00:00", "2026-02-28 00:00"]),
    ],
)
def test_instants_are_a_step_apart_by_the_calendar(step: str, start: str, expected: list[str]) -> None:
    site = SiteTime("Europe/Berlin")
    found = instants_every(parse_period(step), site.parse_start(start), site.parse_start("2030-01-01"), site)
    assert [site.format_minute(at) for at in islice(found, 3)] == expected


def test_instants_end_with_the_end_included() -> None:
    site = SiteTime("UTC")
    assert list(instants_every(parse_period("1 hour"), 0, 7200, site)) == [0, 3600, 7200]
    assert list(instants_every(parse_period("1 hour"), 0, 7199, site)) == [0, 3600]
