"""dnsmasq's lease file -> observations.

A lease shows that the device was there when it got it, and may be there until it expires: a phone that left
is in the file up to a lease time longer. It is no sighting now, but the best that such a source has; with
short leases, and beside a source that looks, it is good evidence of names, addresses and arrivals.

dnsmasq writes the file whenever a lease begins, is renewed or ends. So a file speaks of the instant at
which it was written: a lease that had not expired by then is a sighting then. A dnsmasq that is dead writes
no more, and so its file, read over and over, repeats what it said and disconnects nobody.

A line is the expiry in epoch seconds (0: never; less than EARLIEST: the length of the lease, which a dnsmasq
built for routers without a clock writes, and so no expiry), the MAC address, the IP address, the name or
`*`, and the client's identifier. Behind a line `duid` stand the leases of IPv6, which have no MAC address and
are left out, as are devices on links without (a type in front: `20-...`).
"""

import re

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import EARLIEST, Gathering, numbered_lines, read_ip, read_mac, shown
from sessiontrack.values.observations import Observations

NAME = "dnsmasq"
_EXPIRY = re.compile(r"[0-9]{1,12}")
_OTHER_LINK = re.compile(r"[0-9A-Fa-f]{2}-(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)?")
# Of an IPv6 lease, where the MAC address would be: the number of its identity association.
_IDENTITY = re.compile(r"T?[0-9]{1,10}")
_COLUMNS = 5


def parse_leases(text: str, at: int) -> Observations:
    """Read the lease file as it was at an instant.

    Args:
        at: UTC epoch seconds; what had expired by then is left out.
    Raises:
        UnreadableObservations: it is empty, or not a lease file of dnsmasq's.
    """
    lines = numbered_lines(text)
    if not lines:
        raise UnreadableObservations("The lease file is empty, which says nothing about any device.")
    gathering = Gathering()
    is_ipv6 = False
    for number, line in lines:
        words = line.split()
        if words[0] == "duid":
            is_ipv6 = True
        elif is_ipv6 and len(words) == _COLUMNS and _IDENTITY.fullmatch(words[1]):
            gathering.leave_out()
        else:
            _lease(gathering, number, words, at)
    return gathering.observations("lease file", text)


def _lease(gathering: Gathering, number: int, words: list[str], at: int) -> None:
    mac = None
    try:
        if len(words) != _COLUMNS:
            raise ValueError(f"a lease has {_COLUMNS} words, and this line {len(words)}.")
        expiry, address, ip, name, _ = words
        if not _EXPIRY.fullmatch(expiry):
            raise ValueError(f"{shown(expiry)} is not an instant in epoch seconds.")
        mac = None if _OTHER_LINK.fullmatch(address) else read_mac(address)
        ip = read_ip(ip)
    except ValueError as error:
        gathering.fault(f"Line {number}", str(error), mac)
        return
    if mac is None or EARLIEST <= int(expiry) <= at:
        gathering.leave_out()
    else:
        gathering.see(mac, ip, name)
