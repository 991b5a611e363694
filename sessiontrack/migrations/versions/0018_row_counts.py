"""How many rows of each kind there are, by stretches of time, on both engines."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, triggers

revision = "0018"
down_revision = "0016"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MISSING = "({row}connected_at IS NULL OR ({row}disconnected_at IS NULL AND NOT {row}still_connected))"
NAMED = "NOT {row}voided AND {row}type = "


def counted(name: str, table: str, instant: str, condition: str = "") -> KeptSum:
    """A kind of rows, by that instant."""
    keys = {"counted": f"'{name}'", "stretch": f"{{row}}{instant} >> 17"}
    when = f"{condition} AND {{row}}{instant} IS NOT NULL" if condition else f"{{row}}{instant} IS NOT NULL"
    return KeptSum(f"{name}_count", table, "row_count", keys, {"rows": "1"}, when)


COUNTED = (
    counted("device_session", "device_session", "begin_at"),
    counted("session_end", "device_session", "end_at"),
    counted("missing", "device_session", "end_at", MISSING),
    counted("user_session", "user_session", "started_at"),
    counted("event", "event", "at"),
    counted("voided", "event", "at", "{row}voided"),
    counted("new", "event", "at", NAMED + "'New Device'"),
    counted("down", "event", "at", NAMED + "'Device Down'"),
)


def upgrade() -> None:
    """Make the table anew, count what is there, and from now on."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for table in ("device_session", "user_session"):
            for what in ("added", "gone", "left", "came"):
                op.execute(f"DROP TRIGGER count_{table}_{what}")
    op.drop_table("row_count")
    op.create_table(
        "row_count",
        sa.Column("counted", sa.String(length=32), nullable=False),
        sa.Column("stretch", WHOLE, autoincrement=False, nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("counted", "stretch", "part", name=op.f("pk_row_count")),
    )
    where = sa.text("part > 0")
    op.create_index("ix_row_count_part", "row_count", ["part"], sqlite_where=where, postgresql_where=where)
    for each in COUNTED:
        op.execute(each.fill())
    for sql in triggers(dialect, COUNTED):
        op.execute(sql)
