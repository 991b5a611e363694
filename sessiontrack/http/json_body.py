"""Request bodies: JSON whatever the Content-Type says, and strictly so; forms where a call takes them."""

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from sessiontrack.exceptions import InvalidInput

# Half of a surrogate pair: JSON can write it, UTF-8 and so the database cannot.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(rf"{_PAIR}|\\[^u]|(?P<half>\\u[dD][89a-fA-F])")
# What Python's reader refuses without saying where it stands: among strings, these.
# Numbers and strings are passed over whole, so that no character is looked at often.
_NO_JSON = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?P<constant>NaN|-?Infinity)|(?P<number>-?[0-9]{4301})|[0-9]++'
)
_NAME = re.compile(rb'"[ \t\r\n]*:')
MOST_FIELDS = 20
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How much a body may be: bytes; names; objects and lists.

    The last two are counted before anything is made of them: an empty list takes 64 bytes where it was 3,
    and a name more than a hundred. More names at the top of the body are for `endpoint.load` to refuse.
    """

    length: int
    names: int
    containers: int


SMALL = BodyLimits(64 << 10, 1_000, 2_000)
# A scan: 65,536 devices with four names each, and texts in which there may be brackets too.
LARGE = BodyLimits(16 << 20, 400_000, 600_000)


def read_json_object(request: Request, limits: BodyLimits = SMALL) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object.

    Raises:
        InvalidInput: it is no JSON object, has a name twice, a text that UTF-8 cannot hold, or too many
            parts.
        RequestEntityTooLarge: it is too long.
        UnsupportedMediaType: it is compressed.
    """
    environ = request.environ
    if (
        environ["REQUEST_METHOD"] == "GET"
        and not {"CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"} & environ.keys()
    ):
        return {}
    raw = _read(request).removeprefix(BOM_UTF8)
    if not raw.strip():
        return {}
    if raw.count(b"{") + raw.count(b"[") > limits.containers:
        raise InvalidInput(f"The body has more than {limits.containers} objects and lists.")
    try:
        text = raw.decode("utf-8")
        body = _parsed(raw, text, limits)
    except UnicodeDecodeError as error:
        raise _malformed("not UTF-8", raw[: error.start].decode("utf-8")) from error
    except json.JSONDecodeError as error:
        raise _malformed(error.msg.lower(), text[: error.pos]) from error
    except ValueError as error:
        found = next((each for each in _NO_JSON.finditer(text) if each.lastgroup), None)
        if found is None:
            raise InvalidInput("The body is not valid JSON.") from error
        why = "a number is too long" if found["number"] else f"{found[0]} is no value"
        raise _malformed(why, text[: found.start()]) from error
    except RecursionError as error:
        raise InvalidInput("The body is not valid JSON: it is nested too deeply.") from error
    if _ESCAPED.search(raw) and _SURROGATE.search(json.dumps(body, ensure_ascii=False)):
        half = next(each for each in _HALF.finditer(text) if each.lastgroup)
        raise _malformed("half of a surrogate pair", text[: half.start()])
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


def _malformed(why: str, before: str) -> InvalidInput:
    """The refusal that names the place.

    Args:
        before: the text in front of it.
    """
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return InvalidInput(f"The body is not valid JSON: {why} at line {line}, column {column}.")


def _parsed(raw: bytes, text: str, limits: BodyLimits) -> Any:
    # Mostly there is not even room for so many.
    if len(raw) > limits.names * 4 and raw.count(b":") > limits.names:
        if len(raw) <= SMALL.length:
            body = json.loads(text, parse_constant=_refuse_constant)
            if isinstance(body, dict) and len(body) > limits.names:
                return body
        if next(islice(_NAME.finditer(raw), limits.names, None), None):
            raise InvalidInput(f"The body has more than {limits.names} names.")
    return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)


def is_form(request: Request) -> bool:
    """Whether the body is a form. `curl -d` says so of everything; JSON begins with a brace."""
    is_said = request.mimetype == "application/x-www-form-urlencoded"
    return is_said and not _read(request).removeprefix(BOM_UTF8).lstrip().startswith(b"{")


def read_form(request: Request) -> dict[str, Any]:
    """The body as the fields of a form.

    Raises:
        InvalidInput: it is no form in UTF-8, or has a field twice.
        RequestEntityTooLarge: it is too long.
    """
    try:
        text = _read(request).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise InvalidInput("The body is not a valid form.") from error
    return _without_repeats(pairs)


def _read(request: Request) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType
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
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen = {}
    for name, _ in pairs:
        if name in seen:
            break
        seen[name] = True
    shown = name.encode("utf-8", "replace").decode()
    raise InvalidInput("A field stands twice in the body.", {shown: ["Given more than once."]})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
