"""The user dialect: `/api/v2/...` (contract 4)."""

from typing import Any
from uuid import UUID

from flask import Response, g, request

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.http import examples
from sessiontrack.http.answers import PAGING_HEADERS, answer, list_answer
from sessiontrack.http.authentication import identify
from sessiontrack.http.endpoint import Blueprint, principal, seen_user, settings, window
from sessiontrack.queries import user_days, visits
from sessiontrack.queries import user_sessions as queries
from sessiontrack.queries.user_cells import count_from
from sessiontrack.queries.user_stats import session_stats
from sessiontrack.schemas import user_sessions as schemas
from sessiontrack.schemas.base import Nothing
from sessiontrack.services import user_sessions as services
from sessiontrack.values.reports import Ping
from sessiontrack.values.roles import VIEWER

blueprint = Blueprint(
    "user sessions", __name__, url_prefix="/api/v2", description="Which people were in the web UI."
)


def session_start() -> Response:
    """Start a user session; nothing changes while one is active"""
    asking = principal()
    alive = settings().session_alive_seconds
    with write_transaction(brief=True) as tx:
        # Again, now that this transaction writes: a sign-out in between has ended the session for good.
        identify(tx, request, g.now, kind="access")
        services.start_session(tx, g.now, asking.login_key, asking.username, alive)
    return answer({"description": "Session Start"})


START: dict[str, Any] = {
    "needs_time": True,
    "role": VIEWER,
    "answer": schemas.StartAnswer,
    "example": {"description": "Session Start"},
}
blueprint.endpoint("/sessionstart", method="POST", body=Nothing, **START)(session_start)
# A GET that writes, so in a browser it needs the CSRF token too.
blueprint.endpoint("/sessionstart", writes=True, endpoint="session_start_by_get", **START)(session_start)


@blueprint.endpoint(
    "/keepalive",
    method="POST",
    needs_time=True,
    role=VIEWER,
    body=schemas.Keepalive,
    body_example=examples.KEEPALIVE,
    answer=schemas.KeepaliveAnswer,
    example=examples.KEPT_ALIVE,
    errors=(409,),
)
def keepalive(ping: Ping) -> Response:
    """A ping: the session is alive, and whether the page was visible since the last one"""
    _record(ping)
    described = {"description": "Session keepalive", "time": g.now}
    return answer({**described, "visible": ping.visible, "paths": ping.sent})


def session_hide(ping: Ping) -> Response:
    """A page is being left: it was visible since the last ping"""
    _record(ping)
    return answer({"description": "Session hide", "time": g.now, "paths": ping.sent})


HIDE: dict[str, Any] = {
    "needs_time": True,
    "method": "POST",
    "role": VIEWER,
    "body": schemas.SessionHide,
    "body_example": examples.SESSION_HIDE,
    "answer": schemas.PingAnswer,
    "example": examples.SESSION_HIDDEN,
    "errors": (409,),
}
blueprint.endpoint("/session-hide", **HIDE)(session_hide)
# Canopsis' own names for it.
for name in ("session_hide", "session_tracepath"):
    blueprint.endpoint(f"/{name}", endpoint=f"by_{name}", **HIDE)(session_hide)


def _record(ping: Ping) -> None:
    """Keep the session alive; what was visible, if anything, is credited."""
    login_key, alive = principal().login_key, settings().session_alive_seconds
    with write_transaction(brief=True) as tx:
        if ping.visible and ping.path is not None:
            services.credit_view(tx, g.now, login_key, ping.path, alive)
        else:
            services.keep_alive(tx, g.now, login_key, alive)


def list_(query: dict[str, Any]) -> Response:
    """List user sessions, newest start first"""
    limit, offset, before = query["limit"], query["offset"], query["started_before"]
    wanted = sessions_wanted(query)
    return list_answer(
        lambda tx: queries.list_sessions(tx, wanted, limit, offset + count_from(tx, wanted, before)),
        lambda tx: queries.count_sessions(tx, wanted) - count_from(tx, wanted, before),
        limit=limit,
        offset=offset,
    )


LIST: dict[str, Any] = {
    "role": VIEWER,
    "query": schemas.ListUserSessions,
    "answer": schemas.UserSessionAnswer(many=True),
    "example": examples.USER_SESSIONS,
    "headers": PAGING_HEADERS,
}
blueprint.endpoint("/sessions", **LIST)(list_)
# The source document's own URL line says so.
blueprint.endpoint("/session-hide", endpoint="list_by_session_hide", **LIST)(list_)


@blueprint.endpoint(
    "/sessions/<uuid:session_id>",
    role=VIEWER,
    answer=schemas.UserSessionAnswer,
    example=examples.USER_SESSIONS[0],
    errors=(404,),
)
def show(session_id: UUID) -> Response:
    """One user session, as it is in the list"""
    active_since = g.now - settings().session_alive_seconds
    wanted = queries.UserSessionFilter(active_since, only=seen_user(), public_id=str(session_id))
    with read_transaction() as tx:
        found = next(queries.list_sessions(tx, wanted, 1, 0), None)
    if found is None:
        raise NotFound(f"There is no user session {session_id}.")
    return answer(found)


@blueprint.endpoint(
    "/session-stats",
    role=VIEWER,
    query=schemas.SessionStats,
    answer=schemas.UserStatsAnswer(many=True),
    example=examples.USER_STATS,
)
def stats(query: dict[str, Any]) -> Response:
    """What each user did in a period: sessions, visible seconds, seconds by view and tab"""
    wanted = stats_wanted(query)
    with read_transaction() as tx:
        return answer(session_stats(tx, wanted))


@blueprint.endpoint(
    "/session-days",
    role=VIEWER,
    query=schemas.SessionDays,
    answer=schemas.UserDayAnswer(many=True),
    example=examples.USER_DAYS,
)
def session_days(query: dict[str, Any]) -> Response:
    """For each user and day: sessions and visible seconds; by the site's calendar"""
    wanted = stats_wanted(query)
    with read_transaction() as tx:
        return answer(user_days.session_days(tx, wanted, settings().timezone))


@blueprint.endpoint(
    "/sessions/<uuid:session_id>/views",
    role=VIEWER,
    query=schemas.ListVisits,
    answer=schemas.VisitAnswer(many=True),
    example=examples.VISITS,
    headers=PAGING_HEADERS,
    errors=(404,),
)
def views(query: dict[str, Any], session_id: UUID) -> Response:
    """What was in sight in one user session, from view to view, oldest first"""
    with read_transaction() as tx:
        row_id = visits.find_session(tx, str(session_id), seen_user())
    if row_id is None:
        raise NotFound(f"There is no user session {session_id}.")
    limit, offset = query["limit"], query["offset"]
    return list_answer(
        lambda tx: visits.list_visits(tx, row_id, limit, offset),
        lambda tx: visits.count_visits(tx, row_id),
        limit=limit,
        offset=offset,
    )


def sessions_wanted(query: dict[str, Any]) -> queries.UserSessionFilter:
    """Which sessions are asked for, of those that the user may see."""
    return queries.UserSessionFilter(
        active_since=g.now - settings().session_alive_seconds,
        usernames=tuple(query["usernames"]),
        only=seen_user(),
        active=query["active"],
        started_after=query["started_after"],
        stopped_before=query["stopped_before"],
    )


def stats_wanted(query: dict[str, Any]) -> queries.StatsFilter:
    """Which users and which period are asked for, of what the user may see."""
    return queries.StatsFilter(*window(query), usernames=tuple(query["usernames"]), only=seen_user())
