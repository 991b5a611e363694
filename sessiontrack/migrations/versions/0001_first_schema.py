"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(condition: str) -> dict[str, Any]:
    """What makes an index partial, on either engine."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """The first schema."""
    op.create_table(
        "device",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("owner", sa.String(length=255), server_default="", nullable=False),
        sa.Column("first_seen_at", WHOLE, nullable=False),
        sa.Column("last_seen_at", WHOLE, nullable=True),
        sa.CheckConstraint("length(mac) = 17", name=op.f("ck_device_mac_is_canonical")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("mac", name=op.f("uq_device_mac")),
    )
    op.create_table(
        "login_throttle",
        sa.Column("key", sa.String(length=320), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ends_at", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_throttle")),
    )
    op.create_index("ix_login_throttle_ends", "login_throttle", ["ends_at"])
    op.create_table(
        "user",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("disabled_at", WHOLE, nullable=True),
        sa.CheckConstraint("role IN ('admin', 'operator', 'viewer')", name=op.f("ck_user_known_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_table(
        "user_session",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("login_key", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("started_at", WHOLE, nullable=False),
        sa.Column("last_ping", WHOLE, nullable=False),
        sa.Column("last_visible_ping", WHOLE, nullable=True),
        sa.Column("last_view", sa.String(length=512), nullable=True),
        sa.Column("last_tab", sa.String(length=512), nullable=True),
        sa.Column("visible_seconds", WHOLE, server_default="0", nullable=False),
        sa.Column("credited_seconds", WHOLE, server_default="0", nullable=False),
        sa.Column("ended_at", WHOLE, nullable=True),
        sa.CheckConstraint("last_ping >= started_at", name=op.f("ck_user_session_ping_after_start")),
        sa.CheckConstraint(
            "visible_seconds BETWEEN 0 AND last_ping - started_at",
            name=op.f("ck_user_session_visible_within_session"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("public_id", name=op.f("uq_user_session_public_id")),
    )
    op.create_index("ix_user_session_last_ping", "user_session", ["last_ping"])
    op.create_index("ix_user_session_started", "user_session", ["started_at"])
    op.create_index("ix_user_session_username", "user_session", ["username", "started_at"])
    op.create_index(
        "uq_user_session_login", "user_session", ["login_key"], unique=True, **where("ended_at IS NULL")
    )
    op.create_table(
        "api_token",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", WHOLE, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("revoked_at", WHOLE, nullable=True),
        sa.CheckConstraint("role IN ('admin', 'operator', 'viewer')", name=op.f("ck_api_token_known_role")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_api_token_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_token_secret_hash")),
    )
    op.create_index("ix_api_token_user", "api_token", ["user_id"])
    op.create_index("uq_api_token_name", "api_token", ["name"], unique=True, **where("revoked_at IS NULL"))
    op.create_table(
        "device_session",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("connected_at", WHOLE, nullable=True),
        sa.Column("disconnected_at", WHOLE, nullable=True),
        sa.Column("still_connected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("ip_key", sa.String(length=33), server_default="", nullable=False),
        sa.Column("conn_type", sa.String(length=64), nullable=False),
        sa.Column("disc_type", sa.String(length=64), nullable=False),
        sa.Column("info", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column(
            "begin_at",
            WHOLE,
            sa.Computed("coalesce(connected_at, disconnected_at)", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "end_at",
            WHOLE,
            sa.Computed(
                "CASE WHEN still_connected THEN NULL ELSE coalesce(disconnected_at, connected_at) END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "NOT still_connected OR (connected_at IS NOT NULL AND disconnected_at IS NULL)",
            name=op.f("ck_device_session_open_has_start_only"),
        ),
        sa.CheckConstraint(
            "connected_at IS NOT NULL OR disconnected_at IS NOT NULL",
            name=op.f("ck_device_session_one_end_known"),
        ),
        sa.CheckConstraint("disconnected_at >= connected_at", name=op.f("ck_device_session_end_after_start")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_session_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_session")),
    )
    op.create_index("ix_device_session_begin", "device_session", ["begin_at"])
    op.create_index(
        "ix_device_session_begin_open", "device_session", ["begin_at"], **where("still_connected")
    )
    op.create_index("ix_device_session_device", "device_session", ["device_id", "begin_at"])
    op.create_index(
        "ix_device_session_long",
        "device_session",
        ["end_at", "begin_at"],
        **where("end_at - begin_at > 86400"),
    )
    op.create_index(
        "ix_device_session_missing",
        "device_session",
        ["end_at"],
        **where("(connected_at IS NULL OR (disconnected_at IS NULL AND NOT still_connected))"),
    )
    op.create_index(
        "ix_device_session_short",
        "device_session",
        ["begin_at", "end_at"],
        **where("end_at - begin_at <= 86400"),
    )
    op.create_index(
        "uq_device_session_open", "device_session", ["device_id"], unique=True, **where("still_connected")
    )
    op.create_index("uq_device_session_start", "device_session", ["device_id", "connected_at"], unique=True)
    op.create_table(
        "login",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", WHOLE, nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("expires_at", WHOLE, nullable=False),
        sa.Column("revoked_at", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_login_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login")),
    )
    op.create_index("ix_login_expires", "login", ["expires_at"])
    op.create_index("ix_login_user", "login", ["user_id"])
    op.create_table(
        "view_time",
        sa.Column("session_id", WHOLE, nullable=False),
        sa.Column("view", sa.String(length=512), nullable=False),
        sa.Column("tab", sa.String(length=512), nullable=False),
        sa.Column("seconds", WHOLE, nullable=False),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_view_time_not_negative")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["user_session.id"], name=op.f("fk_view_time_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "view", "tab", name=op.f("pk_view_time")),
    )
    op.create_table(
        "event",
        sa.Column("id", WHOLE, sa.Identity(always=False), nullable=False),
        sa.Column("device_id", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("ip", sa.String(length=45), server_default="", nullable=False),
        sa.Column("ip_key", sa.String(length=33), server_default="", nullable=False),
        sa.Column("info", sa.Text(), server_default="", nullable=False),
        sa.Column("session_id", WHOLE, nullable=True),
        sa.Column("voided", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("pending_alert", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_event_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["device_session.id"], name=op.f("fk_event_session_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_event_device", "event", ["device_id", "at"])
    op.create_index("ix_event_down", "event", ["at"], **where("NOT voided AND type = 'Device Down'"))
    op.create_index("ix_event_new", "event", ["at"], **where("NOT voided AND type = 'New Device'"))
    op.create_index("ix_event_session", "event", ["session_id"])
    op.create_index("ix_event_voided", "event", ["at"], **where("voided"))
    op.create_index(
        "uq_event_unvoided", "event", ["device_id", "at", "type"], unique=True, **where("NOT voided")
    )
