"""The receivers of webhooks, and the outbox of deliveries."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import GIVEN_ONCE, EventType, Instant, Reference, RowId, partial_index

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"


class Webhook(Base):
    """A receiver. The holder of the claim delivers to it; until `resting_until` no one does."""

    __tablename__ = "webhook"
    __table_args__ = (UniqueConstraint("name"), GIVEN_ONCE)

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(String(2048))
    # The signing key; only the query of the sender reads it.
    secret: Mapped[str] = mapped_column(String(128))
    # One of values/webhook_formats.py.
    format: Mapped[str] = mapped_column(String(16), server_default="json")
    # As values.tags joins them: of devices, only those with one of these; empty: all.
    tags: Mapped[str] = mapped_column(String(1024), server_default="")
    # Quiet hours, in minutes of the day in site time; both or neither. They may span midnight.
    quiet_from: Mapped[int | None]
    quiet_to: Mapped[int | None]
    created_at: Mapped[Instant]
    claimed_by: Mapped[str] = mapped_column(String(32), server_default="")
    claimed_until: Mapped[Instant] = mapped_column(server_default="0")
    # Consecutive attempts that failed because of the receiver.
    failures: Mapped[int] = mapped_column(server_default="0")
    resting_until: Mapped[Instant] = mapped_column(server_default="0")
    last_delivered_at: Mapped[Instant | None]
    last_error: Mapped[str] = mapped_column(Text, server_default="")
    # Deliveries dropped because the outbox was full.
    dropped: Mapped[int] = mapped_column(server_default="0")


class WebhookEvent(Base):
    """A type of event that a receiver subscribes to."""

    __tablename__ = "webhook_event"

    webhook_id: Mapped[Reference] = mapped_column(
        ForeignKey("webhook.id", ondelete="CASCADE"), primary_key=True
    )
    type: Mapped[EventType] = mapped_column(primary_key=True)


class WebhookDelivery(Base):
    """One delivery to a receiver: pending, delivered or dead."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("public_id"),
        CheckConstraint("state IN ('pending', 'delivered', 'dead')", name="known_state"),
        CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished_when_over"),
        partial_index("ix_webhook_delivery_pending", "webhook_id", "due_at", where="state = 'pending'"),
        partial_index("ix_webhook_delivery_over", "state", "finished_at", where="state <> 'pending'"),
        Index("ix_webhook_delivery_webhook", "webhook_id"),
    )

    id: Mapped[RowId]
    # The same at each attempt, so that a receiver can discard duplicates.
    public_id: Mapped[str] = mapped_column(String(36))
    webhook_id: Mapped[Reference] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    type: Mapped[EventType]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Instant]
    state: Mapped[str] = mapped_column(String(16), server_default=PENDING)
    due_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(Text, server_default="")
    finished_at: Mapped[Instant | None]


class FlappingDevice(Base):
    """A device reported as flapping; receivers get no further reports about it until it stops."""

    __tablename__ = "flapping_device"

    device_id: Mapped[Reference] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True
    )
    since_at: Mapped[Instant]
    # Whether it went down or came back meanwhile: then its last state is reported when it stops.
    withheld: Mapped[bool] = mapped_column(server_default=false())
