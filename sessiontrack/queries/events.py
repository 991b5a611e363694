"""What happened, as the table of `/sessions/session-events` and its totals show it.

Two shapes come under one call: events (types all, voided, new, down) and device sessions (types sessions,
missing). Paging, sorting and search are the database's.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Contains, Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession, Event
from sessiontrack.models.columns import EVERYTHING, bind, holds
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import IS_LONG, IS_MISSING, IS_OPEN, IS_SHORT, SHORT_SECONDS
from sessiontrack.models.row_count import DEVICE_SESSIONS, EVENTS
from sessiontrack.models.text_count import EVENT_TEXTS, SESSION_TEXTS
from sessiontrack.queries import event_places, event_rows, row_counts
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.event_search import find_matches
from sessiontrack.queries.history_counts import (
    COUNTED_BY,
    EVENT_CONDITIONS,
    MISSING_CONDITIONS,
    SESSION_TYPES,
    TOTALS,
    count_begun,
    count_from,
    count_open,
)
from sessiontrack.queries.searching import devices_with_alias_like, in_mac, search_values
from sessiontrack.values.timestamps import SiteTime

# Whether of one device, whether until an instant.
Limits = tuple[bool, bool]
Order = tuple[tuple[str, bool], ...]
# Statements that are kept: of orders by several columns there are thousands.
MOST_ORDERS = 512
# Those whose texts are counted.
SEARCHED = {"all": EVENT_TEXTS, "sessions": SESSION_TEXTS}
# A search that finds less than one row of so many looks for their devices first.
FEW = 20
# And that concerns less than one device of so many.
FEW_DEVICES = 4
DEVICES = Statement("SELECT count(*) FROM device")
BY_TIME = ("order_time", "time")
BY_DURATION = ("duration", "duration_seconds")


class Narrowed(Enum):
    """To which devices a search is narrowed."""

    NOT = 0
    TO_NOTHING = 1
    # To devices all rows of which match.
    TO_WHOLE = 2
    # To those, and others some rows of which match.
    TO_SOME = 3


class Search(NamedTuple):
    """How is searched: whether the text is plain ASCII, and where."""

    is_ascii: bool
    narrowed: Narrowed


class Place(Enum):
    """Where a page of a list in the order of time is looked for."""

    ANYWHERE = 0
    # Beyond the instant `edge`, among what begins in the period.
    BEYOND = 1
    # The same, and nothing is stepped over.
    AT = 3
    # Beyond it, also among sessions that only reach into the period.
    REACHING = 2
    # Among open sessions and those that lasted `least` seconds or longer.
    LONGEST = 4


@dataclass(frozen=True)
class EventFilter:
    """Which rows, from `since` (UTC epoch seconds) on, of all devices or of one.

    order: names of columns, the first one first, each with whether it descends.
    until: only events before it and sessions that began before it; None for all.
    """

    type: str
    since: int
    search: str = ""
    order: Order = (("order_time", True),)
    mac: str | None = None
    until: int | None = None

    def limits(self) -> Limits:
        """What the statements depend on beside type and search: whether of one device, whether until then."""
        return self.mac is not None, self.until is not None

    def values(self) -> dict[str, Any]:
        """The parameters of the statements."""
        found: dict[str, Any] = {"since": self.since}
        if self.until is not None:
            found["until"] = self.until
        found |= search_values(self.search)
        if self.mac is not None:
            found["mac"] = self.mac
        return found


def count_rows(tx: Transaction, wanted: EventFilter, *, searched: bool) -> int:
    """How many rows match, whatever the page; with the search, or as if there were none."""
    if not (searched and wanted.search):
        return _count(tx, replace(wanted, search=""))
    narrowed, values = _narrowed(tx, wanted)
    if narrowed is Narrowed.TO_NOTHING:
        return 0
    if "matching" in values and wanted.since <= 0:
        return int(values["matching"])
    how = Search(wanted.search.isascii(), narrowed)
    return int(tx.value(_searched_count(wanted.type, how, wanted.limits()), **wanted.values(), **values))


def _narrowed(tx: Transaction, wanted: EventFilter) -> tuple[Narrowed, dict[str, Any]]:
    """The devices that a search through all events or sessions concerns, where these are few."""
    if wanted.type not in SEARCHED or any(wanted.limits()):
        return Narrowed.NOT, {}
    counted = SEARCHED[wanted.type]
    found = find_matches(tx, counted, wanted.search)
    if not found.rows:
        return Narrowed.TO_NOTHING, {}
    values: dict[str, Any] = {"matching": found.rows}
    concerned = [*found.whole, *found.partly]
    is_few = found.rows * FEW <= row_counts.total(tx, counted)
    if not is_few or len(concerned) * FEW_DEVICES > tx.value(DEVICES):
        return Narrowed.NOT, values
    values |= {"whole": found.whole, "concerned": concerned}
    if not found.partly:
        return Narrowed.TO_WHOLE, values
    return Narrowed.TO_SOME, {**values, "partly": found.partly}


def count_totals(
    tx: Transaction, since: int, mac: str | None = None, until: int | None = None
) -> dict[str, int]:
    """How many rows each type has, in the order of the documented list."""
    wanted = EventFilter("all", since, mac=mac, until=until)
    return {name: count_rows(tx, replace(wanted, type=name), searched=False) for name in TOTALS}


def _count(tx: Transaction, wanted: EventFilter) -> int:
    """Of all devices, what lies in whole stretches of time was counted before."""
    if wanted.mac is not None or wanted.type not in COUNTED_BY:
        return int(tx.value(_counted(wanted.type, wanted.limits()), **wanted.values()))
    if wanted.until is not None:
        return _count(tx, replace(wanted, until=None)) - _count_after(tx, wanted.type, wanted.until)
    counted = count_from(tx, wanted.type, wanted.since)
    return counted if wanted.type != "sessions" else counted + count_open(tx)


def _count_after(tx: Transaction, kind: str, at: int) -> int:
    """How many of all devices happened or began at an instant or later."""
    return count_begun(tx, at) if kind == "sessions" else count_from(tx, kind, at)


def list_page(tx: Transaction, wanted: EventFilter, limit: int, offset: int, now: int) -> Iterator[Row]:
    """One page, for as_objects or as_table."""
    wanted, search, among, offset = _among_some(tx, wanted, limit, offset)
    if _is_of_missing(tx, wanted, limit, offset):
        # How long these lasted nobody knows: they are the shortest, equal, and by time.
        wanted = replace(wanted, type="missing", order=wanted.order[1:] or (("order_time", True),))
    if wanted.search:
        narrowed, among = _narrowed(tx, wanted)
        if narrowed is Narrowed.TO_NOTHING:
            return iter(())
        search = Search(wanted.search.isascii(), narrowed)
    place, page = (Place.ANYWHERE, {}) if among else _placed(tx, wanted, limit, offset)
    if place is Place.BEYOND and not page["offset"]:
        place = Place.AT
    statement = _listed(wanted.type, search, wanted.limits(), wanted.order, place)
    values = {**wanted.values(), "limit": limit, "offset": offset, **page, **among}
    if wanted.type in SESSION_TYPES and any("duration" in name for name, _ in wanted.order):
        values["now"] = now
    return tx.stream(statement, **values)


def _is_of_missing(tx: Transaction, wanted: EventFilter, limit: int, offset: int) -> bool:
    """Whether a page of sessions, shortest first, has only such that lack an end."""
    first, descends = wanted.order[0]
    if first not in BY_DURATION or descends or wanted.type != "sessions" or wanted.search:
        return False
    return not any(wanted.limits()) and count_from(tx, "missing", wanted.since) >= offset + limit


def _among_some(
    tx: Transaction, wanted: EventFilter, limit: int, offset: int
) -> tuple[EventFilter, Search | None, dict[str, Any], int]:
    """The same page, in the order of a column of devices among their rows alone: as if searched for them."""
    (first, descends), *rest = wanted.order
    as_it_is: tuple[EventFilter, None, dict[str, Any], int] = wanted, None, {}, offset
    if first not in event_places.SORTS or wanted.search or any(wanted.limits()):
        return as_it_is
    if wanted.type not in SEARCHED or limit == EVERYTHING:
        return as_it_is
    found = event_places.devices_of_page(tx, first, _counter(tx, wanted), limit, offset, descending=descends)
    if found is None:
        return as_it_is
    ids, offset = found
    if not ids:
        return replace(wanted, order=tuple(rest) or (("order_time", True),)), None, {}, offset
    return wanted, Search(True, Narrowed.TO_WHOLE), {"whole": ids, "concerned": ids}, offset


def _counter(tx: Transaction, wanted: EventFilter) -> Callable[[int, str], int]:
    """What counts the rows of a device."""
    if wanted.since <= 0:
        rows = event_places.rows_of_devices(tx, SEARCHED[wanted.type])
        return lambda device_id, _: rows.get(device_id, 0)
    return lambda _, mac: _count(tx, replace(wanted, mac=mac))


def as_objects(kind: str, rows: Iterable[Row], now: int, site: SiteTime) -> list[dict[str, Any]]:
    """Rows of that type as objects for JSON."""
    as_object = event_rows.session_object if kind in SESSION_TYPES else event_rows.event_object
    return [as_object(row, now, site) for row in rows]


def list_cells(tx: Transaction, wanted: EventFilter, now: int, site: SiteTime) -> Iterator[tuple[str, ...]]:
    """All rows as cells of CSV, under `columns_of`."""
    as_cells = event_rows.session_cells if wanted.type in SESSION_TYPES else event_rows.event_cells
    return (as_cells(row, now, site) for row in list_page(tx, wanted, EVERYTHING, 0, now))


def columns_of(kind: str) -> tuple[str, ...]:
    """The keys of that type's objects, in their order."""
    return event_rows.SESSION_KEYS if kind in SESSION_TYPES else event_rows.EVENT_KEYS


