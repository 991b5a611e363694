"""Failing sources: their latest scan could not be made or read."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Instant


class SourceFailure(Base):
    """A failing source, since when, and the latest reason; deleted by its next successful scan."""

    __tablename__ = "source_failure"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    since_at: Mapped[Instant]
    failed_at: Mapped[Instant]
    reason: Mapped[str] = mapped_column(String(255))
