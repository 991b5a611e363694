"""The device dialect: `/sessions/...` (contract 3)."""

from typing import Any

from flask import Response, g

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.http import examples
from sessiontrack.http.answers import (
    CSV,
    FILE_HEADERS,
    PAGING_HEADERS,
    answer,
    csv_answer,
    list_answer,
    paged,
    texts,
)
from sessiontrack.http.endpoint import Blueprint, draw, file_name, mac_in_path, settings, window, window_text
from sessiontrack.presence.ahead import FUTURE_SECONDS, LATEST_END_SECONDS
from sessiontrack.queries import calendar as calendars
from sessiontrack.queries import device_sessions as sessions
from sessiontrack.queries import events
from sessiontrack.schemas import device_sessions as schemas
from sessiontrack.services import device_sessions as services
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.reports import NewSession
from sessiontrack.values.roles import OPERATOR, VIEWER

blueprint = Blueprint(
    "device sessions", __name__, url_prefix="/sessions", description="Which devices were connected."
)


@blueprint.endpoint(
    "/create",
    method="POST",
    needs_time=True,
    role=OPERATOR,
    body=schemas.CreateSession,
    body_example=examples.CREATE_SESSION,
    answer=schemas.CreateSessionAnswer,
    example=examples.SESSION_CREATED,
    errors=(409,),
)
def create(new: NewSession) -> Response:
    """Create a session; safe to repeat"""
    rules = PresenceRules.of(settings())
    if new.start > g.now + FUTURE_SECONDS:
        wrong = "This is more than 5 minutes ahead."
        raise InvalidInput(wrong, {"start_time": [wrong]})
    if new.end is not None and new.end > g.now + LATEST_END_SECONDS:
        wrong = "This is more than a day ahead."
        raise InvalidInput(wrong, {"end_time": [wrong]})
    with write_transaction(brief=True) as tx:
        session_id = services.create_session(tx, g.now, new, rules)
    return answer({"success": True, "message": f"Session created for MAC {new.mac}", "id": session_id})


