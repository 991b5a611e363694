"""Additional MAC addresses of a device."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, SQLColumnExpression, func, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Base
from sessiontrack.models.columns import Mac, Reference
from sessiontrack.models.device import Device


class DeviceAlias(Base):
    """The address of a device that was merged into another one, which now owns its sightings.

    No device has such an address as its main address.
    """

    __tablename__ = "device_alias"
    __table_args__ = (
        CheckConstraint("length(mac) = 17", name="mac_is_canonical"),
        Index("ix_device_alias_device", "device_id"),
    )

    mac: Mapped[Mac] = mapped_column(primary_key=True)
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))


def device_with(mac: SQLColumnExpression[str]) -> ColumnElement[int]:
    """The id of the device with this main or additional address; null if there is none."""
    own = select(Device.id).where(Device.mac == mac).scalar_subquery()
    merged = select(DeviceAlias.device_id).where(DeviceAlias.mac == mac).scalar_subquery()
    return func.coalesce(own, merged)
