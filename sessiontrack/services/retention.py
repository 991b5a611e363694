"""What history is kept for how long, and how the rest goes: a stretch at a time, the oldest first.

What evidence could still change is never removed: it would only be derived again. Nor is the start of an open
session, nor the session that says that a device is down.
"""

from dataclasses import dataclass
from math import ceil

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.kept import deletion_from
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.values.periods import Period, window_start
from sessiontrack.values.timestamps import EARLIEST, SiteTime

# Of a stretch, one transaction deletes what is of neighbouring devices or users: their rows lie together in
# some indexes, those of neighbouring instants in the others, so that few pages have to be written.
STRETCH = 10_000
# Of a size limit that is exceeded a tenth is made free, so that it is not exceeded again at once.
TARGET = 0.9

# What is old enough, and of that, what goes.
_OLD_SESSIONS = (
    " FROM device_session AS s WHERE s.begin_at < :cutoff AND s.end_at < :cutoff AND NOT s.still_connected"
)
_SESSIONS = (
    " AND NOT (s.disc_type = 'Device Down' AND s.disconnected_at IS NOT NULL AND NOT EXISTS (SELECT 1"
    " FROM device_session l WHERE l.device_id = s.device_id AND l.begin_at > s.begin_at))"
    " AND NOT EXISTS (SELECT 1 FROM sighting_run r WHERE r.device_id = s.device_id AND NOT r.settled"
    " AND r.ip <> '-' AND r.first_at <= s.end_at)"
    " AND NOT EXISTS (SELECT 1 FROM device_evidence e WHERE e.device_id = s.device_id AND NOT e.settled"
    " AND coalesce(e.since_at, e.at) <= s.end_at)"
)
_OLD_EVENTS = " FROM event AS s WHERE s.at < :cutoff"
_EVENTS = (
    " AND NOT EXISTS (SELECT 1 FROM device_session d WHERE d.id = s.session_id"
    " AND (d.still_connected OR d.end_at >= :floor))"
    " AND NOT EXISTS (SELECT 1 FROM device_session o WHERE o.device_id = s.device_id AND o.still_connected"
    " AND o.connected_at = s.at)"
)
_OLD_STAYS = " FROM user_session AS s WHERE s.last_ping < :cutoff"
_STAYS = " AND (s.ended_at IS NOT NULL OR s.last_ping <= :expired_at)"
USED_ROWS = Statement(
    "SELECT (SELECT count(*) FROM device_session) + (SELECT count(*) FROM event)"
    " + (SELECT count(*) FROM user_session)"
)
NTH_OLDEST = Statement(
    "SELECT at FROM (SELECT end_at AS at FROM device_session WHERE end_at IS NOT NULL"
    " UNION ALL SELECT at FROM event UNION ALL SELECT last_ping FROM user_session) AS all_rows"
    " ORDER BY at LIMIT 1 OFFSET :number"
)


class Kind:
    """One kind of history: `at` is the column by which the oldest is found, `of` whose it is."""

    def __init__(self, table: str, at: str, of: str, old: str, and_goes: str, *children: str) -> None:
        condition = f"{old}{and_goes}"
        self.table = table
        self.name = f"{table}s"
        self.count = Statement(f"SELECT count(*){condition}")
        self.count_between = Statement(
            f"SELECT count(*){condition} AND s.{at} >= :from_at AND s.{at} < :to_at"
        )
        self.stretch = Statement(
            f"SELECT s.{at}, s.id, s.{of}{old} AND (s.{at}, s.id) > (:after_at, :after_id)"
            f" ORDER BY s.{at}, s.id LIMIT :most"
        )
        self.delete = deletion_from(table, f"{condition} AND s.id AMONG(:ids)", *children)


DEVICE_SESSIONS = Kind("device_session", "begin_at", "device_id", _OLD_SESSIONS, _SESSIONS)
EVENTS = Kind("event", "at", "device_id", _OLD_EVENTS, _EVENTS)
USER_SESSIONS = Kind("user_session", "last_ping", "username", _OLD_STAYS, _STAYS, "view_time")
KINDS = (DEVICE_SESSIONS, EVENTS, USER_SESSIONS)
# Events first: a session that goes would have to be taken from each of them.
IN_TURN = (EVENTS, DEVICE_SESSIONS, USER_SESSIONS)


@dataclass(frozen=True)
class Limits:
    """As this install's settings say; max_bytes 0 is no limit, late and alive are seconds."""

    device_sessions: Period
    events: Period
    user_sessions: Period
    max_bytes: int
    site: SiteTime
    late: int
    alive: int


@dataclass(frozen=True)
class Plan:
    """What is older than its cutoff goes; the values are those of the statements above."""

    cutoffs: dict[str, int]
    floor: int
    expired_at: int

    def values(self, kind: Kind) -> dict[str, int]:
        """The parameters of its statements."""
        values = {"cutoff": self.cutoffs[kind.name]}
        if kind is EVENTS:
            values["floor"] = self.floor
        if kind is USER_SESSIONS:
            values["expired_at"] = self.expired_at
        return values


def make_plan(tx: Transaction, now: int, limits: Limits, used_bytes: int) -> Plan:
    """Decide what is too old, by age or because there is too much; nothing that is younger than `late`."""
    floor = now - limits.late
    by_size = _size_cutoff(tx, limits.max_bytes, used_bytes)
    periods = (limits.device_sessions, limits.events, limits.user_sessions)
    cutoffs = {
        kind.name: min(floor, max(by_size, window_start(period, now, limits.site)))
        for kind, period in zip(KINDS, periods, strict=True)
    }
    return Plan(cutoffs, floor, now - limits.alive)


def _size_cutoff(tx: Transaction, max_bytes: int, used_bytes: int) -> int:
    """The instant before which as many rows lie as have to go: the rows' share of what is too much."""
    if not max_bytes or used_bytes <= max_bytes:
        return EARLIEST
    share = (used_bytes - TARGET * max_bytes) / used_bytes
    number = ceil(int(tx.value(USED_ROWS)) * share)
    found = tx.value(NTH_OLDEST, number=number)
    return EARLIEST if found is None else int(found)


def count_prunable(tx: Transaction, plan: Plan) -> dict[str, int]:
    """How much of each kind a run would remove, were it done now."""
    return {kind.name: int(tx.value(kind.count, **plan.values(kind))) for kind in KINDS}


@dataclass(frozen=True)
class Stretch:
    """Some of what is to be removed: the ids, and after which instant and id it goes on."""

    ids: list[int]
    last: tuple[int, int]


def find_prunable(tx: Transaction, plan: Plan, kind: Kind, after: tuple[int, int]) -> Stretch | None:
    """The oldest of a kind that are old enough, those of each device or user together."""
    at, row_id = after
    rows = tx.rows(kind.stretch, **plan.values(kind), after_at=at, after_id=row_id, most=STRETCH)
    if not rows:
        return None
    return Stretch([each[1] for each in sorted(rows, key=lambda row: row[2])], rows[-1][:2])


def prune_rows(tx: Transaction, plan: Plan, kind: Kind, ids: list[int]) -> int:
    """Remove these, where they are still what is to be removed; how many were."""
    hold_evidence(tx)
    return tx.delete_summed(kind.delete, ids, plan.values(kind))
