"""The headers of every answer: browsers and proxies must not guess its type, frame it, or cache what is a
user's.

Headers that a view has set itself stay.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from sessiontrack.process.request_log import USER

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Nothing in a JSON answer is to be loaded, run or framed, whatever a browser takes it for.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS = "max-age=31536000"
Headers = list[tuple[str, str]]


class AnswerHeaders:
    """Middleware, around Flask: it sees what all others have made of an answer.

    Not within it: to look for a header among Werkzeug's and to add one there costs ten times as much.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(
            line: str, headers: Headers, exc_info: "OptExcInfo | None" = None
        ) -> Callable[[bytes], object]:
            return start_response(line, headers + _missing(headers, environ), exc_info)

        return self._app(environ, start)


def _missing(headers: Headers, environ: "WSGIEnvironment") -> Headers:
    given = {name.lower(): value for name, value in headers}
    added = []
    if "x-content-type-options" not in given:
        added.append(("X-Content-Type-Options", "nosniff"))
    if "referrer-policy" not in given:
        added.append(("Referrer-Policy", "no-referrer"))
    # Each page sets its own frame-ancestors; browsers would still obey X-Frame-Options beside it.
    if "content-security-policy" not in given:
        added.append(("Content-Security-Policy", POLICY))
        if "x-frame-options" not in given:
            added.append(("X-Frame-Options", "DENY"))
    # Scripts and styles may be loaded by the pages that embed them.
    is_json = given.get("content-type", "").startswith("application/json")
    if is_json and "cross-origin-resource-policy" not in given:
        added.append(("Cross-Origin-Resource-Policy", "same-origin"))
    # An answer to a user may be cached by that browser only, which revalidates it (ETag).
    if "cache-control" not in given:
        added.append(("Cache-Control", "private, no-cache" if USER in environ else "no-store"))
    if environ["wsgi.url_scheme"] == "https" and "strict-transport-security" not in given:
        added.append(("Strict-Transport-Security", HSTS))
    return added


def _leave_empty(response: Response) -> Response:
    """Flask answers OPTIONS with an empty page; there is nothing to say but the headers."""
    if request.method == "OPTIONS" and response.status_code == 200:
        response.status_code = 204
        del response.headers["Content-Type"]
        response.headers.pop("Content-Length", None)
    return response


def init_app(app: Flask) -> None:
    """Give every answer of this application its headers."""
    app.after_request(_leave_empty)
    app.wsgi_app = AnswerHeaders(app.wsgi_app)  # type: ignore[method-assign]
