"""What can be mended of what must not be: each repair by the name of the invariant that it restores.

Nothing is made up: what cannot be known becomes a missing event, and of two versions the one stays that says
less than both.
"""

from collections.abc import Callable
from itertools import groupby

from sqlalchemy import ForeignKey, delete, null, select, update

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.models.kept import KEPT
from sessiontrack.presence.ahead import set_aside
from sessiontrack.presence.derivation import derive_devices, reporting
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.links import LINK
from sessiontrack.queries import invariants
from sessiontrack.queries.invariants import ip_key
from sessiontrack.services.presence import PresenceRules, in_force
from sessiontrack.values.timestamps import FOREVER

FORGET_ENDLESS = Statement(
    "DELETE FROM device_session WHERE connected_at IS NULL AND disconnected_at IS NULL"
)
CLOSE_ENDED = Statement(
    "UPDATE device_session SET still_connected = false WHERE still_connected"
    " AND (connected_at IS NULL OR disconnected_at IS NOT NULL)"
)
LOSE_WRONG_END = Statement(
    "UPDATE device_session SET disconnected_at = NULL WHERE disconnected_at < connected_at"
)
# Written anew, the generated columns are computed anew.
TOUCH = Statement("UPDATE device_session SET connected_at = connected_at WHERE id = :id")
LOSE_END = Statement("UPDATE device_session SET still_connected = false WHERE id = :id")
IN_ORDER = Statement(
    "SELECT device_id, id, connected_at, disconnected_at, still_connected, begin_at,"
    f" coalesce(end_at, {FOREVER}), conn_type, disc_type FROM device_session"
    f" WHERE coalesce(source, '') <> '{DERIVED}' AND device_id IN"
    " (SELECT device_id FROM device_session GROUP BY device_id HAVING count(*) > 1)"
    f" ORDER BY device_id, begin_at, coalesce(end_at, {FOREVER}), id"
)
RELINK = Statement("UPDATE event SET session_id = :kept_id WHERE session_id = :id")
DELETE_SESSION = Statement("DELETE FROM device_session WHERE id = :id")
CHANGE_SESSION = Statement(
    "UPDATE device_session SET connected_at = :start, disconnected_at = :end, still_connected = :is_open,"
    " conn_type = :conn_type, disc_type = :disc_type WHERE id = :id"
)
UNLINK = Statement("UPDATE event SET session_id = NULL WHERE id = :id")
VOID = Statement("UPDATE event SET voided = true, void_cause = 'repaired', session_id = NULL WHERE id = :id")
SEEN_FIRST = Statement(
    "UPDATE device SET first_seen_at = (SELECT min(begin_at) FROM device_session"
    " WHERE device_id = device.id) WHERE id = :id"
)
COUNT_ANEW = [
    Statement(sql)
    for target, kept in KEPT.items()
    for sql in (f"DELETE FROM {target}", *(each.fill() for each in kept))
]
FORGET_ALIAS = Statement("DELETE FROM device_alias WHERE mac = :id")
SET_SESSION_KEY = Statement("UPDATE device_session SET ip_key = :key WHERE ip = :id AND ip_key <> :key")
SET_EVENT_KEY = Statement("UPDATE event SET ip_key = :key WHERE ip = :id AND ip_key <> :key")
# At once: each of the two alone might be refused by the database.
WITHIN_STAY = Statement(
    "UPDATE user_session SET last_ping = CASE WHEN last_ping < started_at THEN started_at ELSE last_ping END,"
    " visible_seconds = CASE WHEN visible_seconds < 0 OR last_ping < started_at THEN 0"
    " ELSE last_ping - started_at END"
    " WHERE visible_seconds < 0 OR last_ping < started_at OR visible_seconds > last_ping - started_at"
)
END_AFTER_PING = Statement("UPDATE user_session SET ended_at = last_ping WHERE ended_at < last_ping")
NO_NEGATIVE_VIEW = Statement("UPDATE view_time SET seconds = 0 WHERE seconds < 0")
STAY = Statement("SELECT last_ping - started_at FROM user_session WHERE id = :id")
VIEWS = Statement(
    "SELECT view, tab, seconds FROM view_time WHERE session_id = :id ORDER BY seconds DESC, view, tab"
)
SET_VIEW = Statement(
    "UPDATE view_time SET seconds = :seconds WHERE session_id = :id AND view = :view AND tab = :tab"
)
SET_VISIBLE = Statement(
    "UPDATE user_session SET visible_seconds = :seconds, credited_seconds = 0 WHERE id = :id"
)
VISITS = Statement(
    "SELECT v.since_at, v.until_at, v.seconds, s.started_at, s.last_ping FROM view_visit v"
    " JOIN user_session s ON s.id = v.session_id WHERE v.session_id = :id ORDER BY v.since_at"
)
FORGET_VISIT = Statement("DELETE FROM view_visit WHERE session_id = :id AND since_at = :since")
FORGET_EXCESSIVE_VISITS = Statement(
    "DELETE FROM view_visit WHERE session_id = :id AND (SELECT sum(v.seconds) FROM view_visit v"
    " WHERE v.session_id = view_visit.session_id AND v.view = view_visit.view AND v.tab = view_visit.tab)"
    " > coalesce((SELECT t.seconds FROM view_time t WHERE t.session_id = view_visit.session_id"
    " AND t.view = view_visit.view AND t.tab = view_visit.tab), 0)"
)
END_STAY = Statement("UPDATE user_session SET ended_at = last_ping WHERE id = :id")
# Receivers know a repeated notification by its id; one that is too old is given up in the outbox.
DELIVER_AGAIN = Statement(
    "UPDATE webhook_delivery SET state = 'pending', finished_at = NULL, attempts = 0 WHERE id = :id"
)
WAKE = Statement("UPDATE webhook SET failures = 0, resting_until = 0 WHERE id = :id")
END_RUN = Statement("UPDATE sighting_run SET last_at = first_at WHERE id = :id")

