"""A look at the network by this host itself, without rights and without another program.

The kernel keeps a neighbour that left as STALE, for days: its table alone shows nothing. So every address of
the segment is sent an empty datagram to the discard port (9). The kernel then resolves the address, as it
does before it sends anything, and its table shows the outcome:

- REACHABLE, or STALE again: it answered. Seen.
- FAILED, INCOMPLETE: it did not answer. Missed.
- anything else: it was not asked, or there was no time to wait for the answer. Neither.

A device that was there before and does not answer is asked a second time: phones sleep.

IPv6 has too many addresses to ask each. All nodes are pinged at once (ff02::1), where the kernel lets
everybody ping; a node that answers is in the table then, and is asked like those that are known already.

An address that is not known is FAILED after three questions in three seconds. One that is STALE is first
believed for five seconds: then the kernel asks.
"""

import errno
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import ip_preference
from sessiontrack.sources.netlink import Address, Neighbour, read_neighbours
from sessiontrack.sources.segment import Segment
from sessiontrack.values.macs import is_device, parse_mac
from sessiontrack.values.observations import Observation, Observations

NAME = "network"
# An entry that is asked is STALE no more, until it has answered.
SEEN = frozenset({"REACHABLE", "STALE"})
MISSED = frozenset({"FAILED", "INCOMPLETE"})
WAITING = frozenset({"INCOMPLETE", "DELAY", "PROBE"})
DISCARD = 9
# A /24 at a time: the kernel has room for some hundred questions that are open at once.
BATCH = 256
LONGEST_SECONDS = 9.0
DISCOVERY_SECONDS = 1.5
POLL_SECONDS = 0.2
# Privacy addresses of IPv6 are used for a day.
REMEMBERED_SECONDS = 86_400
ALL_NODES = "ff02::1"
# A socket holds what waits for its neighbour to be found, and has room for that many.
PER_SOCKET = 64


