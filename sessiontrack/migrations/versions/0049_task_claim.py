"""What a worker holds is a claim, of a task or of a receiver; leases are DHCP's alone."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = "name, holder, expires_at, due_at, looked_at, held_until"


def upgrade() -> None:
    """Make the table anew, so that its constraint has its name too, and rename the columns."""
    op.create_table(
        "task_claim",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(255), server_default="", nullable=False),
        sa.Column("expires_at", WHOLE, server_default="0", nullable=False),
        sa.Column("due_at", WHOLE, server_default="0", nullable=False),
        sa.Column("looked_at", WHOLE, nullable=True),
        sa.Column("held_until", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_task_claim"),
    )
    op.execute(f"INSERT INTO task_claim ({COLUMNS}) SELECT {COLUMNS} FROM lease")
    op.drop_table("lease")
    op.execute("ALTER TABLE webhook RENAME COLUMN lease TO claimed_by")
    op.execute("ALTER TABLE webhook RENAME COLUMN leased_until TO claimed_until")
