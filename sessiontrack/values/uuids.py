"""Ids that are given out by many processes, and never twice."""

import secrets
from uuid import UUID

_VERSION, _VARIANT = 7 << 76, 0b10 << 62
_FIXED = 0xF << 76 | 0b11 << 62


def time_ordered_uuid(at: int) -> str:
    """A new UUID that begins with an instant: ids of neighbouring instants lie together in an index.

    Args:
        at: UTC epoch seconds, up to the year 10889.
    Source: RFC 9562, UUID version 7.
    """
    number = at * 1000 << 80 | secrets.randbits(80)
    return str(UUID(int=number & ~_FIXED | _VERSION | _VARIANT))
