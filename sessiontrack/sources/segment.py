"""The part of the network that a host can look at by itself: an interface and the addresses behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import shown
from sessiontrack.sources.netlink import Address, Link, default_route, read_links

MOST_ADDRESSES = 65_536
# In a larger network that was not named, only addresses near this host's own are asked.
LARGEST_FOUND = 20

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Segment:
    """What is asked.

    hosts: every address of IPv4 that may be somebody else's.
    networks: addresses outside of these are none of ours.
    own: this host's addresses of IPv6, from which all nodes are asked; none where IPv6 is left out.
    notes: what else there is to say, one sentence each.
    """

    link: Link
    hosts: tuple[Address, ...]
    networks: tuple[Network, ...]
    own: tuple[IPv6Address, ...]
    notes: tuple[str, ...] = ()

    def has(self, address: Address) -> bool:
        """Whether an address belongs to it and may be another host's."""
        return any(address in network for network in self.networks) and not any(
            address == each.ip for each in self.link.addresses
        )


def find_segment(name: str | None) -> Segment:
    """The segment of an interface, of a network like 192.168.1.0/24 or fd00::/64, or this host's own.

    Raises:
        UnreadableObservations: there is no such segment here, or it is too large.
    """
    try:
        return choose_segment(name, read_links(), default_route())
    except OSError as error:
        raise UnreadableObservations(f"The kernel does not say which network this is: {error}.") from error


def choose_segment(name: str | None, links: Sequence[Link], default: int | None) -> Segment:
    """The same, of given interfaces; `default` is the index of the one that leads to everywhere else."""
    usable = [each for each in links if each.is_usable and each.has_macs and each.addresses]
    if name is None:
        usable.sort(key=lambda link: link.index != default)
        if not usable:
            raise UnreadableObservations("There is no network here with neighbours; name an interface.")
        return _whole(usable[0])
    for link in links:
        if link.name == name:
            if link not in usable:
                raise UnreadableObservations(
                    f"The interface {name} is down, has no address, or no neighbours with MAC addresses."
                )
            return _whole(link)
    try:
        network = ip_network(name.strip(), strict=False)
    except ValueError as error:
        raise UnreadableObservations(
            f"{shown(name)} is no interface of this host, and no network like 192.168.1.0/24."
        ) from error
    for link in usable:
        if any(each.version == network.version and each.network.overlaps(network) for each in link.addresses):
            return _part(link, network)
    there = ", ".join(str(each.network) for link in usable for each in link.addresses)
    raise UnreadableObservations(
        f"{network} is no segment of this host, and MAC addresses are seen in those only: {there or 'none'}."
    )


def _whole(link: Link) -> Segment:
    """All networks of an interface; of one that is too large the part around this host."""
    networks: list[Network] = []
    notes = []
    for each in link.addresses:
        network: Network = each.network
        if network.version == 4 and network.prefixlen < LARGEST_FOUND:
            network = ip_network((each.ip, LARGEST_FOUND), strict=False)
            notes.append(f"{each.network} is large; {network} is asked. Name another part to ask that one.")
        networks.append(network)
    own = tuple(each.ip for each in link.addresses if isinstance(each.ip, IPv6Address))
    return Segment(link, _hosts(link, networks), tuple(networks), own, tuple(notes))


def _part(link: Link, network: Network) -> Segment:
    if network.version == 4 and network.num_addresses > MOST_ADDRESSES:
        raise UnreadableObservations(
            f"{network} has {network.num_addresses} addresses; at most {MOST_ADDRESSES} (a /16) are asked."
        )
    own = tuple(each.ip for each in link.addresses if isinstance(each.ip, IPv6Address) and each.ip in network)
    return Segment(link, _hosts(link, [network]), (network,), own)


def _hosts(link: Link, networks: Sequence[Network]) -> tuple[Address, ...]:
    own = {each.ip for each in link.addresses}
    # The addresses of a network itself and of all in it are nobody's.
    nobodys = {
        address
        for each in link.addresses
        if each.network.prefixlen < each.max_prefixlen - 1
        for address in (each.network.network_address, each.network.broadcast_address)
    }
    hosts: dict[Address, None] = {}
    for network in networks:
        if isinstance(network, IPv4Network):
            hosts.update(dict.fromkeys(each for each in network if each not in own | nobodys))
    return tuple(hosts)
