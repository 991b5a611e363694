"""Whose pages may call this API from a browser, and frame the pages under `/embed/`: EMBED_ORIGINS.

They bring a token of their own (a viewer's API token); cookies are never taken across origins.
"""

from flask import Flask, Response, request

from sessiontrack.http.endpoint import settings

EMBEDDED = "/embed/"
# What tracker.js sends; everything else that writes is for this install's own pages.
TRACKED = frozenset(
    f"/api/v2/{each}"
    for each in ("sessionstart", "keepalive", "session-hide", "session_hide", "session_tracepath")
)
SENT = "Authorization, Content-Type, If-None-Match"
EXPOSED = "ETag, Link, Retry-After, X-Server-Time, X-Total-Count"
PREFLIGHT_SECONDS = 600


def frame_ancestors(path: str) -> str:
    """The directive of a Content-Security-Policy that says who may frame the page at this path."""
    allowed = settings().embed_origins if path.startswith(EMBEDDED) else ()
    return " ".join(("frame-ancestors", *(allowed or ("'none'",))))


def x_frame_options(path: str) -> str | None:
    """X-Frame-Options, for browsers without frame-ancestors; None where it cannot express the rule."""
    return None if path.startswith(EMBEDDED) and settings().embed_origins else "DENY"


def _methods(path: str) -> tuple[str, ...]:
    return ("GET", "HEAD", "POST") if path in TRACKED else ("GET", "HEAD")


def _allow(response: Response) -> Response:
    """Let the pages of the listed origins read the answer; answer their preflight requests."""
    origins = settings().embed_origins
    if not origins:
        return response
    # The answer depends on the origin that asks.
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    method = request.headers["Access-Control-Request-Method"] if is_preflight else request.method
    if origin not in origins or method not in _methods(request.path):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    if is_preflight:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(_methods(request.path))
        response.headers["Access-Control-Allow-Headers"] = SENT
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    else:
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def init_app(app: Flask) -> None:
    """Answer the listed origins, errors included."""
    app.after_request(_allow)
