"""Which texts events and sessions of a device have, and how often, for searches through all of them."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import KeptSum
from sessiontrack.models.columns import EventType, Ip, Number, Reference, part_indexes

EVENT_TEXTS = "event"
SESSION_TEXTS = "device_session"


class TextCount(Base):
    """Kept by triggers of `event` and `device_session`: texts repeat themselves, so rows are few.

    type: as it is shown. end_type: that of a session's end; of an event "".
    """

    __tablename__ = "text_count"
    __table_args__ = (
        *part_indexes("text_count", "rows"),
        {"sqlite_with_rowid": False},
    )

    counted: Mapped[str] = mapped_column(String(32), primary_key=True)
    device_id: Mapped[Reference] = mapped_column(primary_key=True, autoincrement=False)
    ip: Mapped[Ip] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(128), primary_key=True)
    end_type: Mapped[EventType] = mapped_column(primary_key=True)
    info: Mapped[str] = mapped_column(Text, primary_key=True)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    rows: Mapped[Number]


def _texts(name: str, type_: str, end_type: str) -> KeptSum:
    keys = {"counted": f"'{name}'", "device_id": "{row}device_id", "ip": "{row}ip", "type": type_}
    return KeptSum(
        f"{name}_texts",
        name,
        "text_count",
        {**keys, "end_type": end_type, "info": "{row}info"},
        {"rows": "1"},
    )


TEXTS = (
    _texts(EVENT_TEXTS, "CASE WHEN {row}voided THEN 'VOIDED - ' || {row}type ELSE {row}type END", "''"),
    _texts(SESSION_TEXTS, "{row}conn_type", "{row}disc_type"),
)
