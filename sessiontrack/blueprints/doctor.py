"""What is right and wrong with this install: `/doctor`, for admins."""

from flask import Flask, Response, current_app, g

from sessiontrack.doctor.examination import examine
from sessiontrack.doctor.findings import Patient, as_json
from sessiontrack.http import examples
from sessiontrack.http.answers import answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.http.login_places import login_places
from sessiontrack.schemas.doctor import DoctorAnswer
from sessiontrack.values.roles import ADMIN

blueprint = Blueprint("doctor", __name__, url_prefix="/doctor", description="How it is.")


@blueprint.endpoint("", role=ADMIN, answer=DoctorAnswer, example=examples.DOCTOR, errors=(429,))
def look() -> Response:
    """What sessiontrack doctor --fast says of this install"""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    # It tries what people take for a first password, and hashing takes as long as when somebody signs in.
    with login_places().place() as turn, turn:
        found = list(examine(Patient(settings(), app, g.now, fast=True)))
    return answer({"success": True, **as_json(found)})
