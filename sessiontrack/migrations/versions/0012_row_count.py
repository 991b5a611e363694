"""How many sessions there are, by stretches of time, kept by triggers; on SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTED = {"device_session": "begin_at", "user_session": "started_at"}


def upgrade() -> None:
    """Make the table; on SQLite, count what is there, and from now on."""
    op.create_table(
        "row_count",
        sa.Column("counted", sa.String(length=32), nullable=False),
        sa.Column("stretch", WHOLE, autoincrement=False, nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_row_count_not_negative")),
        sa.PrimaryKeyConstraint("counted", "stretch", name=op.f("pk_row_count")),
    )
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, column in COUNTED.items():
        op.execute(
            f"INSERT INTO row_count (counted, stretch, rows) SELECT '{table}', {column} >> 17, count(*)"
            f" FROM {table} WHERE {column} IS NOT NULL GROUP BY 2"
        )
        added = (
            f"INSERT INTO row_count (counted, stretch, rows) VALUES ('{table}', NEW.{column} >> 17, 1)"
            " ON CONFLICT (counted, stretch) DO UPDATE SET rows = rows + 1;"
        )
        gone = (
            f"UPDATE row_count SET rows = rows - 1 WHERE counted = '{table}'"
            f" AND stretch = OLD.{column} >> 17;"
        )
        begin = f"CREATE TRIGGER count_{table}"
        op.execute(f"{begin}_added AFTER INSERT ON {table} WHEN NEW.{column} IS NOT NULL BEGIN {added} END")
        op.execute(f"{begin}_gone AFTER DELETE ON {table} BEGIN {gone} END")
        moved = f"(OLD.{column} >> 17) IS NOT (NEW.{column} >> 17)"
        op.execute(f"{begin}_left AFTER UPDATE ON {table} WHEN {moved} BEGIN {gone} END")
        op.execute(
            f"{begin}_came AFTER UPDATE ON {table} WHEN {moved} AND NEW.{column} IS NOT NULL"
            f" BEGIN {added} END"
        )
