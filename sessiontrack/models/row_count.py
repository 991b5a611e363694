"""How many rows a table has, by stretches of time, for lists that nobody wants to count row by row."""

from sqlalchemy import DDL, CheckConstraint, String, Table, event
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Number
from sessiontrack.models.device_session import DeviceSession
from sessiontrack.models.user_session import UserSession

# A stretch is 2^17 s, a day and a half: 2,400 of them are ten years.
STRETCH_BITS = 17
# What is counted, and by which instant.
DEVICE_SESSIONS = "device_session"
USER_SESSIONS = "user_session"
COUNTED = {DEVICE_SESSIONS: "begin_at", USER_SESSIONS: "started_at"}


class RowCount(Base):
    """Kept by triggers of the table that is counted, and so right in every transaction.

    On SQLite only: with one writer it costs a few microseconds a row; of several writers each would wait for
    the other's stretch. A migration that makes a counted table anew must make its triggers anew too.
    """

    __tablename__ = "row_count"
    __table_args__ = (CheckConstraint("rows >= 0", name="not_negative"),)

    counted: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The instant divided by 2^17.
    stretch: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[Number]


def keep_counted(table: Table, column: str) -> None:
    """Let the database count the rows of this table by this instant."""
    came = (
        "INSERT INTO row_count (counted, stretch, rows)"
        f" VALUES ('{table.name}', NEW.{column} >> {STRETCH_BITS}, 1)"
        " ON CONFLICT (counted, stretch) DO UPDATE SET rows = rows + 1;"
    )
    left = (
        f"UPDATE row_count SET rows = rows - 1 WHERE counted = '{table.name}'"
        f" AND stretch = OLD.{column} >> {STRETCH_BITS};"
    )
    moved = f"(OLD.{column} >> {STRETCH_BITS}) IS NOT (NEW.{column} >> {STRETCH_BITS})"
    there = f"NEW.{column} IS NOT NULL"
    for name, when, done in (
        ("added", f"INSERT ON {table.name} WHEN {there}", came),
        ("gone", f"DELETE ON {table.name}", left),
        ("left", f"UPDATE ON {table.name} WHEN {moved}", left),
        ("came", f"UPDATE ON {table.name} WHEN {moved} AND {there}", came),
    ):
        sql = f"CREATE TRIGGER count_{table.name}_{name} AFTER {when} BEGIN {done} END"
        trigger = DDL(sql)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", trigger.execute_if(dialect="sqlite"))


for _model in (DeviceSession, UserSession):
    keep_counted(_model.metadata.tables[_model.__tablename__], COUNTED[_model.__tablename__])
