"""How this install is set up: `/settings`, for admins."""

from flask import Response, current_app

from sessiontrack.config import FILE_NAME
from sessiontrack.http import examples
from sessiontrack.http.answers import answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.schemas.settings import SettingsAnswer
from sessiontrack.values.roles import ADMIN

blueprint = Blueprint("settings", __name__, url_prefix="/settings", description="How it is set up.")


@blueprint.endpoint("", role=ADMIN, answer=SettingsAnswer, example=examples.SETTINGS)
def list_() -> Response:
    """Every setting with its value, and where that is from; no secret"""
    found = current_app.extensions["sessiontrack.described_settings"]
    return answer({"success": True, "file": str(settings().instance / FILE_NAME), "settings": found})