def as_table(kind: str, rows: Iterable[Row], now: int, site: SiteTime) -> list[list[Any]]:
    """Rows of that type as the 15 columns that DataTables is used to."""
    as_columns = event_rows.session_columns if kind in SESSION_TYPES else event_rows.event_columns
    return [as_columns(row, now, site) for row in rows]


def _placed(tx: Transaction, wanted: EventFilter, limit: int, offset: int) -> tuple[Place, dict[str, int]]:
    """Where a page of the lists that may be long begins, and the parameters that say so."""
    first, newest_first = wanted.order[0]
    if wanted.search or any(wanted.limits()):
        return Place.ANYWHERE, {}
    if first in BY_DURATION and newest_first and wanted.type == "sessions":
        # The page ends before the last of so many.
        least = event_places.seconds_of_longest(tx, wanted.since, offset + limit - 1)
        return (Place.ANYWHERE, {}) if least is None else (Place.LONGEST, {"least": least})
    if first not in BY_TIME:
        return Place.ANYWHERE, {}
    if wanted.type == "all":
        if newest_first:
            return Place.BEYOND, row_counts.place(tx, EVENTS, offset, newest_first=True)
        return Place.BEYOND, _after_since(tx, EVENTS, wanted, _count(tx, wanted), offset)
    if wanted.type != "sessions":
        return Place.ANYWHERE, {}
    # Those that began before the period and reach into it come last, or first.
    begun = count_begun(tx, wanted.since)
    if newest_first:
        if offset >= begun:
            return Place.REACHING, {"edge": wanted.since, "offset": offset - begun}
        is_within = offset + limit <= begun or begun == _count(tx, wanted)
        where = Place.BEYOND if is_within else Place.REACHING
        return where, row_counts.place(tx, DEVICE_SESSIONS, offset, newest_first=True)
    reaching = _count(tx, wanted) - begun
    if offset < reaching:
        return Place.ANYWHERE, {}
    return Place.BEYOND, _after_since(tx, DEVICE_SESSIONS, wanted, begun, offset - reaching)


