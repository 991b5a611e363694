"""Logins: each opens a family of tokens that lives until it is revoked or not refreshed in time."""

import secrets

from sqlalchemy import delete, func, insert, or_, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.models import Login, User
from sessiontrack.models.columns import bind, unlocked
from sessiontrack.services import user_sessions

PASSWORD_OF = Statement('SELECT id, password_hash, disabled_at FROM "user" WHERE username = :username')
# Waits for a concurrent change of the user, then reads its result.
INSERT = Statement(
    insert(Login).from_select(
        ["id", "user_id", "address", "created_at", "expires_at"],
        select(bind("login_id"), User.id, bind("address"), bind("now"), bind("expires_at"))
        .where(User.id == bind("user_id"), User.password_hash == bind("password_hash"))
        .where(User.disabled_at.is_(None))
        .with_for_update(read=True),
    )
)
EXTEND = Statement(
    "UPDATE login SET expires_at = CASE WHEN created_at + :lifetime_seconds < :expires_at"
    " THEN created_at + :lifetime_seconds ELSE :expires_at END"
    " WHERE id = :login_id AND revoked_at IS NULL AND created_at + :lifetime_seconds > :now"
)
REVOKE = Statement("UPDATE login SET revoked_at = :now WHERE id = :login_id AND revoked_at IS NULL")
REVOKE_OTHERS = Statement(
    "UPDATE login SET revoked_at = :now WHERE revoked_at IS NULL AND expires_at > :now AND id <> :kept"
    ' AND user_id = (SELECT id FROM "user" WHERE username = :username) RETURNING id'
)
REVOKE_OWN = Statement(
    "UPDATE login SET revoked_at = :now WHERE id = :login_id AND revoked_at IS NULL AND expires_at > :now"
    ' AND user_id = (SELECT id FROM "user" WHERE username = :username)'
)
# A revoked family is kept for a day, so that a later look finds it.
IS_OVER = or_(Login.expires_at <= bind("now"), Login.revoked_at <= bind("now") - 86400)
COUNT_OVER = Statement(select(func.count()).where(IS_OVER))
FORGET_OVER = Statement(delete(Login).where(Login.id.in_(unlocked(Login.id, IS_OVER))))
FORGET_WRITES = Statement(
    "DELETE FROM last_write WHERE login_key NOT LIKE 'token:%'"
    " AND NOT EXISTS (SELECT 1 FROM login WHERE login.id = last_write.login_key)"
)


def find_password(tx: Transaction, username: str) -> Row | None:
    """(user id, password hash, disabled_at), or None for a name that does not exist."""
    return tx.row(PASSWORD_OF, username=username)


def open_login(
    tx: Transaction, now: int, user_id: int, password_hash: str, address: str, expires_at: int
) -> str | None:
    """Open a family of tokens for a user whose password was found right.

    Returns:
        the family's id; None where the password was changed or the user disabled since it was looked at.
    """
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


def revoke_own(tx: Transaction, now: int, username: str, login_id: str, alive_seconds: int) -> None:
    """Revoke one login of a user, with its user session.

    Raises:
        NotFound: this user has no such login, or it has ended.
    """
    if not tx.run(REVOKE_OWN, now=now, username=username, login_id=login_id):
        raise NotFound("You have no such login, or it has ended.")
    user_sessions.end_session(tx, now, login_id, alive_seconds)


def revoke_others(tx: Transaction, now: int, username: str, kept: str | None, alive_seconds: int) -> int:
    """Revoke a user's logins but the one that is kept, with their user sessions; API tokens stay valid.

    Returns:
        how many there were.
    """
    revoked = tx.rows(REVOKE_OTHERS, now=now, username=username, kept=kept or "")
    for (login_id,) in revoked:
        user_sessions.end_session(tx, now, login_id, alive_seconds)
    return len(revoked)


def count_over(tx: Transaction, now: int) -> int:
    """How many families of tokens have expired, or were revoked a day ago."""
    found: int = tx.value(COUNT_OVER, now=now)
    return found


def forget_over(tx: Transaction, now: int) -> int:
    """Forget those; their tokens are good for nothing in either case.

    Only while pruning, which waits when the clock has jumped ahead: a minute in 2040 must not end all logins.
    """
    forgotten = tx.run(FORGET_OVER, now=now)
    tx.run(FORGET_WRITES)
    return forgotten
