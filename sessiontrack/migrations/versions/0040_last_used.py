"""When logins and API tokens were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """When logins and API tokens were last used; null: not since this is known."""
    op.add_column("login", sa.Column("last_used_at", WHOLE, nullable=True))
    op.add_column("api_token", sa.Column("last_used_at", WHOLE, nullable=True))
