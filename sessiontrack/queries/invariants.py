"""What must be true of what is stored, whatever happened: each with the query that finds what breaks it.

Much of it the database forbids by itself; it is asked all the same: something else may have written to it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ForeignKey, String, select

from sessiontrack.database import Statement, Transaction, db
from sessiontrack.database.kept_sums import checksum, wrong
from sessiontrack.exceptions import InvalidInput
from sessiontrack.models import DeviceSession, Event
from sessiontrack.models.device_session import DERIVED
from sessiontrack.models.kept import KEPT
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.macs import parse_mac
from sessiontrack.values.timestamps import FOREVER

Key = int | str


@dataclass(frozen=True)
class Invariant:
    """`find` gives the key of each row of `table` that breaks it; it looks at the others too."""

    name: str
    says: str
    table: str
    find: Callable[[Transaction], list[Key]]
    others: tuple[str, ...] = ()


def _by(query: str | Statement) -> Callable[[Transaction], list[Key]]:
    statement = Statement(query) if isinstance(query, str) else query
    return lambda tx: [key for (key,) in tx.rows(statement)]


# As /sessions/create takes them: two may touch, and one of which one end is known is that instant.
_PLACE = f"(PARTITION BY device_id ORDER BY begin_at, coalesce(end_at, {FOREVER}), id"
# In the order of an index, which differs in what begins at the same instant.
_OUT_OF_ORDER = (
    "SELECT device_id FROM (SELECT device_id, begin_at,"
    f" lag(coalesce(end_at, {FOREVER})) OVER placed AS reach, lag(begin_at) OVER placed AS before"
    " FROM device_session WINDOW placed AS (PARTITION BY device_id ORDER BY begin_at, id)) AS neighbours"
    " WHERE reach > begin_at OR before = begin_at"
)
OVERLAPPING = (
    "SELECT id FROM (SELECT id, begin_at, connected_at,"
    f" max(coalesce(end_at, {FOREVER})) OVER {_PLACE}"
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach,"
    f" lag(connected_at) OVER {_PLACE}) AS start_before FROM device_session"
    f" WHERE device_id IN ({_OUT_OF_ORDER})) AS placed"
    " WHERE reach > begin_at OR start_before = connected_at ORDER BY id"
)
IMPOSSIBLE_ENDS = (
    "SELECT id FROM device_session WHERE disconnected_at < connected_at"
    " OR (connected_at IS NULL AND disconnected_at IS NULL)"
    " OR (still_connected AND (connected_at IS NULL OR disconnected_at IS NOT NULL)) ORDER BY id"
)
STALE_COLUMNS = (
    "SELECT id FROM device_session"
    " WHERE coalesce(begin_at, -1) <> coalesce(connected_at, disconnected_at, -1) OR coalesce(end_at, -1) <>"
    " CASE WHEN still_connected THEN -1 ELSE coalesce(disconnected_at, connected_at, -1) END ORDER BY id"
)
# Nothing that is ever seen could close it.
UNFOUNDED = (
    "SELECT s.id FROM device_session s WHERE s.still_connected AND s.source = 'presence'"
    " AND NOT EXISTS (SELECT 1 FROM sighting_run r WHERE r.device_id = s.device_id)"
    " AND NOT EXISTS (SELECT 1 FROM device_evidence e WHERE e.device_id = s.device_id) ORDER BY s.id"
)
WRONG_LINKS = (
    "SELECT e.id FROM event e JOIN device_session s ON s.id = e.session_id WHERE e.voided"
    " OR e.device_id <> s.device_id"
    " OR (e.at <> coalesce(s.connected_at, -1) AND e.at <> coalesce(s.disconnected_at, -1)) ORDER BY e.id"
)
REPEATED_EVENTS = (
    "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY device_id, at, type ORDER BY id) AS place"
    " FROM event WHERE NOT voided AND (device_id, at, type) IN (SELECT device_id, at, type FROM event"
    " WHERE NOT voided GROUP BY device_id, at, type HAVING count(*) > 1)) AS placed"
    " WHERE place > 1 ORDER BY id"
)
SEEN_BEFORE_FIRST = (
    "SELECT d.id FROM device d WHERE d.first_seen_at > (SELECT min(begin_at) FROM device_session s"
    " WHERE s.device_id = d.id) ORDER BY d.id"
)
TWO_OWNERS = "SELECT a.mac FROM device_alias a JOIN device d ON d.mac = a.mac ORDER BY a.mac"
IMPOSSIBLE_STAYS = (
    "SELECT id FROM user_session WHERE last_ping < started_at OR ended_at < last_ping OR visible_seconds < 0"
    " OR visible_seconds > last_ping - started_at"
    " OR id IN (SELECT session_id FROM view_time WHERE seconds < 0) ORDER BY id"
)
UNEQUAL_TIMES = (
    "SELECT u.id FROM user_session u WHERE u.visible_seconds <>"
    " coalesce((SELECT sum(seconds) FROM view_time v WHERE v.session_id = u.id), 0) ORDER BY u.id"
)
SECOND_STAYS = (
    "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY login_key ORDER BY started_at DESC, id DESC)"
    " AS place FROM user_session WHERE ended_at IS NULL) AS placed WHERE place > 1 ORDER BY id"
)
# A ping credits what is later than all that was credited before.
WRONG_VISITS = (
    "SELECT DISTINCT session_id FROM (SELECT v.session_id, v.since_at, v.until_at, v.seconds, s.started_at,"
    " s.last_ping, max(v.until_at) OVER (PARTITION BY v.session_id ORDER BY v.since_at"
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach"
    " FROM view_visit v JOIN user_session s ON s.id = v.session_id) AS placed"
    " WHERE since_at < started_at OR until_at > last_ping OR seconds < 1 OR seconds > until_at - since_at"
    " OR reach > since_at ORDER BY session_id"
)
# Less than the tabs' is right: what was recorded before there were visits has none.
EXCESSIVE_VISITS = (
    "SELECT DISTINCT v.session_id FROM (SELECT session_id, view, tab, sum(seconds) AS total FROM view_visit"
    " GROUP BY session_id, view, tab) v LEFT JOIN view_time t ON t.session_id = v.session_id"
    " AND t.view = v.view AND t.tab = v.tab WHERE v.total > coalesce(t.seconds, 0) ORDER BY v.session_id"
)
# Nothing is said of the order of their instants: between two of them the clock may have been set back.
IMPOSSIBLE_DELIVERIES = (
    "SELECT id FROM webhook_delivery WHERE state NOT IN ('pending', 'delivered', 'dead')"
    " OR (state = 'pending') <> (finished_at IS NULL) OR attempts < 0"
    " OR (state = 'delivered' AND attempts = 0) ORDER BY id"
)
IDLE_REST = "SELECT id FROM webhook WHERE failures < 0 OR (failures = 0 AND resting_until > 0) ORDER BY id"
# Of a device that was reported or seen, it stands where that was first.
MISPLACED_NEW = (
    "SELECT e.id FROM event e JOIN device d ON d.id = e.device_id WHERE e.type = 'New Device'"
    f" AND NOT e.voided AND e.source = '{DERIVED}' AND e.at <> d.first_seen_at ORDER BY e.id"
)
# Begins with an event of its type, or at a session that was reported.
UNLINKED = (
    "SELECT e.id FROM event e JOIN device_session s ON s.device_id = e.device_id WHERE NOT e.voided"
    f" AND e.source = '{DERIVED}' AND s.source = '{DERIVED}' AND s.connected_at = e.at"
    " AND e.type IN ('Connected', 'Down Reconnected') AND e.session_id IS NULL ORDER BY e.id"
)
UNDERIVED = "SELECT device_id FROM underived_device ORDER BY device_id"
BACKWARD_RUNS = "SELECT id FROM sighting_run WHERE last_at < first_at ORDER BY id"
RUNS_WITHOUT_SCAN = (
    "SELECT r.id FROM sighting_run r WHERE r.last_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM scan s WHERE s.source_id = r.source_id) ORDER BY r.id"
)


def _text_columns(table: str) -> list[str]:
    return [each.name for each in db.metadata.tables[table].columns if isinstance(each.type, String)]


MISCOUNTED = [
    (Statement(checksum(target, kept, _text_columns(target))), Statement(wrong(target, kept)))
    for target, kept in KEPT.items()
]


MACS = Statement("SELECT mac FROM device UNION ALL SELECT mac FROM device_alias")


def find_wrong_counts(tx: Transaction) -> list[Key]:
    """The keys of kept sums that are not what the rows add up to."""
    differing = (wrong for checksum, wrong in MISCOUNTED if tx.value(checksum))
    return [" ".join(map(str, key)) for wrong in differing for key in tx.rows(wrong)]


def find_wrong_macs(tx: Transaction) -> list[Key]:
    """Addresses that are not written as they are kept."""
    return [mac for (mac,) in tx.stream(MACS) if not _is_canonical(mac)]


def _is_canonical(mac: str) -> bool:
    try:
        return parse_mac(mac) == mac
    except InvalidInput:
        return False


def find_wrong_ip_keys(tx: Transaction) -> list[Key]:
    """Addresses beside which another address's sort key stands."""
    found = {
        ip
        for model in (DeviceSession, Event)
        for ip, key in tx.stream(Statement(select(model.ip, model.ip_key).distinct()))
        if key != ip_key(ip)
    }
    return sorted(found)


