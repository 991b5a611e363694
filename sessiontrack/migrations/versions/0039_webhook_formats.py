"""The format in which each webhook is told, and its quiet hours."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """The format in which each webhook is told, and its quiet hours."""
    op.add_column("webhook", sa.Column("format", sa.String(16), server_default="json", nullable=False))
    # Minutes of the day in site time; both or neither.
    op.add_column("webhook", sa.Column("quiet_from", sa.Integer(), nullable=True))
    op.add_column("webhook", sa.Column("quiet_to", sa.Integer(), nullable=True))
