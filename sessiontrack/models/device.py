"""Something with a MAC address on the network."""

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from sessiontrack.db import Base
from sessiontrack.models.columns import Instant, Mac, Name, RowId


class Device(Base):
    """One row a device, whatever happened to it; `last_seen_at` is what scans saw, null where none did."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("mac"),
        CheckConstraint("length(mac) = 17", name="mac_is_canonical"),
    )

    id: Mapped[RowId]
    mac: Mapped[Mac]
    name: Mapped[Name]
    owner: Mapped[Name]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant | None]
