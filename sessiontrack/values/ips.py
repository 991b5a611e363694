"""IP addresses: read, kept in canonical form, and put in order."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sessiontrack.exceptions import InvalidIp
from sessiontrack.values.placeholders import is_placeholder

IP_FORMS = "An IP address is IPv4 like 192.168.1.20 or IPv6 like 2001:db8::20, without a port or mask"

_BLANKS = " \t\r\n"
_ZONE = re.compile(r"%[!-~]{1,64}$")
_NONE = frozenset(ip_address(each) for each in ("0.0.0.0", "::", "::ffff:0.0.0.0"))
_LARGEST_EXACT = 2**53 - 1  # JSON readers that keep numbers as doubles lose digits past it


def parse_ip(text: str) -> str:
    """Read an IPv4 or IPv6 address, with blanks around it or not.

    An IPv6 zone (`%eth0`) means something on one machine only, and is cut off.

    Returns:
        The canonical text: IPv6 compressed and in lower case, IPv4-mapped as `::ffff:192.0.2.1` (RFC 5952);
        "" for what means that there is no address: `0.0.0.0`, `::`, `null`, `(unknown)`.
    Raises:
        InvalidIp: it is neither, or empty.
    """
    bare = text.strip(_BLANKS)
    if bare and is_placeholder(bare):
        return ""
    address = _read(_ZONE.sub("", bare) if ":" in bare else bare)
    if address in _NONE:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"  # which str() writes this way from Python 3.13 on
    return str(address)


def ip_sort_key(ip: str) -> str:
    """Give a text that sorts as the address does: `4` and 8 hex digits, or `6` and 32; "" for ""."""
    if not ip:
        return ""
    address = _read(ip)
    return f"4{int(address):08x}" if address.version == 4 else f"6{int(address):032x}"


@lru_cache(4096)
def ip_number(ip: str) -> int | str:
    """Give the address as a number, as decimal text where it exceeds 53 bits; 0 for ""."""
    if not ip:
        return 0
    number = int(_read(ip))
    return number if number <= _LARGEST_EXACT else str(number)


def subscriber_network(address: str) -> str:
    """What one subscriber has at least: of IPv4 the address, of IPv6 the whole /64.

    A text that is no address is its own network: whatever a server gives as the peer's.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found.packed, 64), strict=False))
    return str(found)


def _read(text: str) -> IPv4Address | IPv6Address:
    try:
        if "%" not in text:
            return ip_address(text)
    except ValueError as error:
        raise InvalidIp(IP_FORMS) from error
    raise InvalidIp(IP_FORMS)
