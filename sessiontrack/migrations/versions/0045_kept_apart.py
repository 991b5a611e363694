"""Whoever deletes many rows takes their sums at once, not by triggers for each row; on SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Make the table, and let the triggers of deleted rows look at it."""
    op.create_table(
        "kept_apart",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_apart")),
    )
    if op.get_bind().dialect.name != "sqlite":
        return
    gone = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'keep_*_gone'"
    for name, sql in op.get_bind().exec_driver_sql(gone).fetchall():
        op.execute(f"DROP TRIGGER {name}")
        op.execute(sql.replace(" BEGIN ", " AND NOT EXISTS (SELECT 1 FROM kept_apart) BEGIN ", 1))
