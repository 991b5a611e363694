"""Fields that every resource uses: strict where marshmallow's own are lenient.

A field that reads a time needs the site time zone; it is set by `read_times_in(site)`.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, Range

from sessiontrack.exceptions import InvalidInput, InvalidPeriod
from sessiontrack.values.ips import parse_ip
from sessiontrack.values.macs import MAC_PATTERN, parse_device_mac, parse_mac
from sessiontrack.values.names import has_control_characters, is_strange
from sessiontrack.values.periods import parse_duration, parse_period, parse_step
from sessiontrack.values.quiet_hours import TIME_PATTERN, parse_time
from sessiontrack.values.tags import LONGEST as LONGEST_TAG
from sessiontrack.values.tags import MOST as MOST_TAGS
from sessiontrack.values.tags import join_tags
from sessiontrack.values.timestamps import LATEST, SiteTime

MOST_LISTED = 1000
FARTHEST_OFFSET = 10**12
MOST_NAMES = 1000
# Of a list, so many items that cannot be read are named.
MOST_ERRORS = 20
LONGEST_FIXED_PERIOD = 366 * 86_400
# For the OpenAPI document: what the pure modules read, without the blanks that they allow around it.
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?"
_ZONE = "[Zz]|( ?[+-]| )([01][0-9]|2[0-3])(:?[0-5][0-9])?"
_INSTANT = f"{_DATE}([Tt ]{_CLOCK}({_ZONE})?)?"
_INSTANT_FORMS = (
    "YYYY-MM-DD, or YYYY-MM-DDTHH:MM[:SS[.fff]] with T or a blank, and with Z, an offset, or none (site time)"
)
# What no text in the database may hold: control characters, and halves of surrogate pairs.
PRINTABLE_PATTERN = "^[^\\x00-\\x1f\\x7f]*$"
_site: ContextVar[SiteTime] = ContextVar("site")


def read_times_in(site: SiteTime) -> None:
    """From here on, in this thread, schemas read naive times in this zone."""
    _site.set(site)


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
        described = {"pattern": PRINTABLE_PATTERN, **kwargs.pop("metadata", {})}
        super().__init__(validate=Length(least, most), metadata=described, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        refuse_control_characters(text)
        return text


class Name(Text):
    """A name that an admin gives: nothing in it is invisible or turns text around."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, *args, **kwargs)
        if is_strange(name):
            raise ValidationError(
                "Control characters, invisible ones and marks of direction are not allowed."
            )
        return name


class Several(fields.List[Any]):
    """A list of at most `most` items; a longer one is not looked into, and after some errors no more."""

    def __init__(self, each: fields.Field[Any], *, most: int, **kwargs: Any) -> None:
        super().__init__(each, validate=Length(max=most), **kwargs)
        self._most = most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self._most:
            raise ValidationError(f"At most {self._most}.")
        found = []
        errors: dict[int | str, Any] = {}
        for place, item in enumerate(value):
            try:
                found.append(self.inner.deserialize(item))
            except ValidationError as error:
                errors[place] = error.messages
                if len(errors) == MOST_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)
        return found


class _Parsed(fields.String):
    """A text that a pure module reads; its refusal is the message that the client gets.

    documented: what the OpenAPI document says of every such field; a description of the field's own
    stands before that of its kind.
    """

    documented: ClassVar[dict[str, Any]] = {}

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        meant = {**self.documented, **(metadata or {})}
        texts = (each.get("description") for each in (metadata or {}, self.documented))
        meant["description"] = " ".join(text for text in texts if text)
        super().__init__(metadata=meant, **kwargs)

    @staticmethod
    def parse(text: str, /) -> object:
        raise NotImplementedError

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.parse(super()._deserialize(value, *args, **kwargs))
        except InvalidInput as error:
            raise ValidationError(error.message) from error


class MacAddress(_Parsed):
    """Any common notation; loaded as AA:BB:CC:DD:EE:FF."""

    documented: ClassVar[dict[str, Any]] = {
        "description": "aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff, aabbccddeeff, and as network"
        " gear writes it: aabb-ccdd-eeff, aabbcc-ddeeff.",
        "pattern": f"^({MAC_PATTERN})$",
        "example": "AA:BB:CC:DD:EE:FF",
    }
    parse = staticmethod(parse_mac)


class DeviceMac(MacAddress):
    """The address of a reported device: no group's (broadcast, multicast), and not all zeros."""

    parse = staticmethod(parse_device_mac)


class IpAddress(_Parsed):
    """IPv4 or IPv6; loaded in canonical form."""

    documented: ClassVar[dict[str, Any]] = {
        "description": "IPv4 or IPv6, without port or mask; a zone is cut off; 0.0.0.0 and :: are none.",
        "anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}],
        "example": "192.168.1.10",
    }
    parse = staticmethod(parse_ip)


class TimeOfDay(_Parsed):
    """`22:00`; loaded as the minute of the day."""

    documented: ClassVar[dict[str, Any]] = {
        "description": "HH:MM.",
        "pattern": f"^{TIME_PATTERN}$",
        "example": "22:00",
    }
    parse = staticmethod(parse_time)


class PeriodText(_Parsed):
    """`7 days`; loaded as a Period."""

    documented: ClassVar[dict[str, Any]] = {
        "description": "<n> <unit>, or several, or all: 30 min, 24h, 7 days, 2w, 1 month, 1y, 1 day 12 hours."
        " Months and years are the calendar's.",
        "pattern": "^([Aa][Ll][Ll]|([0-9]{1,12}[ +]*[A-Za-z]{1,7}[ +]*)+)$",
        "example": "7 days",
    }
    parse = staticmethod(parse_period)

    def __init__(self, *, default: str) -> None:
        super().__init__(load_default=parse_period(default), metadata={"default": default})


