"""What is going on now: what the call takes and answers."""

from marshmallow import fields

from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.devices import DeviceTotalsAnswer
from sessiontrack.schemas.fields import Whole

MOST_EVENTS = 100


class Now(Strict):
    """`GET /presence/now`."""

    limit = Whole(
        least=1,
        most=MOST_EVENTS,
        load_default=20,
        metadata={"description": "At most this many of the latest events."},
    )


class DeviceCounts(DeviceTotalsAnswer):
    """How many devices each status has."""

    class Meta(DeviceTotalsAnswer.Meta):
        """marshmallow's options."""

        exclude = ("success",)


class SourcesNow(Answer):
    """The sources; archived ones are left out."""

    all = fields.Integer(required=True)
    silent = fields.List(
        fields.String(), required=True, metadata={"description": "The names of the first 20."}
    )
    failing = fields.List(
        fields.String(), required=True, metadata={"description": "The names of the first 20."}
    )


class PersonNow(Answer):
    """An active user session; instants are epoch seconds."""

    id = fields.UUID(data_key="_id", required=True)
    username = fields.String(required=True)
    start = fields.Integer(required=True)
    last_ping = fields.Integer(required=True)
    last_visible_ping = fields.Integer(required=True, allow_none=True)
    last_visible_path = fields.List(fields.String(), required=True)
    visible_duration = fields.Integer(required=True, metadata={"description": "Seconds."})


class EventNow(Answer):
    """An event, its type as it was recorded."""

    id = fields.Integer(required=True)
    at = fields.String(required=True)
    mac = fields.String(required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    ip = fields.String(required=True)
    type = fields.String(required=True)
    voided = fields.Boolean(required=True)
    info = fields.String(required=True)


class NowAnswer(Success):
    """`GET /presence/now`."""

    timezone = fields.String(required=True, metadata={"description": "The site time zone's name."})
    devices = fields.Nested(DeviceCounts, required=True)
    sources = fields.Nested(SourcesNow, required=True)
    people_total = fields.Integer(required=True)
    people = fields.List(fields.Nested(PersonNow), required=True)
    events = fields.List(fields.Nested(EventNow), required=True)
