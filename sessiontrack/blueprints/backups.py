"""Backups on the server: made, listed and downloaded; `/backups`, for admins."""

import logging
from dataclasses import asdict

from flask import Flask, Response, current_app, g, request, send_file

from sessiontrack.backups.folder import KEEP, Backups
from sessiontrack.config import settings_of
from sessiontrack.database import read_transaction
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import Forbidden
from sessiontrack.http import examples
from sessiontrack.http.answers import FILE_HEADERS, answer
from sessiontrack.http.endpoint import Blueprint, principal
from sessiontrack.queries.accounts import login_opened_at
from sessiontrack.schemas.accounts import MessageAnswer
from sessiontrack.schemas.backups import BackupsAnswer
from sessiontrack.schemas.base import Nothing
from sessiontrack.values.roles import ADMIN

log = logging.getLogger(__name__)
blueprint = Blueprint("backups", __name__, url_prefix="/backups", description="Backups on the server.")
# A browser that is left signed in, or a stolen token, is not enough to download all password hashes.
RECENT_SECONDS = 900
EXTENSION = "sessiontrack.backups"
FILE = "application/octet-stream"


@blueprint.endpoint("", role=ADMIN, answer=BackupsAnswer, example=examples.BACKUPS)
def list_() -> Response:
    """List the backups in the instance folder, the newest first, and whether one is being made"""
    found = _backups()
    return answer(
        {
            "success": True,
            "folder": str(found.folder),
            "keep": KEEP,
            "running": found.is_running(),
            "failure": found.failure(),
            "backups": [asdict(each) for each in found.list()],
        }
    )


@blueprint.endpoint(
    "",
    method="POST",
    role=ADMIN,
    body=Nothing,
    answer=MessageAnswer,
    example={"success": True, "message": "A backup is being made"},
)
def start() -> Response:
    """Begin a backup in the instance folder, unless one is being made; the oldest such one gives way"""
    _backups().start(g.now)
    log.info("Backup begun by %r", principal().username)
    return answer({"success": True, "message": "A backup is being made"})


@blueprint.endpoint(
    "/<backup:name>",
    role=ADMIN,
    answer={"type": "string", "format": "binary"},
    content_type=FILE,
    example="SQLite format 3",
    headers=FILE_HEADERS,
)
def download(name: str) -> Response:
    """Download a backup; needs a login by password within 15 minutes, since it holds all password hashes"""
    asking = principal()
    with read_transaction() as tx:
        opened_at = login_opened_at(tx, asking.login_id)
    if opened_at is None or not opened_at <= g.now < opened_at + RECENT_SECONDS:
        raise Forbidden("A backup holds all password hashes: sign in by password anew to download it.")
    path = _backups().find(name)
    log.warning("Backup %s downloaded by %r from %s", name, asking.username, request.remote_addr)
    response = send_file(path, FILE, as_attachment=True, conditional=False, etag=False, max_age=0)
    response.headers["Cache-Control"] = "no-store"
    return response


def _backups() -> Backups:
    found: Backups = current_app.extensions[EXTENSION]
    return found


def init_app(app: Flask) -> None:
    """Where they are."""
    with app.app_context():
        database = sqlite_file()
    folder = settings_of(app).instance
    app.extensions[EXTENSION] = Backups(folder, database, app.config["SQLALCHEMY_DATABASE_URI"])
