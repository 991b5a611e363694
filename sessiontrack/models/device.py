"""Something with a MAC address on the network."""

from sqlalchemy import CheckConstraint, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Instant, Mac, Name, RowId, Seconds


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
    vendor: Mapped[Name]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant | None]
    # Seconds that it may be missed without having left; null: as the settings say.
    grace_seconds: Mapped[Seconds | None]
    alert_down: Mapped[bool] = mapped_column(server_default=false())
    can_flap: Mapped[bool] = mapped_column(server_default=true())
    archived: Mapped[bool] = mapped_column(server_default=false())
    favourite: Mapped[bool] = mapped_column(server_default=false())
