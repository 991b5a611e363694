"""`make firefox`: login, Now, Presence, Devices and the tracker in Debian's Firefox, with the demo's data.

python -m tests.programs.firefox
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bundling.bundle import node_and_npm
from tests.support.server import Server
from tests.support.web import ROOT, fill_with_demo

SETTINGS = {"TIMEZONE": "Europe/Paris", "ADMIN_PASSWORD": "correct horse"}
CHECK = ROOT / "tests" / "firefox" / "check.mjs"


def main() -> int:
    """The exit status of the checks in the browser."""
    firefox = shutil.which("firefox-esr")
    if firefox is None:
        raise SystemExit("This needs Firefox: apt-get install firefox-esr")
    node, _ = node_and_npm()
    with tempfile.TemporaryDirectory() as scratch:
        instance = Path(scratch) / "instance"
        fill_with_demo(instance, **SETTINGS)
        with Server(instance, workers=1, **SETTINGS) as server:
            address = f"http://127.0.0.1:{server.port}"
            return subprocess.run([node, CHECK, address, SETTINGS["ADMIN_PASSWORD"], firefox]).returncode


if __name__ == "__main__":
    sys.exit(main())
