"""Scans taken in: what sources saw, kept so that nothing of it is lost and little is written.

A complete scan that saw what the one before saw writes one row, its own. Only what changed is written: runs
of sightings begin, end, or are split by a scan that arrives late.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sessiontrack.database import Statement, Transaction
from sessiontrack.presence.evidence import COUNT_SIGHTED, Taken, identify, ids_of
from sessiontrack.presence.rules import REMEMBERED, SourceEvidence, are_trusted, weight
from sessiontrack.presence.words import say_seen_again
from sessiontrack.values.observations import Observation
from sessiontrack.values.timestamps import FOREVER

SCAN_AT = Statement("SELECT seen_count FROM scan WHERE source_id = :source_id AND at = :at")
BEFORE = Statement("SELECT max(at) FROM scan WHERE source_id = :source_id AND at < :at")
AFTER = Statement("SELECT min(at) FROM scan WHERE source_id = :source_id AND at > :at")
# The newest scan of its source: set against the runs that are going on.
END_MISSED = Statement(
    "UPDATE sighting_run SET last_at = :before"
    " WHERE source_id = :source_id AND last_at IS NULL"
    " AND device_id NOT IN (SELECT device_id FROM sighted) RETURNING device_id"
)
END_MOVED = Statement(
    "UPDATE sighting_run SET last_at = :before, judged = NOT sighted.remembered FROM sighted"
    " WHERE sighted.device_id = sighting_run.device_id AND sighting_run.source_id = :source_id"
    " AND sighting_run.last_at IS NULL AND sighting_run.ip <> sighted.ip"
)
BEGIN_RUNS = Statement(
    "INSERT INTO sighting_run (device_id, source_id, ip, first_at)"
    " SELECT device_id, :source_id, max(ip), :at FROM sighted"
    " WHERE device_id NOT IN"
    " (SELECT device_id FROM sighting_run WHERE source_id = :source_id AND last_at IS NULL)"
    " GROUP BY device_id RETURNING device_id"
)
SEEN_AGAIN = Statement(
    "UPDATE sighting_run SET judged = true WHERE source_id = :source_id AND NOT judged"
    " AND last_at IS NOT NULL AND device_id IN"
    " (SELECT device_id FROM sighted WHERE NOT remembered)"
)
COUNT_KNOWN = Statement("SELECT count(DISTINCT device_id) FROM sighted")
# A scan that is late, or repeated: the runs round its instant, of every device that it saw or should have.
RUNS_ROUND = Statement(
    "SELECT device_id, first_at, last_at, ip FROM sighting_run WHERE source_id = :source_id AND NOT settled"
    " AND (last_at IS NULL OR last_at >= :before) AND first_at <= :after"
)
SIGHTED = Statement("SELECT device_id, max(ip) FROM sighted WHERE NOT remembered GROUP BY device_id")
ONLY_REMEMBERED = Statement("SELECT device_id FROM sighted WHERE remembered")
DELETE_RUN = Statement(
    "DELETE FROM sighting_run"
    " WHERE source_id = :source_id AND device_id = :device_id AND first_at = :first_at"
)
INSERT_RUN = Statement(
    "INSERT INTO sighting_run (device_id, source_id, ip, first_at, last_at)"
    " VALUES (:device_id, :source_id, :ip, :first_at, :last_at)"
)
PUT_SCAN = Statement(
    "INSERT INTO scan (source_id, at, seen_count, trusted) VALUES (:source_id, :at, :seen_count, false)"
    " ON CONFLICT (source_id, at) DO UPDATE SET seen_count = excluded.seen_count"
)
LAST_TRUSTED = Statement("SELECT max(at) FROM scan WHERE source_id = :source_id AND trusted AND at < :at")
COUNTS_SINCE = Statement(
    "SELECT at, seen_count, trusted FROM scan WHERE source_id = :source_id AND at >= :since ORDER BY at"
)
SET_TRUST = Statement("UPDATE scan SET trusted = :trusted WHERE source_id = :source_id AND at = :at")
NEXT_TRUSTED = Statement("SELECT min(at) FROM scan WHERE source_id = :source_id AND trusted AND at > :at")
# What no scan has decided yet: whether the device left after it.
UNJUDGED = Statement(
    "SELECT 1, r.id, r.device_id, r.last_at, coalesce(d.grace_seconds, :grace) FROM sighting_run r"
    " JOIN device d ON d.id = r.device_id WHERE r.source_id = :source_id AND r.last_at IS NOT NULL"
    " AND NOT r.judged AND r.last_at < :at AND r.ip <> '-'"
    " UNION ALL SELECT 0, e.id, e.device_id, e.at, coalesce(d.grace_seconds, :grace) FROM device_evidence e"
    " JOIN device d ON d.id = e.device_id WHERE e.source_id = :source_id AND NOT e.judged AND e.at < :at"
)
REMEMBERED_SINCE = Statement(
    "SELECT device_id, first_at, coalesce(last_at, :at) FROM sighting_run WHERE source_id = :source_id"
    " AND ip = '-' AND (last_at IS NULL OR last_at >= :since)"
)
TRUSTED_SINCE = Statement(
    "SELECT at FROM scan WHERE source_id = :source_id AND trusted AND at > :since AND at <= :at ORDER BY at"
)
JUDGE_RUN = Statement("UPDATE sighting_run SET judged = true WHERE id = :row_id")
JUDGE_WORD = Statement("UPDATE device_evidence SET judged = true WHERE id = :row_id")
# A late scan may report what a later one reported already, before another source saw the device; and it may
# end what looked like a silence of the source.
ENDED_BEFORE = Statement(
    "SELECT device_id FROM sighting_run WHERE source_id = :source_id AND last_at < :at"
    " UNION SELECT device_id FROM device_evidence WHERE source_id = :source_id AND at < :at"
)
SEEN_BETWEEN = Statement(
    "SELECT device_id FROM sighting_run"
    " WHERE source_id = :source_id AND first_at > :at AND first_at <= :until"
    " UNION SELECT device_id FROM device_evidence"
    " WHERE source_id = :source_id AND at > :at AND at <= :until"
)
LEFT_BETWEEN = Statement(
    "SELECT device_id FROM device_evidence WHERE source_id = :source_id AND kind = 'disconnected'"
    " AND at >= :since AND at <= :at"
)
ALL_OF_SOURCE = Statement(
    "SELECT device_id FROM sighting_run WHERE source_id = :source_id"
    " UNION SELECT device_id FROM device_evidence WHERE source_id = :source_id"
)
# What a later scan decides anew, since a decision was taken back.
_DECIDED = "judged AND NOT settled AND device_id AMONG(:ids)"
UNJUDGE = (
    Statement(f"UPDATE sighting_run SET judged = false WHERE {_DECIDED}"),
    Statement(f"UPDATE device_evidence SET judged = false WHERE {_DECIDED}"),
)
UNJUDGE_ALL = (
    Statement("UPDATE sighting_run SET judged = false WHERE judged AND NOT settled"),
    Statement("UPDATE device_evidence SET judged = false WHERE judged AND NOT settled"),
)
FIRST_SCANS = Statement("SELECT id, (SELECT min(at) FROM scan WHERE source_id = source.id) FROM source")


def take_scan(
    tx: Transaction,
    source: str,
    at: int,
    sightings: Iterable[Observation],
    grace: int,
    least_share: float,
    *,
    arrives: bool = False,
) -> Taken:
    """Take in a complete scan; the same one again, or one that is late, gives what order would have given.

    Args:
        arrives: it has no instant of its own; within one second it comes after what came before.
    """
    source_id = identify(tx, source, at, sightings, by_address=False)
    before, after = tx.value(BEFORE, source_id=source_id, at=at), tx.value(AFTER, source_id=source_id, at=at)
    is_repeated = tx.row(SCAN_AT, source_id=source_id, at=at) is not None
    is_late = after is not None or is_repeated
    if not is_late:
        affected = _take_newest(tx, source_id, at, before)
        seen = tx.value(COUNT_KNOWN)
    else:
        affected, seen = _take_late(tx, source_id, at, before, after, is_repeated)
    # Said to have left since the scan before: if this one sees it, it is back, though its run went on.
    since = at if before is None else before
    affected |= ids_of(tx.rows(LEFT_BETWEEN, source_id=source_id, since=since, at=at))
    if arrives:
        affected |= say_seen_again(tx, source_id, at)
    tx.run(PUT_SCAN, source_id=source_id, at=at, seen_count=seen)
    trusted, changed_later = _weigh(tx, source_id, at, least_share)
    if changed_later:
        affected |= _all_anew(tx, source_id)
    elif trusted:
        if is_late:
            # A device that it only remembers had perhaps left by what others saw.
            unjudge(tx, affected)
            affected |= ids_of(tx.rows(ENDED_BEFORE, source_id=source_id, at=at))
        affected |= _judged_by(tx, source_id, at, grace)
    return Taken(affected, tx.value(COUNT_SIGHTED), not trusted)


def weigh_anew(tx: Transaction, source_id: int, at: int, least_share: float) -> set[int]:
    """Decide anew which scans of a source are trusted, from an instant on; the devices that this concerns."""
    _, changed = _weigh(tx, source_id, at, least_share)
    return _all_anew(tx, source_id) if changed else set()


def judge_all_anew(tx: Transaction, least_share: float) -> set[int]:
    """Apply what all scans have reported again, by rules that have changed; all devices with evidence."""
    for statement in UNJUDGE_ALL:
        tx.run(statement)
    affected: set[int] = set()
    for source_id, first in tx.rows(FIRST_SCANS):
        if first is not None:
            _weigh(tx, source_id, first, least_share)
        affected |= ids_of(tx.rows(ALL_OF_SOURCE, source_id=source_id))
    return affected


def unjudge(tx: Transaction, device_ids: Iterable[int]) -> None:
    """Let later scans decide anew of these devices, since rules or scans have changed."""
    ids = list(device_ids)
    if ids:
        for statement in UNJUDGE:
            tx.run(statement, ids=ids)


def _take_newest(tx: Transaction, source_id: int, at: int, before: int | None) -> set[int]:
    """Nothing is written for a device that was seen before too, with the same address."""
    tx.run(SEEN_AGAIN, source_id=source_id)
    affected: set[int] = set()
    if before is not None:
        affected = ids_of(tx.rows(END_MISSED, source_id=source_id, before=before))
        tx.run(END_MOVED, source_id=source_id, before=before)
    return affected | ids_of(tx.rows(BEGIN_RUNS, source_id=source_id, at=at))


class _Run(NamedTuple):
    """Seen from first to last with that address; last None: by the source's newest scan too."""

    first: int
    last: int | None
    ip: str


