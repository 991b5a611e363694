"""What sources tell and services/presence.py takes: what one look at the network says of its devices."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """One device in one look.

    mac: canonical.
    ip: where it was seen, canonical; "" where that is not known.
    is_sighting: it answered. Without that it is only remembered, which is no evidence in either direction.
    name, vendor: what the source calls it, where it knows; they do not change a known device.
    """

    mac: str
    ip: str = ""
    is_sighting: bool = True
    name: str = ""
    vendor: str = ""


@dataclass(frozen=True)
class Observations:
    """One look: what it says of each device, and what in it could not be read."""

    devices: tuple[Observation, ...]
    faults: tuple[str, ...] = ()