def ip_key(ip: str) -> str:
    """What is kept beside an address to sort by; nothing where it is none."""
    try:
        return ip_sort_key(ip)
    except InvalidInput:
        return ""


def references() -> list[ForeignKey]:
    """Every reference of a table to another, those of the referred-to tables first."""
    tables = db.metadata.sorted_tables
    return [key for table in tables for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)]


def dangling(reference: ForeignKey) -> Statement:
    """The keys of rows that refer by it to one that is not there."""
    column, other = reference.parent, reference.column
    primary = next(iter(column.table.primary_key.columns))
    is_there = select(other).where(other == column).exists()
    return Statement(select(primary).where(column.is_not(None), ~is_there).order_by(primary))


def reference_name(reference: ForeignKey) -> str:
    """By which its invariant and its repair are known."""
    return f"{reference.parent.table.name}.{reference.parent.name}"


# In the order in which they are mended: what comes later may rest on what comes first.
INVARIANTS = (
    *(
        Invariant(
            reference_name(each),
            "what it refers to is there",
            each.parent.table.name,
            _by(dangling(each)),
        )
        for each in references()
    ),
    Invariant("ends", "a session has one end at least, and in order", "device_session", _by(IMPOSSIBLE_ENDS)),
    Invariant(
        "generated columns", "begin_at and end_at say what the ends do", "device_session", _by(STALE_COLUMNS)
    ),
    Invariant("open sessions", "an open session was seen or reported", "device_session", _by(UNFOUNDED)),
    Invariant(
        "overlaps",
        "sessions of a device do not overlap, and one is open at most",
        "device_session",
        _by(OVERLAPPING),
    ),
    Invariant("event links", "an event's session begins or ends with it", "event", _by(WRONG_LINKS)),
    Invariant("repeated events", "an event that is not voided is there once", "event", _by(REPEATED_EVENTS)),
    Invariant("first seen", "a device has no session before it was seen", "device", _by(SEEN_BEFORE_FIRST)),
    Invariant(
        "first events",
        "`New Device` stands where the device was seen first",
        "event",
        _by(MISPLACED_NEW),
    ),
    Invariant("events of sessions", "a derived session has its events", "event", _by(UNLINKED)),
    Invariant("derivation", "every device could be derived", "underived_device", _by(UNDERIVED)),
    Invariant("MAC addresses", "addresses are kept in one notation", "device", find_wrong_macs),
    Invariant(
        "further addresses", "no device has another's further address", "device_alias", _by(TWO_OWNERS)
    ),
    Invariant("sort keys", "addresses sort as they are", "device_session, event", find_wrong_ip_keys),
    Invariant(
        "user sessions",
        "0 <= visible <= last ping - start <= end - start",
        "user_session",
        _by(IMPOSSIBLE_STAYS),
        ("view_time",),
    ),
    Invariant(
        "tab times",
        "the tabs' seconds are the visible ones",
        "user_session",
        _by(UNEQUAL_TIMES),
        ("view_time",),
    ),
    Invariant(
        "visits",
        "visits lie one after another within their session",
        "user_session",
        _by(WRONG_VISITS),
        ("view_visit",),
    ),
    Invariant(
        "visit times",
        "a tab's visits are no longer than it",
        "user_session",
        _by(EXCESSIVE_VISITS),
        ("view_visit",),
    ),
    Invariant("active user sessions", "a login has one at most", "user_session", _by(SECOND_STAYS)),
    Invariant("sighting runs", "a run ends after it began", "sighting_run", _by(BACKWARD_RUNS)),
    Invariant("counts", "there are as many rows as were counted", "row_count", find_wrong_counts),
    Invariant("runs that go on", "their source has scanned", "sighting_run", _by(RUNS_WITHOUT_SCAN)),
    Invariant(
        "deliveries",
        "a delivery waits or is over, and was tried before it was taken",
        "webhook_delivery",
        _by(IMPOSSIBLE_DELIVERIES),
    ),
    Invariant("receivers", "a receiver rests after failures only", "webhook", _by(IDLE_REST)),
)
