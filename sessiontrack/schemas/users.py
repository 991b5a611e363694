"""Users: what their calls take and answer."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from sessiontrack.exceptions import InvalidPassword
from sessiontrack.schemas.accounts import LONGEST_NAME
from sessiontrack.schemas.base import Answer, Strict
from sessiontrack.schemas.fields import JsonBoolean, Name, limit, offset
from sessiontrack.values import passwords
from sessiontrack.values.roles import ROLES, VIEWER


class ListUsers(Strict):
    """`GET /users`."""

    limit = limit(100)
    offset = offset()


def _meets_rule(password: str) -> None:
    try:
        passwords.refuse_weak(password)
    except InvalidPassword as error:
        raise ValidationError(error.message) from error


def _password(**kwargs: Any) -> fields.String:
    return fields.String(
        validate=_meets_rule,
        metadata={
            "format": "password",
            "description": passwords.RULE,
            "minLength": passwords.LEAST,
            "maxLength": passwords.MOST,
        },
        **kwargs,
    )


class AddUser(Strict):
    """`POST /users`."""

    username = Name(least=1, most=LONGEST_NAME, required=True, metadata={"example": "anna"})
    password = _password(required=True)
    role = fields.String(
        load_default=VIEWER, validate=OneOf(ROLES), metadata={"description": "What they may do."}
    )


class ChangeUser(Strict):
    """`PATCH /users/<name>`; what is left out stays as it is."""

    cleared: ClassVar[Mapping[str, Any]] = {"disabled": False}

    password = _password()
    role = fields.String(validate=OneOf(ROLES))
    disabled = JsonBoolean(metadata={"description": "Whether the user is let in no more."})


class UserAnswer(Answer):
    """A user; instants are epoch seconds."""

    username = fields.String(required=True)
    role = fields.String(required=True)
    created_at = fields.Integer(required=True)
    disabled_at = fields.Integer(required=True, allow_none=True)


class OneUserAnswer(Answer):
    """One user."""

    success = fields.Boolean(required=True, metadata={"enum": [True]})
    user = fields.Nested(UserAnswer, required=True)
