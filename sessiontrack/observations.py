"""What sources tell and services/presence.py takes: what one look at the network says of one device."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """One device in one look.

    mac: canonical; one observation a device.
    ip: where it was seen; "" where it was not.
    is_sighting: it answered. Without that it is only remembered, which is no evidence in either direction.
    """

    mac: str
    ip: str
    is_sighting: bool


@dataclass(frozen=True)
class Observations:
    """One look: what it says of each device, by MAC, and what in it could not be read."""

    devices: tuple[Observation, ...]
    faults: tuple[str, ...] = ()
