"""Claims on tasks that only one worker of all hosts should do at a time."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import Instant


class TaskClaim(Base):
    """A task that its holder keeps until the claim expires; it need not be released.

    due_at is the next run, looked_at the last check; nothing is removed before held_until, because the clock
    had jumped ahead.
    """

    __tablename__ = "task_claim"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255), server_default="")
    expires_at: Mapped[Instant] = mapped_column(server_default="0")
    due_at: Mapped[Instant] = mapped_column(server_default="0")
    looked_at: Mapped[Instant | None]
    held_until: Mapped[Instant | None]
