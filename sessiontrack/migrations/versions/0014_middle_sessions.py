"""Sessions of up to 32 days, and longer ones, each with an index for any window."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def where(condition: str) -> dict[str, Any]:
    """What makes an index partial, on either engine."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Sessions of up to 32 days, and longer ones, each with an index for any window."""
    op.create_index(
        "ix_device_session_middle",
        "device_session",
        ["begin_at", "end_at"],
        **where("end_at - begin_at BETWEEN 86401 AND 2764800"),
    )
    op.create_index(
        "ix_device_session_longest",
        "device_session",
        ["end_at", "begin_at"],
        **where("end_at - begin_at > 2764800"),
    )
