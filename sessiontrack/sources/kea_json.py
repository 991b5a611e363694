"""What Kea answers to lease4-get-all (lease6-get-all, lease4-get-page) -> observations.

dnsmasq.py explains what a lease shows. A lease ends `valid-lft` seconds after `cltt`, the last
time at which its client was heard of. Leases of IPv6 of which Kea does not know the MAC address are left out.
"""

from typing import Any

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, read_ip, read_mac, shown
from sessiontrack.sources.json_text import read_values
from sessiontrack.sources.kea import OTHER_LINK
from sessiontrack.values.observations import Observations

NAME = "kea-json"
FOREVER = 0xFFFFFFFF
EMPTY = 3


def parse_answer(text: str, at: int) -> Observations:
    """Read the answer.

    Args:
        at: UTC epoch seconds; what had ended by then is left out.
    Raises:
        UnreadableObservations: it is not an answer of Kea's, is an error of Kea's, or no lease can be read.
    """
    try:
        values, is_whole = read_values(text)
    except ValueError as error:
        raise UnreadableObservations("This is not the JSON that Kea answers to lease4-get-all.") from error
    gathering = Gathering()
    leases = [lease for value in values for lease in _leases(value)]
    for number, lease in enumerate(leases, start=1):
        _take(gathering, f"Lease {number} of {len(leases)}", lease, at)
    if not is_whole:
        gathering.fault("The end", "it is cut off, or not JSON.")
    return gathering.observations("answer of Kea", is_whole=is_whole)


def _leases(value: Any) -> list[Any]:
    """The leases of one answer: `[{"arguments": {"leases": [...]}, "result": 0}]`, or the list alone."""
    if isinstance(value, list) and all(isinstance(each, dict) and "result" in each for each in value):
        return [lease for each in value for lease in _leases(each)]
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        if value.get("result", 0) not in (0, EMPTY):
            raise UnreadableObservations(f"Kea answered with an error: {shown(str(value.get('text', '')))}")
        inner = value.get("arguments", value)
        leases = (
            inner.get("leases", [] if value.get("result") == EMPTY else None)
            if isinstance(inner, dict)
            else None
        )
        if isinstance(leases, list):
            return leases
    raise UnreadableObservations("This is not the JSON that Kea answers to lease4-get-all.")


def _take(gathering: Gathering, place: str, lease: Any, at: int) -> None:
    mac = None
    try:
        if not isinstance(lease, dict):
            raise ValueError("it is not an object.")
        address = _text(lease, "hw-address")
        mac = None if not address or OTHER_LINK.fullmatch(address) else read_mac(address)
        heard, seconds, state = (_number(lease, name) for name in ("cltt", "valid-lft", "state"))
        ip = "" if lease.get("type") == "IA_PD" else read_ip(_text(lease, "ip-address"))
        name = _text(lease, "hostname").rstrip(".")
    except ValueError as error:
        gathering.fault(place, str(error), mac)
        return
    is_over = state != 0 or seconds == 0 or (seconds != FOREVER and heard + seconds <= at)
    if mac is None or is_over:
        gathering.leave_out()
    else:
        gathering.see(mac, ip, name)


def _text(lease: dict[str, Any], name: str) -> str:
    value = lease.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is not a text.")
    return value or ""


def _number(lease: dict[str, Any], name: str) -> int:
    value = lease.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is not a number.")
    return value
