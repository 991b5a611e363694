"""Which settings the running server has read, so that a command can say where its own differ."""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "served-settings"
# Of a process of its own, `listen radius`.
OTHERS = frozenset({"RADIUS_CLIENTS"})


class ServedSettings:
    """The record of a server in its instance folder; locked for as long as the server runs.

    It holds salted digests, because some settings are secret. Where it cannot be written or locked, there is
    none.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._descriptor: int | None = None

    def write(self, texts: Mapping[str, str]) -> None:
        """Record what was read; the lock ends with this process and the workers it forks.

        Args:
            texts: by name, as the settings file and the environment have them.
        """
        salt = secrets.token_hex(16)
        record = {"salt": salt, "digests": {name: _digest(salt, text) for name, text in texts.items()}}
        try:
            if self._descriptor is None:
                opened = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(opened, fcntl.LOCK_SH)
                self._descriptor = opened
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(record).encode(), 0)
        except OSError:
            return


def differing(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """The names of settings that the running server has with another value; none where no server runs."""
    try:
        with (folder / FILE).open("rb") as file:
            if not _is_locked(file.fileno()):
                return []
            record: dict[str, Any] = json.load(file)
        salt, digests = record["salt"], record["digests"]
        read = texts.keys() - OTHERS
        return sorted(name for name in read if digests.get(name) != _digest(salt, texts[name]))
    except (OSError, ValueError, KeyError):
        return []


def _is_locked(descriptor: int) -> bool:
    """Whether a server holds the lock; the file is closed, and so unlocked, right after."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()
