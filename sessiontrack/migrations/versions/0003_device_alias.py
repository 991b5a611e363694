"""Further MAC addresses of a device."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Further MAC addresses of a device."""
    op.create_table(
        "device_alias",
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.CheckConstraint("length(mac) = 17", name=op.f("ck_device_alias_mac_is_canonical")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_alias_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_device_alias")),
    )
    op.create_index("ix_device_alias_device", "device_alias", ["device_id"])
