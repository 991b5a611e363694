"""ISC dhcpd's lease file, dhcpd.leases (pfSense, older OPNsense, EdgeOS) -> observations.

dnsmasq.py explains what a lease shows. The file is a log: the last block of an address counts.
A lease is there while its binding state is active and its end has not come; times are UTC, or epoch seconds
where `db-time-format local` is set. Blocks of other kinds (failover, hosts, IPv6, which has no MAC address)
are stepped over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sessiontrack.exceptions import InvalidInstant, UnreadableObservations
from sessiontrack.sources.gathering import Gathering, read_ip, read_mac, shown
from sessiontrack.values.observations import Observations
from sessiontrack.values.timestamps import IN_UTC

NAME = "isc"
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{};]|#[^\n]*|[^\s{};"#]+|"')
_STARTS_WITH = re.compile(
    r"\s*(?:#|lease\b|host\b|failover\b|server-duid\b|authoring-|ia-na\b|ia-ta\b|ia-pd\b)"
)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


@dataclass
class _Lease:
    line: int
    ip: str
    statements: list[list[str]] = field(default_factory=list)

    def value(self, *names: str) -> list[str]:
        """The words behind these, of the last such statement."""
        found = [each[len(names) :] for each in self.statements if tuple(each[: len(names)]) == names]
        return found[-1] if found else []


def parse_leases(text: str, at: int) -> Observations:
    """Read the lease file as it was at an instant.

    Args:
        at: UTC epoch seconds; what had ended by then is left out.
    Raises:
        UnreadableObservations: it is not a lease file of dhcpd's, or no lease can be read.
    """
    if not _STARTS_WITH.match(text):
        raise UnreadableObservations("This is not a lease file of ISC dhcpd's (dhcpd.leases).")
    gathering = Gathering()
    leases: dict[str, _Lease] = {}
    is_whole = True
    for lease in _leases(text):
        if lease is None:
            is_whole = False
            continue
        # A block that is written anew counts from there on.
        leases.pop(lease.ip, None)
        leases[lease.ip] = lease
    for lease in leases.values():
        _take(gathering, lease, at)
    if not is_whole:
        gathering.fault(f"Line {text.count(chr(10)) + 1}", "the file ends within a block.")
    return gathering.observations("lease file", is_whole=is_whole)


def _leases(text: str) -> Iterator[_Lease | None]:
    """The blocks of leases; None at the end where the last one is cut off."""
    lease: _Lease | None = None
    words: list[str] = []
    depth = line = position = 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", position, token.start())
        position = token.start()
        word = token[0]
        if word.startswith("#"):
            continue
        if word == "{":
            depth += 1
            if depth == 1 and len(words) == 2 and words[0] == "lease":
                lease = _Lease(line + 1, words[1])
            words = []
        elif word == "}":
            depth = max(0, depth - 1)
            if depth == 0 and lease is not None:
                yield lease
                lease = None
            words = []
        elif word == ";":
            if depth == 1 and lease is not None:
                lease.statements.append(words)
            words = []
        else:
            words.append(word)
    if depth or words:
        yield None


def _take(gathering: Gathering, lease: _Lease, at: int) -> None:
    mac = None
    try:
        hardware = lease.value("hardware", "ethernet")
        mac = read_mac(hardware[0]) if hardware else None
        ip = read_ip(lease.ip)
        ends = _instant(lease.value("ends"))
    except ValueError as error:
        gathering.fault(f"Line {lease.line}", str(error), mac)
        return
    state = lease.value("binding", "state") or ["active"]
    if mac is None or state != ["active"] or (ends is not None and ends <= at):
        gathering.leave_out()
        return
    name = "".join(lease.value("client-hostname")[:1]).removeprefix('"').removesuffix('"')
    gathering.see(mac, ip, _unescaped(name))


def _instant(words: list[str]) -> int | None:
    """`4 2025/08/14 22:00:00`, `epoch 1755208800`; None for `never`, and where there is none."""
    if not words or words == ["never"]:
        return None
    try:
        if words[0] == "epoch" and len(words) == 2:
            return IN_UTC.parse_timestamp_start(words[1])
        if len(words) == 3:
            return IN_UTC.parse_timestamp_start(f"{words[1].replace('/', '-')} {words[2]}")
    except InvalidInstant:
        pass
    raise ValueError(f"{shown(' '.join(words))} is not an instant.")


def _unescaped(text: str) -> str:
    """A text with its bytes as the client sent them: in UTF-8, or else each its own character."""
    raw = _ESCAPE.sub(_byte, text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8) & 0xFF]) if len(found[1]) == 3 else found[1]
