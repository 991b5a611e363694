"""Devices: known from their first session or sighting on."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import select, update

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Contention, NotFound
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.reconciliation import Change, reconcile
from sessiontrack.services import events
from sessiontrack.values.vendors import vendor_of

INSERT = Statement(
    "INSERT INTO device (mac, vendor, first_seen_at) SELECT :mac, :vendor, :at"
    " WHERE NOT EXISTS (SELECT 1 FROM device_alias WHERE mac = :mac) ON CONFLICT (mac) DO NOTHING"
)
# Locks the row where the engine has more than one writer.
LOCK = Statement(select(Device.id).where(Device.id == device_with(bind("mac"))).with_for_update())
SEEN_EARLIER = Statement(
    "UPDATE device SET first_seen_at = :at WHERE id = :device_id AND first_seen_at > :at"
)
# Whoever waits for a device's lock while that is merged finds no row at all, and at a second look the other.
LOOKS = 2
# Its device was merged into another one while INSERT waited for that.
DELETE_MERGED = Statement(
    "DELETE FROM device WHERE mac = :mac AND EXISTS (SELECT 1 FROM device_alias WHERE mac = :mac)"
)
# A longer grace time takes back what scans have told: they must be able to tell it again.
UNJUDGE_RUNS = Statement(
    "UPDATE sighting_run SET judged = false WHERE device_id = :device_id AND judged AND NOT settled"
)
UNJUDGE_WORDS = Statement(
    "UPDATE device_evidence SET judged = false WHERE device_id = :device_id AND judged AND NOT settled"
)
HAS_EVIDENCE = Statement(
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM sighting_run WHERE device_id = :device_id)"
    " OR EXISTS (SELECT 1 FROM device_evidence WHERE device_id = :device_id)"
)
COUNT_PARTS = Statement(
    "SELECT (SELECT count(*) FROM device_session WHERE device_id = :device_id),"
    " (SELECT count(*) FROM event WHERE device_id = :device_id),"
    " (SELECT count(*) FROM sighting_run WHERE device_id = :device_id)"
    " + (SELECT count(*) FROM device_evidence WHERE device_id = :device_id)"
)
DELETE = Statement("DELETE FROM device WHERE id = :device_id")


def ensure_device(tx: Transaction, mac: str, ip: str, at: int, changes: list[Change] | None = None) -> int:
    """The device's id; an unknown one is made, with its `New Device` event.

    Until the transaction ends nobody else changes this device's sessions.

    Args:
        mac: canonical.
        at: when it was there, UTC epoch seconds; the earliest such instant is its first_seen_at.
        changes: where what was recorded is added.
    """
    is_new = tx.run(INSERT, mac=mac, vendor=vendor_of(mac), at=at) == 1
    if is_new and tx.run(DELETE_MERGED, mac=mac):
        is_new = False
    device_id = find_device(tx, mac)
    if device_id is None:
        raise Contention(f"The device {mac} was removed just now; try again.")
    if is_new:
        events.tell_event(tx, device_id, Change(mac, "New Device", at, ip, ""), None, changes)
    else:
        tx.run(SEEN_EARLIER, device_id=device_id, at=at)
    return device_id


def find_device(tx: Transaction, mac: str) -> int | None:
    """The device's id, or None; locked as by ensure_device."""
    for _ in range(LOOKS):
        found: int | None = tx.value(LOCK, mac=mac)
        if found is not None:
            return found
    return None


def get_device(tx: Transaction, mac: str) -> int:
    """The device's id, whichever of its addresses this is; locked as by ensure_device.

    Raises:
        NotFound: no device has it.
    """
    found = find_device(tx, mac)
    if found is None:
        raise NotFound(f"No device has the MAC address {mac}.")
    return found


def change_device(
    tx: Transaction, now: int, mac: str, changes: Mapping[str, Any], late: int, grace: int
) -> list[Change]:
    """Change what people say of a device.

    Args:
        changes: columns of the device by name. With grace_seconds, what its evidence tells is derived anew.
        late, grace: seconds, as this install's settings say.
    Returns:
        the events that were recorded by that.
    Raises:
        NotFound: no device has this address.
    """
    if "grace_seconds" in changes:
        hold_evidence(tx)
    device_id = get_device(tx, mac)
    if changes:
        tx.run(_change(tuple(sorted(changes))), device_id=device_id, **changes)
    return derive_anew(tx, now, device_id, late, grace) if "grace_seconds" in changes else []


@cache
def _change(columns: tuple[str, ...]) -> Statement:
    values = {column: bind(column) for column in columns}
    return Statement(update(Device).where(Device.id == bind("device_id")).values(values))


def delete_device(tx: Transaction, mac: str) -> dict[str, int]:
    """Delete a device with everything that is known of it.

    Returns:
        how many of each there were.
    Raises:
        NotFound: no device has this address.
    """
    hold_evidence(tx)
    device_id = get_device(tx, mac)
    sessions, its_events, evidence = tx.rows(COUNT_PARTS, device_id=device_id)[0]
    tx.run(DELETE, device_id=device_id)
    return {"sessions": sessions, "events": its_events, "evidence": evidence}


def derive_anew(tx: Transaction, now: int, device_id: int, late: int, grace: int) -> list[Change]:
    """Bring what is recorded of a device in line with its evidence, now that this is judged otherwise.

    Returns:
        the events that were recorded.
    """
    if tx.row(HAS_EVIDENCE, device_id=device_id) is None:
        return []
    tx.run(UNJUDGE_RUNS, device_id=device_id)
    tx.run(UNJUDGE_WORDS, device_id=device_id)
    return reconcile(tx, [device_id], now - late, grace)
