"""Devices as `/devices` shows them: each with its latest session, in one statement."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    FromClause,
    SQLColumnExpression,
    case,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Contains, Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession, Event
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.models.device import TEXTS
from sessiontrack.models.device_alias import device_with
from sessiontrack.queries.searching import contained, devices_with_alias_like, in_mac, search_values
from sessiontrack.values.macs import is_locally_administered
from sessiontrack.values.periods import fixed_period
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.tags import SEPARATOR, split_tags
from sessiontrack.values.timestamps import SiteTime
from sessiontrack.values.vendors import vendor_of

NEW_SECONDS = 86_400
TOTALS = ("all", "connected", "disconnected", "down", "new", "flapping", "archived", "favorites")
CONNECTED_ADDRESSES = Statement("SELECT DISTINCT ip FROM device_session WHERE still_connected AND ip <> ''")
TAGGED = Statement("SELECT tags FROM device WHERE tags <> '' AND NOT archived ORDER BY id")
CELLS = (
    *("mac", *(each.file_name for each in TEXTS if each.name != "vendor")),
    *("vendor", "ip", "status", "connected_since", "first_seen", "last_seen", "archived"),
    "info",
)
ALIASES = Statement("SELECT device_id, mac FROM device_alias ORDER BY mac")

IS_CONNECTED = func.coalesce(DeviceSession.still_connected, false())
IS_DOWN = func.coalesce(
    DeviceSession.disconnected_at.is_not(None) & (DeviceSession.disc_type == "Device Down"), false()
)
IS_NEW = Device.first_seen_at > bind("now") - NEW_SECONDS
IS_FLAPPING = Device.can_flap & Device.id.in_(
    select(DeviceSession.device_id)
    .where(DeviceSession.begin_at > bind("window_start"), DeviceSession.begin_at <= bind("now"))
    .where(DeviceSession.connected_at.is_not(None))
    .group_by(DeviceSession.device_id)
    .having(func.count() > bind("connections"))
)
# Of the devices that are not archived; with `archived` of the others.
CONDITIONS: dict[str, ColumnElement[bool]] = {
    "all": ~Device.archived,
    "connected": ~Device.archived & IS_CONNECTED,
    "disconnected": ~Device.archived & ~IS_CONNECTED & ~IS_DOWN,
    "down": ~Device.archived & IS_DOWN,
    "new": ~Device.archived & IS_NEW,
    "flapping": ~Device.archived & IS_FLAPPING,
    "archived": Device.archived == ~false(),
    "favorites": ~Device.archived & (Device.favourite == ~false()),
    "offline": ~Device.archived & ~IS_CONNECTED,
    # In a period, which alone can say of the archived ones whether they were there: `presence_shares.py`.
    "known": true(),
}

# Those that need no look at the latest session.
WITHOUT_LATEST = frozenset({"all", "new", "archived", "favorites", "known"})


@dataclass(frozen=True)
class DeviceFilter:
    """Which devices, and in which order: by a name of SORTS.

    flapping: more connections than the first number, within the seconds of the second.
    mac: only the device that has this address.
    tag: only those with this tag.
    """

    flapping: tuple[int, int]
    status: str = "all"
    search: str = ""
    sort: str = "name"
    descending: bool = False
    mac: str | None = None
    tag: str = ""

    def values(self, now: int) -> dict[str, Any]:
        """The parameters of the statements."""
        found: dict[str, Any] = {**search_values(self.search), **_times(now, self.flapping)}
        if self.tag:
            found["tag_pattern"] = contained(f"{SEPARATOR}{self.tag}{SEPARATOR}")
        return found if self.mac is None else {**found, "mac": self.mac}

    def narrowing(self) -> tuple[bool, bool | None]:
        """Whether to one device; and to a tag that is plain ASCII, or is not, None without one."""
        return self.mac is not None, self.tag.isascii() if self.tag else None

    def shape(self) -> tuple[str, bool | None]:
        """What the statements depend on; the second: whether the search is plain ASCII, None without one."""
        return self.status, self.search.isascii() if self.search else None


def list_devices(
    tx: Transaction, wanted: DeviceFilter, limit: int, offset: int, now: int, site: SiteTime
) -> Iterator[dict[str, Any]]:
    """One page of them."""
    aliases = _aliases(tx)
    statement = _listed(*wanted.shape(), wanted.sort, wanted.descending, wanted.narrowing())
    for row in tx.stream(statement, limit=limit, offset=offset, **wanted.values(now)):
        yield _as_dict(row, aliases, site)


def list_resources(
    tx: Transaction, wanted: DeviceFilter, limit: int | None, offset: int, now: int, site: SiteTime
) -> Iterator[dict[str, Any]]:
    """The same devices as calendars take their resources."""
    for device in list_devices(tx, wanted, limit or EVERYTHING, offset, now, site):
        yield {
            "id": device["mac"],
            "title": device["name"] or device["mac"],
            "favorite": int(device["favourite"]),
            "devMac": device["mac"],
            "devName": device["name"],
            "devOwner": device["owner"],
            "devVendor": device["vendor"],
            "devLastIP": device["ip"],
            "devFirstConnection": device["first_seen"],
            "devLastConnection": device["last_seen"],
            "devFavorite": int(device["favourite"]),
            "devPresentLastScan": int(device["connected"]),
            "devAlertDown": int(device["alert_down"]),
            "devIsNew": int(device["new"]),
            "devIsArchived": int(device["archived"]),
        }


def count_devices(tx: Transaction, wanted: DeviceFilter, now: int) -> int:
    """How many there are, whatever the page."""
    return int(tx.value(_counted(*wanted.shape(), wanted.narrowing()), **wanted.values(now)))


def find_device(
    tx: Transaction, mac: str, flapping: tuple[int, int], now: int, site: SiteTime
) -> dict[str, Any] | None:
    """The device that has this address, as its own or as a merged one."""
    row = tx.row(_one(), mac=mac, **_times(now, flapping))
    return None if row is None else _as_dict(row, _aliases(tx), site)


def count_totals(tx: Transaction, flapping: tuple[int, int], now: int) -> dict[str, int]:
    """How many devices each status has."""
    return dict(zip(TOTALS, tx.rows(_totals(), **_times(now, flapping))[0], strict=True))


def list_cells(tx: Transaction, wanted: DeviceFilter, now: int, site: SiteTime) -> Iterator[tuple[str, ...]]:
    """All of them as rows of CELLS."""
    for device in list_devices(tx, wanted, EVERYTHING, 0, now, site):
        device["tags"] = SEPARATOR.join(device["tags"])
        yield tuple(as_cell(device[name]) for name in CELLS)


def count_tags(tx: Transaction) -> list[dict[str, Any]]:
    """Every tag of the devices that are not archived, in order, and how many have it."""
    counts: dict[str, list[Any]] = {}
    for (text,) in tx.rows(TAGGED):
        for tag in split_tags(text):
            counts.setdefault(tag.casefold(), [tag, 0])[1] += 1
    return [{"tag": counts[key][0], "devices": counts[key][1]} for key in sorted(counts)]


def _times(now: int, flapping: tuple[int, int]) -> dict[str, int]:
    connections, window = flapping
    return {"now": now, "window_start": now - window, "connections": connections}


def _aliases(tx: Transaction) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for device_id, mac in tx.rows(ALIASES):
        found[device_id].append(mac)
    return found


def _as_dict(row: Row, aliases: dict[int, list[str]], site: SiteTime) -> dict[str, Any]:
    device_id, mac, ip, info, status, since, first, last, new, flapping, *own = row
    can_flap, alert_down, grace, archived, favourite, *texts = own
    said = dict(zip(TEXT_NAMES, texts, strict=True))
    return {
        "mac": mac,
        "aliases": aliases.get(device_id, []),
        **said,
        "vendor": said["vendor"] or vendor_of(mac),
        "tags": split_tags(said["tags"]),
        "randomized": is_locally_administered(mac),
        "ip": ip,
        "info": info,
        "status": status,
        "connected": status == "connected",
        "connected_since": None if since is None else site.format_offset(since),
        "first_seen": site.format_offset(first),
        "last_seen": None if last is None else site.format_offset(last),
        "new": bool(new),
        "flapping": bool(flapping),
        "can_flap": bool(can_flap),
        "alert_down": bool(alert_down),
        "grace": None if grace is None else str(fixed_period(grace)),
        "archived": bool(archived),
        "favourite": bool(favourite),
    }


# --- the statements, each shape built and compiled once

STATUS = case((IS_CONNECTED, "connected"), (IS_DOWN, "down"), else_="disconnected")
# What an import said may be later than its sessions, of which the other tool kept no more.
LAST_SEEN = case(
    (IS_CONNECTED, bind("now")),
    (Device.last_seen_at > DeviceSession.end_at, Device.last_seen_at),
    else_=func.coalesce(DeviceSession.end_at, Device.last_seen_at),
)
# The address that it has moved to during its latest session, else the one that it came with.
IP = func.coalesce(Event.ip, DeviceSession.ip, "")
# What its source said beside it: of RADIUS, who signed in.
INFO = func.coalesce(DeviceSession.info, "")
TEXT_NAMES = tuple(each.file_name for each in TEXTS)
TEXT_COLUMNS = tuple(Device.__table__.columns[each.name] for each in TEXTS)
COLUMNS = (
    Device.id,
    Device.mac,
    IP,
    INFO,
    STATUS,
    case((IS_CONNECTED, DeviceSession.connected_at)),
    Device.first_seen_at,
    LAST_SEEN,
    IS_NEW,
    IS_FLAPPING,
    Device.can_flap,
    Device.alert_down,
    Device.grace_seconds,
    Device.archived,
    Device.favourite,
    *TEXT_COLUMNS,
)
SORTS: dict[str, tuple[SQLColumnExpression[Any], SQLColumnExpression[Any] | None]] = {
    # (what by, and where it is nothing: those come last in either direction)
    "name": (func.natural_order(Device.name), Device.name == ""),
    "mac": (Device.mac, None),
    "owner": (func.natural_order(Device.owner), Device.owner == ""),
    "ip": (func.coalesce(Event.ip_key, DeviceSession.ip_key, ""), IP == ""),
    "vendor": (func.lower(Device.vendor), Device.vendor == ""),
    "first_seen": (Device.first_seen_at, None),
    "last_seen": (func.coalesce(LAST_SEEN, -1), LAST_SEEN.is_(None)),
    "status": (STATUS, None),
}


def _with_latest() -> FromClause:
    """Each device with its latest session, and with the latest move to another address during that."""
    session, move = aliased(DeviceSession), aliased(Event)
    latest = (
        select(session.id)
        .where(session.device_id == Device.id)
        .order_by(session.begin_at.desc(), session.id.desc())
        .limit(1)
        .correlate(Device)
        .scalar_subquery()
    )
    # A device has an IPv4 and an IPv6 address: only one of the same kind takes the other's place.
    moved = (
        select(move.id)
        .where(move.device_id == Device.id, move.type == "IP Changed", ~move.voided)
        .where(move.at >= DeviceSession.begin_at, move.ip.like("%:%") == DeviceSession.ip.like("%:%"))
        .order_by(move.at.desc(), move.id.desc())
        .limit(1)
        .correlate(Device, DeviceSession)
        .scalar_subquery()
    )
    device: FromClause = Device.__table__
    session_table: FromClause = DeviceSession.__table__
    event_table: FromClause = Event.__table__
    with_session = device.outerjoin(session_table, DeviceSession.id == latest)
    return with_session.outerjoin(event_table, Event.id == moved)


def _where(
    status: str, is_ascii: bool | None, narrowing: tuple[bool, bool | None] = (False, None)
) -> list[ColumnElement[bool]]:
    where = [CONDITIONS[status]]
    of_one, tag_is_ascii = narrowing
    if of_one:
        where.append(Device.id == device_with(bind("mac")))
    if tag_is_ascii is not None:
        where.append(_tagged(tag_is_ascii))
    if is_ascii is None:
        return where
    texts = (Contains(each, bind("pattern"), is_ascii) for each in (*TEXT_COLUMNS, IP, INFO))
    found = [*texts, in_mac(Device.mac, is_ascii)]
    return [*where, or_(*found, Device.id.in_(devices_with_alias_like(is_ascii)))]


@cache
def _listed(
    status: str, is_ascii: bool | None, sort: str, descending: bool, narrowing: tuple[bool, bool | None]
) -> Statement:
    by, is_nothing = SORTS[sort]
    order: list[ColumnElement[Any]] = (
        [] if is_nothing is None else [case((is_nothing, literal(1)), else_=literal(0))]
    )
    order += [by.desc() if descending else by.asc(), Device.mac.asc()]
    rows = (
        select(*COLUMNS)
        .select_from(_with_latest())
        .where(*_where(status, is_ascii, narrowing))
        .order_by(*order)
    )
    return Statement(rows.limit(bind("limit")).offset(bind("offset")))


def _tagged(is_ascii: bool) -> ColumnElement[bool]:
    separator: ColumnElement[str] = literal_column(f"'{SEPARATOR}'")
    return Contains(separator + Device.tags + separator, bind("tag_pattern"), is_ascii)


def are(status: str, is_ascii: bool | None, tag_is_ascii: bool | None = None) -> ColumnElement[bool]:
    """The condition that a row's device is one of a filter's, by that filter's shape and with its values."""
    if status in WITHOUT_LATEST and is_ascii is None:
        condition = CONDITIONS[status]
        return condition if tag_is_ascii is None else condition & _tagged(tag_is_ascii)
    where = _where(status, is_ascii, (False, tag_is_ascii))
    return Device.id.in_(select(Device.id).select_from(_with_latest()).where(*where))


@cache
def _counted(status: str, is_ascii: bool | None, narrowing: tuple[bool, bool | None]) -> Statement:
    where = _where(status, is_ascii, narrowing)
    needs_latest = status not in WITHOUT_LATEST or is_ascii is not None
    rows: FromClause = _with_latest() if needs_latest else Device.__table__
    return Statement(select(func.count()).select_from(rows).where(*where))


@cache
def _one() -> Statement:
    return Statement(
        select(*COLUMNS).select_from(_with_latest()).where(Device.id == device_with(bind("mac")))
    )


@cache
def _totals() -> Statement:
    counts = (func.count().filter(CONDITIONS[name]) for name in TOTALS)
    return Statement(select(*counts).select_from(_with_latest()))


def connected_addresses(tx: Transaction) -> list[str]:
    """The IP addresses of devices that are connected."""
    return [ip for (ip,) in tx.rows(CONNECTED_ADDRESSES)]
