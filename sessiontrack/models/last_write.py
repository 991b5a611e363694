"""How far a login has written, where there is a replica that may be behind."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Position


class LastWrite(Base):
    """What a replica must have seen of PostgreSQL's log before it may answer this login, on any host."""

    __tablename__ = "last_write"

    login_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[Position]
