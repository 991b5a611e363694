"""Users whom a proxy has named."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Users whom a proxy has named."""
    op.add_column("user", sa.Column("from_proxy", sa.Boolean(), server_default=sa.false(), nullable=False))
