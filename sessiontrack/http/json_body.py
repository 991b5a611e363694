"""Request bodies: JSON whatever the Content-Type says, and strictly so."""

import json
import re
from typing import Any

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from sessiontrack.exceptions import InvalidInput

# Half of a surrogate pair: JSON can write it, UTF-8 and so the database cannot.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json_object(request: Request) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object.

    Raises:
        InvalidInput: it is no JSON object, has a name twice, or a text that UTF-8 cannot hold.
        RequestEntityTooLarge: it is longer than MAX_CONTENT_LENGTH.
    """
    environ = request.environ
    if (
        environ["REQUEST_METHOD"] == "GET"
        and not {"CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"} & environ.keys()
    ):
        return {}
    raw = _read(request)
    if not raw.strip():
        return {}
    try:
        body = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
        )
        if _ESCAPED.search(raw) and _SURROGATE.search(json.dumps(body, ensure_ascii=False)):
            raise ValueError("half of a surrogate pair")
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


def _read(request: Request) -> bytes:
    try:
        raw = request.get_data()
        # Of a body without Content-Length, Werkzeug reads no more than the limit, as if it ended there.
        is_terminated = request.environ.get("wsgi.input_terminated", False)
        if is_terminated and len(raw) == request.max_content_length and request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
    except HTTPException:
        raise
    except Exception as error:
        # Each server has its own exceptions for a malformed chunk; nothing but the client's bytes fails here.
        raise InvalidInput("The body cannot be read.") from error
    return raw


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            shown = name.encode("utf-8", "replace").decode()
            raise InvalidInput("A field stands twice in the body.", {shown: ["Given more than once."]})
        made[name] = value
    return made


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
