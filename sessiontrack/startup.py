"""What has to be there before the first request: a current database, and somebody who may sign in."""

import logging
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from sessiontrack import clock, migrations
from sessiontrack.config import Settings
from sessiontrack.database import database_file, db, in_use, read_transaction, write_transaction
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.process import instance, log_lines
from sessiontrack.services import users
from sessiontrack.version import VERSION

log = logging.getLogger(__name__)
# For how long a service looks at its database's pages before it starts; a large one is not read to its end.
LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class FirstAdmin:
    """The account that was just made: user `admin`.

    password: None where it is the one from the settings; else the random one, which is also in the file.
    """

    password: str | None
    file: Path | None


def prepare(app: Flask, *, is_service: bool = False) -> FirstAdmin | None:
    """Begin to log, refuse a database that is not sound, migrate it; make the first admin where nobody is.

    Args:
        is_service: it is to run for long: every page is looked at, for some seconds.
    Returns:
        the admin, where this call made it.
    Raises:
        StorageUnavailable: the database cannot be used; the message says why.
    """
    settings: Settings = app.extensions["sessiontrack.settings"]
    log_lines.configure(settings.log)
    if is_service:
        log.info("sessiontrack %s, Python %s, in %s", VERSION, platform.python_version(), settings.instance)
    with app.app_context():
        file = sqlite_file()
        if file is not None:
            instance.make_private(file)
            database_file.refuse_unwritable(file)
            in_use.use_with_others(file, app)
            _refuse_unusable(file, is_service)
        migrations.upgrade(db.engine)
        with read_transaction() as tx:
            if users.has_users(tx):
                return None
        return _add_first_admin(settings)


def _refuse_unusable(file: Path, is_service: bool) -> None:
    """Before anything is written to it: even its journal mode is a change."""
    if not file.exists():
        return
    migrations.refuse_newer(database_file.find_revision(file))
    if is_service:
        database_file.refuse_damaged(file, LOOK_SECONDS)


def _add_first_admin(settings: Settings) -> FirstAdmin | None:
    random = "" if settings.admin_password else secrets.token_urlsafe(12)
    password_hash = users.hash_password(settings.admin_password or random)
    with write_transaction() as tx:
        if not users.add_first_admin(tx, clock.now(), password_hash):
            return None
        # Within the transaction: a password that nobody can read would lock everybody out.
        file = instance.write_initial_password(settings.instance, random) if random else None
    return FirstAdmin(random or None, file)
