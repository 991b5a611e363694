"""What a source's lines say, gathered into one observation for each device."""

import re
from dataclasses import dataclass, field

from sessiontrack.exceptions import InvalidIp, InvalidMac, UnreadableObservations
from sessiontrack.values.ips import ip_sort_key, parse_ip
from sessiontrack.values.macs import is_device, parse_mac
from sessiontrack.values.observations import Observation, Observations
from sessiontrack.values.placeholders import known

LONGEST_TEXT = 255
# In 2001: a clock that says less was never set.
EARLIEST = 1_000_000_000
LINK_LOCAL = ("6fe8", "6fe9", "6fea", "6feb")  # fe80::/10, as sort keys begin
# What a terminal, a log or the database would trip over.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def read_mac(text: str) -> str | None:
    """The canonical address; None for one that is no single device's.

    Raises:
        ValueError: it is no MAC address.
    """
    try:
        mac = parse_mac(text)
    except InvalidMac as error:
        raise ValueError(f"{shown(text)} is not a MAC address.") from error
    return mac if is_device(mac) else None


def read_ip(text: str) -> str:
    """The canonical address; "" where there is none.

    Raises:
        ValueError: it is no IP address.
    """
    if not text.strip():
        return ""
    try:
        return parse_ip(text)
    except InvalidIp as error:
        raise ValueError(f"{shown(text)} is not an IP address.") from error


def shown(text: str) -> str:
    """Foreign text as an error may show it: short, in ASCII, without control characters."""
    return ascii(text if len(text) <= 40 else f"{text[:40]}...")


def printable(text: str) -> str:
    """Foreign text as a name may be kept: in one line, no longer than the database holds; "" for none."""
    return known(_UNPRINTABLE.sub(" ", text).strip()[:LONGEST_TEXT].strip())


def ip_preference(ip: str) -> tuple[int, str]:
    """IPv4 says most to people; a link-local address least. Among equals the lowest, so it stays the same."""
    key = ip_sort_key(ip)
    if not key:
        return 3, ""
    if key.startswith("4"):
        return 0, key
    return (2, key) if key.startswith(LINK_LOCAL) else (1, key)


@dataclass
class _Device:
    ips: list[str] = field(default_factory=list)
    is_sighting: bool = False
    name: str = ""
    vendor: str = ""


class Gathering:
    """Collects what lines say of devices, and counts the lines."""

    def __init__(self) -> None:
        self._devices: dict[str, _Device] = {}
        self._faults: list[str] = []
        self._taken = 0
        self._left_out = 0

    def see(self, mac: str, ip: str = "", name: str = "", vendor: str = "") -> None:
        """A line says that the device is there; of several names the first counts."""
        self.count()
        device = self._devices.setdefault(mac, _Device())
        device.is_sighting = True
        device.ips.append(ip)
        device.name = device.name or printable(name)
        device.vendor = device.vendor or printable(vendor)

    def count(self) -> None:
        """A line was taken."""
        self._taken += 1

    def leave_out(self) -> None:
        """A line was understood, and is about no device that may be there."""
        self._left_out += 1

    def fault(self, place: str, problem: str, mac: str | None = None) -> None:
        """A line cannot be read. A device that it names all the same is not taken for missing."""
        self._faults.append(f"{place}: {problem}")
        if mac is not None:
            self._devices.setdefault(mac, _Device())

    def observations(
        self, what: str, text: str = "", *, is_whole: bool = True, at: int | None = None
    ) -> Observations:
        """Everything gathered, one observation a device, by MAC.

        Args:
            what: the format, for the error: "lease file".
            text: what was read line by line. If its last line has no end and cannot be read, it was cut off.
        Raises:
            UnreadableObservations: there were lines, and none could be read.
        """
        if self._faults and not self._taken and not self._left_out:
            raise UnreadableObservations(f"No line of the {what} can be read. {self._faults[0]}")
        devices = tuple(
            Observation(
                mac,
                min(each.ips, key=ip_preference, default=""),
                each.is_sighting,
                each.name,
                each.vendor,
            )
            for mac, each in sorted(self._devices.items())
        )
        lines = text.split("\n")
        is_whole = is_whole and not (self._faults and self._faults[-1].startswith(f"Line {len(lines)}:"))
        return Observations(devices, tuple(self._faults), self._taken, self._left_out, is_whole, at)


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1.

    Only line feeds part lines: str.splitlines() also breaks at characters that a name may hold.
    """
    lines = enumerate(text.split("\n"), start=1)
    return [(number, line.rstrip("\r")) for number, line in lines if line.strip()]
