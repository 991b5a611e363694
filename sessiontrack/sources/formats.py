"""The formats in which observations arrive: one table.

The commands of `sessiontrack scan`, the lists in the docs (`make formats`) and the words on them in the
OpenAPI document are made from it. To add a format: a reader in a module of its own, one entry in FORMATS, and
a sample in tests/sources/test_sources_hostile.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sessiontrack.sources import (
    arp_scan,
    csv_file,
    dnsmasq,
    ip_neigh,
    isc,
    kea,
    kea_json,
    mikrotik,
    nmap,
    openwrt,
)
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
    """A source's text: how it is read, and what is said about it.

    reads, knows, misses: what it is, and what can and cannot be known from it; parts of a sentence.
    examples: command lines.
    beside: finds the files that belong before one.
    command: what is run where no file is given; () for standard input.
    program: the one that prints this format, for `scan watch`.
    """

    name: str
    parse: Callable[[Reading, SiteTime], Observations]
    reads: str
    knows: str
    misses: str
    examples: tuple[str, ...]
    beside: Callable[[Path], list[Path]] = lambda file: []
    command: tuple[str, ...] = ()
    program: str | None = None

    @property
    def help(self) -> str:
        """What `sessiontrack scan <name> --help` says."""
        examples = "\n".join(f"Example: {each}" for each in self.examples)
        return (
            f"Read {self.reads}.\n\nWhat it can know: {self.knows}.\n\n"
            f"What it cannot know: {self.misses}.\n\n\b\n{examples}"
        )


_ALL = (
    Format(
        ip_neigh.NAME,
        lambda reading, site: ip_neigh.parse_neighbours(reading.text),
        reads="this host's neighbour table: `ip -j neigh`, or its output, or that of `ip neigh`, from a FILE"
        " or standard input (-)",
        knows="who answered this host a moment ago (REACHABLE, DELAY, PROBE)",
        misses="those to whom this host did not speak: STALE, PERMANENT and NOARP count neither as seen nor"
        " as missed",
        examples=(
            "sessiontrack scan ip-neigh",
            "ssh router ip -j neigh | sessiontrack scan ip-neigh -",
        ),
        command=ip_neigh.COMMAND,
        program="ip",
    ),
    Format(
        arp_scan.NAME,
        lambda reading, site: arp_scan.parse_answers(reading.text),
        reads="the text of `arp-scan`, with or without `--plain`, `--quiet`, `--resolve`, `--rtt`",
        knows="who answered in this segment; the vendor",
        misses="this host itself, sleeping phones, devices behind a router",
        examples=(
            "sessiontrack scan arp-scan answers.txt",
            "arp-scan --localnet | sessiontrack scan arp-scan -",
        ),
        program="arp-scan",
    ),
    Format(
        nmap.NAME,
        lambda reading, site: nmap.parse_report(reading.text),
        reads="the XML of `nmap -sn -oX -`, run as root",
        knows="who answered in this segment, at nmap's own time; name and vendor",
        misses="MAC addresses behind a router, and its own: hosts without one are left out, and a report of"
        " none but those is refused",
        examples=(
            "sessiontrack scan nmap report.xml",
            "nmap -sn -oX - 192.168.1.0/24 | sessiontrack scan nmap -",
        ),
        program="nmap",
    ),
    Format(
        dnsmasq.NAME,
        lambda reading, site: dnsmasq.parse_leases(reading.text, reading.at),
        reads="dnsmasq's lease file",
        knows="who got an address, and its name",
        misses="who left before the lease expires: a session ends up to a lease time late; IPv6 (no MAC"
        " address there)",
        examples=("sessiontrack scan dnsmasq /var/lib/misc/dnsmasq.leases",),
    ),
    Format(
        kea.NAME,
        lambda reading, site: kea.parse_leases(reading.text, reading.at, reading.older),
        reads="Kea's lease file, `kea-leases4.csv` or `kea-leases6.csv`, and what Kea's clean-up left"
        " beside it",
        knows="as dnsmasq",
        misses="as dnsmasq; leases of IPv6 without a MAC address",
        examples=("sessiontrack scan kea /var/lib/kea/kea-leases4.csv",),
        beside=kea.beside,
    ),
    Format(
        kea_json.NAME,
        lambda reading, site: kea_json.parse_answer(reading.text, reading.at),
        reads="what Kea answers to `lease4-get-all` or `lease6-get-all`",
        knows="as dnsmasq",
        misses="as dnsmasq; leases of IPv6 without a MAC address",
        examples=(
            "sessiontrack scan kea-json answer.json",
            """curl -s localhost:8000 -d '{"command": "lease4-get-all", "service": ["dhcp4"]}'"""
            " | sessiontrack scan kea-json -",
        ),
    ),
    Format(
        isc.NAME,
        lambda reading, site: isc.parse_leases(reading.text, reading.at),
        reads="ISC dhcpd's lease file, `dhcpd.leases` (pfSense, EdgeOS)",
        knows="as dnsmasq",
        misses="as dnsmasq",
        examples=("sessiontrack scan isc /var/lib/dhcp/dhcpd.leases",),
    ),
    Format(
        mikrotik.NAME,
        lambda reading, site: mikrotik.parse_leases(reading.text),
        reads="what MikroTik's RouterOS prints at `/ip dhcp-server lease print`, also `detail` or `terse`",
        knows="as dnsmasq: leases that are bound",
        misses="as dnsmasq",
        examples=(
            "sessiontrack scan mikrotik leases.txt",
            "ssh router '/ip dhcp-server lease print detail' | sessiontrack scan mikrotik -",
        ),
    ),
    Format(
        openwrt.NAME,
        lambda reading, site: openwrt.parse_clients(reading.text),
        reads="what OpenWrt answers to `ubus call hostapd.phy0-ap0 get_clients`, of one interface or several",
        knows="which stations are associated with this access point now",
        misses="their addresses and names; devices on a cable or at another access point",
        examples=(
            "sessiontrack scan watch -- ssh root@router"
            " 'ubus call hostapd.phy0-ap0 get_clients && ubus call hostapd.phy1-ap0 get_clients'",
            "ssh root@router ubus call hostapd.phy0-ap0 get_clients | sessiontrack scan openwrt -",
        ),
        program="ubus",
    ),
    Format(
        csv_file.NAME,
        lambda reading, site: csv_file.parse_table(reading.text, site),
        reads="a table: a header and rows with `mac`, and `ip`, `name`, `vendor`, `at` where they are known",
        knows="what its writer knows; a row with `at` is a sighting at that instant",
        misses="who was absent at the instants in `at`",
        examples=(
            "sessiontrack scan csv seen.csv",
            "printf 'mac,ip\\n00:1a:2b:3c:4d:5e,10.0.0.5\\n' | sessiontrack scan csv --partial -",
        ),
    ),
)
FORMATS: Mapping[str, Format] = {each.name: each for each in _ALL}
# How a page of the docs writes a row: docs/sources.md, docs/reference.md.
_ROWS = {
    "scan": "| `{0} {1.name}` | {1.reads} | {1.knows} | {1.misses} |",
    "sessiontrack scan": "| `{0} {1.name}` | take in {1.reads} |",
}
FORMAT_OF_PROGRAM: Mapping[str, str] = {each.program: each.name for each in _ALL if each.program}


def in_page(page: str) -> str:
    """A page of the docs, with its list of formats as this table has it."""
    for prefix, row in _ROWS.items():
        names = "|".join(FORMATS)
        listed = re.compile(rf"(?:^\| `{prefix} (?:{names})` \|.*\n)+", re.MULTILINE)
        page = listed.sub(
            "".join(f"{row.format(prefix, each)}\n" for each in _ALL).replace("\\", r"\\"), page
        )
    return page


def as_sentence() -> str:
    """The formats in a sentence, for the OpenAPI document."""
    return f"`sessiontrack scan` sends scans from what these print: {', '.join(FORMATS)}."
