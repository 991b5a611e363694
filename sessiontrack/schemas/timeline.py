"""The timeline of presence: what the call takes and answers."""

from marshmallow import fields
from marshmallow.validate import OneOf

from sessiontrack.schemas.base import Answer, Success
from sessiontrack.schemas.devices import DeviceAnswer, ListDevices
from sessiontrack.schemas.fields import MacAddress, Whole
from sessiontrack.schemas.windows import Window

MOST_PIXELS = 8192
SESSION_SORTS = ("connection", "disconnection", "duration", "name", "mac", "ip")


class _OfWindow(Window, ListDevices):
    mac = MacAddress(load_default=None, allow_none=False, metadata={"description": "Of this device alone."})


class Timeline(_OfWindow):
    """`GET /presence/timeline`."""

    width = Whole(
        least=1,
        most=MOST_PIXELS,
        load_default=1000,
        metadata={"description": "Pixels from start to end: what one of them cannot show is merged."},
    )


class TimelineSessions(_OfWindow):
    """`GET /presence/sessions`."""

    sort = fields.String(
        load_default="connection",
        validate=OneOf([*SESSION_SORTS, *(f"-{each}" for each in SESSION_SORTS)]),
        metadata={"description": "With - before it: the other way round."},
    )


class TimelineRow(DeviceAnswer):
    """A device and its bars."""

    class Meta(DeviceAnswer.Meta):
        """marshmallow's options."""

        fields = ("mac", "name", "owner", "vendor", "ip", "status", "connected_since", "last_seen", "bars")

    bars = fields.List(
        fields.List(fields.Integer(), metadata={"minItems": 3, "maxItems": 3}),
        required=True,
        metadata={"description": "[first pixel, pixel after the last, kind], in order."},
    )


class TimelineAnswer(Success):
    """`GET /presence/timeline`; instants are epoch seconds."""

    start = fields.Integer(required=True)
    end = fields.Integer(required=True, metadata={"description": "The first instant after it."})
    now = fields.Integer(required=True)
    width = fields.Integer(required=True)
    kinds = fields.List(fields.String(), required=True, metadata={"description": "What a kind means."})
    devices = fields.List(fields.Nested(TimelineRow), required=True)


class TimelineSession(Answer):
    """A session that the timeline shows; instants in site time, with their offset."""

    id = fields.Integer(required=True)
    mac = fields.String(required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    ip = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "One of the timeline's first four."})
    connected_at = fields.String(required=True, allow_none=True)
    disconnected_at = fields.String(required=True, allow_none=True)
    duration_seconds = fields.Integer(required=True, allow_none=True)
    start = fields.String(required=True, metadata={"description": "Where it is drawn from."})
    end = fields.String(required=True, metadata={"description": "Where it is drawn to."})


class TimelineSessionsAnswer(Success):
    """`GET /presence/sessions`."""

    sessions = fields.List(fields.Nested(TimelineSession), required=True)