def _after_since(
    tx: Transaction, counted: str, wanted: EventFilter, within: int, offset: int
) -> dict[str, int]:
    """Where a page begins, oldest first, among the rows within the period."""
    before = row_counts.total(tx, counted) - within
    found = row_counts.place(tx, counted, offset + before, newest_first=False)
    return found if found["edge"] > wanted.since else {"edge": wanted.since, "offset": offset}


# Each combination is one statement, built and compiled once.


@cache
def _counted(kind: str, limits: Limits) -> Statement:
    if kind in SESSION_TYPES:
        return Statement(select(func.count()).select_from(_sessions(kind, limits)))
    return Statement(select(func.count()).select_from(Event).where(*_conditions(kind, limits)))


@cache
def _searched_count(kind: str, search: Search, limits: Limits) -> Statement:
    rows, _ = _rows(kind, search, limits)
    return Statement(rows.with_only_columns(func.count()))


@lru_cache(MOST_ORDERS)
def _listed(kind: str, search: Search | None, limits: Limits, wanted: Order, place: Place) -> Statement:
    order = {"order_time" if name == "time" else name: descends for name, descends in wanted}
    first = next(iter(order))
    newest = order[first] if first == "order_time" and search is None else None
    rows, sorts = _rows(kind, search, limits, newest, place)
    # What is equal in all of these is in the order of time: newest first, where that is not asked for.
    order.setdefault("order_time", True)
    order["id"] = order["order_time"]
    columns = ((sorts[name], descends) for name, descends in order.items() if name in sorts)
    by = [column.desc() if descends else column.asc() for column, descends in columns]
    if place is Place.AT:
        mine = sorts["order_time"]
        edge = mine < bind("edge") if newest else mine >= bind("edge")
        from_edge = rows.where(mine >= bind("since"), edge).order_by(*by)
        return Statement(from_edge.limit(bind("limit")))
    if place is Place.BEYOND:
        model, at = (DeviceSession, DeviceSession.begin_at) if kind in SESSION_TYPES else (Event, Event.at)
        # Found in the index alone: what is stepped over has no row looked at.
        edge = at < bind("edge") if newest else at >= bind("edge")
        by_instant = [each.desc() if newest else each for each in (at, model.id)]
        found = select(model.id).where(at >= bind("since"), edge).order_by(*by_instant)
        page = found.limit(bind("limit")).offset(bind("offset")).subquery()
        return Statement(rows.where(sorts["id"].in_(select(page.c.id))).order_by(*by))
    return Statement(rows.order_by(*by).limit(bind("limit")).offset(bind("offset")))


