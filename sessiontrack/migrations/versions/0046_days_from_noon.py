"""What each user did by day, also by days that begin twelve hours before the UTC day."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, triggers

revision = "0046"
down_revision = "0045"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DAYS = tuple(
    KeptSum(
        f"user_day_{ahead}",
        "user_session",
        "user_day",
        {"username": "{row}username", "ahead": f"{ahead}", "day": f"({{row}}started_at + {ahead}) / 86400"},
        {"sessions": "1", "seconds": "{row}visible_seconds"},
    )
    for ahead in (0, 43200)
)


def upgrade() -> None:
    """Make the sums anew, of both kinds of days, and keep them from now on."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for what in ("added", "gone", "moved", "changed"):
            op.execute(f"DROP TRIGGER IF EXISTS keep_user_day_{what}")
    else:
        for what in ("added", "gone", "changed"):
            op.execute(f"DROP TRIGGER keep_user_day_user_session_{what} ON user_session")
    op.drop_index("ix_user_day_part", "user_day")
    op.drop_table("user_day")
    op.create_table(
        "user_day",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("ahead", WHOLE, autoincrement=False, nullable=False),
        sa.Column("day", WHOLE, autoincrement=False, nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("sessions", WHOLE, nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("username", "ahead", "day", "part", name=op.f("pk_user_day")),
        sqlite_with_rowid=False,
    )
    parts = sa.text("part > 0")
    op.create_index("ix_user_day_part", "user_day", ["part"], sqlite_where=parts, postgresql_where=parts)
    for each in DAYS:
        op.execute(each.fill())
    for sql in triggers(dialect, DAYS, apart=True):
        op.execute(sql)
