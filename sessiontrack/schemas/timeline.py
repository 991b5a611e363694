"""The timeline of presence: what the call takes and answers."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from sessiontrack.schemas.base import Answer
from sessiontrack.schemas.devices import DeviceAnswer, ListDevices
from sessiontrack.schemas.fields import ExclusiveEnd, Start, Whole

MOST_PIXELS = 8192


class Timeline(ListDevices):
    """`GET /presence/timeline`."""

    start = Start(required=True, metadata={"example": "2025-08-01"})
    end = ExclusiveEnd(required=True, metadata={"example": "2025-08-21"})
    width = Whole(
        least=1,
        most=MOST_PIXELS,
        load_default=1000,
        metadata={"description": "Pixels from start to end: what one of them cannot show is merged."},
    )

    @validates_schema
    def _end_after_start(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["end"] <= data["start"]:
            raise ValidationError("Must be after start.", "end")


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


class TimelineAnswer(Answer):
    """`GET /presence/timeline`; instants are epoch seconds."""

    success = fields.Boolean(required=True, metadata={"enum": [True]})
    start = fields.Integer(required=True)
    end = fields.Integer(required=True, metadata={"description": "The first instant after it."})
    now = fields.Integer(required=True)
    width = fields.Integer(required=True)
    kinds = fields.List(fields.String(), required=True, metadata={"description": "What a kind means."})
    devices = fields.List(fields.Nested(TimelineRow), required=True)