_LINK = LINK.replace(":device_id", "event.device_id").replace(":at", "event.at")
LINK_ANEW = Statement(f"UPDATE event SET session_id = {_LINK} WHERE id = :id")
NEW_FIRST = Statement(
    "UPDATE event SET at = (SELECT first_seen_at FROM device d WHERE d.id = event.device_id) WHERE id = :id"
    " AND NOT EXISTS (SELECT 1 FROM event o JOIN device d ON d.id = o.device_id WHERE o.device_id ="
    " event.device_id AND o.type = 'New Device' AND NOT o.voided AND o.at = d.first_seen_at)"
)

DEVICE_OF = Statement("SELECT device_id FROM device_session WHERE id = :id")
UNDERIVED = Statement("SELECT device_id FROM underived_device")

Repair = Callable[[Transaction], None]


def _each(find: Callable[[Transaction], list[invariants.Key]], *statements: Statement) -> Repair:
    def repair(tx: Transaction) -> None:
        for key in find(tx):
            for statement in statements:
                tx.run(statement, id=key)

    return repair


def _found(name: str) -> Callable[[Transaction], list[invariants.Key]]:
    return next(each.find for each in invariants.INVARIANTS if each.name == name)


def _mend_ends(tx: Transaction) -> None:
    """An end that cannot be is missing; a session of which neither is known is none."""
    tx.run(FORGET_ENDLESS)
    tx.run(CLOSE_ENDED)
    tx.run(LOSE_WRONG_END)


def _unite_overlapping(tx: Transaction) -> None:
    """Reported sessions that overlap become one, from the first start to the last end, with their events.

    Derived ones are derived anew.
    """
    for _, of_device in groupby(tx.rows(IN_ORDER), key=lambda row: row[0]):
        group: list[Row] = []
        for row in of_device:
            session = row[1:]
            if group and not _overlaps(group, session):
                _unite(tx, group)
                group = []
            group.append(session)
        _unite(tx, group)


def _overlaps(group: list[Row], session: Row) -> bool:
    reach: int = max(each[5] for each in group)
    return reach > session[4] or (session[1] is not None and group[-1][1] == session[1])


def _unite(tx: Transaction, group: list[Row]) -> None:
    if len(group) < 2:
        return
    first, last = group[0], max(group, key=lambda each: each[5])
    starts = [each for each in group if each[1] is not None]
    kept = min(starts, key=lambda each: each[1]) if starts else first
    for each in group:
        if each is not kept:
            tx.run(RELINK, id=each[0], kept_id=kept[0])
            tx.run(DELETE_SESSION, id=each[0])
    tx.run(
        CHANGE_SESSION,
        id=kept[0],
        start=kept[1],
        end=None if last[3] else last[2],
        is_open=bool(last[3]),
        conn_type=kept[6],
        disc_type=last[7],
    )


