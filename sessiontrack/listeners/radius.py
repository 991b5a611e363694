"""The RADIUS accounting server: packets in, one transaction for all that wait, answers out.

One thread takes datagrams from the socket and does nothing else, so that none is lost while the other one
waits for a commit. What is answered is recorded: a packet whose transaction failed is not answered, and its
sender sends it again.
"""

import logging
import re
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
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import ClockUnsure, StorageUnavailable, UnreadablePacket, WrongAuthenticator
from sessiontrack.services.clock_door import ClockDoor
from sessiontrack.services.presence import PresenceRules
from sessiontrack.services.radius_accounting import WITHOUT_MAC, Memory, Received, is_dated_wrongly, record
from sessiontrack.services.source_failures import last_failure, record_failure, record_success
from sessiontrack.sources.radius import LONGEST_PACKET, Accounting, read_accounting
from sessiontrack.values.setting_texts import ClientSecrets

log = logging.getLogger(__name__)
MOST_AT_ONCE = 500
MOST_WAITING = 50_000
RECEIVE_BUFFER = 8 * 1024 * 1024
TAKE_SECONDS = 0.5
REPORT_SECONDS = 60
MOST_SHOWN = 3
# Addresses named of those whose packets are dropped; anybody may send from any.
MOST_SENDERS = 10
SENDERS_OTHERS = "and others"
WRONG_SECRET = "with a wrong secret"
UNKNOWN = "of unknown clients"
MALFORMED = "that were malformed"
DATED_WRONGLY = "dated too far from now, taken as of the receipt"
# The listener as a source that fails while a client has another secret than it.
SOURCE = "radius"
REASON = "packets with a wrong secret from {}: it is not the one in RADIUS_CLIENTS"
FROM = re.compile("from ([^ ]+(?:, [^ ]+)*)(?:: it is|$)")
# It sends again for some seconds, and then with its next device: who looks in between is to see it.
WRONG_SECRET_SECONDS = 3600
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
        self._senders: dict[str, dict[str, None]] = {}
        self._wrong: dict[str, int] = {}
        # As the database has it; None before the first look.
        self._reported_wrong: dict[str, int] | None = None
        self._waiting: deque[_Datagram] = deque()
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._secret_of = lru_cache(maxsize=4096)(self._find_secret)
        self._socket = _bound(host, port)
        self._wake, self._woken = socket.socketpair()

    def use(self, clients: ClientSecrets, rules: PresenceRules) -> None:
        """Take what comes from now on by these; may be called by a signal."""
        self._clients = clients
        self._rules = rules
        self._secret_of.cache_clear()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    def count(self, what: str, client: str) -> None:
        """Count a packet, and remember who sends such ones: the first few."""
        self.counts[what] += 1
        senders = self._senders.setdefault(what, {})
        if client not in senders and len(senders) <= MOST_SENDERS:
            senders[client if len(senders) < MOST_SENDERS else SENDERS_OTHERS] = None

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
        self._remember_wrong()
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
            self._report(report, is_last=True)
            for each in (self._socket, self._wake, self._woken):
                each.close()

    def _remember_wrong(self) -> None:
        """Whose secret was wrong when the last listener ended: another client's good packet mends nothing."""
        with suppress(StorageUnavailable), read_transaction() as tx:
            reason, failed_at = last_failure(tx, SOURCE)
            found = FROM.search(reason)
            for client in found[1].split(", ") if found else ():
                # The last one may be cut off, or be no client any more.
                with suppress(ValueError):
                    if self._secret_of(client) is not None:
                        self._wrong[client] = failed_at
            if self._wrong:
                self._reported_wrong = dict(self._wrong)

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
                # An ICMP error to an earlier answer; it concerns no datagram here.
                continue
            client = _client(sender)
            secret = self._secret_of(client)
            if secret is None:
                self.count(UNKNOWN, client)
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
            self.count(WRONG_SECRET, datagram.client)
            if datagram.client in self._wrong or len(self._wrong) < MOST_SENDERS:
                self._wrong[datagram.client] = datagram.received_at
        except UnreadablePacket:
            self.count(MALFORMED, datagram.client)
        else:
            # Of two behind one address that one is right does not make the other one so.
            wrong_at = self._wrong.get(datagram.client, datagram.received_at)
            if datagram.received_at - wrong_at > REPORT_SECONDS:
                del self._wrong[datagram.client]
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
            # An unexpected packet must not block the others.
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
            if is_dated_wrongly(received, self._rules):
                self.count(DATED_WRONGLY, received.client)
            try:
                self._socket.sendto(received.packet.answer, sender)
            except OSError:
                self.counts["whose answer could not be sent"] += 1

    def _report(self, report: Callable[[str], None], *, is_last: bool = False) -> None:
        """Say what was dropped since the last time, if anything was; a wrong secret also in the database."""
        counts, self.counts = self.counts, Counter()
        senders, self._senders = self._senders, {}
        since = clock.now() - WRONG_SECRET_SECONDS
        self._wrong = {client: at for client, at in self._wrong.items() if at > since}
        # Once: a source that was archived since then stays so, until another such packet comes.
        if self._wrong != self._reported_wrong and (self._wrong or not is_last):
            self._reported_wrong = (
                dict(self._wrong) if _report_wrong_secrets(", ".join(self._wrong)) else None
            )
        taken = counts.pop("recorded", 0) + counts.pop("repeated", 0)
        if counts:
            dropped = ", ".join(
                f"{count} {what}" + (f" (from {', '.join(senders[what])})" if what in senders else "")
                for what, count in sorted(counts.items())
            )
            if self._without_mac:
                dropped += f" ({'; '.join(islice(self._without_mac, MOST_SHOWN))})"
                self._without_mac.clear()
            report(f"RADIUS: {taken} packets answered; also {dropped}.")


def _report_wrong_secrets(senders: str) -> bool:
    """Store them for `doctor` and the page *Sources*; "" where there are none. Whether it is stored."""
    with suppress(StorageUnavailable), write_transaction() as tx:
        if senders:
            record_failure(tx, clock.now(), SOURCE, REASON.format(senders))
        else:
            record_success(tx, SOURCE)
        return True
    return False


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
