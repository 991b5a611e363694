"""`/openapi.json`: made when it is first asked for, which is seldom, and then kept."""

from collections.abc import Sequence
from threading import Lock

from flask import Flask, Response, request

from sessiontrack.http.endpoint import IGNORED_PARAMETERS, Blueprint, load
from sessiontrack.http.etags import JSON
from sessiontrack.http.json_body import read_json_object
from sessiontrack.schemas.base import Nothing

NOTHING = Nothing()


def init_app(app: Flask, blueprints: Sequence[Blueprint]) -> None:
    """Add the call."""
    lock = Lock()
    made: list[bytes] = []

    def document() -> Response:
        load(NOTHING, {name: "" for name in request.args if name not in IGNORED_PARAMETERS})
        load(NOTHING, read_json_object(request))
        with lock:
            if not made:
                # Here: a start is quicker without apispec, which mostly is not needed.
                from sessiontrack.http.openapi_document import written

                made.append(written(blueprints, app.url_map.converters))
        return Response(made[0], mimetype=JSON)

    app.add_url_rule("/openapi.json", "openapi", document, methods=["GET"])
