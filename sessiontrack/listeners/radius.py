"""The RADIUS accounting server: packets in, one transaction for all that wait, answers out.

One thread takes datagrams from the socket and does nothing else, so that none is lost while the other one
waits for a commit. What is answered is recorded: a packet whose transaction failed is not answered, and its
sender sends it again.
"""

import logging
import selectors
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import islice
from typing import Any

from sessiontrack import clock
from sessiontrack.config import ClientSecrets
from sessiontrack.database import write_transaction
from sessiontrack.exceptions import ClockUnsure, StorageUnavailable, UnreadablePacket, WrongAuthenticator
from sessiontrack.services.clock_door import ClockDoor
from sessiontrack.services.presence import PresenceRules
from sessiontrack.services.radius_accounting import WITHOUT_MAC, Memory, Received, record
from sessiontrack.sources.radius import LONGEST_PACKET, Accounting, read_accounting

log = logging.getLogger(__name__)
MOST_AT_ONCE = 500
MOST_WAITING = 50_000
RECEIVE_BUFFER = 8 * 1024 * 1024
TAKE_SECONDS = 0.5
REPORT_SECONDS = 60
MOST_SHOWN = 3
ALIVE_SECONDS = 5

Address = tuple[Any, ...]


@dataclass(frozen=True)
class _Datagram:
    """As it came, with its sender's secret."""

    data: bytes
    sender: Address
    client: str
    secret: bytes
    received_at: int


class RadiusServer:
    """Serves until `stop` is called; use within an application context.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        clients: ClientSecrets,
        rules: PresenceRules,
        door: ClockDoor | None = None,
    ) -> None:
        self._clients = clients
        self._rules = rules
        self._door = door
        self._memory = Memory()
        self.counts: Counter[str] = Counter()
        self._without_mac: dict[str, None] = {}
        self._waiting: deque[_Datagram] = deque()
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._secret_of = lru_cache(maxsize=4096)(self._find_secret)
        self._socket = _bound(host, port)
        self._wake, self._woken = socket.socketpair()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        """Take nothing more, record what waits, and return from `serve`; may be called by a signal."""
        self._stopping.set()
        with suppress(OSError):  # it has come to its end meanwhile, and closed this
            self._wake.send(b".")

    def serve(self, report: Callable[[str], None], alive: Callable[[], None] = lambda: None) -> None:
        """Take, record and answer packets.

        Args:
            report: takes a line, once a minute at most, of what was dropped.
            alive: called every few seconds while packets are taken from the socket and recorded.
        """
        receiver = threading.Thread(target=self._receive, name="radius-receiver", daemon=True)
        receiver.start()
        reported_at = told_at = clock.now()
        try:
            while not (self._stopping.is_set() and not self._waiting):
                self._take()
                if receiver.is_alive() and abs(clock.now() - told_at) >= ALIVE_SECONDS:
                    told_at = clock.now()
                    alive()
                if clock.now() - reported_at >= REPORT_SECONDS:
                    reported_at = clock.now()
                    self._report(report)
        finally:
            self._stopping.set()
            self._wake.send(b".")
            receiver.join()
            self._report(report)
            for each in (self._socket, self._wake, self._woken):
                each.close()

    def _receive(self) -> None:
        """The receiving thread."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                self._drain()
        self._arrived.set()

    def _drain(self) -> None:
        """All that the socket holds."""
        while not self._stopping.is_set():
            try:
                data, sender = self._socket.recvfrom(LONGEST_PACKET + 1)
            except BlockingIOError:
                return
            except OSError:
                # What an earlier answer's receiver told the kernel; it concerns no datagram here.
                continue
            client = _client(sender)
            secret = self._secret_of(client)
            if secret is None:
                self.counts["of unknown clients"] += 1
            elif len(self._waiting) >= MOST_WAITING:
                self.counts["for which there was no room"] += 1
            else:
                self._waiting.append(_Datagram(data, sender, client, secret, clock.now()))
                self._arrived.set()

    def _find_secret(self, client: str) -> bytes | None:
        address = ip_address(client)
        known = [(net.prefixlen, secret) for net, secret in self._clients if address in net]
        return max(known)[1] if known else None

    def _take(self) -> None:
        """Record and answer what waits, up to some hundred packets."""
        self._arrived.wait(TAKE_SECONDS)
        self._arrived.clear()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
            readable = [received for each in batch if (received := self._read(each)) is not None]
            if readable:
                self._answer(readable)

    def _read(self, datagram: _Datagram) -> tuple[Received, Address] | None:
        try:
            packet = read_accounting(datagram.data, datagram.client, datagram.secret)
        except WrongAuthenticator:
            self.counts["with a wrong authenticator"] += 1
        except UnreadablePacket:
            self.counts["that were malformed"] += 1
        else:
            return Received(packet, datagram.client, datagram.received_at), datagram.sender
        return None

    def _answer(self, batch: list[tuple[Received, Address]]) -> None:
        """Record a batch, then answer it; what is not recorded is not answered."""
        try:
            if self._door is not None:
                self._door.pass_through(clock.now())
            with self._memory.staged() as memory, write_transaction() as tx:
                packets = [received for received, _ in batch]
                counts = record(tx, clock.now(), packets, self._rules, memory)
        except (ClockUnsure, StorageUnavailable) as error:
            log.error("%s", error.__cause__ or error)
            self.counts["that could not be stored just then"] += len(batch)
            return
        except Exception:
            # One packet that nobody thought of must not stand in the way of the others.
            if len(batch) > 1:
                for each in batch:
                    self._answer([each])
            else:
                log.exception("A RADIUS packet could not be recorded")
                self.counts["that could not be recorded"] += 1
            return
        self.counts.update(counts)
        if counts[WITHOUT_MAC]:
            shown = (_shown(each.packet) for each, _ in batch if each.packet.lacks_mac)
            self._without_mac.update(dict.fromkeys(islice(shown, MOST_SHOWN)))
        for received, sender in batch:
            try:
                self._socket.sendto(received.packet.answer, sender)
            except OSError:
                self.counts["whose answer could not be sent"] += 1

    def _report(self, report: Callable[[str], None]) -> None:
        """Say what was dropped since the last time, if anything was."""
        counts, self.counts = self.counts, Counter()
        taken = counts.pop("recorded", 0) + counts.pop("repeated", 0)
        if counts:
            dropped = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
            if self._without_mac:
                dropped += f" ({'; '.join(islice(self._without_mac, MOST_SHOWN))})"
                self._without_mac.clear()
            report(f"RADIUS: {taken} packets answered; also {dropped}.")


def _shown(packet: Accounting) -> str:
    """The NAS, and what it sent where a MAC address should be."""
    return f"NAS {packet.source.removeprefix('radius:')} sent {packet.station}"


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _client(sender: Address) -> str:
    """The sender's address; an IPv4 address that an IPv6 socket shows is the IPv4 address."""
    address = ip_address(str(sender[0]).partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
