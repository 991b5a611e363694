"""The index of a device's sessions has their ends too, so that a timeline reads no rows."""

from alembic import op

revision = "0043"
down_revision = "0042"
INDEX = "ix_device_session_device"


def upgrade() -> None:
    """The index of a device's sessions has their ends too, so that a timeline reads no rows."""
    op.drop_index(INDEX, "device_session")
    op.create_index(INDEX, "device_session", ["device_id", "begin_at", "id", "end_at"])
