"""Events that are reported: each at most once, unless voided."""

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence.links import LINK
from sessiontrack.values.changes import Change
from sessiontrack.values.ips import ip_sort_key

INSERT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, session_id)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, :session_id)"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)
# What was derived is reported from now on; of two addresses that were reported, the greater.
TAKE_OVER = Statement(
    f"UPDATE event SET ip = CASE WHEN source = '{DERIVED}' OR ip < :ip THEN :ip ELSE ip END,"
    f" ip_key = CASE WHEN source = '{DERIVED}' OR ip < :ip THEN :ip_key ELSE ip_key END,"
    f" info = CASE WHEN source = '{DERIVED}' THEN '' ELSE info END,"
    f" source = CASE WHEN source = '{DERIVED}' THEN NULL ELSE source END, session_id = {LINK}"
    " WHERE device_id = :device_id AND at = :at AND type = :type AND NOT voided"
)
REPLACED = Statement(
    "UPDATE event SET voided = true, void_cause = 'evidence', session_id = NULL"
    " WHERE device_id = :device_id AND at = :at AND type = :type AND NOT voided AND session_id = :session_id"
)
CORRECT = Statement(
    "UPDATE event SET ip = :ip, ip_key = :ip_key"
    " WHERE device_id = :device_id AND at = :at AND type = :type AND NOT voided AND session_id = :session_id"
)
VOID_OF_DEVICE = Statement(
    "UPDATE event SET voided = true, void_cause = 'deleted', session_id = NULL"
    " WHERE device_id = :device_id AND NOT voided"
    f" AND (session_id IS NOT NULL OR (source = '{DERIVED}' AND type <> 'New Device'))"
)


def report_event(tx: Transaction, device_id: int, change: Change, session_id: int | None) -> list[Change]:
    """Record a reported event; returned where it was not recorded yet."""
    values = {"device_id": device_id, "at": change.at, "type": change.type}
    values |= {"ip": change.ip, "ip_key": ip_sort_key(change.ip)}
    if tx.run(INSERT, **values, session_id=session_id) == 1:
        return [change]
    tx.run(TAKE_OVER, **values)
    return []


def correct_event(
    tx: Transaction, device_id: int, session_id: int, at: int, types: tuple[str, str], ip: str
) -> bool:
    """The event with which a session began, now that something else is reported of that.

    Args:
        types: the one that it has, and the one that is reported now.
    Returns:
        whether there is one of the type that is reported now.
    """
    values = {"device_id": device_id, "at": at, "session_id": session_id}
    before, after = types
    if before != after:
        tx.run(REPLACED, **values, type=before)
        return False
    return tx.run(CORRECT, **values, type=after, ip=ip, ip_key=ip_sort_key(ip)) > 0


def void_events_of(tx: Transaction, device_id: int) -> None:
    """Void what the device's sessions rested on, and what was derived; that stays, as `VOIDED - <type>`."""
    tx.run(VOID_OF_DEVICE, device_id=device_id)
