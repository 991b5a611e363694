"""How stretches of time fall on the hours of a week, against every second of a clock at the site."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessiontrack.values.timestamps import SiteTime
from sessiontrack.values.week_hours import seconds_by_week_hour

HOUR, DAY = 3600, 86_400
NOW = 1_755_259_200
# Instants at which clocks change: Berlin in spring and autumn, Lord Howe by half an hour, Apia by a day.
CHANGES = {
    "Europe/Berlin": [1_743_296_400, 1_729_990_800],
    "Australia/Lord_Howe": [1_743_865_200, 1_728_142_200],
    "Pacific/Apia": [1_325_239_200],
    "Asia/Kathmandu": [NOW],
}


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, int, int, list[tuple[int, int]]]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = draw(st.sampled_from(CHANGES[zone]))
    start = change - draw(st.integers(0, 30_000))
    bounds = sorted(draw(st.lists(st.integers(start - 5000, start + 60_000), max_size=8)))
    stretches = [(one, two) for one, two in zip(bounds[::2], bounds[1::2], strict=False) if one < two]
    return zone, start, start + draw(st.integers(0, 60_000)), stretches


@settings(max_examples=60)
@given(window=windows())
@example(window=("Europe/Berlin", CHANGES["Europe/Berlin"][0] - 7200, CHANGES["Europe/Berlin"][0] + 7200, []))
def test_hours_of_the_week_are_those_of_a_clock_at_the_site(
    window: tuple[str, int, int, list[tuple[int, int]]],
) -> None:
    name, start, end, stretches = window
    covered, total = seconds_by_week_hour(stretches, start, end, SiteTime(name))
    zone = ZoneInfo(name)
    counted: Counter[tuple[int, int]] = Counter()
    inside: Counter[tuple[int, int]] = Counter()
    for at in range(start, end):
        wall = datetime.fromtimestamp(at, zone)
        counted[wall.weekday(), wall.hour] += 1
        inside[wall.weekday(), wall.hour] += any(one <= at < two for one, two in stretches)
    for day in range(7):
        for hour in range(24):
            assert (covered[day][hour], total[day][hour]) == (inside[day, hour], counted[day, hour])


@pytest.mark.parametrize("hour", range(24))
def test_a_week_has_each_of_its_hours(hour: int) -> None:
    _, total = seconds_by_week_hour([], 1_754_265_600 + hour * HOUR, 1_754_265_600 + 7 * DAY, SiteTime("UTC"))
    assert total[0] == [0] * hour + [HOUR] * (24 - hour)
    assert total[1:] == [[HOUR] * 24] * 6


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_years_are_counted_as_their_quarters_of_an_hour(name: str) -> None:
    # The changes of the clocks and the stretches all lie on quarters of an hour.
    start, quarter, zone = 1_321_000_200, 900, ZoneInfo(name)
    end = start + 1000 * DAY
    stretches = [
        (start - DAY, start + 40 * DAY),
        (start + 47 * DAY, start + 300 * DAY),
        (end - 900, end + DAY),
    ]
    covered, total = seconds_by_week_hour(stretches, start, end, SiteTime(name))
    counted: Counter[tuple[int, int]] = Counter()
    inside: Counter[tuple[int, int]] = Counter()
    for at in range(start, end, quarter):
        wall = datetime.fromtimestamp(at, zone)
        counted[wall.weekday(), wall.hour] += quarter
        inside[wall.weekday(), wall.hour] += quarter * any(one <= at < two for one, two in stretches)
    for day in range(7):
        for hour in range(24):
            assert (covered[day][hour], total[day][hour]) == (inside[day, hour], counted[day, hour])
