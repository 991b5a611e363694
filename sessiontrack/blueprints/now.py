"""What is going on now, for pages that ask again and again: `/presence/now`."""

from threading import Lock
from typing import Any, NamedTuple

import orjson
from flask import Flask, Response, current_app, g

from sessiontrack.database import Transaction, read_transaction
from sessiontrack.http import examples
from sessiontrack.http.endpoint import Blueprint, seen_user, settings
from sessiontrack.http.etags import ETAG_HEADER, tag_of, tagged_answer
from sessiontrack.queries import devices
from sessiontrack.queries import now as queries
from sessiontrack.queries.sources import list_sources
from sessiontrack.schemas import now as schemas
from sessiontrack.values.roles import VIEWER

# One body for each number of events and, where users see only their own sessions, for each user.
MOST_KEPT = 256
# Counting 1,000 devices takes 4 ms, answering 0.2: with this, a hundred pages cost little more than one.
KEPT_SECONDS = 2
# Of each kind; the rest is in GET /presence/sources.
MOST_SOURCES = 20
EXTENSION = "sessiontrack.now"

blueprint = Blueprint("now", __name__, url_prefix="/presence", description="What is going on now.")


class _Kept(NamedTuple):
    """A body of these seconds."""

    made_at: int
    body: bytes
    tag: str

    def is_good(self, now: int) -> bool:
        """Not after a clock that jumped back either."""
        return self.made_at <= now < self.made_at + KEPT_SECONDS


class KeptAnswers:
    """The answers of this process, each made once in KEPT_SECONDS however many ask.

    One at a time is made: of a hundred pages that ask at once, the first one makes it for all.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[int, str | None], _Kept] = {}

    def get(self, now: int, limit: int, only: str | None) -> _Kept:
        """The answer, at most KEPT_SECONDS old.

        Args:
            limit: the number of events.
            only: whose user sessions may be seen; None: everybody's.
        """
        found = self._kept.get((limit, only))
        if found is not None and found.is_good(now):
            return found
        with self._lock:
            found = self._kept.get((limit, only))
            if found is None or not found.is_good(now):
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                body = _body(now, limit, only)
                found = self._kept[limit, only] = _Kept(now, body, tag_of(body))
        return found


@blueprint.endpoint(
    "/now",
    role=VIEWER,
    query=schemas.Now,
    answer=schemas.NowAnswer,
    example=examples.PRESENCE_NOW,
    headers={
        **ETAG_HEADER,
        "X-Server-Time": {
            "schema": {"type": "integer"},
            "description": "Epoch seconds; on a 304 too.",
        },
    },
)
def now(query: dict[str, Any]) -> Response:
    """What is going on now: devices by status, people in the UI, the latest events"""
    kept: KeptAnswers = current_app.extensions[EXTENSION]
    found = kept.get(g.now, query["limit"], seen_user())
    response = tagged_answer(found.body, found.tag)
    # Not in the body, which would be another one every second.
    response.headers["X-Server-Time"] = str(g.now)
    return response


def _body(at: int, limit: int, only: str | None) -> bytes:
    configured = settings()
    active_since, flapping = at - configured.session_alive_seconds, configured.flapping
    with read_transaction() as tx:
        people = queries.people_now(tx, active_since, only)
        total = len(people)
        if total == queries.MOST_PEOPLE:
            total = queries.count_people(tx, active_since, only)
        found = {
            "success": True,
            "timezone": configured.timezone.name,
            "devices": devices.count_totals(tx, flapping, at),
            "sources": _sources(tx, at),
            "people_total": total,
            "people": people,
            "events": queries.latest_events(tx, limit, configured.timezone),
        }
    return orjson.dumps(found)


def _sources(tx: Transaction, at: int) -> dict[str, Any]:
    """How many sources there are, and those that are silent or fail."""
    found = [each for each in list_sources(tx, at, counts=False) if not each.archived]
    silent = [each.name for each in found if each.silent_since is not None]
    failing = [each.name for each in found if each.failing_since is not None]
    return {"all": len(found), "silent": silent[:MOST_SOURCES], "failing": failing[:MOST_SOURCES]}


def init_app(app: Flask) -> None:
    """Give the application its kept answers."""
    app.extensions[EXTENSION] = KeptAnswers()
