"""Devices as an inventory."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0025"


def upgrade() -> None:
    """What kind of device it is, its tags and notes."""
    op.add_column("device", sa.Column("kind", sa.String(16), server_default="", nullable=False))
    op.add_column("device", sa.Column("tags", sa.String(1024), server_default="", nullable=False))
    op.add_column("device", sa.Column("notes", sa.String(1024), server_default="", nullable=False))
