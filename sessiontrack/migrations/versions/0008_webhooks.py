"""Webhooks and their outbox."""

from ipaddress import ip_network
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(condition: str) -> dict[str, Any]:
    """What makes an index partial, on either engine."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Webhooks and their outbox."""
    op.create_table(
        "webhook",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("lease", sa.String(length=32), server_default="", nullable=False),
        sa.Column("leased_until", WHOLE, server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resting_until", WHOLE, server_default="0", nullable=False),
        sa.Column("last_delivered_at", WHOLE, nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("dropped", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_name")),
    )
    op.create_table(
        "flapping_device",
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("since_at", WHOLE, nullable=False),
        sa.Column("withheld", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_flapping_device_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_flapping_device")),
    )
    op.create_table(
        "login_address",
        sa.Column("user_id", WHOLE, nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("first_at", WHOLE, nullable=False),
        sa.Column("last_at", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_login_address_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "address", name=op.f("pk_login_address")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("webhook_id", WHOLE, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("due_at", WHOLE, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("finished_at", WHOLE, nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (finished_at IS NULL)", name=op.f("ck_webhook_delivery_finished_when_over")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'dead')", name=op.f("ck_webhook_delivery_known_state")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_delivery_public_id")),
    )
    op.create_index(
        "ix_webhook_delivery_over",
        "webhook_delivery",
        ["state", "finished_at"],
        **where("state <> 'pending'"),
    )
    op.create_index(
        "ix_webhook_delivery_pending",
        "webhook_delivery",
        ["webhook_id", "due_at"],
        **where("state = 'pending'"),
    )
    op.create_index("ix_webhook_delivery_webhook", "webhook_delivery", ["webhook_id"])

    op.create_table(
        "webhook_event",
        sa.Column("webhook_id", WHOLE, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_event_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "type", name=op.f("pk_webhook_event")),
    )
    _know_where_logins_came_from()


def _know_where_logins_came_from() -> None:
    """So that after an upgrade nobody's usual address is taken for a new one."""
    connection = op.get_bind()
    found: dict[tuple[int, str], list[int]] = {}
    for user_id, address, at in connection.execute(sa.text("SELECT user_id, address, created_at FROM login")):
        try:
            network = ip_network(f"{address}/64" if ":" in address else address, strict=False)
        except ValueError:
            continue
        found.setdefault((user_id, str(network).removesuffix("/32")), []).append(at)
    insert = sa.text(
        "INSERT INTO login_address (user_id, address, first_at, last_at)"
        " VALUES (:user_id, :address, :first, :last)"
    )
    for (user_id, address), instants in found.items():
        values = {"user_id": user_id, "address": address, "first": min(instants), "last": max(instants)}
        connection.execute(insert, values)
