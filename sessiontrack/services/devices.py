"""Devices: known from their first session or sighting on."""

from sqlalchemy import select

from sessiontrack.db import Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.services import events
from sessiontrack.vendors import vendor_of

INSERT = Statement(
    "INSERT INTO device (mac, vendor, first_seen_at) SELECT :mac, :vendor, :at"
    " WHERE NOT EXISTS (SELECT 1 FROM device_alias WHERE mac = :mac) ON CONFLICT (mac) DO NOTHING"
)
# Locks the row where the engine has more than one writer.
LOCK = Statement(select(Device.id).where(Device.id == device_with(bind("mac"))).with_for_update())
SEEN_EARLIER = Statement(
    "UPDATE device SET first_seen_at = :at WHERE id = :device_id AND first_seen_at > :at"
)


def ensure_device(tx: Transaction, mac: str, ip: str, at: int) -> int:
    """The device's id; an unknown one is made, with its `New Device` event.

    Until the transaction ends nobody else changes this device's sessions.

    Args:
        mac: canonical.
        at: when it was there, UTC epoch seconds; the earliest such instant is its first_seen_at.
    """
    is_new = tx.run(INSERT, mac=mac, vendor=vendor_of(mac), at=at) == 1
    device_id: int = tx.value(LOCK, mac=mac)
    if is_new:
        events.record_event(tx, device_id, at, "New Device", ip)
    else:
        tx.run(SEEN_EARLIER, device_id=device_id, at=at)
    return device_id


def find_device(tx: Transaction, mac: str) -> int | None:
    """The device's id, or None; locked as by ensure_device."""
    found: int | None = tx.value(LOCK, mac=mac)
    return found
