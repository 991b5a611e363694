"""The device dialect: what its calls take and answer (contract 3)."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import OneOf

from sessiontrack.schemas.base import Answer, Strict, Success, listed_or_named
from sessiontrack.schemas.datatables import from_datatables
from sessiontrack.schemas.fields import (
    FARTHEST_OFFSET,
    MOST_LISTED,
    DeviceMac,
    End,
    IpAddress,
    MacAddress,
    PeriodText,
    Start,
    Text,
    Whole,
    limit,
    offset,
)
from sessiontrack.schemas.windows import InPeriod, Window
from sessiontrack.values.reports import NewSession

EVENT_VIEWS = ("all", "sessions", "missing", "voided", "new", "down")
# Those of `missing` that lack the one end or the other.
MISSING_VIEWS = ("missing_connection", "missing_disconnection")
# The names by which session-events can be sorted, at the number of their column in format=datatables.
SORT_COLUMNS = (
    "order_time",
    "name",
    "owner",
    "time",
    "type",
    "connection",
    "disconnection",
    "duration",
    "duration_seconds",
    "ip",
    "ip_number",
    "info",
    "still_connected",
    "mac",
    "pending_alert",
)
MOST_SORTS = 3
SORTS = {str(number): name for number, name in enumerate(SORT_COLUMNS)} | {n: n for n in SORT_COLUMNS}


def _is_order(text: str) -> None:
    """A validator of comma-separated names of columns."""
    names = [each.removeprefix("-") for each in text.split(",")]
    if not set(names) <= set(SORT_COLUMNS):
        raise ValidationError(f"Names of columns, separated by commas: {', '.join(SORT_COLUMNS)}.")
    if len(names) > MOST_SORTS:
        raise ValidationError(f"At most {MOST_SORTS} columns.")


class CreateSession(Strict):
    """`POST /sessions/create`."""

    mac = DeviceMac(required=True)
    ip = IpAddress(required=True)
    start_time = Start(required=True, attribute="start", metadata={"example": "2025-08-01T10:00:00"})
    end_time = End(
        attribute="end",
        load_default=None,
        allow_none=True,
        metadata={"example": "2025-08-01T12:00:00", "description": "Left out: still connected."},
    )
    event_type_conn = Text(
        attribute="conn_type",
        least=1,
        most=64,
        load_default="Connected",
        metadata={"description": "Type of the event at its start."},
    )
    event_type_disc = Text(
        attribute="disc_type",
        least=1,
        most=64,
        load_default="Disconnected",
        metadata={"description": "Type of the event at its end."},
    )

    @validates_schema
    def _end_after_start(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["start"] < 0:
            raise ValidationError("Must not be before 1970.", "start_time")
        if data["end"] is not None and data["end"] < data["start"]:
            raise ValidationError("Must not be before start_time.", "end_time")

    @post_load
    def _new(self, data: dict[str, Any], **kwargs: object) -> NewSession:
        return NewSession(**data)


class DeleteSessions(Strict):
    """`DELETE /sessions/delete`, as its body or in the URL."""

    mac = MacAddress()


class ListSessions(Strict):
    """`GET /sessions/list`."""

    mac = MacAddress(load_default=None, allow_none=False)
    start_date = Start(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-01", "description": "Sessions that connected at or after it."},
    )
    end_date = End(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-21", "description": "Sessions that disconnected by the end of it."},
    )
    limit = limit(None)
    offset = offset()


class Calendar(Window):
    """`GET /sessions/calendar`."""

    mac = MacAddress(load_default=None, allow_none=False)
    limit = limit(None)
    offset = offset()


class DeviceSessions(InPeriod):
    """`GET /sessions/<mac>`."""

    period = PeriodText(default="1 day")
    limit = limit(None)
    offset = offset()


class ExportEvents(InPeriod):
    """`GET /sessions/session-events.csv`."""

    type = fields.String(
        load_default="all",
        validate=OneOf((*EVENT_VIEWS, *MISSING_VIEWS)),
        metadata={
            "description": "all, voided, new and down are events; sessions and missing are device sessions,"
            " missing_connection and missing_disconnection those that lack that end."
        },
    )
    search = Text(load_default="", metadata={"description": "In name, owner, MAC, IP, type and info."})
    mac = MacAddress(load_default=None, allow_none=False, metadata={"description": "Of this device alone."})
    sortCol = fields.String(
        load_default="order_time",
        validate=OneOf(list(SORTS)),
        metadata={"description": "A column by number or by name."},
    )
    sortDir = fields.String(
        load_default="desc",
        validate=OneOf(("asc", "desc")),
        metadata={"description": "Ascending or descending."},
    )

    @post_load
    def _order(self, data: dict[str, Any], **kwargs: object) -> dict[str, Any]:
        """`order`: columns, the first one first, each with whether it descends."""
        text = data.get("order")
        data["order"] = (
            ((SORTS[data["sortCol"]], data["sortDir"] == "desc"),)
            if text is None
            else tuple((each.removeprefix("-"), each.startswith("-")) for each in text.split(","))
        )
        return data


class SessionEvents(ExportEvents):
    """`GET /sessions/session-events`; what DataTables sends is understood too."""

    page = Whole(
        least=1, most=FARTHEST_OFFSET, load_default=1, metadata={"description": "Which page, from 1 on."}
    )
    limit = Whole(
        least=1,
        most=10**9,
        load_default=100,
        metadata={"description": f"1 to {MOST_LISTED}; more is capped, with format=json refused."},
    )
    offset = Whole(
        least=0,
        most=FARTHEST_OFFSET,
        load_default=None,
        allow_none=False,
        metadata={"description": "In place of page: leave out this many at the beginning."},
    )
    order = fields.String(
        load_default=None,
        allow_none=False,
        validate=_is_order,
        metadata={"description": "In place of sortCol and sortDir: names by commas, with - descending."},
    )
    format = fields.String(
        load_default="both",
        validate=OneOf(("both", "json", "datatables")),
        metadata={
            "description": "json: objects in events. datatables: rows of 15 columns in data. both: both."
        },
    )

    def in_own_names(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """DataTables' parameters are understood."""
        return from_datatables(given, SORTS, MOST_LISTED)

    @validates_schema
    def _limit(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["format"] == "json" and data["limit"] > MOST_LISTED:
            raise ValidationError(f"Must be at most {MOST_LISTED}.", "limit")

    @post_load
    def _page(self, data: dict[str, Any], **kwargs: object) -> dict[str, Any]:
        data["limit"] = min(data["limit"], MOST_LISTED)
        if data["offset"] is None:
            data["offset"] = (data["page"] - 1) * data["limit"]
        else:
            data["page"] = data["offset"] // data["limit"] + 1
        return data


class Totals(InPeriod):
    """`GET /sessions/totals`."""

    mac = MacAddress(load_default=None, allow_none=False, metadata={"description": "Of this device alone."})
    format = fields.String(
        load_default="list",
        validate=OneOf(("list", "named")),
        metadata={"description": "named: an object, the counts by name."},
    )


class SessionAnswer(Answer):
    """A device session as every list shows it."""

    id = fields.Integer(required=True)
    ses_DateTimeOrder = fields.String(
        required=True, metadata={"description": "The connection, else the disconnection: to sort by."}
    )
    ses_MAC = fields.String(required=True)
    ses_Connection = fields.String(required=True, metadata={"description": "Or `<missing event>`."})
    ses_Disconnection = fields.String(
        required=True, metadata={"description": "`...` while still connected; or `<missing event>`."}
    )
    ses_Duration = fields.String(required=True)
    ses_IP = fields.String(required=True)
    ses_Info = fields.String(required=True)
    ses_StillConnected = fields.Boolean(required=True)
    ses_DateTimeConnection = fields.String(required=True, allow_none=True)
    ses_DateTimeDisconnection = fields.String(required=True, allow_none=True)
    ses_DurationSeconds = fields.Integer(required=True, allow_none=True)


class CreateSessionAnswer(Success):
    """`POST /sessions/create`."""

    message = fields.String(required=True)
    id = fields.Integer(required=True)


class DeleteSessionsAnswer(Success):
    """`DELETE /sessions/delete`."""

    message = fields.String(required=True)
    deleted = fields.Integer(required=True)


class SessionsAnswer(Success):
    """A list of device sessions."""

    sessions = fields.List(fields.Nested(SessionAnswer), required=True)


class DeviceSessionAnswer(SessionAnswer):
    """A session of one device, with the names too that NetAlertX's page of a device reads."""

    sesDateTimeOrder = fields.String(required=True)
    sesMac = fields.String(required=True)
    sesConnection = fields.String(required=True)
    sesDisconnection = fields.String(required=True)
    sesDuration = fields.String(required=True)
    sesIp = fields.String(required=True)
    sesInfo = fields.String(required=True)


class DeviceSessionsAnswer(Success):
    """`GET /sessions/<mac>`."""

    sessions = fields.List(fields.Nested(DeviceSessionAnswer), required=True)


class CalendarEvent(Schema):
    """A device session as calendar widgets draw it."""

    resourceId = fields.String(required=True)
    title = fields.String(required=True)
    start = fields.String(required=True)
    end = fields.String(required=True)
    color = fields.String(required=True)
    tooltip = fields.String(required=True)
    className = fields.String(required=True)


class CalendarAnswer(Success):
    """`GET /sessions/calendar`."""

    sessions = fields.List(fields.Nested(CalendarEvent), required=True)


class Explanation(Answer):
    """Why an event is voided, or an end of a session missing."""

    code = fields.String(
        required=True,
        metadata={
            "enum": [
                *("seen", "evidence", "deleted", "merged", "repaired", "unknown"),
                *("next_connection", "no_connection", "no_disconnection"),
            ]
        },
    )
    at = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)


