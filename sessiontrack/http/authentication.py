"""Access and refresh tokens (JWT, HS256), and who a request comes from.

A token once verified is remembered until it expires. Whether its family was revoked, its user disabled or
given another role is looked up at every request: a point read of 7 us, where verifying costs 190.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, Request, current_app
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
    get_unverified_jwt_headers,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from sessiontrack.config import Settings, settings_of
from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.exceptions import Forbidden, Unauthorized, UnknownProxyUser
from sessiontrack.http import cookies
from sessiontrack.http.proxies import user_named_by_proxy
from sessiontrack.services import api_tokens
from sessiontrack.values.names import fold
from sessiontrack.values.roles import ROLES

ALGORITHM = "HS256"
# No key to choose, no extension to understand: a token that asks for more was not issued here.
HEADER = {"alg": ALGORITHM, "typ": "JWT"}
NAME = "sessiontrack"
CSRF_HEADER = "X-CSRF-TOKEN"
MOST_REMEMBERED = 4096
# As long as one header line may be; a server joins several.
LONGEST_TOKEN = 8190
# The login that opened a token's family. A claim of ours; the others are the standard's.
FAMILY = "fam"

BY_LOGIN = Statement(
    'SELECT u.username, u.role FROM login l JOIN "user" u ON u.id = l.user_id'
    " WHERE l.id = :login_id AND l.revoked_at IS NULL AND l.expires_at > :now AND u.disabled_at IS NULL"
)
BY_NAME = Statement(
    'SELECT username, role, id, disabled_at FROM "user"'
    " WHERE username = :username OR folded_name = :folded_name"
    " ORDER BY CASE WHEN username = :username THEN 0 ELSE 1 END LIMIT 1"
)
BY_SECRET = Statement(
    'SELECT u.username, u.role, t.role, t.id FROM api_token t JOIN "user" u ON u.id = t.user_id'
    " WHERE t.secret_hash = :secret_hash AND t.revoked_at IS NULL AND u.disabled_at IS NULL"
    " AND (t.expires_at IS NULL OR t.expires_at > :now)"
)

IS_ISSUED = Statement("SELECT 1 FROM api_token WHERE secret_hash = :secret_hash")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: by a login (its id), by an API token or named by a proxy (no login id).

    login_key: what the user session is known by.
    kind: "login", "token" or "proxy".
    """

    username: str
    role: str
    login_key: str
    login_id: str | None
    kind: str


def issue_tokens(login_id: str, username: str, settings: Settings) -> dict[str, Any]:
    """A new pair of tokens of that family, in the shape of the answer."""
    claims = {FAMILY: login_id}
    access_seconds = settings.access_token_seconds
    return {
        "access_token": create_access_token(
            username, additional_claims=claims, expires_delta=timedelta(seconds=access_seconds)
        ),
        "refresh_token": create_refresh_token(
            username,
            additional_claims=claims,
            expires_delta=timedelta(seconds=settings.refresh_token_seconds),
        ),
        "token_type": "Bearer",
        "expires_in": access_seconds,
    }


def identify(tx: Transaction, request: Request, now: int, *, kind: str) -> Principal:
    """Who this request comes from, as the database knows it now.

    A bearer token counts before the proxy's word, and that before a cookie, which may be left from
    somebody else who used the same browser.

    Args:
        kind: the kind of token that is due here, "access" or "refresh".
    Raises:
        UnknownProxyUser: a trusted proxy names somebody who is not in the database yet.
        Unauthorized: no token, or one that is not or no longer valid.
    """
    if (named := _named(request, kind)) is not None:
        return _by_proxy(tx, named)
    scheme, token = _authorization(request)
    if scheme:
        if scheme != "bearer":
            raise Unauthorized("Send the token as Authorization: Bearer <token>.")
        token = token.strip()
        if token.startswith(api_tokens.PREFIX) and kind == "access":
            return _by_secret(tx, token, now)
        return _by_login(tx, _claims(token, kind, now), now)
    token = _cookie(request, kind)
    if not token:
        raise Unauthorized("Sign in, and send the token as Authorization: Bearer <token>.")
    return _by_login(tx, _claims(token, kind, now), now)


def check_origin(request: Request, now: int, kind: str) -> None:
    """Before a write: that no foreign page made the browser send it, which adds by itself what identifies.

    Raises:
        Forbidden: a cookie without its CSRF token; the proxy's word without the header, which no form can
            send: it needs a preflight request, which is not answered.
    """
    sent = request.headers.get(CSRF_HEADER)
    if _named(request, kind) is not None:
        if sent is None and not is_same_origin(request):
            raise Forbidden(
                f"A write through the proxy's login needs the header {CSRF_HEADER}, of any value."
            )
    elif not _authorization(request)[0]:
        due = str(_claims(_cookie(request, kind), kind, now).get("csrf", "\0"))
        if not hmac.compare_digest((sent or "").encode(), due.encode()) and not is_same_origin(request):
            raise Forbidden(f"A write with cookies needs the header {CSRF_HEADER}, or a page of this origin.")


