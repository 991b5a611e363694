"""Signing in and out, and API tokens: `/auth/...` (contract 5)."""

import logging
from typing import Any

from flask import Response, g, request

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import Conflict, Forbidden, InvalidInput, RateLimited, Unauthorized
from sessiontrack.http import examples
from sessiontrack.http.answers import PAGING_HEADERS, answer, list_answer
from sessiontrack.http.authentication import is_foreign, issue_tokens, login_in_cookies
from sessiontrack.http.cookies import remove_cookies, set_cookies
from sessiontrack.http.endpoint import Blueprint, principal, settings
from sessiontrack.http.json_body import is_form
from sessiontrack.http.login_places import login_places
from sessiontrack.process.instance import forget_initial_password
from sessiontrack.queries import accounts as queries
from sessiontrack.schemas import accounts as schemas
from sessiontrack.schemas.base import Nothing
from sessiontrack.services import api_tokens, login_throttle, logins, user_sessions, users
from sessiontrack.services.login_addresses import note_login
from sessiontrack.values.roles import ADMIN, VIEWER

log = logging.getLogger(__name__)
WRONG_PASSWORD = "The present password is wrong."
blueprint = Blueprint("auth", __name__, url_prefix="/auth", description="Signing in, and API tokens.")


def login(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Sign in; opens a family of tokens and starts a user session"""
    username, password = body["username"], body["password"]
    with_cookies = query["cookies"] or "json_response" in body or is_form(request)
    # A page of another site must not sign its reader in as another user; scripts send no origin.
    is_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if with_cookies and (is_elsewhere or (is_form(request) and is_foreign(request))):
        raise Forbidden("A page of another site cannot sign in here with cookies.")
    address = request.remote_addr or ""
    with login_places().place() as turn:
        _count_attempt(username, address)
        with read_transaction() as tx:
            user_id, stored_hash, disabled_at = logins.find_password(tx, username) or (0, None, None)
        # Outside of any transaction: it takes a third of a second.
        with turn:
            is_right = users.is_password(stored_hash, password)
    if not is_right or disabled_at is not None:
        # People type passwords into the field of the name: a name that no user has is not logged.
        shown = "an unknown user" if stored_hash is None else repr(username)
        log.warning("Login refused: %s from %s", shown, address)
        raise Unauthorized("The user name or the password is wrong.")
    expires_at = g.now + min(settings().refresh_token_seconds, settings().login_lifetime_seconds)
    with write_transaction() as tx:
        login_id = logins.open_login(tx, g.now, user_id, stored_hash, address, expires_at)
        if login_id is None:
            raise Unauthorized("The user name or the password is wrong.")
        login_throttle.forgive(tx, username, address)
        users.judge_password(tx, user_id, password)
        note_login(tx, g.now, user_id, username, address)
        alive = settings().session_alive_seconds
        user_sessions.start_session(tx, g.now, login_id, username, alive)
        # The login of the cookies that are being replaced: no page could sign it out any more.
        if with_cookies and (replaced := login_in_cookies(request, g.now)):
            logins.revoke_login(tx, g.now, replaced, alive)
    log.info("Signed in: %r from %s", username, address)
    return _tokens_answer(login_id, username, with_cookies=with_cookies)


LOGIN: dict[str, Any] = {
    "method": "POST",
    "role": None,
    "query": schemas.LoginQuery,
    "body": schemas.LoginBody,
    "body_example": examples.LOGIN,
    "answer": schemas.TokensAnswer,
    "example": examples.TOKENS,
    "errors": (401, 429),
}
blueprint.endpoint("/login", **LOGIN)(login)
# Canopsis' UI sends a form, and goes by cookies.
CANOPSIS: dict[str, Any] = {**LOGIN, "body": schemas.CanopsisLogin}
blueprint.endpoint("", endpoint="login_alias", takes_form=True, **CANOPSIS)(login)


def _count_attempt(username: str, address: str) -> None:
    configured = settings()
    limits = (configured.login_attempts_per_name, configured.login_attempts_per_address)
    with write_transaction() as tx:
        wait = login_throttle.count_attempt(
            tx, g.now, username, address, limits, configured.login_window_seconds
        )
    if wait:
        log.warning("Login refused: too many attempts, the last from %s", address)
        raise RateLimited(f"Too many failed logins; try again in {wait} seconds.", wait)


def _tokens_answer(login_id: str, username: str, *, with_cookies: bool) -> Response:
    tokens = issue_tokens(login_id, username, settings())
    response = answer(tokens)
    response.headers["Cache-Control"] = "no-store"
    if with_cookies:
        set_cookies(response, request, tokens, settings())
    return response


@blueprint.endpoint(
    "/refresh",
    method="POST",
    role=VIEWER,
    token="refresh",
    body=Nothing,
    answer=schemas.TokensAnswer,
    example=examples.TOKENS,
)
def refresh() -> Response:
    """New tokens for a refresh token, in the same family"""
    asking = principal()
    login_id = asking.login_id or ""
    expires_at = g.now + settings().refresh_token_seconds
    with write_transaction() as tx:
        if not logins.extend_login(tx, g.now, login_id, expires_at, settings().login_lifetime_seconds):
            raise Unauthorized("The token was revoked.")
    return _tokens_answer(login_id, asking.username, with_cookies="Authorization" not in request.headers)


@blueprint.endpoint(
    "/logout",
    method="POST",
    role=VIEWER,
    body=Nothing,
    answer=schemas.MessageAnswer,
    example={"success": True, "message": "Signed out"},
)
def logout() -> Response:
    """Revoke the login's tokens at once, and end its user session; an API token stays valid"""
    asking = principal()
    alive = settings().session_alive_seconds
    with write_transaction() as tx:
        if asking.login_id is None:
            user_sessions.end_session(tx, g.now, asking.login_key, alive)
        else:
            logins.revoke_login(tx, g.now, asking.login_id, alive)
    log.info("Signed out: %r from %s", asking.username, request.remote_addr)
    response = answer({"success": True, "message": "Signed out"})
    remove_cookies(response, request)
    return response


@blueprint.endpoint("/me", role=VIEWER, answer=schemas.MeAnswer, example=examples.ME)
def me() -> Response:
    """Who is signed in"""
    asking = principal()
    return answer({"username": asking.username, "role": asking.role, "kind": asking.kind})


@blueprint.endpoint(
    "/password",
    method="POST",
    role=VIEWER,
    body=schemas.ChangePassword,
    body_example={"password": "the old password", "new_password": "the new password"},
    answer=schemas.RevokedLoginsAnswer,
    example={"success": True, "message": "The password is changed", "ended": 1},
    errors=(409, 429),
)
def change_password(body: dict[str, Any]) -> Response:
    """Change the caller's password; all its other logins end"""
    asking = principal()
    username, address = asking.username, request.remote_addr or ""
    with login_places().place() as turn:
        with read_transaction() as tx:
            stored_hash = queries.password_hash_of(tx, username)
        if not stored_hash:
            raise Conflict(f"{username} has no password here: a proxy says who that is.")
        # In a browser that is signed in, guessing the password is limited as at the sign-in.
        _count_attempt(username, address)
        with turn:
            is_right = users.is_password(stored_hash, body["password"])
            password_hash = users.hash_password(body["new_password"]) if is_right else ""
    if not is_right:
        log.warning("Password not changed: the old one of %r was wrong, from %s", username, address)
        raise InvalidInput(WRONG_PASSWORD, {"password": [WRONG_PASSWORD]})
    with write_transaction() as tx:
        if not users.change_password(tx, username, stored_hash, password_hash):
            raise Conflict("The password was changed meanwhile.")
        login_throttle.forgive(tx, username, address)
        ended = logins.revoke_others(tx, g.now, username, asking.login_id, settings().session_alive_seconds)
    if username == users.FIRST_ADMIN:
        forget_initial_password(settings().instance)
    log.info("Password changed: %r from %s", username, address)
    return answer({"success": True, "message": "The password is changed", "ended": ended})


@blueprint.endpoint(
    "/logins",
    role=VIEWER,
    query=schemas.ListLogins,
    answer=schemas.LoginAnswer(many=True),
    example=examples.LOGINS,
    headers=PAGING_HEADERS,
)
def list_logins(query: dict[str, Any]) -> Response:
    """List the caller's logins, the one of this call first"""
    asking, now, limit, offset = principal(), g.now, query["limit"], query["offset"]
    return list_answer(
        lambda tx: queries.list_logins(tx, now, asking.username, asking.login_id, limit, offset),
        lambda tx: queries.count_logins(tx, now, asking.username),
        limit=limit,
        offset=offset,
    )


@blueprint.endpoint(
    "/logins",
    method="DELETE",
    role=VIEWER,
    body=Nothing,
    answer=schemas.RevokedLoginsAnswer,
    example={"success": True, "message": "Signed out elsewhere", "ended": 1},
)
def end_other_logins() -> Response:
    """End all of the caller's logins but the one of this call; API tokens stay valid"""
    asking = principal()
    with write_transaction() as tx:
        alive = settings().session_alive_seconds
        ended = logins.revoke_others(tx, g.now, asking.username, asking.login_id, alive)
    log.info("Signed out elsewhere: %r from %s, %s logins", asking.username, request.remote_addr, ended)
    return answer({"success": True, "message": "Signed out elsewhere", "ended": ended})


@blueprint.endpoint(
    "/logins/<string:login_id>",
    method="DELETE",
    role=VIEWER,
    body=Nothing,
    answer=schemas.MessageAnswer,
    example={"success": True, "message": "The login has ended"},
    errors=(404,),
)
def end_login(login_id: str) -> Response:
    """End one of the caller's logins, with its user session"""
    asking = principal()
    with write_transaction() as tx:
        logins.revoke_own(tx, g.now, asking.username, login_id, settings().session_alive_seconds)
    log.info("A login ended: %r from %s", asking.username, request.remote_addr)
    return answer({"success": True, "message": "The login has ended"})


@blueprint.endpoint(
    "/tokens",
    method="POST",
    role=ADMIN,
    body=schemas.IssueToken,
    body_example={"name": "backup script", "role": "operator"},
    answer=schemas.IssuedTokenAnswer,
    example=examples.ISSUED_TOKEN,
    errors=(404, 409),
)
def issue_token(body: dict[str, Any]) -> Response:
    """Issue an API token; it is shown this once"""
    asking = principal()
    username, name = body.get("username", asking.username), body["name"]
    with write_transaction() as tx:
        issued = api_tokens.issue_token(
            tx, g.now, username, name, body.get("role"), body.get("expires_in_days")
        )
    log.info("API token %s (%s) issued for %r by %r", issued.token_id, issued.role, username, asking.username)
    response = answer(
        {
            "id": issued.token_id,
            "name": name,
            "username": username,
            "role": issued.role,
            "created_at": g.now,
            "revoked_at": None,
            "expires_at": issued.expires_at,
            "last_used_at": None,
            "token": issued.secret,
        }
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.endpoint(
    "/tokens",
    role=ADMIN,
    query=schemas.ListTokens,
    answer=schemas.ApiTokenAnswer(many=True),
    example=examples.API_TOKENS,
    headers=PAGING_HEADERS,
)
def list_tokens(query: dict[str, Any]) -> Response:
    """List API tokens, without their secrets"""
    limit, offset = query["limit"], query["offset"]
    return list_answer(
        lambda tx: queries.list_tokens(tx, limit, offset), queries.count_tokens, limit=limit, offset=offset
    )


@blueprint.endpoint(
    "/tokens/<row_id:token_id>",
    method="DELETE",
    role=ADMIN,
    body=Nothing,
    answer=schemas.MessageAnswer,
    example={"success": True, "message": "Revoked token 1"},
    errors=(404,),
)
def revoke_token(token_id: int) -> Response:
    """Revoke an API token at once"""
    with write_transaction() as tx:
        api_tokens.revoke_token(tx, g.now, token_id, settings().session_alive_seconds)
    log.info("API token %s revoked by %r", token_id, principal().username)
    return answer({"success": True, "message": f"Revoked token {token_id}"})