def _take_late(
    tx: Transaction, source_id: int, at: int, before: int | None, after: int | None, is_repeated: bool
) -> tuple[set[int], int]:
    """Set the scan between the ones before and after it; (devices changed, devices seen at that instant)."""
    least, most = (at if each is None else each for each in (before, after))
    runs: dict[int, list[_Run]] = defaultdict(list)
    for device_id, first, last, ip in tx.rows(RUNS_ROUND, source_id=source_id, before=least, after=most):
        runs[device_id].append(_Run(first, last, ip))
    sighted: dict[int, str] = dict(tx.rows(SIGHTED))
    remembered = ids_of(tx.rows(ONLY_REMEMBERED))
    affected = set()
    seen = 0
    for device_id in set(runs) | set(sighted) | remembered:
        old = runs[device_id]
        wanted = sighted.get(device_id, REMEMBERED if device_id in remembered else None)
        if is_repeated:
            there = next((run.ip for run in old if _covers(run, at)), None)
            wanted = max((wanted, there), key=weight)
        seen += wanted is not None
        new = _set_at(old, at, before, after, wanted)
        if set(new) != set(old):
            affected.add(device_id)
            _replace(tx, source_id, device_id, old, new)
    return affected, seen


def _covers(run: _Run, at: int) -> bool:
    return run.first <= at and (run.last is None or run.last >= at)


