"""The one place where an exception becomes a status and a body; every error answers in the same shape."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from flask import Flask, Response, request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from sessiontrack.exceptions import (
    ClockUnsure,
    Conflict,
    FieldErrors,
    Forbidden,
    InvalidInput,
    NotFound,
    QueryTooSlow,
    RateLimited,
    SessionInactive,
    SessiontrackError,
    StorageUnavailable,
    Unauthorized,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 5
# A refusal stays under 16 KiB, whatever was sent.
MOST_FIELDS = 20
LONGEST_TEXT = 100
LONGEST_MESSAGE = 1000
MOST_TEXTS = 3
LARGEST_ERRORS = 8 << 10
TOKEN_ERRORS = (JWTExtendedException, PyJWTError)
# The most special class first.
STATUSES: dict[type[SessiontrackError], tuple[int, str]] = {
    InvalidInput: (400, "bad_request"),
    Unauthorized: (401, "unauthorized"),
    Forbidden: (403, "forbidden"),
    NotFound: (404, "not_found"),
    SessionInactive: (409, "session_inactive"),
    Conflict: (409, "conflict"),
    RateLimited: (429, "rate_limited"),
    QueryTooSlow: (503, "query_too_slow"),
    StorageUnavailable: (503, "storage_unavailable"),
    ClockUnsure: (503, "clock_unsure"),
}
# Our messages for what Werkzeug and gunicorn answer by themselves. Any other 4xx is `bad_request`.
CODES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood."),
    401: ("unauthorized", "Sign in, and send the token as Authorization: Bearer <token>."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method; see the Allow header."),
    409: ("conflict", "What is stored contradicts what was asked for."),
    413: ("payload_too_large", "The body is too large: a scan may have 16 MiB, anything else 64 KiB."),
    414: ("bad_request", "The address is too long."),
    415: ("unsupported_media_type", "A compressed body is not read; send it without Content-Encoding."),
    429: ("rate_limited", "Too many requests."),
    431: ("bad_request", "The headers are too large."),
    500: ("server_error", "Something went wrong here; the log has the details."),
    502: ("server_error", "The service does not answer just now; try again shortly."),
    504: ("server_error", "The service took too long to answer; try again shortly."),
    503: ("storage_unavailable", "The service cannot answer just now; try again shortly."),
}


def error_body(error: str, message: str, errors: Mapping[str, Any] | None = None) -> bytes:
    """The body that every error has."""
    body: dict[str, Any] = {"success": False, "error": error, "message": message[:LONGEST_MESSAGE]}
    if errors:
        body["errors"] = errors
    return orjson.dumps(body)


def status_body(status: int) -> bytes:
    """The body of an error of which only the status is known."""
    error, message = CODES.get(status, CODES[500 if status >= 500 else 400])
    return error_body(error, message)


def refuse(start_response: "StartResponse", status: HTTPStatus, body: bytes = b"") -> list[bytes]:
    """Answer an error from outside of Flask."""
    body = body or status_body(status)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    ]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(body, status, mimetype="application/json")
    response.headers.extend(headers or {})
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503 and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _ours(error: SessiontrackError) -> Response:
    status, code = next((STATUSES[each] for each in STATUSES if isinstance(error, each)), (500, ""))
    if status == 500:
        return _unexpected(error)
    if status == 503 and not isinstance(error, ClockUnsure):
        log.error("%s %r: %s", request.method, request.path, error.__cause__ or error)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else {}
    errors = _cut(error.errors)[0] if isinstance(error, InvalidInput) else None
    response = _answer(status, error_body(code, error.message, errors), headers)
    if isinstance(error, QueryTooSlow):
        # A repetition would take as long.
        del response.headers["Retry-After"]
    return response


def _invalid(error: ValidationError) -> Response:
    return _ours(invalid_fields(error))


def _no_valid_token(error: Exception) -> Response:
    return _answer(401, error_body("unauthorized", "The token is not valid."))


def _of_werkzeug(error: HTTPException) -> Response:
    """Keeps the headers that matter (Allow, Retry-After) and none of the HTML."""
    status = error.code or 500
    kept = {k: v for k, v in error.get_headers() if k.lower() in {"allow", "retry-after"}}
    return _answer(status, status_body(status), kept)


def _unexpected(error: Exception) -> Response:
    """The client learns nothing of the program's inside; the log gets everything."""
    log.error("%s %r failed", request.method, request.path, exc_info=error)
    return _answer(500, status_body(500))


def invalid_fields(error: ValidationError) -> InvalidInput:
    """What marshmallow found wrong, as one exception that names each field."""
    return refused_fields(dict(_flat(error.messages)))


def refused_fields(errors: FieldErrors, more: int = 0) -> InvalidInput:
    """One exception that names the fields at fault.

    Args:
        more: how many there are beside those.
    """
    shown, cut = _cut(errors)
    more += cut
    if len(shown) == 1 and not more:
        ((field, texts),) = errors.items()
        return InvalidInput(f"{field}: {' '.join(texts)}", shown)
    names = ", ".join(name[: LONGEST_MESSAGE // MOST_FIELDS - 10] for name in shown)
    others = f" and {more} more" if more else ""
    return InvalidInput(f"Not valid: {names}{others}; see errors.", shown)


def _cut(errors: FieldErrors) -> tuple[dict[str, list[str]], int]:
    """The first of the fields at fault, their names and texts cut; and how many were left out."""
    shown: dict[str, list[str]] = {}
    size = taken = 0
    for name, texts in islice(errors.items(), MOST_FIELDS):
        found = [text[:LONGEST_TEXT] for text in islice(texts, MOST_TEXTS)]
        size += len(orjson.dumps({name[:LONGEST_TEXT]: found}))
        if size > LARGEST_ERRORS:
            break
        shown[name[:LONGEST_TEXT]] = found
        taken += 1
    return shown, len(errors) - taken


def _flat(messages: Any, path: str = "") -> list[tuple[str, list[str]]]:
    """{"devices": {0: {"mac": [..]}}} as ("devices.0.mac", [..]); what concerns no field, as "body"."""
    if isinstance(messages, Mapping):
        found = []
        for key, value in messages.items():
            found += _flat(value, path if key == "_schema" else f"{path}.{key}".lstrip("."))
        return found
    texts = [str(each) for each in messages] if isinstance(messages, list) else [str(messages)]
    return [(path or "body", texts)]


def init_app(app: Flask) -> None:
    """Answer every error of this application in the contract's shape."""
    app.register_error_handler(SessiontrackError, _ours)
    app.register_error_handler(ValidationError, _invalid)
    # flask-jwt-extended has registered answers of its own, each for one kind of these.
    theirs = [kind for kind in app.error_handler_spec[None][None] if issubclass(kind, TOKEN_ERRORS)]
    for kind in (*theirs, *TOKEN_ERRORS):
        app.register_error_handler(kind, _no_valid_token)
    app.register_error_handler(HTTPException, _of_werkzeug)
    app.register_error_handler(Exception, _unexpected)
