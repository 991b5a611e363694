"""User sessions, and what each user did, as rows of cells for spreadsheets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sessiontrack.database import Transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.queries.user_days import session_days
from sessiontrack.queries.user_sessions import StatsFilter, UserSessionFilter, count_sessions, list_sessions
from sessiontrack.queries.user_stats import session_stats
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.timestamps import SiteTime

Cells = Iterator[tuple[str, ...]]
SESSION_CELLS = ("username", "start", "last_ping", "visible_duration", "active", "last_visible_path", "id")
STATS_CELLS = ("username", "view", "tab", "visible_duration")
DAY_CELLS = ("username", "day", "sessions", "visible_duration")


def session_cells(
    tx: Transaction, wanted: UserSessionFilter, started_before: int | None, site: SiteTime
) -> Cells:
    """Each session as a row of SESSION_CELLS, newest start first."""
    for each in list_sessions(tx, wanted, EVERYTHING, count_from(tx, wanted, started_before)):
        shown = {name: site.format_offset(each[name]) for name in ("start", "last_ping")}
        path = " / ".join(each["last_visible_path"])
        yield _cells({**each, **shown, "last_visible_path": path, "id": each["_id"]}, SESSION_CELLS)


def count_from(tx: Transaction, wanted: UserSessionFilter, started_before: int | None) -> int:
    """How many of the list's sessions started at that instant or later: its first ones."""
    if started_before is None:
        return 0
    after = started_before - 1
    if wanted.started_after is not None:
        after = max(after, wanted.started_after)
    return count_sessions(tx, replace(wanted, started_after=after))


def stats_cells(tx: Transaction, wanted: StatsFilter, only: str = "") -> Cells:
    """The seconds of each user in each view and tab as rows of STATS_CELLS; without any, one row.

    Args:
        only: this view alone; "": all of them.
    """
    for each in session_stats(tx, wanted):
        name, views = each["username"], each["tab_duration"] or {"": 0}
        for view, value in views.items():
            if only and view != only:
                continue
            for tab, seconds in (value if isinstance(value, dict) else {"": value}).items():
                yield tuple(as_cell(cell) for cell in (name, view, tab, seconds))


def day_cells(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> Cells:
    """Each user and day as a row of DAY_CELLS."""
    for each in session_days(tx, wanted, site):
        yield _cells(each, DAY_CELLS)


def _cells(row: dict[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(as_cell(row[name]) for name in names)
