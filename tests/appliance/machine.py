"""A Debian that is booted: systemd, nginx and Python in a folder, run by systemd-nspawn.

`Machine` is used from outside, as an administrator at its console would: `run` is a root shell in it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "appliance"
BOOT_SECONDS = 120
RUN_SECONDS = 300
PACKAGES = (
    "systemd,systemd-sysv,dbus,libpam-systemd,nginx-light,python3,python3-venv,iproute2,arp-scan,nmap,libcap2-bin,"
    "curl,openssl,ca-certificates,util-linux,procps,adduser,man-db,bash-completion,debconf,netbase,"
    "postgresql,openssh-server"
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The host that the machine sees on its segment.
NEIGHBOUR, NEIGHBOUR_IP = "00:1A:2B:3C:4D:5E", "10.77.0.20"


def base(suite: str) -> Path:
    """The folder of that Debian; made once, from the mirror that this machine takes its packages from."""
    folder = CACHE / suite
    made = folder / ".made"
    if not made.exists() or made.read_text() != PACKAGES:
        shutil.rmtree(folder, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        options = ["--variant=minbase", f"--cache-dir={CACHE}", f"--include={PACKAGES}"]
        subprocess.run(["debootstrap", *options, suite, str(folder), mirror()], check=True, timeout=1800)
        # What a package of Debian itself would have to be fetched for comes with the base.
        made.write_text(PACKAGES)
    return folder


def mirror() -> str:
    """Where apt takes Debian from here."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return next(each for each in printed if each.rstrip("/").endswith("/debian"))


class Machine:
    """One machine; its disk stays between `boot` and `shut_down`."""

    def __init__(self, suite: str, name: str) -> None:
        self.name = f"{name}-{os.getpid()}"
        self._base = base(suite)
        self._layer = CACHE / "layers" / self.name
        shutil.rmtree(self._layer, ignore_errors=True)
        self._layer.mkdir(parents=True)
        self._console = self._layer / "console"
        self._process: subprocess.Popen[bytes] | None = None
        self._segment: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self, *options: str) -> None:
        """Boot it, and wait until it has come up."""
        script = ["sh", str(Path(__file__).with_name("boot.sh")), self.name, self._base, self._layer]
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", *map(str, script), *options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._wait_for(lambda: bool(self._find_leader()), "an init")
        self._wait_for(self._is_up, "the boot")

    def _find_leader(self) -> int:
        assert self._process is not None
        assert self._process.poll() is None, self._console.read_text(errors="replace")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for each in children:
            if Path(f"/proc/{each}/comm").read_text().strip() == "systemd":
                self._leader = int(each)
        return self._leader

    def _is_up(self) -> bool:
        return self.run("systemctl is-system-running", check=False).strip() in ("running", "degraded")

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self._console.read_text(errors='replace')}"
            time.sleep(0.1)

    def run(self, command: str, *, check: bool = True, seconds: float = RUN_SECONDS) -> str:
        """What a root shell in it prints; both streams."""
        inside = ["nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--net", "--pid"]
        inside += [
            "--cgroup",
            "--root",
            "--wdns=/",
            "env",
            "-i",
            f"PATH={PATH}",
            "HOME=/root",
            "LANG=C.UTF-8",
        ]
        ran = subprocess.run(
            [*inside, "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        assert not check or ran.returncode == 0, f"{command}: exit code {ran.returncode}\n{ran.stdout}"
        return ran.stdout

    def json(self, command: str) -> Any:
        """What it prints, read as JSON."""
        return json.loads(self.run(command))

    def wait(self, command: str, seconds: float = BOOT_SECONDS) -> str:
        """Until this succeeds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.run(command)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def put(self, source: Path, target: str) -> None:
        """Copy a file into it; it need not run."""
        place = self.path(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)

    def path(self, target: str) -> Path:
        """A file of the machine, as seen from outside."""
        running = self._process is not None and self._leader
        root = Path(f"/proc/{self._leader}/root") if running else self._layer / "upper"
        return root / target.lstrip("/")

    def add_segment(self) -> None:
        """An interface `lan` with 10.77.0.1, and one other host there, its router; until a power cut."""
        if self._segment is not None:
            return
        self._segment = subprocess.Popen(["unshare", "--net", "sleep", "86400"])
        other = self._segment.pid
        ours = os.readlink("/proc/self/ns/net")
        self._wait_for(lambda: os.readlink(f"/proc/{other}/ns/net") != ours, "a namespace")
        there = ["nsenter", "--target", str(other), "--net", "ip"]
        here = ["nsenter", "--target", str(self._leader), "--net", "ip"]
        pair = ["type", "veth", "peer", "name", "there", "address", NEIGHBOUR, "netns", str(other)]
        for command in (
            [*here, "link", "add", "lan", *pair],
            [*here, "address", "add", "10.77.0.1/24", "dev", "lan"],
            [*here, "link", "set", "lan", "up"],
            [*here, "route", "add", "default", "via", NEIGHBOUR_IP],
            [*there, "address", "add", f"{NEIGHBOUR_IP}/24", "dev", "there"],
            [*there, "link", "set", "there", "up"],
        ):
            subprocess.run(command, check=True)

    def run_at_neighbour(self, command: str) -> str:
        """What a root shell prints that is of this host but for its network: the other host's."""
        assert self._segment is not None
        inside = ["nsenter", "--target", str(self._segment.pid), "--net", "sh", "-c", command]
        ran = subprocess.run(
            inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS
        )
        assert ran.returncode == 0, f"{command}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def cut_power(self) -> None:
        """Everything in it ends at once."""
        self._kill()
        self._end(30)

    def _kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._leader or self._process.pid, signal.SIGKILL)

    def _end(self, seconds: float) -> None:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait(30)
        self._process, self._leader = None, 0
        if self._segment is not None:
            self._segment.kill()
            self._segment.wait()
            self._segment = None

    def remove(self) -> None:
        """End it, and remove its disk."""
        if self._process is not None:
            self.cut_power()
        shutil.rmtree(self._layer)
        for mounted in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
            for group in sorted((mounted / self.name).rglob("*"), reverse=True):
                if group.is_dir():
                    group.rmdir()
            if (mounted / self.name).is_dir():
                (mounted / self.name).rmdir()
