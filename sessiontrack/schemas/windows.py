"""The time that a call speaks of: a period, or a start and an end."""

from typing import Any

from marshmallow import ValidationError, validates_schema

from sessiontrack.schemas.base import Strict
from sessiontrack.schemas.fields import ExclusiveEnd, PeriodText, Start


class InPeriod(Strict):
    """A period up to now, or start and end in its place; http/endpoint.py makes instants of them."""

    period = PeriodText(default="7 days")
    start = Start(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-01", "description": "In place of period."},
    )
    end = ExclusiveEnd(
        load_default=None,
        allow_none=False,
        metadata={"example": "2025-08-21", "description": "With start, or where period ends; else now."},
    )

    @validates_schema(pass_original=True)
    def _one_of_them(self, data: dict[str, Any], original: dict[str, Any], **kwargs: object) -> None:
        if data["start"] is None:
            return
        if "period" in original:
            raise ValidationError("Stands in place of start: give one of them.", "period")
        if data["end"] is not None and data["end"] <= data["start"]:
            raise ValidationError("Must be after start.", "end")


class Window(Strict):
    """A start and an end that both must be given."""

    start = Start(required=True, metadata={"example": "2025-08-01"})
    end = ExclusiveEnd(required=True, metadata={"example": "2025-08-21"})

    @validates_schema
    def _end_after_start(self, data: dict[str, Any], **kwargs: object) -> None:
        if data["end"] <= data["start"]:
            raise ValidationError("Must be after start.", "end")
