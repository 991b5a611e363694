"""This host's neighbour table: the text of `ip -j neigh`, or of `ip neigh` -> observations.

What the kernel's states (ip-neighbour(8)) say of a device:

- REACHABLE, DELAY, PROBE: it answered a moment ago, or is just being asked whether it still does: seen.
- STALE: it answered once, and nobody asked since: no evidence.
- PERMANENT, NOARP and none at all: somebody wrote the entry, and it would look the same with the device
  switched off: no evidence.
- FAILED, INCOMPLETE: it does not answer. These carry no MAC address, so the device is just not in the table.

The ip of BusyBox and of older routers writes no JSON: a line is the address, `dev` and `lladdr` with their
values, and the state.

Groups of devices (multicast, broadcast), the null address, and links without MAC addresses (tunnels) are no
devices, and are left out.
"""

import re
from itertools import pairwise
from typing import Any

from sessiontrack.exceptions import InvalidIp, InvalidMac, UnreadableObservations
from sessiontrack.sources.gathering import ip_preference, numbered_lines
from sessiontrack.sources.json_text import read_values
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import is_device, parse_mac
from sessiontrack.values.observations import Observation, Observations

NAME = "ip-neigh"
COMMAND = ("ip", "-j", "neigh")
SEEN = frozenset({"REACHABLE", "DELAY", "PROBE"})
UNREACHABLE = frozenset({"FAILED", "INCOMPLETE"})
KNOWN = SEEN | UNREACHABLE | {"STALE", "PERMANENT", "NOARP", "NONE"}
# The link-layer address of a tunnel is an IP address, that of other links has fewer or more octets than six.
_OTHER_LINK = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){0,4}|[0-9a-f]{2}(:[0-9a-f]{2}){6,}")


def parse_neighbours(text: str) -> Observations:
    """Read the whole table.

    Returns:
        one observation a device; of its addresses the first of IPv4, IPv6, IPv6 link-local. Entries that
        cannot be read are named by their number, from 1.
    Raises:
        UnreadableObservations: it is not what `ip -j neigh` prints, it is empty, or no entry can be read.
    """
    is_json = text.lstrip()[:1] in ("[", "{", "")
    entries, cut_off = _entries(text) if is_json else _lines(text)
    addresses: dict[str, list[str]] = {}
    stale: set[str] = set()
    faults = []
    left_out = 0
    for number, entry in enumerate(entries, start=1):
        try:
            found = _entry(entry)
        except ValueError as error:
            faults.append(f"Entry {number} of {len(entries)}: {error}")
            continue
        if found is None:
            left_out += 1
        else:
            mac, seen_at_ip = found
            addresses.setdefault(mac, []).extend(seen_at_ip)
            if "STALE" in entry.get("state", []):
                stale.add(mac)
    if len(faults) == len(entries):
        raise UnreadableObservations(f"No entry of the neighbour table can be read. {faults[0]}")
    devices = tuple(
        Observation(mac, min(seen, key=ip_preference, default=""), bool(seen))
        for mac, seen in sorted(addresses.items())
    )
    taken = len(entries) - len(faults) - left_out
    if cut_off:
        faults.append(cut_off)
    return Observations(
        devices,
        tuple(faults),
        taken,
        left_out,
        is_whole=not cut_off,
        notes=_notes(sum(not addresses[mac] for mac in stale)),
    )


def _notes(stale: int) -> tuple[str, ...]:
    if not stale:
        return ()
    return (
        f"Neither seen nor missed, since nobody spoke to them lately (STALE): {stale}."
        " `sessiontrack scan network` asks every address.",
    )


def _entries(text: str) -> tuple[list[Any], str]:
    """The entries of one JSON list, or of several one after the other; and what is wrong behind them."""
    try:
        lists, is_whole = read_values(text)
    except ValueError as error:
        raise UnreadableObservations(
            "The neighbour table is not JSON, as `ip -j neigh` prints it."
        ) from error
    if not all(isinstance(each, list) for each in lists):
        raise UnreadableObservations("The neighbour table is not a JSON list, as `ip -j neigh` prints it.")
    entries = [entry for each in lists for entry in each]
    if not entries:
        raise UnreadableObservations("The neighbour table is empty, which says nothing about any device.")
    return entries, "" if is_whole else "The last list of entries is cut off, or is not JSON."


def _lines(text: str) -> tuple[list[Any], str]:
    """The lines of `ip neigh` as entries like those in JSON (one that is none is a text); as _entries."""
    lines = numbered_lines(text)
    if not lines:
        raise UnreadableObservations("The neighbour table is empty, which says nothing about any device.")
    entries = [_line(line.split()) for _, line in lines]
    if not any(isinstance(entry, dict) for entry in entries):
        raise UnreadableObservations("This is not what `ip -j neigh` or `ip neigh` prints.")
    if text.endswith("\n") or isinstance(entries[-1], dict):
        return entries, ""
    return entries[:-1], "The last line is cut off."


def _line(words: list[str]) -> Any:
    values = dict(pairwise(words[1:]))
    # A state is a word in capitals, and no name of a device.
    states = [word for before, word in pairwise(words) if word.isupper() and before not in ("dev", "lladdr")]
    if not states or not _is_ip(words[0]) or ("lladdr" not in values and not UNREACHABLE & set(states)):
        return " ".join(words)
    return {"dst": words[0], "lladdr": values.get("lladdr"), "state": states}


def _entry(entry: Any) -> tuple[str, list[str]] | None:
    """(MAC, the address it was seen at, if it was), or None for what is no device that may be there.

    Raises:
        ValueError: it cannot be read; the text says why.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is not an object." if not isinstance(entry, str) else "it is no neighbour.")
    lladdr, states = entry.get("lladdr"), entry.get("state", [])
    if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
        raise ValueError("its state is not a list of words.")
    if unknown := set(states) - KNOWN:
        raise ValueError(f"its state {min(unknown)!a} is none that is known.")
    if lladdr is None or UNREACHABLE & set(states):
        return None
    if not isinstance(lladdr, str):
        raise ValueError("its lladdr is not a text.")
    mac = _mac(lladdr)
    if mac is None:
        return None
    return mac, [_ip(entry.get("dst"))] if SEEN & set(states) else []


def _mac(lladdr: str) -> str | None:
    try:
        mac = parse_mac(lladdr)
    except InvalidMac as error:
        if _OTHER_LINK.fullmatch(lladdr) or _is_ip(lladdr):
            return None
        raise ValueError("its lladdr is not a MAC address.") from error
    return mac if is_device(mac) else None


def _is_ip(text: str) -> bool:
    try:
        parse_ip(text)
    except InvalidIp:
        return False
    return True


def _ip(dst: Any) -> str:
    try:
        return parse_ip(dst if isinstance(dst, str) else "")
    except InvalidIp as error:
        raise ValueError("its dst is not an IP address.") from error
