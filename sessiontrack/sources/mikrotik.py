"""What MikroTik's RouterOS prints at `/ip dhcp-server lease print` -> observations.

dnsmasq.py explains what a lease shows: a lease that is `bound` is seen, one that waits for its
device is left out. The table of RouterOS 6 and 7 is read by its header, whose names stand above their
columns; `print detail` and `print terse` by their `name=value` pairs.
"""

import re

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, numbered_lines, read_ip, read_mac
from sessiontrack.values.observations import Observations

NAME = "mikrotik"
BOUND = "bound"
_STATES = frozenset({BOUND, "waiting", "offered", "testing", "busy", "authorizing", "conflict", "expired"})
_HEADER = re.compile(r"\s*#\s.*\bADDRESS\b.*\bMAC-ADDRESS\b")
_NUMBERED = re.compile(r"\s*[0-9]{1,6}\s")
# RouterOS 6 writes a lease's comment behind its number, and the lease in the next line.
_COMMENTED = re.compile(r"\s*[0-9]{1,6}\s+(?:[A-Z]+\s+)?;;;")
_ESCAPED = re.compile(r"\\([\\\"])")
_PAIR = re.compile(r'([a-z][a-z0-9-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_COLUMN = re.compile(r"[A-Z][A-Z0-9-]*")
_LEGEND = ("Flags:", "Columns:", ";;;")


def parse_leases(text: str) -> Observations:
    """Read the leases.

    Raises:
        UnreadableObservations: it is not what RouterOS prints, or no lease can be read.
    """
    lines = [(number, line) for number, line in numbered_lines(text) if not line.lstrip().startswith(_LEGEND)]
    gathering = Gathering()
    if any("mac-address=" in line for _, line in lines):
        _read_pairs(gathering, lines)
    elif any(_HEADER.match(line) for _, line in lines):
        _read_table(gathering, lines)
    else:
        raise UnreadableObservations("This is not what `/ip dhcp-server lease print` prints.")
    return gathering.observations("list of leases", text)


def _read_table(gathering: Gathering, lines: list[tuple[int, str]]) -> None:
    columns: dict[str, slice] = {}
    was_commented = False
    for number, line in lines:
        is_lease = was_commented or _NUMBERED.match(line)
        was_commented = _COMMENTED.match(line) is not None
        if _HEADER.match(line):
            columns = _columns(line)
        elif columns and is_lease and not was_commented:
            values = {name: line[where].strip() for name, where in columns.items()}
            # The flags and the number stand before the first column.
            _take(gathering, number, values, line.split())


def _columns(header: str) -> dict[str, slice]:
    found = [(each[0], each.start()) for each in _COLUMN.finditer(header)]
    ends = [start for _, start in found[1:]]
    return {name: slice(start, end) for (name, start), end in zip(found, [*ends, None], strict=True)}


def _read_pairs(gathering: Gathering, lines: list[tuple[int, str]]) -> None:
    """Each lease begins with its number, and may go on in further lines."""
    leases: list[tuple[int, str]] = []
    for number, line in lines:
        if _NUMBERED.match(line) or not leases:
            leases.append((number, line))
        else:
            leases[-1] = (leases[-1][0], f"{leases[-1][1]} {line.strip()}")
    for number, line in leases:
        pairs = {name: _unquoted(value) for name, value in _PAIR.findall(line)}
        values = {
            "MAC-ADDRESS": pairs.get("active-mac-address") or pairs.get("mac-address", ""),
            "ADDRESS": pairs.get("active-address") or pairs.get("address", ""),
            "HOST-NAME": pairs.get("host-name", ""),
        }
        _take(gathering, number, values, [pairs.get("status", "")])


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _take(gathering: Gathering, number: int, values: dict[str, str], words: list[str]) -> None:
    mac = None
    try:
        mac = read_mac(values.get("MAC-ADDRESS", ""))
        ip = read_ip(values.get("ADDRESS", ""))
    except ValueError as error:
        gathering.fault(f"Line {number}", str(error), mac)
        return
    # A name may be a word of these too; where columns have slipped, words are all there is.
    state = values.get("STATUS", "")
    if state not in _STATES:
        state = next((each for each in words if each in _STATES), "")
    if mac is None or state != BOUND:
        gathering.leave_out()
    else:
        gathering.see(mac, ip, values.get("HOST-NAME", ""))
