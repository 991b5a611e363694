"""JSON that a program printed: one value, or several one after the other."""

import json
import re
from typing import Any

_BLANKS = re.compile(r"[ \t\r\n]*")


def read_values(text: str) -> tuple[list[Any], bool]:
    """The values that stand in a text.

    Returns:
        (values, whether nothing is left behind them): what was cut off behind a whole value is not whole.
    Raises:
        ValueError: there is no JSON at all.
    """
    decoder = json.JSONDecoder()
    values: list[Any] = []
    end = _after_blanks(text, 0)
    while not values or end < len(text):
        try:
            value, end = decoder.raw_decode(text, end)
        # Nested deeper than Python follows; a number of more digits than it reads is a ValueError.
        except (ValueError, RecursionError) as error:
            if values:
                return values, False
            raise ValueError("it is not JSON") from error
        values.append(value)
        end = _after_blanks(text, end)
    return values, True


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
