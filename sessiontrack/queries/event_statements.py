"""The statements of events.py, built once for each combination of type, period, search and order."""

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

from sessiontrack.database import Contains, Statement
from sessiontrack.models import Device, DeviceSession, Event
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.device_alias import device_with
from sessiontrack.models.device_session import IS_LONG, IS_MISSING, IS_OPEN, IS_SHORT, SHORT_SECONDS
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.event_places import SORTS
from sessiontrack.queries.history_counts import EVENT_CONDITIONS, MISSING_CONDITIONS, SESSION_TYPES
from sessiontrack.queries.searching import devices_with_alias_like, in_mac

# Whether of one device, whether until an instant.
Limits = tuple[bool, bool]
Order = tuple[tuple[str, bool], ...]
# Statements that are kept: of orders by several columns there are thousands.
MOST_ORDERS = 512
Rows = Select[*tuple[Any, ...]]
Columns = dict[str, SQLColumnExpression[Any]]


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


@cache
def counted(kind: str, limits: Limits) -> Statement:
    """How many rows of one type there are, without a search."""
    if kind in SESSION_TYPES:
        return Statement(select(func.count()).select_from(_sessions(kind, limits)))
    return Statement(select(func.count()).select_from(Event).where(*_conditions(kind, limits)))


@cache
def searched_count(kind: str, search: Search, limits: Limits) -> Statement:
    """How many rows of one type match a search."""
    rows, _ = _rows(kind, search, limits)
    return Statement(rows.with_only_columns(func.count()))


@lru_cache(MOST_ORDERS)
def listed(kind: str, search: Search | None, limits: Limits, wanted: Order, place: Place) -> Statement:
    """One page of the rows of one type."""
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


def events_of_all_types() -> tuple[Rows, SQLColumnExpression[str]]:
    """The rows of all events from `since` on, and the column of their type as it is shown."""
    rows, sorts = _events("all", None, (False, False))
    return rows, sorts["type"]


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
        **SORTS,
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
        **SORTS,
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
        # By the index of each device, from where its sessions reach into the period.
        its_device = aliased(Device, name="concerned")
        is_its = DeviceSession.device_id == its_device.id
        from_there = begin_at >= first_begin(its_device.id, since)
        in_period = or_(DeviceSession.still_connected, end_at >= since)
        where = [holds("concerned.id AMONG(:concerned)"), is_its, from_there, in_period]
        return _session_columns_where(begin_at, *where).subquery("found")
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
