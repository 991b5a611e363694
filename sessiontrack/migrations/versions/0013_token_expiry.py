"""API tokens that are valid for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Until when a token is valid."""
    op.add_column("api_token", sa.Column("expires_at", WHOLE, nullable=True))
