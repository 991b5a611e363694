"""The schema's history: Alembic scripts, forward only, run before anything else at start.

Alembic itself, without Flask-Migrate: the only caller is the program, never a person with `flask db`. It is
imported where there is something to migrate: to import it takes as long as Flask and SQLAlchemy together.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect

from sessiontrack.database.transactions import READS, database_engine, storage_errors
from sessiontrack.exceptions import StorageUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

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
    """The revision that this version of the program works with."""
    known, replaced = _revisions()
    return max(known - replaced, default=None)


def _revisions() -> tuple[set[str], set[str]]:
    """(all, those that another one builds on)"""
    found = [each for path in VERSIONS.glob("*.py") for each in _REVISIONS.findall(path.read_text())]
    return {name for down, name in found if not down}, {name for down, name in found if down}


@cache
def known_revisions() -> frozenset[str]:
    """Every revision that this version of the program can bring up to date."""
    known, _ = _revisions()
    return frozenset(known)


def refuse_newer(found: str | None) -> None:
    """Let no older program touch what a newer one made.

    Raises:
        StorageUnavailable: this version does not know the revision.
    """
    if found is not None and found not in known_revisions():
        raise StorageUnavailable(
            f"The database is of a newer version of sessiontrack (revision {found}); nothing was changed."
            " Use that version, or put a backup of this one in its place: sessiontrack restore <backup>."
        )


def current_revision(engine: Engine) -> str | None:
    """The revision that the database has; None for an empty one. Keeps no writer waiting."""
    reading = engine.execution_options(**{READS: True})
    with storage_errors(), reading.connect() as connection:
        return revision_of(connection)


def revision_of(connection: Connection) -> str | None:
    """The same, within a transaction that has begun."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision: all of it, or none where it is cut short.

    The transaction is the writer's from its first statement, so of two processes that start at once the
    second waits and then finds nothing to do.

    Raises:
        StorageUnavailable: the database cannot be written, or a newer version of the program made it; the
            message says why, for whoever starts the program.
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
    """The same, as a part of what a transaction does that is the writer's."""
    ways = database_engine()
    ways.check_database(connection)
    found = revision_of(connection)
    refuse_newer(found)
    if found != newest_revision():
        from alembic import command

        command.upgrade(_config(connection), "head")
        ways.after_migrating(connection)


def write_revision(engine: Engine, message: str) -> None:
    """For developers: a new script from the difference between the models and a current database.

    Its revision is the next number.
    """
    from alembic import command

    number = f"{int(newest_revision() or 0) + 1:04}"
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)
