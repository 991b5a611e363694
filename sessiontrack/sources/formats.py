"""The formats in which observations arrive, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sessiontrack.sources import arp_scan, csv_file, dnsmasq, ip_neigh, kea, nmap
from sessiontrack.values.observations import Observations
from sessiontrack.values.timestamps import SiteTime


@dataclass(frozen=True)
class Reading:
    """The text of a source as it was at an instant (UTC epoch seconds).

    is_now: that instant is now, and not one that a file tells.
    older: (name, text) of files that belong before it.
    """

    text: str
    at: int
    is_now: bool = True
    older: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Format:
    """How a source's text is read; `beside` finds the files that belong before one."""

    parse: Callable[[Reading, SiteTime], Observations]
    beside: Callable[[Path], list[Path]] = lambda file: []


FORMATS: Mapping[str, Format] = {
    ip_neigh.NAME: Format(lambda reading, site: ip_neigh.parse_neighbours(reading.text)),
    arp_scan.NAME: Format(lambda reading, site: arp_scan.parse_answers(reading.text)),
    nmap.NAME: Format(lambda reading, site: nmap.parse_report(reading.text)),
    dnsmasq.NAME: Format(lambda reading, site: dnsmasq.parse_leases(reading.text, reading.at)),
    kea.NAME: Format(
        lambda reading, site: kea.parse_leases(reading.text, reading.at, reading.older), kea.beside
    ),
    csv_file.NAME: Format(lambda reading, site: csv_file.parse_table(reading.text, site)),
}
# Of the programs that print one of these formats.
FORMAT_OF_PROGRAM: Mapping[str, str] = {
    "ip": ip_neigh.NAME,
    "arp-scan": arp_scan.NAME,
    "nmap": nmap.NAME,
}
