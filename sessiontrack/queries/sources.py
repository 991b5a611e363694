"""What feeds us: every source, when it was last heard of, and whether it is silent or fails."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.presence.ahead import FUTURE_SECONDS
from sessiontrack.values.timestamps import FOREVER

RADIUS, HOOK, SCAN, EVENTS = "radius", "hook", "scan", "events"
HOOKS = frozenset({"dhcp", "dhcp6", "hostapd"})
SHORTEST_SILENCE = 900
# It may be that no device comes or goes for a while, a night or a weekend; that looks as if the listener were
# dead. How long that may last is known after a week.
SHORTEST_SILENCE_OF_LISTENER, HALF_HOUR = 3600, 1800
SILENCE_OF_NEW_LISTENER = 86_400
DAY, WEEK = 86_400, 7 * 86_400

_SOURCES = (
    "SELECT s.name, s.id, f.since_at, f.reason, s.archived_look, s.told_look, s.heard_at"
    " FROM source s LEFT JOIN source_failure f ON f.name = s.name {0}"
    " UNION ALL SELECT f.name, NULL, f.since_at, f.reason, NULL, NULL, NULL FROM source_failure f"
    " WHERE f.name NOT IN (SELECT name FROM source) {1} ORDER BY 1"
)
SOURCES = Statement(_SOURCES.format("", ""))
ONE_SOURCE = Statement(_SOURCES.format("WHERE s.name = :name", "AND f.name = :name"))
SCANS = Statement(
    "SELECT at, seen_count FROM scan WHERE source_id = :source_id AND at <= :until ORDER BY at DESC LIMIT 21"
)
WORDS = Statement(
    "SELECT DISTINCT at FROM device_evidence WHERE source_id = :source_id AND at <= :until"
    " ORDER BY at DESC LIMIT 101"
)
# From its last word back in hops: to the earliest word of the half hour before, else to the word before that.
# So each silence of more than half an hour is one hop, and a week has at most 672, however much was said.
SILENCES = Statement(
    "WITH RECURSIVE hop (at, later) AS (SELECT CAST(:last AS BIGINT), CAST(NULL AS BIGINT) UNION ALL"
    " SELECT coalesce((SELECT min(e.at) FROM device_evidence e WHERE e.source_id = :source_id"
    " AND e.at >= hop.at - :half_hour AND e.at < hop.at), (SELECT max(e.at) FROM device_evidence e"
    " WHERE e.source_id = :source_id AND e.at < hop.at)), hop.at FROM hop WHERE hop.at > :since)"
    " SELECT min(at), max(later - CASE WHEN at < :since THEN :since ELSE at END) FROM hop"
    " WHERE at IS NOT NULL AND later IS NOT NULL"
)
HEARD_OF = Statement(
    "SELECT count(DISTINCT device_id) FROM device_evidence WHERE source_id = :source_id AND at > :since"
)
HAS_SCAN = Statement(
    "SELECT 1 FROM scan WHERE at = :at AND source_id = (SELECT id FROM source WHERE name = :name)"
)


@dataclass(frozen=True)
class SourceStatus:
    """One source; instants in UTC epoch seconds.

    kind: "scan" (looks at all devices), "radius", "hook", or "events" (speaks of single devices).
    last_look: when it was last heard of; None where it never was.
    rhythm: the usual time from one look to the next, in seconds; None where that is not known, and of what
        looks never: it speaks when something happens.
    quiet: how long it may be silent without anything being wrong; at least that, where it was not asked for.
    archived: it was retired, so it counts as neither silent nor failing; until it is heard of again.
    told_look: its last look before a silence that webhooks were notified of.
    seen: how many devices its last look saw; of one without looks, those it spoke of in its last day.
        None where it was not asked for.
    """

    name: str
    kind: str
    last_look: int | None
    rhythm: int | None
    quiet: int
    silent_since: int | None
    failing_since: int | None
    reason: str
    archived: bool
    told_look: int | None
    seen: int | None


def list_sources(
    tx: Transaction, now: int, *, counts: bool = True, quiet: bool = False
) -> list[SourceStatus]:
    """All sources, by name.

    Args:
        counts: whether to count the devices that each of them saw.
        quiet: without counts, whether to know how long a listener may be silent that was heard of just now.
    """
    return [_status(tx, now, counts, counts or quiet, *row) for row in tx.rows(SOURCES)]


def find_source(tx: Transaction, now: int, name: str) -> SourceStatus | None:
    """One of them."""
    row = tx.row(ONE_SOURCE, name=name)
    return None if row is None else _status(tx, now, True, True, *row)


def has_scan(tx: Transaction, source: str, at: int) -> bool:
    """Whether the source made a complete look at that instant."""
    return tx.row(HAS_SCAN, name=source, at=at) is not None


def _status(
    tx: Transaction,
    now: int,
    counts: bool,
    quiet_too: bool,
    name: str,
    source_id: int | None,
    failing_since: int | None,
    reason: str | None,
    archived_look: int | None,
    told_look: int | None,
    heard_at: int | None,
) -> SourceStatus:
    scans = _latest(tx, now, SCANS, source_id)
    words = [at for (at,) in _latest(tx, now, WORDS, source_id)]
    kind = _kind(name, bool(scans))
    rhythm = None
    if kind == SCAN:
        gaps = [later - earlier for (later, _), (earlier, _) in pairwise(scans)]
        rhythm = round(median(gaps)) if gaps else None
        quiet = max(SHORTEST_SILENCE, 3 * (rhythm or 0))
    elif not words:
        quiet = SILENCE_OF_NEW_LISTENER
    elif quiet_too or now - words[0] > SHORTEST_SILENCE_OF_LISTENER:
        quiet = _quiet_of_listener(tx, source_id, words[0])
    else:
        quiet = SHORTEST_SILENCE_OF_LISTENER
    # What it said of a device that was deleted since, when the clock was right.
    kept = [heard_at] if heard_at is not None and heard_at <= now + FUTURE_SECONDS else []
    last = max([*(at for at, _ in scans[:1]), *words[:1], *kept], default=None)
    seen = 0 if counts else None
    if kind == SCAN and scans:
        seen = scans[0][1]
    elif counts and last is not None:
        seen = tx.value(HEARD_OF, source_id=source_id, since=last - DAY)
    archived = archived_look is not None and (last or 0) <= archived_look and failing_since is None
    is_silent = last is not None and now - last > quiet and not archived
    return SourceStatus(
        name,
        kind,
        last,
        rhythm,
        quiet,
        last if is_silent else None,
        failing_since,
        reason or "",
        archived,
        told_look,
        seen,
    )


def _quiet_of_listener(tx: Transaction, source_id: int | None, last: int) -> int:
    """Twice its longest silence in the week before its last word; a day at least in its first week."""
    since = last - WEEK
    first, longest = tx.rows(SILENCES, source_id=source_id, last=last, since=since, half_hour=HALF_HOUR)[0]
    is_new = first is None or first > since
    shortest = SILENCE_OF_NEW_LISTENER if is_new else SHORTEST_SILENCE_OF_LISTENER
    return max(shortest, 2 * (longest or 0))


def _latest(tx: Transaction, now: int, statement: Statement, source_id: int | None) -> list[Row]:
    """What it said last; what came while the clock was ahead counts only where there is nothing else."""
    if source_id is None:
        return []
    until = now + FUTURE_SECONDS
    return tx.rows(statement, source_id=source_id, until=until) or tx.rows(
        statement, source_id=source_id, until=FOREVER
    )


def _kind(name: str, has_scans: bool) -> str:
    if name.partition(":")[0] == RADIUS:
        return RADIUS
    if name.partition(":")[0] in HOOKS:
        return HOOK
    return SCAN if has_scans else EVENTS
