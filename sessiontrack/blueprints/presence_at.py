"""Who was there at an instant: `/presence/at`."""

from typing import Any

from flask import Response, g

from sessiontrack.database import read_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.http import examples
from sessiontrack.http.answers import CSV, FILE_HEADERS, PAGING_HEADERS, csv_answer, list_answer
from sessiontrack.http.endpoint import Blueprint, seen_user, settings
from sessiontrack.queries import now as people_now
from sessiontrack.queries import presence_at as queries
from sessiontrack.schemas import presence_at as schemas
from sessiontrack.values.roles import VIEWER

blueprint = Blueprint(
    "presence at", __name__, url_prefix="/presence", description="Who was there at an instant."
)


@blueprint.endpoint(
    "/at",
    role=VIEWER,
    query=schemas.Instant,
    answer=schemas.InstantAnswer,
    example=examples.PRESENCE_AT,
    headers=PAGING_HEADERS,
)
def at(query: dict[str, Any]) -> Response:
    """Who was there at an instant: devices by name, and people with the page in sight"""
    at = _instant(query)
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    alive, only = settings().session_alive_seconds, seen_user()
    with read_transaction() as tx:
        since = queries.recorded_since(tx)
        people = queries.people_at(tx, at, now, alive, only, site)
        total = len(people)
        if total == people_now.MOST_PEOPLE:
            total = queries.count_people_at(tx, at, now, alive, only)
    about = {
        "at": site.format_offset(at),
        "recorded_since": None if since is None else site.format_offset(since),
        "people_total": total,
        "people": people,
    }
    return list_answer(
        lambda tx: queries.devices_at(tx, at, limit, offset, site),
        lambda tx: queries.count_devices_at(tx, at),
        limit=limit,
        offset=offset,
        field="devices",
        about=about,
    )


@blueprint.endpoint(
    "/at.csv",
    role=VIEWER,
    query=schemas.InstantCsv,
    answer={"type": "string"},
    content_type=CSV,
    example=examples.PRESENCE_AT_CSV,
    headers=FILE_HEADERS,
)
def export_at(query: dict[str, Any]) -> Response:
    """Who was there at an instant, devices and people, as a CSV file to download"""
    at = _instant(query)
    now, site, alive, only = g.now, settings().timezone, settings().session_alive_seconds, seen_user()
    name = f"sessiontrack-at-{site.format_minute(at).replace(' ', '-').replace(':', '')}.csv"
    return csv_answer(lambda tx: queries.cells_at(tx, at, now, alive, only, site), queries.CELLS, name)


def _instant(query: dict[str, Any]) -> int:
    at: int = g.now if query["at"] is None else query["at"]
    if at > g.now:
        wrong = "Must not be in the future."
        raise InvalidInput(wrong, {"at": [wrong]})
    return at
