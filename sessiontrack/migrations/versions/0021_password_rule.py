"""Whether a user's password is known to meet the rule."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Null for the passwords there are: their next use tells."""
    op.add_column("user", sa.Column("password_meets_rule", sa.Boolean(), nullable=True))
