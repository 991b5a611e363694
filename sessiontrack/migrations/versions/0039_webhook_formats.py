"""The format in which each webhook is told."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """The format in which each webhook is told."""
    op.add_column("webhook", sa.Column("format", sa.String(16), server_default="json", nullable=False))
