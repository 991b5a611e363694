"""Lengths of time as options take them."""

import re

import click

from sessiontrack.exceptions import InvalidPeriod
from sessiontrack.values.periods import fixed_seconds, parse_period

_SECONDS = re.compile(r"([0-9]{1,6})\s*s(?:ec(?:onds?)?)?", re.IGNORECASE)


def parse_seconds(text: str) -> int:
    """Read `60s`, or a period that does not depend on the calendar; in seconds."""
    found = _SECONDS.fullmatch(text.strip())
    if found and int(found[1]) > 0:
        return int(found[1])
    try:
        return fixed_seconds(parse_period(text))
    except InvalidPeriod as error:
        raise click.BadParameter(f"{text!r} is no length of time like 60s, 5 min or 1 hour.") from error
