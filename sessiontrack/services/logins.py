"""Logins: each opens a family of tokens that lives until it is revoked or nobody refreshes it."""

import secrets

from sessiontrack.db import Row, Statement, Transaction
from sessiontrack.services import user_sessions

PASSWORD_OF = Statement('SELECT id, password_hash, disabled_at FROM "user" WHERE username = :username')
INSERT = Statement(
    "INSERT INTO login (id, user_id, address, created_at, expires_at)"
    ' SELECT :login_id, id, :address, :now, :expires_at FROM "user" WHERE id = :user_id'
    " AND password_hash = :password_hash AND disabled_at IS NULL"
)
EXTEND = Statement(
    "UPDATE login SET expires_at = CASE WHEN created_at + :lifetime_seconds < :expires_at"
    " THEN created_at + :lifetime_seconds ELSE :expires_at END"
    " WHERE id = :login_id AND revoked_at IS NULL AND created_at + :lifetime_seconds > :now"
)
REVOKE = Statement("UPDATE login SET revoked_at = :now WHERE id = :login_id AND revoked_at IS NULL")
FORGET_OLD = Statement("DELETE FROM login WHERE expires_at <= :now")
# What is revoked is kept for a day, for whoever looks after the fact.
_OVER = " FROM login WHERE expires_at <= :now OR revoked_at <= :now - 86400"
COUNT_OVER = Statement(f"SELECT count(*){_OVER}")
FORGET_OVER = Statement(f"DELETE{_OVER}")


def find_password(tx: Transaction, username: str) -> Row | None:
    """(user id, password hash, disabled_at), or None for a name that does not exist."""
    return tx.row(PASSWORD_OF, username=username)


def open_login(
    tx: Transaction, now: int, user_id: int, password_hash: str, address: str, expires_at: int
) -> str | None:
    """Open a family of tokens for who was found to know that password.

    Returns:
        the family's id; None where the password was changed or the user disabled since it was looked at.
    """
    tx.run(FORGET_OLD, now=now)
    login_id = secrets.token_urlsafe(16)
    opened = tx.run(
        INSERT,
        login_id=login_id,
        user_id=user_id,
        password_hash=password_hash,
        address=address,
        now=now,
        expires_at=expires_at,
    )
    return login_id if opened else None


def extend_login(tx: Transaction, now: int, login_id: str, expires_at: int, lifetime_seconds: int) -> bool:
    """Keep the family for as long as its newest refresh token, but never past its lifetime.

    Returns:
        False where it was revoked meanwhile, or has had its time.
    """
    extended = tx.run(
        EXTEND, now=now, login_id=login_id, expires_at=expires_at, lifetime_seconds=lifetime_seconds
    )
    return extended == 1


def revoke_login(tx: Transaction, now: int, login_id: str, alive_seconds: int) -> None:
    """Revoke every token of the family, in all workers from the next request on; its user session ends."""
    tx.run(REVOKE, login_id=login_id, now=now)
    user_sessions.end_session(tx, now, login_id, alive_seconds)


def count_over(tx: Transaction, now: int) -> int:
    """How many families of tokens have expired, or were revoked a day ago."""
    found: int = tx.value(COUNT_OVER, now=now)
    return found


def forget_over(tx: Transaction, now: int) -> int:
    """Forget those; their tokens are good for nothing in either case."""
    return tx.run(FORGET_OVER, now=now)
