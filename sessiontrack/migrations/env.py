"""Alembic's environment: runs the scripts on the connection that revisions.py passes."""

from alembic import context

import sessiontrack.models  # noqa: F401 - so that the metadata knows every table
from sessiontrack.database import db

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=db.metadata,
    render_as_batch=True,
)
context.run_migrations()
