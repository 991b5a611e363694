"""User sessions as lists and statistics show them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import UserSession, ViewTime
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.models.row_count import USER_SESSIONS
from sessiontrack.models.user_session import IS_LONG, SHORT_SECONDS
from sessiontrack.queries import row_counts
from sessiontrack.values.paths import as_list

COLUMNS = (
    UserSession.id,
    UserSession.public_id,
    UserSession.login_key,
    UserSession.username,
    UserSession.started_at,
    UserSession.last_ping,
    UserSession.last_visible_ping,
    UserSession.last_view,
    UserSession.last_tab,
    UserSession.visible_seconds,
    UserSession.ended_at,
)
LATER = Statement(row_counts.IN_STRETCHES)
_STARTED = "SELECT count(*) FROM user_session WHERE started_at"
# Those that started in the rest of a counted stretch; those that started before an instant and had a ping at
# or after it, short ones and long ones; those that stopped pinging before it and are active.
NOT_STOPPED = Statement(
    f"SELECT ({_STARTED} >= :before AND started_at < :until)"
    f" + ({_STARTED} >= :before - {SHORT_SECONDS} AND started_at < :before AND last_ping >= :before"
    f" AND NOT {IS_LONG})"
    f" + ({_STARTED} + 0 < :before AND last_ping >= :before AND {IS_LONG})"
    f" + ({_STARTED} + 0 < :before AND last_ping > :active_since AND last_ping < :before"
    " AND ended_at IS NULL)"
)


@dataclass(frozen=True)
class UserSessionFilter:
    """Which user sessions; instants in UTC epoch seconds, None where not asked for.

    active_since: those with a ping after it, and not ended, are active.
    usernames: none at all is no condition; `only` is one that always holds.
    """

    active_since: int
    usernames: tuple[str, ...] = ()
    only: str | None = None
    active: bool | None = None
    started_after: int | None = None
    stopped_before: int | None = None
    public_id: str | None = None

    def shape(self) -> tuple[Any, ...]:
        """What kind of conditions there are: each combination is one statement."""
        present = (self.only, self.started_after, self.stopped_before, self.public_id)
        return (len(self.usernames), self.active, *(each is not None for each in present))

    def is_everything(self) -> bool:
        """Whether there is no condition at all."""
        return not self.usernames and self.active is None and not any(self.shape()[2:])

    def is_over_alone(self) -> bool:
        """Whether the only condition is that they are not active."""
        return self.active is False and replace(self, active=None).is_everything()

    def values(self) -> dict[str, Any]:
        """The parameters of the statement."""
        values: dict[str, Any] = {f"user_{n}": name for n, name in enumerate(self.usernames)}
        values |= {"only": self.only, "started_after": self.started_after}
        values |= {"stopped_before": self.stopped_before, "public_id": self.public_id}
        if self.active is not None or self.stopped_before is not None:
            values["active_since"] = self.active_since
        return {name: value for name, value in values.items() if value is not None}


def list_sessions(
    tx: Transaction, wanted: UserSessionFilter, limit: int | None, offset: int
) -> Iterator[dict[str, Any]]:
    """The user sessions, newest start first, each with its seconds by view."""
    values = {**wanted.values(), "limit": limit or EVERYTHING, "offset": offset}
    is_placed = wanted.is_everything() and offset > row_counts.MOST_SKIPPED
    if is_placed:
        values |= row_counts.place(tx, USER_SESSIONS, offset, newest_first=True)
    is_whole = limit is None and not offset
    rows = tx.stream(_listed(*wanted.shape(), placed=is_placed, is_whole=is_whole), **values)
    for found, _ in session_objects(rows, wanted.active_since):
        yield found


def count_sessions(tx: Transaction, wanted: UserSessionFilter) -> int:
    """How many there are, whatever the page."""
    if wanted.is_everything():
        return row_counts.total(tx, USER_SESSIONS)
    if wanted.is_over_alone():
        return row_counts.total(tx, USER_SESSIONS) - count_sessions(tx, replace(wanted, active=True))
    if wanted.stopped_before is not None and replace(wanted, stopped_before=None).is_everything():
        return _count_stopped(tx, wanted.stopped_before, wanted.active_since)
    return int(tx.value(_counted(*wanted.shape()), **wanted.values()))


def _count_stopped(tx: Transaction, before: int, active_since: int) -> int:
    """How many sessions had their last ping before an instant, and are not active.

    Those that started before it, without those that went on until then.
    """
    stretches = row_counts.from_instant(USER_SESSIONS, before)
    later = int(tx.value(LATER, **stretches))
    values = {"before": before, "until": stretches["until"], "active_since": active_since}
    return row_counts.total(tx, USER_SESSIONS) - later - int(tx.value(NOT_STOPPED, **values))


def session_objects(rows: Iterable[Row], active_since: int) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Each session as lists show it, and the instant at which it was ended.

    Args:
        rows: COLUMNS, view, tab and seconds; those of a session together.
    """
    for _, views in groupby(rows, key=lambda row: row[0]):
        same = list(views)
        _, public_id, login_key, username, started_at, last_ping, last_visible, view, tab, visible, ended = (
            same[0][:11]
        )
        found = {
            "_id": public_id,
            "id_beaker_session": login_key,
            "username": username,
            "start": started_at,
            "last_ping": last_ping,
            "last_visible_ping": last_visible,
            "last_visible_path": as_list(view, tab),
            "visible_duration": visible,
            "tab_duration": as_tab_duration(row[-3:] for row in same if row[-1] is not None),
            "active": ended is None and last_ping > active_since,
        }
        yield found, ended


