"""How much of a period each device was connected: `/presence/shares`."""

from typing import Any

from flask import Response, g

from sessiontrack.database import read_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.http import examples
from sessiontrack.http.answers import CSV, FILE_HEADERS, PAGING_HEADERS, answer, csv_answer, list_answer
from sessiontrack.http.endpoint import Blueprint, file_name, settings, window
from sessiontrack.queries import presence_shares as queries
from sessiontrack.queries.devices import DeviceFilter
from sessiontrack.schemas import presence_shares as schemas
from sessiontrack.values.roles import VIEWER

blueprint = Blueprint(
    "presence shares", __name__, url_prefix="/presence", description="How much of a period each was there."
)


@blueprint.endpoint(
    "/shares",
    role=VIEWER,
    query=schemas.Shares,
    answer=schemas.SharesAnswer,
    example=examples.PRESENCE_SHARES,
    headers=PAGING_HEADERS,
)
def shares(query: dict[str, Any]) -> Response:
    """How much of a period each device was connected, and its longest absence"""
    wanted = _wanted(query)
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    about = {
        "start": site.format_offset(wanted.start),
        "end": site.format_offset(wanted.end),
    }
    return list_answer(
        lambda tx: queries.list_shares(tx, wanted, limit, offset, now, site),
        lambda tx: queries.count_shares(tx, wanted, now),
        limit=limit,
        offset=offset,
        field="devices",
        about=about,
    )


@blueprint.endpoint(
    "/shares.csv",
    role=VIEWER,
    query=schemas.SharesCsv,
    answer={"type": "string"},
    content_type=CSV,
    example=examples.PRESENCE_SHARES_CSV,
    headers=FILE_HEADERS,
)
def export_shares(query: dict[str, Any]) -> Response:
    """How much of a period each device was connected, as a CSV file to download"""
    wanted, now, site = _wanted(query), g.now, settings().timezone
    name = file_name("presence", *window(query))
    return csv_answer(lambda tx: queries.share_cells(tx, wanted, now, site), queries.CELLS, name)


@blueprint.endpoint(
    "/totals",
    role=VIEWER,
    query=schemas.PresenceTotals,
    answer=schemas.PresenceTotalsAnswer,
    example=examples.PRESENCE_TOTALS,
)
def totals(query: dict[str, Any]) -> Response:
    """How many devices were there in a period at all, and how many were new"""
    wanted, site = _wanted({**query, "sort": "-share"}), settings().timezone
    with read_transaction() as tx:
        counts = queries.count_there(tx, wanted, g.now)
    ends = {"start": site.format_offset(wanted.start), "end": site.format_offset(wanted.end)}
    return answer({"success": True, **ends, **counts})


def _wanted(query: dict[str, Any]) -> queries.ShareFilter:
    start, until = window(query)
    end = g.now if until is None else min(until, g.now)
    if start > end:
        raise InvalidInput("start must not be after now.", {"start": ["Must not be after now."]})
    devices = DeviceFilter(settings().flapping, query["status"], query["search"], tag=query["tag"])
    sort = query["sort"]
    return queries.ShareFilter(devices, start, end, sort.removeprefix("-"), sort.startswith("-"))
