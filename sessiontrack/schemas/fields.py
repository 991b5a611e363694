"""Fields that every resource uses: strict where marshmallow's own are lenient.

A field that reads a time needs the site time zone; whoever loads a schema says which: `read_times_in(site)`.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, Range

from sessiontrack.exceptions import InvalidInput
from sessiontrack.ips import parse_ip
from sessiontrack.macs import parse_mac
from sessiontrack.periods import Period, parse_period
from sessiontrack.timestamps import SiteTime

MOST_LISTED = 1000
FARTHEST_OFFSET = 10**12
# What no text in the database may hold: control characters, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_site: ContextVar[SiteTime] = ContextVar("site")


def read_times_in(site: SiteTime) -> None:
    """From here on, in this thread, schemas read naive times in this zone."""
    _site.set(site)


def has_control_characters(text: str) -> bool:
    """Whether a text has what a terminal, a log or the database would trip over."""
    return _UNPRINTABLE.search(text) is not None


def refuse_control_characters(text: str) -> None:
    """A validator.

    Raises:
        ValidationError: the text has control characters.
    """
    if has_control_characters(text):
        raise ValidationError("Control characters are not allowed.")


class Text(fields.String):
    """A text of `least` to `most` characters, none of them a control character."""

    def __init__(self, *, least: int = 0, most: int = 255, **kwargs: Any) -> None:
        super().__init__(validate=Length(least, most), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        refuse_control_characters(text)
        return text


class _Parsed(fields.String):
    """A text that a pure module reads; what that refuses is what the client is told."""

    @staticmethod
    def parse(text: str) -> object:
        raise NotImplementedError

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        try:
            return self.parse(super()._deserialize(value, attr, data, **kwargs))
        except InvalidInput as error:
            raise ValidationError(error.message) from error


class MacAddress(_Parsed):
    """Any common notation; loaded as AA:BB:CC:DD:EE:FF."""

    parse = staticmethod(parse_mac)


class IpAddress(_Parsed):
    """IPv4 or IPv6; loaded in canonical form."""

    parse = staticmethod(parse_ip)


class PeriodText(_Parsed):
    """`7 days`; loaded as a Period."""

    @staticmethod
    def parse(text: str) -> Period:
        return parse_period(text)


class Start(_Parsed):
    """An instant, a date alone being the first of that day; loaded as UTC epoch seconds."""

    @staticmethod
    def parse(text: str) -> int:
        return _site.get().parse_start(text)


class End(_Parsed):
    """An instant, a date alone being the last second of that day; loaded as UTC epoch seconds."""

    @staticmethod
    def parse(text: str) -> int:
        return _site.get().parse_end(text)


class ExclusiveEnd(_Parsed):
    """The first instant after something, a date alone being included whole; loaded as UTC epoch seconds."""

    @staticmethod
    def parse(text: str) -> int:
        return _site.get().parse_end_exclusive(text)


class TimestampStart(_Parsed):
    """Whole epoch seconds, or what Start accepts."""

    @staticmethod
    def parse(text: str) -> int:
        return _site.get().parse_timestamp_start(text)


class TimestampEnd(_Parsed):
    """Whole epoch seconds, or what End accepts."""

    @staticmethod
    def parse(text: str) -> int:
        return _site.get().parse_timestamp_end(text)


class Whole(fields.Integer):
    """A whole number in a URL, from `least` to `most`; no sign, blank or fraction."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(least, most), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18):
            raise self.make_error("invalid", input=value)
        return int(value)


class TrueOrFalse(fields.Boolean):
    """`true` or `false` in a URL."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class JsonBoolean(fields.Boolean):
    """A JSON boolean; neither 1 nor \"true\" will do."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be a JSON boolean: true or false.")
        return value


def limit(default: int | None) -> Whole:
    """How many of a list."""
    meaning = f"At most this many, 1 to {MOST_LISTED}."
    return Whole(least=1, most=MOST_LISTED, load_default=default, metadata={"description": meaning})


def offset() -> Whole:
    """How many of a list are left out at its beginning."""
    meaning = "Leave out this many at the beginning."
    return Whole(least=0, most=FARTHEST_OFFSET, load_default=0, metadata={"description": meaning})
