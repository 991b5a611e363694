"""The tags of the devices that a webhook is told of."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """The tags of the devices that a webhook is told of; empty: all devices."""
    op.add_column("webhook", sa.Column("tags", sa.String(1024), server_default="", nullable=False))
