"""How stretches of time fall on the hours of a week, by the clock at the site."""

from collections.abc import Iterator, Sequence

from sessiontrack.values.timestamps import SiteTime

DAYS, HOURS = 7, 24
_HOUR, _MINUTE = 3600, 60
Seconds = list[list[int]]


def seconds_by_week_hour(
    stretches: Sequence[tuple[int, int]], start: int, end: int, site: SiteTime
) -> tuple[Seconds, Seconds]:
    """Count the seconds of each hour of the week: what of them the stretches cover, and all there were.

    By the site's clock: an hour that a clock change skips has no seconds that day, one that it repeats has
    them twice. Monday is the first day.

    Args:
        stretches: half-open, in order, not overlapping; what lies outside of [start, end) does not count.
        start, end: UTC epoch seconds.
    Returns:
        (covered, all), each 7 lists of 24.
    """
    covered = [[0] * HOURS for _ in range(DAYS)]
    total = [[0] * HOURS for _ in range(DAYS)]
    place = 0
    for begin, after, day, hour in _slots(start, end, site):
        total[day][hour] += after - begin
        while place < len(stretches) and stretches[place][1] <= begin:
            place += 1
        each = place
        while each < len(stretches) and stretches[each][0] < after:
            covered[day][hour] += min(after, stretches[each][1]) - max(begin, stretches[each][0])
            each += 1
    return covered, total


def _slots(start: int, end: int, site: SiteTime) -> Iterator[tuple[int, int, int, int]]:
    """(begin, end, day of the week, hour) of each local hour from start to end, cut at both."""
    at = start
    while at < end:
        wall = site.wall_time(at)
        into = wall.minute * _MINUTE + wall.second
        after = at + _HOUR - into
        if (site.wall_time(after) - wall).total_seconds() != after - at:
            # The clock changes within this hour: until then, minute by minute.
            after = at + _MINUTE - wall.second
        after = min(after, end)
        yield at, after, wall.weekday(), wall.hour
        at = after
