"""User sessions in the order of time: the views of one, and what people did day by day."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import UserSession, ViewVisit
from sessiontrack.queries.user_sessions import StatsFilter, of_period
from sessiontrack.values.paths import as_list
from sessiontrack.values.timestamps import SiteTime

ONE = Statement("SELECT id FROM user_session WHERE public_id = :public_id")
ONE_OWN = Statement("SELECT id FROM user_session WHERE public_id = :public_id AND username = :only")
VISITS = Statement(
    "SELECT view, tab, since_at, until_at, seconds FROM view_visit WHERE session_id = :session_id"
    " ORDER BY since_at LIMIT :limit OFFSET :offset"
)
COUNT = Statement("SELECT count(*) FROM view_visit WHERE session_id = :session_id")
Span = tuple[int, int, int]


def find_session(tx: Transaction, public_id: str, only: str | None) -> int | None:
    """The row of a user session; `only`: where it is that user's."""
    if only is None:
        found: int | None = tx.value(ONE, public_id=public_id)
    else:
        found = tx.value(ONE_OWN, public_id=public_id, only=only)
    return found


def list_visits(tx: Transaction, session_id: int, limit: int, offset: int) -> Iterator[dict[str, Any]]:
    """What was in sight in a session, oldest first."""
    for view, tab, since, until, seconds in tx.rows(
        VISITS, session_id=session_id, limit=limit, offset=offset
    ):
        yield {"path": as_list(view, tab), "since": since, "until": until, "visible_duration": seconds}


def count_visits(tx: Transaction, session_id: int) -> int:
    """How many there are."""
    return int(tx.value(COUNT, session_id=session_id))


def session_days(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> list[dict[str, Any]]:
    """For each user and day by the site's calendar: sessions that reach into it, and visible seconds.

    Seconds are where their visits are, evenly within each. What no visit tells of, because the session was
    recorded before there were visits, is spread evenly over the session.
    """
    first_day = site.wall_time(wanted.since).date() if wanted.since > 0 else date.min
    last_day = date.max if wanted.until is None else site.wall_time(wanted.until - 1).date()
    days: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    rows = tx.stream(_statement(*wanted.shape()), **wanted.values())
    for _, same in groupby(rows, key=lambda row: row[0]):
        visits = list(same)
        _, username, started_at, last_ping, visible = visits[0][:5]
        spans: list[Span] = [visit[5:8] for visit in visits if visit[5] is not None]
        spans.append((started_at, last_ping, visible - sum(seconds for *_, seconds in spans)))
        for day, seconds in _by_day(spans, site).items():
            if first_day <= day <= last_day:
                counted = days[username, day]
                counted[0] += 1
                counted[1] += seconds
    return [
        {"username": username, "day": day.isoformat(), "sessions": sessions, "visible_duration": seconds}
        for (username, day), (sessions, seconds) in sorted(days.items())
    ]


def _by_day(spans: list[Span], site: SiteTime) -> dict[date, int]:
    """The seconds of each local day that the spans touch; their sum is that of the spans."""
    found: dict[date, int] = defaultdict(int)
    for begin, end, seconds in spans:
        at, given = begin, 0
        while True:
            day = site.wall_time(at).date()
            after = min(end, max(at + 1, _midnight_after(day, site)))
            # Rounded down as a whole so far: nothing is lost from part to part.
            so_far = seconds * (after - begin) // (end - begin) if end > begin else seconds
            found[day] += so_far - given
            at, given = after, so_far
            if at >= end:
                break
    return found


def _midnight_after(day: date, site: SiteTime) -> int:
    return site.resolve(datetime.combine(day + timedelta(days=1), time()))


@cache
def _statement(*shape: Any) -> Statement:
    return Statement(
        select(
            UserSession.id,
            UserSession.username,
            UserSession.started_at,
            UserSession.last_ping,
            UserSession.visible_seconds,
            ViewVisit.since_at,
            ViewVisit.until_at,
            ViewVisit.seconds,
        )
        .join(ViewVisit, ViewVisit.session_id == UserSession.id, isouter=True)
        .where(*of_period(*shape))
        .order_by(UserSession.id)
    )
