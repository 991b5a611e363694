"""A change of a device; recording and announcing share this type."""

from typing import NamedTuple


class Change(NamedTuple):
    """An event that was recorded: what happened to a device, and when."""

    mac: str
    type: str
    at: int
    ip: str
    info: str
