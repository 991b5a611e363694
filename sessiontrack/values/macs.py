"""MAC addresses: every common notation is read, one is kept."""

import re

from sessiontrack.exceptions import InvalidMac

MAC_FORMS = "A MAC address is aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff or aabbccddeeff"

_BLANKS = " \t\r\n"
_HEX = "[0-9A-Fa-f]"
# docs/sources.md says which vendor writes which. One address has one separator throughout.
MAC_PATTERN = "|".join(
    (
        f"{_HEX}{{1,2}}(?::{_HEX}{{1,2}}){{5}}",  # some tools print 0:1b:c0:..., with colons only
        *(f"{_HEX}{{2}}(?:{each}{_HEX}{{2}}){{5}}" for each in ("-", r"\.", "_", " ")),
        *(f"{_HEX}{{4}}(?:{each}{_HEX}{{4}}){{2}}" for each in (r"\.", "-", ":")),
        *(f"{_HEX}{{6}}{each}{_HEX}{{6}}" for each in ("-", ":", r"\.")),
        f"{_HEX}{{12}}",
    )
)
_NOTATION = re.compile(MAC_PATTERN)
# Most programs write it so; a scan has 10,000 of them, and this takes a third of the time of each.
_USUAL = re.compile(f"{_HEX}{{2}}(?::{_HEX}{{2}}){{5}}")
# What stands behind an address in a longer text, like the network's name in RADIUS.
_LEADING = re.compile(rf"({MAC_PATTERN})(?:[:;,/@# ](.*))?", re.DOTALL)
# An address that goes on in the same way has more octets than Ethernet's: EUI-64, InfiniBand.
_LONGER = re.compile(
    rf"{_HEX}{{1,2}}(?::{_HEX}{{1,2}}){{7,}}|{_HEX}{{2}}(?: {_HEX}{{2}}){{7,}}"
    rf"|{_HEX}{{4}}(?::{_HEX}{{4}}){{3,}}"
)
# A DHCP client's identifier: the type of link, 1 for Ethernet, before the address.
_CLIENT_ID = re.compile(rf"0?1[:-]({_HEX}{{1,2}}(?::{_HEX}{{1,2}}){{5}}|{_HEX}{{2}}(?:-{_HEX}{{2}}){{5}})")


def parse_mac(text: str) -> str:
    """Read a MAC address in any notation of MAC_PATTERN, with blanks around it or not.

    Returns:
        The canonical form, `AA:BB:CC:DD:EE:FF`.
    Raises:
        InvalidMac: it is none of these, or mixes two of them.
    """
    if _USUAL.fullmatch(text):
        return text.upper()
    bare = text.strip(_BLANKS)
    if _NOTATION.fullmatch(bare) is None:
        raise InvalidMac(MAC_FORMS)
    if bare.count(":") == 5:
        return ":".join(octet.zfill(2) for octet in bare.upper().split(":"))
    digits = "".join(each for each in bare.upper() if each.isalnum())
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def mac_parts(text: str) -> tuple[str, ...]:
    """Spell what may be a part of a MAC address, in any notation, as canonical addresses would have it.

    Returns:
        One spelling, or of plain digits two: they may begin an octet or end one. None where it is no part, or
        too short to tell it from other text.
    """
    bare = text.strip(_BLANKS).upper()
    if _NOTATION.fullmatch(bare):
        return (parse_mac(bare),)
    separators = {each for each in bare if not each.isalnum()}
    groups = re.split(r"[:._ -]", bare)
    if len(separators) > 1 or not re.fullmatch(f"{_HEX}*", "".join(groups)) or not any(groups):
        return ()
    first, *rest = groups
    if not rest:
        return (_spelled(first, 0), _spelled(first, 1)) if 4 <= len(first) <= 12 else ()
    widths = {len(each) for each in rest[:-1]}
    is_octets = separators <= {":", "-"} and widths <= {1, 2} and len(first) <= 2 and len(rest[-1]) <= 2
    if is_octets:
        # Some tools write an octet below 16 with one digit.
        return (":".join([first, *(each.zfill(2) for each in rest[:-1]), rest[-1]]),)
    if not (widths <= {2} or widths <= {4} or widths <= {6}) or max(len(first), len(rest[-1])) > 6:
        return ()
    digits = first + "".join(rest)
    return (_spelled(digits, len(first) % 2),) if 4 <= len(digits) <= 12 else ()


def _spelled(digits: str, ending: int) -> str:
    """Digits in octets, where so many of them end one."""
    octets = [digits[:ending]] if ending else []
    return ":".join(octets + [digits[at : at + 2] for at in range(ending, len(digits), 2)])


def leading_mac(text: str) -> str:
    """Read the MAC address that a text begins with: `AA-BB-CC-DD-EE-FF:network`, `1:aa:bb:cc:dd:ee:ff`.

    Returns:
        The canonical form.
    Raises:
        InvalidMac: it does not begin with one, or goes on like a longer address of another kind.
    """
    bare = text.strip(_BLANKS)
    if client := _CLIENT_ID.fullmatch(bare):
        return parse_mac(client[1])
    found = _LEADING.fullmatch(bare)
    if found is None or _LONGER.fullmatch(bare):
        raise InvalidMac(MAC_FORMS)
    return parse_mac(found[1])


def is_locally_administered(mac: str) -> bool:
    """Tell whether a canonical address was made up locally (private addresses of phones), not by a vendor."""
    return bool(int(mac[:2], 16) & 0b10)


def is_multicast(mac: str) -> bool:
    """Tell whether a canonical address means a group of devices (broadcast too), so never one device."""
    return mac[1] in "13579BDF"


def is_device(mac: str) -> bool:
    """Tell whether a canonical address can be one device's: neither a group's nor all zeros."""
    return mac != "00:00:00:00:00:00" and not is_multicast(mac)


def parse_device_mac(text: str) -> str:
    """Read the MAC address of one device, as parse_mac does.

    Raises:
        InvalidMac: it is none, or it is a group's (broadcast, multicast) or all zeros.
    """
    mac = parse_mac(text)
    if not is_device(mac):
        raise InvalidMac(f"{mac} is no device's address: it means a group, or none")
    return mac


def vendor_prefix(mac: str) -> str:
    """Give the vendor's part of a canonical address, `AA:BB:CC`."""
    return mac[:8]
