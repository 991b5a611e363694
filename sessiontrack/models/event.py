"""An event of a device at an instant."""

from sqlalchemy import ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import (
    GIVEN_ONCE,
    EventType,
    Instant,
    Ip,
    IpKey,
    Reference,
    RowId,
    partial_index,
)

IS_VOIDED = "voided"
IS_NEW = "NOT voided AND type = 'New Device'"
IS_DOWN = "NOT voided AND type = 'Device Down'"


class Event(Base):
    """A voided event stays and is shown as `VOIDED - <type>`; among events not voided, each is unique."""

    __tablename__ = "event"
    __table_args__ = (
        partial_index("uq_event_unvoided", "device_id", "at", "type", where="NOT voided", unique=True),
        Index("ix_event_at", "at"),
        Index("ix_event_device", "device_id", "at"),
        Index("ix_event_session", "session_id"),
        partial_index("ix_event_voided", "at", where=IS_VOIDED),
        partial_index("ix_event_new", "at", where=IS_NEW),
        partial_index("ix_event_down", "at", where=IS_DOWN),
        GIVEN_ONCE,
    )

    id: Mapped[RowId]
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    at: Mapped[Instant]
    type: Mapped[EventType]
    ip: Mapped[Ip]
    ip_key: Mapped[IpKey]
    info: Mapped[str] = mapped_column(Text, server_default="")
    # The source whose evidence it was derived from, which may void it; null if it was reported directly.
    source: Mapped[str | None] = mapped_column(String(64))
    # The session that starts or ends with this event.
    session_id: Mapped[Reference | None] = mapped_column(ForeignKey("device_session.id", ondelete="SET NULL"))
    voided: Mapped[bool] = mapped_column(server_default=false())
    # seen (void_source saw the device at void_cause_at), evidence, deleted, merged or repaired; "" if
    # unknown.
    void_cause: Mapped[str] = mapped_column(String(16), server_default="")
    void_cause_at: Mapped[Instant | None]
    void_source: Mapped[str | None] = mapped_column(String(64))
    pending_alert: Mapped[bool] = mapped_column(server_default=false())