class StepText(PeriodText):
    """`5m`; loaded as a Period."""

    documented: ClassVar[dict[str, Any]] = {
        **PeriodText.documented,
        "description": "A period, or as graphs write it: 30s, 5m (here minutes), 1h, 1d.",
        "example": "1 hour",
    }
    parse = staticmethod(parse_step)


class FixedPeriodText(_Parsed):
    """`30 minutes`; loaded as seconds."""

    documented: ClassVar[dict[str, Any]] = {
        "description": "Minutes, hours, days and weeks, at most 366 days; a number alone is seconds.",
        "pattern": "^([0-9]{1,12}[ +]*[A-Za-z]{0,7}[ +]*)+$",
        "example": "30 minutes",
    }

    @staticmethod
    def parse(text: str) -> int:
        seconds = parse_duration(text)
        if seconds % 60:
            raise InvalidPeriod("This is a number of whole minutes")
        if seconds > LONGEST_FIXED_PERIOD:
            raise InvalidPeriod("This is at most 366 days")
        return seconds


def _in_site_time(parse: Callable[[SiteTime, str], int]) -> Callable[[str], int]:
    return lambda text: parse(_site.get(), text)


def _instant(whole_day: str) -> dict[str, Any]:
    return {"description": f"{_INSTANT_FORMS}. {whole_day}", "pattern": f"^{_INSTANT}$"}


def _timestamp(whole_day: str, digits: int = 12) -> dict[str, Any]:
    epoch = "Whole epoch seconds" if digits == 12 else "Epoch seconds or milliseconds"
    description = f"{epoch}, or {_INSTANT_FORMS}. {whole_day}"
    return {"description": description, "pattern": f"^([0-9]{{1,{digits}}}|{_INSTANT})$"}


class Start(_Parsed):
    """An instant, a date alone being the first of that day; loaded as UTC epoch seconds."""

    documented = _instant("A day alone means its first instant.")
    parse = staticmethod(_in_site_time(SiteTime.parse_start))


class End(_Parsed):
    """An instant, a date alone being the last second of that day; loaded as UTC epoch seconds."""

    documented = _instant("A day alone means its last second.")
    parse = staticmethod(_in_site_time(SiteTime.parse_end))


class ExclusiveEnd(_Parsed):
    """The first instant after something, a date alone being included whole; loaded as UTC epoch seconds."""

    documented = _instant("A day alone is included, an instant is not.")
    parse = staticmethod(_in_site_time(SiteTime.parse_end_exclusive))


class TimestampStart(_Parsed):
    """Whole epoch seconds, or what Start accepts."""

    documented = _timestamp("A day alone means its first instant.")
    parse = staticmethod(_in_site_time(SiteTime.parse_timestamp_start))


class TimestampEnd(_Parsed):
    """Whole epoch seconds, or what End accepts."""

    documented = _timestamp("A day alone means its last second.")
    parse = staticmethod(_in_site_time(SiteTime.parse_timestamp_end))


class GraphStart(_Parsed):
    """What TimestampStart accepts, or epoch milliseconds."""

    documented = _timestamp("A day alone means its first instant.", digits=15)
    parse = staticmethod(_in_site_time(SiteTime.parse_graph_start))


class GraphEnd(_Parsed):
    """What TimestampEnd accepts, or epoch milliseconds."""

    documented = _timestamp("A day alone means its last second.", digits=15)
    parse = staticmethod(_in_site_time(SiteTime.parse_graph_end))


class JsonTimestamp(_Parsed):
    """Whole epoch seconds as a JSON number, or what TimestampStart accepts."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST
        return value if is_number else super()._deserialize(value, *args, **kwargs)

    parse = staticmethod(_in_site_time(SiteTime.parse_timestamp_start))


class Whole(fields.Integer):
    """A whole number in a URL, from `least` to `most`; no sign, blank or fraction."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(validate=Range(least, most), **kwargs)
        self.error_messages["invalid"] = f"Must be a whole number from {least} to {most}."

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18):
            raise self.make_error("invalid", input=value)
        return int(value)


TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class TrueOrFalse(fields.Boolean):
    """`true`, `false`, `1` or `0` in a URL, in any case."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, str) or value.lower() not in TRUTHS:
            raise ValidationError("Must be true, false, 1 or 0.")
        return TRUTHS[value.lower()]


class JsonBoolean(fields.Boolean):
    """A JSON boolean; neither 1 nor \"true\" will do."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be a JSON boolean: true or false.")
        return value


def limit(default: int | None) -> Whole:
    """How many of a list; without a default, all of it."""
    meaning = "At most this many." if default else "At most this many; left out: all."
    described = {"description": meaning}
    return Whole(least=1, most=MOST_LISTED, load_default=default, allow_none=False, metadata=described)


def offset() -> Whole:
    """How many of a list are left out at its beginning."""
    meaning = "Leave out this many at the beginning."
    return Whole(least=0, most=FARTHEST_OFFSET, load_default=0, metadata={"description": meaning})


class Tags(fields.List[Any]):
    """Tags, each a text without a comma; loaded as the one text that is stored."""

    def __init__(self, *, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        described = {"maxItems": MOST_TAGS, **metadata}
        super().__init__(Text(least=1, most=LONGEST_TAG), metadata=described, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > MOST_TAGS:
            raise ValidationError(f"At most {MOST_TAGS}.")
        try:
            found: list[Any] = super()._deserialize(value, *args, **kwargs)
            return join_tags(found)
        except InvalidInput as error:
            raise ValidationError(error.message) from error
