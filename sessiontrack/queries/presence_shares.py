"""How much of a period each device was connected, its longest absence, and how many were there at all."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    SQLColumnExpression,
    Subquery,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import ScalarSelect

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import EVERYTHING, bind, holds
from sessiontrack.models.device_session import IS_MISSING
from sessiontrack.queries.devices import DeviceFilter, are
from sessiontrack.queries.overlaps import overlapping_parts
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.timestamps import SiteTime

SORTS = ("name", "mac", "share", "connected_seconds", "sessions", "absence", "first_seen")
CELLS = (
    *("mac", "name", "owner", "first_seen", "sessions", "connected_seconds", "observed_seconds", "share"),
    *("absent_seconds", "absent_from", "absent_until"),
)
# An absence as one number, so that the longest is a maximum: its length, then where it began, both in
# seconds, the second one after the start of the period.
_BITS = 31
_START, _END = bind("start"), bind("end")


class ShareFilter(NamedTuple):
    """Which devices, in which period [start, end), and in which order: by a name of SORTS.

    end: not in the future.
    """

    devices: DeviceFilter
    start: int
    end: int
    sort: str = "share"
    descending: bool = True

    def values(self, now: int) -> dict[str, Any]:
        """The parameters of the statements."""
        return {**self.devices.values(now), "start": self.start, "end": self.end}

    def shape(self) -> tuple[str, bool | None, bool | None]:
        """What the statements depend on."""
        return (*self.devices.shape(), self.devices.narrowing()[1])


def list_shares(
    tx: Transaction, wanted: ShareFilter, limit: int, offset: int, now: int, site: SiteTime
) -> Iterator[dict[str, Any]]:
    """One page of the devices that were known before the end of the period."""
    statement = _listed(*wanted.shape(), wanted.sort, wanted.descending)
    for row in tx.stream(statement, limit=limit, offset=offset, **wanted.values(now)):
        yield _as_dict(row, wanted, site)


def count_shares(tx: Transaction, wanted: ShareFilter, now: int) -> int:
    """How many there are, whatever the page."""
    return int(tx.value(_counted(*wanted.shape()), **wanted.values(now)))


def share_cells(tx: Transaction, wanted: ShareFilter, now: int, site: SiteTime) -> Iterator[tuple[str, ...]]:
    """All of them as rows of CELLS."""
    for each in list_shares(tx, wanted, EVERYTHING, 0, now, site):
        absence = each["longest_absence"] or {"seconds": None, "from": None, "until": None}
        flat = {**each, **{f"absent_{name}": value for name, value in absence.items()}}
        yield tuple(as_cell(flat[name]) for name in CELLS)


def count_there(tx: Transaction, wanted: ShareFilter, now: int) -> dict[str, int]:
    """Of the devices that were known before the end: all, those there in the period, those new in it."""
    known, there, new = tx.rows(_there(*wanted.shape()), **wanted.values(now))[0]
    return {"known": known, "there": there, "new": new}


def _as_dict(row: Row, wanted: ShareFilter, site: SiteTime) -> dict[str, Any]:
    mac, name, owner, first_seen, since, sessions, seconds, absence = row
    observed = wanted.end - since
    return {
        "mac": mac,
        "name": name,
        "owner": owner,
        "first_seen": site.format_offset(first_seen),
        "sessions": sessions,
        "connected_seconds": seconds,
        "observed_seconds": observed,
        "share": round(seconds / observed, 4) if observed else None,
        "longest_absence": _absence(absence, wanted.start, site),
    }


def _absence(number: int | None, start: int, site: SiteTime) -> dict[str, Any] | None:
    """None where the device was not there at all, or all the time."""
    length, after = divmod(number or 0, 1 << _BITS)
    if length <= 0:
        return None
    began = start + after
    return {
        "seconds": length,
        "from": site.format_offset(began),
        "until": site.format_offset(began + length),
    }


def _stretches() -> Subquery:
    """When each device was there, cut to the period; a session that lacks an end is an instant of it."""
    device, begin, end = DeviceSession.device_id, DeviceSession.begin_at, DeviceSession.end_at
    known = end.label("known")
    began, ended = (case((begin < _START, _START), else_=begin), case((end < _END, end), else_=_END))
    columns = (device.label("device_id"), began.label("began"), ended.label("ended"))
    missing = select(*columns, known).where(holds(IS_MISSING), end >= _START, end < _END)
    parts = union_all(*overlapping_parts(*columns, known), missing).subquery()
    # Those that ended at the start of the period were before it.
    return select(parts).where(parts.c.known.is_(None) | (parts.c.known > _START)).subquery()


def _sums() -> Subquery:
    """By device: its sessions, its seconds, its first and last instant, its longest absence between two."""
    found = _stretches().c
    before = func.lag(found.ended).over(partition_by=found.device_id, order_by=(found.began, found.ended))
    gaps = select(found.device_id, found.began, found.ended, before.label("before")).subquery().c
    return (
        select(
            gaps.device_id,
            func.count().label("sessions"),
            # PostgreSQL's sum of whole numbers is a decimal.
            cast(func.sum(gaps.ended - gaps.began), BigInteger).label("seconds"),
            func.min(gaps.began).label("first"),
            func.max(gaps.ended).label("last"),
            func.max(_gap(gaps.before, gaps.began)).label("between"),
        )
        .group_by(gaps.device_id)
        .subquery()
    )


def _gap(left: SQLColumnExpression[Any], back: SQLColumnExpression[Any]) -> ColumnElement[int]:
    return (back - left) * literal_column(str(1 << _BITS)) + (left - _START)


def _most(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    # SQLite and PostgreSQL have no common name for it.
    return case((one > other, one), else_=other)


@cache
def _listed(
    status: str, is_ascii: bool | None, tag_is_ascii: bool | None, sort: str, descending: bool
) -> Statement:
    sums = _sums()
    since = case((Device.first_seen_at > _START, Device.first_seen_at), else_=_START)
    seconds, sessions = func.coalesce(sums.c.seconds, 0), func.coalesce(sums.c.sessions, 0)
    outside = _most(_gap(since, sums.c.first), _gap(sums.c.last, _END))
    absence = _most(func.coalesce(sums.c.between, 0), outside)
    orders: dict[str, tuple[Any, Any]] = {
        # (what by, and where it is nothing: those come last in either direction)
        "name": (func.natural_order(Device.name), Device.name == ""),
        "mac": (Device.mac, None),
        # A period that begins now has no length; PostgreSQL refuses to divide by zero.
        "share": (seconds * literal_column("1.0") / func.nullif(_END - since, 0), None),
        "connected_seconds": (seconds, None),
        "sessions": (sessions, None),
        "absence": (absence, sums.c.device_id.is_(None)),
        "first_seen": (Device.first_seen_at, None),
    }
    by, is_nothing = orders[sort]
    order: list[Any] = [] if is_nothing is None else [case((is_nothing, 1), else_=0)]
    order += [by.desc() if descending else by.asc(), func.natural_order(Device.name), Device.mac]
    rows = (
        select(
            Device.mac,
            Device.name,
            Device.owner,
            Device.first_seen_at,
            since,
            sessions,
            seconds,
            case((sums.c.device_id.is_not(None), absence)),
        )
        .select_from(Device.__table__.outerjoin(sums, sums.c.device_id == Device.id))
        .where(*_where(status, is_ascii, tag_is_ascii))
        .order_by(*order)
    )
    return Statement(rows.limit(bind("limit")).offset(bind("offset")))


@cache
def _counted(status: str, is_ascii: bool | None, tag_is_ascii: bool | None) -> Statement:
    rows = select(func.count()).select_from(Device).where(*_where(status, is_ascii, tag_is_ascii))
    return Statement(rows)


@cache
def _there(status: str, is_ascii: bool | None, tag_is_ascii: bool | None) -> Statement:
    known = select(Device.first_seen_at, _was_there().label("is_there"))
    found = known.where(*_where(status, is_ascii, tag_is_ascii)).subquery().c
    is_new = found.first_seen_at >= _START
    counts = (func.count(), func.count().filter(found.is_there), func.count().filter(is_new))
    return Statement(select(*counts).select_from(found.first_seen_at.table))


def _was_there() -> ScalarSelect[Any]:
    session = aliased(DeviceSession)
    # Sessions of one device do not overlap: of those that began before the end, the latest ends last.
    return (
        select(session.still_connected | (session.end_at > _START) | (session.begin_at >= _START))
        .where(session.device_id == Device.id, session.begin_at < _END)
        .order_by(session.begin_at.desc())
        .limit(1)
        .correlate(Device)
        .scalar_subquery()
    )


def _where(status: str, is_ascii: bool | None, tag_is_ascii: bool | None) -> tuple[ColumnElement[bool], ...]:
    found = (are(status, is_ascii, tag_is_ascii), Device.first_seen_at < _END)
    if status != "known":
        return found
    return *found, or_(~Device.archived, Device.first_seen_at >= _START, _was_there())
