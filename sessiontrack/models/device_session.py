"""A period in which a device was connected."""

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, Text, column, false, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
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

# The `source` of derived sessions and events; all others were reported.
DERIVED = "presence"
# Conditions of the partial indexes. A query must repeat them word for word to use the index.
SHORT_SECONDS = 86400
MIDDLE_SECONDS = 32 * 86400
IS_SHORT = f"end_at - begin_at <= {SHORT_SECONDS}"
# All sessions that are not short; below, those of up to 32 days and the longer ones.
IS_LONG = f"end_at - begin_at > {SHORT_SECONDS}"
IS_MIDDLE = f"end_at - begin_at BETWEEN {SHORT_SECONDS + 1} AND {MIDDLE_SECONDS}"
IS_LONGEST = f"end_at - begin_at > {MIDDLE_SECONDS}"
IS_OPEN = "still_connected"
# On PostgreSQL, with several writers, a constraint forbids overlaps. It is checked at the commit, so that
# sessions can be moved one after another. An instant overlaps nothing.
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
    """connected_at or disconnected_at is null if that event is missing, or while the session is open.

    begin_at and end_at are the known ends: a missing end takes the value of the other one, and an open
    session has no end_at. "Which sessions overlap this window?" is four queries, each with its own index:
    short sessions begin at most a day before the window, middle ones at most 32 days; the longest and the
    open ones are few. A single index over all of them reads up to half the table. For a window that lasts
    until now, an index of all long sessions by their end is faster.
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
        # By id, for the order of lists; end_at, so that the timeline reads no rows.
        Index("ix_device_session_device", "device_id", "begin_at", "id", "end_at"),
        Index("ix_device_session_begin", "begin_at"),
        partial_index("ix_device_session_short", "begin_at", "end_at", where=IS_SHORT),
        partial_index("ix_device_session_long", "end_at", "begin_at", where=IS_LONG),
        partial_index("ix_device_session_middle", "begin_at", "end_at", where=IS_MIDDLE),
        partial_index("ix_device_session_longest", "end_at", "begin_at", where=IS_LONGEST),
        partial_index("ix_device_session_begin_open", "begin_at", where=IS_OPEN),
        partial_index("ix_device_session_missing", "end_at", where=IS_MISSING),
        GIVEN_ONCE,
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
    # DERIVED, or null: reported, through the API or an import.
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
