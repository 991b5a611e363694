"""The hours of a day in which a webhook is left alone, as minutes of the day in site time."""

import re

from sessiontrack.exceptions import InvalidInput
from sessiontrack.values.timestamps import SiteTime

TIME_PATTERN = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = re.compile(TIME_PATTERN)


def parse_time(text: str) -> int:
    """The minute of the day of a text like 22:00.

    Raises:
        InvalidInput: it is no time of day.
    """
    if _TIME.fullmatch(text) is None:
        raise InvalidInput("A time of day is HH:MM, from 00:00 to 23:59.")
    return int(text[:2]) * 60 + int(text[3:])


def format_time(minute: int) -> str:
    """The other way round: 1320 is 22:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def refuse_wrong_hours(quiet_from: int | None, quiet_to: int | None) -> None:
    """Refuse quiet hours without an end, and those that never begin or never end.

    Raises:
        InvalidInput: one of them is missing, or both are the same.
    """
    wrong, field = "", "quiet_to"
    if (quiet_from is None) != (quiet_to is None):
        wrong = "Quiet hours have a beginning and an end."
        field = "quiet_from" if quiet_from is None else "quiet_to"
    elif quiet_from is not None and quiet_from == quiet_to:
        wrong = "Quiet hours end at another time than they begin."
    if wrong:
        raise InvalidInput(wrong, {field: [wrong]})


def minute_of_day(site: SiteTime, at: int) -> int:
    """What a clock at the site shows at an instant, in minutes since midnight."""
    wall = site.wall_time(at)
    return wall.hour * 60 + wall.minute
