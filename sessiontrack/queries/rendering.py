"""Stored instants as people read them: what lists, calendar and events have in common.

Rows of long answers are written as JSON text at once: a dict for each, and then orjson over all of them,
takes half as long again as a template does; and to build the row by SQLite's printf() takes as long.
"""

from collections.abc import Callable

import orjson

from sessiontrack.values.periods import format_duration
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.timestamps import SiteTime

MISSING = "<missing event>"
OPEN = "..."
JSON_BOOL = ("false", "true")
_MOST_WRITTEN = 4096


class _Written(dict[str, str]):
    """Text -> the same as an answer has it. Names and remarks repeat themselves."""

    def __init__(self, write: Callable[[str], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, text: str) -> str:
        if len(self) >= _MOST_WRITTEN:
            self.clear()
        self[text] = written = self._write(text)
        return written


quoted = _Written(lambda text: orjson.dumps(text).decode())
cells = _Written(as_cell)


def end_text(disconnected_at: int | None, still_connected: bool, site: SiteTime) -> str:
    """The disconnection of a session in a list."""
    if disconnected_at is not None:
        return site.format_minute(disconnected_at)
    return OPEN if still_connected else MISSING


def duration_seconds(
    connected_at: int | None, disconnected_at: int | None, still_connected: bool, now: int
) -> int | None:
    """How long the session was, or is so far; None where one end is missing."""
    if connected_at is None:
        return None
    if still_connected:
        return max(0, now - connected_at)
    return None if disconnected_at is None else disconnected_at - connected_at


def duration_text(seconds: int | None) -> str:
    """The duration in a list."""
    return OPEN if seconds is None else format_duration(seconds)
