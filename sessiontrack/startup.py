"""Preparation before the first request: a current database, and a first account."""

import logging
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from sessiontrack import clock, migrations
from sessiontrack.config import FILE_NAME, PREFIX, Settings, settings_of, source_of, without_password
from sessiontrack.database import database_file, db, in_use, read_transaction, write_transaction
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.database.transactions import database_engine
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import instance, log_lines
from sessiontrack.services import clock_door, users
from sessiontrack.services.presence import (
    PresenceRules,
    derive_all_if_judged_otherwise,
    is_derived_by,
)
from sessiontrack.values.passwords import RULE, meets_rule
from sessiontrack.version import VERSION

log = logging.getLogger(__name__)
# For how long a service looks at its database's pages before it starts; a large one is not read to its end.
LOOK_SECONDS = 5.0


def log_start(settings: Settings, workers: str = "") -> None:
    """Log what runs, and on what: once nothing refuses the start, for a refusal is one line alone.

    Args:
        workers: how many processes and threads answer, of a server.
    """
    file = settings.instance / FILE_NAME
    log.info(
        "sessiontrack %s, Python %s, in %s: database %s, settings %s, time zone %s%s",
        VERSION,
        platform.python_version(),
        settings.instance,
        without_password(settings.database_url),
        file if file.exists() else f"from the environment alone, no {FILE_NAME}",
        settings.timezone.name,
        workers and f", {workers}",
    )


@dataclass(frozen=True)
class FirstAdmin:
    """The account `admin` that was just created.

    password: None if the settings give it; else the random one, which is also in the file.
    """

    password: str | None
    file: Path | None


def prepare(app: Flask, *, is_service: bool = False) -> FirstAdmin | None:
    """Set up logging, refuse a damaged database, migrate it, and create the first admin if there is no user.

    Args:
        is_service: the process will run for long: check all pages, for some seconds.
    Returns:
        The admin, if this call created it.
    Raises:
        StorageUnavailable: the database cannot be used; the message says why.
    """
    settings = settings_of(app)
    log_lines.configure(settings.log)
    with app.app_context():
        file, revision = sqlite_file(), None
        if not database_engine().is_there():
            # Else there would be a database that nobody can sign in to.
            _refuse_weak(settings)
        if file is not None:
            instance.make_private(file)
            database_file.refuse_unwritable(file)
            in_use.use_with_others(file, app)
            revision = _refuse_unusable(file, is_service)
        # It never goes back: a current database needs no transaction that looks again.
        if revision != migrations.newest_revision():
            migrations.upgrade(db.engine)
        if is_service:
            app.extensions["sessiontrack.clock_door"] = clock_door.open_door(settings)
        _derive_anew(settings)
        with read_transaction() as tx:
            if users.has_users(tx):
                return None
        return _add_first_admin(settings)


def _refuse_weak(settings: Settings) -> None:
    is_variable = source_of("ADMIN_PASSWORD") == "environment"
    refuse_weak_first(settings.admin_password, f"{PREFIX}ADMIN_PASSWORD" if is_variable else "ADMIN_PASSWORD")


def refuse_weak_first(password: str, name: str = "ADMIN_PASSWORD") -> None:
    """Nothing where the settings give no first password, or one that may be chosen.

    Args:
        name: what it is called where it stands.
    Raises:
        InvalidSetting: says which may.
    """
    if password and not meets_rule(password):
        raise InvalidSetting(f"{name} cannot be the first password: {RULE}")


def _derive_anew(settings: Settings) -> None:
    """After a change of the settings by which presence is judged, and after an update of the program."""
    rules = PresenceRules.of(settings)
    with read_transaction() as tx:
        if is_derived_by(tx, rules):
            return
    with write_transaction() as tx:
        derive_all_if_judged_otherwise(tx, clock.now(), rules)


def _refuse_unusable(file: Path, is_service: bool) -> str | None:
    """Check before the first write: even setting the journal mode is one.

    Returns:
        The revision of the database; None where there is none.
    """
    if not file.exists():
        return None
    revision = database_file.find_revision(file)
    migrations.refuse_newer(revision)
    if is_service:
        database_file.refuse_damaged(file, LOOK_SECONDS)
    return revision


def _add_first_admin(settings: Settings) -> FirstAdmin | None:
    random = "" if settings.admin_password else secrets.token_urlsafe(12)
    _refuse_weak(settings)
    password_hash = users.hash_password(settings.admin_password or random)
    with write_transaction() as tx:
        if not users.add_first_admin(tx, clock.now(), password_hash):
            return None
        # Within the transaction: an account with an unreadable password would lock everyone out.
        file = instance.write_initial_password(settings.instance, random) if random else None
    return FirstAdmin(random or None, file)
