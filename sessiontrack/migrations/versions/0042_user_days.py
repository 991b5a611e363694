"""What each user did by day, and by page and longer stretches, with the period first in the key."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, triggers

revision = "0042"
down_revision = "0041"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SESSION = "FROM user_session WHERE id = {row}session_id"
SUMS = tuple(
    KeptSum(
        name,
        "view_time",
        "user_sum",
        {
            "bits": f"{bits}",
            "stretch": f"(SELECT started_at >> {bits} {SESSION})",
            "username": f"(SELECT username {SESSION})",
            "view": "{row}view",
            "tab": "{row}tab",
        },
        {"sessions": "1", "seconds": "{row}seconds"},
        f"EXISTS (SELECT 1 {SESSION})",
    )
    for name, bits in (("view_time_sum", 22), ("view_time_long_sum", 24))
)
DAYS = KeptSum(
    "user_day",
    "user_session",
    "user_day",
    {"username": "{row}username", "day": "{row}started_at / 86400"},
    {"sessions": "1", "seconds": "{row}visible_seconds"},
)
KEYS = "username, view, tab"


def upgrade() -> None:
    """Make the sums anew of those that there are, add up the days, and keep all of them from now on."""
    dialect = op.get_bind().dialect.name
    _forget_triggers(dialect)
    op.drop_index("ix_user_sum_part", "user_sum")
    op.rename_table("user_sum", "user_sum_before")
    if dialect == "postgresql":
        op.execute("ALTER INDEX pk_user_sum RENAME TO pk_user_sum_before")
    op.create_table(
        "user_sum",
        sa.Column("bits", WHOLE, autoincrement=False, nullable=False),
        sa.Column("stretch", WHOLE, autoincrement=False, nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("view", sa.String(length=512), nullable=False),
        sa.Column("tab", sa.String(length=512), nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("sessions", WHOLE, nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint(
            "bits", "stretch", "username", "view", "tab", "part", name=op.f("pk_user_sum")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_day",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("day", WHOLE, autoincrement=False, nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("sessions", WHOLE, nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("username", "day", "part", name=op.f("pk_user_day")),
        sqlite_with_rowid=False,
    )
    parts = sa.text("part > 0")
    for table in ("user_sum", "user_day"):
        op.create_index(f"ix_{table}_part", table, ["part"], sqlite_where=parts, postgresql_where=parts)
    for bits in (22, 24):
        op.execute(
            f"INSERT INTO user_sum (bits, stretch, {KEYS}, sessions, seconds)"
            f" SELECT {bits}, stretch >> {bits - 22}, {KEYS}, sum(sessions), sum(seconds)"
            f" FROM user_sum_before WHERE view <> '' GROUP BY 2, {KEYS} ORDER BY 2, {KEYS}"
        )
    op.drop_table("user_sum_before")
    op.execute(DAYS.fill())
    middle = sa.text("last_ping - started_at > 7200 AND last_ping - started_at <= 86400")
    op.create_index(
        "ix_user_session_middle",
        "user_session",
        ["started_at"],
        sqlite_where=middle,
        postgresql_where=middle,
    )
    for sql in triggers(dialect, (*SUMS, DAYS)):
        op.execute(sql)


def _forget_triggers(dialect: str) -> None:
    if dialect == "sqlite":
        for name in ("user_session_sum", "view_time_sum"):
            for what in ("added", "gone", "moved", "changed"):
                op.execute(f"DROP TRIGGER IF EXISTS keep_{name}_{what}")
        return
    for source in ("user_session", "view_time"):
        for what in ("added", "gone", "changed"):
            op.execute(f"DROP TRIGGER keep_user_sum_{source}_{what} ON {source}")
