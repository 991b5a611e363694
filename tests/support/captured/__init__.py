"""What real programs printed, and Kea's lease files as its documentation describes them.

arp-scan 1.10.0, nmap 7.93 and dnsmasq 2.90, as Debian 12 has them, on a segment of two hosts (segment.sh).
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def captured(name: str) -> str:
    """The text of one of the files beside this."""
    return (FOLDER / name).read_text("utf-8")
