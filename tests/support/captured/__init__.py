"""Output of real programs, and Kea's lease files as in its documentation.

arp-scan 1.10.0, nmap 7.93 and dnsmasq 2.90, as Debian 12 has them, on a segment of two hosts (segment.sh).
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def captured(name: str) -> str:
    """The text of one of these files."""
    return (FOLDER / name).read_text("utf-8")
