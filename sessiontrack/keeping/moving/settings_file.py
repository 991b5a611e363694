"""The settings file, changed to name another database."""

import json
import re
import tomllib
from pathlib import Path

from sessiontrack.config import FILE_NAME
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process.whole_file import write_whole

LINE = re.compile(r"^[ \t]*database_url[ \t]*=.*$", re.MULTILINE | re.IGNORECASE)


def line_of(url: str) -> str:
    """The line that the settings file needs."""
    return f"database_url = {json.dumps(url, ensure_ascii=False)}"


def set_database_url(folder: Path, url: str) -> Path:
    """Let the settings file of this instance folder name that database; return the file's path.

    Raises:
        InvalidSetting: the file cannot be changed; it is as it was.
    """
    path = folder / FILE_NAME
    line = line_of(url)
    try:
        before = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read: {error}") from error
    text, count = LINE.subn(lambda found: line, before, count=1)
    if not count:
        text = f"{text.rstrip()}\n{line}\n".lstrip()
    if not _differs_in_url_only(before, text, url):
        raise InvalidSetting(f"{path} is not as simple as expected; write this line yourself: {line}")
    write_whole(path, text)
    return path


def _differs_in_url_only(before: str, after: str, url: str) -> bool:
    def others(text: str) -> dict[str, object]:
        return {name: value for name, value in tomllib.loads(text).items() if name.lower() != "database_url"}

    try:
        is_read = tomllib.loads(after).get("database_url") == url
        return is_read and others(before) == others(after)
    except tomllib.TOMLDecodeError:
        return False
