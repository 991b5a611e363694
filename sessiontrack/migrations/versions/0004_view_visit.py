"""Visits of views."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Visits of views."""
    op.create_table(
        "view_visit",
        sa.Column("session_id", WHOLE, nullable=False),
        sa.Column("since_at", WHOLE, nullable=False),
        sa.Column("until_at", WHOLE, nullable=False),
        sa.Column("view", sa.String(length=512), nullable=False),
        sa.Column("tab", sa.String(length=512), nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.CheckConstraint(
            "seconds BETWEEN 1 AND until_at - since_at", name=op.f("ck_view_visit_seconds_within_visit")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["user_session.id"], name=op.f("fk_view_visit_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "since_at", name=op.f("pk_view_visit")),
    )
