"""The image in containers, as docs/install.md runs them: `make container`. It needs root, and the image.

Each test goes on where the one before it ended. What a machine for tests may not have is left out: a network
with ports of its own (`-p`), and control groups. Limits are not raised above this machine's.
"""

import json
import os
import resource
import shlex
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.calls import answers, call
from tests.support.ports import free_port
from tests.support.waiting import SECONDS, wait_until

IMAGE = "localhost/sessiontrack"
DATA = f"sessiontrack-test-{os.getpid()}"
LOCKED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
# podman refuses control groups of both versions at once; here they are of version 2, for its processes alone.
GROUPS = """
mount --make-rprivate / && umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
exec sleep 86400
"""


class Podman:
    """podman's commands, all in one mount namespace, and the containers that they made."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", GROUPS], stdin=subprocess.DEVNULL)
        self._made: list[str] = []
        wait_until(self._is_alone, "a mount namespace")

    def _is_alone(self) -> bool:
        with open(f"/proc/{self._holder.pid}/comm") as comm:
            return comm.read().strip() == "sleep"

    def __call__(self, *words: str, check: bool = True) -> str:
        """What it prints; both streams."""
        inside = ["nsenter", "--target", str(self._holder.pid), "--mount", "podman", *words]
        with tempfile.TemporaryFile("w+") as printed:
            # Not a pipe: what goes on in the background would hold it open.
            ran = subprocess.run(
                inside, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, timeout=SECONDS
            )
            printed.seek(0)
            text = printed.read()
        assert not check or ran.returncode == 0, f"{words}: exit code {ran.returncode}\n{text}"
        return text

    def start(self, name: str, *words: str, network: str = "host") -> str:
        """Start a container of the image; its name."""
        name = f"{DATA}-{name}"
        self._made.append(name)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limits = [f"--ulimit=nofile={files}:{files}", "--ulimit=nproc=1000:1000", "--cgroups=disabled"]
        options = [
            *LOCKED,
            *limits,
            "--no-healthcheck",
            f"--network={network}",
            f"--volume={DATA}:/var/lib/sessiontrack",
        ]
        self("run", "--detach", f"--name={name}", *options, IMAGE, *words)
        return name

    def end(self) -> None:
        """Remove them, and their data."""
        try:
            self("rm", "--force", "--ignore", *self._made)
            self("volume", "rm", "--force", DATA)
        finally:
            self._holder.kill()
            self._holder.wait()


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    found = Podman()
    try:
        yield found
    finally:
        found.end()


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def serve(podman: Podman, name: str, port: int) -> str:
    """A server that is ready."""
    name = podman.start(name, "serve", "--port", str(port))
    wait_until(lambda: answers(port), lambda: podman("logs", name))
    return name


def test_it_serves_without_any_right_on_a_file_system_that_it_cannot_write(podman: Podman, port: int) -> None:
    name = serve(podman, "server", port)
    inside = podman("exec", name, "sh", "-c", "id -u; cat /proc/1/status; touch /opt/x || true")
    assert inside.startswith("990\n")
    assert "CapEff:\t0000000000000000" in inside
    assert "NoNewPrivs:\t1" in inside
    assert "Read-only file system" in inside
    password = podman("exec", name, "cat", "/var/lib/sessiontrack/initial-admin-password").strip()
    body = {"username": "admin", "password": password}
    assert call(port, "POST", "/auth/login", body).status == 200
    assert password not in podman("logs", name)


def test_a_scanner_beside_it_looks_at_the_hosts_network(podman: Podman) -> None:
    name = podman.start("scanner", "scan", "network", "--every", "60s")
    wait_until(lambda: " seen, " in podman("logs", name), lambda: podman("logs", name))
    listed = podman("exec", f"{DATA}-server", "sessiontrack", "source", "list")
    assert "network" in listed


def test_another_container_takes_its_place_with_the_data(podman: Podman, port: int) -> None:
    server = f"{DATA}-server"
    podman("exec", server, "sessiontrack", "user", "add", "anna", "--role", "viewer", "--generate")
    made = podman("exec", server, "sessiontrack", "backup", "/var/lib/sessiontrack/before.sqlite3")
    assert "verified" in made
    podman("rm", "--force", server, f"{DATA}-scanner")
    name = serve(podman, "newer", port)
    assert "anna" in podman("exec", name, "sessiontrack", "user", "list")


def test_sigterm_ends_it_well(podman: Podman) -> None:
    name = f"{DATA}-newer"
    podman("kill", "--signal", "TERM", name)
    assert podman("wait", name).strip() == "0"


def test_its_health_check_asks_what_it_serves_by_default(podman: Podman) -> None:
    check = json.loads(podman("image", "inspect", "--format", "{{json .HealthCheck.Test}}", IMAGE))
    name = podman.start("default", network="none")

    def is_healthy() -> bool:
        return podman(
            "exec", name, "sh", "-c", f"{shlex.join(check[1:])} && echo healthy", check=False
        ).endswith("healthy\n")

    wait_until(is_healthy, lambda: podman("logs", name))
