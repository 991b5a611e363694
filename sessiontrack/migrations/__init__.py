"""Migrations of the schema; revisions.py runs them."""

from sessiontrack.migrations.revisions import (
    current_revision,
    known_revisions,
    newest_revision,
    refuse_newer,
    revision_of,
    upgrade,
    upgrade_within,
    write_revision,
)

__all__ = [
    "current_revision",
    "known_revisions",
    "newest_revision",
    "refuse_newer",
    "revision_of",
    "upgrade",
    "upgrade_within",
    "write_revision",
]
