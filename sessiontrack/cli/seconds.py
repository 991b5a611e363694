"""Lengths of time as options take them."""

import click

from sessiontrack.exceptions import InvalidPeriod
from sessiontrack.values.periods import parse_duration


def parse_seconds(text: str) -> int:
    """Read `60`, `60s`, `10m` or `10 minutes`; in seconds."""
    try:
        return parse_duration(text)
    except InvalidPeriod as error:
        raise click.BadParameter(f"{error.message}. A number alone is seconds, and m is minutes.") from error
