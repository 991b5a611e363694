"""What came of an instant that lies far ahead of the clock: set aside once the clock is right again.

It is kept in a table of its own, and is no part of any history. A clock that is behind must not set aside
what is true: by itself this is done only where less lies ahead of the clock than shortly before it.
"""

import json
from collections.abc import Iterable
from typing import Any

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.evidence import ADDRESS

# What is accepted ahead of the clock.
FUTURE_SECONDS = 300
# What lies further ahead is set aside; what lies less ahead is true before long.
AHEAD_SECONDS = 86_400
# A session may end ahead of the clock where a date alone says so: at the end of a day of up to 25 hours.
LATEST_END_SECONDS = 90_000

IS_ANY_AHEAD = Statement(
    "SELECT 1 FROM source s WHERE (SELECT max(at) FROM scan WHERE source_id = s.id) > :limit"
    " OR (SELECT max(at) FROM device_evidence WHERE source_id = s.id) > :limit"
    " UNION ALL SELECT 1 WHERE (SELECT max(begin_at) FROM device_session) > :limit LIMIT 1"
)
COUNTS = Statement(
    "SELECT coalesce(sum(CASE WHEN at > :limit THEN 1 ELSE 0 END), 0),"
    " coalesce(sum(CASE WHEN at > :limit THEN 0 ELSE 1 END), 0) FROM (SELECT at FROM scan"
    " UNION ALL SELECT at FROM device_evidence WHERE NOT settled) AS evidence WHERE at >= :since"
)
SCANS = Statement(
    "SELECT 'scan', x.at, s.name, NULL, x.seen_count FROM scan x JOIN source s ON s.id = x.source_id"
    " WHERE x.at > :limit"
)
WORDS = Statement(
    f"SELECT e.kind, e.at, s.name, {ADDRESS}, e.ip"
    " FROM device_evidence e JOIN source s ON s.id = e.source_id"
    " JOIN device d ON d.id = e.device_id WHERE e.at > :limit"
)
SIGHTINGS = Statement(
    "SELECT 'sighting', CASE WHEN r.first_at > :limit THEN r.first_at ELSE (SELECT min(x.at) FROM scan x"
    " WHERE x.source_id = r.source_id AND x.at > :limit) END, s.name, d.mac, r.ip FROM sighting_run r"
    " JOIN source s ON s.id = r.source_id JOIN device d ON d.id = r.device_id WHERE r.last_at > :limit"
    " OR (r.last_at IS NULL AND EXISTS (SELECT 1 FROM scan x WHERE x.source_id = r.source_id"
    " AND x.at > :limit))"
)
SESSIONS = Statement(
    "SELECT 'session', s.begin_at, s.source, d.mac, s.ip FROM device_session s JOIN device d"
    f" ON d.id = s.device_id WHERE s.begin_at > :limit AND coalesce(s.source, '') <> '{DERIVED}'"
)
KEEP = Statement(
    "INSERT INTO set_aside (what, at, source, mac, details, set_aside_at)"
    " VALUES (:what, :at, :source, :mac, :details, :now)"
)
AFFECTED = Statement(
    "SELECT device_id FROM device_evidence WHERE at > :limit UNION SELECT device_id FROM sighting_run"
    " WHERE first_at > :limit OR last_at > :limit OR (last_at IS NULL AND source_id IN"
    " (SELECT source_id FROM scan WHERE at > :limit))"
    " UNION SELECT device_id FROM device_session WHERE begin_at > :limit"
    f" AND coalesce(source, '') <> '{DERIVED}'"
    " UNION SELECT id FROM device WHERE first_seen_at > :limit"
)
# Those that an earlier scan saw: of the scans that are left the newest has seen them.
GO_ON = Statement(
    "UPDATE sighting_run SET last_at = NULL, judged = false WHERE last_at > :limit AND first_at <= :limit"
)
# A scan that is set aside no longer shows which devices it missed.
_OF_SUCH_A_SOURCE = "judged AND NOT settled AND source_id IN (SELECT source_id FROM scan WHERE at > :limit)"
MISSED = Statement(
    f"SELECT device_id FROM sighting_run WHERE {_OF_SUCH_A_SOURCE}"
    f" UNION SELECT device_id FROM device_evidence WHERE {_OF_SUCH_A_SOURCE}"
)
JUDGE_ANEW = (
    Statement(f"UPDATE sighting_run SET judged = false WHERE {_OF_SUCH_A_SOURCE}"),
    Statement(f"UPDATE device_evidence SET judged = false WHERE {_OF_SUCH_A_SOURCE}"),
)
CHANGES = [
    Statement(sql)
    for sql in (
        "DELETE FROM device_evidence WHERE at > :limit",
        "DELETE FROM sighting_run WHERE first_at > :limit",
        "DELETE FROM scan WHERE at > :limit",
        "UPDATE event SET voided = true, void_cause = 'evidence', session_id = NULL"
        f" WHERE at > :limit AND NOT voided AND (source = '{DERIVED}'"
        " OR session_id IN (SELECT id FROM device_session WHERE begin_at > :limit))",
        f"DELETE FROM device_session WHERE begin_at > :limit AND coalesce(source, '') <> '{DERIVED}'",
        "UPDATE device SET first_seen_at = coalesce((SELECT min(at) FROM (SELECT min(first_at) AS at"
        " FROM sighting_run WHERE device_id = device.id UNION ALL SELECT min(at) FROM device_evidence"
        " WHERE device_id = device.id UNION ALL SELECT min(begin_at) FROM device_session"
        " WHERE device_id = device.id AND begin_at <= :limit) AS known), :limit)"
        " WHERE first_seen_at > :limit",
    )
]
COUNT_ASIDE = Statement("SELECT count(*), max(at) FROM set_aside")


