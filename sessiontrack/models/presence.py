"""The evidence for device sessions: scans, sightings, and reports about single devices."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Instant, Ip, Number, Reference, RowId, partial_index

# Excludes marks that the device was known, and scans that only remembered it.
IS_SIGHTING = "NOT settled AND ip <> '-'"


class Source(Base):
    """A source of evidence: a scanner, a DHCP server, an access point."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(64))
    # When the old evidence of this source was last removed.
    pruned_at: Mapped[Instant | None]
    # Its last look when it was archived; a later one takes it out of the archive.
    archived_look: Mapped[Instant | None]
    # Its last look before a silence that webhooks were notified of.
    told_look: Mapped[Instant | None]
    # Its last word of a device that was deleted since.
    heard_at: Mapped[Instant | None]


class Scan(Base):
    """One scan of a whole network segment; only `trusted` scans are evidence of absence."""

    __tablename__ = "scan"
    __table_args__ = (
        UniqueConstraint("source_id", "at"),
        partial_index("ix_scan_trusted", "source_id", "at", where="trusted"),
    )

    id: Mapped[RowId]
    source_id: Mapped[Reference] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    at: Mapped[Instant]
    seen_count: Mapped[int]
    trusted: Mapped[bool]


class SightingRun(Base):
    """A device that every complete scan of a source saw with the same address, from first_at to last_at.

    last_at is null while the source's latest scan saw the device: an unchanged device causes no write.
    judged: a scan after last_at has already decided whether the device left then.
    """

    __tablename__ = "sighting_run"
    __table_args__ = (
        partial_index(
            "uq_sighting_run_first", "device_id", "source_id", "first_at", where=IS_SIGHTING, unique=True
        ),
        Index("ix_sighting_run_device", "device_id"),
        CheckConstraint("last_at >= first_at", name="last_after_first"),
        partial_index(
            "uq_sighting_run_going_on", "source_id", "device_id", where="last_at IS NULL", unique=True
        ),
        partial_index(
            "ix_sighting_run_unjudged", "source_id", "last_at", where="last_at IS NOT NULL AND NOT judged"
        ),
        Index("ix_sighting_run_source", "source_id", "first_at"),
    )

    id: Mapped[RowId]
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    source_id: Mapped[Reference] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    ip: Mapped[Ip]
    first_at: Mapped[Instant]
    last_at: Mapped[Instant | None]
    judged: Mapped[bool] = mapped_column(server_default=false())
    # Ended before anything that is still accepted; kept as a mark that the device was known.
    settled: Mapped[bool] = mapped_column(server_default=false())


class DeviceEvidence(Base):
    """A source's report about one device at an instant: seen, connected or disconnected."""

    __tablename__ = "device_evidence"
    __table_args__ = (
        UniqueConstraint("device_id", "source_id", "at", "kind", "mac"),
        CheckConstraint("kind IN ('seen', 'connected', 'disconnected')", name="known_kind"),
        Index("ix_device_evidence_source", "source_id", "at"),
    )

    id: Mapped[RowId]
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    source_id: Mapped[Reference] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    at: Mapped[Instant]
    kind: Mapped[str] = mapped_column(String(16))
    ip: Mapped[Ip]
    info: Mapped[str] = mapped_column(String(255), server_default="")
    # The order of arrival among reports without an instant, in one second; null if the source named it.
    arrival: Mapped[Number | None]
    # A later scan has already decided whether the device left.
    judged: Mapped[bool] = mapped_column(server_default=false())
    settled: Mapped[bool] = mapped_column(server_default=false())
    # The oldest of the reports that this row replaces.
    since_at: Mapped[Instant | None]
    # The further address of the device that it is about; empty: the device's own; "*": nobody knows which.
    mac: Mapped[str] = mapped_column(String(17), server_default="")
