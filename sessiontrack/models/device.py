"""A device: anything with a MAC address on the network."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DefaultClause,
    String,
    True_,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import GIVEN_ONCE, Instant, Mac, Name, RowId, Seconds
from sessiontrack.values.records import DeviceProperty


class Device(Base):
    """One row per device; `last_seen_at` is when another tool last saw it, by an import; null without one."""

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
    alert_down: Mapped[bool] = mapped_column(server_default=false())
    can_flap: Mapped[bool] = mapped_column(server_default=true())
    archived: Mapped[bool] = mapped_column(server_default=false())
    favourite: Mapped[bool] = mapped_column(server_default=false())
    # Its grace time in seconds; null: the setting's.
    grace_seconds: Mapped[Seconds | None]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant | None]
    # One of values.device_types.TYPES, or "". Not named type: conditions of indexes on events have that name.
    kind: Mapped[str] = mapped_column(String(16), server_default="", info={"file_name": "type"})
    # As values.tags joins them.
    tags: Mapped[str] = mapped_column(String(1024), server_default="")
    notes: Mapped[str] = mapped_column(String(1024), server_default="", info={"most": 1000})
    # A session of it was reported through the API: it has a `New Device`, however long ago it was seen first.
    announced: Mapped[bool] = mapped_column(server_default=false())


_RECORDED = ("id", "mac", "first_seen_at", "last_seen_at", "announced")


def _property(column: Column[Any]) -> DeviceProperty:
    file_name = column.info.get("file_name", column.name)
    if isinstance(column.type, String):
        return DeviceProperty(column.name, file_name, "", column.info.get("most", column.type.length or 0))
    if isinstance(column.type, Boolean):
        default = column.server_default
        is_set = isinstance(default, DefaultClause) and isinstance(default.arg, True_)
        return DeviceProperty(column.name, file_name, is_set)
    return DeviceProperty(column.name, file_name, None)


# What users maintain. Answers, searches, exports, imports and merges take it from here: a column that is
# added above is in all of them.
_COLUMNS = Device.metadata.tables[Device.__tablename__].columns
PROPERTIES = tuple(_property(each) for each in _COLUMNS if each.name not in _RECORDED)
TEXTS = tuple(each for each in PROPERTIES if each.unset == "")
