"""At home: docs/start.md, line by line, in a network of five hosts.

Where this machine allows no network namespaces, there is no such network to be in.
"""

from pathlib import Path

from tests.support.calls import call
from tests.support.hosts import WITHOUT_RIGHTS, has_namespaces, mac, segment_of_five
from tests.support.journey import Journey
from tests.support.ports import free_port

PRINTER = "AA:BB:CC:DD:EE:FF"

if has_namespaces():

    def test_at_home(tmp_path: Path) -> None:
        port = free_port()
        folder = tmp_path / "checkout"
        with (
            segment_of_five(tmp_path) as segment,
            Journey(folder, "At home", {PRINTER: mac(1)}) as journey,
        ):
            journey.serve(port)
            journey.start("scan network", *segment.command(*WITHOUT_RIGHTS), until="5 seen, 5 connected")
            password = (folder / "instance" / "initial-admin-password").read_text().strip()
            signed_in = call(port, "POST", "/auth/login", {"username": "admin", "password": password})
            token = signed_in.json["access_token"]
            assert call(port, "GET", "/presence/now", token=token).json["devices"]["connected"] == 5
            listed = journey.run("device list")
            assert {mac(number) for number in range(1, 6)} == {
                line.split()[0] for line in listed.splitlines()[1:]
            }
            journey.run("device set")
            device = call(port, "GET", f"/devices/{mac(1)}", token=token).json["device"]
            assert (device["name"], device["alert_down"], device["connected"]) == ("Printer", True, True)
            assert mac(1) in journey.run("export sessions")
            journey.run("backup instance/backups")
            assert len(list((folder / "instance" / "backups").glob("*.sqlite3"))) == 1
            # A warning is this machine's: its clock, its disk.
            assert "ok       schema" in journey.run("doctor", codes=(0, 1))
            assert journey.is_over