def as_tab_duration(views: Iterable[Row]) -> dict[str, int | dict[str, int]]:
    """{view: seconds} or {view: {tab: seconds}} from (view, tab, seconds); a view with both has a tab ""."""
    found: dict[str, dict[str, int]] = {}
    for view, tab, seconds in views:
        found.setdefault(view, {})[tab] = int(seconds)
    return {view: tabs[""] if set(tabs) == {""} else tabs for view, tabs in found.items()}


@dataclass(frozen=True)
class StatsFilter:
    """Whose sessions, of those with a ping at or after `since` (UTC epoch seconds).

    until: only those that started before it, None for all.
    """

    since: int
    until: int | None = None
    usernames: tuple[str, ...] = ()
    only: str | None = None

    def values(self) -> dict[str, Any]:
        """The parameters of the statements."""
        values: dict[str, Any] = {f"user_{n}": name for n, name in enumerate(self.usernames)}
        named = {"since": self.since, "until": self.until, "only": self.only}
        return values | {name: value for name, value in named.items() if value is not None}

    def shape(self) -> tuple[int, bool, bool]:
        """What the statements depend on."""
        return len(self.usernames), self.only is not None, self.until is not None


def of_users(count: int, only: bool) -> list[ColumnElement[bool]]:
    """The conditions on whose sessions: so many names, and that of the only one there is to see."""
    where: list[ColumnElement[bool]] = []
    if count:
        where.append(UserSession.username.in_([bind(f"user_{n}") for n in range(count)]))
    if only:
        where.append(UserSession.username == bind("only"))
    return where


def of_period(users: int, only: bool, bounded: bool) -> list[ColumnElement[bool]]:
    """The conditions of a StatsFilter, by its shape."""
    where = [UserSession.last_ping >= bind("since"), *of_users(users, only)]
    return [*where, UserSession.started_at < bind("until")] if bounded else where


def _conditions(
    users: int, active: bool | None, only: bool, started_after: bool, stopped_before: bool, one: bool
) -> list[ColumnElement[bool]]:
    where = of_users(users, only)
    is_active = and_(UserSession.ended_at.is_(None), UserSession.last_ping > bind("active_since"))
    is_over = or_(UserSession.ended_at.is_not(None), UserSession.last_ping <= bind("active_since"))
    if active is not None:
        where.append(is_active if active else is_over)
    if started_after:
        where.append(UserSession.started_at > bind("started_after"))
    if stopped_before:
        where += [is_over, UserSession.last_ping < bind("stopped_before")]
        # Where to begin to read, newest first.
        where.append(UserSession.started_at < bind("stopped_before"))
    if one:
        where.append(UserSession.public_id == bind("public_id"))
    return where


@cache
def _counted(*shape: Any) -> Statement:
    return Statement(select(func.count()).select_from(UserSession).where(*_conditions(*shape)))


@cache
def _listed(*shape: Any, placed: bool, is_whole: bool) -> Statement:
    """One row for each view of each session of the page, sessions together and in their order.

    Without a page they are read in this order, and nothing is sorted before the first one is there.
    """
    _, active, *_ = shape
    # Active ones are few: better sorted than looked for, newest first, among all.
    started_at = UserSession.started_at + 0 if active else UserSession.started_at
    where = [*_conditions(*shape), *([UserSession.started_at < bind("edge")] if placed else [])]
    views = (ViewTime.view, ViewTime.tab, ViewTime.seconds)
    page = select(*COLUMNS).where(*where).order_by(started_at.desc(), UserSession.id.desc())
    if is_whole:
        every = page.add_columns(*views).join(ViewTime, ViewTime.session_id == UserSession.id, isouter=True)
        return Statement(every.order_by(ViewTime.view, ViewTime.tab))
    found = page.limit(bind("limit")).offset(bind("offset")).subquery()
    listed = (
        select(found, *views)
        .join(ViewTime, ViewTime.session_id == found.c.id, isouter=True)
        .order_by(found.c.started_at.desc(), found.c.id.desc(), ViewTime.view, ViewTime.tab)
    )
    return Statement(listed)
