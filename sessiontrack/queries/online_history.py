"""How many devices were connected over time, computed from their sessions."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

from sqlalchemy import union_all

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import DeviceSession
from sessiontrack.queries.overlaps import overlapping_parts


def connected_at_each(tx: Transaction, instants: Sequence[int]) -> list[int]:
    """How many devices were connected at each instant.

    At the instant of its connection a device is connected, at that of its disconnection no more.

    Args:
        instants: in order, UTC epoch seconds, none of them in the future.
    """
    if not instants:
        return []
    changes = [0] * (len(instants) + 1)
    for start, end in tx.stream(_overlapping(), start=instants[0], end=instants[-1] + 1):
        changes[bisect_left(instants, start)] += 1
        if end is not None:
            changes[bisect_left(instants, end)] -= 1
    return list(accumulate(changes[:-1]))


@cache
def _overlapping() -> Statement:
    return Statement(union_all(*overlapping_parts(DeviceSession.connected_at, DeviceSession.disconnected_at)))
