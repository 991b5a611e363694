"""The tokens as cookies: their names, their flags and their paths."""

from typing import Any

from flask import Request, Response
from flask_jwt_extended import get_csrf_token

from sessiontrack.config import Settings

ACCESS = "sessiontrack_access"
REFRESH = "sessiontrack_refresh"
SAME_SITE = "Lax"


def cookie_name(request: Request, name: str) -> str:
    """The name under which the cookie is set and looked for.

    Browsers keep a prefixed one only if it was set over TLS, and one of `__Host-` only for this host and
    its root: no neighbour, and nobody in the middle of a plain connection, can put one of theirs in its
    place. Below a sub-path the cookie belongs to that path, which `__Host-` does not allow.
    """
    if not request.is_secure:
        return name
    return f"__Secure-{name}" if request.script_root else f"__Host-{name}"


def set_cookies(response: Response, request: Request, tokens: dict[str, Any], settings: Settings) -> None:
    """The tokens as cookies (HttpOnly), and beside each the CSRF token that writes must repeat."""
    for name, token, seconds in (
        (ACCESS, tokens["access_token"], settings.access_token_seconds),
        (REFRESH, tokens["refresh_token"], settings.refresh_token_seconds),
    ):
        # Scripts of this origin must read the CSRF token, and nothing else.
        for cookie, value, is_hidden in ((name, token, True), (f"{name}_csrf", get_csrf_token(token), False)):
            response.set_cookie(
                cookie_name(request, cookie),
                value,
                max_age=seconds,
                path=request.script_root or "/",
                # Behind TLS they never travel without it; over plain HTTP they would not travel at all.
                secure=request.is_secure,
                httponly=is_hidden,
                samesite=SAME_SITE,
            )


def remove_cookies(response: Response, request: Request) -> None:
    """Take them away again."""
    for name in (ACCESS, f"{ACCESS}_csrf", REFRESH, f"{REFRESH}_csrf"):
        response.delete_cookie(
            cookie_name(request, name),
            path=request.script_root or "/",
            secure=request.is_secure,
            samesite=SAME_SITE,
        )
