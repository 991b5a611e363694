"""The further MAC addresses of a device."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, SQLColumnExpression, func, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Base
from sessiontrack.models.columns import Mac, Reference
from sessiontrack.models.device import Device


class DeviceAlias(Base):
    """An address whose device was merged into another one: what is seen of it counts for that one.

    No device has such an address as its own.
    """

    __tablename__ = "device_alias"
    __table_args__ = (
        CheckConstraint("length(mac) = 17", name="mac_is_canonical"),
        Index("ix_device_alias_device", "device_id"),
    )

    mac: Mapped[Mac] = mapped_column(primary_key=True)
    device_id: Mapped[Reference] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))


def device_with(mac: SQLColumnExpression[str]) -> ColumnElement[int]:
    """The id of the device that has this address, as its own or as a further one; null where none has."""
    own = select(Device.id).where(Device.mac == mac).scalar_subquery()
    merged = select(DeviceAlias.device_id).where(DeviceAlias.mac == mac).scalar_subquery()
    return func.coalesce(own, merged)
