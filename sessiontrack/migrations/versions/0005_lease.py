"""Leases of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Leases of tasks."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=255), server_default="", nullable=False),
        sa.Column("expires_at", WHOLE, server_default="0", nullable=False),
        sa.Column("due_at", WHOLE, server_default="0", nullable=False),
        sa.Column("looked_at", WHOLE, nullable=True),
        sa.Column("held_until", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
