"""What became of a device: the word that what records it and what announces it share."""

from typing import NamedTuple


class Change(NamedTuple):
    """An event that was recorded: what happened to a device, and when."""

    mac: str
    type: str
    at: int
    ip: str
    info: str