Rows = Select[*tuple[Any, ...]]
Columns = dict[str, SQLColumnExpression[Any]]


def _rows(
    kind: str,
    search: Search | None,
    limits: Limits,
    newest: bool | None = None,
    place: Place = Place.ANYWHERE,
) -> tuple[Rows, Columns]:
    """The rows of one type, and the columns that they can be sorted by.

    Args:
        search: None without one.
        limits: EventFilter.limits().
    """
    if kind in SESSION_TYPES:
        return _device_sessions(kind, search, limits, newest, place)
    return _events(kind, search, limits)


def _conditions(kind: str, limits: Limits) -> list[ColumnElement[bool]]:
    condition, (of_device, bounded) = EVENT_CONDITIONS[kind], limits
    found = [Event.at >= bind("since")]
    if bounded:
        found.append(Event.at < bind("until"))
    if of_device:
        found.append(Event.device_id == device_with(bind("mac")))
    return found if condition is None else [*found, holds(condition)]


def _events(kind: str, search: Search | None, limits: Limits) -> tuple[Rows, Columns]:
    shown_type = case((Event.voided, literal_column("'VOIDED - '") + Event.type), else_=Event.type)
    rows = (
        select(
            Event.id,
            Event.at,
            Device.mac,
            Device.name,
            Device.owner,
            Event.ip,
            Event.info,
            shown_type,
            Event.pending_alert,
            Event.voided,
            Event.void_cause,
            Event.void_cause_at,
            Event.void_source,
        )
        .join(Device, Device.id == Event.device_id)
        .where(*_conditions(kind, limits))
    )
    sorts: Columns = {
        **_device_sorts(),
        "id": Event.id,
        "order_time": Event.at,
        "type": shown_type,
        "ip": Event.ip_key,
        "ip_number": Event.ip_key,
        "info": func.lower(Event.info),
        "pending_alert": Event.pending_alert,
    }
    return _searched(rows, search, "event", Event.ip, shown_type, Event.info), sorts


def _device_sessions(
    kind: str, search: Search | None, limits: Limits, newest: bool | None, place: Place
) -> tuple[Rows, Columns]:
    found = _sessions(kind, limits, newest, place, search).c
    # Of a missing event both are the one known instant, and its index is in the order of end_at.
    order_time = found.end_at if kind in MISSING_CONDITIONS else found.begin_at
    later = aliased(DeviceSession)
    is_later = (later.device_id == found.device_id, later.begin_at > found.begin_at)
    next_at = select(func.min(later.begin_at)).where(*is_later).scalar_subquery()
    lacks_end = found.disconnected_at.is_(None) & ~found.still_connected
    rows = select(
        found.id,
        found.begin_at,
        Device.mac,
        Device.name,
        Device.owner,
        found.ip,
        found.info,
        found.connected_at,
        found.disconnected_at,
        found.still_connected,
        case((lacks_end, next_at)),
    ).join(Device, Device.id == found.device_id)
    so_far = case((bind("now") > found.connected_at, bind("now") - found.connected_at), else_=0)
    whole = func.coalesce(found.disconnected_at - found.connected_at, -1)
    seconds = case((found.still_connected, so_far), else_=whole)
    sorts: Columns = {
        **_device_sorts(),
        "id": found.id,
        "order_time": order_time,
        "connection": func.coalesce(found.connected_at, -1),
        "disconnection": func.coalesce(found.disconnected_at, -1),
        "duration": seconds,
        "duration_seconds": seconds,
        "ip": found.ip_key,
        "ip_number": found.ip_key,
        "info": func.lower(found.info),
        "still_connected": found.still_connected,
    }
    return _searched(rows, search, "found", found.ip, found.conn_type, found.disc_type, found.info), sorts


