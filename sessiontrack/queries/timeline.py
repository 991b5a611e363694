"""Presence as a timeline draws it: a row of pixels for each device, in one pass over its sessions.

What is drawn is what `/sessions/calendar` shows: the same ends for sessions that lack one. A pixel is covered
if and only if a session overlaps it, so an answer is at most devices times width, whatever the window.

Nearly all sessions are closed and within the window. For each of these the database computes one number, from
its index alone, and returns all numbers of a device as one text; a row for each took five times as long. The
others are few and are drawn one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import Any

import orjson
from sqlalchemy import Select, case, func, select, union_all
from sqlalchemy.orm import aliased

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind, holds
from sessiontrack.queries.devices import DeviceFilter, list_devices
from sessiontrack.queries.drawn_sessions import (
    INFERRED_SECONDS,
    in_window,
    missing_between,
    with_shown_ends,
)
from sessiontrack.values.timestamps import SiteTime

KINDS = ("closed", "open", "missing connection", "missing disconnection", "mixed", "mixed with missing")
CLOSED, OPEN, NO_CONNECTION, NO_DISCONNECTION, MIXED, MIXED_MISSING = range(len(KINDS))
COMPLETE = (CLOSED, OPEN, MIXED)
SHOWN = ("mac", "name", "owner", "vendor", "ip", "status", "connected_since", "last_seen")
# So many devices are read at once: the numbers of a hundred are 2 MB after ten years.
BATCH = 100
_START, _END, _WIDTH = bind("start"), bind("end"), bind("width")
Drawn = tuple[int, int, int]


def kind_of(connected_at: int | None, disconnected_at: int | None, still_connected: bool) -> int:
    """Which of the first four kinds a session is."""
    if connected_at is None:
        return NO_CONNECTION
    if disconnected_at is not None:
        return CLOSED
    return OPEN if still_connected else NO_DISCONNECTION


def _over(kind: int) -> bytes:
    """What becomes of a pixel when a session of that kind is drawn over it; 0 is nothing, else kind + 1."""
    drawn = kind + 1
    return bytes(drawn if each in (0, drawn) else _mixed(kind, each - 1) + 1 for each in range(256))


def _mixed(one: int, other: int) -> int:
    return MIXED if one in COMPLETE and other in COMPLETE else MIXED_MISSING


_OVER = [_over(kind) for kind in range(len(KINDS))]
# A pixel and the one before it in one byte, the earlier one in the higher bits.
_BITS = 3
_PAIRS = [(pair >> _BITS, pair % (1 << _BITS)) for pair in range(256)]
_BEGINS = bytes(before != pixel != 0 for before, pixel in _PAIRS)
_ENDS = bytes(pixel != before != 0 for before, pixel in _PAIRS)
_KIND = bytes(max(0, pixel - 1) for _, pixel in _PAIRS)
_NO_BEGIN = bytes(pair for pair, begins in enumerate(_BEGINS) if not begins)


@dataclass(frozen=True)
class Window:
    """[start, end), UTC epoch seconds, as `width` pixels."""

    start: int
    end: int
    width: int

    def values(self) -> dict[str, int]:
        """The parameters of the statements."""
        return {
            **{"start": self.start, "end": self.end, "span": self.end - self.start, "width": self.width},
            "first_times": 1 - self.width,
            "beyond": self.width * self.width,
        }

    def pixels(self, begin: int, end: int) -> tuple[int, int]:
        """The first pixel of those that overlap [begin, end), and the one after the last.

        An instant is in one of them; what is outside of the window is in pixels outside of the row.
        """
        span = self.end - self.start
        first = (begin - self.start) * self.width // span
        return first, max(first + 1, -((self.start - end) * self.width // span))


def list_timeline(
    tx: Transaction,
    wanted: DeviceFilter,
    window: Window,
    limit: int,
    offset: int,
    now: int,
    site: SiteTime,
) -> Iterator[dict[str, Any]]:
    """One page of devices, each with its bars: JSON of [[first pixel, pixel after the last, kind], ...]."""
    found = list(list_devices(tx, wanted, limit, offset, now, site))
    edges = tuple(range(window.width + 1))
    for first in range(0, len(found), BATCH):
        some = found[first : first + BATCH]
        rows = rows_of_pixels(tx, [device["mac"] for device in some], window, now)
        for device, row in zip(some, rows, strict=True):
            bars = orjson.Fragment(orjson.dumps(bars_of(row, edges)))
            yield {**{name: device[name] for name in SHOWN}, "bars": bars}


def rows_of_pixels(tx: Transaction, macs: list[str], window: Window, now: int) -> list[bytearray]:
    """A byte for each pixel, 0 or 1 + the kind that is drawn there; for each of these devices."""
    rows, places, ids = dict[int, bytearray](), dict[str, int](), list[int]()
    for device_id, mac, numbers in tx.rows(_numbers(), macs=macs, **window.values()):
        rows[device_id], others = _drawn_within(orjson.loads(numbers or "[]"), window.width)
        places[mac] = device_id
        ids += others
    shown = tx.rows(_others(), ids=ids, macs=macs, start=window.start, end=window.end, now=now)
    for device_id, begin, end, *known in shown:
        if device_id in rows:
            _draw(rows[device_id], *window.pixels(begin, end), kind_of(*known))
    return [rows[places[mac]] for mac in macs]


def bars_of(row: bytearray, edges: Sequence[int]) -> list[Drawn]:
    """The bars of a row of pixels, none of which touch another of the same kind.

    edges: 0 up to the number of pixels; to make these numbers anew for each row would take half of the time.
    """
    pixels = int.from_bytes(row, "little")
    # One byte more than pixels, since a bar may end after the last.
    pairs = (pixels << 8 + _BITS | pixels).to_bytes(len(row) + 2, "little")[: len(edges)]
    begins = compress(edges, pairs.translate(_BEGINS))
    ends = compress(edges, pairs.translate(_ENDS))
    return list(zip(begins, ends, pairs.translate(_KIND, _NO_BEGIN), strict=True))


def _drawn_within(numbers: list[int], width: int) -> tuple[bytearray, list[int]]:
    """The pixels of sessions by their numbers (`_numbers`), and the ids of those without one."""
    row, ids, drawn, beyond = bytearray(width), [], CLOSED + 1, width * width
    for number in numbers:
        if number < width:
            row[number] = drawn
        elif number < beyond:
            more, first = divmod(number, width)
            row[first : first + more + 1] = bytes((drawn,)) * (more + 1)
        else:
            ids.append(number - beyond)
    return row, ids


def _draw(row: bytearray, first: int, after: int, kind: int) -> None:
    if after > 0 and first < len(row):
        first = max(first, 0)
        row[first:after] = row[first:after].translate(_OVER[kind])


# --- the statements

_KNOWN = (
    DeviceSession.id,
    DeviceSession.device_id,
    DeviceSession.connected_at,
    DeviceSession.disconnected_at,
    DeviceSession.still_connected,
)


@cache
def _numbers() -> Statement:
    """Of each device the sessions that begin in the window, each as a number.

    A closed one that is over by the end of the window: its first pixel + width * (its last one - the first).
    Any other: width * width + its id.
    """
    begin_at, end_at = DeviceSession.begin_at, DeviceSession.end_at
    first = (begin_at - _START) * _WIDTH // bind("span")
    last = ((end_at - _START) * _WIDTH - 1) // bind("span")
    # What lacks an end, and an instant, has no length.
    number = case(
        ((end_at > begin_at) & (end_at <= _END), first * bind("first_times") + last * _WIDTH),
        else_=DeviceSession.id + bind("beyond"),
    )
    numbers = (
        select(func.json_numbers(number))
        .where(DeviceSession.device_id == Device.id, begin_at >= _START, begin_at < _END)
        .correlate(Device)
        .scalar_subquery()
    )
    return Statement(select(Device.id, Device.mac, numbers).where(holds("device.mac AMONG(:macs)")))


@cache
def _others() -> Statement:
    """All other sessions of the window: those by their ids, and those that reach into it.

    Of one that lacks an end, the other one may be beside the window; these are of all devices.
    """
    within = select(*_KNOWN).where(holds("device_session.id AMONG(:ids)"))
    before = missing_between(_START - INFERRED_SECONDS, _START).with_only_columns(*_KNOWN)
    after = missing_between(_END, _END + INFERRED_SECONDS).with_only_columns(*_KNOWN)
    shown = with_shown_ends(union_all(within, _reaching(), before, after).subquery())
    found = shown.c
    ends = (found.connected_at, found.disconnected_at, found.still_connected)
    rows = select(found.device_id, found.shown_begin, found.shown_end, *ends)
    return Statement(rows.where(*in_window(shown)))


def _reaching() -> Select[*tuple[Any, ...]]:
    """Of each device the last session that began before the window: no earlier one reaches into it."""
    earlier = aliased(DeviceSession)
    begun = (
        select(func.max(earlier.begin_at))
        .where(earlier.device_id == Device.id, earlier.begin_at < _START)
        .correlate(Device)
        .scalar_subquery()
    )
    found = select(*_KNOWN).join(Device, Device.id == DeviceSession.device_id)
    return found.where(holds("device.mac AMONG(:macs)"), DeviceSession.begin_at == begun)
