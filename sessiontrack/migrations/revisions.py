"""Migrations of the schema: Alembic scripts, forward only, run before anything else at start.

Alembic is used without Flask-Migrate, because only the program runs migrations, never a person with `flask
db`. It is imported only when needed: its import takes as long as those of Flask and SQLAlchemy together.
"""

import logging
import re
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect

from sessiontrack.database.transactions import READS, database_engine, storage_errors
from sessiontrack.exceptions import StorageUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)
VERSIONS = Path(__file__).parent / "versions"
_REVISIONS = re.compile(r"^(down_)?revision = \"(\w+)\"", re.MULTILINE)


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


@cache
def newest_revision() -> str | None:
    """The revision that this version of the program needs."""
    known, replaced = _revisions()
    return max(known - replaced, default=None)


def _revisions() -> tuple[set[str], set[str]]:
    """(all, those that another one builds on)"""
    found = [each for path in VERSIONS.glob("*.py") for each in _REVISIONS.findall(path.read_text())]
    return {name for down, name in found if not down}, {name for down, name in found if down}


@cache
def known_revisions() -> frozenset[str]:
    """All revisions that this version of the program can upgrade."""
    known, _ = _revisions()
    return frozenset(known)


def refuse_newer(found: str | None) -> None:
    """Refuse a database that a newer version has migrated.

    Raises:
        StorageUnavailable: this version does not know the revision.
    """
    if found is not None and found not in known_revisions():
        raise StorageUnavailable(
            f"The database is of a newer version of sessiontrack (revision {found}); nothing was changed."
            " Use that version, or put a backup of this one in its place: sessiontrack restore <backup>."
        )


def current_revision(engine: Engine) -> str | None:
    """The revision of the database; None for an empty one. Does not block writers."""
    reading = engine.execution_options(**{READS: True})
    with storage_errors(), reading.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """The same, within an open transaction."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def upgrade(engine: Engine) -> None:
    """Upgrade the database to the newest revision, completely or not at all.

    The transaction takes the write lock at its first statement: of two processes that start at once, the
    second waits and then finds nothing to do.

    Raises:
        StorageUnavailable: the database cannot be written, or a newer version migrated it; the message says
            why, for the person who starts the program.
    """
    try:
        _upgrade(engine)
    except StorageUnavailable as error:
        if error.__cause__ is None:
            raise
        where = engine.url.database or engine.url.render_as_string()
        raise StorageUnavailable(f"The database {where} cannot be used: {error.reason}.") from error


def _upgrade(engine: Engine) -> None:
    with storage_errors(), engine.begin() as connection:
        upgrade_within(connection)


def upgrade_within(connection: Connection) -> None:
    """The same, within an open writing transaction."""
    back_end = database_engine()
    back_end.check_database(connection)
    found = revision_of(connection)
    refuse_newer(found)
    if found != newest_revision():
        from alembic import command

        if found is not None:
            log.info(
                "The database is migrated from %s to %s; nothing is served meanwhile.",
                found,
                newest_revision(),
            )
        began = time.monotonic()
        back_end.before_migrating(connection)
        command.upgrade(_config(connection), "head")
        back_end.after_migrating(connection)
        if found is not None:
            log.info("The database is migrated, in %.1f s.", time.monotonic() - began)


def write_revision(engine: Engine, message: str) -> None:
    """For developers: write a new script from the difference between the models and a current database.

    Its revision is the next number.
    """
    from alembic import command

    number = f"{int(newest_revision() or 0) + 1:04}"
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)
