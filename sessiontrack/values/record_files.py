"""Rows of plain values as bytes, and back: CSV, JSON and one JSON object a line (NDJSON).

Both directions go row by row, whatever the length of the file. In CSV a text that a spreadsheet would take
for a formula gets an apostrophe before it, and loses it again when it is read: what was written is read back
equal, and what has no such apostrophe is read as it stands.
"""

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO, NoReturn

import orjson

from sessiontrack.exceptions import UnreadableHistory

FORMATS = ("csv", "json", "ndjson")
# No row that is meant is longer; a file without an end to its first line must not fill the memory.
LONGEST_ROW = 16 * 1024 * 1024
BATCH = 1000
CHUNK = 256 * 1024
BOM = b"\xef\xbb\xbf"
EMPTY_ROW = '""'
# Where a cell begins for some spreadsheet, which may separate by other characters than ours; then a formula.
# With apostrophes before it, so that a text that has some of its own comes back with just those.
_FORMULA = re.compile(r"""((?:^|[;,|\t\r\n])[ "]*)(?='*[=+\-@\t\r])""")
_DEFUSED = re.compile(r"""((?:^|[;,|\t\r\n])[ "]*)'(?='*[=+\-@\t\r])""")
# What some spreadsheet would divide a cell at.
_QUOTED = re.compile(r'[;,|\t\r\n"]')
_BLANKS = " \t\r\n"

Raw = Mapping[str, Any]


class Line:
    """One row as it was read: its number, and its values or what is wrong with it."""

    __slots__ = ("fault", "number", "values")

    def __init__(self, number: int, values: Raw | None, fault: str = "") -> None:
        self.number = number
        self.values = values
        self.fault = fault


def encode(rows: Iterable[Raw], columns: Sequence[str], file_format: str) -> Iterator[bytes]:
    """The rows in one of FORMATS, in pieces.

    Args:
        columns: the keys of each row, in their order; CSV has them as its first line.
    """
    return _ENCODERS[file_format](iter(rows), columns)


def encode_cells(rows: Iterator[Sequence[str]], columns: Sequence[str]) -> Iterator[bytes]:
    """Rows of cells as CSV, in pieces; each text in them is one of `as_cell`, or cannot be a formula."""
    yield (",".join(columns) + "\r\n").encode()
    while batch := list(islice(rows, BATCH)):
        # A line of nothing would be no row.
        yield "".join(f"{','.join(row) or EMPTY_ROW}\r\n" for row in batch).encode()


def decode(file: BinaryIO, file_format: str, known: Sequence[str] = ()) -> Iterator[Line]:
    """The rows of a file in one of FORMATS; CSV values are texts, those of the others what JSON has.

    Args:
        known: the columns there may be in CSV; none: any.
    Raises:
        UnreadableHistory: it is not in that format, breaks off in the middle, or has an unknown column.
    """
    return _DECODERS[file_format](file, known)


def decode_any_json(file: BinaryIO) -> Iterator[Line]:
    """The rows of one JSON array, or of an object a line, whichever it is.

    Raises:
        UnreadableHistory: an array breaks off, or is none.
    """
    blank = 0
    start = b""
    while not start.removeprefix(BOM).strip() and (start := file.readline(CHUNK)):
        blank += 1
    if start.removeprefix(BOM).lstrip().startswith(b"["):
        return _from_json(file, (), start)
    return _from_ndjson(file, (), start, max(blank, 1))


def defuse(text: str) -> str:
    """A text that no spreadsheet takes for a formula, nor a part of it."""
    return _FORMULA.sub(r"\1'", text) if _FORMULA.search(text) else text


def undefuse(text: str) -> str:
    """What `defuse` was given."""
    return _DEFUSED.sub(r"\1", text) if _DEFUSED.search(text) else text


# --- writing


def as_cell(value: object) -> str:
    """A value as CSV has it: defused, and quoted where some spreadsheet would divide it."""
    if isinstance(value, str):
        return _quoted(defuse(value))
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(defuse(orjson.dumps(value).decode())) if isinstance(value, list | dict) else str(value)


def _quoted(text: str) -> str:
    """By RFC 4180, and where other separators than the comma divide cells too: csv quotes none of those."""
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _as_csv(rows: Iterator[Raw], columns: Sequence[str]) -> Iterator[bytes]:
    return encode_cells(([as_cell(row[name]) for name in columns] for row in rows), columns)


def _as_json(rows: Iterator[Raw], columns: Sequence[str]) -> Iterator[bytes]:
    yield b"["
    separator = b"\n"
    while batch := list(islice(rows, BATCH)):
        yield separator + b",\n".join(map(orjson.dumps, batch))
        separator = b",\n"
    yield b"\n]\n"


