"""What is bundled for the browser, by the manifest that the build leaves."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
# As the build names its files: ordinary segments, none of which begins with a dot.
FILE_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


class BundleMissing(Exception):
    """The browser's side has not been built."""


@dataclass(frozen=True)
class Entry:
    """A file of the bundle, the files that it needs at once, and its style sheet, by their names."""

    file: str
    needs: tuple[str, ...] = ()
    style: str | None = None


class Bundle:
    """The entries by name; read again where the manifest has changed, so that a server need not restart."""

    def __init__(self, folder: Path = STATIC) -> None:
        self.folder = folder
        self._read: tuple[int, dict[str, Entry]] = (0, {})

    def entry(self, name: str) -> Entry:
        """The entry of that name, such as `pages/devices`.

        Raises:
            BundleMissing: there is no bundle, or one without that entry.
        """
        try:
            return self._entries()[name]
        except (OSError, KeyError) as error:
            raise BundleMissing(name) from error

    def has_hashed_name(self, file: str) -> bool:
        """Whether that file's name changes with what is in it."""
        return any(file in (each.file, each.style, *each.needs) for each in self._entries().values())

    def read(self, file: str) -> bytes:
        """What is in a file.

        Raises:
            OSError: there is none of that name in the bundle's folder.
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
