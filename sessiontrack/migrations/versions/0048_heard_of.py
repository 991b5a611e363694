"""When a source was last heard of, where the device that it spoke of was deleted since."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column; of devices that were deleted before, that is not known."""
    op.add_column("source", sa.Column("heard_at", WHOLE, nullable=True))
