"""Who was there at an instant: what the calls take and answer."""

from marshmallow import fields

from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.fields import TimestampStart, limit, offset


class InstantCsv(Strict):
    """`GET /presence/at.csv`."""

    at = TimestampStart(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-01T20:00", "description": "Left out: now. It is not in the future."},
    )


class Instant(InstantCsv):
    """`GET /presence/at`."""

    limit = limit(100)
    offset = offset()


class DeviceThen(Answer):
    """A device that was connected at the instant, by the session that says so."""

    session = fields.Integer(required=True, metadata={"description": "The session's id."})
    mac = fields.String(required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    ip = fields.String(required=True)
    since = fields.String(required=True)
    until = fields.String(
        required=True, allow_none=True, metadata={"description": "null: it is still connected now."}
    )


class PersonThen(Answer):
    """A user session that was active at the instant."""

    id = fields.UUID(data_key="_id", required=True)
    username = fields.String(required=True)
    since = fields.String(required=True)
    path = fields.List(
        fields.String(), required=True, metadata={"description": "The page in sight then, or last before."}
    )


class InstantAnswer(Success):
    """`GET /presence/at`; instants in site time, with their offset."""

    at = fields.String(required=True)
    recorded_since = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The earliest record of devices; of an instant before it nobody can say who was"
            " there. null: there is none."
        },
    )
    people_total = fields.Integer(required=True)
    people = fields.List(fields.Nested(PersonThen), required=True, metadata={"description": "At most 200."})
    devices = fields.List(
        fields.Nested(DeviceThen),
        required=True,
        metadata={"description": "By name; X-Total-Count says how many there are."},
    )
