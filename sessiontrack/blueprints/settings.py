"""How this install is set up: `/settings`, for admins."""

from typing import Any

from flask import Response, current_app

from sessiontrack.blueprints import examples
from sessiontrack.blueprints.answers import answer
from sessiontrack.blueprints.endpoint import Blueprint, settings
from sessiontrack.config import FILE_NAME
from sessiontrack.roles import ADMIN
from sessiontrack.schemas.settings import SettingsAnswer

blueprint = Blueprint("settings", __name__, url_prefix="/settings", description="How it is set up.")


@blueprint.endpoint("", role=ADMIN, answer=SettingsAnswer, example=examples.SETTINGS)
def list_(query: dict[str, Any]) -> Response:
    """Every setting with its value, and where that is from; no secret"""
    found = current_app.extensions["sessiontrack.described_settings"]
    return answer({"success": True, "file": str(settings().instance / FILE_NAME), "settings": found})
