"""User sessions as files for spreadsheets: `/api/v2/....csv`."""

from typing import Any

from flask import Response

from sessiontrack.blueprints.user_sessions import sessions_wanted, stats_wanted
from sessiontrack.http import examples
from sessiontrack.http.answers import CSV, FILE_HEADERS, csv_answer
from sessiontrack.http.endpoint import Blueprint, file_name, settings, window
from sessiontrack.queries import user_cells as queries
from sessiontrack.schemas import user_sessions as schemas
from sessiontrack.values.roles import VIEWER

FILE: dict[str, Any] = {
    "role": VIEWER,
    "answer": {"type": "string"},
    "content_type": CSV,
    "headers": FILE_HEADERS,
}

blueprint = Blueprint(
    "user session files", __name__, url_prefix="/api/v2", description="User sessions as files."
)


@blueprint.endpoint(
    "/sessions.csv", query=schemas.UserSessionsCsv, example=examples.USER_SESSIONS_CSV, **FILE
)
def export_sessions(query: dict[str, Any]) -> Response:
    """All user sessions that match, newest start first, as a CSV file to download"""
    site = settings().timezone
    wanted = sessions_wanted(query)
    return csv_answer(
        lambda tx: queries.session_cells(tx, wanted, query["started_before"], site),
        queries.SESSION_CELLS,
        file_name("people-sessions", query["started_after"], query["started_before"]),
    )


@blueprint.endpoint(
    "/session-stats.csv", query=schemas.SessionStatsCsv, example=examples.USER_STATS_CSV, **FILE
)
def export_stats(query: dict[str, Any]) -> Response:
    """How long each user had each page in sight, as a CSV file to download"""
    wanted = stats_wanted(query)
    return csv_answer(
        lambda tx: queries.stats_cells(tx, wanted, query["view"]),
        queries.STATS_CELLS,
        file_name("people-pages", *window(query)),
    )


@blueprint.endpoint("/session-days.csv", query=schemas.SessionDays, example=examples.USER_DAYS_CSV, **FILE)
def export_days(query: dict[str, Any]) -> Response:
    """For each user and day, sessions and visible seconds, as a CSV file to download"""
    wanted, site = stats_wanted(query), settings().timezone
    name = file_name("people-days", *window(query))
    return csv_answer(lambda tx: queries.day_cells(tx, wanted, site), queries.DAY_CELLS, name)
