"""Devices: known from their first session or sighting on."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select, update

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, Contention, NotFound
from sessiontrack.models import Device
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import DERIVED
from sessiontrack.presence import words
from sessiontrack.presence.ahead import FUTURE_SECONDS
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.holding import holds_on
from sessiontrack.presence.scans import unjudge
from sessiontrack.services.presence import PresenceRules, derive_and_announce, in_force
from sessiontrack.values.changes import Change
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.tags import MOST as MOST_TAGS
from sessiontrack.values.tags import change_tags, split_tags
from sessiontrack.values.vendors import vendor_of

INSERT = Statement(
    "INSERT INTO device (mac, vendor, first_seen_at) SELECT :mac, :vendor, :at"
    " WHERE NOT EXISTS (SELECT 1 FROM device_alias WHERE mac = :mac) ON CONFLICT (mac) DO NOTHING"
)
# Locks the row where the engine has more than one writer.
LOCK = Statement(select(Device.id).where(Device.id == device_with(bind("mac"))).with_for_update())
# With its `New Device`, which stands where the device was seen first.
KNOWN_SINCE = Statement(
    "SELECT d.first_seen_at, d.announced, e.id, e.source, e.ip FROM device d LEFT JOIN event e"
    " ON e.device_id = d.id AND e.at = d.first_seen_at AND e.type = 'New Device' AND NOT e.voided"
    " WHERE d.id = :device_id"
)
SEEN_FIRST = Statement("UPDATE device SET first_seen_at = :at, announced = true WHERE id = :device_id")
# Of the session that was reported of the earliest time; of two addresses the greater.
FIRST_ADDRESS = Statement(
    "SELECT max(ip) FROM device_session WHERE device_id = :device_id AND begin_at = (SELECT begin_at"
    f" FROM device_session WHERE device_id = :device_id AND coalesce(source, '') <> '{DERIVED}'"
    f" ORDER BY begin_at LIMIT 1) AND coalesce(source, '') <> '{DERIVED}'"
)
MOVE_EVENT = Statement("UPDATE event SET at = :at, ip = :ip, ip_key = :ip_key WHERE id = :event_id")
INSERT_NEW = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, source)"
    f" VALUES (:device_id, :at, 'New Device', :ip, :ip_key, '{DERIVED}')"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO NOTHING"
)
# A transaction that waits for the lock of a device while that is merged finds no row; a second look finds
# the device that it became part of.
LOOKS = 2
# Its device was merged into another one while INSERT waited for that.
DELETE_MERGED = Statement(
    "DELETE FROM device WHERE mac = :mac AND EXISTS (SELECT 1 FROM device_alias WHERE mac = :mac)"
)
COUNT_PARTS = Statement(
    "SELECT (SELECT count(*) FROM device_session WHERE device_id = :device_id),"
    " (SELECT count(*) FROM event WHERE device_id = :device_id),"
    " (SELECT count(*) FROM sighting_run WHERE device_id = :device_id)"
    " + (SELECT count(*) FROM device_evidence WHERE device_id = :device_id)"
)
TAGS = Statement("SELECT tags FROM device WHERE id = :device_id")
SET_TAGS = Statement("UPDATE device SET tags = :tags WHERE id = :device_id")
DELETE = Statement("DELETE FROM device WHERE id = :device_id")
# When a source was last heard of is read from what it said, which goes with the device.
_HEARD = "SELECT max(at) FROM device_evidence WHERE source_id = source.id AND at <= :until"
KEEP_HEARD = Statement(
    f"UPDATE source SET heard_at = ({_HEARD})"
    " WHERE id IN (SELECT source_id FROM device_evidence WHERE device_id = :device_id)"
    f" AND coalesce(heard_at, -1) < ({_HEARD})"
)


def ensure_device(tx: Transaction, mac: str, at: int) -> tuple[int, bool]:
    """The device's id, and whether it was made just now: an unknown one is.

    Until the transaction ends no other one changes this device's sessions.

    Args:
        mac: canonical.
        at: when an unknown one was seen first, UTC epoch seconds.
    """
    is_new = tx.run(INSERT, mac=mac, vendor=vendor_of(mac), at=at) == 1
    if is_new and tx.run(DELETE_MERGED, mac=mac):
        is_new = False
    device_id = find_device(tx, mac)
    if device_id is None:
        raise Contention(f"The device {mac} was removed just now; try again.")
    return device_id, is_new


def place_new_device(tx: Transaction, device_id: int, mac: str, at: int) -> list[Change]:
    """A session of that instant is recorded: the device's `New Device` stands where it was seen first.

    Returns:
        the event, where there was none yet; one that moves is no news.
    """
    first, announced, event_id, source, known_ip = tx.rows(KNOWN_SINCE, device_id=device_id)[0]
    if announced and at > first:
        return []
    if not announced or at < first:
        tx.run(SEEN_FIRST, device_id=device_id, at=min(at, first))
    at, ip = min(at, first), tx.value(FIRST_ADDRESS, device_id=device_id)
    if event_id is not None:
        if source == DERIVED and (at, ip) != (first, known_ip):
            tx.run(MOVE_EVENT, event_id=event_id, at=at, ip=ip, ip_key=ip_sort_key(ip))
        return []
    if announced or not tx.run(INSERT_NEW, device_id=device_id, at=at, ip=ip, ip_key=ip_sort_key(ip)):
        return []
    return [Change(mac, "New Device", at, ip, "")]


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


# What a device's history depends on.
_JUDGES = frozenset({"grace_seconds", "alert_down", "archived"})


def change_device(
    tx: Transaction, now: int, mac: str, changes: Mapping[str, Any], rules: PresenceRules
) -> None:
    """Change a device's properties; where its history depends on them, it is derived anew.

    Args:
        changes: columns of the device by name.
    Raises:
        NotFound: no device has this address.
    """
    is_judged_anew = not _JUDGES.isdisjoint(changes)
    if is_judged_anew:
        hold_evidence(tx)
    device_id = get_device(tx, mac)
    if changes:
        tx.run(_change(tuple(sorted(changes))), device_id=device_id, **changes)
    if is_judged_anew:
        unjudge(tx, [device_id])
        derive_and_announce(tx, now, [device_id], rules)


def change_devices(
    tx: Transaction,
    now: int,
    macs: Iterable[str],
    changes: Mapping[str, Any],
    rules: PresenceRules,
    added: Sequence[str],
    removed: Sequence[str],
) -> int:
    """Change the properties of several devices at once, all of them or none.

    Args:
        added, removed: tags that each one has afterwards, or has no more.
    Returns:
        how many devices these are; two addresses may be one device's.
    Raises:
        NotFound: no device has one of these addresses.
        InvalidInput: one would have too many tags.
    """
    found: dict[int, str] = {}
    if not _JUDGES.isdisjoint(changes):
        hold_evidence(tx)
    # In one order: two changes of the same devices do not wait for each other in a circle.
    for mac in sorted(macs):
        found.setdefault(get_device(tx, mac), mac)
    for device_id, mac in found.items():
        change_device(tx, now, mac, changes, rules)
        if added or removed:
            set_tags(tx, device_id, change_tags(tx.value(TAGS, device_id=device_id), added, removed))
    return len(found)


def add_device(tx: Transaction, now: int, mac: str, values: Mapping[str, Any]) -> None:
    """Make a device before it is ever seen; it counts as seen first now.

    Args:
        values: columns of the device by name.
    Raises:
        Conflict: a device has this address.
    """
    device_id, is_new = ensure_device(tx, mac, now)
    if not is_new:
        raise Conflict(f"There is a device with the MAC address {mac}.")
    if values:
        tx.run(_change(tuple(sorted(values))), device_id=device_id, **values)


def tags_of(tx: Transaction, device_id: int) -> list[str]:
    """The device's tags, in order."""
    return split_tags(tx.value(TAGS, device_id=device_id))


