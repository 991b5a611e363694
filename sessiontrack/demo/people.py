"""The users of the web UI: their visits, and the pages they had open."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from sessiontrack.database import Statement, Transaction
from sessiontrack.services import users
from sessiontrack.values.roles import OPERATOR, VIEWER
from sessiontrack.values.timestamps import SiteTime

# (name, role, probability of a visit on a work day)
PEOPLE = (
    ("anna", OPERATOR, 0.9),
    ("ben", OPERATOR, 0.8),
    ("clara", VIEWER, 0.5),
    ("david", VIEWER, 0.35),
    ("eva", VIEWER, 0.2),
    ("frank", VIEWER, 0.15),
)
ACTIVE_NOW = ("anna", "ben", "david")
PATHS = (
    ("overview", ""),
    ("devices", "all"),
    ("devices", "new"),
    ("devices", "down"),
    ("sessions", "list"),
    ("sessions", "calendar"),
    ("events", ""),
    ("reports", "week"),
    ("reports", "month"),
)
WEIGHTS = (8, 6, 2, 3, 5, 4, 3, 2, 1)
PING_SECONDS = 30
DAY = 86_400
INSERT = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, last_visible_ping,"
    " last_view, last_tab, visible_seconds, credited_seconds, ended_at)"
    " VALUES (:public_id, :login_key, :username, :started_at, :last_ping, :last_visible_ping, :last_view,"
    " :last_tab, :visible_seconds, :credited_seconds, :ended_at) RETURNING id"
)
INSERT_VIEW = Statement(
    "INSERT INTO view_time (session_id, view, tab, seconds) VALUES (:session_id, :view, :tab, :seconds)"
)

INSERT_VISIT = Statement(
    "INSERT INTO view_visit (session_id, since_at, until_at, view, tab, seconds)"
    " VALUES (:session_id, :since_at, :until_at, :view, :tab, :seconds)"
)


@dataclass
class Stretch:
    """One visible path, from ping to ping."""

    path: tuple[str, str]
    since: int
    until: int
    seconds: int


@dataclass
class Visit:
    """One visit to the UI, in seconds from its start."""

    length: int = 0
    last_visible: int | None = None
    last_path: tuple[str, str] | None = None
    credited: int = 0
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    stretches: list[Stretch] = field(default_factory=list)

    def see(self, path: tuple[str, str], step: int) -> None:
        """A ping that credits the path with the step just passed."""
        self.seconds[path] += step
        if self.last_path != path:
            self.stretches.append(Stretch(path, self.length - step, self.length, 0))
        self.stretches[-1].until = self.length
        self.stretches[-1].seconds += step
        self.last_visible, self.last_path, self.credited = self.length, path, step


def fill(
    tx: Transaction, now: int, site: SiteTime, rng: random.Random, days: int, password_hash: str
) -> None:
    """Create the users and their user sessions of the days before now; some are active now."""
    for username, role, likely in PEOPLE:
        users.add_user(tx, now - days * DAY, username, password_hash, role)
        for start in _starts(now, site, rng, days, likely):
            visit = _visit(rng)
            end = start + visit.length
            if end < now - 60:
                # Today's sessions must be over, whatever SESSION_ALIVE_SECONDS is.
                logged_out = rng.random() < 0.5 or end > now - DAY
                _write(tx, username, start, visit, end + rng.randint(0, 60) if logged_out else None, rng)
    for username in ACTIVE_NOW:
        visit = _visit(rng)
        _write(tx, username, now - visit.length, visit, None, rng)


def _starts(now: int, site: SiteTime, rng: random.Random, days: int, likely: float) -> Iterator[int]:
    today = site.wall_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    for days_ago in range(days, -1, -1):
        day = today - timedelta(days=days_ago)
        at_weekend = day.weekday() >= 5
        for first, last in ((8, 11), (13, 17)):
            if rng.random() < likely * (0.2 if at_weekend else 1):
                yield site.resolve(day + timedelta(seconds=rng.randint(first * 3600, last * 3600)))


def _visit(rng: random.Random) -> Visit:
    """Page after page, a ping every half minute; sometimes the window is hidden."""
    visit = Visit()
    for path in rng.choices(PATHS, WEIGHTS, k=rng.randint(2, 9)):
        dwell = rng.randint(5, 400)
        for at in range(0, dwell, PING_SECONDS):
            step = min(PING_SECONDS, dwell - at)
            visit.length += step
            if rng.random() < 0.85:
                visit.see(path, step)
    return visit


def _write(
    tx: Transaction, username: str, start: int, visit: Visit, ended_at: int | None, rng: random.Random
) -> None:
    view, tab = visit.last_path or (None, None)
    session_id = tx.value(
        INSERT,
        public_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        login_key=f"demo-{rng.getrandbits(64):016x}",
        username=username,
        started_at=start,
        last_ping=start + visit.length,
        last_visible_ping=None if visit.last_visible is None else start + visit.last_visible,
        last_view=view,
        last_tab=tab,
        visible_seconds=visit.seconds.total(),
        credited_seconds=visit.credited,
        ended_at=ended_at,
    )
    views = (
        {"session_id": session_id, "view": view, "tab": tab, "seconds": seconds}
        for (view, tab), seconds in visit.seconds.items()
    )
    tx.run_many(INSERT_VIEW, views)
    visits = (
        {
            "session_id": session_id,
            "since_at": start + each.since,
            "until_at": start + each.until,
            "view": each.path[0],
            "tab": each.path[1],
            "seconds": each.seconds,
        }
        for each in visit.stretches
    )
    tx.run_many(INSERT_VISIT, visits)
