"""How many rows a list has, and where a page far down begins, without stepping over all before it."""

from typing import NamedTuple

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.row_count import STRETCH_BITS

# To step over so many costs less than to ask.
MOST_SKIPPED = 500
TOTAL = Statement("SELECT coalesce(sum(rows), 0) FROM row_count WHERE counted = :counted")
# Stretches are looked at in two steps: first so many of them together, then one by one.
PART_BITS = 6
PARTS = Statement(
    f"SELECT stretch >> {PART_BITS}, sum(rows) FROM row_count WHERE counted = :counted"
    f" GROUP BY stretch >> {PART_BITS}"
)
STRETCHES = Statement(
    "SELECT stretch, rows FROM row_count WHERE counted = :counted AND stretch >= :first AND stretch <= :last"
)


class Place(NamedTuple):
    """Rows from this instant on (or, newest first, before it), and how many of those to step over."""

    edge: int
    offset: int


def total(tx: Transaction, counted: str) -> int | None:
    """How many rows there are; None where nobody counts."""
    return int(tx.value(TOTAL, counted=counted)) if tx.counts_rows else None


def place(tx: Transaction, counted: str, offset: int, *, newest_first: bool) -> Place | None:
    """Where the row of that number is to be found; None where it has to be looked for."""
    if offset <= MOST_SKIPPED or not tx.counts_rows:
        return None
    parts = sorted(tx.rows(PARTS, counted=counted), reverse=newest_first)
    if not parts:
        return None
    part, offset = _reached(parts, offset)
    first = part << PART_BITS
    last = first + (1 << PART_BITS) - 1
    stretches = tx.rows(STRETCHES, counted=counted, first=first, last=last)
    stretch, offset = _reached(sorted(stretches, reverse=newest_first), offset)
    return Place((stretch + newest_first) << STRETCH_BITS, offset)


def _reached(counts: list[Row], offset: int) -> tuple[int, int]:
    """Where the row of that number is, and its number there; the last place has what is beyond the end."""
    for place, rows in counts[:-1]:
        if offset < rows:
            return place, offset
        offset -= rows
    return counts[-1][0], offset