def _authorization(request: Request) -> tuple[str, str]:
    """The scheme, in lower case, and what follows it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token


def _named(request: Request, kind: str) -> str | None:
    """Whom a trusted proxy names, where that counts: a bearer token counts before it."""
    if kind != "access" or _authorization(request)[0] == "bearer":
        return None
    return named_by_proxy(request) or None


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this origin asks; no page can make it say so.

    Browsers of before 2023 send no Sec-Fetch-Site, but an Origin with each write.
    """
    site = request.headers.get("Sec-Fetch-Site")
    return request.headers.get("Origin") == _origin(request) if site is None else site == "same-origin"


def is_foreign(request: Request) -> bool:
    """Whether the browser says that a page of another site sent this form; scripts say nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        return request.headers.get("Origin", _origin(request)) != _origin(request)
    return site == "cross-site"


def _origin(request: Request) -> str:
    return f"{request.scheme}://{request.host}"


def login_in_cookies(request: Request, now: int) -> str | None:
    """The login whose tokens this browser holds as cookies, valid or revoked."""
    for kind in ("access", "refresh"):
        with suppress(Unauthorized):
            return str(_claims(_cookie(request, kind), kind, now)[FAMILY])
    return None


def _cookie(request: Request, kind: str) -> str:
    name = cookies.ACCESS if kind == "access" else cookies.REFRESH
    return request.cookies.get(cookies.cookie_name(request, name), "")


def _claims(token: str, kind: str, now: int) -> dict[str, Any]:
    """The claims of a token of that kind which is valid now."""
    if len(token) > LONGEST_TOKEN:
        raise Unauthorized("The token is not valid.")
    remembered: dict[str, dict[str, Any]] = current_app.extensions["sessiontrack.verified_tokens"]
    claims = remembered.get(token)
    if claims is None:
        try:
            claims = decode_token(token)
        except (JWTExtendedException, PyJWTError, ValueError) as error:
            raise Unauthorized("The token is not valid, or no longer.") from error
        if get_unverified_jwt_headers(token) != HEADER:
            raise Unauthorized("The token is not valid.")
        if not isinstance(claims.get("exp"), int) or not isinstance(claims.get(FAMILY), str):
            raise Unauthorized("The token is not valid.")
        if len(remembered) >= MOST_REMEMBERED:
            remembered.clear()
        remembered[token] = claims
    if claims["exp"] <= now or claims.get("type") != kind:
        raise Unauthorized(f"This is not a valid {kind} token, or no longer.")
    return claims


def _by_login(tx: Transaction, claims: dict[str, Any], now: int) -> Principal:
    login_id = claims[FAMILY]
    found = _known(tx.row(BY_LOGIN, login_id=login_id, now=now))
    return Principal(found[0], found[1], login_id, login_id, "login")


def _by_secret(tx: Transaction, secret: str, now: int) -> Principal:
    secret_hash = api_tokens.secret_hash(secret)
    found = tx.row(BY_SECRET, secret_hash=secret_hash, now=now)
    if found is None and tx.value(IS_ISSUED, secret_hash=secret_hash) is None:
        raise Unauthorized("The token is unknown here: it was never issued, or not copied whole.")
    username, users_role, role, token_id = _known(found)
    # A user who was given a lesser role since does not keep more through a token.
    lesser = max(users_role, role, key=ROLES.index)
    return Principal(username, lesser, api_tokens.login_key(token_id), None, "token")


def named_by_proxy(request: Request) -> str | None:
    """Whom a trusted proxy has authenticated, where that is switched on."""
    return user_named_by_proxy(request.environ, settings_of(current_app).auth_proxy_header)


def _by_proxy(tx: Transaction, named: str) -> Principal:
    found = tx.row(BY_NAME, username=named, folded_name=fold(named))
    if found is None:
        raise UnknownProxyUser(f"There is no user {named}.")
    username, role, user_id, disabled_at = found
    if disabled_at is not None:
        raise Unauthorized("This user may no longer sign in.")
    return Principal(username, role, f"proxy:{user_id}", None, "proxy")


def _known(found: Row | None) -> Row:
    if found is None:
        raise Unauthorized("The token was revoked or has expired, or its user may no longer sign in.")
    return found


def init_app(app: Flask, settings: Settings, key: str) -> None:
    """Set up flask-jwt-extended: one algorithm, our own issuer and audience, cookies with CSRF protection."""
    app.config.update(
        JWT_SECRET_KEY=key,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=NAME,
        JWT_DECODE_ISSUER=NAME,
        JWT_ENCODE_AUDIENCE=NAME,
        JWT_DECODE_AUDIENCE=NAME,
        JWT_ENCODE_NBF=False,
        # Cookies are ours to set and to read; this puts a CSRF token into each.
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_COOKIE_CSRF_PROTECT=True,
    )
    JWTManager(app)
    app.extensions["sessiontrack.verified_tokens"] = {}
