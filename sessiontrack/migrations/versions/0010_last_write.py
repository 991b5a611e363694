"""How far a login has written, for replicas."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """How far a login has written, for replicas."""
    op.create_table(
        "last_write",
        sa.Column("login_key", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("login_key", name=op.f("pk_last_write")),
    )
