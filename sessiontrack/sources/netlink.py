"""What the kernel says of this host's network, by rtnetlink(7): reading needs no rights and no program."""

import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_GET_LINK, _GET_ADDRESS, _GET_ROUTE, _GET_NEIGHBOUR = 18, 22, 26, 30
_LINK, _OF_ADDRESS, _ROUTE = struct.Struct("=BxHiII"), struct.Struct("=BBBBI"), struct.Struct("=8BI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_UP, _LOOPBACK, _RUNNING = 0x1, 0x8, 0x40
_ETHERNET = 1
_UNICAST = 1
_TENTATIVE, _DUPLICATE = 0x40, 0x8
_BUFFER = 1 << 18
STATES = {
    0x00: "NONE",
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}


@dataclass(frozen=True)
class Link:
    """An interface.

    has_macs: its neighbours have Ethernet addresses (Wi-Fi too).
    is_usable: it is up, has a carrier, and is not this host's own loop.
    addresses: this host's own, each with its network.
    """

    index: int
    name: str
    has_macs: bool
    is_usable: bool
    addresses: tuple[Interface, ...]


@dataclass(frozen=True)
class Neighbour:
    """An entry of the neighbour table; mac is "" where it is not known, as the kernel writes it else."""

    state: str
    mac: str


def read_links() -> list[Link]:
    """The interfaces, in their order.

    Raises:
        OSError: the kernel does not say.
    """
    addresses: dict[int, list[Interface]] = {}
    for body in _dump(_GET_ADDRESS):
        _, prefix, flags, _, index = _OF_ADDRESS.unpack_from(body)
        found = _attributes(body, _OF_ADDRESS.size)
        # 2: this end's own address, where 1 is the other end's.
        raw = found.get(2) or found.get(1)
        if raw is not None and not flags & (_TENTATIVE | _DUPLICATE):
            addresses.setdefault(index, []).append(ip_interface((raw, prefix)))
    links = []
    for body in _dump(_GET_LINK):
        _, kind, index, flags, _ = _LINK.unpack_from(body)
        name = _attributes(body, _LINK.size).get(3, b"").rstrip(b"\0").decode("utf-8", "replace")
        is_usable = bool(flags & _UP and flags & _RUNNING) and not flags & _LOOPBACK
        own = tuple(addresses.get(index, ()))
        links.append(Link(index, name, kind == _ETHERNET, is_usable, own))
    return links


def default_route() -> int | None:
    """The index of the interface that leads to everywhere else; None where nothing does.

    Raises:
        OSError: the kernel does not say.
    """
    routes = []
    for body in _dump(_GET_ROUTE):
        family, prefix, *_, kind, _ = _ROUTE.unpack_from(body)
        found = _attributes(body, _ROUTE.size)
        if prefix == 0 and kind == _UNICAST and 4 in found:
            metric = int.from_bytes(found.get(6, b""), sys.byteorder)
            routes.append((family != socket.AF_INET, metric, int.from_bytes(found[4], sys.byteorder)))
    return min(routes)[2] if routes else None


def read_neighbours(index: int) -> dict[Address, Neighbour]:
    """The neighbour table of an interface.

    Raises:
        OSError: the kernel does not say.
    """
    found: dict[Address, Neighbour] = {}
    for body in _dump(_GET_NEIGHBOUR):
        family, of_link, state, _, _ = _NEIGHBOUR.unpack_from(body)
        if of_link == index and family in (socket.AF_INET, socket.AF_INET6):
            attributes = _attributes(body, _NEIGHBOUR.size)
            mac = attributes.get(2, b"")
            found[ip_address(attributes[1])] = Neighbour(
                STATES.get(state, "NONE"), mac.hex(":") if len(mac) == 6 else ""
            )
    return found


def _dump(request: int) -> Iterator[bytes]:
    """What the kernel answers to a request for all of a kind, without the headers."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as kernel:
        kernel.settimeout(10)
        kernel.send(_HEADER.pack(_HEADER.size + 4, request, _REQUEST_DUMP, 1, 0) + bytes(4))
        while True:
            answer = kernel.recv(_BUFFER)
            at = 0
            while at + _HEADER.size <= len(answer):
                length, kind, _, _, _ = _HEADER.unpack_from(answer, at)
                body = answer[at + _HEADER.size : at + length]
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    raise OSError(code, "the kernel refuses to say")
                yield body
                at += (length + 3) & ~3


def _attributes(body: bytes, at: int) -> dict[int, bytes]:
    found = {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = body[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found
