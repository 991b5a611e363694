"""What people did day by day: of sums that are kept by day, and of the sessions at the edges of days."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import func, literal_column, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import UserSession, ViewVisit
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.user_session import BRIEF_SECONDS, IS_BRIEF, IS_LONG, IS_MIDDLE, SHORT_SECONDS
from sessiontrack.models.user_sum import AHEAD, DAY
from sessiontrack.queries.user_sessions import StatsFilter, of_period
from sessiontrack.queries.user_stats import MOST
from sessiontrack.values.timestamps import SiteTime

RANGE = Statement(
    "SELECT (SELECT min(started_at) FROM user_session), (SELECT max(started_at) FROM user_session)"
)
# Each name that has a sum, by one search each.
_KEPT = (
    "WITH RECURSIVE name (username) AS (SELECT min(username) FROM user_day UNION ALL"
    " SELECT (SELECT min(d.username) FROM user_day d WHERE d.username > name.username) FROM name"
    " WHERE name.username IS NOT NULL) "
    f"SELECT name.username, JSON_LIST(day), JSON_LIST(sessions * {MOST} + seconds) FROM name"
    " CROSS JOIN user_day d WHERE d.username = name.username AND d.ahead = :ahead AND d.day >= :first"
    " AND d.day < :after{}"
    " GROUP BY name.username"
)
# A row for each of some midnights that are a UTC day apart.
_EDGES = (
    "WITH RECURSIVE edge (place, at) AS (SELECT CAST(:place AS BIGINT), CAST(:at AS BIGINT) UNION ALL"
    f" SELECT place + 1, at + {DAY} FROM edge WHERE place + 1 < :after) "
)
# Sessions that began in so many seconds before or after them.
_MOVED = (
    "SELECT edge.place, JSON_LIST(username), JSON_LIST(visible_seconds) FROM edge CROSS JOIN user_session s"
    " WHERE s.started_at >= edge.at - :before AND s.started_at < edge.at + :behind{} GROUP BY edge.place"
)
# Brief sessions that were going on at them.
_BRIEF = (
    f"WHERE s.started_at >= edge.at - {BRIEF_SECONDS} AND s.started_at < edge.at AND s.last_ping > edge.at"
    f" AND {IS_BRIEF} AND s.started_at >= :low AND s.started_at < :high{{}}"
)
# The seconds before the edge: as in _by_day().
_OF_VISITS = "(SELECT CAST(coalesce(sum({}), 0) AS BIGINT) FROM view_visit v WHERE v.session_id = s.id)"
_BEFORE = _OF_VISITS.format(
    "CASE WHEN v.until_at <= edge.at THEN v.seconds WHEN v.since_at >= edge.at THEN 0"
    " ELSE v.seconds * (edge.at - v.since_at) / (v.until_at - v.since_at) END"
)
_UNTOLD = (
    f"(visible_seconds - {_OF_VISITS.format('v.seconds')}) * (edge.at - started_at)"
    " / (last_ping - started_at)"
)
_CROSSING = (
    "SELECT place, JSON_LIST(username), JSON_LIST(visible_seconds - seconds) FROM"
    f" (SELECT edge.place, username, visible_seconds, {_BEFORE} + {_UNTOLD} AS seconds"
    f" FROM edge CROSS JOIN user_session s {_BRIEF}) AS found GROUP BY place"
)
_CROSSING_EACH = (
    "SELECT s.id, username, started_at, last_ping, visible_seconds, v.since_at, v.until_at, v.seconds"
    f" FROM edge CROSS JOIN user_session s LEFT JOIN view_visit v ON v.session_id = s.id {_BRIEF}"
    " ORDER BY edge.place, s.id"
)
# Of fewer days the sessions are read.
FEW_DAYS = 4
Span = tuple[int, int, int]


class EqualDays(NamedTuple):
    """Local days of one length: the first of them, its beginning, how long each is, and how many there are.

    Where the clocks change there is a day of another length.
    """

    day: int
    begin: int
    length: int
    days: int

    @property
    def end(self) -> int:
        return self.begin + self.days * self.length


class Edges(NamedTuple):
    """Beginnings of local days a UTC day apart: the places of the first one and after the last; the first."""

    place: int
    after: int
    at: int


def _kept_begin(at: int, ahead: int) -> int:
    return (at + ahead + DAY // 2) // DAY * DAY - ahead


class Calendar:
    """The local days in which sessions of a period began: each one's beginning, and the end of the last."""

    def __init__(self, runs: list[EqualDays], site: SiteTime) -> None:
        self.runs = runs
        self.site = site
        numbered = [(run, number) for run in runs for number in range(run.days)]
        self.days = [run.day + number for run, number in numbered]
        self.begins = [*(run.begin + number * run.length for run, number in numbered), runs[-1].end]
        # Of both kinds of kept days those that begin nearer to the local ones.
        self.ahead = min(AHEAD, key=self._apart)

    def day_of(self, at: int) -> int:
        """The local day of an instant in these days."""
        return self.days[bisect_right(self.begins, at) - 1]

    def _apart(self, ahead: int) -> int:
        return sum(abs(begin - _kept_begin(begin, ahead)) for begin in self.begins)

    def kept(self, place: int) -> int:
        """The beginning of a kept day that is nearest to that of a local one."""
        return _kept_begin(self.begins[place], self.ahead)

    def whole_days(self, since: int, until: int | None) -> tuple[int, int] | None:
        """The places of the first day, and after the last one, that kept sums tell of; None if too few.

        Those in which everything that began is in the period.
        """
        ends = [(self.begins[place], self.kept(place)) for place in range(len(self.begins))]
        # The day before the first one must be known too.
        first = next((place for place in range(1, len(ends)) if min(ends[place]) >= since), len(ends))
        fitting = (at for at in range(len(ends))[::-1] if until is None or max(ends[at]) <= until)
        after = next(fitting, 0)
        if after - first < FEW_DAYS:
            return None
        # A kept day belongs to the local day around its middle; of much shorter days some would have none.
        shortest = min(b - a for a, b in pairwise(self.begins[first - 1 : after + 2]))
        return (first, after) if shortest >= DAY // 2 + BRIEF_SECONDS else None

    def edges(self, places: Iterable[int]) -> Iterator[Edges]:
        """The beginnings of these days, those a UTC day apart together."""
        found: Edges | None = None
        for place in places:
            at = self.begins[place]
            if found is None or (place, at) != (found.after, found.at + (place - found.place) * DAY):
                if found is not None:
                    yield found
                found = Edges(place, place, at)
            found = found._replace(after=place + 1)
        if found is not None:
            yield found

    def is_odd(self, place: int) -> bool:
        """Whether the clocks change on the day before or after its beginning, so that it may begin twice."""
        around = self.begins[place - 1 : place + 2]
        return [b - a for a, b in pairwise(around)] != [DAY, DAY]


