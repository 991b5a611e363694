"""The visible time of each user by page and period, and by day, for statistics of long periods."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import KeptSum
from sessiontrack.models.columns import Number, Seconds, part_indexes

# A period is 2^22 s, 48 days: shorter ones would give as many rows as there are sessions. A long one is
# 2^24 s, 194 days: a year has to add up five of either, not eight.
STRETCH_BITS = 22
LONG_BITS = 24
DAY = 86_400
AHEAD = (0, DAY // 2)


class UserSum(Base):
    """Maintained by triggers of `view_time`; a session counts in the period of its start."""

    __tablename__ = "user_sum"
    __table_args__ = (
        *part_indexes("user_sum", "sessions"),
        {"sqlite_with_rowid": False},
    )

    # The start of the session divided by 2^bits.
    bits: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    stretch: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    view: Mapped[str] = mapped_column(String(512), primary_key=True)
    tab: Mapped[str] = mapped_column(String(512), primary_key=True)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    sessions: Mapped[Number]
    seconds: Mapped[Seconds]


class UserDay(Base):
    """Maintained by triggers of `user_session`; a session counts whole on the day of its start.

    Not on the site's day: its time zone may change, and its rules too. On a UTC day, and on one that begins
    twelve hours earlier: one of the two is six hours from the site's day at most.
    """

    __tablename__ = "user_day"
    __table_args__ = (
        *part_indexes("user_day", "sessions"),
        {"sqlite_with_rowid": False},
    )

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    # The seconds by which the day begins before the UTC day: one of AHEAD.
    ahead: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    # The start of the session, as many seconds later, divided by the seconds of a day.
    day: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    sessions: Mapped[Number]
    seconds: Mapped[Seconds]


_SESSION = "FROM user_session WHERE id = {row}session_id"


def _of_views(bits: int) -> str:
    return (
        f"SELECT {bits} AS bits, s.started_at >> {bits} AS stretch, s.username, v.view, v.tab, 1 AS sessions,"
        " v.seconds FROM user_session s CROSS JOIN view_time v WHERE v.session_id = s.id"
    )


_OF_STRETCHES = (
    f"SELECT {LONG_BITS} AS bits, stretch >> {LONG_BITS - STRETCH_BITS} AS stretch, username, view, tab,"
    f" sessions, seconds FROM user_sum WHERE bits = {STRETCH_BITS}"
)
USER_SUMS = tuple(
    KeptSum(
        name,
        "view_time",
        "user_sum",
        {
            "bits": f"{bits}",
            "stretch": f"(SELECT started_at >> {bits} {_SESSION})",
            "username": f"(SELECT username {_SESSION})",
            "view": "{row}view",
            "tab": "{row}tab",
        },
        {"sessions": "1", "seconds": "{row}seconds"},
        f"EXISTS (SELECT 1 {_SESSION})",
        _of_views(bits),
        there,
    )
    for name, bits, there in (
        ("view_time_sum", STRETCH_BITS, ""),
        ("view_time_long_sum", LONG_BITS, _OF_STRETCHES),
    )
)
USER_DAYS = tuple(
    KeptSum(
        f"user_day_{ahead}",
        "user_session",
        "user_day",
        {"username": "{row}username", "ahead": f"{ahead}", "day": f"({{row}}started_at + {ahead}) / {DAY}"},
        {"sessions": "1", "seconds": "{row}visible_seconds"},
    )
    for ahead in AHEAD
)
