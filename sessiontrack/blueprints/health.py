"""Whether the process is up and whether it can do its work; no token needed."""

from typing import Any

from flask import Response

from sessiontrack import migrations
from sessiontrack.blueprints.answers import answer
from sessiontrack.blueprints.endpoint import Blueprint
from sessiontrack.db import db
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.schemas.health import HealthAnswer

blueprint = Blueprint("health", __name__, description="Is it up?")


@blueprint.endpoint("/healthz", role=None, answer=HealthAnswer, example={"status": "up"})
def healthz(query: dict[str, Any]) -> Response:
    """The process is up"""
    return answer({"status": "up"})


@blueprint.endpoint("/readyz", role=None, answer=HealthAnswer, example={"status": "ready"})
def readyz(query: dict[str, Any]) -> Response:
    """The database answers and is migrated"""
    if migrations.current_revision(db.engine) != migrations.newest_revision():
        raise StorageUnavailable("The database is not migrated; start sessiontrack serve.")
    return answer({"status": "ready"})