class Counts:
    """Of each user by day: sessions and seconds in one number, as in user_stats."""

    def __init__(self, tx: Transaction, wanted: StatsFilter, calendar: Calendar) -> None:
        self.of_users: dict[str, dict[int, int]] = defaultdict(dict)
        self._tx = tx
        self._values = wanted.values()
        self._statements = _statements(*wanted.shape())
        self._calendar = calendar

    def add_sessions(self, low: int, high: int) -> None:
        """Add those that began from `low` on, before `high`, but no long ones."""
        within, crossing = self._statements.within, self._statements.crossing
        for run, values in self._runs(low, high):
            for username, number, sessions, seconds in self._tx.stream(within, **values):
                counted, day = self.of_users[username], run.day + number
                counted[day] = counted.get(day, 0) + sessions * MOST + int(seconds)
            self._add_stays(self._tx.stream(crossing, **values), high, high)

    def add_long(self, low: int, high: int) -> None:
        """Add those that were longer than a day; from `low` on, before `high`, sums have added them."""
        self._add_stays(self._tx.stream(self._statements.long, **self._values), low, high)

    def add_kept(self, first: int, after: int) -> None:
        """Add whole days: each kept day to the local day that has most of it, then what began beside it."""
        low, high = self._calendar.kept(first), self._calendar.kept(after)
        days = [
            self._calendar.days[place]
            for place in range(first, after)
            for _ in range(self._calendar.kept(place), self._calendar.kept(place + 1), DAY)
        ]
        ahead = self._calendar.ahead
        numbered = {"first": (low + ahead) // DAY, "after": (high + ahead) // DAY}
        values = {**self._values, **numbered, "ahead": ahead}
        for username, *lists in self._tx.stream(self._statements.kept, **values):
            numbers, spent = map(orjson.loads, lists)
            places = [days[number - values["first"]] for number in numbers]
            counted = self.of_users[username]
            if len(set(places)) == len(places):
                counted |= dict(zip(places, spent, strict=True))
                continue
            # A day of 48 hours; or a sum has several parts.
            for day, each in zip(places, spent, strict=True):
                counted[day] = counted.get(day, 0) + each
        self._move(first, after)
        crossed = range(first, after + 1)
        self._add_brief([place for place in crossed if not self._calendar.is_odd(place)], low, high)
        odd = [place for place in crossed if self._calendar.is_odd(place)]
        values = {**self._values, "low": low, "high": high}
        for edges in self._calendar.edges(odd):
            rows = self._tx.stream(self._statements.odd, **values, **edges._asdict())
            self._add_stays(rows, low, high)
        for _, values in self._runs(low, high):
            self._add_stays(self._tx.stream(self._statements.middle, **values), low, high)

    def _add_brief(self, places: list[int], low: int, high: int) -> None:
        """Of sessions that sums have added whole, give the seconds after a midnight to the next day."""
        days, values = self._calendar.days, {**self._values, "low": low, "high": high}
        for edges in self._calendar.edges(places):
            for place, *lists in self._tx.stream(self._statements.brief, **values, **edges._asdict()):
                old, new = days[place - 1], days[place]
                for username, seconds in zip(*map(orjson.loads, lists), strict=True):
                    counted = self.of_users[username]
                    counted[old] -= seconds
                    counted[new] = counted.get(new, 0) + MOST + seconds

    def _move(self, first: int, after: int) -> None:
        """Move sessions that began between the beginnings of the local and the kept day to the other day."""
        days = self._calendar.days
        ahead = [self._calendar.begins[place] - self._calendar.kept(place) for place in range(after + 1)]
        places = [
            place
            for place in range(first, after + 1)
            if (ahead[place] > 0 and place < after)
            or (ahead[place] < 0 and place > first and place < len(days))
        ]
        for edges in self._calendar.edges(places):
            before, behind = max(0, ahead[edges.place]), max(0, -ahead[edges.place])
            values = {**self._values, **edges._asdict(), "before": before, "behind": behind}
            for place, *lists in self._tx.stream(self._statements.moved, **values):
                old, new = days[place - 1 : place + 1][:: -1 if before else 1]
                for username, seconds in zip(*map(orjson.loads, lists), strict=True):
                    counted = self.of_users[username]
                    counted[old] = counted.get(old, 0) - MOST - seconds
                    counted[new] = counted.get(new, 0) + MOST + seconds

    def _runs(self, low: int, high: int) -> Iterator[tuple[EqualDays, dict[str, Any]]]:
        """The runs of days between these instants, with the parameters of their statements."""
        for run in self._calendar.runs:
            begin, end = max(low, run.begin), min(high, run.end)
            if begin < end:
                named = {"begin": run.begin, "length": run.length, "low": begin, "high": end}
                yield run, {**self._values, **named}

    def _add_stays(self, rows: Iterable[Row], low: int, high: int) -> None:
        """Add sessions of more than a day; those that began from `low` on, before `high`, are added whole."""
        calendar = self._calendar
        for _, same in groupby(rows, key=itemgetter(0)):
            visits = list(same)
            _, username, started_at, last_ping, visible = visits[0][:5]
            spans: list[Span] = [visit[5:8] for visit in visits if visit[5] is not None]
            spans.append((started_at, last_ping, visible - sum(seconds for *_, seconds in spans)))
            counted = self.of_users[username]
            if low <= started_at < high:
                counted[calendar.day_of(started_at)] -= MOST + visible
            for day, seconds in _by_day(spans, calendar.site).items():
                counted[day] = counted.get(day, 0) + MOST + seconds


def session_days(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> list[dict[str, Any]]:
    """For each user and day by the site's calendar: sessions that reach into it, and visible seconds.

    Seconds are where their visits are, evenly within each. What no visit tells of, because the session was
    recorded before there were visits, is spread evenly over the session.
    """
    runs = list(_equal_days(tx, wanted, site))
    if not runs:
        return []
    calendar = Calendar(runs, site)
    counts = Counts(tx, wanted, calendar)
    begin, end = calendar.begins[0], calendar.begins[-1]
    low = high = end
    if (places := calendar.whole_days(wanted.since, wanted.until)) is not None:
        counts.add_kept(*places)
        low, high = map(calendar.kept, places)
    counts.add_sessions(begin, low)
    counts.add_sessions(high, end)
    counts.add_long(low, high)
    first_day = site.wall_time(wanted.since).date().toordinal() if wanted.since > 0 else 0
    until = wanted.until
    last_day = date.max.toordinal() if until is None else site.wall_time(until - 1).date().toordinal()
    texts = _Texts()
    return [
        {
            "username": username,
            "day": texts[day],
            "sessions": spent // MOST,
            "visible_duration": spent % MOST,
        }
        for username, counted in sorted(counts.of_users.items())
        for day, spent in sorted(counted.items())
        if spent >= MOST and first_day <= day <= last_day
    ]


class _Texts(dict[int, str]):
    """Day -> as it is written."""

    def __missing__(self, day: int) -> str:
        self[day] = text = date.fromordinal(day).isoformat()
        return text


def _equal_days(tx: Transaction, wanted: StatsFilter, site: SiteTime) -> Iterator[EqualDays]:
    """The local days in which sessions of the period began, except for very long ones."""
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
            yield _run(begin, length, count, site)
            begin, count = midnight, 0
        length, count = after - midnight, count + 1
        day, midnight = day + timedelta(days=1), after
    if count:
        yield _run(begin, length, count, site)


def _run(begin: int, length: int, count: int, site: SiteTime) -> EqualDays:
    # A day that the zone skipped has no length, and none of the sessions.
    return EqualDays(site.wall_time(begin).date().toordinal(), begin, length, count if length else 0)


def _by_day(spans: list[Span], site: SiteTime) -> dict[int, int]:
    """The seconds of each local day that the spans touch; their sum is that of the spans."""
    found: dict[int, int] = defaultdict(int)
    for begin, end, seconds in spans:
        at, given = begin, 0
        while True:
            day = site.wall_time(at).date()
            after = min(end, max(at + 1, _midnight_after(day, site)))
            # Rounded down as a whole so far: nothing is lost from part to part.
            so_far = seconds * (after - begin) // (end - begin) if end > begin else seconds
            found[day.toordinal()] += so_far - given
            at, given = after, so_far
            if at >= end:
                break
    return found


@lru_cache(4096)
def _midnight_after(day: date, site: SiteTime) -> int:
    return site.resolve(datetime.combine(day + timedelta(days=1), time()))


class Statements(NamedTuple):
    """What lies within a local day, added up; what crosses its end, and what is long, row by row.

    kept, moved: sums of whole days, and sessions that began beside them; the others: which cross the end, by
    their length, and where the clocks change.
    """

    within: Statement
    crossing: Statement
    long: Statement
    kept: Statement
    moved: Statement
    brief: Statement
    odd: Statement
    middle: Statement


@cache
def _statements(users: int, only: bool, bounded: bool) -> Statements:
    started, pinged = UserSession.started_at, UserSession.last_ping
    begin, length = bind("begin"), bind("length")
    number = (started - begin) // length
    day_ends = begin + (number + 1) * length
    some = (*of_period(users, only, bounded), started >= bind("low"), started < bind("high"))
    short = (*some, holds(f"NOT {IS_LONG}"))
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
    names = ", ".join(f":user_{number}" for number in range(users))
    of_users = f" AND {{0}}.username IN ({names})" if users else ""
    of_users += " AND {0}.username = :only" if only else ""
    return Statements(
        Statement(within),
        Statement(rows.where(*short, pinged > day_ends)),
        Statement(rows.where(*of_period(users, only, bounded), holds(IS_LONG))),
        Statement(_KEPT.format(of_users.format("name"))),
        Statement(_EDGES + _MOVED.format(of_users.format("s"))),
        Statement(_EDGES + _CROSSING.format(of_users.format("s"))),
        Statement(_EDGES + _CROSSING_EACH.format(of_users.format("s"))),
        Statement(rows.where(*some, holds(IS_MIDDLE), pinged > day_ends)),
    )
