"""Rows as lines of text in PostgreSQL's COPY format, the format in which rows are moved.

A block is several whole lines. Both back ends give the same line for the same row, so checksums compare.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Column, String

Row = tuple[int | str | None, ...]

NULL = "\\N"
_WORDS = {"\\": "\\", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_ESCAPES = {ord(each): f"\\{word}" for each, word in _WORDS.items()}
_MEANINGS = {word: each for each, word in _WORDS.items()}
_ESCAPED = re.compile(r"\\(.)")


def encode(rows: Iterable[Sequence[object]]) -> bytes:
    """Encode rows as a block.

    Raises:
        ValueError: a value is neither a whole number nor text.
    """
    return "".join(["\t".join([_cell(value) for value in row]) + "\n" for row in rows]).encode()


def _cell(value: object) -> str:
    if value is None:
        return NULL
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, int):
        return str(value)
    raise ValueError(f"{value!r} is neither a whole number nor text")


def decoder(columns: Sequence[Column[object]]) -> Callable[[bytes], list[Row]]:
    """Make the function that decodes blocks with these columns.

    Raises:
        ValueError: the function met text instead of a number.
    """
    readers = [_text if isinstance(column.type, String) else int for column in columns]

    def decode(block: bytes) -> list[Row]:
        # Not splitlines(): Unicode has more line separators than COPY.
        lines = block.decode().split("\n")[:-1]
        return [
            tuple(
                [
                    None if cell == NULL else read(cell)
                    for read, cell in zip(readers, line.split("\t"), strict=True)
                ]
            )
            for line in lines
        ]

    return decode


def _text(cell: str) -> str:
    return _ESCAPED.sub(lambda found: _MEANINGS[found[1]], cell) if "\\" in cell else cell
