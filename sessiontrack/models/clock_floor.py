"""The newest instant that is sure: a clock that is before it is wrong."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Instant


class ClockFloor(Base):
    """One row: the instant, and how often an administrator has said that the clock is right."""

    __tablename__ = "clock_floor"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[Instant]
    accepted: Mapped[int]
