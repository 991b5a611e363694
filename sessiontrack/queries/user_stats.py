"""What each user did in a period, of sums that are kept and of the sessions at the edge of the period."""

from collections import defaultdict
from functools import cache
from typing import Any, NamedTuple

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.models.user_session import IS_LONG, SHORT_SECONDS
from sessiontrack.models.user_sum import STRETCH_BITS
from sessiontrack.queries.user_sessions import StatsFilter, as_tab_duration

LENGTH = 1 << STRETCH_BITS
# Of a session as a whole, and of each of its views. `|| ''` keeps the engines from reading all by an index
# of the names, in their order.
_WHOLE = (
    "SELECT username || '', '', '', count(*), sum(visible_seconds) FROM user_session"
    " WHERE {} GROUP BY username || ''"
)
_VIEWS = (
    "SELECT username || '', view, tab, count(*), sum(seconds) FROM user_session"
    " JOIN view_time ON session_id = id WHERE {} GROUP BY username || '', view, tab"
)
_KEPT = (
    "SELECT username, view, tab, sum(sessions), sum(seconds) FROM user_sum"
    " WHERE stretch >= :first AND stretch < :after{} GROUP BY username, view, tab"
)
# Began before `edge`, and reach into the period.
_REACHING = (
    f"started_at >= :since - {SHORT_SECONDS} AND started_at < :edge AND last_ping >= :since AND NOT {IS_LONG}"
)
# `+ 0` keeps the engines from looking for these few by their start.
_REACHING_LONG = f"last_ping >= :since AND {IS_LONG} AND started_at + 0 < :edge"
# Began from `edge` on, and were over before the period.
_OVER = "started_at >= :edge AND started_at < :since AND last_ping < :since"
# Began in the stretch in which the period ends.
_LATEST = "started_at >= :tail AND started_at < :until"
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
    """Those of one shape of filter; `over` is taken away, the other sums are added."""

    kept: Statement
    reaching: tuple[Statement, ...]
    over: tuple[Statement, ...]
    latest: tuple[Statement, ...]
    seen: Statement
    seen_long: Statement


def session_stats(tx: Transaction, wanted: StatsFilter) -> list[dict[str, Any]]:
    """What each user did, by name; sessions that reach into the period count whole."""
    statements = _statements(len(wanted.usernames), wanted.only is not None)
    sums = _sums(tx, wanted, statements)
    views: dict[str, list[Row]] = defaultdict(list)
    for (username, view, tab), (sessions, seconds) in sorted(sums.items()):
        if view and sessions:
            views[username].append((view, tab, seconds))
    values = {"until": EVERYTHING, **wanted.values()}
    rows = (*tx.rows(statements.seen, **values), *tx.rows(statements.seen_long, **values))
    seen: dict[str, list[int]] = defaultdict(list)
    for username, first, last in rows:
        seen[username] += [each for each in (first, last) if each is not None]
    return [
        {
            "username": username,
            "sessions": sessions,
            "visible_duration": seconds,
            "tab_duration": as_tab_duration(views[username]),
            "first_seen": min(seen[username]),
            "last_seen": max(seen[username]),
        }
        for (username, view, _), (sessions, seconds) in sorted(sums.items())
        if not view and sessions
    ]


def _sums(
    tx: Transaction, wanted: StatsFilter, statements: Statements
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(user, view, tab) -> sessions and seconds: of whole stretches, and of the sessions up to their edge.

    The stretch in which the period begins counts whole, less what was over before, or not at all, with what
    is in the period added: whichever reads less.
    """
    begin = wanted.since >> STRETCH_BITS << STRETCH_BITS
    until = EVERYTHING if wanted.until is None else wanted.until
    tail = until >> STRETCH_BITS << STRETCH_BITS
    is_early = wanted.since - begin < LENGTH // 2
    edge = begin if is_early else begin + LENGTH
    values = {**wanted.values(), "until": until, "edge": edge, "tail": tail}
    values |= {"first": edge >> STRETCH_BITS, "after": tail >> STRETCH_BITS}
    if tail <= edge:
        # No whole stretch is in the period.
        values["edge"] = until
        parts = [(each, 1) for each in statements.reaching]
    else:
        parts = [(each, 1) for each in (statements.kept, *statements.reaching)]
        parts += [(each, -1) for each in statements.over] if is_early else []
        parts += [(each, 1) for each in statements.latest] if wanted.until is not None else []
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for statement, sign in parts:
        for username, view, tab, sessions, seconds in tx.stream(statement, **values):
            before = found.get((username, view, tab), (0, 0))
            found[username, view, tab] = before[0] + sign * int(sessions), before[1] + sign * int(seconds)
    return found


@cache
def _statements(users: int, only: bool) -> Statements:
    names = ", ".join(f":user_{number}" for number in range(users))
    of_users = f" AND username IN ({names})" if users else ""
    of_users += " AND username = :only" if only else ""
    return Statements(
        Statement(_KEPT.format(of_users)),
        tuple(
            Statement(each.format(where + of_users))
            for each in (_WHOLE, _VIEWS)
            for where in (_REACHING, _REACHING_LONG)
        ),
        tuple(Statement(each.format(_OVER + of_users)) for each in (_WHOLE, _VIEWS)),
        tuple(Statement(each.format(_LATEST + of_users)) for each in (_WHOLE, _VIEWS)),
        Statement(_NAMES + _SEEN.format(of_users)),
        Statement(_SEEN_LONG.format(of_users)),
    )