def set_aside(tx: Transaction, now: int, late: int, *, by_itself: bool = True) -> set[int]:
    """Set aside what lies more than a day ahead of the clock.

    Args:
        late: seconds; how far back evidence is laid beside it.
        by_itself: no administrator has said that the clock is right.
    Returns:
        the devices to derive anew.
    """
    limit = now + AHEAD_SECONDS
    if tx.row(IS_ANY_AHEAD, limit=limit) is None:
        return set()
    ahead, before = tx.rows(COUNTS, limit=limit, since=now - late)[0]
    if by_itself and ahead > before:
        return set()
    kept = [row for each in (SCANS, WORDS, SIGHTINGS, SESSIONS) for row in tx.rows(each, limit=limit)]
    if kept:
        tx.run_many(KEEP, _rows(kept, now))
    affected = {device_id for each in (AFFECTED, MISSED) for (device_id,) in tx.rows(each, limit=limit)}
    tx.run(GO_ON, limit=limit)
    for statement in JUDGE_ANEW:
        tx.run(statement, limit=limit)
    for statement in CHANGES:
        tx.run(statement, limit=limit)
    return affected


def _rows(found: Iterable[Row], now: int) -> Iterable[dict[str, Any]]:
    for what, at, source, mac, value in found:
        details = json.dumps({"seen": value} if what == "scan" else {"ip": value})
        yield {"what": what, "at": at, "source": source, "mac": mac, "details": details, "now": now}


def devices_ahead(tx: Transaction, now: int) -> list[int]:
    """Devices of which something lies more than a day ahead of the clock."""
    limit = now + AHEAD_SECONDS
    if tx.row(IS_ANY_AHEAD, limit=limit) is None:
        return []
    return sorted(device_id for (device_id,) in tx.rows(AFFECTED, limit=limit))


def count_set_aside(tx: Transaction) -> tuple[int, int | None]:
    """How much was set aside, and the latest instant of it."""
    count, latest = tx.rows(COUNT_ASIDE)[0]
    return int(count), latest