class EventRow(Answer):
    """An event, or (type sessions and missing) a device session."""

    id = fields.Integer(required=True)
    mac = fields.String(required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    ip = fields.String(required=True)
    info = fields.String(required=True)
    explanation = fields.Nested(
        Explanation, allow_none=True, metadata={"description": "Of what is voided, or lacks an end."}
    )
    time = fields.String()
    type = fields.String()
    at = fields.String(metadata={"description": "time, with its offset."})
    connection = fields.String()
    disconnection = fields.String()
    duration = fields.String()
    duration_seconds = fields.Integer(allow_none=True)
    still_connected = fields.Boolean()
    connected_at = fields.String(
        allow_none=True, metadata={"description": "connection, with its offset; null where it is missing."}
    )
    disconnected_at = fields.String(
        allow_none=True, metadata={"description": "disconnection, with its offset; null where there is none."}
    )


class SessionEventsAnswer(Answer):
    """`GET /sessions/session-events`; format=json answers no `data`, format=datatables no `events`."""

    success = fields.Boolean()
    type = fields.String()
    period = fields.String()
    total = fields.Integer(required=True)
    page = fields.Integer()
    limit = fields.Integer()
    events = fields.List(fields.Nested(EventRow))
    data = fields.List(fields.List(fields.Raw(allow_none=True)))
    recordsFiltered = fields.Integer()
    recordsTotal = fields.Integer()
    draw = fields.Integer()


TOTALS_ANSWER = listed_or_named(EVENT_VIEWS)
