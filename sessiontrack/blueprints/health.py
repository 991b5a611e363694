"""Whether the process is up and whether it can do its work; no token needed."""

from flask import Response, current_app, g

from sessiontrack.exceptions import ClockUnsure, StorageUnavailable
from sessiontrack.http.answers import answer
from sessiontrack.http.endpoint import Blueprint, clock_door
from sessiontrack.monitoring.readiness import Readiness
from sessiontrack.schemas.health import HealthAnswer, UpAnswer
from sessiontrack.version import VERSION

blueprint = Blueprint("health", __name__, description="Is it up?")


@blueprint.endpoint("/healthz", role=None, answer=UpAnswer, example={"status": "up", "version": "0.2.0"})
def healthz() -> Response:
    """The process is up"""
    return answer({"status": "up", "version": VERSION})


@blueprint.endpoint("/readyz", role=None, answer=HealthAnswer, example={"status": "ready"})
def readyz() -> Response:
    """The database answers, is migrated, and can be written; the clock can be right"""
    readiness: Readiness = current_app.extensions["sessiontrack.readiness"]
    if (problem := readiness.problem()) is not None:
        raise StorageUnavailable(problem)
    if (door := clock_door()) is not None and (reason := door.problem(g.now)) is not None:
        raise ClockUnsure(reason)
    return answer({"status": "ready"})
