"""Periods: lengths of calendar time as people write them, such as `7 days` or `1 month`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from sessiontrack.exceptions import InvalidPeriod
from sessiontrack.values.timestamps import EARLIEST, SiteTime

PERIOD_FORMS = (
    "A period is <n> <unit> with minutes, hours, days, weeks, months, years (or min, h, d, w, mo, y),"
    " several of these like 1 day 12 hours, or all; it is more than zero"
)
DURATION_FORMS = (
    "A length of time is <n> <unit> with seconds, minutes, hours, days, weeks (or s, m, min, h, d, w),"
    " several of these like 1 day 12 hours, or seconds alone like 60; it is more than zero"
)

_BLANKS = " \t\r\n"
_UNITS = {
    "years": ("year", "years", "y", "yr", "yrs"),
    "months": ("month", "months", "mo", "mos"),
    "weeks": ("week", "weeks", "w", "wk", "wks"),
    "days": ("day", "days", "d"),
    "hours": ("hour", "hours", "h", "hr", "hrs"),
    "minutes": ("minute", "minutes", "min", "mins"),  # no "m": it could be months
    "seconds": (),
}
_FIELD_OF = {name: field for field, names in _UNITS.items() for name in names}
# What graphs and their settings mean by short units.
_STEP_UNITS = (
    _FIELD_OF | {"m": "minutes"} | dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "seconds")
)
_BARE_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
# Of a text that is refused, so much is shown.
_SHOWN = 40
_MILLISECONDS = re.compile(r"([0-9]{1,9})ms", re.ASCII)
_PART = re.compile(r"([0-9]{1,12})\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE)
# 1,900 years of minutes: what is more reaches before 1970 all the same.
_MOST = 999_999_999
_MOST_DAYS = 999_999


@dataclass(frozen=True)
class Period:
    """A length of time; years to days are calendar units, hours to seconds are exact.

    Each number is 0 .. 999,999,999. `unlimited` is the period `all` (the constant ALL), which has no numbers.

    Raises:
        InvalidPeriod: a number out of range, all of them zero, or `unlimited` together with one.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    unlimited: bool = False

    def __post_init__(self) -> None:
        numbers = [getattr(self, unit) for unit in _UNITS]
        if any(not 0 <= number <= _MOST for number in numbers) or any(numbers) == self.unlimited:
            raise InvalidPeriod(PERIOD_FORMS)

    def __str__(self) -> str:
        """Write the canonical text, which parse_period reads back as an equal period."""
        if self.unlimited:
            return "all"
        parts = ((getattr(self, unit), unit) for unit in _UNITS)
        return " ".join(f"{number} {unit if number > 1 else unit[:-1]}" for number, unit in parts if number)


ALL = Period(unlimited=True)


