"""What the health checks answer."""

from marshmallow import Schema, fields


class HealthAnswer(Schema):
    """One word."""

    status = fields.String(required=True)
