"""MAC addresses: every common notation is read, one is kept."""

import re

from sessiontrack.exceptions import InvalidMac

MAC_FORMS = "A MAC address is aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff or aabbccddeeff"

_BLANKS = " \t\r\n"
_NOTATION = re.compile(
    r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}"  # some tools print 0:1b:c0:..., with colons only
    r"|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}"
    r"|[0-9A-Fa-f]{12}"
)


def parse_mac(text: str) -> str:
    """Read a MAC address in any notation of MAC_FORMS, with blanks around it or not.

    Returns:
        The canonical form, `AA:BB:CC:DD:EE:FF`.
    Raises:
        InvalidMac: it is none of these, or mixes two of them.
    """
    bare = text.strip(_BLANKS)
    if _NOTATION.fullmatch(bare) is None:
        raise InvalidMac(MAC_FORMS)
    if ":" in bare:
        return ":".join(octet.zfill(2) for octet in bare.upper().split(":"))
    digits = bare.upper().replace("-", "").replace(".", "")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def is_locally_administered(mac: str) -> bool:
    """Tell whether a canonical address was made up locally (private addresses of phones), not by a vendor."""
    return bool(int(mac[:2], 16) & 0b10)


def is_multicast(mac: str) -> bool:
    """Tell whether a canonical address means a group of devices (broadcast too), so never one device."""
    return bool(int(mac[:2], 16) & 0b01)


def vendor_prefix(mac: str) -> str:
    """Give the vendor's part of a canonical address, `AA:BB:CC`."""
    return mac[:8]
