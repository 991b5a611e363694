"""Which address of a device a source spoke of; of devices that are merged already, that is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ("device_id", "source_id", "at", "kind", "mac")
UNIQUE = "uq_device_evidence_device_id_source_id_at_kind_mac"


def upgrade() -> None:
    """Add the column, also to what is unique: SQLite changes that in a new table only."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        op.add_column(
            "device_evidence", sa.Column("mac", sa.String(length=17), server_default="", nullable=False)
        )
        op.drop_constraint("uq_device_evidence_device_id_source_id_at_kind", "device_evidence")
        op.create_unique_constraint(UNIQUE, "device_evidence", KEY)
    op.execute(
        "UPDATE device_evidence SET mac = '*' WHERE device_id IN (SELECT device_id FROM device_alias)"
        " AND NOT settled"
    )
    # By the next start: what was said beside a sighting is kept with the session that begins there.
    op.execute("UPDATE derived_by SET grace_seconds = NULL")


def _rebuild() -> None:
    op.create_table(
        "device_evidence_new",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("source_id", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("info", sa.String(length=255), server_default="", nullable=False),
        sa.Column("judged", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("since_at", WHOLE, nullable=True),
        sa.Column("arrival", WHOLE, nullable=True),
        sa.Column("mac", sa.String(length=17), server_default="", nullable=False),
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
        sa.UniqueConstraint(*KEY, name=op.f(UNIQUE)),
    )
    names = "id, device_id, source_id, at, kind, ip, info, judged, settled, since_at, arrival"
    op.execute(f"INSERT INTO device_evidence_new ({names}) SELECT {names} FROM device_evidence ORDER BY id")
    op.drop_table("device_evidence")
    op.rename_table("device_evidence_new", "device_evidence")
    op.create_index("ix_device_evidence_source", "device_evidence", ["source_id", "at"])