def parse_step(text: str) -> Period:
    """Read the distance of two points in a graph: a period, `5m`, `30s`, or `200ms`, which is a second.

    Raises:
        InvalidPeriod: it is none of these.
    """
    if found := _MILLISECONDS.fullmatch(text.strip(_BLANKS)):
        return Period(seconds=max(1, -(-int(found[1]) // 1000)))
    return _parsed(text, _STEP_UNITS)


def parse_duration(text: str) -> int:
    """Read a length of time that does not depend on the calendar; in seconds, at least 1.

    A number alone is seconds, and `m` is minutes, since months cannot be meant: `60`, `60s`, `10m`,
    `10 minutes`. A day is 24 hours.

    Raises:
        InvalidPeriod: it is none, or has months or years.
    """
    bare = text.strip(_BLANKS)
    if _BARE_SECONDS.fullmatch(bare) and int(bare):
        return int(bare)
    return fixed_seconds(_parsed(text, _STEP_UNITS, DURATION_FORMS))


def parse_period(text: str) -> Period:
    """Read `<n> <unit>`, several of them in any order, or `all`; PERIOD_FORMS says which.

    Neither case nor blanks matter, and a `+` is a blank that the URL's reader left as it was.

    Raises:
        InvalidPeriod: anything else: also no unit, the ambiguous `m`, a unit twice, a number that is 0, not
            whole, or longer than twelve digits.
    """
    return _parsed(text, _FIELD_OF)


def _parsed(text: str, units: Mapping[str, str], forms: str = PERIOD_FORMS) -> Period:
    rest = text.replace("+", " ").strip(_BLANKS)
    if rest.lower() == "all":
        return ALL
    numbers: dict[str, int] = {}
    position = 0
    while position < len(rest):
        part = _PART.match(rest, position)
        unit = part and units.get(part[2].lower())
        if part is None or unit is None or unit in numbers or int(part[1]) == 0:
            raise _unreadable(rest, part, unit, forms)
        numbers[unit] = min(int(part[1]), _MOST)
        position = part.end()
    return Period(**numbers, unlimited=False)


def _unreadable(text: str, part: re.Match[str] | None, unit: str | None, forms: str) -> InvalidPeriod:
    """The value, why it cannot be read, and what can.

    Args:
        part: the number and the word that stand in the way, where it is these.
        unit: what the word means, where it means something.
        forms: what can be read.
    """
    if part is None:
        why = "a number has no unit" if text[-1:].isdigit() else "not a number and a unit"
    elif unit is not None:
        why = "the number is 0" if int(part[1]) == 0 else f"{unit} stand there twice"
    elif part[2] in ("m", "M"):
        why = f"m could be minutes or months; write {part[1]} min or {part[1]} mo"
    else:
        why = f"{part[2][:_SHOWN]} is no unit"
    shown = "".join(each if each.isprintable() else "?" for each in text[:_SHOWN])
    return InvalidPeriod(f"`{shown}`: {why}. {forms}")


def _exact_seconds(period: Period) -> int:
    return period.hours * 3_600 + period.minutes * 60 + period.seconds


def fixed_seconds(period: Period) -> int:
    """Give the length of a period that does not depend on the calendar, in seconds; a day is 24 hours.

    Raises:
        InvalidPeriod: it has months or years, or is `all`.
    """
    if period.unlimited or period.years or period.months:
        raise InvalidPeriod("must be a period of minutes, hours, days or weeks")
    days = period.weeks * 7 + period.days
    return days * 86_400 + _exact_seconds(period)


def window_start(period: Period, now: int, site: SiteTime) -> int:
    """Find the first instant of [now - period, now].

    Years, months, weeks and days go back on the site's calendar and keep its clock time (31 March minus
    1 month is the last of February); a clock time that does not exist there moves forward, of two the first
    counts. Then hours and minutes go back as exact seconds.

    Args:
        now: UTC epoch seconds.
    Returns:
        UTC epoch seconds, at most `now`; EARLIEST for ALL, and for what reaches back before 1970.
    """
    if period.unlimited:
        return EARLIEST
    start = now
    # Resolved only where the calendar moved: else the second 02:30 of an autumn night would become the first.
    if period.years or period.months or period.weeks or period.days:
        # One day back into a day that the zone skipped is forward again to now; min() holds whatever the gap.
        wall = _calendar_days_back(period, site.wall_time(now))
        start = EARLIEST if wall is None else min(now, site.resolve(wall))
    start -= _exact_seconds(period)
    return EARLIEST if start < 0 else start


def fixed_period(seconds: int) -> Period:
    """The period of days, hours and minutes that is that long; a begun minute counts as a whole one."""
    minutes = min(max(1, -(-seconds // 60)), _MOST_DAYS * 1_440)
    return Period(days=minutes // 1_440, hours=minutes // 60 % 24, minutes=minutes % 60)


def instants_every(step: Period, start: int, end: int, site: SiteTime) -> Iterator[int]:
    """The instants from start to end, both included, a step apart.

    Years to days are steps on the site's calendar, each counted from the start, so that a step of a day
    keeps the clock time; where the zone skips one, it is left out. Hours and minutes are exact.

    Args:
        step: not ALL.
        start, end: UTC epoch seconds.
    """
    exact = _exact_seconds(step)
    wall = site.wall_time(start)
    on_calendar = step.years or step.months or step.weeks or step.days
    at, count = start, 0
    last: int | None = None
    while at <= end:
        if last is None or at > last:
            yield at
            last = at
        count += 1
        at = start + count * exact
        if on_calendar:
            try:
                at = site.resolve(wall + count * _calendar_step(step)) + count * exact
            except (ValueError, OverflowError):  # after year 9999
                return


def _calendar_step(step: Period) -> timedelta | relativedelta:
    """Its years to days; without years and months in a form that takes a third of the time."""
    if step.years or step.months:
        return relativedelta(years=step.years, months=step.months, weeks=step.weeks, days=step.days)
    return timedelta(weeks=step.weeks, days=step.days)


def _calendar_days_back(period: Period, wall: datetime) -> datetime | None:
    """The clock time so long before; None before year 1."""
    try:
        days = timedelta(days=period.weeks * 7 + period.days)
        if period.years or period.months:
            wall -= relativedelta(years=period.years, months=period.months)
        return wall - days
    except (ValueError, OverflowError):
        return None


def format_duration(seconds: int) -> str:
    """Write a length of time as `2h 0m`, from a day on as `1d 2h 3m`; seconds are cut off.

    Raises:
        ValueError: it is negative.
    """
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {seconds} seconds")
    hours, minutes = seconds // 3_600, seconds // 60 % 60
    return f"{hours // 24}d {hours % 24}h {minutes}m" if hours >= 24 else f"{hours}h {minutes}m"