def add_tags(tx: Transaction, device_id: int, tags: Sequence[str]) -> None:
    """Give a device these tags too, as far as there is room for them."""
    free = MOST_TAGS - len(tags_of(tx, device_id))
    if tags and free > 0:
        set_tags(tx, device_id, change_tags(tx.value(TAGS, device_id=device_id), tags[:free], ()))


def set_tags(tx: Transaction, device_id: int, text: str) -> None:
    """Put these in the place of a device's tags."""
    tx.run(SET_TAGS, device_id=device_id, tags=text)


@cache
def _change(columns: tuple[str, ...]) -> Statement:
    values = {column: bind(column) for column in columns}
    return Statement(update(Device).where(Device.id == bind("device_id")).values(values))


def delete_device(tx: Transaction, now: int, mac: str) -> dict[str, int]:
    """Delete a device with everything that is known of it.

    Returns:
        how many of each there were.
    Raises:
        NotFound: no device has this address.
    """
    hold_evidence(tx)
    device_id = get_device(tx, mac)
    sessions, its_events, evidence = tx.rows(COUNT_PARTS, device_id=device_id)[0]
    tx.run(KEEP_HEARD, device_id=device_id, until=now + FUTURE_SECONDS)
    tx.run(DELETE, device_id=device_id)
    return {"sessions": sessions, "events": its_events, "evidence": evidence}


def disconnect_device(
    tx: Transaction, now: int, mac: str, rules: PresenceRules, source: str | None = None
) -> list[str]:
    """Take in that a device left when the sources that hold it as connected last saw it.

    Where another source saw it within its grace time after that, it left when that one did.

    Args:
        source: of this one alone; None for all.
    Returns:
        the names of these sources.
    Raises:
        NotFound: no device has this address, or no such source holds it.
    """
    hold_evidence(tx)
    device_id = get_device(tx, mac)
    grace = in_force(tx, rules).grace
    held = [each for each in holds_on(tx, [device_id], grace) if source in (None, each.source)]
    if not held:
        raise NotFound(
            f"{'No source' if source is None else f'No source {source}'} holds {mac} as connected."
        )
    for each in held:
        words.say_left(tx, each.source, [each])
    derive_and_announce(tx, now, [device_id], rules)
    return sorted(each.source for each in held)
