"""How many devices were connected over time, computed from their sessions."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from sessiontrack.db import Statement, Transaction
from sessiontrack.models.device_session import (
    IS_LONGEST,
    IS_MIDDLE,
    IS_MISSING,
    IS_OPEN,
    IS_SHORT,
    MIDDLE_SECONDS,
    SHORT_SECONDS,
)

# Each kind of session by its own index. A session that lacks an end has no length that is known.
OVERLAPPING = Statement(
    "SELECT connected_at, disconnected_at FROM device_session"
    f" WHERE {IS_SHORT} AND begin_at >= :start - {SHORT_SECONDS} AND begin_at <= :end AND end_at > :start"
    f" AND NOT {IS_MISSING}"
    " UNION ALL SELECT connected_at, disconnected_at FROM device_session"
    f" WHERE {IS_MIDDLE} AND begin_at > :start - {MIDDLE_SECONDS} AND begin_at <= :end AND end_at > :start"
    " UNION ALL SELECT connected_at, disconnected_at FROM device_session"
    f" WHERE {IS_LONGEST} AND end_at > :start AND begin_at <= :end"
    " UNION ALL SELECT connected_at, disconnected_at FROM device_session"
    f" WHERE {IS_OPEN} AND begin_at <= :end"
)


def connected_at_each(tx: Transaction, instants: Sequence[int]) -> list[int]:
    """How many devices were connected at each instant.

    At the instant of its connection a device is connected, at that of its disconnection no more.

    Args:
        instants: in order, UTC epoch seconds, none of them in the future.
    """
    if not instants:
        return []
    changes = [0] * (len(instants) + 1)
    for start, end in tx.stream(OVERLAPPING, start=instants[0], end=instants[-1]):
        changes[bisect_left(instants, start)] += 1
        if end is not None:
            changes[bisect_left(instants, end)] -= 1
    return list(accumulate(changes[:-1]))
