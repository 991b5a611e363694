"""The visible time of each user by page and period, for statistics of long periods."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import KeptSum, deleted_first, keep
from sessiontrack.models.columns import Number, Seconds, partial_index

# A period is 2^22 s, 48 days: shorter ones would give as many rows as there are sessions.
STRETCH_BITS = 22


class UserSum(Base):
    """Maintained by triggers of `user_session` and `view_time`; a session counts in the period of its start.

    An empty view means the whole session; no view of a session is empty.
    """

    __tablename__ = "user_sum"
    __table_args__ = (
        partial_index("ix_user_sum_part", "part", where="part > 0"),
        {"sqlite_with_rowid": False},
    )

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    view: Mapped[str] = mapped_column(String(512), primary_key=True)
    tab: Mapped[str] = mapped_column(String(512), primary_key=True)
    # The start of the session divided by 2^22.
    stretch: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    sessions: Mapped[Number]
    seconds: Mapped[Seconds]


_SESSION = "FROM user_session WHERE id = {row}session_id"
USER_SUMS = (
    KeptSum(
        "user_session_sum",
        "user_session",
        "user_sum",
        {
            "username": "{row}username",
            "view": "''",
            "tab": "''",
            "stretch": f"{{row}}started_at >> {STRETCH_BITS}",
        },
        {"sessions": "1", "seconds": "{row}visible_seconds"},
    ),
    KeptSum(
        "view_time_sum",
        "view_time",
        "user_sum",
        {
            "username": f"(SELECT username {_SESSION})",
            "view": "{row}view",
            "tab": "{row}tab",
            "stretch": f"(SELECT started_at >> {STRETCH_BITS} {_SESSION})",
        },
        {"sessions": "1", "seconds": "{row}seconds"},
        f"EXISTS (SELECT 1 {_SESSION})",
    ),
)
keep(Base.metadata, USER_SUMS, deleted_first("view_time", "user_session", "session_id"))
