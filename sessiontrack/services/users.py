"""Users: made, given a password or a role, disabled, removed; the last admin stays."""

import secrets
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, NotFound
from sessiontrack.services import user_sessions
from sessiontrack.values.names import fold
from sessiontrack.values.passwords import meets_rule
from sessiontrack.values.roles import ADMIN

FIRST_ADMIN = "admin"
# What OWASP asks for at least: three rounds over 32 MB.
PASSWORD_METHOD = "scrypt:32768:8:3"

INSERT = Statement(
    'INSERT INTO "user" (username, password_hash, role, created_at, password_meets_rule, folded_name)'
    " VALUES (:username, :password_hash, :role, :now, TRUE, :folded_name) ON CONFLICT DO NOTHING"
)
INSERT_FROM_PROXY = Statement(
    'INSERT INTO "user" (username, password_hash, role, created_at, from_proxy, folded_name)'
    " VALUES (:username, '', :role, :now, TRUE, :folded_name) ON CONFLICT DO NOTHING"
)
COUNT = Statement('SELECT count(*) FROM "user"')
OTHER_ADMINS = Statement(
    "SELECT count(*) FROM \"user\" WHERE role = 'admin' AND disabled_at IS NULL AND username <> :username"
)
AN_ADMIN = Statement(
    "SELECT username FROM \"user\" WHERE role = 'admin' AND disabled_at IS NULL"
    " ORDER BY CASE WHEN username = :first THEN 0 ELSE 1 END, id LIMIT 1"
)
IS_ENABLED = Statement('SELECT 1 FROM "user" WHERE username = :username AND disabled_at IS NULL')
FIND = Statement('SELECT id, role FROM "user" WHERE username = :username')
SET_PASSWORD = Statement(
    'UPDATE "user" SET password_hash = :password_hash, password_meets_rule = TRUE WHERE id = :user_id'
)
CHANGE_PASSWORD = Statement(
    'UPDATE "user" SET password_hash = :password_hash, password_meets_rule = TRUE'
    " WHERE username = :username AND password_hash = :stored_hash"
)
IS_UNJUDGED = Statement('SELECT 1 FROM "user" WHERE id = :user_id AND password_meets_rule IS NULL')
JUDGE = Statement('UPDATE "user" SET password_meets_rule = :meets_rule WHERE id = :user_id')
SET_ROLE = Statement('UPDATE "user" SET role = :role WHERE id = :user_id')
DISABLE = Statement('UPDATE "user" SET disabled_at = :now WHERE id = :user_id AND disabled_at IS NULL')
ENABLE = Statement('UPDATE "user" SET disabled_at = NULL WHERE id = :user_id')
REMOVE = Statement('DELETE FROM "user" WHERE id = :user_id')
REVOKE_LOGINS = Statement(
    "UPDATE login SET revoked_at = :now WHERE user_id = :user_id AND revoked_at IS NULL"
)


def hash_password(password: str) -> str:
    """werkzeug's scrypt; takes about 0.3 s and 32 MB, so never inside a transaction."""
    return generate_password_hash(password, PASSWORD_METHOD)


def is_password(stored_hash: str | None, password: str) -> bool:
    """Whether the password is right.

    As slow for a name that does not exist (None), or has no password (""), as for one that has.
    """
    right = check_password_hash(stored_hash or _nobodys_hash(), password)
    return right and bool(stored_hash)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe())


def judge_password(tx: Transaction, user_id: int, password: str) -> None:
    """Remember whether a password that has just been found right, and is from before the rule, meets it."""
    if tx.value(IS_UNJUDGED, user_id=user_id) is not None:
        tx.run(JUDGE, user_id=user_id, meets_rule=meets_rule(password))


def add_user(tx: Transaction, now: int, username: str, password_hash: str, role: str) -> None:
    """Make a user, with the hash of a password that meets the rule.

    Raises:
        Conflict: the name is taken.
    """
    folded = fold(username)
    if not tx.run(
        INSERT, username=username, password_hash=password_hash, role=role, now=now, folded_name=folded
    ):
        raise Conflict(f"There is a user {username} already.")


def add_user_from_proxy(tx: Transaction, now: int, username: str, role: str) -> None:
    """Make a user without a password, where nobody has that name yet."""
    tx.run(INSERT_FROM_PROXY, username=username, role=role, now=now, folded_name=fold(username))


