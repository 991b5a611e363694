"""The OpenAPI document, made from what each call declares of itself (apispec with its marshmallow plugin)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from werkzeug.routing import BaseConverter, PathConverter, UnicodeConverter, UUIDConverter

from sessiontrack.http.backup_name_converter import PATTERN, BackupNameConverter
from sessiontrack.http.endpoint import Blueprint, Call
from sessiontrack.http.errors import CODES
from sessiontrack.http.etags import JSON
from sessiontrack.http.mac_converter import MacConverter
from sessiontrack.http.row_id_converter import MOST_DIGITS, RowIdConverter
from sessiontrack.schemas.base import ErrorAnswer
from sessiontrack.schemas.fields import MacAddress
from sessiontrack.version import VERSION

DOCUMENT = {
    # Relative to the document, which is at the root of the API, below a sub-path too.
    "servers": [{"url": ".", "description": "Where this document is."}],
    "info": {
        "description": "Which devices were connected to the network, and which people were in the"
        " web UI, from when to when.",
        "contact": {"name": "Whoever runs this install"},
        "license": {"name": "MIT", "identifier": "MIT"},
    },
}
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token of POST /auth/login, or an API token.",
}
# What a part of a path is, by its converter.
PARTS: dict[type[BaseConverter], dict[str, Any]] = {
    MacConverter: {"type": "string", **MacAddress.documented},
    PathConverter: {"type": "string", "description": "As the list shows it, percent-encoded."},
    UnicodeConverter: {"type": "string", "description": "As the list shows it."},
    BackupNameConverter: {
        "type": "string",
        "pattern": f"^{PATTERN}$",
        "description": "As the list shows it.",
    },
    UUIDConverter: {"type": "string", "format": "uuid", "description": "As lists show it."},
    RowIdConverter: {
        "type": "integer",
        "minimum": 0,
        "maximum": 10**MOST_DIGITS - 1,
        "description": "As lists show it.",
    },
}
# One part of a rule: <converter:name>.
PART = re.compile(r"<(\w+):(\w+)>")


def written(blueprints: Iterable[Blueprint], converters: Mapping[str, type[BaseConverter]]) -> bytes:
    """The document as JSON, indented for people.

    Args:
        converters: of the application's URL map, by their names in rules.
    """
    marshmallow = MarshmallowPlugin()
    spec = APISpec("sessiontrack", VERSION, "3.1.0", plugins=[marshmallow], **DOCUMENT)
    assert marshmallow.converter is not None  # it has one since the line above
    for each in (_without_null_default, _with_null_among_shapes):
        marshmallow.converter.add_attribute_function(each)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", BEARER)
    for blueprint in blueprints:
        spec.tag({"name": blueprint.name, "description": blueprint.description})
        for call in blueprint.calls:
            rule = (blueprint.url_prefix or "") + call.rule
            spec.path(
                PART.sub(r"{\2}", rule),
                operations={call.method.lower(): _operation(blueprint.name, call)},
                parameters=[
                    {"in": "path", "name": name, "required": True, "schema": PARTS[converters[converter]]}
                    for converter, name in PART.findall(rule)
                ],
            )
    return orjson.dumps(spec.to_dict(), option=orjson.OPT_INDENT_2)


def _operation(tag: str, call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": (call.view.__doc__ or "").partition("\n")[0].rstrip("."),
        # What a reader wants to know first: whose token does.
        "description": "Needs no token."
        if call.role is None
        else f"Needs a token of the role {call.role}, or a higher one.",
        "operationId": f"{tag.replace(' ', '_')}_{call.endpoint.strip('_')}",
        "security": [] if call.role is None else [{"bearer": []}],
        "parameters": [{"in": "query", "schema": call.query}],
        "responses": dict(_responses(call)),
    }
    if call.body is not None:
        operation["requestBody"] = {
            "required": call.body_required,
            "content": {JSON: _content(call.body, call.body_example)},
        }
    return operation


def _responses(call: Call) -> Iterator[tuple[str, dict[str, Any]]]:
    answered = {
        "description": HTTPStatus.OK.phrase,
        "content": {call.content_type: _content(call.answer, call.example)},
    }
    yield "200", answered if call.headers is None else {**answered, "headers": call.headers}
    for status in sorted(call.errors):
        error, message = CODES[status]
        example = {"success": False, "error": error, "message": message}
        yield (
            str(status),
            {"description": HTTPStatus(status).phrase, "content": {JSON: _content(ErrorAnswer, example)}},
        )


def _content(schema: object, example: object) -> dict[str, Any]:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}


def _without_null_default(
    self: object, field: object, ret: dict[str, Any], **kwargs: object
) -> dict[str, Any]:
    """What is left out is just absent: a default of null would read as if null could be sent."""
    if ret.get("default", ...) is None:
        del ret["default"]
    return {}


def _with_null_among_shapes(
    self: object, field: object, ret: dict[str, Any], **kwargs: object
) -> dict[str, Any]:
    """Where null may be sent instead of one of several shapes, it is one of them."""
    if "anyOf" in ret and "null" in ret.get("type", ()):
        return {"anyOf": [*ret["anyOf"], {"type": "null"}]}
    return {}
