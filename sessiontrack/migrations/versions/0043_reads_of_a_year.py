"""An index for timelines, and how many devices come and go in each quarter of an hour."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, triggers

revision = "0043"
down_revision = "0042"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEX = "ix_device_session_device"
SECONDS = 900


def quarter(column: str) -> str:
    """The number of the quarter at whose end an instant is over."""
    return f"({{row}}{column} + {SECONDS - 1}) / {SECONDS}"


CROSSES = f"({{row}}end_at IS NULL OR {quarter('begin_at')} <> {quarter('end_at')})"


def changes(name: str, ended: str, column: str, condition: str) -> KeptSum:
    """The beginnings or the ends of sessions."""
    keys = {"quarter": quarter(column), "ended": ended}
    return KeptSum(f"presence_{name}", "device_session", "presence_change", keys, {"rows": "1"}, condition)


CHANGES = (
    changes("begin", "0", "begin_at", CROSSES),
    changes("end", "1", "end_at", f"{{row}}end_at IS NOT NULL AND {CROSSES}"),
)


def upgrade() -> None:
    """Make the index of a device's sessions anew, with their ends; count what is there, and from now on."""
    op.drop_index(INDEX, "device_session")
    op.create_index(INDEX, "device_session", ["device_id", "begin_at", "id", "end_at"])
    op.create_table(
        "presence_change",
        sa.Column("quarter", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ended", WHOLE, autoincrement=False, nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("quarter", "ended", "part", name=op.f("pk_presence_change")),
        sqlite_with_rowid=False,
    )
    parts = sa.text("part > 0")
    op.create_index(
        "ix_presence_change_part", "presence_change", ["part"], sqlite_where=parts, postgresql_where=parts
    )
    for each in CHANGES:
        op.execute(each.fill())
    for sql in triggers(op.get_bind().dialect.name, CHANGES):
        op.execute(sql)
