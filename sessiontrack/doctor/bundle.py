"""What helps to find a fault, in one archive: no secret, no device, no person."""

import io
import json
import os
import platform
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

from sessiontrack.config import describe_settings, load_settings
from sessiontrack.doctor.findings import Finding
from sessiontrack.exceptions import SessiontrackError
from sessiontrack.process.log_lines import one_line
from sessiontrack.process.whole_file import writing
from sessiontrack.version import VERSION

LOG_LINES = 500
ASK_SECONDS = 20.0
UNITS = "sessiontrack*"
# Requests and logins, which name people, and the first password, which a first start prints.
PRIVATE = re.compile(r""" method=|"method"|Password:|Signed in:|Login refused""")
MAC = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")


class Bundle:
    """An archive that its caller begins: the service's user may neither read the log nor write everywhere.

    Raises:
        Unwritable: the file cannot be written.
    """

    def __init__(self, target: Path) -> None:
        with writing(target):
            self._descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._target = target
        self._log = _log()

    def write(self, findings: Sequence[Finding], now: int) -> None:
        """Write it, for the owner of the file alone.

        Raises:
            Unwritable: the file cannot be written.
        """
        parts = {
            "versions.txt": _versions(),
            "findings.txt": "".join(f"{each.state.name} {each.name}: {each.message}\n" for each in findings),
            "settings.json": _settings(),
            "files.txt": _sizes(),
            "units.txt": _said(["systemctl", "list-units", "--all", "--no-pager", UNITS]),
            "log.txt": self._log,
        }
        with writing(self._target), os.fdopen(self._descriptor, "wb") as file:
            file.write(_archive(parts, now))


def _archive(parts: Mapping[str, str], now: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in parts.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"sessiontrack/{name}")
            entry.size, entry.mtime = len(content), now
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _versions() -> str:
    installed = sorted(f"{each.metadata['Name']} {each.version}" for each in distributions())
    system = f"sessiontrack {VERSION}\nPython {platform.python_version()}\n{platform.platform()}\n"
    return system + "".join(f"{line}\n" for line in installed)


def _settings() -> str:
    """As the page of settings shows them: without the values of secret ones."""
    try:
        return json.dumps(describe_settings(), indent=2)
    except SessiontrackError as error:
        return error.message


def _sizes() -> str:
    try:
        folder = load_settings().instance
    except SessiontrackError as error:
        return error.message
    lines = []
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            found = path.stat()
            lines.append(f"{found.st_size:>14,} {found.st_mode & 0o777:03o} {path.relative_to(folder)}\n")
    return f"{folder}\n{''.join(lines)}"


def _log() -> str:
    """The last lines, without those that are private; tokens and devices' addresses are hidden."""
    words = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={LOG_LINES}", f"--unit={UNITS}"]
    lines = _said(words).splitlines()
    return "".join(f"{MAC.sub('<MAC>', one_line(line))}\n" for line in lines if not PRIVATE.search(line))


def _said(words: list[str]) -> str:
    try:
        ran = subprocess.run(words, capture_output=True, text=True, timeout=ASK_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{words[0]}: {error}\n"
    return ran.stdout or ran.stderr
