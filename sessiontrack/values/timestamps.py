"""Instants as people write and read them, in the site's time zone; inside, whole UTC epoch seconds."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sessiontrack.exceptions import InvalidInstant, InvalidSetting

# Two days short of what datetime can hold, so that no zone and no offset leads past either end.
EARLIEST = -62_135_424_000  # 0001-01-03T00:00:00Z
LATEST = 253_402_127_999  # 9999-12-29T23:59:59Z
# After every instant that can be stored: the end of what has not ended.
FOREVER = 2**62

INSTANT_FORMS = (
    "An instant is YYYY-MM-DD, or YYYY-MM-DDTHH:MM[:SS[.fff]] with T or a blank, followed by Z, by an offset"
    " like +02:00, or by nothing (site time), from 0001-01-03 to 9999-12-29"
)
TIMESTAMP_FORMS = INSTANT_FORMS + "; or it is whole epoch seconds like 1754042400"

_BLANKS = " \t\r\n"
_INSTANT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9])(?:(?P<second>:[0-5][0-9])(?:[.,][0-9]+)?)?"
    # A sign that is missing behind a blank was a "+" before the URL was decoded.
    r"(?P<zone>[Zz]|(?: ?(?P<sign>[+-])|[ ]{1,2})"
    r"(?P<offset>(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9])?|[0-5][0-9])?))?)?"
)
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH_SECONDS = re.compile(r"0*([0-9]{1,12})")
_EPOCH_MILLISECONDS = re.compile("[0-9]{13,15}")

_DAY = 86_400
# No zone in the database changes twice within so long.
_TWO_CHANGES = 3 * _DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_MINUTES = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(_DAY // 60))
_SECONDS = tuple(f":{second:02}" for second in range(60))
_SECONDS_AT = {text: 60 * minute for minute, text in enumerate(_MINUTES)}
_SECOND_OF = {text: second for second, text in enumerate(_SECONDS)}
_CACHED_DAYS = 8_192  # 22 years; a full cache is emptied, which costs one slow answer and bounds the memory


class SiteTime:
    """The site time zone: reads instants written by people, and writes them for people.

    Every `at`, taken or given, is UTC epoch seconds within EARLIEST .. LATEST. Every `parse_` method raises
    InvalidInstant, and nothing else, for a text it does not accept; the error names the accepted forms.

    Attributes:
        name: the zone's IANA name, as given.
        zone: the same as a ZoneInfo.
    Raises:
        InvalidSetting: the zone is not in the time zone database.
    """

    def __init__(self, zone: str) -> None:
        try:
            self.zone = ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:  # OSError: the name of a folder, or a name too long
            message = f"{zone!r} is not a known time zone; a name like Europe/Berlin is expected"
            raise InvalidSetting(message) from error
        self.name = zone
        self._offsets = _DayOffsets(self.zone)
        self._midnights = _Midnights(self)
        self._offset_texts: dict[int, str] = {}

    def parse_start(self, text: str) -> int:
        """Read an instant; a date alone is the first instant of that local day."""
        return self._parse(text, self._first_second)

    def parse_end(self, text: str) -> int:
        """Read an instant; a date alone is the last whole second of that local day.

        A day that the zone skipped (Pacific/Apia, 2011-12-30) ends one second before it starts.
        """
        return self._parse(text, self._last_second)

    def parse_end_exclusive(self, text: str) -> int:
        """Read an instant that is itself not included; a date alone is the end of that local day.

        That is the next day's first instant, save where clocks go back from just after midnight to before it
        (America/St_Johns until 2011): there the day goes on after the next one began, and is included whole.
        """
        return self._parse(text, lambda midnight: self._last_second(midnight) + 1)

    def parse_timestamp_start(self, text: str) -> int:
        """Read whole epoch seconds, or what parse_start reads."""
        return _parse_timestamp(text, self.parse_start)

    def parse_timestamp_end(self, text: str) -> int:
        """Read whole epoch seconds, or what parse_end reads."""
        return _parse_timestamp(text, self.parse_end)

    def parse_graph_start(self, text: str) -> int:
        """Read what parse_timestamp_start reads, or epoch milliseconds, which have 13 digits."""
        return self.parse_timestamp_start(_in_seconds(text))

    def parse_graph_end(self, text: str) -> int:
        """Read what parse_timestamp_end reads, or epoch milliseconds, which have 13 digits."""
        return self.parse_timestamp_end(_in_seconds(text))

    # The formatters run tens of thousands of times per answer. To look up a day's offset and its text costs a
    # third of what a datetime does; only the days on which the offset changes take the long way.

    def format_minute(self, at: int) -> str:
        """Write `2025-08-01 10:00`, site time; the seconds are cut off."""
        offset = self._offsets[at // _DAY]
        if offset is None:
            return self._aware(at).isoformat(" ")[:16]
        local = at + offset
        return f"{_DATES[local // _DAY]} {_MINUTES[local % _DAY // 60]}"

    def format_second(self, at: int) -> str:
        """Write `2025-08-01T10:00:00`, site time."""
        offset = self._offsets[at // _DAY]
        if offset is None:
            return self._aware(at).isoformat()[:19]
        local = at + offset
        return f"{_DATES[local // _DAY]}T{_MINUTES[local % _DAY // 60]}{_SECONDS[local % 60]}"

    def format_offset(self, at: int) -> str:
        """Write `2025-08-01T10:00:00+02:00`, site time; the offset has seconds where the zone's has them."""
        offset = self._offsets[at // _DAY]
        if offset is None:
            return self._aware(at).isoformat()
        text = self._offset_texts.get(offset)
        if text is None:
            text = self._offset_texts[offset] = self._aware(at).isoformat()[19:]
        local = at + offset
        return f"{_DATES[local // _DAY]}T{_MINUTES[local % _DAY // 60]}{_SECONDS[local % 60]}{text}"

    def parts(self, at: int) -> tuple[str, str, str, str]:
        """Write (`2025-08-01`, `10:00`, `:00`, `+02:00`), of which all of a row's texts can be made."""
        offset = self._offsets[at // _DAY]
        if offset is None:
            text = self._aware(at).isoformat()
            return text[:10], text[11:16], text[16:19], text[19:]
        offset_text = self._offset_texts.get(offset)
        if offset_text is None:
            offset_text = self._offset_texts[offset] = self._aware(at).isoformat()[19:]
        local = at + offset
        second = local % _DAY
        return _DATES[local // _DAY], _MINUTES[second // 60], _SECONDS[second % 60], offset_text

    def wall_time(self, at: int) -> datetime:
        """Give the naive date and time that a clock at the site shows at an instant."""
        return self._aware(at).replace(tzinfo=None)

    def even_parts(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Split [start, end) where the clock changes: (begin, end, seconds that the site is ahead of UTC)."""
        begin = at = start
        offset = _utc_offset(self.zone, start)
        while at < end:
            after = min(at + _TWO_CHANGES, end)
            if _utc_offset(self.zone, after) == offset:
                at = after
            else:
                at = self._change(at, after)
                yield begin, at, offset
                begin, offset = at, _utc_offset(self.zone, at)
        if begin < end:
            yield begin, end, offset

    def resolve(self, wall: datetime) -> int:
        """Give the instant at which a clock at the site shows a naive date and time (whole seconds).

        One in a spring gap moves forward by the gap, an ambiguous one is the first. The range is not checked.
        """
        # PEP 495: fold=0 keeps the offset of before the change, which is both of these rules in one.
        return _wall_seconds(wall) - self._wall_offset(wall, fold=0)

    def second_reading(self, at: int) -> int:
        """The later instant at which clocks show the same again, in autumn; else the same instant."""
        wall = self.wall_time(at)
        later = _wall_seconds(wall) - self._wall_offset(wall, fold=1)
        return max(at, later)

    def _parse(self, text: str, whole_day: Callable[[datetime], int]) -> int:
        """Read an instant; for a date alone, ask `whole_day` with the naive midnight it starts with."""
        # Most are of this form. By look-ups they take a third of the time.
        if len(text) == 19 and text[10] in "T ":
            midnight = self._midnights[text[:10]]
            minute_at, second_of = _SECONDS_AT.get(text[11:16]), _SECOND_OF.get(text[16:])
            if midnight is not None and minute_at is not None and second_of is not None:
                return midnight + minute_at + second_of
        match = _INSTANT.fullmatch(text.strip(_BLANKS))
        if match is None:
            raise InvalidInstant(INSTANT_FORMS)
        day, minute, second, zone, sign, offset = match.groups()
        try:
            wall = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ''}")
        except ValueError as error:  # the 31st of a short month, year 0000
            raise InvalidInstant(INSTANT_FORMS) from error
        if minute is None:
            return _checked(whole_day(wall))
        if zone is None:
            return _checked(self.resolve(wall))
        # Not astimezone(), which overflows at either end of the calendar.
        return _checked(_wall_seconds(wall) - _offset_seconds(sign, offset))

    def _first_second(self, midnight: datetime) -> int:
        """Find a local day's first second, which is not at midnight where clocks go forward over it."""
        seconds = _wall_seconds(midnight)
        before, after = self._wall_offset(midnight, fold=0), self._wall_offset(midnight, fold=1)
        if before < after:
            return self._change(seconds - after, seconds - before)
        return seconds - before

    def _last_second(self, midnight: datetime) -> int:
        """Find a local day's last second, given the midnight it starts with."""
        last = midnight.replace(hour=23, minute=59, second=59)
        seconds = _wall_seconds(last)
        before, after = self._wall_offset(last, fold=0), self._wall_offset(last, fold=1)
        if before < after:
            return self._change(seconds - after, seconds - before) - 1
        return seconds - after

    def _change(self, low: int, high: int) -> int:
        """Find the first second that has another offset than `low`, where `high` has it too."""
        before = _utc_offset(self.zone, low)
        found = bisect_left(range(low, high), True, key=lambda at: _utc_offset(self.zone, at) != before)
        return low + found

    def _wall_offset(self, wall: datetime, fold: int) -> int:
        return _whole_seconds(self.zone.utcoffset(wall.replace(fold=fold)))

    def _aware(self, at: int) -> datetime:
        return datetime.fromtimestamp(at, self.zone)


class _DayOffsets(dict[int, int | None]):
    """UTC day since the epoch -> the offset all through it, in seconds, or None where it changes within.

    Comparing both ends of a day is enough, because two changes are further apart than _TWO_CHANGES.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, day: int) -> int | None:
        if len(self) >= _CACHED_DAYS:
            self.clear()
        first = _utc_offset(self._zone, day * _DAY)
        last = _utc_offset(self._zone, day * _DAY + _DAY - 1)
        self[day] = offset = first if first == last else None
        return offset


class _Midnights(dict[str, int | None]):
    """YYYY-MM-DD -> the instant of that local day's midnight, or None where the clock changes within the day.

    What is no date has none, and is not kept.
    """

    def __init__(self, site: SiteTime) -> None:
        super().__init__()
        self._site = site

    def __missing__(self, text: str) -> int | None:
        if _DATE.fullmatch(text) is None:
            return None
        if len(self) >= _CACHED_DAYS:
            self.clear()
        try:
            midnight = datetime.fromisoformat(text)
        except ValueError:
            return None
        first = self._site.resolve(midnight)
        last = self._site.resolve(midnight.replace(hour=23, minute=59, second=59))
        is_even = last - first == _DAY - 1 and first >= EARLIEST and last <= LATEST
        self[text] = found = first if is_even else None
        return found


class _DateTexts(dict[int, str]):
    """Local day since 1970-01-01 -> its YYYY-MM-DD."""

    def __missing__(self, day: int) -> str:
        if len(self) >= _CACHED_DAYS:
            self.clear()
        self[day] = text = date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
        return text


_DATES = _DateTexts()  # the same for every zone


def _utc_offset(zone: ZoneInfo, at: int) -> int:
    return _whole_seconds(datetime.fromtimestamp(at, zone).utcoffset())


def _whole_seconds(offset: timedelta | None) -> int:
    assert offset is not None  # ZoneInfo gives None only for None
    return offset.days * _DAY + offset.seconds


def _wall_seconds(wall: datetime) -> int:
    """Count the seconds from 1970-01-01 00:00 on the same clock."""
    days = wall.toordinal() - _EPOCH_ORDINAL
    return days * _DAY + wall.hour * 3_600 + wall.minute * 60 + wall.second


def _offset_seconds(sign: str | None, offset: str | None) -> int:
    """Read `02`, `0200`, `02:00` or `02:00:30`; None, which `Z` leaves behind, is 0."""
    digits = (offset or "").replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3_600 + int(digits[2:4]) * 60 + int(digits[4:])
    return -seconds if sign == "-" else seconds


def _in_seconds(text: str) -> str:
    bare = text.strip(_BLANKS)
    return bare[:-3] if _EPOCH_MILLISECONDS.fullmatch(bare) else text


def _parse_timestamp(text: str, parse_iso: Callable[[str], int]) -> int:
    # Behind a year there is a "-".
    match = None if text[4:5] == "-" else _EPOCH_SECONDS.fullmatch(text.strip(_BLANKS))
    try:
        return parse_iso(text) if match is None else _checked(int(match[1]))
    except InvalidInstant as error:
        raise InvalidInstant(TIMESTAMP_FORMS) from error


def _checked(at: int) -> int:
    if EARLIEST <= at <= LATEST:
        return at
    raise InvalidInstant(INSTANT_FORMS)


IN_UTC = SiteTime("UTC")
