"""The real arp-scan, nmap and ip, read as they print here.

They see another host where this machine allows namespaces; where it does not, there is nobody to see, and
tests/support/captured holds what they printed where it did. The loopback test runs everywhere.
"""

import json
import subprocess
from pathlib import Path

import pytest

from sessiontrack.sources.arp_scan import parse_answers
from sessiontrack.sources.ip_neigh import parse_neighbours
from sessiontrack.sources.nmap import parse_report
from tests.support.application import Clients
from tests.support.command import invoke
from tests.support.waiting import SECONDS

SEGMENT = str(Path(__file__).parents[1] / "support" / "segment.sh")
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]
OTHER = "00:1A:2B:3C:4D:5E"


def output(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_nmap_on_loopback_sees_itself_without_a_mac_address() -> None:
    found = parse_report(output("nmap", "-sn", "-n", "-oX", "-", "127.0.0.1"))
    assert (found.devices, found.left_out, found.faults, found.is_whole) == ((), 1, (), True)
    assert found.at is not None


def _has_namespaces() -> bool:
    return (
        subprocess.run([*UNSHARE, "ip", "link", "add", "type", "veth"], capture_output=True).returncode == 0
    )


if _has_namespaces():

    @pytest.mark.parametrize("options", [[], ["--plain"], ["--quiet"], ["--rtt"]], ids=str)
    def test_arp_scan_on_a_segment(options: list[str]) -> None:
        command = ["arp-scan", "--interface=here", "--retry=1", *options, "10.77.0.20/31"]
        found = parse_answers(output(*UNSHARE, SEGMENT, *command))
        assert [(device.mac, device.ip) for device in found.devices] == [(OTHER, "10.77.0.20")]
        assert (found.taken, found.left_out, found.faults, found.is_whole) == (2, 0, (), True)

    def test_arp_scan_where_nobody_answers() -> None:
        text = output(*UNSHARE, SEGMENT, "arp-scan", "--interface=here", "--retry=1", "10.77.0.99")
        found = parse_answers(text)
        assert (found.devices, found.faults, found.is_whole) == ((), (), True)

    def test_nmap_on_a_segment() -> None:
        text = output(*UNSHARE, SEGMENT, "nmap", "-sn", "-n", "-oX", "-", "10.77.0.20/31")
        found = parse_report(text)
        assert [(device.mac, device.ip) for device in found.devices] == [(OTHER, "10.77.0.20")]
        assert (found.taken, found.faults, found.is_whole) == (2, (), True)

    def test_the_neighbour_table_on_a_segment() -> None:
        script = "nmap -sT -Pn -n -p1 --unprivileged 10.77.0.20 >/dev/null; ip -j neigh"
        found = parse_neighbours(output(*UNSHARE, SEGMENT, "sh", "-c", script))
        assert [(device.mac, device.ip) for device in found.devices] == [(OTHER, "10.77.0.20")]

    def test_watching_arp_scan_on_a_segment(clients: Clients) -> None:
        arp_scan = ["arp-scan", "--interface=here", "--retry=1", "10.77.0.20/31"]
        words = ["--times", "1", "--json", "--", *UNSHARE, SEGMENT, *arp_scan]
        result = invoke(clients.app.instance_path, "scan", "watch", *words)
        assert result.exit_code == 0, result.output
        answer = json.loads(result.stdout)
        assert (answer["seen"], answer["connected"]) == (1, 1)
