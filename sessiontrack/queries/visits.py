"""User sessions in the order of time: the views of one, and what people did day by day."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import chain, groupby
from typing import Any

from sqlalchemy import func, literal_column, select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import UserSession, ViewVisit
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.user_session import IS_LONG, SHORT_SECONDS
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
RANGE = Statement(
    "SELECT (SELECT min(started_at) FROM user_session), (SELECT max(started_at) FROM user_session)"
)
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
    within, crossing, long = _statements(*wanted.shape())
    found = tx.stream(long, **wanted.values())
    for begin, length, count in _equal_days(tx, wanted, site):
        values = {**wanted.values(), "begin": begin, "length": length, "end": begin + count * length}
        first = site.wall_time(begin).date()
        for username, number, sessions, seconds in tx.stream(within, **values):
            counted = days[username, first + timedelta(days=number)]
            counted[0] += sessions
            counted[1] += int(seconds)
        found = chain(found, tx.stream(crossing, **values))
    for _, same in groupby(found, key=lambda row: row[0]):
        visits = list(same)
        _, username, started_at, last_ping, visible = visits[0][:5]
        spans: list[Span] = [visit[5:8] for visit in visits if visit[5] is not None]
        spans.append((started_at, last_ping, visible - sum(seconds for *_, seconds in spans)))
        for day, seconds in _by_day(spans, site).items():
            counted = days[username, day]
            counted[0] += 1
            counted[1] += seconds
    return [
        {"username": username, "day": day.isoformat(), "sessions": sessions, "visible_duration": seconds}
        for (username, day), (sessions, seconds) in sorted(days.items())
        if first_day <= day <= last_day
    ]


def _equal_days(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> Iterator[tuple[int, int, int]]:
    """The local days in which short sessions of the period began: (first midnight, seconds a day, how many).

    Where the clocks change there is a day of another length.
    """
    first, last = tx.rows(RANGE)[0]
    if first is None:
        return
    last = last if wanted.until is None else min(last, wanted.until)
    day = site.wall_time(max(0, first, wanted.since - SHORT_SECONDS)).date()
    begin, length, count = site.resolve(datetime.combine(day, time())), 0, 0
    midnight = begin
    while midnight <= last:
        after = _midnight_after(day, site)
        if count and after - midnight != length:
            yield begin, length, count
            begin, count = midnight, 0
        length, count = after - midnight, count + 1
        day, midnight = day + timedelta(days=1), after
    if count:
        yield begin, length, count


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


@lru_cache(4096)
def _midnight_after(day: date, site: SiteTime) -> int:
    return site.resolve(datetime.combine(day + timedelta(days=1), time()))


@cache
def _statements(*shape: Any) -> tuple[Statement, ...]:
    """What lies within a local day, added up; what crosses its end; what is long, wherever it is."""
    started, pinged = UserSession.started_at, UserSession.last_ping
    begin, length = bind("begin"), bind("length")
    number = (started - begin) // length
    day_ends = begin + (number + 1) * length
    short = (*of_period(*shape), started >= begin, started < bind("end"), holds(f"NOT {IS_LONG}"))
    # Not the column itself: its index would give all sessions, in the order of the names.
    username = UserSession.username.concat(literal_column("''"))
    within = (
        select(
            username.label("name"),
            number.label("number"),
            func.count(),
            func.sum(UserSession.visible_seconds),
        )
        .where(*short, pinged <= day_ends)
        .group_by(literal_column("1"), literal_column("2"))
    )
    session = (UserSession.id, UserSession.username, started, pinged, UserSession.visible_seconds)
    rows = (
        select(*session, ViewVisit.since_at, ViewVisit.until_at, ViewVisit.seconds)
        .join(ViewVisit, ViewVisit.session_id == UserSession.id, isouter=True)
        # Not the column itself: in its order all sessions would be read.
        .order_by(UserSession.id + 0)
    )
    crossing, long = rows.where(*short, pinged > day_ends), rows.where(*of_period(*shape), holds(IS_LONG))
    return Statement(within), Statement(crossing), Statement(long)
