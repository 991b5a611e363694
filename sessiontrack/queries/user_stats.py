"""What each user did in a period, of sums that are kept and of the sessions at the edge of the period."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import orjson

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.models.user_session import IS_LONG, SHORT_SECONDS
from sessiontrack.models.user_sum import DAY, LONG_BITS, STRETCH_BITS
from sessiontrack.queries.user_sessions import StatsFilter

LENGTH = 1 << STRETCH_BITS
# Stretches in a long one.
MANY = 1 << LONG_BITS - STRETCH_BITS
# Sessions and seconds in one number, which takes half as long to add up: sessions * MOST + seconds.
MOST = 1 << 40
# Of a session as a whole, and of each of its views. The database adds up, and writes JSON: text after text
# from the driver takes longer than both.
_WHOLE = (
    f"SELECT UNORDERED(username) AS name, count(*) * {MOST} + sum(visible_seconds) FROM user_session"
    " WHERE {} GROUP BY 1"
)
_VIEWS = (
    "SELECT JSON_LIST(username), JSON_LIST(view), JSON_LIST(tab), JSON_LIST(spent) FROM"
    f" (SELECT UNORDERED(username) AS username, view, tab, count(*) * {MOST} + sum(seconds) AS spent"
    " FROM user_session JOIN view_time ON session_id = id WHERE {} GROUP BY 1, 2, 3) AS found"
)
_WHOLE_KEPT = (
    f"SELECT name.username, (SELECT sum(d.sessions * {MOST} + d.seconds) FROM user_day d"
    " WHERE d.username = name.username AND d.ahead = 0 AND d.day >= :first AND d.day < :after) FROM name"
    " WHERE name.username IS NOT NULL{}"
)
# In the order of the key.
_VIEWS_KEPT = (
    f"SELECT username, JSON_LIST(view), JSON_LIST(tab), JSON_LIST(sessions * {MOST} + seconds) FROM user_sum"
    " WHERE bits = :bits AND stretch >= :first AND stretch < :after{} GROUP BY stretch, username"
)
# Began before `edge`, and reach into the period.
_REACHING = (
    f"started_at >= :since - {SHORT_SECONDS} AND started_at < :edge AND last_ping >= :since AND NOT {IS_LONG}"
)
# `+ 0` keeps the engines from looking for these few by their start, and UNORDERED by their user.
_REACHING_LONG = f"last_ping >= :since AND {IS_LONG} AND started_at + 0 < :edge"
# Began from `edge` on, and were over before the period.
_OVER = "started_at >= :edge AND started_at < :since AND last_ping < :since"
# Began in the stretch in which the period ends, before its end; and after it.
_LATEST = "started_at >= :tail AND started_at < :until"
_LATER = "started_at >= :until AND started_at < :tail"
# Each name that has a session, by one search each.
_NAMES = (
    "WITH RECURSIVE name (username) AS (SELECT min(username) FROM user_session UNION ALL"
    " SELECT (SELECT min(s.username) FROM user_session s WHERE s.username > name.username) FROM name"
    " WHERE name.username IS NOT NULL) "
)
_OF_NAME = "FROM user_session s WHERE s.username = name.username AND s.started_at < :until AND"
_SEEN = (
    "SELECT name.username,"
    f" (SELECT s.started_at {_OF_NAME} s.started_at >= :since - {SHORT_SECONDS} AND s.last_ping >= :since"
    f" AND NOT s.last_ping - s.started_at > {SHORT_SECONDS} ORDER BY s.started_at LIMIT 1),"
    f" (SELECT max(s.last_ping) {_OF_NAME} s.started_at >= (SELECT max(l.started_at) FROM user_session l"
    f" WHERE l.username = name.username AND l.started_at < :until) - {SHORT_SECONDS})"
    " FROM name WHERE name.username IS NOT NULL{}"
)
_SEEN_LONG = (
    "SELECT username || '', min(started_at), max(last_ping) FROM user_session"
    f" WHERE last_ping >= :since AND {IS_LONG} AND started_at + 0 < :until{{}} GROUP BY username || ''"
)


class Statements(NamedTuple):
    """Those of one kind of sums: of whole periods, and of the sessions at the edges of a period."""

    kept: Statement
    reaching: tuple[Statement, Statement]
    over: Statement
    latest: Statement
    later: Statement


class OfFilter(NamedTuple):
    """The statements of one shape of filter."""

    whole: Statements
    views: Statements
    seen: Statement
    seen_long: Statement


# (view, tab) -> sessions and seconds in one number.
Paths = dict[tuple[str, str], int]


class Edges(NamedTuple):
    """How the sessions of a period are added up: whole stretches of some length, and those at its edges.

    first, after: the stretches; each of `parts` is added, or taken away.
    """

    first: int
    after: int
    values: dict[str, Any]
    parts: list[tuple[Statement, int]]


def session_stats(tx: Transaction, wanted: StatsFilter) -> list[dict[str, Any]]:
    """What each user did, by name; sessions that reach into the period count whole."""
    statements = _statements(len(wanted.usernames), wanted.only is not None)
    views = _views(tx, wanted, statements.views)
    values = {"until": EVERYTHING, **wanted.values()}
    rows = (*tx.rows(statements.seen, **values), *tx.rows(statements.seen_long, **values))
    seen: dict[str, list[int]] = defaultdict(list)
    for username, first, last in rows:
        seen[username] += [each for each in (first, last) if each is not None]
    return [
        {
            "username": username,
            "sessions": spent // MOST,
            "visible_duration": spent % MOST,
            "tab_duration": _tab_duration(views[username]),
            "first_seen": min(seen[username]),
            "last_seen": max(seen[username]),
        }
        for username, spent in sorted(_whole(tx, wanted, statements.whole).items())
        if spent
    ]


def _tab_duration(paths: Paths) -> dict[str, int | dict[str, int]]:
    """As of one session, of the paths that have any."""
    found: dict[str, dict[str, int]] = {}
    tabs: dict[str, int] = {}
    last = None
    for (view, tab), spent in sorted(paths.items()):
        if spent >= MOST:
            if view != last:
                tabs = found[view] = {}
                last = view
            tabs[tab] = spent % MOST
    return {view: tabs[""] if tabs.keys() == {""} else tabs for view, tabs in found.items()}


def _edges(wanted: StatsFilter, statements: Statements, length: int) -> Edges:
    """By stretches of so many seconds.

    The stretches in which the period begins and ends count whole, less what was over before or began later,
    or not at all, with what is in the period added: whichever reads less.
    """
    begin = wanted.since // length * length
    until = EVERYTHING if wanted.until is None else wanted.until
    tail = until // length * length
    is_early = wanted.since - begin < length // 2
    is_late = wanted.until is not None and until - tail > length // 2
    # Of a period in one stretch, both are read or neither.
    if tail == begin and (until - wanted.since) * 2 < length:
        is_early = is_late = False
    edge = begin if is_early else begin + length
    if is_late:
        tail += length
    values = {**wanted.values(), "until": until, "edge": edge, "tail": tail}
    parts = [(each, 1) for each in statements.reaching]
    if tail <= edge:
        # No whole stretch is in the period.
        return Edges(0, 0, {**values, "edge": until}, parts)
    if is_early:
        parts.append((statements.over, -1))
    if wanted.until is not None:
        parts.append((statements.later, -1) if is_late else (statements.latest, 1))
    return Edges(edge // length, tail // length, values, parts)


def _whole(tx: Transaction, wanted: StatsFilter, statements: Statements) -> dict[str, int]:
    """Sessions and seconds of each user."""
    found: dict[str, int] = defaultdict(int)
    first, after, values, parts = _edges(wanted, statements, DAY)
    days = {**wanted.values(), "until": values["until"], "first": first, "after": after}
    kept = tx.rows(statements.kept, **days) if first < after else []
    for rows, sign in ((kept, 1), *((tx.rows(each, **values), sign) for each, sign in parts)):
        for username, spent in rows:
            found[username] += sign * int(spent or 0)
    return found


def _views(tx: Transaction, wanted: StatsFilter, statements: Statements) -> dict[str, Paths]:
    """Sessions and seconds of each user by path."""
    found: dict[str, Paths] = defaultdict(dict)
    first, after, values, parts = _edges(wanted, statements, LENGTH)
    for bits, begin, end in _stretches(first, after):
        stretches = {**wanted.values(), "bits": bits, "first": begin, "after": end}
        for username, *lists in tx.stream(statements.kept, **stretches):
            views, tabs, spent = map(orjson.loads, lists)
            _add(found[username], list(zip(views, tabs, strict=True)), spent)
    for statement, sign in parts:
        for row in tx.rows(statement, **values):
            for username, view, tab, each in zip(*map(orjson.loads, row), strict=True):
                paths = found[username]
                paths[view, tab] = paths.get((view, tab), 0) + sign * each
    return found


def _stretches(first: int, after: int) -> Iterator[tuple[int, int, int]]:
    """The stretches from `first` on, before `after`, as many as can be in long ones: (bits, first, after)."""
    long_first, long_after = -(-first // MANY), after // MANY
    if long_first >= long_after:
        long_first = long_after = after // MANY + 1
    for bits, begin, end in (
        (STRETCH_BITS, first, min(after, long_first * MANY)),
        (LONG_BITS, long_first, long_after),
        (STRETCH_BITS, long_after * MANY, after),
    ):
        if begin < end:
            yield bits, begin, end


def _add(sums: Paths, paths: list[tuple[str, str]], spent: list[int]) -> None:
    if not sums and len(set(paths)) == len(paths):
        sums |= zip(paths, spent, strict=True)
        return
    for path, each in zip(paths, spent, strict=True):
        sums[path] = sums.get(path, 0) + each


@cache
def _statements(count: int, only: bool) -> OfFilter:
    names = ", ".join(f":user_{number}" for number in range(count))
    of_users = f" AND username IN ({names})" if count else ""
    of_users += " AND username = :only" if only else ""
    of_few = of_users.replace("username", "UNORDERED(username)")

    def of(kept: str, edge: str) -> Statements:
        reaching, long, *edges = (
            Statement(edge.format(where + whose))
            for where, whose in (
                (_REACHING, of_users),
                (_REACHING_LONG, of_few),
                (_OVER, of_users),
                (_LATEST, of_users),
                (_LATER, of_users),
            )
        )
        return Statements(Statement(kept.format(of_users)), (reaching, long), *edges)

    return OfFilter(
        of(_NAMES + _WHOLE_KEPT, _WHOLE),
        of(_VIEWS_KEPT, _VIEWS),
        Statement(_NAMES + _SEEN.format(of_users)),
        Statement(_SEEN_LONG.format(of_few)),
    )
