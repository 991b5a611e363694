"""Users: what their calls take and answer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields
from marshmallow.validate import OneOf

from sessiontrack.schemas.accounts import new_password
from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.fields import JsonBoolean, Name, limit, offset
from sessiontrack.values.names import LONGEST_NAME
from sessiontrack.values.roles import ROLES, VIEWER


class ListUsers(Strict):
    """`GET /users`."""

    limit = limit(100)
    offset = offset()


class AddUser(Strict):
    """`POST /users`."""

    username = Name(least=1, most=LONGEST_NAME, required=True, metadata={"example": "anna"})
    password = new_password(required=True)
    role = fields.String(
        load_default=VIEWER, validate=OneOf(ROLES), metadata={"description": "What they may do."}
    )


class ChangeUser(Strict):
    """`PATCH /users/<name>`; what is left out stays as it is."""

    cleared: ClassVar[Mapping[str, Any]] = {"disabled": False}

    password = new_password()
    role = fields.String(validate=OneOf(ROLES))
    disabled = JsonBoolean(metadata={"description": "Whether the user is disabled."})


class UserAnswer(Answer):
    """A user; instants are epoch seconds."""

    username = fields.String(required=True)
    role = fields.String(required=True)
    created_at = fields.Integer(required=True)
    disabled_at = fields.Integer(required=True, allow_none=True)


class OneUserAnswer(Success):
    """One user."""

    user = fields.Nested(UserAnswer, required=True)
