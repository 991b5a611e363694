"""The newest instant that is sure."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """The newest instant that is sure; the first start takes it from what was recorded."""
    op.create_table(
        "clock_floor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clock_floor_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_floor")),
    )
