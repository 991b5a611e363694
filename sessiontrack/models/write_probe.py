"""A row that is written to test whether the database is writable."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Seconds


class WriteProbe(Base):
    """The only row counts the probes, because an unchanged value would not be written."""

    __tablename__ = "write_probe"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[Seconds]
