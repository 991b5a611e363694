"""What the OpenAPI document says of the API as a whole."""

from importlib.metadata import version
from typing import Any

from flask import Flask


def configure(app: Flask) -> None:
    """Set flask-smorest's part of the configuration."""
    app.config.update(
        API_TITLE="sessiontrack",
        API_VERSION=version("sessiontrack"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": "Which devices were connected to the network, and which people were in the"
                " web UI, from when to when.",
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
    )


def without_null_default(
    self: object, field: object, ret: dict[str, Any], **kwargs: object
) -> dict[str, Any]:
    """What is left out is just absent: a default of null would read as if null could be sent."""
    if ret.get("default", ...) is None:
        del ret["default"]
    return {}
