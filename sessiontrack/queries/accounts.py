"""Users and API tokens as lists show them; no hash, no secret."""

from collections.abc import Iterator
from typing import Any

from sessiontrack.database import Statement, Transaction

USERS = Statement('SELECT username, role, created_at, disabled_at, from_proxy FROM "user" ORDER BY username')
PASSWORD_HASH = Statement(
    'SELECT password_hash FROM "user" WHERE username = :username AND disabled_at IS NULL'
)
ADMINS_PASSWORDS = Statement(
    "SELECT username, password_meets_rule FROM \"user\" WHERE role = 'admin' AND disabled_at IS NULL"
    " AND password_hash <> '' AND (password_meets_rule IS NULL OR NOT password_meets_rule) ORDER BY username"
)
TOKENS = Statement(
    "SELECT t.id, t.name, u.username, t.role, t.created_at, t.revoked_at, t.expires_at"
    ' FROM api_token t JOIN "user" u ON u.id = t.user_id ORDER BY t.id LIMIT :limit OFFSET :offset'
)
TOKEN_COUNT = Statement("SELECT count(*) FROM api_token")
TOKEN_FIELDS = ("id", "name", "username", "role", "created_at", "revoked_at", "expires_at")
USER_FIELDS = ("username", "role", "created_at", "disabled_at", "from_proxy")


def list_users(tx: Transaction) -> list[dict[str, Any]]:
    """All users, by name."""
    return [
        {**dict(zip(USER_FIELDS, row, strict=True)), "from_proxy": bool(row[-1])} for row in tx.rows(USERS)
    ]


def password_hash_of(tx: Transaction, username: str) -> str | None:
    """Of a user who may sign in; None where there is none of that name."""
    found = tx.value(PASSWORD_HASH, username=username)
    return None if found is None else str(found)


def admins_against_the_rule(tx: Transaction) -> tuple[list[str], list[str]]:
    """Admins whose password does not meet the rule, and those of whom that is not known."""
    found = tx.rows(ADMINS_PASSWORDS)
    return [name for name, told in found if told is not None], [name for name, told in found if told is None]


def list_tokens(tx: Transaction, limit: int, offset: int) -> Iterator[dict[str, Any]]:
    """API tokens, revoked ones too, oldest first."""
    for row in tx.rows(TOKENS, limit=limit, offset=offset):
        yield dict(zip(TOKEN_FIELDS, row, strict=True))


def count_tokens(tx: Transaction) -> int:
    """How many there are."""
    return int(tx.value(TOKEN_COUNT))