def _set_at(runs: list[_Run], at: int, before: int | None, after: int | None, ip: str | None) -> list[_Run]:
    """The runs of a device once a scan saw it at that instant with that address, or (None) did not."""
    cover = next((run for run in runs if _covers(run, at)), None)
    if (cover.ip if cover else None) == ip:
        return runs
    pieces = [run for run in runs if run is not cover]
    if cover is not None and before is not None and cover.first <= before:
        pieces.append(_Run(cover.first, before, cover.ip))
    if cover is not None and after is not None and (cover.last is None or cover.last >= after):
        pieces.append(_Run(after, cover.last, cover.ip))
    if ip is None:
        return pieces
    left = next((run for run in pieces if run.last is not None and run.last == before and run.ip == ip), None)
    right = next((run for run in pieces if after is not None and run.first == after and run.ip == ip), None)
    kept = [run for run in pieces if run not in (left, right)]
    last = right.last if right else (None if after is None else at)
    return [*kept, _Run(left.first if left else at, last, ip)]


def _replace(tx: Transaction, source_id: int, device_id: int, old: list[_Run], new: list[_Run]) -> None:
    for run in set(old) - set(new):
        tx.run(DELETE_RUN, source_id=source_id, device_id=device_id, first_at=run.first)
    for run in set(new) - set(old):
        tx.run(
            INSERT_RUN,
            device_id=device_id,
            source_id=source_id,
            ip=run.ip,
            first_at=run.first,
            last_at=run.last,
        )


