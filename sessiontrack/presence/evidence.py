"""Evidence of devices: the device of an observation, and the lock that one transaction at a time takes in
evidence.

`scans.py` takes in complete scans, `words.py` what sources say of single devices.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, String

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.database.statements import temporary_table
from sessiontrack.presence.rules import ANY, OWN, REMEMBERED
from sessiontrack.values.observations import Observation
from sessiontrack.values.vendors import vendor_of

# The address that a row of device_evidence (e) of a device (d) is about; its own where none is known.
ADDRESS = f"CASE WHEN e.mac IN ('{OWN}', '{ANY}') THEN d.mac ELSE e.mac END"
ADD_SOURCE = Statement("INSERT INTO source (name) VALUES (:name) ON CONFLICT (name) DO NOTHING")
SOURCE_ID = Statement("SELECT id FROM source WHERE name = :name")
# The devices of one scan, for as long as its transaction lasts.
MAKE_SIGHTED, CLEAR_SIGHTED = temporary_table(
    "sighted",
    Column("mac", String(17), primary_key=True),
    Column("ip", String(45), nullable=False),
    Column("name", String(255), nullable=False),
    Column("vendor", String(255), nullable=False),
    Column("remembered", Boolean, nullable=False),
    Column("device_id", BigInteger),
)
_BOTH = (
    " ON CONFLICT (mac) DO UPDATE SET remembered = sighted.remembered AND excluded.remembered,"
    " ip = CASE WHEN sighted.remembered AND NOT excluded.remembered THEN excluded.ip"
    " WHEN excluded.remembered AND NOT sighted.remembered THEN sighted.ip"
    " WHEN excluded.ip > sighted.ip THEN excluded.ip ELSE sighted.ip END"
)
# One MAC twice in a scan, or two names for one device: one of the addresses, always the same one.
SIGHT = Statement(
    "INSERT INTO sighted (mac, ip, name, vendor, remembered)"
    " VALUES (:mac, :ip, :name, :vendor, :remembered)"
    f"{_BOTH}"
)
# What a scan sees of a device's further address counts for the device.
SIGHT_MERGED = Statement(
    "INSERT INTO sighted (mac, ip, name, vendor, remembered)"
    " SELECT d.mac, CASE WHEN min(CASE WHEN s.remembered THEN 1 ELSE 0 END) = 1 THEN '-'"
    " ELSE max(CASE WHEN s.remembered THEN '' ELSE s.ip END) END,"
    " '', '', min(CASE WHEN s.remembered THEN 1 ELSE 0 END) = 1"
    " FROM device_alias a CROSS JOIN sighted s CROSS JOIN device d"
    " WHERE s.mac = a.mac AND d.id = a.device_id GROUP BY d.mac"
    f"{_BOTH}"
)
FORGET_MERGED = Statement("DELETE FROM sighted WHERE mac IN (SELECT mac FROM device_alias)")
# When a known one was seen first is written where its history is: there its `New Device` moves along.
ADD_DEVICES = Statement(
    "INSERT INTO device (mac, name, vendor, first_seen_at)"
    " SELECT mac, name, vendor, :at FROM sighted WHERE NOT remembered AND NOT EXISTS"
    " (SELECT 1 FROM device d WHERE d.mac = sighted.mac)"
    " AND NOT EXISTS (SELECT 1 FROM device_alias a WHERE a.mac = sighted.mac)"
    " ON CONFLICT (mac) DO NOTHING RETURNING id, mac, vendor"
)
# A scan often knows no names, and a lease that comes later does. A name that a user has written stays.
NAME_KNOWN = (
    Statement(
        "UPDATE device SET name = s.name FROM sighted s WHERE s.name <> '' AND device.mac = s.mac"
        " AND device.name = ''"
    ),
    Statement(
        "UPDATE device SET vendor = s.vendor FROM sighted s WHERE s.vendor <> '' AND device.mac = s.mac"
        " AND device.vendor = ''"
    ),
)
NAME_VENDOR = Statement("UPDATE device SET vendor = :vendor WHERE id = :device_id")
IDENTIFY = Statement(
    "UPDATE sighted SET device_id = coalesce((SELECT d.id FROM device d WHERE d.mac = sighted.mac),"
    " (SELECT a.device_id FROM device_alias a WHERE a.mac = sighted.mac))"
)
# Whom a scan remembers and nobody ever saw: no device.
FORGET_UNKNOWN = Statement("DELETE FROM sighted WHERE device_id IS NULL")
COUNT_SIGHTED = Statement("SELECT count(DISTINCT device_id) FROM sighted WHERE NOT remembered")
FORGET_RUNS_OF = Statement("DELETE FROM sighting_run WHERE device_id = :device_id")
FORGET_WORDS_OF = Statement("DELETE FROM device_evidence WHERE device_id = :device_id")
FORGET_COVERED_OF = Statement("DELETE FROM covered_session WHERE device_id = :device_id")


@dataclass(frozen=True)
class Taken:
    """What taking it in has changed: the devices to look at anew."""

    affected: set[int]
    seen: int
    suspicious: bool = False


def hold_evidence(tx: Transaction) -> None:
    """Keep everybody else from taking in or judging evidence until the transaction ends.

    What a scan says of a device depends on what its source saw of all others, and on what other sources say
    of it: two transactions at once would each miss the other's. Every transaction that changes evidence or
    more than one device takes this lock before any device's, so that none wait for each other.
    """
    tx.exclude_writers("source")


def forget_device(tx: Transaction, device_id: int) -> None:
    """Forget all evidence of a device: what was derived from it is being deleted."""
    tx.run(FORGET_RUNS_OF, device_id=device_id)
    tx.run(FORGET_WORDS_OF, device_id=device_id)
    tx.run(FORGET_COVERED_OF, device_id=device_id)


def identify(
    tx: Transaction, source: str, at: int, sightings: Iterable[Observation], *, by_address: bool
) -> int:
    """Put the sightings beside their devices; new ones are made, nameless ones named. The source's id.

    Every row of `sighted` has its device then.

    Args:
        by_address: leave those of several addresses of one device apart.
    """
    tx.run(ADD_SOURCE, name=source)
    source_id: int = tx.value(SOURCE_ID, name=source)
    tx.run(MAKE_SIGHTED)
    tx.run(CLEAR_SIGHTED)
    sighted = [
        {
            "mac": s.mac,
            "ip": s.ip if s.is_sighting else REMEMBERED,
            "name": s.name,
            "vendor": s.vendor,
            "remembered": not s.is_sighting,
        }
        for s in sightings
    ]
    tx.run_many(SIGHT, sighted)
    if not by_address and tx.run(SIGHT_MERGED):
        tx.run(FORGET_MERGED)
    name_vendors(tx, tx.rows(ADD_DEVICES, at=at))
    if any(each["name"] or each["vendor"] for each in sighted):
        for statement in NAME_KNOWN:
            tx.run(statement)
    tx.run(IDENTIFY)
    if any(each["remembered"] for each in sighted):
        tx.run(FORGET_UNKNOWN)
    return source_id


def name_vendors(tx: Transaction, devices: Iterable[Row]) -> None:
    """Write the vendors of the addresses, where the source reported none."""
    found = ((device_id, vendor_of(mac)) for device_id, mac, vendor in devices if not vendor)
    named = [{"device_id": device_id, "vendor": vendor} for device_id, vendor in found if vendor]
    if named:
        tx.run_many(NAME_VENDOR, named)


def ids_of(rows: Iterable[Row]) -> set[int]:
    return {row[0] for row in rows}