class Kernel(Protocol):
    """What a look needs of the kernel."""

    def ask(self, addresses: Sequence[Address]) -> int:
        """Let it resolve these addresses; returns how many it had no room for."""

    def wake_all(self, own: Sequence[IPv6Address]) -> bool:
        """Ping all nodes of IPv6, from each own address; False where that is not allowed."""

    def table(self) -> dict[Address, Neighbour]:
        """The neighbour table."""

    def seconds(self) -> float:
        """A clock that only goes forward."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""


class Scanner:
    """Looks at a segment again and again, and remembers which addresses have answered.

    Args:
        report: called with each device as soon as it is seen.
    """

    def __init__(
        self, segment: Segment, kernel: Kernel, report: Callable[[Observation], None] = lambda device: None
    ) -> None:
        self._segment = segment
        self._kernel = kernel
        self._report = report
        # When each address last answered.
        self._known: dict[Address, float] = {}

    def know(self, addresses: Iterable[str]) -> None:
        """Somebody is expected at these addresses: who does not answer there is asked twice."""
        found = (ip_address(each) for each in addresses)
        now = self._kernel.seconds()
        self._known.update({each: now for each in found if self._segment.has(each)})

    def look(self) -> Observations:
        """Ask every address, wait for the answers, and report them.

        Raises:
            UnreadableObservations: nothing can be sent there, or the kernel does not say.
        """
        oldest = self._kernel.seconds() - REMEMBERED_SECONDS
        for address in [each for each, at in self._known.items() if at < oldest]:
            del self._known[address]
        look = _Look(self._segment, self._kernel, self._known, self._report)
        try:
            return look.run()
        except OSError as error:
            name = self._segment.link.name
            raise UnreadableObservations(f"{name} cannot be asked: {error.strerror or error}.") from error


class _Look:
    def __init__(
        self,
        segment: Segment,
        kernel: Kernel,
        known: dict[Address, float],
        report: Callable[[Observation], None],
    ) -> None:
        self._segment = segment
        self._kernel = kernel
        self._known = known
        self._report = report
        self._asked: Counter[Address] = Counter()
        self._macs: dict[Address, str] = {}
        self._seen: dict[str, list[str]] = {}
        self._left_over = 0

    def run(self) -> Observations:
        self._take(self._kernel.table())
        can_wake = self._kernel.wake_all(self._segment.own) if self._segment.own else True
        first = [each for each in self._known if each.version == 6]
        hosts = self._segment.hosts
        for at in range(0, max(1, len(hosts)), BATCH):
            batch = hosts[at : at + BATCH]
            self._settle([*first, *batch] if at == 0 else batch, finds_more=at == 0 and can_wake)
        return self._observations(can_wake)

    def _settle(self, addresses: Sequence[Address], finds_more: bool) -> None:
        """Ask these addresses, and wait until each has answered or is known to be free."""
        begun = self._kernel.seconds()
        asked = dict.fromkeys(addresses)
        self._ask(list(asked))
        while True:
            table = self._kernel.table()
            self._take(table)
            if self._segment.own:
                found = [each for each in table if self._is_found(each, table[each])]
                asked.update(dict.fromkeys(found))
                self._ask(found)
            again = [each for each in asked if self._sleeps(each, table)]
            self._ask(again)
            passed = self._kernel.seconds() - begun
            is_waiting = again or any(each in table and table[each].state in WAITING for each in asked)
            if passed >= LONGEST_SECONDS:
                return
            if not is_waiting and (passed >= DISCOVERY_SECONDS or not (finds_more and self._segment.own)):
                return
            self._kernel.wait(POLL_SECONDS)

    def _ask(self, addresses: Sequence[Address]) -> None:
        self._asked.update(addresses)
        self._left_over += self._kernel.ask(addresses)

    def _is_found(self, address: Address, entry: Neighbour) -> bool:
        """A node of IPv6 that answered, and was not known."""
        return (
            address.version == 6
            and address not in self._asked
            and entry.mac != ""
            and entry.state not in ("NOARP", "PERMANENT")
            and self._segment.has(address)
        )

    def _sleeps(self, address: Address, table: dict[Address, Neighbour]) -> bool:
        if self._asked[address] != 1 or address not in self._known:
            return False
        return address in table and table[address].state == "FAILED"

    def _take(self, table: dict[Address, Neighbour]) -> None:
        """Note who is in the table."""
        for address, entry in table.items():
            if not entry.mac or not self._segment.has(address):
                continue
            mac = parse_mac(entry.mac)
            if not is_device(mac):
                continue
            if entry.state not in ("NOARP", "PERMANENT"):
                self._known[address] = self._kernel.seconds()
            self._macs[address] = mac
            if entry.state in SEEN and address in self._asked:
                if mac not in self._seen:
                    self._report(Observation(mac, str(address)))
                ips = self._seen.setdefault(mac, [])
                if str(address) not in ips:
                    ips.append(str(address))

    def _observations(self, can_wake: bool) -> Observations:
        table = self._kernel.table()
        self._take(table)
        undecided = {
            self._macs[address]
            for address, entry in table.items()
            if address in self._macs and entry.state not in MISSED
        }
        devices = [Observation(mac, min(ips, key=ip_preference)) for mac, ips in self._seen.items()]
        devices += [Observation(mac, is_sighting=False) for mac in undecided - self._seen.keys()]
        faults: list[str] = []
        if self._left_over:
            faults.append(f"The kernel had no room to ask {self._left_over} addresses.")
        notes = list(self._segment.notes)
        if not can_wake:
            notes.append(
                "Only known addresses of IPv6 were asked, because this process may not ping. This allows it:"
                " sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'"
            )
        return Observations(
            tuple(sorted(devices, key=lambda device: device.mac)),
            tuple(faults),
            taken=len(self._seen),
            left_out=len(self._asked) - len(self._seen),
            is_whole=not faults,
            notes=tuple(notes),
        )


class ThisKernel:
    """The kernel that this runs on, by what everybody may do."""

    def __init__(self, segment: Segment) -> None:
        self._link = segment.link

    def ask(self, addresses: Sequence[Address]) -> int:
        left_over = 0
        for at in range(0, len(addresses), PER_SOCKET):
            with ExitStack() as sockets:
                sending: dict[int, socket.socket] = {}
                for address in addresses[at : at + PER_SOCKET]:
                    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
                    if family not in sending:
                        sending[family] = sockets.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                        sending[family].setblocking(False)
                    left_over += not self._send(sending[family], address)
        return left_over

    def _send(self, sending: socket.socket, address: Address) -> bool:
        target: tuple[str | int, ...] = (str(address), DISCARD)
        if address.version == 6:
            target += (0, self._link.index)
        try:
            # Not by way of a router: it is a neighbour, or nobody.
            sending.sendto(b"", socket.MSG_DONTROUTE, target)
        except OSError as error:
            # Where nobody answers, later ones fail at once; what counts is in the table.
            if error.errno in (errno.EHOSTUNREACH, errno.ECONNREFUSED):
                return True
            if error.errno in (errno.ENOBUFS, errno.EAGAIN, errno.ENOMEM):
                return False
            raise
        return True

    def wake_all(self, own: Sequence[IPv6Address]) -> bool:
        echo_request = struct.pack("!BBHHH", 128, 0, 0, 0, 0)
        scope = self._link.index
        for address in own:
            try:
                pinging = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)
            except OSError:
                return False
            with pinging:
                pinging.setblocking(False)
                with suppress(OSError):
                    pinging.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
                    pinging.bind((str(address), 0, 0, scope if address.is_link_local else 0))
                    pinging.sendto(echo_request, (ALL_NODES, 0, 0, scope))
        return True

    def table(self) -> dict[Address, Neighbour]:
        return read_neighbours(self._link.index)

    def seconds(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
