"""One stretch of time in which a device was connected."""

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, Text, column, false, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import EventType, Instant, Ip, IpKey, Reference, RowId, partial_index

# The conditions of the partial indexes. A query says them in the same words, or the index is not used.
SHORT_SECONDS = 86400
MIDDLE_SECONDS = 32 * 86400
IS_SHORT = f"end_at - begin_at <= {SHORT_SECONDS}"
# Longer than a short one: all of them, and those of up to 32 days apart from the longest.
IS_LONG = f"end_at - begin_at > {SHORT_SECONDS}"
IS_MIDDLE = f"end_at - begin_at BETWEEN {SHORT_SECONDS + 1} AND {MIDDLE_SECONDS}"
IS_LONGEST = f"end_at - begin_at > {MIDDLE_SECONDS}"
IS_OPEN = "still_connected"
# Where it has several writers, the engine itself forbids it; looked at when a transaction commits, so that
# sessions may be moved one after another. What is only an instant overlaps nothing.
NO_OVERLAP = ExcludeConstraint(
    (column("device_id"), "="),
    (text("int8range(begin_at, end_at)"), "&&"),
    using="gist",
    name="ex_device_session_overlap",
    deferrable=True,
    initially="DEFERRED",
).ddl_if(dialect="postgresql")
IS_MISSING = "(connected_at IS NULL OR (disconnected_at IS NULL AND NOT still_connected))"


class DeviceSession(Base):
    """connected_at or disconnected_at is null where that event is missing, or while it is still connected.

    begin_at and end_at are what is known of the two ends: a missing one is judged by the other, and an
    open session has no end_at. "Which sessions overlap this window?" is four questions, each with an
    index of its own: short sessions begin at most a day before it, middle ones at most 32 days before it;
    the longest ones and open ones are few. A single index over all of them reads up to half the table. For
    a window that lasts until now, an index of all long ones by their ends leads to the same sooner.
    """

    __tablename__ = "device_session"
    __table_args__ = (
        CheckConstraint("disconnected_at >= connected_at", name="end_after_start"),
        CheckConstraint("connected_at IS NOT NULL OR disconnected_at IS NOT NULL", name="one_end_known"),
        CheckConstraint(
            "NOT still_connected OR (connected_at IS NOT NULL AND disconnected_at IS NULL)",
            name="open_has_start_only",
        ),
        NO_OVERLAP,
        partial_index("uq_device_session_open", "device_id", where=IS_OPEN, unique=True),
        Index("uq_device_session_start", "device_id", "connected_at", unique=True),
        Index("ix_device_session_device", "device_id", "begin_at"),
        Index("ix_device_session_begin", "begin_at"),
        partial_index("ix_device_session_short", "begin_at", "end_at", where=IS_SHORT),
        partial_index("ix_device_session_long", "end_at", "begin_at", where=IS_LONG),
        partial_index("ix_device_session_middle", "begin_at", "end_at", where=IS_MIDDLE),
        partial_index("ix_device_session_longest", "end_at", "begin_at", where=IS_LONGEST),
        partial_index("ix_device_session_begin_open", "begin_at", where=IS_OPEN),
        partial_index("ix_device_session_missing", "end_at", where=IS_MISSING),
    )

    id: Mapped[RowId]
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    connected_at: Mapped[Instant | None]
    disconnected_at: Mapped[Instant | None]
    still_connected: Mapped[bool] = mapped_column(server_default=false())
    ip: Mapped[Ip]
    ip_key: Mapped[IpKey]
    conn_type: Mapped[EventType]
    disc_type: Mapped[EventType]
    info: Mapped[str] = mapped_column(Text, server_default="")
    # "presence": derived from evidence, and so changed by it; null: told, through the API or an import.
    source: Mapped[str | None] = mapped_column(String(64))
    begin_at: Mapped[Instant] = mapped_column(
        Computed("coalesce(connected_at, disconnected_at)", persisted=True)
    )
    end_at: Mapped[Instant | None] = mapped_column(
        Computed(
            "CASE WHEN still_connected THEN NULL ELSE coalesce(disconnected_at, connected_at) END",
            persisted=True,
        )
    )
