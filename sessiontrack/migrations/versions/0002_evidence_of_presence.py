"""Evidence of presence."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(condition: str) -> dict[str, Any]:
    """What makes an index partial, on either engine."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Evidence of presence."""
    op.create_table(
        "source",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("pruned_at", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "device_evidence",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("source_id", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("info", sa.String(length=255), server_default="", nullable=False),
        sa.Column("judged", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("since_at", WHOLE, nullable=True),
        sa.CheckConstraint(
            "kind IN ('seen', 'connected', 'disconnected')", name=op.f("ck_device_evidence_known_kind")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_evidence_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_device_evidence_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_evidence")),
        sa.UniqueConstraint(
            "device_id",
            "source_id",
            "at",
            "kind",
            name=op.f("uq_device_evidence_device_id_source_id_at_kind"),
        ),
    )
    op.create_index("ix_device_evidence_source", "device_evidence", ["source_id", "at"])
    op.create_table(
        "scan",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("source_id", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_scan_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan")),
        sa.UniqueConstraint("source_id", "at", name=op.f("uq_scan_source_id_at")),
    )
    op.create_index("ix_scan_trusted", "scan", ["source_id", "at"], **where("trusted"))
    op.create_table(
        "sighting_run",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("source_id", WHOLE, nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("first_at", WHOLE, nullable=False),
        sa.Column("last_at", WHOLE, nullable=True),
        sa.Column("judged", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("last_at >= first_at", name=op.f("ck_sighting_run_last_after_first")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_sighting_run_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_sighting_run_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sighting_run")),
    )
    op.create_index("ix_sighting_run_device", "sighting_run", ["device_id"])
    op.create_index("ix_sighting_run_source", "sighting_run", ["source_id", "first_at"])
    op.create_index(
        "uq_sighting_run_first",
        "sighting_run",
        ["device_id", "source_id", "first_at"],
        unique=True,
        **where("NOT settled AND ip <> '-'"),
    )
    op.create_index(
        "ix_sighting_run_unjudged",
        "sighting_run",
        ["source_id", "last_at"],
        **where("last_at IS NOT NULL AND NOT judged"),
    )
    op.create_index(
        "uq_sighting_run_going_on",
        "sighting_run",
        ["source_id", "device_id"],
        unique=True,
        **where("last_at IS NULL"),
    )
    op.add_column("event", sa.Column("source", sa.String(length=64), nullable=True))
    op.add_column("device", sa.Column("vendor", sa.String(length=255), server_default="", nullable=False))
    op.add_column("device", sa.Column("grace_seconds", WHOLE, nullable=True))
    op.add_column("device", sa.Column("alert_down", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("device", sa.Column("can_flap", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("device", sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("device", sa.Column("favourite", sa.Boolean(), server_default=sa.false(), nullable=False))
