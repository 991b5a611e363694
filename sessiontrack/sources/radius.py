"""RADIUS accounting (RFC 2866, 2869, 6911): a datagram and a secret -> what it says, and its answer."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import StringIO
from ipaddress import ip_address
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AccountingRequest, AcctPacket, PacketError, StatusServer

from sessiontrack.exceptions import InvalidIp, InvalidMac, UnreadablePacket, WrongAuthenticator
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import is_device, leading_mac

LONGEST_PACKET = 4096
LONGEST_SOURCE = 64
LONGEST_INFO = 255
# Of an access point or a user name that is kept in the info: the session's name must have room beside them.
LONGEST_PART = 64
START, STOP, INTERIM, ON, OFF, OTHER = (
    "Start",
    "Stop",
    "Interim-Update",
    "Accounting-On",
    "Accounting-Off",
    "",
)
_STATUSES = {1: START, 2: STOP, 3: INTERIM, 7: ON, 8: OFF}
_DICTIONARY = Dictionary(
    StringIO(
        """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE NAS-IPv6-Address 95 ipv6addr
ATTRIBUTE Framed-IPv6-Address 168 ipv6addr
"""
    )
)
# "The user chooses" and "the NAS chooses" (RFC 2865, 5.8).
_NO_ADDRESS = frozenset({"255.255.255.255", "255.255.255.254"})


@dataclass(frozen=True)
class Accounting:
    """What a packet says, and the answer that it gets once that is recorded.

    key: equal for a packet that is sent again unchanged.
    status: "Start", "Stop", "Interim-Update", "Accounting-On", "Accounting-Off", or "" for what is answered
        and says nothing of a device.
    source: "radius:" and the name or address of the NAS.
    mac: of Calling-Station-Id, else of User-Name; canonical; None where neither is a MAC address.
    station: what stands there, for the log.
    called: Called-Station-Id, of which Wi-Fi makes the access point and its network (RFC 3580, 3.20); or "".
    user: User-Name, or "" where that is a MAC address.
    ip: canonical, or "".
    delay_seconds: for how long the NAS has been trying to send it.
    happened_at: when it happened, by the clock of the NAS; UTC epoch seconds.
    session_seconds: for how long the station was connected by then.
    """

    key: bytes
    status: str
    source: str
    mac: str | None
    station: str
    called: str
    user: str
    ip: str
    session_id: str
    delay_seconds: int
    happened_at: int | None
    session_seconds: int | None
    answer: bytes

    @property
    def lacks_mac(self) -> bool:
        """Whether it is about a station, and does not name it."""
        return self.mac is None and self.status in (START, STOP, INTERIM)

    @property
    def info(self) -> str:
        """What is kept beside a connection: the NAS, where on it, the user, and its name for the session."""
        parts = [f"NAS {self.source.removeprefix('radius:')}"]
        if self.called:
            parts.append(f"at {self.called[:LONGEST_PART]}")
        if self.user:
            parts.append(f"user {self.user[:LONGEST_PART]}")
        if self.session_id:
            parts.append(f"session {self.session_id}")
        return ", ".join(parts)[:LONGEST_INFO]


def read_accounting(datagram: bytes, client: str, secret: bytes) -> Accounting:
    """Read an Accounting-Request, or a Status-Server, which is a proxy's probe.

    Args:
        client: the address it came from, which names a NAS that does not name itself.
    Raises:
        WrongAuthenticator: it was not made with this secret.
        UnreadablePacket: it is cut off, or not what a NAS sends to an accounting server.
    """
    try:
        return _read(datagram, client, secret)
    except UnreadablePacket:
        raise
    # What pyrad raises differs by attribute and by how it is broken.
    except (PacketError, ValueError, TypeError, LookupError, struct.error) as error:
        raise UnreadablePacket(f"The packet is malformed: {error}") from error


def _read(datagram: bytes, client: str, secret: bytes) -> Accounting:
    if len(datagram) > LONGEST_PACKET:
        raise UnreadablePacket(f"The packet has more than {LONGEST_PACKET} octets.")
    packet = AcctPacket(packet=datagram, secret=secret, dict=_DICTIONARY)
    if packet.code not in (AccountingRequest, StatusServer):
        raise UnreadablePacket("The packet is no Accounting-Request.")
    is_genuine = packet.VerifyAcctRequest()
    if is_genuine and packet.code == AccountingRequest and packet.message_authenticator:
        is_genuine = packet.verify_message_authenticator()
    if not is_genuine:
        raise WrongAuthenticator("The packet was not made with this client's secret.")
    _refuse_cut_off(packet.raw_packet[20:])
    asked = packet.code == StatusServer
    status = OTHER if asked else _STATUSES.get(_number(packet, "Acct-Status-Type", required=True) or 0, OTHER)
    station, user = _text(packet, "Calling-Station-Id"), _text(packet, "User-Name")
    return Accounting(
        key=datagram[1:2] + packet.raw_packet[4:20],
        status=status,
        source=_source(packet, client),
        mac=_mac(station, user),
        station=_shown(f"Calling-Station-Id {station[:40]!r}, User-Name {user[:40]!r}"),
        called=_shown(_text(packet, "Called-Station-Id")),
        user="" if _mac(user) else _shown(user),
        ip=_ip(packet, "Framed-IP-Address") or _ip(packet, "Framed-IPv6-Address"),
        session_id=_shown(_text(packet, "Acct-Session-Id")),
        delay_seconds=_number(packet, "Acct-Delay-Time") or 0,
        happened_at=_number(packet, "Event-Timestamp"),
        session_seconds=_number(packet, "Acct-Session-Time"),
        answer=packet.CreateReply().ReplyPacket(),
    )


def _refuse_cut_off(attributes: bytes) -> None:
    """pyrad takes a last attribute that is longer than the packet as if it ended there."""
    at = 0
    while at < len(attributes):
        at += attributes[at + 1]
    if at != len(attributes):
        raise UnreadablePacket("The packet's last attribute is cut off.")


def _value(packet: AcctPacket, name: str) -> Any:
    return packet[name][0] if name in packet else None


def _number(packet: AcctPacket, name: str, *, required: bool = False) -> int | None:
    number: int | None = _value(packet, name)
    if number is None and required:
        raise UnreadablePacket(f"The packet has no {name}.")
    return number


def _text(packet: AcctPacket, name: str) -> str:
    value = _value(packet, name) or ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.rstrip("\0")


def _shown(text: str) -> str:
    """Without what a terminal or a log would take as a command."""
    return "".join(each if each.isprintable() else "?" for each in text).strip()


def _source(packet: AcctPacket, client: str) -> str:
    nas = _shown(_text(packet, "NAS-Identifier"))
    nas = nas or _own_address(packet, "NAS-IP-Address") or _own_address(packet, "NAS-IPv6-Address")
    source = f"radius:{nas or client}"
    if len(source) > LONGEST_SOURCE:
        # Two long names that begin the same are two sources still.
        digest = blake2b(source.encode(), digest_size=8).hexdigest()
        source = f"{source[: LONGEST_SOURCE - 1 - len(digest)]}~{digest}"
    return source


def _own_address(packet: AcctPacket, name: str) -> str:
    """Where the NAS says that it is; "" for none, and for what every host calls itself."""
    ip = _ip(packet, name)
    return "" if ip and ip_address(ip).is_loopback else ip


def _mac(*texts: str) -> str | None:
    """The MAC address that the first of these texts begins with, of those that begin with one."""
    for text in texts:
        with suppress(InvalidMac):
            mac = leading_mac(text)
            if is_device(mac):
                return mac
    return None


def _ip(packet: AcctPacket, name: str) -> str:
    value = _value(packet, name)
    if value is None or value in _NO_ADDRESS:
        return ""
    try:
        return parse_ip(value)
    except InvalidIp:
        return ""
