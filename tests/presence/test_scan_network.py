"""`sessiontrack scan network` on a real segment: five hosts in namespaces that come, go and sleep.

Where this machine allows no namespaces, tests/sources/test_network.py has the same against a kernel that is
made up.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sessiontrack import clock
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke
from tests.support.hosts import (
    WITHOUT_RIGHTS,
    Segment,
    environment_of_file,
    has_namespaces,
    mac,
    segment_of_five,
)
from tests.support.server import COMMAND

DEADLINE = 120
ROOT = Path(__file__).parents[2]


class Looking:
    """A scanner without any rights on "here", which looks when it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def look(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def looking(segment: Segment) -> Iterator[Looking]:
    command = segment.command(*WITHOUT_RIGHTS, sys.executable, "-m", "tests.support.look")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield Looking(process)


if has_namespaces():

    def test_five_hosts_come_go_and_sleep(clients: Clients, tmp_path: Path) -> None:
        looks: list[dict[str, Any]] = []
        with segment_of_five(tmp_path) as segment, looking(segment) as scanner:
            looks.append(scanner.look())
            # One leaves, one sleeps: to the kernel both look like all others, for days.
            segment.run("ip", "link", "set", "eth0", "down", host=2)
            segment.run("ip", "link", "set", "eth0", "arp", "off", host=3)
            segment.wait_for("10.78.0.20", "STALE")
            segment.wait_for("10.78.0.30", "STALE")
            looks.append(scanner.look())
            segment.run("ip", "link", "set", "eth0", "arp", "on", host=3)
            segment.run("ip", "link", "set", "eth0", "down", host=5)
            looks.append(scanner.look())
            # It comes back with another address.
            segment.run("ip", "address", "del", "10.78.0.20/24", "dev", "eth0", host=2)
            segment.run("ip", "address", "add", "10.78.0.77/24", "dev", "eth0", host=2)
            segment.run("ip", "link", "set", "eth0", "up", host=2)
            segment.wait_for_port(2)
            looks.append(scanner.look())
        everyone = {mac(n): f"10.78.0.{n}0" for n in range(1, 5)}
        assert looks[0]["seen"] == {**everyone, mac(5): "fd78::5"}
        assert looks[1]["seen"].keys() == {mac(1), mac(4), mac(5)}
        assert looks[2]["seen"].keys() == {mac(1), mac(3), mac(4)}
        assert looks[3]["seen"] == {**everyone, mac(2): "10.78.0.77"}
        assert [look["neither"] for look in looks] == [[], [], [], []]
        sessions = _sessions(clients, looks)
        assert sessions[mac(1)] == [(0, None)]
        assert sessions[mac(2)] == [(0, 0), (3, None)]
        # It slept through one look, which is shorter than the grace time.
        assert sessions[mac(3)] == [(0, None)]
        assert sessions[mac(5)] == [(0, 1)]

    def test_the_command_finds_its_segment_and_shows_a_table_that_fills(tmp_path: Path) -> None:
        variables = environment_of_file(tmp_path / "instance")
        with segment_of_five(tmp_path) as segment:
            words = ["scan", "network", "--every", "1s", "--times", "2"]
            ran = subprocess.run(
                segment.command(*WITHOUT_RIGHTS, COMMAND, *words),
                env=variables,
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
        assert ran.returncode == 0, ran.stderr
        where, header, *rows = ran.stdout.splitlines()
        assert where == "br0: 10.78.0.0/24, fd78::/64, every 1s  (Ctrl-C ends it)"
        assert header.split() == ["MAC", "IP", "VENDOR"]
        assert sorted(row.split()[0] for row in rows[:5]) == [mac(n) for n in range(1, 6)]
        assert rows[5:] == ["5 seen, 5 connected, 0 disconnected, 5 new, 0 down, 0 ip_changed"]
        assert ran.stderr == ""


def _sessions(clients: Clients, looks: list[dict[str, Any]]) -> dict[str, list[tuple[int, int | None]]]:
    """What presence makes of looks with seven minutes between two: sessions by (first look, last look)."""
    begin, step = clock.now() - 86_400, 420
    for number, look in enumerate(looks):
        devices = [{"mac": each, "ip": ip} for each, ip in look["seen"].items()]
        body = {"source": "network", "at": begin + number * step, "devices": devices}
        clients.admin.ok("POST", "/presence/scans", body)
    told: dict[str, list[tuple[int, int | None]]] = {}
    for session in clients.admin.ok("GET", "/sessions/list")["sessions"]:
        ends = (session["ses_DateTimeConnection"], session["ses_DateTimeDisconnection"])
        first, last = (
            None if end is None else (int(datetime.fromisoformat(end).timestamp()) - begin) // step
            for end in ends
        )
        assert first is not None
        told.setdefault(session["ses_MAC"], []).append((first, last))
    return told


def test_a_segment_that_is_none_is_one_line(clients: Clients) -> None:
    result = invoke(clients.app.instance_path, "scan", "network", "no-such-interface0")
    assert result.exit_code == 1
    assert_one_line(result.stderr, "'no-such-interface0' is no interface of this host")
