"""Two devices that turn out to be one: the other's history becomes this one's, its address a further one."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.models.device import TEXTS
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.recording import LINK_REPORTED
from sessiontrack.presence.rules import OWN, Run, united_runs
from sessiontrack.presence.scans import unjudge, weigh_anew
from sessiontrack.services import devices
from sessiontrack.services.presence import PresenceRules, derive_and_announce, in_force, reporting
from sessiontrack.values.timestamps import FOREVER

RUNS = Statement(
    "SELECT source_id, device_id, id, first_at, last_at, ip FROM sighting_run"
    " WHERE device_id IN (:keeper, :other) AND NOT settled ORDER BY source_id, first_at, id"
)
SCANS = Statement("SELECT at FROM scan WHERE source_id = :source_id ORDER BY at")
# It is one device that such a scan saw.
COUNT_ONCE = Statement(
    "UPDATE scan SET seen_count = seen_count - 1 WHERE source_id = :source_id AND at = :at"
)
DELETE_RUN = Statement("DELETE FROM sighting_run WHERE id = :run_id")
MOVE_RUNS = Statement("UPDATE sighting_run SET device_id = :keeper WHERE device_id = :other")
INSERT_RUN = Statement(
    "INSERT INTO sighting_run (device_id, source_id, ip, first_at, last_at)"
    " VALUES (:device_id, :source_id, :ip, :first_at, :last_at)"
)
# What was said of the other is said of a further address now.
NAME_WORDS = Statement(
    "UPDATE device_evidence SET mac = (SELECT d.mac FROM device d WHERE d.id = :other)"
    f" WHERE device_id = :other AND mac = '{OWN}'"
)
# If both devices have the same evidence and its address is unknown, one row stays for both.
TELL_EQUAL = Statement(
    "UPDATE device_evidence SET"
    " ip = CASE WHEN o.ip > device_evidence.ip THEN o.ip ELSE device_evidence.ip END,"
    " info = CASE WHEN o.info > device_evidence.info THEN o.info ELSE device_evidence.info END,"
    " settled = device_evidence.settled AND o.settled,"
    " arrival = CASE WHEN o.arrival > coalesce(device_evidence.arrival, 0) THEN o.arrival"
    " ELSE device_evidence.arrival END,"
    " since_at = CASE WHEN o.since_at < coalesce(device_evidence.since_at, device_evidence.at)"
    " THEN o.since_at ELSE device_evidence.since_at END"
    " FROM device_evidence o WHERE device_evidence.device_id = :keeper AND o.device_id = :other"
    " AND o.source_id = device_evidence.source_id AND o.at = device_evidence.at"
    " AND o.kind = device_evidence.kind AND o.mac = device_evidence.mac"
)
DELETE_EQUAL = Statement(
    "DELETE FROM device_evidence WHERE device_id = :other AND EXISTS (SELECT 1 FROM device_evidence k"
    " WHERE k.device_id = :keeper AND k.source_id = device_evidence.source_id"
    " AND k.at = device_evidence.at AND k.kind = device_evidence.kind AND k.mac = device_evidence.mac)"
)
MOVE_WORDS = Statement("UPDATE device_evidence SET device_id = :keeper WHERE device_id = :other")

SESSIONS = Statement(
    "SELECT id, device_id, connected_at, disconnected_at, still_connected, conn_type, disc_type, source,"
    " begin_at, end_at, ip FROM device_session WHERE device_id IN (:keeper, :other)"
    f" AND coalesce(source, '') <> '{DERIVED}' ORDER BY begin_at, id"
)
# A missing end is given as -1, at which nothing has happened.
VOID_INSIDE = Statement(
    "UPDATE event SET voided = true, void_cause = 'merged', session_id = NULL"
    " WHERE session_id = :session_id AND NOT voided"
    " AND NOT (at = :start AND type = :conn_type) AND NOT (at = :end AND type = :disc_type)"
)
RELINK = Statement("UPDATE event SET session_id = :kept_id WHERE session_id = :session_id")
# What was reported of a session before its end was may be repeated.
REMEMBER = Statement(
    "INSERT INTO earlier_report (session_id, ip, conn_type, disc_type)"
    " SELECT k.id, o.ip, o.conn_type, o.disc_type FROM device_session o JOIN device_session k"
    " ON k.connected_at = o.connected_at WHERE o.id = :session_id AND k.id = :kept_id"
    " AND o.disconnected_at IS NULL AND k.disconnected_at IS NOT NULL ON CONFLICT (session_id) DO NOTHING"
)
# What the report with the end says of the address counts.
CORRECT = Statement(
    "UPDATE event SET ip = k.ip, ip_key = k.ip_key FROM device_session o JOIN device_session k"
    " ON k.connected_at = o.connected_at WHERE o.id = :session_id AND k.id = :kept_id"
    " AND o.disconnected_at IS NULL AND k.disconnected_at IS NOT NULL"
    " AND event.session_id = o.id AND event.at = o.connected_at AND NOT event.voided"
)
DELETE_SESSION = Statement("DELETE FROM device_session WHERE id = :session_id")
CHANGE_SESSION = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :end, still_connected = :is_open,"
    " conn_type = :conn_type, disc_type = :disc_type, source = :source WHERE id = :session_id"
)
MOVE_COVERED = Statement("UPDATE covered_session SET device_id = :keeper WHERE device_id = :other")
MOVE_SESSIONS = Statement("UPDATE device_session SET device_id = :keeper WHERE device_id = :other")

# What is derived gives way to what was reported.
VOID_DERIVED = Statement(
    "UPDATE event SET voided = true, void_cause = 'merged', session_id = NULL"
    f" WHERE device_id = :keeper AND NOT voided AND source = '{DERIVED}'"
    " AND EXISTS (SELECT 1 FROM event r WHERE r.device_id = :other AND NOT r.voided"
    f" AND r.at = event.at AND r.type = event.type AND coalesce(r.source, '') <> '{DERIVED}')"
)
TAKE_GREATER = Statement(
    "UPDATE event SET ip = o.ip, ip_key = o.ip_key FROM event o WHERE event.device_id = :keeper"
    " AND o.device_id = :other AND NOT event.voided AND NOT o.voided AND o.at = event.at"
    " AND o.type = event.type AND o.ip > event.ip"
    f" AND coalesce(o.source, '') <> '{DERIVED}' AND coalesce(event.source, '') <> '{DERIVED}'"
)
VOID_EQUAL = Statement(
    "UPDATE event SET voided = true, void_cause = 'merged', session_id = NULL"
    " WHERE device_id = :other AND NOT voided"
    " AND EXISTS (SELECT 1 FROM event kept WHERE kept.device_id = :keeper AND NOT kept.voided"
    " AND kept.at = event.at AND kept.type = event.type)"
)
# Where both have the same event, which may be of two sessions then.
EQUAL = Statement(
    "SELECT DISTINCT k.at FROM event k JOIN event o ON o.at = k.at AND o.type = k.type"
    " WHERE k.device_id = :keeper AND o.device_id = :other AND NOT k.voided AND NOT o.voided"
)
MOVE_EVENTS = Statement("UPDATE event SET device_id = :keeper WHERE device_id = :other")
VOID_NEWER = Statement(
    "UPDATE event SET voided = true, void_cause = 'merged' WHERE device_id = :keeper"
    f" AND type = 'New Device' AND NOT voided AND source = '{DERIVED}'"
    " AND at > (SELECT min(first.at) FROM event first WHERE first.device_id = :keeper"
    " AND first.type = 'New Device' AND NOT first.voided)"
)

# Tags are united.
_TEXTS = [each.name for each in TEXTS if each.name != "tags"]
_SET_TEXTS = ", ".join(f"{name} = CASE WHEN {name} = '' THEN :{name} ELSE {name} END" for name in _TEXTS)
_TAKEN = (*_TEXTS, "first_seen_at", "last_seen_at", "announced")
_NAMES = ", ".join(_TAKEN)
KNOWN = Statement(f"SELECT mac, {_NAMES} FROM device WHERE id = :other")
LEARN = Statement(
    f"UPDATE device SET {_SET_TEXTS},"
    " first_seen_at = CASE WHEN first_seen_at < :first_seen_at THEN first_seen_at ELSE :first_seen_at END,"
    " last_seen_at = CASE WHEN last_seen_at > coalesce(:last_seen_at, 0) THEN last_seen_at"
    " ELSE :last_seen_at END, announced = announced OR :announced WHERE id = :keeper"
)
MOVE_ALIASES = Statement("UPDATE device_alias SET device_id = :keeper WHERE device_id = :other")
DELETE_DEVICE = Statement("DELETE FROM device WHERE id = :other")
ADD_ALIAS = Statement("INSERT INTO device_alias (mac, device_id) VALUES (:mac, :keeper)")


def merge_devices(tx: Transaction, now: int, mac: str, other_mac: str, rules: PresenceRules) -> None:
    """Make what is known of the other MAC, and what will be seen of it, the device's.

    It is as if both had been one device from the start. Reported sessions that overlap become one; events
    stay, those that are no longer true or stand twice voided. A text that the device lacks, such as its
    name, is taken from the other one; it gets the tags of both. Again, nothing changes.

    Raises:
        InvalidInput: both are the same address.
        NotFound: one of them is not known.
    """
    if mac == other_mac:
        wrong = "A device cannot be merged with itself."
        raise InvalidInput(wrong, {"mac": [wrong]})
    hold_evidence(tx)
    keeper, other = devices.get_device(tx, mac), devices.get_device(tx, other_mac)
    if keeper == other:
        return
    both = {"keeper": keeper, "other": other}
    always = dict.fromkeys((keeper, other), (0, FOREVER))
    others: set[int] = set()
    with reporting(tx, now, always, rules, merged={other: keeper}):
        others |= _unite_evidence(tx, in_force(tx, rules).least_share, **both)
        _unite_sessions(tx, **both)
        tx.run(MOVE_COVERED, **both)
        tx.run(VOID_DERIVED, **both)
        tx.run(TAKE_GREATER, **both)
        equal = [at for (at,) in tx.rows(EQUAL, **both)]
        tx.run(VOID_EQUAL, **both)
        tx.run(MOVE_EVENTS, **both)
        for at in equal:
            tx.run(LINK_REPORTED, device_id=keeper, at=at)
        tx.run(VOID_NEWER, keeper=keeper)
        (further, *known) = tx.rows(KNOWN, other=other)[0]
        tx.run(LEARN, keeper=keeper, **dict(zip(_TAKEN, known, strict=True)))
        devices.add_tags(tx, keeper, devices.tags_of(tx, other))
        tx.run(MOVE_ALIASES, **both)
        tx.run(DELETE_DEVICE, other=other)
        tx.run(ADD_ALIAS, mac=further, keeper=keeper)
        unjudge(tx, [keeper])
    derive_and_announce(tx, now, others - {keeper, other}, rules)


def _unite_evidence(tx: Transaction, least_share: float, keeper: int, other: int) -> set[int]:
    """A source saw the device where it saw either; of two addresses at once the greater, as in a scan.

    Returns:
        devices that are judged otherwise now that a scan which saw both has seen one device.
    """
    rows: dict[int, list[Row]] = defaultdict(list)
    for source_id, *run in tx.rows(RUNS, keeper=keeper, other=other):
        rows[source_id].append(tuple(run))
    missing: list[dict[str, Any]] = []
    affected: set[int] = set()
    for source_id, of_source in rows.items():
        stored = {Run(first, last, ip): run_id for _, run_id, first, last, ip in of_source}
        scans = [at for (at,) in tx.rows(SCANS, source_id=source_id)]
        united = united_runs([Run(first, last, ip) for _, _, first, last, ip in of_source], scans)
        kept = {stored[run] for run in united if run in stored}
        affected |= _count_once(tx, source_id, of_source, scans, least_share)
        for _, run_id, *_ in of_source:
            if run_id not in kept:
                tx.run(DELETE_RUN, run_id=run_id)
        missing += [
            {"source_id": source_id, "first_at": run.first, "last_at": run.last, "ip": run.ip}
            for run in united
            if run not in stored
        ]
    tx.run(MOVE_RUNS, keeper=keeper, other=other)
    for values in missing:
        tx.run(INSERT_RUN, device_id=keeper, **values)
    tx.run(NAME_WORDS, other=other)
    tx.run(TELL_EQUAL, keeper=keeper, other=other)
    tx.run(DELETE_EQUAL, keeper=keeper, other=other)
    tx.run(MOVE_WORDS, keeper=keeper, other=other)
    return affected


def _count_once(
    tx: Transaction, source_id: int, runs: list[Row], scans: list[int], least_share: float
) -> set[int]:
    """Count as one device what a scan saw of both."""
    seen: dict[int, set[int]] = defaultdict(set)
    for device_id, _, first, last, _ in runs:
        upto = len(scans) if last is None else bisect_right(scans, last)
        seen[device_id] |= set(scans[bisect_left(scans, first) : upto])
    twice = sorted(set.intersection(*seen.values())) if len(seen) == 2 else []
    if not twice:
        return set()
    tx.run_many(COUNT_ONCE, [{"source_id": source_id, "at": at} for at in twice])
    return weigh_anew(tx, source_id, twice[0], least_share)


@dataclass
class _Stretch:
    """A session to be, of the stored sessions `ids`; the first of them becomes it."""

    ids: list[int]
    device_ids: set[int]
    start: int | None
    end: int | None
    is_open: bool
    conn_type: str
    disc_type: str
    source: str | None
    begin: int
    reach: int
    ip: str
    changed: bool = False

    def place(self) -> tuple[Any, ...]:
        """To sort by: of those that begin together one whose ends are both known comes first."""
        lacks_end = self.start is None or self.end is None
        return (self.begin, lacks_end, -self.reach, self.ip, self.conn_type, self.disc_type, self.ids)


def _stored(session_id: int, device_id: int, *values: Any) -> _Stretch:
    start, end, is_open, conn_type, disc_type, source, begin, reach, ip = values
    reach = FOREVER if is_open else reach
    of_ends = (start, end, bool(is_open), conn_type, disc_type, source, begin, reach)
    return _Stretch([session_id], {device_id}, *of_ends, ip)


def _unite_sessions(tx: Transaction, keeper: int, other: int) -> None:
    """Those that were reported; derived ones are derived anew."""
    stored = [_stored(*row) for row in tx.rows(SESSIONS, keeper=keeper, other=other)]
    last = max((each.begin for each in stored), default=0)
    for each in stored:
        if each.is_open and each.begin < last:
            # As a later report would have done.
            each.is_open, each.reach, each.changed = False, each.begin, True
    united = list(_united(stored))
    for stretch in united:
        if stretch.changed:
            _write(tx, stretch)
    for stretch in united:
        if stretch.changed:
            _change(tx, stretch)
    tx.run(MOVE_SESSIONS, keeper=keeper, other=other)


def _united(stretches: Iterable[_Stretch]) -> Iterator[_Stretch]:
    """Those of different devices that overlap as one; in order of their begin."""
    group: list[_Stretch] = []
    for each in sorted(stretches, key=_Stretch.place):
        if group and not _meets(group, each):
            yield from _as_one(group)
            group = []
        group.append(each)
    yield from _as_one(group)


def _meets(group: list[_Stretch], each: _Stretch) -> bool:
    """Whether it overlaps them; a disconnection of which nothing else is known counts as theirs."""
    reach = max(one.reach for one in group)
    if each.begin == group[0].begin:
        return True
    return each.begin <= reach if each.start is None else each.begin < reach


def _as_one(group: list[_Stretch]) -> list[_Stretch]:
    if len(set().union(*(each.device_ids for each in group))) < 2:
        return group
    starts = [each.start for each in group if each.start is not None]
    ends = [each.end for each in group if each.end is not None]
    # One without an end is closed by one that began with it and has one.
    closed = {each.start for each in group if each.end is not None}
    is_open = any(each.is_open and each.start not in closed for each in group)
    start, end = min(starts, default=None), None if is_open else max(ends, default=None)
    first = next(each for each in group if each.start == start)
    last = next(each for each in group if each.is_open == is_open and (is_open or each.end == end))
    return [
        _Stretch(
            ids=[*first.ids, *(each_id for each in group if each is not first for each_id in each.ids)],
            device_ids=set().union(*(each.device_ids for each in group)),
            start=start,
            end=end,
            is_open=is_open,
            conn_type=first.conn_type,
            disc_type=last.disc_type,
            source=group[0].source,
            begin=group[0].begin,
            reach=max(each.reach for each in group),
            ip=first.ip,
            changed=True,
        )
    ]


def _write(tx: Transaction, stretch: _Stretch) -> None:
    """Void what happened inside of it, and let go of the sessions that it takes in."""
    kept_id, *absorbed = stretch.ids
    ends = {
        "start": -1 if stretch.start is None else stretch.start,
        "conn_type": stretch.conn_type,
        "end": -1 if stretch.end is None else stretch.end,
        "disc_type": stretch.disc_type,
    }
    for session_id in stretch.ids:
        tx.run(VOID_INSIDE, session_id=session_id, **ends)
    for session_id in absorbed:
        for statement in (REMEMBER, CORRECT):
            tx.run(statement, session_id=session_id, kept_id=kept_id)
        tx.run(RELINK, session_id=session_id, kept_id=kept_id)
        tx.run(DELETE_SESSION, session_id=session_id)


def _change(tx: Transaction, stretch: _Stretch) -> None:
    tx.run(
        CHANGE_SESSION,
        session_id=stretch.ids[0],
        start=stretch.start,
        end=stretch.end,
        is_open=stretch.is_open,
        conn_type=stretch.conn_type,
        disc_type=stretch.disc_type,
        source=stretch.source,
    )
