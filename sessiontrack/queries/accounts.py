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
    "SELECT t.id, t.name, u.username, t.role, t.created_at, t.revoked_at, t.expires_at, t.last_used_at"
    ' FROM api_token t JOIN "user" u ON u.id = t.user_id ORDER BY t.id LIMIT :limit OFFSET :offset'
)
_VALID_LOGINS = (
    'FROM login l JOIN "user" u ON u.id = l.user_id'
    " WHERE u.username = :username AND l.revoked_at IS NULL AND l.expires_at > :now"
)
# The login used last comes first; one whose last use is not known was used when it was opened.
LOGINS = Statement(
    "SELECT l.id, l.address, l.created_at, COALESCE(l.last_used_at, l.created_at), l.expires_at"
    f" {_VALID_LOGINS}"
    " ORDER BY CASE WHEN l.id = :current THEN 0 ELSE 1 END, 4 DESC, l.id LIMIT :limit OFFSET :offset"
)
LOGIN_OPENED = Statement("SELECT created_at FROM login WHERE id = :login_id")
LOGIN_COUNT = Statement(f"SELECT count(*) {_VALID_LOGINS}")
LOGIN_FIELDS = ("id", "address", "created_at", "last_used_at", "expires_at")
TOKEN_COUNT = Statement("SELECT count(*) FROM api_token")
TOKEN_FIELDS = (
    *("id", "name", "username", "role", "created_at", "revoked_at", "expires_at", "last_used_at"),
)
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
    """Admins whose password does not meet the rule, and those where it is not known."""
    found = tx.rows(ADMINS_PASSWORDS)
    return [name for name, told in found if told is not None], [name for name, told in found if told is None]


def list_logins(
    tx: Transaction, now: int, username: str, current: str | None, limit: int, offset: int
) -> Iterator[dict[str, Any]]:
    """Where a user is signed in; the asking one is first."""
    found = tx.rows(LOGINS, now=now, username=username, current=current or "", limit=limit, offset=offset)
    for row in found:
        yield {**dict(zip(LOGIN_FIELDS, row, strict=True)), "current": row[0] == current}


def login_opened_at(tx: Transaction, login_id: str | None) -> int | None:
    """When the password was entered; None where it was not, by a token's or a proxy's word."""
    found: int | None = tx.value(LOGIN_OPENED, login_id=login_id or "")
    return found


def count_logins(tx: Transaction, now: int, username: str) -> int:
    """How many of them there are."""
    return int(tx.value(LOGIN_COUNT, now=now, username=username))


def list_tokens(tx: Transaction, limit: int, offset: int) -> Iterator[dict[str, Any]]:
    """API tokens, revoked ones too, oldest first."""
    for row in tx.rows(TOKENS, limit=limit, offset=offset):
        yield dict(zip(TOKEN_FIELDS, row, strict=True))


def count_tokens(tx: Transaction) -> int:
    """How many there are."""
    return int(tx.value(TOKEN_COUNT))
