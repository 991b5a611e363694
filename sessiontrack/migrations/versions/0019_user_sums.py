"""What each user did, by page and stretches of time; the seconds of views without row numbers on SQLite."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, deleted_first, triggers

revision = "0019"
down_revision = "0018"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SESSION = "FROM user_session WHERE id = {row}session_id"
SUMS = (
    KeptSum(
        "user_session_sum",
        "user_session",
        "user_sum",
        {"username": "{row}username", "view": "''", "tab": "''", "stretch": "{row}started_at >> 22"},
        {"sessions": "1", "seconds": "{row}visible_seconds"},
    ),
    KeptSum(
        "view_time_sum",
        "view_time",
        "user_sum",
        {
            "username": f"(SELECT username {SESSION})",
            "view": "{row}view",
            "tab": "{row}tab",
            "stretch": f"(SELECT started_at >> 22 {SESSION})",
        },
        {"sessions": "1", "seconds": "{row}seconds"},
        f"EXISTS (SELECT 1 {SESSION})",
    ),
)


def upgrade() -> None:
    """Make the table, add up what is there, and from now on."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _lose_row_numbers()
    where = sa.text("last_ping - started_at > 86400")
    op.create_index(
        "ix_user_session_long",
        "user_session",
        ["last_ping"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "user_sum",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("view", sa.String(length=512), nullable=False),
        sa.Column("tab", sa.String(length=512), nullable=False),
        sa.Column("stretch", WHOLE, autoincrement=False, nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("sessions", WHOLE, nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("username", "view", "tab", "stretch", "part", name=op.f("pk_user_sum")),
        sqlite_with_rowid=False,
    )
    parts = sa.text("part > 0")
    op.create_index("ix_user_sum_part", "user_sum", ["part"], sqlite_where=parts, postgresql_where=parts)
    for each in SUMS:
        op.execute(each.fill())
    first = deleted_first("view_time", "user_session", "session_id")
    for sql in (*triggers(dialect, SUMS), *first[dialect]):
        op.execute(sql)


def _lose_row_numbers() -> None:
    """Half the size, and one search for a row where there were two."""
    op.create_table(
        "view_time_new",
        sa.Column("session_id", WHOLE, nullable=False),
        sa.Column("view", sa.String(length=512), nullable=False),
        sa.Column("tab", sa.String(length=512), nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_view_time_not_negative")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["user_session.id"], name=op.f("fk_view_time_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "view", "tab", name=op.f("pk_view_time")),
        sqlite_with_rowid=False,
    )
    columns = "session_id, view, tab, seconds"
    op.execute(f"INSERT INTO view_time_new ({columns}) SELECT {columns} FROM view_time ORDER BY 1, 2, 3")
    op.drop_table("view_time")
    op.rename_table("view_time_new", "view_time")