def _as_ndjson(rows: Iterator[Raw], columns: Sequence[str]) -> Iterator[bytes]:
    while batch := list(islice(rows, BATCH)):
        yield b"".join([orjson.dumps(row) + b"\n" for row in batch])


# --- reading


def _lines(file: BinaryIO, start: bytes = b"") -> Iterator[bytes]:
    """The lines of a file; of the first one, the start may have been read before."""
    if start and not start.endswith(b"\n"):
        start += file.readline(LONGEST_ROW)
    while line := start or file.readline(LONGEST_ROW + 1):
        start = b""
        if len(line) > LONGEST_ROW:
            raise UnreadableHistory("A line is longer than any row can be.")
        yield line


def _texts(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(_lines(file), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableHistory(f"Line {number} is not UTF-8 text.") from error


def _from_csv(file: BinaryIO, known: Sequence[str]) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_ROW)
    reader = csv.reader(_texts(file), strict=True)
    try:
        header = [name.strip().lower() if known else name for name in next(reader, [])]
        if not header:
            raise UnreadableHistory("The file is empty: its first line should name the columns.")
        if len(set(header)) < len(header):
            raise UnreadableHistory("A column is there twice.")
        if known and (unknown := sorted(set(header) - set(known))):
            commas = " Columns are separated by commas." if len(header) == 1 else ""
            raise UnreadableHistory(
                f"There is an unknown column {unknown[0][:60]!a}; known are: {', '.join(known)}.{commas}"
            )
        for cells in reader:
            if not cells:
                continue
            if len(cells) == len(header):
                values = dict(zip(header, map(undefuse, cells), strict=True))
                yield Line(reader.line_num, values)
            else:
                yield Line(reader.line_num, None, f"It has {len(cells)} cells instead of {len(header)}.")
    except csv.Error as error:
        raise UnreadableHistory(f"Line {reader.line_num} is not CSV: {error}.") from error


def _from_ndjson(file: BinaryIO, known: Sequence[str], start: bytes = b"", first: int = 1) -> Iterator[Line]:
    for number, line in enumerate(_lines(file, start), start=first):
        text = line.removeprefix(BOM) if number == 1 else line
        if not text.strip():
            continue
        try:
            yield _object(number, _DECODER.decode(text.decode("utf-8")))
        except (ValueError, RecursionError):
            yield Line(number, None, "It is not a JSON object.")


def _from_json(file: BinaryIO, known: Sequence[str], start: bytes = b"") -> Iterator[Line]:
    """The items of one array, decoded one by one as the file is read."""
    text = _Buffer(file, start)
    if text.next() != "[":
        raise UnreadableHistory("The file is not one JSON array.")
    text.skip()
    if text.next() == "]":
        text.skip()
    else:
        number = 0
        separator = ","
        while separator == ",":
            number += 1
            yield _object(number, text.value(number))
            separator = text.next()
            if separator not in ("]", ","):
                raise UnreadableHistory(f"The JSON array breaks off after item {number}.")
            text.skip()
    if text.next():
        raise UnreadableHistory("There is more behind the JSON array.")


class _Buffer:
    """The part of a JSON text that is being looked at."""

    def __init__(self, file: BinaryIO, start: bytes) -> None:
        self._file = file
        self._start = start
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._is_whole = False

    def _more(self) -> None:
        try:
            # The more there is already, the more at once: each try begins anew.
            raw = self._start or self._file.read(max(CHUNK, len(self._text) - self._at))
            self._start = b""
            found = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise UnreadableHistory("The file is not UTF-8 text.") from error
        self._is_whole = not raw
        self._text = self._text[self._at :] + found
        self._at = 0

    def next(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._is_whole:
                return ""
            self._more()

    def skip(self) -> None:
        self._at += 1

    def value(self, number: int) -> Any:
        """The next value."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                # A number that ends where the text does may go on behind it.
                if end < len(self._text) or self._is_whole:
                    self._at = end
                    return value
            except RecursionError as error:
                raise UnreadableHistory(f"Item {number} is nested too deep.") from error
            except ValueError as error:
                if self._is_whole:
                    raise UnreadableHistory(f"Item {number} is not JSON, or breaks off.") from error
            if len(self._text) - self._at > LONGEST_ROW:
                raise UnreadableHistory(f"Item {number} is not JSON, or longer than any row can be.")
            self._more()


def _object(number: int, value: object) -> Line:
    return Line(number, value) if isinstance(value, dict) else Line(number, None, "It is not a JSON object.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODERS = {"csv": _as_csv, "json": _as_json, "ndjson": _as_ndjson}
_DECODERS = {"csv": _from_csv, "json": _from_json, "ndjson": _from_ndjson}
