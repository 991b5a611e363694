"""What the history of devices needs beside sessions, events and evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; `New Device` is derived from now on, and all is derived anew at the next start."""
    op.add_column("device", sa.Column("announced", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE device SET announced = true WHERE EXISTS (SELECT 1 FROM event e WHERE e.device_id = device.id"
        " AND e.type = 'New Device' AND e.source IS NULL)"
    )
    # From now on it is derived, and stands where the device was seen first.
    op.execute(
        "UPDATE event SET source = 'presence' WHERE type = 'New Device' AND NOT voided AND source IS NULL"
    )
    op.execute(
        "UPDATE event SET at = (SELECT d.first_seen_at FROM device d WHERE d.id = event.device_id)"
        " WHERE type = 'New Device' AND NOT voided AND (SELECT count(*) FROM event o"
        " WHERE o.device_id = event.device_id AND o.type = 'New Device' AND NOT o.voided) = 1"
        " AND at > (SELECT d.first_seen_at FROM device d WHERE d.id = event.device_id)"
    )
    op.add_column("source", sa.Column("forgotten_at", WHOLE, nullable=True))
    op.add_column("device_evidence", sa.Column("arrival", WHOLE, nullable=True))
    op.create_table(
        "covered_session",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("connected_at", WHOLE, nullable=True),
        sa.Column("disconnected_at", WHOLE, nullable=True),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("conn_type", sa.String(length=64), nullable=False),
        sa.Column("disc_type", sa.String(length=64), nullable=False),
        sa.Column("info", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "connected_at IS NOT NULL OR disconnected_at IS NOT NULL",
            name=op.f("ck_covered_session_one_end_known"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_covered_session_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_covered_session")),
    )
    op.create_index("ix_covered_session_device", "covered_session", ["device_id"])
    op.create_table(
        "earlier_report",
        sa.Column("session_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("conn_type", sa.String(length=64), nullable=False),
        sa.Column("disc_type", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["device_session.id"],
            name=op.f("fk_earlier_report_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_earlier_report")),
    )
    op.create_table(
        "underived_device",
        sa.Column("device_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("since_at", WHOLE, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_underived_device_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_underived_device")),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("mac", sa.String(length=17), nullable=True),
        sa.Column("details", sa.Text(), server_default="", nullable=False),
        sa.Column("set_aside_at", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside")),
    )
    op.create_index("ix_set_aside_at", "set_aside", ["at"])
    op.create_table(
        "derived_by",
        sa.Column("id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("grace_seconds", WHOLE, nullable=True),
        sa.Column("least_percent", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_derived_by")),
    )
