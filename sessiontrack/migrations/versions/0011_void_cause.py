"""Why an event was voided."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Why an event was voided."""
    op.add_column("event", sa.Column("void_cause", sa.String(length=16), server_default="", nullable=False))
    op.add_column("event", sa.Column("void_cause_at", WHOLE, nullable=True))
    op.add_column("event", sa.Column("void_source", sa.String(length=64), nullable=True))
