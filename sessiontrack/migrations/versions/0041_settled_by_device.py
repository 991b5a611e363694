"""What is settled is known of each device by its marks, not of all by one instant."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """What is settled is known of each device by its marks, not of all by one instant."""
    op.drop_column("source", "forgotten_at")
