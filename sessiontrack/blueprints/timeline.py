"""The timeline of presence: `/presence/timeline`, and the sessions that it draws: `/presence/sessions`."""

from dataclasses import replace
from typing import Any

from flask import Response, g

from sessiontrack.http import examples
from sessiontrack.http.answers import PAGING_HEADERS, list_answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.queries import devices, timeline_sessions
from sessiontrack.queries import timeline as queries
from sessiontrack.schemas import timeline as schemas
from sessiontrack.values.roles import VIEWER

blueprint = Blueprint("timeline", __name__, url_prefix="/presence", description="Presence as it is drawn.")


@blueprint.endpoint(
    "/timeline",
    role=VIEWER,
    query=schemas.Timeline,
    answer=schemas.TimelineAnswer,
    example=examples.TIMELINE,
    headers=PAGING_HEADERS,
)
def timeline(query: dict[str, Any]) -> Response:
    """Devices with bars of pixels where they were connected, what a pixel cannot show merged"""
    window = queries.Window(query["start"], query["end"], query["width"])
    wanted = replace(
        _devices(query),
        sort=query["sort"].removeprefix("-"),
        descending=query["sort"].startswith("-"),
        mac=query["mac"],
    )
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    about = {
        "start": window.start,
        "end": window.end,
        "now": now,
        "width": window.width,
        "kinds": queries.KINDS,
    }
    return list_answer(
        lambda tx: queries.list_timeline(tx, wanted, window, limit, offset, now, site),
        lambda tx: devices.count_devices(tx, wanted, now),
        limit=limit,
        offset=offset,
        field="devices",
        about=about,
    )


@blueprint.endpoint(
    "/sessions",
    role=VIEWER,
    query=schemas.TimelineSessions,
    answer=schemas.TimelineSessionsAnswer,
    example=examples.TIMELINE_SESSIONS,
    headers=PAGING_HEADERS,
)
def sessions(query: dict[str, Any]) -> Response:
    """The sessions that the timeline draws, one by one"""
    wanted = timeline_sessions.TimelineSessionFilter(
        _devices(query),
        query["start"],
        query["end"],
        mac=query["mac"],
        sort=query["sort"].removeprefix("-"),
        descending=query["sort"].startswith("-"),
    )
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    return list_answer(
        lambda tx: timeline_sessions.list_timeline_sessions(tx, wanted, limit, offset, now, site),
        lambda tx: timeline_sessions.count_timeline_sessions(tx, wanted, now),
        limit=limit,
        offset=offset,
        field="sessions",
    )


def _devices(query: dict[str, Any]) -> devices.DeviceFilter:
    return devices.DeviceFilter(settings().flapping, query["status"], query["search"], tag=query["tag"])
