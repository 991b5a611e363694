"""Row counts of lists by period, so that lists need not count row by row."""

import re

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import KeptSum
from sessiontrack.models.columns import Number, part_indexes
from sessiontrack.models.device_session import IS_MISSING
from sessiontrack.models.event import IS_DOWN, IS_NEW, IS_VOIDED

# A period is 2^17 s, a day and a half: 2,400 of them are ten years.
STRETCH_BITS = 17
# The names of the counted lists.
DEVICE_SESSIONS = "device_session"
USER_SESSIONS = "user_session"
EVENTS = "event"
_OF_A_ROW = re.compile(r"\b(?=voided\b|type\b|connected_at\b|disconnected_at\b|still_connected\b)")


class RowCount(Base):
    """Maintained by triggers of the counted tables (COUNTED), and so correct in every transaction.

    A migration that recreates a counted table must recreate its triggers.
    """

    __tablename__ = "row_count"
    __table_args__ = (*part_indexes("row_count", "rows"),)

    counted: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The instant divided by 2^17.
    stretch: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    rows: Mapped[Number]


def _counted(name: str, table: str, instant: str, condition: str = "") -> KeptSum:
    when = f"{{row}}{instant} IS NOT NULL"
    if condition:
        when = f"{_OF_A_ROW.sub('{row}', condition)} AND {when}"
    keys = {"counted": f"'{name}'", "stretch": f"{{row}}{instant} >> {STRETCH_BITS}"}
    return KeptSum(f"{name}_count", table, RowCount.__tablename__, keys, {"rows": "1"}, when)


# Counted by the instant that orders the list, or that is compared with a period.
COUNTED = {
    DEVICE_SESSIONS: _counted(DEVICE_SESSIONS, "device_session", "begin_at"),
    "session_end": _counted("session_end", "device_session", "end_at"),
    "missing": _counted("missing", "device_session", "end_at", IS_MISSING),
    USER_SESSIONS: _counted(USER_SESSIONS, "user_session", "started_at"),
    EVENTS: _counted(EVENTS, "event", "at"),
    "voided": _counted("voided", "event", "at", IS_VOIDED),
    "new": _counted("new", "event", "at", IS_NEW),
    "down": _counted("down", "event", "at", IS_DOWN),
}
