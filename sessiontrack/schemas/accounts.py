"""Signing in and API tokens: what the calls take and answer (contract 5)."""

from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from sessiontrack.exceptions import InvalidPassword
from sessiontrack.schemas.base import Answer, Strict, Success
from sessiontrack.schemas.fields import Name, Text, TrueOrFalse, limit, offset
from sessiontrack.values import passwords
from sessiontrack.values.names import LONGEST_NAME
from sessiontrack.values.roles import MOST_TOKEN_DAYS, ROLES

# Hashing takes longer for a longer input; no user types more.
LONGEST_PASSWORD = 1024


class LoginQuery(Strict):
    """`POST /auth/login?cookies=1`."""

    cookies = TrueOrFalse(
        load_default=False,
        metadata={"description": "1: also set the tokens as cookies, as the web UI does."},
    )


class LoginBody(Strict):
    """`POST /auth/login`."""

    username = Text(least=1, most=LONGEST_NAME, required=True, metadata={"example": "admin"})
    password = fields.String(
        required=True, validate=Length(1, LONGEST_PASSWORD), metadata={"format": "password"}
    )


class CanopsisLogin(LoginBody):
    """`POST /auth`, as JSON or as a form."""

    json_response = fields.Raw(
        metadata={
            "type": ["boolean", "string"],
            "description": "Canopsis' UI sends it; the answer is JSON anyway, and sets the cookies.",
        }
    )


def _meets_rule(password: str) -> None:
    try:
        passwords.refuse_weak(password)
    except InvalidPassword as error:
        raise ValidationError(error.message) from error


def new_password(**kwargs: Any) -> fields.String:
    """A password that is being chosen."""
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


class ChangePassword(Strict):
    """`POST /auth/password`."""

    password = fields.String(
        required=True,
        validate=Length(1, LONGEST_PASSWORD),
        metadata={"format": "password", "description": "The present one."},
    )
    new_password = new_password(required=True)


class ListLogins(Strict):
    """`GET /auth/logins`."""

    limit = limit(100)
    offset = offset()


class IssueToken(Strict):
    """`POST /auth/tokens`."""

    name = Name(least=1, most=LONGEST_NAME, required=True, metadata={"example": "backup script"})
    username = Text(least=1, most=LONGEST_NAME, metadata={"description": "Whose token; left out: one's own."})
    role = fields.String(
        validate=OneOf(ROLES), metadata={"description": "At most the user's own role; left out: that role."}
    )
    expires_in_days = fields.Integer(
        strict=True,
        validate=Range(1, MOST_TOKEN_DAYS),
        metadata={"description": "For how many days it is valid; left out: until it is revoked."},
    )


class ListTokens(Strict):
    """`GET /auth/tokens`."""

    limit = limit(100)
    offset = offset()


class TokensAnswer(Answer):
    """What signing in and refreshing answer."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds of the access token."})


class MeAnswer(Answer):
    """`GET /auth/me`."""

    username = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(ROLES))
    kind = fields.String(required=True, validate=OneOf(("login", "token", "proxy")))


class LoginAnswer(Answer):
    """A login; instants are epoch seconds."""

    id = fields.String(required=True)
    address = fields.String(required=True, metadata={"description": "Where it was opened from."})
    created_at = fields.Integer(required=True)
    last_used_at = fields.Integer(required=True, metadata={"description": "To the hour."})
    expires_at = fields.Integer(required=True)
    current = fields.Boolean(required=True, metadata={"description": "Whether this call is made with it."})


class RevokedLoginsAnswer(Success):
    """`DELETE /auth/logins`, `POST /auth/password`."""

    message = fields.String(required=True)
    ended = fields.Integer(required=True, metadata={"description": "How many other logins ended."})


class MessageAnswer(Answer):
    """Something was done."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)


class ApiTokenAnswer(Answer):
    """An API token, without its secret; instants are epoch seconds."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    username = fields.String(required=True)
    role = fields.String(required=True)
    created_at = fields.Integer(required=True)
    revoked_at = fields.Integer(required=True, allow_none=True)
    expires_at = fields.Integer(required=True, allow_none=True)
    last_used_at = fields.Integer(
        required=True, allow_none=True, metadata={"description": "To the hour; null: not yet, or unknown."}
    )


class IssuedTokenAnswer(ApiTokenAnswer):
    """An API token with its secret: the only time that it is shown."""

    token = fields.String(required=True)