def derive_anew(tx: Transaction, now: int, rules: PresenceRules) -> None:
    """Derive what could not be derived, or has to be after a repair; webhooks are not notified of that.

    What lies ahead of the clock is set aside first.
    """
    hold_evidence(tx)
    terms = in_force(tx, rules).terms(now)
    affected = set_aside(tx, now, rules.late, by_itself=False)
    overlapping = [tx.value(DEVICE_OF, id=key) for key in _found("overlaps")(tx)]
    with reporting(tx, terms, dict.fromkeys(overlapping, (0, FOREVER)), [], {}):
        pass
    affected |= {device_id for (device_id,) in tx.rows(UNDERIVED)}
    derive_devices(tx, terms, affected)


def _mend_ip_keys(tx: Transaction) -> None:
    for ip in invariants.find_wrong_ip_keys(tx):
        for statement in (SET_SESSION_KEY, SET_EVENT_KEY):
            tx.run(statement, id=ip, key=ip_key(str(ip)))


def _mend_stays(tx: Transaction) -> None:
    for statement in (WITHIN_STAY, END_AFTER_PING, NO_NEGATIVE_VIEW):
        tx.run(statement)


def _mend_tab_times(tx: Transaction) -> None:
    """The tabs are believed, as far as the session was long enough; the longest ones give way."""
    for session_id in _found("tab times")(tx):
        room = int(tx.value(STAY, id=session_id))
        views = tx.rows(VIEWS, id=session_id)
        excess = max(0, sum(seconds for *_, seconds in views) - room)
        for view, tab, seconds in views:
            less = min(seconds, excess)
            excess -= less
            if less:
                tx.run(SET_VIEW, id=session_id, view=view, tab=tab, seconds=seconds - less)
        total = sum(seconds for *_, seconds in tx.rows(VIEWS, id=session_id))
        tx.run(SET_VISIBLE, id=session_id, seconds=total)


def _mend_visits(tx: Transaction) -> None:
    """A visit that cannot be goes, and of two that overlap the later one; their seconds stay with the tab."""
    for session_id in _found("visits")(tx):
        reach = 0
        for since, until, seconds, started_at, last_ping in tx.rows(VISITS, id=session_id):
            is_possible = 1 <= seconds <= until - since and started_at <= since and until <= last_ping
            if is_possible and since >= reach:
                reach = until
            else:
                tx.run(FORGET_VISIT, id=session_id, since=since)


def _mend_reference(reference: ForeignKey) -> Repair:
    """As the database itself would have done when what it refers to went."""
    column, other = reference.parent, reference.column
    gone = column.is_not(None) & ~select(other).where(other == column).exists()
    table = column.table
    change = delete(table) if reference.ondelete == "CASCADE" else update(table).values({column: null()})
    statement = Statement(change.where(gone))
    return lambda tx: (tx.run(statement), None)[1]


def _count_anew(tx: Transaction) -> None:
    for statement in COUNT_ANEW:
        tx.run(statement)


REPAIRS: dict[str, Repair] = {
    **{invariants.reference_name(each): _mend_reference(each) for each in invariants.references()},
    "ends": _mend_ends,
    "generated columns": _each(_found("generated columns"), TOUCH),
    "open sessions": _each(_found("open sessions"), LOSE_END),
    "overlaps": _unite_overlapping,
    "event links": _each(_found("event links"), UNLINK),
    "repeated events": _each(_found("repeated events"), VOID),
    "first seen": _each(_found("first seen"), SEEN_FIRST),
    # After all repairs.
    "derivation": lambda tx: None,
    "first events": _each(_found("first events"), NEW_FIRST),
    "events of sessions": _each(_found("events of sessions"), LINK_ANEW),
    "further addresses": _each(_found("further addresses"), FORGET_ALIAS),
    "sort keys": _mend_ip_keys,
    "user sessions": _mend_stays,
    "tab times": _mend_tab_times,
    "visits": _mend_visits,
    "visit times": _each(_found("visit times"), FORGET_EXCESSIVE_VISITS),
    "active user sessions": _each(_found("active user sessions"), END_STAY),
    "sighting runs": _each(_found("sighting runs"), END_RUN),
    "counts": _count_anew,
    "runs that go on": _each(_found("runs that go on"), END_RUN),
    "deliveries": _each(_found("deliveries"), DELIVER_AGAIN),
    "receivers": _each(_found("receivers"), WAKE),
}
