"""Presence as a timeline draws it: a row of pixels for each device, in one pass over its sessions.

What is drawn is what `/sessions/calendar` shows: the same ends for sessions that lack one. A pixel is covered
if and only if a session overlaps it, so an answer is at most devices times width, whatever the window.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind
from sessiontrack.queries.device_sessions import first_begin
from sessiontrack.queries.devices import DeviceFilter, list_devices
from sessiontrack.queries.drawn_sessions import INFERRED_SECONDS
from sessiontrack.values.timestamps import SiteTime

KINDS = ("closed", "open", "missing connection", "missing disconnection", "mixed", "mixed with missing")
CLOSED, OPEN, NO_CONNECTION, NO_DISCONNECTION, MIXED, MIXED_MISSING = range(len(KINDS))
COMPLETE = (CLOSED, OPEN, MIXED)
SHOWN = ("mac", "name", "owner", "vendor", "ip", "status", "connected_since", "last_seen")
_RUN = re.compile(rb"([\x01-\x06])\1*", re.DOTALL)
_device = select(Device.id).where(Device.mac == bind("mac")).scalar_subquery()
# An hour more on both sides: a neighbour there can be where a session that lacks an end is drawn to.
SESSIONS = Statement(
    select(DeviceSession.connected_at, DeviceSession.disconnected_at, DeviceSession.still_connected)
    .where(
        DeviceSession.device_id == _device,
        DeviceSession.begin_at >= first_begin(_device, bind("start") - INFERRED_SECONDS),
        DeviceSession.begin_at < bind("end") + INFERRED_SECONDS,
    )
    .order_by(DeviceSession.begin_at, DeviceSession.id)
)


def _over(kind: int) -> bytes:
    """What becomes of a pixel when a session of that kind is drawn over it; 0 is nothing, else kind + 1."""
    drawn = kind + 1
    return bytes(drawn if each in (0, drawn) else _mixed(kind, each - 1) + 1 for each in range(256))


def _mixed(one: int, other: int) -> int:
    return MIXED if one in COMPLETE and other in COMPLETE else MIXED_MISSING


_OVER = [_over(kind) for kind in range(len(KINDS))]


@dataclass(frozen=True)
class Window:
    """[start, end), UTC epoch seconds, as `width` pixels."""

    start: int
    end: int
    width: int


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
    times = {"start": window.start, "end": window.end}
    for device in list_devices(tx, wanted, limit, offset, now, site):
        sessions = tx.rows(SESSIONS, mac=device["mac"], **times)
        bars = (b"[%d,%d,%d]" % bar for bar in bars_of(sessions, window, now))
        yield {
            **{name: device[name] for name in SHOWN},
            "bars": orjson.Fragment(b"[" + b",".join(bars) + b"]"),
        }


def bars_of(sessions: Sequence[Row], window: Window, now: int) -> Iterator[tuple[int, int, int]]:
    """The bars of one device's sessions, none of which touch another of the same kind.

    Args:
        sessions: (connected_at, disconnected_at, still_connected) in order.
    """
    row = bytearray(window.width)
    start, width, span = window.start, window.width, window.end - window.start
    for begin, end, kind in _shown(sessions, now):
        # The pixels that overlap [begin, end); an instant is in one of them.
        first = (begin - start) * width // span
        after = max(first + 1, -((start - end) * width // span))
        if after > 0 and first < width:
            first = max(first, 0)
            if after == first + 1:
                row[first] = _OVER[kind][row[first]]
            else:
                row[first:after] = row[first : min(after, width)].translate(_OVER[kind])
    for run in _RUN.finditer(row):
        yield run.start(), run.end(), row[run.start()] - 1


def _shown(sessions: Sequence[Row], now: int) -> Iterator[tuple[int, int, int]]:
    for place, (connected_at, disconnected_at, still_connected) in enumerate(sessions):
        if connected_at is not None and disconnected_at is not None:
            yield connected_at, disconnected_at, CLOSED
        elif connected_at is None:
            yield _inferred_begin(sessions, place), disconnected_at, NO_CONNECTION
        elif still_connected:
            yield connected_at, max(connected_at, now), OPEN
        else:
            yield connected_at, _inferred_end(sessions, place), NO_DISCONNECTION


def _inferred_begin(sessions: Sequence[Row], place: int) -> int:
    """The device's previous disconnection, or an hour before the known one, whichever is later."""
    earliest: int = sessions[place][1] - INFERRED_SECONDS
    before = (sessions[each][1] for each in range(place - 1, -1, -1))
    return max(earliest, next((end for end in before if end is not None), earliest))


def _inferred_end(sessions: Sequence[Row], place: int) -> int:
    """The device's next connection, or an hour after the known one, whichever is earlier."""
    begin: int = sessions[place][0]
    after = (sessions[each][0] for each in range(place + 1, len(sessions)))
    following = next((each for each in after if each is not None and each > begin), None)
    latest = begin + INFERRED_SECONDS
    return latest if following is None else min(latest, following)
