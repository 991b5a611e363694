"""The instance's own folder of backups: made by the web UI, one at a time, in a thread of their own.

The copy reads a snapshot while others go on writing, so pings do not wait.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from sessiontrack.backups import copies, dumps
from sessiontrack.exceptions import NotFound, SessiontrackError, StorageUnavailable
from sessiontrack.process import last_backup

log = logging.getLogger(__name__)
NAME = "backups"
# How many of those made here stay in it; the oldest of them give way.
KEEP = 7
FAILURE = "last-failure"
BEGIN_SECONDS = 10.0


@dataclass(frozen=True)
class File:
    """A backup in the folder; made_at: epoch seconds, as its name says."""

    name: str
    size_bytes: int
    made_at: int


class Backups:
    """The folder, and what is made into it.

    Args:
        instance: the folder it is in.
        database: SQLite's file; None for a server.
        url: of that server.
    """

    def __init__(self, instance: Path, database: Path | None, url: URL) -> None:
        self.folder = instance / NAME
        self._database = database
        self._url = url
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def list(self) -> list[File]:
        """Those that are there, the newest first."""
        return sorted(self._files(), key=lambda each: each.name, reverse=True)

    def _files(self) -> Iterator[File]:
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            # It may have given way to a newer one meanwhile.
            with suppress(OSError):
                if _is_backup(path):
                    made_at = copies.stamped(path.name)
                    yield File(path.name, path.stat().st_size, made_at)

    def find(self, name: str) -> Path:
        """The file of that name.

        Raises:
            NotFound: there is no such backup.
        """
        path = self.folder / name
        if not _is_backup(path):
            raise NotFound(f"There is no backup {name}.")
        return path

    def is_running(self) -> bool:
        """Whether one is being made, in whichever process."""
        if self._thread is not None and self._thread.is_alive():
            return True
        # Only where there is a draft: to look at the lock is to hold it for a moment.
        if not self.folder.is_dir() or not any(self.folder.glob(f"*{copies.PART}")):
            return False
        try:
            with copies.alone_in(self.folder):
                return False
        except StorageUnavailable:
            return True

    def failure(self) -> str | None:
        """Why the last one was not made; None where it was."""
        try:
            return (self.folder / FAILURE).read_text("utf-8")
        except OSError:
            return None

    def start(self, now: int) -> None:
        """Begin one, unless one is being made.

        Raises:
            StorageUnavailable: the folder cannot be made.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"{self.folder} cannot be made: {error.strerror}.") from error
        with self._starting:
            if self.is_running():
                return
            begun = threading.Event()
            self._thread = threading.Thread(target=self._make, args=(now, begun), name="backup", daemon=True)
            self._thread.start()
        # So that other processes see its draft.
        begun.wait(BEGIN_SECONDS)

    def _make(self, now: int, begun: threading.Event) -> None:
        try:
            if self._database is None:
                begun.set()
                path = dumps.dump(self._url, self.folder, now, KEEP, copies.ASKED).path
            else:
                path = copies.back_up(
                    self._database, self.folder, now, KEEP, lambda done: begun.set(), copies.ASKED
                ).path
        except SessiontrackError as error:
            log.warning("No backup: %s", error.message)
            self._tell(error.message)
        except Exception:
            log.exception("No backup.")
            self._tell("It failed; the server's log has the details.")
        else:
            log.info("Backup made: %s", path)
            (self.folder / FAILURE).unlink(missing_ok=True)
            last_backup.remember(self.folder.parent, now)
        finally:
            begun.set()

    def _tell(self, message: str) -> None:
        with suppress(OSError):
            (self.folder / FAILURE).write_text(message, "utf-8")


def _is_backup(path: Path) -> bool:
    is_dated = copies.DATED.fullmatch(path.name) or dumps.DATED.fullmatch(path.name)
    return bool(is_dated) and path.is_file() and not path.is_symlink()
