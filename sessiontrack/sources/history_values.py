"""Single values of a file of history: checked, and brought into the form that is kept."""

import json
import math
import re
from functools import lru_cache
from typing import Any

from sessiontrack.exceptions import InvalidInput
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import parse_device_mac
from sessiontrack.values.timestamps import IN_UTC, LATEST, SiteTime

LONGEST_NAME = 255
LONGEST_TYPE = 64
LONGEST_INFO = 65_536
# What no text in the database may hold: control characters, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]{1,15}")
_FLAGS = {"1": True, "true": True, "0": False, "false": False}
# The same few addresses come again and again; the same instants one soon after the other.
CACHED = 65_536
CACHED_INSTANTS = 1024
_ANOTHER_ZONE = SiteTime("Etc/GMT+1")


class Values:
    """Reads values; a naive time is in the given zone.

    Every method takes a value as CSV, JSON or SQLite give it and the name of its column, and raises
    InvalidInput with one sentence that names it. None and "" are what is not known.
    """

    def __init__(self, zone: SiteTime) -> None:
        self._zone = zone
        self._parse_instant = lru_cache(CACHED_INSTANTS)(zone.parse_timestamp_start)
        self._parse_mac = lru_cache(CACHED)(parse_device_mac)
        self._parse_ip = lru_cache(CACHED)(parse_ip)

    def mac(self, value: Any, name: str) -> str:
        try:
            return self._parse_mac(value if isinstance(value, str) else "")
        except InvalidInput as error:
            raise _wrong(name, value, "is not a MAC address of a device") from error

    def ip(self, value: Any, name: str) -> str:
        if value is None or value == "":
            return ""
        try:
            return self._parse_ip(value if isinstance(value, str) else "")
        except InvalidInput as error:
            raise _wrong(name, value, "is not an IP address") from error

    def instant(self, value: Any, name: str) -> int | None:
        """An instant from 1970 on."""
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                at = self._parse_instant(value)
            except InvalidInput as error:
                raise _wrong(name, value, "is not a time") from error
        elif isinstance(value, float) and math.isfinite(value):
            at = math.floor(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            at = value
        else:
            raise _wrong(name, value, "is not a time")
        if not 0 <= at <= LATEST:
            raise _wrong(name, value, "is not a time from 1970 on")
        return at

    def instant_after(self, value: Any, name: str, start: int | None) -> int | None:
        """An instant that ends what began at `start`.

        A naive time of the hour that autumn repeats is the second one, where the first would be too early.
        """
        at = self.instant(value, name)
        if at is None or start is None or at >= start or not isinstance(value, str):
            return at
        # With an offset of its own it says the same in any zone.
        is_naive = IN_UTC.parse_timestamp_start(value) != _ANOTHER_ZONE.parse_timestamp_start(value)
        later = self._zone.second_reading(at) if is_naive else at
        return later if later >= start else at

    def known_instant(self, value: Any, name: str) -> int:
        at = self.instant(value, name)
        if at is None:
            raise InvalidInput(f"{name} is missing.")
        return at

    @staticmethod
    def flag(value: Any, name: str, default: bool = False) -> bool:
        if value is None or value == "":
            return default
        found = _FLAGS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if found is None:
            raise _wrong(name, value, "is neither true nor false")
        return found

    @staticmethod
    def whole(value: Any, name: str) -> int | None:
        """A whole number from 0 on."""
        if value is None or value == "":
            return None
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST:
            return value
        raise _wrong(name, value, "is not a whole number")

    @staticmethod
    def text(value: Any, name: str, most: int = LONGEST_NAME, *, least: int = 0) -> str:
        text = "" if value is None else value
        if not isinstance(text, str):
            raise _wrong(name, value, "is not a text")
        if not least <= len(text) <= most:
            raise InvalidInput(f"{name} has {len(text)} characters, not {least} to {most}.")
        if _UNPRINTABLE.search(text):
            raise _wrong(name, value, "has control characters")
        return text

    def event_type(self, value: Any, name: str, default: str) -> str:
        return self.text(default if value is None or value == "" else value, name, LONGEST_TYPE, least=1)

    @staticmethod
    def part(value: Any, name: str) -> str:
        """A view or a tab."""
        if not isinstance(value, str) or len(value) > 512 or _UNSTORABLE.search(value):
            raise _wrong(name, value, "is not a view or a tab")
        return value

    @staticmethod
    def nested(value: Any, name: str) -> Any:
        """A list or an object, in CSV written as JSON."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except (ValueError, RecursionError) as error:
            raise _wrong(name, value, "is not JSON") from error


def one_line(value: Any) -> Any:
    """A foreign text without what ours must not have: each run of it becomes a blank; a number as text."""
    if isinstance(value, str):
        return " ".join(_UNPRINTABLE.sub(" ", value).split())
    return str(value) if isinstance(value, int | float) else value


def _wrong(name: str, value: Any, what: str) -> InvalidInput:
    shown = ascii(value if isinstance(value, str | int | float | None) else type(value).__name__)
    return InvalidInput(f"{name} {shown if len(shown) <= 60 else shown[:57] + '...'} {what}.")
