"""What is reported through the API, in plain values; schemas make these of a body, services record them.

Instants are UTC epoch seconds, addresses canonical.
"""

from dataclasses import dataclass

from sessiontrack.values.observations import Observation


@dataclass(frozen=True)
class NewSession:
    """A device session as it is reported; end None while still connected."""

    mac: str
    ip: str
    start: int
    end: int | None = None
    conn_type: str = "Connected"
    disc_type: str = "Disconnected"
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """A person's ping: whether a path was visible since the last one, and which.

    sent: the path as it was sent, which the answer repeats; None where none was.
    path: the same as (view, tab).
    """

    visible: bool
    sent: str | list[str] | None
    path: tuple[str, str] | None


@dataclass(frozen=True)
class LeftOut:
    """A device of a scan that was not taken: its place in the list, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class ScanReport:
    """Who was seen by a source at an instant; at None: now.

    complete: a device that is not in it was not there.
    left_out: devices that could not be read.
    """

    source: str
    at: int | None
    complete: bool
    devices: list[Observation]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class EventReport:
    """What a source says of one device; at None: now. kind: "connected", "disconnected" or "seen"."""

    source: str
    at: int | None
    kind: str
    device: Observation
    info: str
