"""The OpenAPI document: all that was declared of the calls, by flask-smorest, which nobody calls by itself.

Its wrappers are asked for their documentation only: a dozen of them around each call, and a schema built
anew by webargs, cost as much as Flask itself.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from werkzeug.routing import BaseConverter, PathConverter, UUIDConverter

from sessiontrack.http.endpoint import Blueprint, Call, View
from sessiontrack.http.errors import CODES
from sessiontrack.http.mac_converter import MacConverter
from sessiontrack.http.row_id_converter import MOST_DIGITS, RowIdConverter
from sessiontrack.schemas.base import ErrorAnswer
from sessiontrack.schemas.fields import MacAddress
from sessiontrack.version import VERSION

OPTIONS = {
    "API_TITLE": "sessiontrack",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        # Relative to the document, which is at the root of the API, below a sub-path too.
        "servers": [{"url": ".", "description": "Where this document is."}],
        "info": {
            "description": "Which devices were connected to the network, and which people were in the"
            " web UI, from when to when.",
            "contact": {"name": "Whoever runs this install"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of POST /auth/login, or an API token.",
                }
            }
        },
    },
}
MAC = {"type": "string", **MacAddress.documented}
UUID = {"type": "string", "format": "uuid", "description": "As lists show it."}
NAME = {"type": "string", "description": "As the list shows it, percent-encoded."}
ROW_ID = {"type": "integer", "minimum": 0, "maximum": 10**MOST_DIGITS - 1, "description": "As lists show it."}


def written(blueprints: Iterable[Blueprint], converters: Mapping[str, type[BaseConverter]]) -> bytes:
    """The document as JSON, for people to read too."""
    # An application of its own, which answers nothing: the one that does keeps none of this.
    app = Flask(__name__, static_folder=None)
    app.url_map.converters.update(converters)
    app.config.update(OPTIONS, API_VERSION=VERSION)
    api = _Api(app)
    api.ma_plugin.converter.add_attribute_function(_without_null_default)
    api.register_converter(MacConverter, lambda converter: MAC)
    api.register_converter(PathConverter, lambda converter: NAME)
    api.register_converter(UUIDConverter, lambda converter: UUID)
    api.register_converter(RowIdConverter, lambda converter: ROW_ID)
    for blueprint in blueprints:
        told = SmorestBlueprint(
            blueprint.name, __name__, url_prefix=blueprint.url_prefix, description=blueprint.description
        )
        for call in blueprint.calls:
            told.add_url_rule(call.rule, call.endpoint, _documented(told, call), methods=[call.method])
        api.register_blueprint(told)
    return orjson.dumps(api.spec.to_dict(), option=orjson.OPT_INDENT_2)


def _documented(told: SmorestBlueprint, call: Call) -> View:
    made = told.response(
        200, call.answer, example=call.example, headers=call.headers, content_type=call.content_type
    )(call.view)
    if call.body is not None:
        made = told.arguments(
            call.body, example=call.body_example, required=call.body_required, error_status_code=400
        )(made)
    made = told.arguments(call.query, location="query", error_status_code=400)(made)
    made = told.doc(
        description=_description(call),
        operationId=f"{told.name.replace(' ', '_')}_{call.endpoint.strip('_')}",
        security=[] if call.role is None else [{"bearer": []}],
    )(made)
    for status in sorted(call.errors):
        made = told.alt_response(
            status,
            schema=ErrorAnswer,
            description=HTTPStatus(status).phrase,
            example=_error_example(status),
        )(made)
    view: View = made
    return view


def _description(call: Call) -> str:
    """What a reader of the document wants to know first: whose token does."""
    return (
        "Needs no token." if call.role is None else f"Needs a token of the role {call.role}, or a higher one."
    )


def _error_example(status: int) -> dict[str, Any]:
    error, message = CODES[status]
    return {"success": False, "error": error, "message": message}


def _without_null_default(
    self: object, field: object, ret: dict[str, Any], **kwargs: object
) -> dict[str, Any]:
    """What is left out is just absent: a default of null would read as if null could be sent."""
    if ret.get("default", ...) is None:
        del ret["default"]
    return {}


class _Api(Api):  # type: ignore[misc]  # it has no types
    """flask-smorest, each call documented by what it says itself."""

    ERROR_SCHEMA = ErrorAnswer
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_pagination_header(self) -> None:
        pass
