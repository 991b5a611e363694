"""services/users.py: users are made, changed and removed; the last admin stays."""

import sqlite3
from collections.abc import Callable

import psycopg
import pytest

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, NotFound
from sessiontrack.queries import accounts
from sessiontrack.services import api_tokens, logins, user_sessions, users

ALIVE = 300
Change = Callable[[Transaction, int, str], None]
CHANGES: dict[str, Change] = {
    "password": lambda tx, now, name: users.set_password(tx, now, name, "hash", ALIVE),
    "role": lambda tx, now, name: users.set_role(tx, name, "viewer"),
    "disable": lambda tx, now, name: users.disable_user(tx, now, name, ALIVE),
    "enable": lambda tx, now, name: users.enable_user(tx, name),
    "remove": lambda tx, now, name: users.remove_user(tx, now, name, ALIVE),
}
ACTIVE = Statement("SELECT login_key FROM user_session WHERE ended_at IS NULL ORDER BY login_key")
ROWS = Statement("SELECT (SELECT count(*) FROM login), (SELECT count(*) FROM api_token)")


def roles(tx: Transaction) -> dict[str, str]:
    return {each["username"]: each["role"] for each in accounts.list_users(tx)}


def open_login(tx: Transaction, now: int, username: str) -> str:
    """A login with its user session."""
    user_id, password_hash, _ = logins.find_password(tx, username) or (0, "", None)
    login_id = logins.open_login(tx, now, user_id, password_hash, "127.0.0.1", now + 60)
    assert login_id is not None
    user_sessions.start_session(tx, now, login_id, username, ALIVE)
    return login_id


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["nobody", "Admin", "", "admin "])
def test_a_user_that_does_not_exist_is_not_found(tx: Transaction, now: int, change: str, name: str) -> None:
    with pytest.raises(NotFound):
        CHANGES[change](tx, now, name)


def test_a_name_is_taken_once(tx: Transaction, now: int) -> None:
    users.add_user(tx, now, "anna", "hash", "viewer")
    with pytest.raises(Conflict, match="anna"):
        users.add_user(tx, now, "anna", "other", "admin")
    assert roles(tx)["anna"] == "viewer"
    # Names that look alike are one name.
    with pytest.raises(Conflict, match="Anna"):
        users.add_user(tx, now, "Anna", "hash", "operator")


def test_the_database_knows_three_roles(tx: Transaction, now: int) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        users.add_user(tx, now, "anna", "hash", "root")


@pytest.mark.parametrize("change", ["role", "disable", "remove"])
def test_the_last_admin_stays(tx: Transaction, now: int, change: str) -> None:
    with pytest.raises(Conflict, match="last admin"):
        CHANGES[change](tx, now, "admin")
    users.add_user(tx, now, "second", "hash", "admin")
    users.disable_user(tx, now, "second", ALIVE)
    # One who may not sign in does not count.
    with pytest.raises(Conflict, match="last admin"):
        CHANGES[change](tx, now, "admin")
    users.enable_user(tx, "second")
    CHANGES[change](tx, now, "admin")
    with pytest.raises(Conflict, match="last admin"):
        CHANGES[change](tx, now, "second")


@pytest.mark.parametrize("change", ["disable", "remove"])
def test_others_go_while_there_is_one_admin(tx: Transaction, now: int, change: str) -> None:
    for name in ("operator", "viewer"):
        CHANGES[change](tx, now, name)
    assert roles(tx)["admin"] == "admin"


def test_an_admin_may_be_given_the_role_it_has(tx: Transaction) -> None:
    users.set_role(tx, "admin", "admin")
    assert roles(tx)["admin"] == "admin"


@pytest.mark.parametrize("change", ["password", "disable", "remove"])
def test_whoever_is_signed_in_is_signed_out_and_nobody_else(tx: Transaction, now: int, change: str) -> None:
    gone, stays = open_login(tx, now, "viewer"), open_login(tx, now, "operator")
    CHANGES[change](tx, now + 1, "viewer")
    assert tx.rows(ACTIVE) == [(stays,)]
    assert logins.extend_login(tx, now, gone, now + 99, 999) is False
    assert logins.extend_login(tx, now, stays, now + 99, 999) is True


@pytest.mark.parametrize("change", ["role", "enable"])
def test_whoever_gets_a_role_or_is_enabled_stays_signed_in(tx: Transaction, now: int, change: str) -> None:
    login_id = open_login(tx, now, "viewer")
    CHANGES[change](tx, now + 1, "viewer")
    assert tx.rows(ACTIVE) == [(login_id,)]
    assert logins.extend_login(tx, now, login_id, now + 99, 999) is True


def test_disabling_again_keeps_the_first_instant(tx: Transaction, now: int) -> None:
    users.disable_user(tx, now, "viewer", ALIVE)
    users.disable_user(tx, now + 60, "viewer", ALIVE)
    disabled = {each["username"]: each["disabled_at"] for each in accounts.list_users(tx)}
    assert disabled == {"admin": None, "operator": None, "viewer": now}


def test_a_removed_user_leaves_past_user_sessions_and_nothing_else(tx: Transaction, now: int) -> None:
    open_login(tx, now, "viewer")
    open_login(tx, now, "operator")
    users.remove_user(tx, now, "viewer", ALIVE)
    assert tx.rows(ROWS) == [(1, 2)]
    assert sorted(roles(tx)) == ["admin", "operator"]
    assert tx.value(Statement("SELECT count(*) FROM user_session WHERE username = 'viewer'")) == 1


def test_the_session_of_a_removed_users_token_is_not_the_next_tokens(tx: Transaction, now: int) -> None:
    first = api_tokens.issue_token(tx, now, "viewer", "first", None)
    key = api_tokens.login_key(first.token_id)
    user_sessions.start_session(tx, now, key, "viewer", ALIVE)
    users.remove_user(tx, now, "viewer", ALIVE)
    second = api_tokens.issue_token(tx, now, "operator", "second", None)
    user_sessions.start_session(tx, now, api_tokens.login_key(second.token_id), "operator", ALIVE)
    active = "SELECT username FROM user_session WHERE ended_at IS NULL"
    assert tx.rows(Statement(active)) == [("operator",)]


def test_a_disabled_user_gets_no_api_token(tx: Transaction, now: int) -> None:
    users.disable_user(tx, now, "viewer", ALIVE)
    with pytest.raises(NotFound):
        api_tokens.issue_token(tx, now, "viewer", "new", None)


@pytest.mark.usefixtures("real_hashes")
def test_a_password_is_right_or_wrong(now: int) -> None:
    stored = users.hash_password("correct horse")
    assert "correct horse" not in stored
    assert stored != users.hash_password("correct horse")
    assert users.is_password(stored, "correct horse")
    assert not users.is_password(stored, "Correct horse")
    assert not users.is_password(None, "correct horse")


def test_the_first_admin_is_made_where_nobody_is(tx: Transaction, now: int) -> None:
    assert users.has_users(tx)
    assert not users.add_first_admin(tx, now, "hash")
    tx.run(Statement('DELETE FROM "user"'))
    assert not users.has_users(tx)
    assert users.add_first_admin(tx, now, "hash")
    assert roles(tx) == {"admin": "admin"}
    assert not users.add_first_admin(tx, now, "hash")
