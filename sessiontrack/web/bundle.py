"""The browser bundle, by the manifest that the build writes."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
# The names of the build's files: ordinary segments, none with a leading dot.
FILE_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


class BundleMissing(Exception):
    """The bundle has not been built."""


@dataclass(frozen=True)
class Entry:
    """The names of a bundled file, of the files it imports, and of its style sheet."""

    file: str
    needs: tuple[str, ...] = ()
    style: str | None = None


class Bundle:
    """The entries by name; reread when the manifest changes, so that the server need not restart."""

    def __init__(self, folder: Path = STATIC) -> None:
        self.folder = folder
        self._read: tuple[int, dict[str, Entry]] = (0, {})

    def entry(self, name: str) -> Entry:
        """The entry with this name, such as `pages/devices`.

        Raises:
            BundleMissing: there is no bundle, or it lacks that entry.
        """
        try:
            return self._entries()[name]
        except (OSError, KeyError) as error:
            raise BundleMissing(name) from error

    def has_hashed_name(self, file: str) -> bool:
        """Whether the file's name changes with its content."""
        return any(file in (each.file, each.style, *each.needs) for each in self._entries().values())

    def read(self, file: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: the bundle has no such file.
        """
        if not FILE_NAME.fullmatch(file):
            raise FileNotFoundError(file)
        return (self.folder / file).read_bytes()

    def _entries(self) -> dict[str, Entry]:
        path = self.folder / "manifest.json"
        made_at = path.stat().st_mtime_ns
        if made_at != self._read[0]:
            found = json.loads(path.read_bytes())
            self._read = (
                made_at,
                {
                    name: Entry(each["file"], tuple(each["needs"]), each.get("style"))
                    for name, each in found.items()
                },
            )
        return self._read[1]
