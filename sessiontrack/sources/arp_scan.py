"""The text that `arp-scan` prints, with or without `--plain` -> observations.

Who is in it answered an ARP request while it ran, which is the best evidence there is of a device in the same
segment. It does not see the host that it runs on, nor anything behind a router.

A line is the IP address, the MAC address and, without `--quiet`, the vendor, with tabs between; with
`--resolve` the name stands where the address was. Without `--plain` there is a header before the lines and a
footer behind them: where there are more headers than footers, an output was cut off, and tells nothing of
those it lacks.
"""

import re
from collections import Counter

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, numbered_lines, read_ip, read_mac
from sessiontrack.values.observations import Observations

NAME = "arp-scan"
_HEADER = ("Interface: ", "Starting arp-scan ")  # its two lines
_FOOTER = "Ending arp-scan "
_CHATTER = re.compile(r"\d+ packets received by filter, |WARNING: |Target list from ")
_DUPLICATE = re.compile(r"\s*\(DUP: \d+\)$")
_LOOKS_LIKE_IP = re.compile(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


def parse_answers(text: str) -> Observations:
    """Read everything that arp-scan printed on standard output.

    Raises:
        UnreadableObservations: it is empty, or nothing in it is arp-scan's.
    """
    lines = numbered_lines(text)
    if not lines:
        raise UnreadableObservations("There is no output of arp-scan, which says nothing about any device.")
    gathering = Gathering()
    headers = Counter[str]()
    footers = 0
    for number, line in lines:
        if line.startswith(_HEADER):
            headers[line.split()[0]] += 1
        elif line.startswith(_FOOTER):
            footers += 1
        elif not _CHATTER.match(line):
            _device(gathering, number, line)
    begun = max(headers.values(), default=0)
    if begun > footers:
        gathering.fault(f"Line {lines[-1][0]}", "the output ends here, before arp-scan's last line.")
    return gathering.observations("output of arp-scan", text, is_whole=begun == footers)


def _device(gathering: Gathering, number: int, line: str) -> None:
    mac = None
    try:
        host, address, vendor = _columns(line)
        mac = read_mac(address)
        ip, name = _host(host)
    except ValueError as error:
        gathering.fault(f"Line {number}", str(error), mac)
        return
    if mac is None:
        gathering.leave_out()
    else:
        gathering.see(mac, ip, name, "" if vendor.startswith("(Unknown") else vendor)


def _columns(line: str) -> tuple[str, str, str]:
    parts = line.split("\t") if "\t" in line else line.split(None, 2)
    if len(parts) < 2 or not parts[1].strip():
        raise ValueError("it is not an IP address and a MAC address with a tab between.")
    # Behind the MAC address stands, in brackets, the frame's sender where that is another one.
    return parts[0].strip(), parts[1].split()[0], _DUPLICATE.sub("", parts[2] if len(parts) > 2 else "")


def _host(text: str) -> tuple[str, str]:
    """(IP address, name): one of them."""
    if not _LOOKS_LIKE_IP.fullmatch(text) and _HOST_NAME.fullmatch(text):
        return "", text
    return read_ip(text), ""
