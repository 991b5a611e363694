"""API tokens: named, revocable, without an end or with one; the secret is shown once, its SHA-256 is kept."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, Forbidden, NotFound
from sessiontrack.models import User
from sessiontrack.models.columns import bind
from sessiontrack.services import user_sessions
from sessiontrack.values.roles import includes

PREFIX = "st_"
DAY = 86_400
# No other transaction removes the user or changes the role until the token is stored.
OWNER = Statement(
    select(User.id, User.role, User.disabled_at)
    .where(User.username == bind("username"))
    .with_for_update(read=True)
)
INSERT = Statement(
    "INSERT INTO api_token (user_id, name, role, secret_hash, created_at, expires_at)"
    " VALUES (:user_id, :name, :role, :secret_hash, :now, :expires_at)"
    " ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING id"
)
REVOKE = Statement("UPDATE api_token SET revoked_at = :now WHERE id = :token_id AND revoked_at IS NULL")
FIND = Statement("SELECT id FROM api_token WHERE id = :token_id")
OWNER_OF_NAME = Statement(
    'SELECT u.username FROM api_token t JOIN "user" u ON u.id = t.user_id'
    " WHERE t.name = :name AND t.revoked_at IS NULL"
)
FIND_BY_NAME = Statement("SELECT id FROM api_token WHERE name = :name AND revoked_at IS NULL")
IN_USE = Statement(
    'SELECT t.secret_hash, t.role, u.role FROM api_token t JOIN "user" u ON u.id = t.user_id'
    " WHERE t.name = :name AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > :now)"
    " AND u.disabled_at IS NULL"
)


@dataclass(frozen=True)
class IssuedToken:
    """A new token; the secret is not shown again."""

    token_id: int
    role: str
    secret: str
    expires_at: int | None


def login_key(token_id: int) -> str:
    """What the user session of an API token is known by."""
    return f"token:{token_id}"


def secret_hash(secret: str) -> str:
    """What is stored of a secret; it is random and long, so a fast hash will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue_token(
    tx: Transaction, now: int, username: str, name: str, role: str | None, days: int | None = None
) -> IssuedToken:
    """Make a token for that user; role None is the user's own.

    Args:
        days: of 24 hours, for which it is valid, at least 1; None: until it is revoked.
    Raises:
        NotFound: no such user, or a disabled one.
        Forbidden: the role is more than the user's own.
        Conflict: a token of that name is in use.
    """
    owner = tx.row(OWNER, username=username)
    if owner is None or owner[2] is not None:
        raise NotFound(f"There is no user {username} who may sign in.")
    user_id, owners_role, _ = owner
    if role is not None and not includes(owners_role, role):
        raise Forbidden(f"{username} is {owners_role}; a token cannot be {role}.")
    expires_at = None if days is None else now + days * DAY
    secret = PREFIX + secrets.token_urlsafe(32)
    token_id: int | None = tx.value(
        INSERT,
        user_id=user_id,
        name=name,
        role=role or owners_role,
        secret_hash=secret_hash(secret),
        now=now,
        expires_at=expires_at,
    )
    if token_id is None:
        owner_of_name = tx.value(OWNER_OF_NAME, name=name)
        raise Conflict(
            f"{owner_of_name or 'Somebody'} has a token {name} already, and names are unique among all users;"
            " revoke it first, or take another name."
        )
    return IssuedToken(token_id, role or owners_role, secret, expires_at)


def is_in_use(tx: Transaction, now: int, name: str, secret: str, role: str) -> bool:
    """Whether this is the secret of the token of that name and role, and its user may do as much."""
    found = tx.row(IN_USE, name=name, now=now)
    if found is None:
        return False
    stored_hash, tokens_role, users_role = found
    return (stored_hash, tokens_role) == (secret_hash(secret), role) and includes(users_role, role)


def revoke_token(tx: Transaction, now: int, token_id: int, alive_seconds: int) -> None:
    """Revoke it from the next request on; a repetition changes nothing.

    Raises:
        NotFound: there never was such a token.
    """
    if tx.value(FIND, token_id=token_id) is None:
        raise NotFound(f"There is no token {token_id}.")
    tx.run(REVOKE, token_id=token_id, now=now)
    user_sessions.end_session(tx, now, login_key(token_id), alive_seconds)


def get_token_id(tx: Transaction, name: str) -> int:
    """The token in use under that name.

    Raises:
        NotFound: there is none.
    """
    token_id: int | None = tx.value(FIND_BY_NAME, name=name)
    if token_id is None:
        raise NotFound(f"There is no token {name} in use.")
    return token_id