@blueprint.endpoint(
    "/delete",
    method="DELETE",
    role=OPERATOR,
    query=schemas.DeleteSessions,
    body=schemas.DeleteSessions,
    body_required=False,
    body_example=examples.DELETE_SESSIONS,
    answer=schemas.DeleteSessionsAnswer,
    example=examples.SESSIONS_DELETED,
)
def delete(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Delete all sessions of a device; their events stay, voided"""
    named = {each["mac"] for each in (query, body) if "mac" in each}
    if len(named) != 1:
        wrong = "Two different ones are given." if named else "Missing data for required field."
        raise InvalidInput("Say which device, by mac in the body or in the URL.", {"mac": [wrong]})
    (mac,) = named
    with write_transaction() as tx:
        deleted = services.delete_sessions(tx, mac)
    return answer({"success": True, "message": f"Deleted sessions for MAC {mac}", "deleted": deleted})


@blueprint.endpoint(
    "/list",
    role=VIEWER,
    query=schemas.ListSessions,
    answer=schemas.SessionsAnswer,
    example=examples.SESSIONS,
    headers=PAGING_HEADERS,
)
def list_(query: dict[str, Any]) -> Response:
    """List sessions, oldest first"""
    wanted = sessions.SessionFilter(mac=query["mac"], start=query["start_date"], end=query["end_date"])
    return _sessions(wanted, query["limit"], query["offset"])


@blueprint.endpoint(
    "/calendar",
    role=VIEWER,
    query=schemas.Calendar,
    answer=schemas.CalendarAnswer,
    example=examples.CALENDAR,
    headers=PAGING_HEADERS,
)
def calendar(query: dict[str, Any]) -> Response:
    """The sessions that overlap a window, as calendar widgets draw them"""
    wanted = calendars.CalendarFilter(start=query["start"], end=query["end"], mac=query["mac"])
    limit, offset, now, site = query["limit"], query["offset"], g.now, settings().timezone
    return list_answer(
        lambda tx: calendars.list_calendar(tx, wanted, limit, offset, now, site),
        lambda tx: calendars.count_calendar(tx, wanted, now),
        limit=limit,
        offset=offset,
        written=texts,
        field="sessions",
    )


@blueprint.endpoint(
    "/session-events",
    role=VIEWER,
    query=schemas.SessionEvents,
    answer=schemas.SessionEventsAnswer,
    example=examples.SESSION_EVENTS,
    headers=PAGING_HEADERS,
)
def session_events(query: dict[str, Any]) -> Response:
    """Events or sessions of a period, by page, newest first"""
    wanted, limit, shape = _events(query), query["limit"], query["format"]
    with read_transaction() as tx:
        matching = events.count_rows(tx, wanted, searched=True)
        is_all = shape == "json" or not wanted.search
        total = matching if is_all else events.count_rows(tx, wanted, searched=False)
        page = list(events.list_page(tx, wanted, limit, query["offset"], g.now))
    about = {"success": True, "type": wanted.type, "period": window_text(query)}
    about |= {"total": total if shape == "datatables" else matching, "page": query["page"], "limit": limit}
    if shape != "json":
        rows = events.as_table(wanted.type, page, g.now, settings().timezone)
        about |= {"data": rows, "recordsTotal": total, "recordsFiltered": matching, **draw()}
    if shape != "datatables":
        about["events"] = events.as_objects(wanted.type, page, g.now, settings().timezone)
    return paged(answer(about), limit, query["offset"], matching)


@blueprint.endpoint(
    "/session-events.csv",
    role=VIEWER,
    query=schemas.ExportEvents,
    answer={"type": "string"},
    content_type=CSV,
    example=examples.SESSION_EVENTS_CSV,
    headers=FILE_HEADERS,
)
def export_events(query: dict[str, Any]) -> Response:
    """All events or sessions of a period that match, as a CSV file to download"""
    now, site = g.now, settings().timezone
    wanted = _events(query)
    return csv_answer(
        lambda tx: events.list_cells(tx, wanted, now, site),
        events.columns_of(wanted.type),
        file_name(wanted.type, *window(query)),
    )


@blueprint.endpoint(
    "/totals",
    role=VIEWER,
    query=schemas.Totals,
    answer=schemas.TOTALS_ANSWER,
    example=examples.TOTALS,
)
def totals(query: dict[str, Any]) -> Response:
    """How many rows session-events has of each type"""
    since, until = window(query)
    with read_transaction() as tx:
        counts = events.count_totals(tx, since, query["mac"], until)
    return answer(counts if query["format"] == "named" else list(counts.values()))


@blueprint.endpoint(
    "/<mac:mac>",
    role=VIEWER,
    query=schemas.DeviceSessions,
    answer=schemas.DeviceSessionsAnswer,
    example=examples.DEVICE_SESSIONS,
    headers=PAGING_HEADERS,
)
def of_device(query: dict[str, Any], mac: str) -> Response:
    """The sessions of a device in the latest period, newest first"""
    since, until = window(query)
    wanted = sessions.SessionFilter(
        mac=mac_in_path(mac),
        overlapping=(since, g.now if until is None else until - 1),
        newest_first=True,
        before=until,
        camel=True,
    )
    return _sessions(wanted, query["limit"], query["offset"])


def _events(query: dict[str, Any]) -> events.EventFilter:
    since, until = window(query)
    return events.EventFilter(
        type=query["type"],
        since=since,
        until=until,
        search=query["search"],
        mac=query["mac"],
        order=query["order"],
    )


def _sessions(wanted: sessions.SessionFilter, limit: int | None, offset: int) -> Response:
    now, site = g.now, settings().timezone
    return list_answer(
        lambda tx: sessions.list_sessions(tx, wanted, limit, offset, now, site),
        lambda tx: sessions.count_sessions(tx, wanted),
        limit=limit,
        offset=offset,
        written=texts,
        field="sessions",
    )
