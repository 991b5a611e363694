"""Whether devices left is decided anew by the next start: some decisions were never taken back."""

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Forget by which rules presence was derived."""
    op.execute("UPDATE derived_by SET grace_seconds = NULL")
