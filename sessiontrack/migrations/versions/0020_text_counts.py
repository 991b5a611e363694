"""Which texts events and sessions of a device have, and how often."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.database.kept_sums import KeptSum, triggers

revision = "0020"
down_revision = "0019"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def texts(name: str, type_: str, end_type: str) -> KeptSum:
    """Those of one table."""
    keys = {"counted": f"'{name}'", "device_id": "{row}device_id", "ip": "{row}ip", "type": type_}
    keys |= {"end_type": end_type, "info": "{row}info"}
    return KeptSum(f"{name}_texts", name, "text_count", keys, {"rows": "1"})


TEXTS = (
    texts("event", "CASE WHEN {row}voided THEN 'VOIDED - ' || {row}type ELSE {row}type END", "''"),
    texts("device_session", "{row}conn_type", "{row}disc_type"),
)


def upgrade() -> None:
    """Make the table, count what is there, and from now on."""
    op.create_table(
        "text_count",
        sa.Column("counted", sa.String(length=32), nullable=False),
        sa.Column("device_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("end_type", sa.String(length=64), nullable=False),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("part", WHOLE, autoincrement=False, server_default="0", nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint(
            "counted", "device_id", "ip", "type", "end_type", "info", "part", name=op.f("pk_text_count")
        ),
        sqlite_with_rowid=False,
    )
    parts = sa.text("part > 0")
    op.create_index("ix_text_count_part", "text_count", ["part"], sqlite_where=parts, postgresql_where=parts)
    for each in TEXTS:
        op.execute(each.fill())
    for sql in triggers(op.get_bind().dialect.name, TEXTS):
        op.execute(sql)
