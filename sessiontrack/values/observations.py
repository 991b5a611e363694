"""What sources report and services/presence.py takes in: what one look at the network says of its
devices."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class DeviceEvent:
    """What a source said of one device at an instant, UTC epoch seconds.

    kind: "connected", "disconnected" or "seen".
    info: kept with a connection.
    """

    source: str
    at: int
    kind: str
    device: Observation
    info: str = ""


@dataclass(frozen=True)
class Observations:
    """One look: what it says of each device, and what in it could not be read.

    faults: one sentence each, which names the line.
    taken, left_out: lines (or entries) that spoke of a device, and that were read and spoke of none.
    is_whole: nothing is missing at its end; what was cut off says nothing of those it lacks.
    at: the instant it speaks of, where it says so; UTC epoch seconds.
    dated: single sightings with an instant of their own, beside the look.
    notes: what else there is to say to a person, one sentence each.
    useless: why it says nothing of any device, although it could be read; such a look is not taken in.
    """

    devices: tuple[Observation, ...]
    faults: tuple[str, ...] = ()
    taken: int = 0
    left_out: int = 0
    is_whole: bool = True
    at: int | None = None
    dated: Mapping[int, tuple[Observation, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    useless: str = ""