def _device_sorts() -> Columns:
    return {"name": func.lower(Device.name), "owner": func.lower(Device.owner), "mac": Device.mac}


def _searched(rows: Rows, search: Search | None, table: str, *columns: SQLColumnExpression[str]) -> Rows:
    if search is None:
        return rows
    is_ascii = search.is_ascii
    whole, partly = (holds(f"{table}.device_id AMONG(:{each})") for each in ("whole", "partly"))
    found = [Contains(column, bind("pattern"), is_ascii) for column in columns]
    if search.narrowed is Narrowed.TO_WHOLE:
        return rows.where(whole)
    if search.narrowed is Narrowed.TO_SOME:
        return rows.where(or_(whole, and_(partly, or_(*found))))
    of_device = [Contains(each, bind("pattern"), is_ascii) for each in (Device.name, Device.owner)]
    of_address = (in_mac(Device.mac, is_ascii), Device.id.in_(devices_with_alias_like(is_ascii)))
    return rows.where(or_(*of_device, *of_address, *found))


def _sessions(
    kind: str,
    limits: Limits,
    newest: bool | None = None,
    place: Place = Place.ANYWHERE,
    search: Search | None = None,
) -> Subquery:
    """The sessions of one type; each part by the index of its own.

    Args:
        newest: whether the page begins with the newest ones or with the oldest, None where it is not in the
            order of time or a search leaves some out. Then none of the parts is read further than the page.
        place: where the page is; BEYOND the caller says which ones it has.
    """
    since = bind("since")
    begin_at, end_at = DeviceSession.begin_at, DeviceSession.end_at
    of_device, bounded = limits
    before = [begin_at < bind("until")] if bounded else []
    if of_device:
        device = device_with(bind("mac"))
        where = [DeviceSession.device_id == device, begin_at >= first_begin(device, since), *before]
        where.append(or_(DeviceSession.still_connected, end_at >= since))
        if kind in MISSING_CONDITIONS:
            where += _missing(kind)
        return _session_columns_where(begin_at, *where).subquery("found")
    if kind in MISSING_CONDITIONS:
        return _session_columns_where(begin_at, *_missing(kind), end_at >= since, *before).subquery("found")
    if search is not None and search.narrowed in (Narrowed.TO_WHOLE, Narrowed.TO_SOME):
        # By the index of each device.
        concerned = holds("device_session.device_id AMONG(:concerned)")
        in_period = or_(DeviceSession.still_connected, end_at >= since)
        return _session_columns_where(begin_at, concerned, in_period).subquery("found")
    if place is Place.REACHING:
        before.append(begin_at < bind("edge") if newest else begin_at >= bind("edge"))
    if place in (Place.BEYOND, Place.AT):
        return _session_columns_where(begin_at).subquery("found")
    if place is Place.LONGEST:
        longest = (holds(IS_LONG), end_at >= since, end_at - begin_at >= bind("least"))
        return union_all(
            _session_columns_where(begin_at, *longest), _session_columns_where(begin_at, holds(IS_OPEN))
        ).subquery("found")
    # Long ones are few: better sorted than looked for, newest first, among all that ever began.
    unindexed_begin_at = (begin_at + 0).label("begin_at")
    short = _session_columns_where(
        begin_at, holds(IS_SHORT), begin_at >= since - SHORT_SECONDS, end_at >= since, *before
    )
    if newest is not None:
        order = (begin_at, DeviceSession.id)
        reached = short.order_by(*(each.desc() if newest else each.asc() for each in order))
        found = reached.limit(bind("limit") + bind("offset")).subquery()
        short = select(*found.c)
    return union_all(
        short,
        _session_columns_where(unindexed_begin_at, holds(IS_LONG), end_at >= since, *before),
        _session_columns_where(begin_at, holds(IS_OPEN), *before),
    ).subquery("found")


def _missing(kind: str) -> list[ColumnElement[bool]]:
    condition = MISSING_CONDITIONS[kind]
    return [holds(IS_MISSING)] if condition is None else [holds(IS_MISSING), condition]


def _session_columns_where(begin_at: SQLColumnExpression[int], *where: ColumnElement[bool]) -> Rows:
    return select(
        DeviceSession.id,
        DeviceSession.device_id,
        begin_at,
        DeviceSession.end_at,
        DeviceSession.connected_at,
        DeviceSession.disconnected_at,
        DeviceSession.still_connected,
        DeviceSession.ip,
        DeviceSession.ip_key,
        DeviceSession.conn_type,
        DeviceSession.disc_type,
        DeviceSession.info,
    ).where(*where)
