"""What has to be there before the first request: a current database, and somebody who may sign in."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from sessiontrack import clock, instance, migrations
from sessiontrack.config import Settings
from sessiontrack.db import db, read_transaction, write_transaction
from sessiontrack.services import users


@dataclass(frozen=True)
class FirstAdmin:
    """The account that was just made: user `admin`.

    password: None where it is the one from the settings; else the random one, which is also in the file.
    """

    password: str | None
    file: Path | None


def prepare(app: Flask) -> FirstAdmin | None:
    """Migrate the database, and make the first admin where there is no user.

    Returns:
        the admin, where this call made it.
    Raises:
        StorageUnavailable: the database cannot be used; the message says why.
    """
    settings: Settings = app.extensions["sessiontrack.settings"]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            instance.make_private(Path(db.engine.url.database or ""))
        migrations.upgrade(db.engine)
        with read_transaction() as tx:
            if users.has_users(tx):
                return None
        return _add_first_admin(settings)


def _add_first_admin(settings: Settings) -> FirstAdmin | None:
    random = "" if settings.admin_password else secrets.token_urlsafe(12)
    password_hash = users.hash_password(settings.admin_password or random)
    with write_transaction() as tx:
        if not users.add_first_admin(tx, clock.now(), password_hash):
            return None
        # Within the transaction: a password that nobody can read would lock everybody out.
        file = instance.write_initial_password(settings.instance, random) if random else None
    return FirstAdmin(random or None, file)
