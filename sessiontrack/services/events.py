"""Events: each at most once, unless voided."""

from sessiontrack.database import Statement, Transaction
from sessiontrack.presence.reconciliation import Change
from sessiontrack.values.ips import ip_sort_key

INSERT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, session_id)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, :session_id)"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)
VOID_OF_DEVICE = Statement(
    "UPDATE event SET voided = true, void_cause = 'deleted', session_id = NULL"
    " WHERE device_id = :device_id AND NOT voided AND (session_id IS NOT NULL OR (source IS NOT NULL"
    " AND type IN ('Connected', 'Disconnected', 'Device Down', 'Down Reconnected')))"
)


def record_event(
    tx: Transaction, device_id: int, at: int, event_type: str, ip: str, session_id: int | None = None
) -> bool:
    """Record what happened at that instant; False where it is recorded already, and nothing changes."""
    recorded = tx.run(
        INSERT,
        device_id=device_id,
        at=at,
        type=event_type,
        ip=ip,
        ip_key=ip_sort_key(ip),
        session_id=session_id,
    )
    return recorded == 1


def tell_event(
    tx: Transaction,
    device_id: int,
    change: Change,
    session_id: int | None,
    changes: list[Change] | None,
) -> None:
    """Record what somebody tells, and add it to the changes where it was not recorded yet."""
    is_new = record_event(tx, device_id, change.at, change.type, change.ip, session_id)
    if is_new and changes is not None:
        changes.append(change)


def void_session_events(tx: Transaction, device_id: int) -> None:
    """Void what the device's sessions rested on; they stay, and are shown as `VOIDED - <type>`."""
    tx.run(VOID_OF_DEVICE, device_id=device_id)
