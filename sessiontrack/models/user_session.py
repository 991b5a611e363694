"""The visit of a logged-in user to a web UI, and the visible time of each page."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.models.columns import GIVEN_ONCE, Instant, Reference, RowId, Seconds, partial_index

# Shorter sessions that overlap a period began at most this long before it; longer ones are few.
SHORT_SECONDS = 86_400
IS_LONG = f"last_ping - started_at > {SHORT_SECONDS}"
# Most sessions are brief: of these, few cross an instant.
BRIEF_SECONDS = 7_200
IS_BRIEF = f"last_ping - started_at <= {BRIEF_SECONDS}"
IS_MIDDLE = f"last_ping - started_at > {BRIEF_SECONDS} AND last_ping - started_at <= {SHORT_SECONDS}"


class UserSession(Base):
    """Kept alive by pings; `credited_seconds` is what the latest ping added to `visible_seconds`.

    It stores the user's name, not a reference, so that the history survives the removal of the account.
    """

    __tablename__ = "user_session"
    __table_args__ = (
        UniqueConstraint("public_id"),
        CheckConstraint("last_ping >= started_at", name="ping_after_start"),
        CheckConstraint(
            "visible_seconds BETWEEN 0 AND last_ping - started_at", name="visible_within_session"
        ),
        partial_index("uq_user_session_login", "login_key", where="ended_at IS NULL", unique=True),
        Index("ix_user_session_started", "started_at"),
        Index("ix_user_session_username", "username", "started_at"),
        Index("ix_user_session_last_ping", "last_ping"),
        partial_index("ix_user_session_middle", "started_at", where=IS_MIDDLE),
        partial_index("ix_user_session_long", "last_ping", where=IS_LONG),
        GIVEN_ONCE,
    )

    id: Mapped[RowId]
    public_id: Mapped[str] = mapped_column(String(36))
    login_key: Mapped[str] = mapped_column(String(64))
    username: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[Instant]
    last_ping: Mapped[Instant]
    last_visible_ping: Mapped[Instant | None]
    last_view: Mapped[str | None] = mapped_column(String(512))
    last_tab: Mapped[str | None] = mapped_column(String(512))
    visible_seconds: Mapped[Seconds] = mapped_column(server_default="0")
    credited_seconds: Mapped[Seconds] = mapped_column(server_default="0")
    ended_at: Mapped[Instant | None]


class ViewTime(Base):
    """The visible seconds of one path in one user session; an empty tab means the view itself."""

    __tablename__ = "view_time"
    __table_args__ = (
        CheckConstraint("seconds >= 0", name="not_negative"),
        {"sqlite_with_rowid": False},
    )

    session_id: Mapped[Reference] = mapped_column(
        ForeignKey("user_session.id", ondelete="CASCADE"), primary_key=True
    )
    view: Mapped[str] = mapped_column(String(512), primary_key=True)
    tab: Mapped[str] = mapped_column(String(512), primary_key=True)
    seconds: Mapped[Seconds]


class ViewVisit(Base):
    """One visit to a path in a user session: its consecutive pings, until a ping credits another path.

    The path was visible for `seconds` of it, and hidden for the rest.
    """

    __tablename__ = "view_visit"
    __table_args__ = (
        CheckConstraint("seconds BETWEEN 1 AND until_at - since_at", name="seconds_within_visit"),
    )

    session_id: Mapped[Reference] = mapped_column(
        ForeignKey("user_session.id", ondelete="CASCADE"), primary_key=True
    )
    since_at: Mapped[Instant] = mapped_column(primary_key=True)
    until_at: Mapped[Instant]
    view: Mapped[str] = mapped_column(String(512))
    tab: Mapped[str] = mapped_column(String(512))
    seconds: Mapped[Seconds]
