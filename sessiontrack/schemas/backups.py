"""Backups: what their calls answer."""

from marshmallow import fields

from sessiontrack.schemas.base import Answer, Success


class BackupAnswer(Answer):
    """A backup in the instance folder; its instant is in epoch seconds."""

    name = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    made_at = fields.Integer(required=True)


class BackupsAnswer(Success):
    """`GET /backups`."""

    folder = fields.String(required=True, metadata={"description": "On the server."})
    keep = fields.Integer(
        required=True,
        metadata={"description": "How many of those begun here stay; the oldest of them give way."},
    )
    running = fields.Boolean(required=True, metadata={"description": "Whether one is being made."})
    failure = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the last one was not made, or null."}
    )
    backups = fields.List(fields.Nested(BackupAnswer), required=True)
