"""Derives the history of devices anew: what every call that writes of presence ends in.

A call takes in evidence, or reports, or deletes; then the devices that this concerns are derived. One device
that cannot be derived stays as it was, and stops no other one.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Defect
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.facts import CHUNK, Reader, Recorded, Stretches
from sessiontrack.presence.history import derive
from sessiontrack.presence.recording import Writer
from sessiontrack.values.changes import Change
from sessiontrack.values.timestamps import FOREVER

# A session that a reported one may hit is moved out of its way until it is derived anew.
PARK = Statement(
    "UPDATE device_session SET still_connected = false, connected_at = NULL,"
    " disconnected_at = coalesce(disconnected_at, connected_at) WHERE id = :session_id"
)
IS_CONCERNED = Statement(
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM sighting_run WHERE device_id = :device_id)"
    " OR EXISTS (SELECT 1 FROM device_evidence WHERE device_id = :device_id)"
    " OR EXISTS (SELECT 1 FROM covered_session WHERE device_id = :device_id)"
    f" OR EXISTS (SELECT 1 FROM device_session WHERE device_id = :device_id AND source = '{DERIVED}'"
    " AND begin_at <= :until AND begin_at >= coalesce((SELECT max(begin_at) FROM device_session"
    " WHERE device_id = :device_id AND begin_at < :since), :since))"
)
FAILED = Statement(
    "INSERT INTO underived_device (device_id, since_at, error) VALUES (:device_id, :now, :error)"
    " ON CONFLICT (device_id) DO UPDATE SET error = excluded.error"
)
FORGIVE = Statement("DELETE FROM underived_device WHERE device_id = :device_id")
ANY_FAILED = Statement("SELECT device_id FROM underived_device")

FACTS = {
    "device": Statement(
        "SELECT mac, first_seen_at, grace_seconds, alert_down FROM device WHERE id = :device_id"
    ),
    "runs": Statement(
        "SELECT source_id, ip, first_at, last_at, settled FROM sighting_run WHERE device_id = :device_id"
    ),
    "said": Statement(
        "SELECT source_id, at, kind, ip, info, arrival, settled, since_at, mac FROM device_evidence"
        " WHERE device_id = :device_id"
    ),
    "scans": Statement(
        "SELECT source_id, at, trusted FROM scan WHERE source_id IN (SELECT source_id FROM sighting_run"
        " WHERE device_id = :device_id) ORDER BY at DESC LIMIT 100"
    ),
    "sessions": Statement(
        "SELECT id, connected_at, disconnected_at, still_connected, conn_type, disc_type, source"
        " FROM device_session WHERE device_id = :device_id ORDER BY begin_at DESC LIMIT 100"
    ),
}
IS_TAKEN = Statement(
    "SELECT 1 FROM device_session WHERE device_id = :device_id"
    f" AND coalesce(source, '') <> '{DERIVED}' AND begin_at <= :until"
    " AND (still_connected OR end_at >= :begin) LIMIT 1"
)
REMOVE = Statement("DELETE FROM device_session WHERE id = :session_id")
PUT_BACK = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :end, still_connected = :is_open"
    " WHERE id = :session_id"
)
LONGEST_ERROR = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """By what a history is derived.

    now: UTC epoch seconds.
    floor: the instant before which what is recorded stays.
    grace: seconds, for devices without a grace time of their own.
    """

    now: int
    floor: int
    grace: int


@dataclass
class _Before:
    """Derived sessions as they were before something was reported, and of which stretches it is."""

    recorded: Mapping[int, Sequence[Recorded]] = field(default_factory=dict)
    stretches: Stretches = field(default_factory=dict)


@contextmanager
def reporting(
    tx: Transaction,
    terms: Terms,
    stretches: Stretches,
    changes: list[Change],
    merged: Mapping[int, int],
) -> Iterator[None]:
    """Within it something is reported, of these stretches of time of these devices, or taken back.

    Derived sessions give way, and are derived anew at its end.

    Args:
        changes: where the events are added that were recorded by that.
        merged: devices that become part of another one.
    """
    recorded = Reader(tx, terms.floor, terms.grace).recorded(stretches)
    parked: dict[int, list[Recorded]] = defaultdict(list)
    for device_id, sessions in recorded.items():
        found = [_parked(each, *stretches[device_id]) for each in sessions]
        parked[merged.get(device_id, device_id)] += found
        ids = [{"session_id": each.id} for each in found if each.is_parked]
        if ids:
            tx.run_many(PARK, ids)
    yield
    left = {device_id: stretch for device_id, stretch in stretches.items() if device_id not in merged}
    changes += _derive(tx, terms, left, _Before(parked, left))


def _parked(session: Recorded, since: int, until: int) -> Recorded:
    return session._replace(is_parked=session.begin <= until and session.until >= since)


def is_concerned(tx: Transaction, device_id: int, since: int, until: int = FOREVER) -> bool:
    """Whether anything derived of the device has to do with what is reported of that stretch of time."""
    return tx.row(IS_CONCERNED, device_id=device_id, since=since, until=until) is not None


def derive_devices(tx: Transaction, terms: Terms, device_ids: Iterable[int]) -> list[Change]:
    """Derive these devices, and write what differs from what is recorded.

    Returns:
        the events that are news, oldest first.
    """
    return _derive(tx, terms, device_ids, _Before())


def _derive(tx: Transaction, terms: Terms, device_ids: Iterable[int], before: _Before) -> list[Change]:
    changes: list[Change] = []
    reader, writer = Reader(tx, terms.floor, terms.grace), Writer(tx)
    failed = {device_id for (device_id,) in tx.rows(ANY_FAILED)}
    ordered = sorted(set(device_ids))
    for first in range(0, len(ordered), CHUNK):
        chunk = ordered[first : first + CHUNK]
        try:
            changes += _attempt(tx, reader, writer, chunk, before)
        except Defect:
            for device_id in chunk:
                changes += _alone(tx, terms, device_id, before)
        else:
            for device_id in failed & set(chunk):
                tx.run(FORGIVE, device_id=device_id)
    return sorted(changes, key=lambda change: (change.at, change.mac))


def _attempt(
    tx: Transaction, reader: Reader, writer: Writer, device_ids: Sequence[int], before: _Before
) -> list[Change]:
    """Derive and record these devices, or none of them."""
    changes: list[Change] = []
    writer.clear()
    with tx.attempt():
        for device in reader.devices(device_ids, before.recorded, before.stretches):
            changes += writer.record(device, derive(device.facts))
        writer.flush()
    return changes


def _alone(tx: Transaction, terms: Terms, device_id: int, before: _Before) -> list[Change]:
    """Derive one device; where that cannot be, it is left as it was, and the failure is recorded."""
    reader, writer = Reader(tx, terms.floor, terms.grace), Writer(tx)
    try:
        changes = _attempt(tx, reader, writer, [device_id], before)
    except Defect as error:
        logger.error(
            "The history of a device cannot be derived; it is left as it was. %s",
            json.dumps({"error": error.message, **_facts(tx, terms, device_id)}, default=str),
            exc_info=error.__cause__,
        )
        tx.run(FAILED, device_id=device_id, now=terms.now, error=error.message[:LONGEST_ERROR])
        _put_back(tx, device_id, before.recorded.get(device_id, ()))
        return []
    tx.run(FORGIVE, device_id=device_id)
    return changes


def _facts(tx: Transaction, terms: Terms, device_id: int) -> dict[str, Any]:
    """What is needed to see the same failure again: all rows that the device is derived from."""
    tables = {name: tx.rows(statement, device_id=device_id) for name, statement in FACTS.items()}
    return {"device_id": device_id, **asdict(terms), **tables}


def _put_back(tx: Transaction, device_id: int, sessions: Iterable[Recorded]) -> None:
    """Parked sessions as they were; but not those whose time is reported now."""
    for each in sessions:
        if not each.is_parked:
            continue
        if tx.row(IS_TAKEN, device_id=device_id, begin=each.begin, until=each.until) is not None:
            tx.run(REMOVE, session_id=each.id)
        else:
            ends = {"start": each.start, "end": each.end, "is_open": each.is_open}
            tx.run(PUT_BACK, session_id=each.id, **ends)
