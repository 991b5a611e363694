"""When the last good backup was made into a folder, wherever that is: the instance folder remembers it."""

from contextlib import suppress
from pathlib import Path

from sessiontrack.exceptions import Unwritable
from sessiontrack.process.whole_file import write_whole

FILE = "last-backup"


def remember(folder: Path, now: int) -> None:
    """A backup was made; where that cannot be written, it is one all the same."""
    with suppress(Unwritable):
        write_whole(folder / FILE, f"{now}\n")


def last_backup(folder: Path) -> int | None:
    """In epoch seconds; None where none was made."""
    try:
        return int((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
