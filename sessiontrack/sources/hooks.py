"""What dnsmasq and hostapd call a hook script with -> what happened to a device.

dnsmasq(8), --dhcp-script: `add|old|del <MAC, or DUID for IPv6> <IP> [hostname]`, and variables DNSMASQ_*.
hostapd_cli(8), -a: `<interface> AP-STA-CONNECTED|AP-STA-DISCONNECTED <MAC>`.
"""

from collections.abc import Mapping, Sequence

from sessiontrack.exceptions import InvalidIp, InvalidMac, UnreadableObservations
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import is_device, parse_mac
from sessiontrack.values.observations import DeviceEvent, Observation
from sessiontrack.values.placeholders import known

# A lease that dnsmasq still has is its word that the device is there.
LEASE_KINDS = {"add": "connected", "old": "seen", "del": "disconnected"}
STATION_KINDS = {"AP-STA-CONNECTED": "connected", "AP-STA-DISCONNECTED": "disconnected"}
LONGEST_SOURCE = 64
LONGEST_NAME = 255


def read_lease_call(
    arguments: Sequence[str], environment: Mapping[str, str], now: int, late: int, source: str = "dhcp"
) -> DeviceEvent | None:
    """What a call by dnsmasq says; None for an action that says nothing of a lease, and for unknown ones.

    arp-add and arp-del are such actions: the neighbour table forgets devices that are there, and keeps others
    that are not. `scan ip-neigh` reads that table with the care that it needs.

    Args:
        late: how far back, in seconds, a lease may have run out that is removed only now.
        source: of leases of IPv4; those of IPv6 have one of their own.
    Raises:
        UnreadableObservations: the call is not as documented, or names no MAC address.
    """
    if not arguments:
        raise UnreadableObservations("dnsmasq calls with an action, a MAC address and an IP address.")
    action, *rest = arguments
    if action not in LEASE_KINDS:
        return None
    if len(rest) < 2:
        raise UnreadableObservations(f"{action} comes with a MAC address and an IP address.")
    try:
        ip = parse_ip(rest[1])
    except InvalidIp as error:
        raise UnreadableObservations(f"{rest[1]!a} is not an IP address.") from error
    is_ipv6 = ":" in ip
    mac = _mac(environment.get("DNSMASQ_MAC", "") if is_ipv6 else rest[0])
    at = now
    expires = environment.get("DNSMASQ_LEASE_EXPIRES", "")
    if action == "del" and expires.isascii() and expires.isdigit() and now - late < int(expires) < now:
        # It ran out while dnsmasq was not running, or was busy.
        at = int(expires)
    # The two leases of a device end independently: each is a source's word.
    if is_ipv6:
        kind, colon, host = source.partition(":")
        source = f"{kind}6{colon}{host}"
    name = known(_printable(rest[2])[:LONGEST_NAME]) if len(rest) > 2 else ""
    return DeviceEvent(_source(source), at, LEASE_KINDS[action], Observation(mac, ip, name=name), name)


def read_station_call(arguments: Sequence[str], now: int, source: str = "") -> DeviceEvent | None:
    """What a call by hostapd_cli says; None for events that are no station's coming or going.

    Args:
        source: "" is named after the interface.
    Raises:
        UnreadableObservations: the call is not as documented.
    """
    if len(arguments) < 2:
        raise UnreadableObservations("hostapd_cli calls with an interface and an event.")
    interface, event, *rest = arguments
    if event not in STATION_KINDS:
        return None
    if not rest:
        raise UnreadableObservations(f"{event} comes with a MAC address.")
    return DeviceEvent(
        _source(source or f"hostapd:{interface}"), now, STATION_KINDS[event], Observation(_mac(rest[0]))
    )


def _mac(text: str) -> str:
    if not text:
        raise UnreadableObservations("dnsmasq does not know this client's MAC address.")
    try:
        mac = parse_mac(text)
    except InvalidMac as error:
        raise UnreadableObservations(f"{text!a} is not a MAC address.") from error
    if not is_device(mac):
        raise UnreadableObservations(f"{text!a} is not the MAC address of one device.")
    return mac


def _source(name: str) -> str:
    return _printable(name)[:LONGEST_SOURCE]


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
