"""The position of a login's last write, for replicas that may lag."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Position


class LastWrite(Base):
    """The position in PostgreSQL's log that a replica must have replayed before it answers this login."""

    __tablename__ = "last_write"

    login_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[Position]
