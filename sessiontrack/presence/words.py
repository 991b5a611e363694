"""Words taken in: what sources say of single devices, each kept as it was said."""

from collections import defaultdict
from collections.abc import Iterable

from sessiontrack.database import Statement, Transaction
from sessiontrack.presence.evidence import (
    ADD_SOURCE,
    ADDRESS,
    COUNT_SIGHTED,
    SOURCE_ID,
    Taken,
    identify,
    ids_of,
    name_vendors,
)
from sessiontrack.presence.holding import Hold
from sessiontrack.presence.rules import ANY, OWN
from sessiontrack.values.observations import DeviceEvent, Observation

# Without an instant of its own, it came after all that the source said of that instant before, of any device:
# two devices may turn out to be one.
_NEXT = (
    "1 + coalesce((SELECT max(b.arrival) FROM device_evidence b"
    " WHERE b.source_id = :source_id AND b.at = :at), 0)"
)
_ARRIVAL = f"CASE WHEN :arrives THEN {_NEXT} END"
NEXT_ARRIVAL = Statement(f"SELECT {_NEXT}")
_OF_BOTH = (
    " ON CONFLICT (device_id, source_id, at, kind, mac) DO UPDATE SET"
    " ip = CASE WHEN excluded.ip > device_evidence.ip THEN excluded.ip ELSE device_evidence.ip END,"
    " info = CASE WHEN excluded.info > device_evidence.info THEN excluded.info ELSE device_evidence.info END,"
    " arrival = coalesce(excluded.arrival, device_evidence.arrival)"
    " WHERE excluded.ip > device_evidence.ip OR excluded.info > device_evidence.info"
    " OR excluded.arrival IS NOT NULL RETURNING device_id"
)
ADD_EVIDENCE = Statement(
    "INSERT INTO device_evidence (device_id, source_id, at, kind, ip, info, arrival, mac)"
    f" SELECT d.id, :source_id, :at, :kind, s.ip, :info, {_ARRIVAL}, CASE WHEN d.mac = s.mac THEN '{OWN}'"
    " ELSE s.mac END FROM sighted s JOIN device d ON d.id = s.device_id"
    f" WHERE NOT s.remembered{_OF_BOTH}"
)
# A scan that came after the source had said that the device left, within one second.
ADD_SEEN_AFTER = Statement(
    "INSERT INTO device_evidence (device_id, source_id, at, kind, ip, info, arrival, mac)"
    f" SELECT s.device_id, :source_id, :at, 'seen', max(s.ip), '', {_ARRIVAL}, '{ANY}' FROM sighted s"
    " WHERE NOT s.remembered AND EXISTS (SELECT 1 FROM device_evidence e WHERE e.device_id = s.device_id"
    " AND e.source_id = :source_id AND e.at = :at AND e.arrival IS NOT NULL)"
    f" GROUP BY s.device_id{_OF_BOTH}"
)
# It may be a mark by now that the source had said so of that second before.
ADD_LEFT = Statement(
    "INSERT INTO device_evidence (device_id, source_id, at, kind, ip, arrival, mac)"
    " VALUES (:device_id, :source_id, :at, 'disconnected', '', :arrival, :mac)"
    " ON CONFLICT (device_id, source_id, at, kind, mac)"
    " DO UPDATE SET arrival = excluded.arrival, settled = false"
)
ADD_DEVICE = Statement(
    "INSERT INTO device (mac, name, vendor, first_seen_at) SELECT :mac, :name, :vendor, :at"
    " WHERE NOT EXISTS (SELECT 1 FROM device_alias a WHERE a.mac = :mac)"
    " ON CONFLICT (mac) DO NOTHING RETURNING id, mac, vendor"
)
# The device that has the address, as its own or as a further one.
_HAS_MAC = (
    "coalesce((SELECT id FROM device WHERE mac = :mac),"
    " (SELECT device_id FROM device_alias WHERE mac = :mac))"
)
ADD_EVENT = Statement(
    "INSERT INTO device_evidence (device_id, source_id, at, kind, ip, info, mac)"
    f" SELECT d.id, s.id, :at, :kind, :ip, :info, CASE WHEN d.mac = :mac THEN '{OWN}' ELSE :mac END"
    " FROM device d, source s"
    f" WHERE d.id = {_HAS_MAC} AND s.name = :source{_OF_BOTH}"
)
# Of what a source said, with departures after what else it said at an instant, but before connections.
CONNECTED_AT = Statement(
    f"SELECT {ADDRESS} AS address"
    " FROM device_evidence e JOIN device d ON d.id = e.device_id"
    " JOIN source s ON s.id = e.source_id WHERE s.name = :source AND e.at <= :at AND NOT e.settled"
    " GROUP BY address"
    " HAVING max(e.at * 4 + CASE e.kind WHEN 'seen' THEN 0 WHEN 'connected' THEN 2 ELSE 1 END)"
    " > max(CASE WHEN e.kind = 'disconnected' THEN e.at * 4 + 1 ELSE -1 END)"
)
SAID_SINCE = Statement(
    "SELECT count(*) FROM device_evidence WHERE at >= :since AND at <= :at AND kind <> 'disconnected'"
    f" AND device_id = {_HAS_MAC}"
    " AND source_id = (SELECT id FROM source WHERE name = :source)"
    f" AND (mac IN ('{ANY}', :mac) OR (mac = '{OWN}' AND EXISTS (SELECT 1 FROM device WHERE mac = :mac)))"
)


