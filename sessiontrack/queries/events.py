"""What happened, as the table of `/sessions/session-events` and its totals show it.

Two shapes come under one call: events (types all, voided, new, down) and device sessions (types sessions,
missing). Paging, sorting and search are the database's.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.models.row_count import DEVICE_SESSIONS, EVENTS
from sessiontrack.models.text_count import EVENT_TEXTS, SESSION_TEXTS
from sessiontrack.queries import event_places, event_rows, event_statements, event_values, row_counts
from sessiontrack.queries.event_search import find_matches
from sessiontrack.queries.event_statements import Limits, Narrowed, Order, Place, Search
from sessiontrack.queries.history_counts import (
    COUNTED_BY,
    SESSION_TYPES,
    TOTALS,
    count_begun,
    count_from,
    count_open,
)
from sessiontrack.queries.searching import search_values
from sessiontrack.values.timestamps import SiteTime

# Those whose texts are counted.
SEARCHED = {"all": EVENT_TEXTS, "sessions": SESSION_TEXTS}
# A search that finds less than one row of so many looks for their devices first.
FEW = 20
# And that concerns less than one device of so many.
FEW_DEVICES = 4
# Where many sessions match, so many for each row of the page are looked through first, and at least so many;
# then so many times as many.
LOOKED_THROUGH, LEAST_LOOKED_THROUGH, MORE = 4, 1000, 4
DEVICES = Statement("SELECT count(*) FROM device")
BY_TIME = ("order_time", "time")
BY_DURATION = ("duration", "duration_seconds")
LACKED_BY_SESSIONS = ("type", "pending_alert")
LACKED_BY_EVENTS = ("connection", "disconnection", *BY_DURATION, "still_connected")


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
        return _count(tx, replace(wanted, search="") if wanted.search else wanted)
    narrowed, values = _narrowed(tx, wanted, is_count=True)
    if narrowed is Narrowed.TO_NOTHING:
        return 0
    if "matching" in values and wanted.since <= 0:
        return int(values["matching"])
    how = Search(wanted.search.isascii(), narrowed)
    return int(
        tx.value(
            event_statements.searched_count(wanted.type, how, wanted.limits()), **wanted.values(), **values
        )
    )


def _narrowed(
    tx: Transaction, wanted: EventFilter, *, is_count: bool = False
) -> tuple[Narrowed, dict[str, Any]]:
    """The devices that a search through all events or sessions concerns, where that helps.

    That is where these are few; rows are counted by their devices also where all rows of many match.
    """
    if wanted.type not in SEARCHED or any(wanted.limits()):
        return Narrowed.NOT, {}
    counted = SEARCHED[wanted.type]
    found = find_matches(tx, counted, wanted.search)
    if not found.rows:
        return Narrowed.TO_NOTHING, {}
    values: dict[str, Any] = {"matching": found.rows}
    concerned = [*found.whole, *found.partly]
    is_few = found.rows * FEW <= row_counts.total(tx, counted)
    is_few = is_few and len(concerned) * FEW_DEVICES <= tx.value(DEVICES)
    if not is_few and not (is_count and not found.partly):
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
        return int(tx.value(event_statements.counted(wanted.type, wanted.limits()), **wanted.values()))
    if wanted.until is not None:
        return _count(tx, replace(wanted, until=None)) - _count_after(tx, wanted.type, wanted.until)
    counted = count_from(tx, wanted.type, wanted.since)
    return counted if wanted.type != "sessions" else counted + count_open(tx)


def _count_after(tx: Transaction, kind: str, at: int) -> int:
    """How many of all devices happened or began at an instant or later."""
    return count_begun(tx, at) if kind == "sessions" else count_from(tx, kind, at)


def list_page(tx: Transaction, wanted: EventFilter, limit: int, offset: int, now: int) -> Iterator[Row]:
    """One page, for as_objects or as_table."""
    wanted = _of_its_columns(wanted)
    if (by_value := _by_value(tx, wanted, limit, offset)) is not None:
        return by_value
    wanted, search, among, offset = _among_some(tx, wanted, limit, offset)
    if _is_of_missing(tx, wanted, limit, offset):
        # How long these lasted is not known: they come as the shortest, all equal, by time.
        wanted = replace(wanted, type="missing", order=wanted.order[1:] or (("order_time", True),))
    if wanted.search:
        narrowed, among = _narrowed(tx, wanted)
        if narrowed is Narrowed.TO_NOTHING:
            return iter(())
        search = Search(wanted.search.isascii(), narrowed)
        if narrowed is Narrowed.NOT and (page_of_many := _of_many(tx, wanted, search, limit, offset)):
            return iter(page_of_many)
    place, page = (Place.ANYWHERE, {}) if among else _placed(tx, wanted, limit, offset)
    if place is Place.BEYOND and not page["offset"]:
        place = Place.AT
    statement = event_statements.listed(wanted.type, search, wanted.limits(), wanted.order, place)
    values = {**wanted.values(), "limit": limit, "offset": offset, **page, **among}
    if wanted.type in SESSION_TYPES and any("duration" in name for name, _ in wanted.order):
        values["now"] = now
    return tx.stream(statement, **values)


def _of_many(
    tx: Transaction, wanted: EventFilter, search: Search, limit: int, offset: int
) -> list[Row] | None:
    """The page of a search that many sessions match, in the order of time: from that end of it alone.

    None if it is another kind of page, or these do not fill it.
    """
    first, newest_first = wanted.order[0]
    if wanted.type != "sessions" or first not in BY_TIME or limit == EVERYTHING or any(wanted.limits()):
        return None
    total = row_counts.total(tx, DEVICE_SESSIONS)
    before = 0 if newest_first or wanted.since <= 0 else total - count_begun(tx, wanted.since)
    looked_through = max(LEAST_LOOKED_THROUGH, LOOKED_THROUGH * (offset + limit))
    while before + looked_through < total:
        place = row_counts.place(tx, DEVICE_SESSIONS, before + looked_through, newest_first=newest_first)
        edge = place["edge"]
        if newest_first and edge <= wanted.since:
            return None
        part = replace(wanted, since=edge) if newest_first else replace(wanted, until=edge)
        statement = event_statements.listed(part.type, search, part.limits(), part.order, Place.ANYWHERE)
        rows = tx.rows(statement, **part.values(), limit=limit, offset=offset)
        # Those that began before `edge`, and reach beyond it, are not all there are.
        if len(rows) == limit and (not newest_first or rows[-1][1] >= edge):
            return rows
        looked_through *= MORE
    return None


def _of_its_columns(wanted: EventFilter) -> EventFilter:
    """In the order of those columns that its type has: newest first, where it has none of them."""
    lacking = LACKED_BY_SESSIONS if wanted.type in SESSION_TYPES else LACKED_BY_EVENTS
    order = tuple(each for each in wanted.order if each[0] not in lacking)
    if order == wanted.order:
        return wanted
    return replace(wanted, order=order or (("order_time", True),))


def _by_value(tx: Transaction, wanted: EventFilter, limit: int, offset: int) -> Iterator[Row] | None:
    """The page, if it is of all events in the order of a text that is counted."""
    (first, descends), *rest = wanted.order
    if wanted.type != "all" or wanted.since > 0 or wanted.search or any(wanted.limits()):
        return None
    if first not in event_values.COLUMNS or limit == EVERYTHING:
        return None
    if len(rest) > 1 or any(name not in BY_TIME for name, _ in rest):
        return None
    newest_first = rest[0][1] if rest else True
    column = event_values.COLUMNS[first]
    return event_values.list_page(tx, column, limit, offset, descending=descends, newest_first=newest_first)


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
