"""What a request may cost before anybody looks at it: headers of ordinary length, bodies read to their end.

A server takes a hundred header lines of 8 KB and joins those of one name: to sort the languages of such a
line takes a quarter of a second. And a connection that is closed with bytes unread is reset: the client, or
nginx before it, might never see its answer.
"""

from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO

from sessiontrack.http.errors import refuse
from sessiontrack.http.json_body import LARGE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Headers that are taken apart here, which costs 20 ms at most then.
PARSED = (
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_COOKIE",
    "HTTP_HOST",
    "HTTP_IF_NONE_MATCH",
    "HTTP_X_FORWARDED_FOR",
)
LONGEST_HEADER = 64 << 10
PIECE = 64 << 10
# A little more than any call takes, so that a client slightly over the limit gets the reason.
MOST_UNREAD = LARGE.length + PIECE


class RequestLimits:
    """Middleware, around all others."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if any(len(environ.get(name, "")) > LONGEST_HEADER for name in PARSED):
            answer: Iterable[bytes] = refuse(start_response, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            answer = self._app(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in environ or (length.isdigit() and 0 < int(length[:18]) <= MOST_UNREAD):
            _read_away(environ["wsgi.input"])
        return answer


def _read_away(body: BinaryIO) -> None:
    # A malformed chunk, or a client that left: each server has exceptions of its own for that.
    with suppress(Exception):
        left = MOST_UNREAD
        while left > 0 and (piece := body.read(PIECE)):
            left -= len(piece)
