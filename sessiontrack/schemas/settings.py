"""This install's settings: what the call answers."""

from marshmallow import fields

from sessiontrack.schemas.base import Answer, Success


class SettingAnswer(Answer):
    """One setting."""

    name = fields.String(
        required=True, metadata={"description": "SESSIONTRACK_ before it in the environment."}
    )
    value = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "As it was written; null where it is secret."},
    )
    default = fields.String(required=True)
    source = fields.String(
        required=True, metadata={"enum": ["default", "file", "environment", "command line"]}
    )
    meaning = fields.String(required=True)
    secret = fields.Boolean(required=True)


class SettingsAnswer(Success):
    """`GET /settings`."""

    file = fields.String(required=True, metadata={"description": "Where the settings file is, or would be."})
    settings = fields.List(fields.Nested(SettingAnswer), required=True)
