"""What the health checks answer."""

from marshmallow import fields

from sessiontrack.schemas.base import Answer


class HealthAnswer(Answer):
    """One word."""

    status = fields.String(required=True)


class UpAnswer(HealthAnswer):
    """Which program is up."""

    version = fields.String(required=True)
