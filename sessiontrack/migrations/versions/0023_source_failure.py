"""Sources that fail now, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Sources that fail now, and why."""
    op.create_table(
        "source_failure",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("since_at", WHOLE, nullable=False),
        sa.Column("failed_at", WHOLE, nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_source_failure")),
    )