def take_evidence(
    tx: Transaction,
    source: str,
    at: int,
    kind: str,
    sightings: Iterable[Observation],
    info: str = "",
    *,
    arrives: bool = False,
) -> Taken:
    """Take in what a source said of single devices, or a scan that was not complete (kind "seen").

    Args:
        arrives: it has no instant of its own; within one second it comes after what came before.
    """
    source_id = identify(tx, source, at, sightings, by_address=True)
    changed = tx.rows(ADD_EVIDENCE, source_id=source_id, at=at, kind=kind, info=info, arrives=arrives)
    return Taken(ids_of(changed), tx.value(COUNT_SIGHTED))


def take_events(tx: Transaction, events: Iterable[DeviceEvent]) -> Taken:
    """Take in what several sources said of many devices."""
    known = list(events)
    tx.run_many(ADD_SOURCE, [{"name": name} for name in {event.source for event in known}])
    affected: set[int] = set()
    for event in known:
        seen = event.device
        name_vendors(tx, tx.rows(ADD_DEVICE, mac=seen.mac, name=seen.name, vendor=seen.vendor, at=event.at))
        changed = tx.rows(
            ADD_EVENT,
            mac=event.device.mac,
            source=event.source,
            at=event.at,
            kind=event.kind,
            ip=event.device.ip,
            info=event.info,
        )
        affected |= ids_of(changed)
    return Taken(affected, len({event.device.mac for event in known}))


def say_left(tx: Transaction, source: str, holds: Iterable[Hold]) -> None:
    """The source says that devices left, after all else that it said of that second.

    Args:
        holds: all of this source, each with the addresses that are said to have left.
    """
    source_id: int = tx.value(SOURCE_ID, name=source)
    of_second: dict[int, list[Hold]] = defaultdict(list)
    for each in holds:
        of_second[each.left_at].append(each)
    for at, there in of_second.items():
        arrival = tx.value(NEXT_ARRIVAL, source_id=source_id, at=at)
        words = {(each.device_id, OWN if mac == ANY else mac) for each in there for mac in each.addresses}
        said = {"source_id": source_id, "at": at, "arrival": arrival}
        tx.run_many(ADD_LEFT, [{"device_id": device_id, "mac": mac, **said} for device_id, mac in words])


def connected_by(tx: Transaction, source: str, at: int) -> list[str]:
    """MACs of the devices that the source, by what it said of single ones up to then, has connected."""
    return [mac for (mac,) in tx.rows(CONNECTED_AT, source=source, at=at)]


def has_said(tx: Transaction, source: str, mac: str, since: int, at: int) -> bool:
    """Whether the source said of the device, between two instants, that it is there."""
    return bool(tx.value(SAID_SINCE, source=source, mac=mac, since=since, at=at))


def say_seen_again(tx: Transaction, source_id: int, at: int) -> set[int]:
    """A scan came after what the source had said at that instant; the devices that this concerns."""
    return ids_of(tx.rows(ADD_SEEN_AFTER, source_id=source_id, at=at, arrives=True))