def add_first_admin(tx: Transaction, now: int, password_hash: str) -> bool:
    """Make `admin` where there is no user at all; False where there is one."""
    tx.exclude_writers("user")
    if has_users(tx):
        return False
    add_user(tx, now, FIRST_ADMIN, password_hash, ADMIN)
    return True


def has_users(tx: Transaction) -> bool:
    """Whether anybody was made yet."""
    return bool(tx.value(COUNT))


def is_enabled(tx: Transaction, username: str) -> bool:
    """Whether there is such a user, who is not disabled."""
    return tx.value(IS_ENABLED, username=username) is not None


def get_admin(tx: Transaction) -> str:
    """`admin`; if that user may not sign in or is no admin, the oldest admin who may.

    Raises:
        NotFound: there is none at all.
    """
    found: str | None = tx.value(AN_ADMIN, first=FIRST_ADMIN)
    if found is None:
        raise NotFound("There is no admin who may sign in: sessiontrack user add NAME --role admin")
    return found


def set_password(tx: Transaction, now: int, username: str, password_hash: str, alive_seconds: int) -> None:
    """Give a new password; all logins end.

    Raises:
        NotFound: no such user.
    """
    user_id = _get_user(tx, username)
    tx.run(SET_PASSWORD, user_id=user_id, password_hash=password_hash)
    _sign_out(tx, now, user_id, username, alive_seconds)


def change_password(tx: Transaction, username: str, stored_hash: str, password_hash: str) -> bool:
    """Give a new password to a user whose old one was found right; logins stay.

    Returns:
        False where the password was changed, or the user removed, meanwhile.
    """
    changed = tx.run(CHANGE_PASSWORD, username=username, stored_hash=stored_hash, password_hash=password_hash)
    return changed == 1


def set_role(tx: Transaction, username: str, role: str) -> None:
    """Give another role; it holds from the user's next request on.

    Raises:
        NotFound: no such user.
        Conflict: it is the last admin.
    """
    if role != ADMIN:
        _refuse_last_admin(tx, username)
    user_id = _get_user(tx, username)
    tx.run(SET_ROLE, user_id=user_id, role=role)


def sign_out_user(tx: Transaction, now: int, username: str, alive_seconds: int) -> None:
    """End all of a user's logins at once, with their user sessions; API tokens stay valid.

    Raises:
        NotFound: no such user.
    """
    _sign_out(tx, now, _get_user(tx, username), username, alive_seconds)


def disable_user(tx: Transaction, now: int, username: str, alive_seconds: int) -> None:
    """Disable the user: no password or token works from the next request on; user sessions end.

    Raises:
        NotFound: no such user.
        Conflict: it is the last admin.
    """
    user_id = _get_user(tx, username)
    _refuse_last_admin(tx, username)
    tx.run(DISABLE, user_id=user_id, now=now)
    _sign_out(tx, now, user_id, username, alive_seconds)


def enable_user(tx: Transaction, username: str) -> None:
    """Let a disabled user in again.

    Raises:
        NotFound: no such user.
    """
    tx.run(ENABLE, user_id=_get_user(tx, username))


def remove_user(tx: Transaction, now: int, username: str, alive_seconds: int) -> None:
    """Remove the user with all logins and tokens; past user sessions stay under the name.

    Raises:
        NotFound: no such user.
        Conflict: it is the last admin.
    """
    user_id = _get_user(tx, username)
    _refuse_last_admin(tx, username)
    user_sessions.end_sessions_of(tx, now, username, alive_seconds)
    tx.run(REMOVE, user_id=user_id)


def _get_user(tx: Transaction, username: str) -> int:
    found = tx.row(FIND, username=username)
    if found is None:
        raise NotFound(f"There is no user {username}.")
    user_id: int = found[0]
    return user_id


def _refuse_last_admin(tx: Transaction, username: str) -> None:
    """Raise Conflict for the last admin; until this transaction ends, no other one removes an admin."""
    tx.exclude_writers("user")
    if tx.value(OTHER_ADMINS, username=username) == 0:
        raise Conflict(f"{username} is the last admin: make another one first.")


def _sign_out(tx: Transaction, now: int, user_id: int, username: str, alive_seconds: int) -> None:
    tx.run(REVOKE_LOGINS, user_id=user_id, now=now)
    user_sessions.end_sessions_of(tx, now, username, alive_seconds)
