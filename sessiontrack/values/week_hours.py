"""How stretches of time fall on the hours of a week, by the clock at the site."""

from collections.abc import Iterable, Sequence

from sessiontrack.values.timestamps import SiteTime

DAYS, HOURS = 7, 24
_HOUR, _DAY = 3600, 86_400
# 1970-01-01 was a Thursday, three days after a Monday.
_FROM_MONDAY = 3 * _DAY
Seconds = list[list[int]]


def seconds_by_week_hour(
    stretches: Sequence[tuple[int, int]], start: int, end: int, site: SiteTime
) -> tuple[Seconds, Seconds]:
    """Count the seconds of each hour of the week: what of them the stretches cover, and all there were.

    By the site's clock: an hour that a clock change skips has no seconds that day, one that it repeats has
    them twice. Monday is the first day. Whole weeks are not walked through, so years cost no more than days.

    Args:
        stretches: half-open, not overlapping; what lies outside of [start, end) does not count.
        start, end: UTC epoch seconds.
    Returns:
        (covered, all), each 7 lists of 24.
    """
    inside = ((max(first, start), min(last, end)) for first, last in stretches)
    return _counted(inside, site), _counted([(start, end)], site)


def _counted(stretches: Iterable[tuple[int, int]], site: SiteTime) -> Seconds:
    weeks, seconds = 0, [0] * (DAYS * HOURS)
    for start, end in stretches:
        for begin, after, offset in site.even_parts(start, end):
            whole, rest = divmod(after - begin, DAYS * _DAY)
            weeks += whole
            wall = begin + offset + _FROM_MONDAY
            while rest > 0:
                part = min(rest, _HOUR - wall % _HOUR)
                seconds[wall // _HOUR % (DAYS * HOURS)] += part
                wall, rest = wall + part, rest - part
    return [[weeks * _HOUR + each for each in seconds[day * HOURS :][:HOURS]] for day in range(DAYS)]
