"""When the last good backup was made into a folder, wherever that is: the instance folder remembers it.

Where none was, since when one is awaited: a nightly backup that never worked has to be noticed too.
"""

from contextlib import suppress
from pathlib import Path

from sessiontrack.exceptions import Unwritable
from sessiontrack.process.instance import INSTALLED, KEY_FILE
from sessiontrack.process.whole_file import write_whole

FILE = "last-backup"
FIRST_TRY = "first-backup-tried"
# What `systemctl enable` makes; the timer backs up the installation, and no other instance.
TIMER = Path("/etc/systemd/system/timers.target.wants/sessiontrack-backup.timer")


def remember_try(folder: Path, now: int) -> None:
    """A backup begins; of those before the first that is good, the first is remembered."""
    if last_backup(folder) is None and _read(folder / FIRST_TRY) is None:
        _write(folder / FIRST_TRY, now)


def remember(folder: Path, now: int) -> None:
    """A backup was made; where that cannot be written, it is one all the same."""
    _write(folder / FILE, now)
    forget_try(folder)


def forget_try(folder: Path) -> None:
    """A backup is good: that earlier ones were not is no matter any more."""
    with suppress(OSError):
        (folder / FIRST_TRY).unlink(missing_ok=True)


def last_backup(folder: Path) -> int | None:
    """In epoch seconds; None where none was made."""
    return _read(folder / FILE)


def awaited_since(folder: Path) -> int | None:
    """Since when the first backup should have been made; None where it was, or where nothing makes one."""
    if last_backup(folder) is not None:
        return None
    known = [since for since in (_read(folder / FIRST_TRY), _timer_since(folder)) if since is not None]
    return min(known, default=None)


def _timer_since(folder: Path) -> int | None:
    """Since when the timer is enabled and the instance is there; an image of machines has an older timer."""
    if folder != INSTALLED:
        return None
    try:
        return int(max(TIMER.lstat().st_mtime, (folder / KEY_FILE).stat().st_mtime))
    except OSError:
        return None


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, now: int) -> None:
    with suppress(Unwritable):
        write_whole(path, f"{now}\n")
