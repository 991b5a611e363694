"""How many rows a list has, and where a page far down begins, without stepping over all before it."""

from sqlalchemy import func, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.models.row_count import STRETCH_BITS, RowCount

# To step over so many costs less than to ask.
MOST_SKIPPED = 500
# Each part of a count is a row.
TOTAL = Statement("SELECT coalesce(sum(rows), 0) FROM row_count WHERE counted = :counted")
# How many rows there are in whole stretches; its parameters: from_instant().
IN_STRETCHES = select(func.coalesce(func.sum(RowCount.rows), 0)).where(
    RowCount.counted == bind("counted"), RowCount.stretch >= bind("stretch")
)
# Stretches are looked at in two steps: first so many of them together, then one by one.
PART_BITS = 6
PARTS = Statement(
    f"SELECT stretch >> {PART_BITS}, sum(rows) FROM row_count WHERE counted = :counted"
    f" GROUP BY stretch >> {PART_BITS}"
)
STRETCHES = Statement(
    "SELECT stretch, sum(rows) FROM row_count WHERE counted = :counted AND stretch >= :first"
    " AND stretch <= :last GROUP BY stretch"
)


def total(tx: Transaction, counted: str) -> int:
    """How many rows there are."""
    return int(tx.value(TOTAL, counted=counted))


def from_instant(counted: str, since: int) -> dict[str, str | int]:
    """The stretches that begin at `since` or later; what lies before them, until there, is to be counted."""
    stretch = -(-since >> STRETCH_BITS)
    return {"counted": counted, "stretch": stretch, "since": since, "until": stretch << STRETCH_BITS}


def place(tx: Transaction, counted: str, offset: int, *, newest_first: bool) -> dict[str, int]:
    """Where the row of that number is to be found.

    Returns:
        edge: rows from this instant on (or, newest first, before it) are it or come after it.
        offset: how many of those to step over.
    """
    if offset <= MOST_SKIPPED:
        return {"edge": EVERYTHING if newest_first else 0, "offset": offset}
    parts = sorted(tx.rows(PARTS, counted=counted), reverse=newest_first)
    if not parts:
        return {"edge": 0, "offset": 0}
    part, offset = _reached(parts, offset)
    first = part << PART_BITS
    last = first + (1 << PART_BITS) - 1
    stretches = tx.rows(STRETCHES, counted=counted, first=first, last=last)
    stretch, offset = _reached(sorted(stretches, reverse=newest_first), offset)
    return {"edge": (stretch + newest_first) << STRETCH_BITS, "offset": offset}


def _reached(counts: list[Row], offset: int) -> tuple[int, int]:
    """Where the row of that number is, and its number there; the last place has what is beyond the end."""
    for place, rows in counts[:-1]:
        if offset < rows:
            return place, offset
        offset -= int(rows)
    return counts[-1][0], offset
