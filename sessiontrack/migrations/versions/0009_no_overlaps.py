"""Device sessions that PostgreSQL itself keeps from overlapping."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Device sessions that PostgreSQL itself keeps from overlapping; SQLite has one writer, who looks."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(
        "ALTER TABLE device_session ADD CONSTRAINT ex_device_session_overlap"
        " EXCLUDE USING gist (device_id WITH =, int8range(begin_at, end_at) WITH &&)"
        " DEFERRABLE INITIALLY DEFERRED"
    )