def _weigh(tx: Transaction, source_id: int, at: int, least_share: float) -> tuple[bool, bool]:
    """Decide which scans from this instant on are trusted; (this one is, a later one changed)."""
    reference: int | None = tx.value(LAST_TRUSTED, source_id=source_id, at=at)
    since = at if reference is None else reference
    rows = tx.rows(COUNTS_SINCE, source_id=source_id, since=since)
    believed = are_trusted([(each, seen) for each, seen, _ in rows], least_share)
    trusted = changed_later = False
    for (each, _, was), now_is in zip(rows, believed, strict=True):
        if each == at:
            trusted = now_is
        if bool(was) != now_is:
            tx.run(SET_TRUST, source_id=source_id, at=each, trusted=now_is)
            changed_later |= each > at or (each == at and bool(was))
    return trusted, changed_later


def _all_anew(tx: Transaction, source_id: int) -> set[int]:
    """All devices of a source: scans that are no longer trusted have decided nothing."""
    affected = ids_of(tx.rows(ALL_OF_SOURCE, source_id=source_id))
    unjudge(tx, affected)
    return affected


def _judged_by(tx: Transaction, source_id: int, at: int, grace: int) -> set[int]:
    """Devices of which a trusted scan at that instant may show that they had left."""
    until = tx.value(NEXT_TRUSTED, source_id=source_id, at=at)
    of_source = {"source_id": source_id, "at": at}
    affected = ids_of(tx.rows(SEEN_BETWEEN, **of_source, until=FOREVER if until is None else until))
    waiting = tx.rows(UNJUDGED, **of_source, grace=grace)
    if not waiting:
        return affected
    since = min(row[3] for row in waiting)
    trusted = [each for (each,) in tx.rows(TRUSTED_SINCE, **of_source, since=since)]
    excused: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for device_id, first, last in tx.rows(REMEMBERED_SINCE, **of_source, since=since):
        excused[device_id].append((first, last))
    judged: dict[bool, list[dict[str, int]]] = {True: [], False: []}
    for is_run, row_id, device_id, last, its_grace in waiting:
        evidence = SourceEvidence(trusted=trusted, excused=excused.get(device_id, []))
        if evidence.missed(last, None, its_grace) is not None:
            affected.add(device_id)
            judged[bool(is_run)].append({"row_id": row_id})
    for statement, rows in ((JUDGE_RUN, judged[True]), (JUDGE_WORD, judged[False])):
        if rows:
            tx.run_many(statement, rows)
    return affected
