"""User sessions: started by a login or by a script, kept alive by pings, credited for what was visible."""

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import SessionInactive
from sessiontrack.values.uuids import time_ordered_uuid

# A session ends at its last ping if that is too old; its row stays open until this statement runs.
END_EXPIRED = Statement(
    "UPDATE user_session SET ended_at = last_ping"
    " WHERE login_key = :login_key AND ended_at IS NULL AND last_ping <= :expired_at"
)
START = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping)"
    " VALUES (:public_id, :login_key, :username, :now, :now)"
    " ON CONFLICT (login_key) WHERE ended_at IS NULL DO NOTHING"
)
_END = (
    "UPDATE user_session SET"
    " ended_at = CASE WHEN :now > last_ping AND last_ping > :expired_at THEN :now ELSE last_ping END"
)
END = Statement(f"{_END} WHERE login_key = :login_key AND ended_at IS NULL")
END_OF_USER = Statement(f"{_END} WHERE username = :username AND ended_at IS NULL")
_ACTIVE = "WHERE login_key = :login_key AND ended_at IS NULL AND last_ping > :expired_at"
# A clock that jumped back credits nothing, and moves nothing back.
_SINCE_LAST_PING = "CASE WHEN :now > last_ping THEN :now - last_ping ELSE 0 END"
_LAST_PING = "last_ping = CASE WHEN :now > last_ping THEN :now ELSE last_ping END"
KEEP_ALIVE = Statement(f"UPDATE user_session SET {_LAST_PING} {_ACTIVE}")
CREDIT_SESSION = Statement(
    f"UPDATE user_session SET {_LAST_PING}, credited_seconds = {_SINCE_LAST_PING},"
    f" visible_seconds = visible_seconds + {_SINCE_LAST_PING},"
    f" last_visible_ping = CASE WHEN :now > last_ping THEN :now ELSE last_ping END,"
    f" last_view = :view, last_tab = :tab {_ACTIVE}"
)
# After CREDIT_SESSION, which holds the row: the same seconds, whatever other pings do meanwhile.
CREDIT_VIEW = Statement(
    "INSERT INTO view_time (session_id, view, tab, seconds)"
    " SELECT id, :view, :tab, credited_seconds FROM user_session"
    " WHERE login_key = :login_key AND ended_at IS NULL"
    " ON CONFLICT (session_id, view, tab) DO UPDATE SET seconds = view_time.seconds + excluded.seconds"
)
# The same seconds again, in order of time: the latest visit goes on where its path is the same.
EXTEND_VISIT = Statement(
    "INSERT INTO view_visit (session_id, since_at, until_at, view, tab, seconds)"
    " SELECT s.id, COALESCE((SELECT v.since_at FROM view_visit v WHERE v.session_id = s.id"
    " AND v.since_at = (SELECT max(l.since_at) FROM view_visit l WHERE l.session_id = s.id)"
    " AND v.view = s.last_view AND v.tab = s.last_tab), s.last_ping - s.credited_seconds),"
    " s.last_ping, s.last_view, s.last_tab, s.credited_seconds FROM user_session s"
    " WHERE s.login_key = :login_key AND s.ended_at IS NULL AND s.credited_seconds > 0"
    " ON CONFLICT (session_id, since_at) DO UPDATE SET until_at = excluded.until_at,"
    " seconds = view_visit.seconds + excluded.seconds"
)


def start_session(tx: Transaction, now: int, login_key: str, username: str, alive_seconds: int) -> None:
    """Start the login's user session; nothing changes while one is active."""
    tx.run(END_EXPIRED, login_key=login_key, expired_at=now - alive_seconds)
    public_id = time_ordered_uuid(now)
    tx.run(START, public_id=public_id, login_key=login_key, username=username, now=now)


def keep_alive(tx: Transaction, now: int, login_key: str, alive_seconds: int) -> None:
    """A ping that says nothing of what was visible.

    Raises:
        SessionInactive: no user session of this login is active.
    """
    _require(tx.run(KEEP_ALIVE, login_key=login_key, now=now, expired_at=now - alive_seconds))


def credit_view(tx: Transaction, now: int, login_key: str, path: tuple[str, str], alive_seconds: int) -> None:
    """A ping that says what was visible since the last one: those seconds are the path's.

    One guarded UPDATE and two upserts, nothing read, changed and saved: whatever comes at once, the sum
    over the views is the session's visible time, as is that over the visits, and no second is credited
    twice. A session has a visit for each change of its path, at most one a second.

    Args:
        path: (view, tab), the tab "" where there is none.
    Raises:
        SessionInactive: no user session of this login is active.
    """
    view, tab = path
    expired_at = now - alive_seconds
    _require(tx.run(CREDIT_SESSION, login_key=login_key, now=now, view=view, tab=tab, expired_at=expired_at))
    tx.run(CREDIT_VIEW, login_key=login_key, view=view, tab=tab)
    tx.run(EXTEND_VISIT, login_key=login_key)


def end_session(tx: Transaction, now: int, login_key: str, alive_seconds: int) -> None:
    """End it at once; one that is not active stays as it ended."""
    tx.run(END, login_key=login_key, now=now, expired_at=now - alive_seconds)


def end_sessions_of(tx: Transaction, now: int, username: str, alive_seconds: int) -> None:
    """End all of a user's."""
    tx.run(END_OF_USER, username=username, now=now, expired_at=now - alive_seconds)


def _require(changed: int) -> None:
    if not changed:
        raise SessionInactive("No user session is active; start one with POST /api/v2/sessionstart.")
