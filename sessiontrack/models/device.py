"""A device: anything with a MAC address on the network."""

from sqlalchemy import CheckConstraint, String, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import GIVEN_ONCE, Instant, Mac, Name, RowId, Seconds


class Device(Base):
    """One row per device; `last_seen_at` is the last time a scan saw it, null if none did."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("mac"),
        CheckConstraint("length(mac) = 17", name="mac_is_canonical"),
        GIVEN_ONCE,
    )

    id: Mapped[RowId]
    mac: Mapped[Mac]
    name: Mapped[Name]
    owner: Mapped[Name]
    vendor: Mapped[Name]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant | None]
    # Its grace time in seconds; null: the setting's.
    grace_seconds: Mapped[Seconds | None]
    alert_down: Mapped[bool] = mapped_column(server_default=false())
    can_flap: Mapped[bool] = mapped_column(server_default=true())
    archived: Mapped[bool] = mapped_column(server_default=false())
    # A session of it was reported through the API: it has a `New Device`, however long ago it was seen first.
    announced: Mapped[bool] = mapped_column(server_default=false())
    favourite: Mapped[bool] = mapped_column(server_default=false())
    # One of values.device_types.TYPES, or "". Not named type: conditions of indexes on events have that name.
    kind: Mapped[str] = mapped_column(String(16), server_default="")
    # As values.tags joins them.
    tags: Mapped[str] = mapped_column(String(1024), server_default="")
    notes: Mapped[str] = mapped_column(String(1024), server_default="")
