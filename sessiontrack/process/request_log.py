"""One log line per request that brought something: its id, user, method, path, status and duration."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask, Response, g, request

from sessiontrack.process import server_timing
from sessiontrack.process.log_lines import REQUEST_ID

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
HEADER = "X-Request-Id"
# Request ids as nginx and other proxies make them.
ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
# Polled every few seconds; only their errors are logged.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
# What a page that polls is answered where nothing is new: thousands a day from each open page.
NOT_MODIFIED = 304
LONGEST_PATH = 1024
ROUTE = "sessiontrack.route"
USER = "sessiontrack.user"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answered request; route is the rule that matched, "" if none did."""

    method: str
    route: str
    status: int
    seconds: float


class RequestLog:
    """Middleware inside TrustedProxies; it keeps the request id of the caller if it is well-formed.

    Args:
        observe: called for every request, including those that are not logged.
        timed: send a Server-Timing header with each answer.
    """

    def __init__(
        self, app: "WSGIApplication", observe: Callable[[Answered], None], *, timed: bool = False
    ) -> None:
        self._app = app
        self._observe = observe
        self._timed = timed

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if ACCEPTED.fullmatch(given) else secrets.token_hex(16)
        status = 500
        REQUEST_ID.set(request_id)
        if self._timed:
            server_timing.begin()

        def start(
            line: str,
            headers: list[tuple[str, str]],
            exc_info: "OptExcInfo | None" = None,
        ) -> Callable[[bytes], object]:
            nonlocal status
            status = int(line[:3])
            extra = [(HEADER, request_id)]
            if self._timed:
                extra.append((server_timing.HEADER, server_timing.header()))
            return start_response(line, [*headers, *extra], exc_info)

        def end() -> None:
            seconds = time.perf_counter() - began
            self._observe(Answered(environ["REQUEST_METHOD"], environ.get(ROUTE, ""), status, seconds))
            if status >= 400 or (status != NOT_MODIFIED and environ["PATH_INFO"] not in QUIET):
                log.info(_fields(environ, request_id, status, seconds))
            REQUEST_ID.set("")
            server_timing.end()

        try:
            return _Body(self._app(environ, start), end)
        except BaseException:
            end()
            raise


class _Body:
    """The pieces of an answer; `end` is called when the server closes it."""

    def __init__(self, pieces: Iterable[bytes], end: Callable[[], None]) -> None:
        self._pieces = pieces
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        try:
            getattr(self._pieces, "close", lambda: None)()
        finally:
            self._end()


def _fields(environ: "WSGIEnvironment", request_id: str, status: int, seconds: float) -> dict[str, Any]:
    """The fields of the line. The path lacks its query, which may contain tokens."""
    return {
        "id": request_id,
        "user": environ.get(USER, "-"),
        "address": environ.get("REMOTE_ADDR", "-"),
        "method": environ["REQUEST_METHOD"],
        "path": quote(environ["PATH_INFO"], safe="/:@!$&'()*+,;=~", encoding="latin-1")[:LONGEST_PATH],
        "status": status,
        "ms": round(seconds * 1000, 1),
    }


def _remember(response: Response) -> Response:
    """Store the route and the user, which only Flask knows, for the log and the observer."""
    environ = request.environ
    if request.url_rule is not None:
        environ[ROUTE] = request.url_rule.rule
    if (principal := g.get("principal")) is not None:
        environ[USER] = principal.username
    return response


def init_app(app: Flask, observe: Callable[[Answered], None], *, timed: bool) -> None:
    """Add a request id to every answer, and log every request."""
    app.after_request(_remember)
    app.wsgi_app = RequestLog(app.wsgi_app, observe, timed=timed)  # type: ignore[method-assign]
