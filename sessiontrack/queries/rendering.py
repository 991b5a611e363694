"""Stored instants as people read them: what lists, calendar and events have in common."""

from sessiontrack.periods import format_duration
from sessiontrack.timestamps import SiteTime

MISSING = "<missing event>"
OPEN = "..."


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
