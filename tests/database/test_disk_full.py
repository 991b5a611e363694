"""A full disk: writes are answered 503, reads go on, nothing is damaged, and no restart is needed.

Tested twice: on a small file system that is mounted only for the test; and, which works for any user
anywhere,
with a limit on the size of the files that the server may write.
"""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.database_files import DATABASE, ask
from tests.support.server import Server, call
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.sqlite("fills the disk of its file")

ROOT = Path(__file__).parents[2]
Template = tuple[Path, dict[str, str]]


def body(number: int) -> dict[str, object]:
    """A scan of many new devices: some hundred pages."""
    devices = [
        {"mac": f"02:D0:{number:02X}:00:{n >> 8:02X}:{n & 255:02X}", "name": "x" * 200} for n in range(500)
    ]
    return {"source": f"scanner {number}", "devices": devices}


def fill_until_refused(port: int, token: str) -> int:
    """Write until the disk is full; return the number of the refused write."""
    for number in range(200):
        answer = call(port, "POST", "/presence/scans", body(number), token)
        if answer.status != 200:
            assert answer.status == 503, answer.raw
            assert answer.json["error"] == "storage_unavailable"
            assert answer.json["success"] is False
            assert int(answer.headers["Retry-After"]) > 0
            return number
    raise AssertionError("It was never full.")


def assert_reads_go_on(port: int, token: str) -> None:
    assert call(port, "GET", "/sessions/list?limit=1", None, token).status == 200
    assert call(port, "GET", "/devices?limit=1", None, token).status == 200
    assert call(port, "GET", "/readyz").status in (200, 503)
    assert call(port, "GET", "/healthz").status == 200


def limit_files(server: Server, most: int) -> None:
    """Limit the file size of the server and its workers."""
    (children,) = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    for pid in (server.process.pid, *map(int, children.read_text().split())):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def test_no_room_for_a_larger_file(template: Template, instance: Path) -> None:
    token = template[1]["operator"]
    with Server(instance) as server:
        assert call(server.port, "POST", "/presence/scans", body(250), token).status == 200
        limit_files(server, 1024 * 1024)
        refused = fill_until_refused(server.port, token)
        # Less than one scan takes: a checkpoint could otherwise make room in the WAL for the next one.
        limit_files(server, 256 * 1024)
        for _ in range(3):
            assert call(server.port, "POST", "/presence/scans", body(refused), token).status == 503
            assert_reads_go_on(server.port, token)
        limit_files(server, resource.RLIM_INFINITY)
        assert call(server.port, "POST", "/presence/scans", body(refused), token).status == 200
        assert "Traceback" not in server.output()
    assert ask(instance / DATABASE, "PRAGMA integrity_check") == [("ok",)]
    # All acknowledged rows are there, and of the refused writes only what was sent again.
    assert ask(instance / DATABASE, "SELECT count(*) FROM device") == [(500 * (refused + 2),)]


# The part that runs in a mount namespace: this file, as a program.
IN_NAMESPACE = """
set -e
mount -t tmpfs -o size=12m tmpfs "$1"
cp -r "$2"/. "$1"
exec "$3" -m tests.database.test_disk_full "$1" "$4"
"""


def may_mount() -> bool:
    """Whether users of this machine may mount file systems; some containers forbid it."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True).returncode == 0


def on_a_small_disk(instance: Path, token: str) -> dict[str, object]:
    """Fill the disk with another file, then remove it."""
    ballast = instance / "ballast"
    with Server(instance) as server:
        assert call(server.port, "POST", "/presence/scans", body(250), token).status == 200
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        refused = fill_until_refused(server.port, token)
        said = call(server.port, "POST", "/presence/scans", body(refused), token).json["message"]
        assert_reads_go_on(server.port, token)
        ballast.unlink()
        assert call(server.port, "POST", "/presence/scans", body(refused), token).status == 200
        assert_reads_go_on(server.port, token)
    (count,) = ask(instance / DATABASE, "SELECT count(*) FROM device")
    return {
        "integrity": ask(instance / DATABASE, "PRAGMA integrity_check"),
        "devices": count[0],
        "expected": 500 * (refused + 2),
        "said": said,
        "traceback": "Traceback" in server.output(),
    }


if may_mount():

    def test_a_disk_that_is_full(template: Template, tmp_path: Path) -> None:
        folder = tmp_path / "disk" / "instance"
        folder.mkdir(parents=True)
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_NAMESPACE, "sh"]
        ran = subprocess.run(
            [*command, str(folder), str(template[0]), sys.executable, template[1]["operator"]],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        said = json.loads(ran.stdout)
        assert said["integrity"] == [["ok"]]
        assert said["devices"] == said["expected"]
        assert said["said"] == "There is no room left for the database: its disk is full."
        assert said["traceback"] is False


def test_a_reader_that_goes_on_does_not_let_the_wal_grow_for_ever(template: Template, instance: Path) -> None:
    """The WAL cannot be bounded while a reader is open; afterwards the next write restarts it."""
    wal = instance / f"{DATABASE}-wal"
    token = template[1]["operator"]
    with Server(instance) as server, closing(sqlite3.connect(instance / DATABASE)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM device").fetchone()
        for number in range(100, 112):
            assert server.call("POST", "/presence/scans", body(number), token).status == 200
        assert reader.execute("SELECT count(*) FROM device").fetchone() == before
        grown = wal.stat().st_size
        assert grown > 4 * 1024 * 1024
        reader.rollback()
        # The first write checkpoints the whole WAL, the others restart it from its beginning.
        for number in range(112, 115):
            grown = wal.stat().st_size if number == 113 else grown
            assert server.call("POST", "/presence/scans", body(number), token).status == 200
        assert wal.stat().st_size == grown
        busy, pages, moved = reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (busy, pages, moved, wal.stat().st_size) == (0, 0, 0, 0)


if __name__ == "__main__":
    print(json.dumps(on_a_small_disk(Path(sys.argv[1]), sys.argv[2])))
