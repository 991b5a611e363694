"""A network segment of this host and five others, in network namespaces made for a test."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.server import COMMAND, environment
from tests.support.waiting import wait_until

DEADLINE = 60
UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]
# Root of its namespace, but without root's capabilities.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
# Let the kernel give up after tenths of seconds instead of seconds.
QUICK = {
    "retrans_time_ms": 60,
    "base_reachable_time_ms": 300,
    "delay_first_probe_time": 0,
    "gc_stale_time": 600,
}


def has_namespaces() -> bool:
    """Whether a test may create network namespaces on this machine."""
    return (
        subprocess.run([*UNSHARE, "ip", "link", "add", "x", "type", "bridge"], capture_output=True).returncode
        == 0
    )


def environment_of_file(instance: Path) -> dict[str, str]:
    """The variables of a migrated instance on SQLite: a server's socket is not for whoever has no rights."""
    variables = {**environment(instance), "PYTHONPATH": str(Path(__file__).parents[2])}
    variables.pop("SESSIONTRACK_DATABASE_URL", None)
    subprocess.run([COMMAND, "migrate"], env=variables, capture_output=True, timeout=DEADLINE, check=True)
    return variables


def mac(number: int) -> str:
    return f"02:00:00:00:07:{number:02X}"


class Segment:
    """Runs commands on "here", whose interface is br0, and on the hosts 1 to 5."""

    def __init__(self, here: int, hosts: dict[int, int]) -> None:
        self._here = here
        self._hosts = hosts

    def command(self, *words: str, host: int | None = None) -> list[str]:
        """The command line that runs a command on "here" or on a host."""
        target = self._here if host is None else self._hosts[host]
        return ["nsenter", "--target", str(target), "--user", "--net", "--preserve-credentials", *words]

    def run(self, *words: str, host: int | None = None) -> str:
        ran = subprocess.run(
            self.command(*words, host=host), capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def sysctl(self, folder: str, **values: Any) -> None:
        script = "".join(f"echo {value} > /proc/sys/net/{folder}/{name}\n" for name, value in values.items())
        self.run("sh", "-c", script)

    def states(self) -> dict[str, str]:
        """The neighbour table of "here": the state of each address."""
        entries = json.loads(self.run("ip", "-j", "neigh", "show", "dev", "br0") or "[]")
        return {entry["dst"]: entry["state"][0] for entry in entries}

    def wait_for(self, address: str, state: str) -> None:
        wait_until(lambda: self.states().get(address) == state, lambda: f"{state} in {self.states()}", 0.05)

    def wait_for_port(self, host: int) -> None:
        """Until the bridge lets through what the host sends."""
        wait_until(
            lambda: "state forwarding" in self.run("bridge", "link", "show", "dev", f"to{host}"),
            "the port",
            0.05,
        )


@contextmanager
def segment_of_five(folder: Path) -> Iterator[Segment]:
    """10.78.0.1/24 and fd78::1/64 here; 10.78.0.n0 and 02:00:00:00:07:0n on host n; host 5 only fd78::5."""
    holders: list[subprocess.Popen[bytes]] = []

    def hold(*words: str) -> int:
        mark = folder / f"ready-{len(holders)}"
        os.mkfifo(mark)
        holders.append(subprocess.Popen([*words, "sh", "-c", f"echo > {mark}; exec sleep 600"]))
        mark.read_text()
        return holders[-1].pid

    try:
        here = hold(*UNSHARE)
        inside = ["nsenter", "--target", str(here), "--user", "--net", "--preserve-credentials"]
        hosts = {number: hold(*inside, "unshare", "--net") for number in range(1, 6)}
        segment = Segment(here, hosts)
        segment.run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        segment.run("ip", "link", "set", "br0", "address", "02:00:00:00:07:ff", "addrgenmode", "none")
        for number in hosts:
            make = ["ip", "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns"]
            segment.run(*make, str(hosts[number]))
            segment.run("ip", "link", "set", f"to{number}", "master", "br0", "addrgenmode", "none", "up")
            segment.run(
                "ip", "link", "set", "eth0", "address", mac(number), "addrgenmode", "none", host=number
            )
            if number == 5:
                segment.run("ip", "address", "add", "fd78::5/64", "dev", "eth0", "nodad", host=number)
            else:
                segment.run("ip", "address", "add", f"10.78.0.{number}0/24", "dev", "eth0", host=number)
            segment.run("ip", "link", "set", "eth0", "up", host=number)
        segment.run("ip", "address", "add", "10.78.0.1/24", "dev", "br0")
        segment.run("ip", "address", "add", "fd78::1/64", "dev", "br0", "nodad")
        segment.run("ip", "link", "set", "br0", "up")
        for number in hosts:
            segment.wait_for_port(number)
        wait_until(lambda: "UP" in segment.run("ip", "-br", "link", "show", "br0").split()[1], "br0", 0.05)
        segment.sysctl("ipv4", ping_group_range="0 0")
        for family in ("ipv4", "ipv6"):
            segment.sysctl(f"{family}/neigh/br0", **QUICK)
        yield segment
    finally:
        for holder in reversed(holders):
            holder.kill()
            holder.wait()
