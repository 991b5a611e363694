"""The user dialect: what its calls take and answer (contract 4)."""

from typing import Any, NamedTuple

from marshmallow import ValidationError, fields, post_load

from sessiontrack.exceptions import InvalidPath
from sessiontrack.schemas.base import Answer, Strict
from sessiontrack.schemas.fields import (
    MOST_NAMES,
    PRINTABLE_PATTERN,
    JsonBoolean,
    PeriodText,
    Several,
    Text,
    TimestampEnd,
    TimestampStart,
    TrueOrFalse,
    limit,
    offset,
    refuse_control_characters,
)
from sessiontrack.schemas.windows import InPeriod
from sessiontrack.values.paths import LONGEST_PART, parse_path
from sessiontrack.values.reports import Ping

EXAMPLE_PATH = "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b-54f1-4c51-9550-d88c2da60768]"


class SentPath(NamedTuple):
    """A path as it was sent, which answers repeat, and as (view, tab); see values.paths."""

    sent: str | list[str] | None
    path: tuple[str, str] | None


_NO_PATH = SentPath(None, None)


class PathField(fields.Field[Any]):
    """`"[view,tab]"` or `["view", "tab"]`, loaded as a SentPath."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> SentPath:
        try:
            path = parse_path(value)
            for part in path:
                refuse_control_characters(part)
        except InvalidPath as error:
            raise ValidationError(error.message) from error
        return SentPath(value, path)


def _path(**kwargs: Any) -> PathField:
    meaning = (
        f'"[view,tab]", "[view]", "view", ["view", "tab"] or ["view"]; parts to {LONGEST_PART} characters.'
    )
    part = {"type": "string", "minLength": 1, "maxLength": LONGEST_PART, "pattern": PRINTABLE_PATTERN}
    as_list = {"type": "array", "items": part, "minItems": 1, "maxItems": 2}
    shapes: list[dict[str, Any]] = [{"type": "string", "minLength": 1, "pattern": PRINTABLE_PATTERN}, as_list]
    if "load_default" in kwargs:
        shapes.append({"type": "null"})
    return PathField(metadata={"example": EXAMPLE_PATH, "description": meaning, "anyOf": shapes}, **kwargs)


class Keepalive(Strict):
    """`POST /api/v2/keepalive`."""

    visible = JsonBoolean(
        required=True, metadata={"description": "Whether the path was visible since the last ping."}
    )
    path = _path(load_default=None)

    @post_load
    def _ping(self, data: dict[str, Any], **kwargs: object) -> Ping:
        visible: bool = data["visible"]
        if visible and data["path"] is None:
            raise ValidationError("Missing data for required field.", "path")
        return Ping(visible, *(data["path"] or _NO_PATH))


class SessionHide(Strict):
    """`POST /api/v2/session-hide`."""

    path = _path(required=True)

    @post_load
    def _ping(self, data: dict[str, Any], **kwargs: object) -> Ping:
        return Ping(True, *data["path"])


def _usernames() -> Several:
    meaning = "Only these users'; may be given more than once."
    return Several(
        Text(most=64),
        most=MOST_NAMES,
        data_key="usernames[]",
        load_default=list,
        metadata={"description": meaning},
    )


class UserSessionsCsv(Strict):
    """`GET /api/v2/sessions.csv`."""

    usernames = _usernames()
    active = TrueOrFalse(
        load_default=None, allow_none=False, metadata={"description": "Only those that are, or are not."}
    )
    started_after = TimestampStart(
        load_default=None,
        allow_none=False,
        metadata={"example": "1754042400", "description": "Only sessions that started after it."},
    )
    started_before = TimestampEnd(
        load_default=None,
        allow_none=False,
        metadata={"example": "1754049600", "description": "Only sessions that started before it."},
    )
    stopped_before = TimestampEnd(
        load_default=None,
        allow_none=False,
        metadata={"example": "1754049600", "description": "Only expired ones, last pinged before it."},
    )


class ListUserSessions(UserSessionsCsv):
    """`GET /api/v2/sessions`."""

    limit = limit(None)
    offset = offset()


class SessionStats(InPeriod):
    """`GET /api/v2/session-stats`."""

    period = PeriodText(default="30 days")
    usernames = _usernames()


class SessionStatsCsv(SessionStats):
    """`GET /api/v2/session-stats.csv`."""

    view = Text(load_default="", metadata={"description": "Only this view, and its tabs."})


class SessionDays(InPeriod):
    """`GET /api/v2/session-days`."""

    period = PeriodText(default="30 days")
    usernames = _usernames()


class ListVisits(Strict):
    """`GET /api/v2/sessions/<id>/views`."""

    limit = limit(1000)
    offset = offset()


class StartAnswer(Answer):
    """`POST /api/v2/sessionstart`."""

    description = fields.String(required=True)


class PingAnswer(StartAnswer):
    """`POST /api/v2/session-hide`."""

    time = fields.Integer(required=True, metadata={"description": "Epoch seconds."})
    paths = fields.Raw(
        required=True,
        allow_none=True,
        metadata={
            "description": "The path as sent; null where none was.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "null"},
            ],
        },
    )


class KeepaliveAnswer(PingAnswer):
    """`POST /api/v2/keepalive`."""

    visible = fields.Boolean(required=True)


class _Visible(Answer):
    username = fields.String(required=True)
    visible_duration = fields.Integer(required=True, metadata={"description": "Seconds."})
    tab_duration = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Raw(),
        metadata={"description": "{view: seconds}, or {view: {tab: seconds}}."},
    )


class UserSessionAnswer(_Visible):
    """A user session; instants are epoch seconds."""

    id = fields.UUID(data_key="_id", required=True)
    id_beaker_session = fields.String(required=True)
    start = fields.Integer(required=True)
    last_ping = fields.Integer(required=True)
    last_visible_ping = fields.Integer(required=True, allow_none=True)
    last_visible_path = fields.List(fields.String(), required=True)
    active = fields.Boolean(required=True)


class UserStatsAnswer(_Visible):
    """What one user did in the period; instants are epoch seconds."""

    sessions = fields.Integer(required=True)
    first_seen = fields.Integer(required=True)
    last_seen = fields.Integer(required=True)


class UserDayAnswer(Answer):
    """What one user did on one day of the site's calendar."""

    username = fields.String(required=True)
    day = fields.Date(required=True)
    sessions = fields.Integer(required=True, metadata={"description": "Those that reach into the day."})
    visible_duration = fields.Integer(required=True, metadata={"description": "Seconds."})


class VisitAnswer(Answer):
    """One stay on a path; instants are epoch seconds."""

    path = fields.List(fields.String(), required=True)
    since = fields.Integer(required=True)
    until = fields.Integer(required=True)
    visible_duration = fields.Integer(
        required=True, metadata={"description": "Seconds of it that were visible."}
    )
