"""What the history of devices needs beside sessions, events and evidence."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import EventType, Instant, Ip, Number, Reference, RowId, Seconds


class CoveredSession(Base):
    """A derived session that is settled, as it was before a reported one took some of its time.

    Where that time is free again, it is derived from here: its evidence is forgotten.
    """

    __tablename__ = "covered_session"
    __table_args__ = (
        CheckConstraint("connected_at IS NOT NULL OR disconnected_at IS NOT NULL", name="one_end_known"),
        Index("ix_covered_session_device", "device_id"),
    )

    id: Mapped[RowId]
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    connected_at: Mapped[Instant | None]
    disconnected_at: Mapped[Instant | None]
    ip: Mapped[Ip]
    conn_type: Mapped[EventType]
    disc_type: Mapped[EventType]
    info: Mapped[str] = mapped_column(Text, server_default="")


class EarlierReport(Base):
    """What was reported of a session while it was open, where the report that closed it said otherwise."""

    __tablename__ = "earlier_report"

    session_id: Mapped[Reference] = mapped_column(
        ForeignKey("device_session.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    ip: Mapped[Ip]
    conn_type: Mapped[EventType]
    disc_type: Mapped[EventType]


class UnderivedDevice(Base):
    """A device whose history could not be derived: it is left as it was."""

    __tablename__ = "underived_device"

    device_id: Mapped[Reference] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    since_at: Mapped[Instant]
    error: Mapped[str] = mapped_column(Text)


class SetAside(Base):
    """What came of an instant that lay ahead of the clock once that was right: kept, and no part of anything.

    what: a scan, a sighting, a word of a source, or a reported session; `details` are its columns as JSON.
    """

    __tablename__ = "set_aside"
    __table_args__ = (Index("ix_set_aside_at", "at"),)

    id: Mapped[RowId]
    what: Mapped[str] = mapped_column(String(16))
    at: Mapped[Instant]
    source: Mapped[str | None] = mapped_column(String(64))
    mac: Mapped[str | None] = mapped_column(String(17))
    details: Mapped[str] = mapped_column(Text, server_default="")
    set_aside_at: Mapped[Instant]


class DerivedBy(Base):
    """The settings by which everything is derived; without a row, all is derived anew at the next start."""

    __tablename__ = "derived_by"

    id: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    grace_seconds: Mapped[Seconds | None]
    least_percent: Mapped[Number | None]
