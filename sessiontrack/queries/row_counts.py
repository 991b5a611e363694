"""How many rows a list has, and where a page far down begins, without stepping over all before it."""

from typing import NamedTuple

from sessiontrack.db import Statement, Transaction
from sessiontrack.models.row_count import STRETCH_BITS

# To step over so many costs less than to ask.
MOST_SKIPPED = 500
TOTAL = Statement("SELECT coalesce(sum(rows), 0) FROM row_count WHERE counted = :counted")
_BEFORE = (
    "SELECT stretch, before FROM (SELECT stretch, sum(rows) OVER (ORDER BY stretch {direction}) - rows"
    " AS before FROM row_count WHERE counted = :counted) AS placed WHERE before <= :offset"
    " ORDER BY stretch {back} LIMIT 1"
)
OLDEST_FIRST = Statement(_BEFORE.format(direction="ASC", back="DESC"))
NEWEST_FIRST = Statement(_BEFORE.format(direction="DESC", back="ASC"))


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
    found = tx.row(NEWEST_FIRST if newest_first else OLDEST_FIRST, counted=counted, offset=offset)
    if found is None:
        return None
    stretch, before = found
    return Place((stretch + newest_first) << STRETCH_BITS, offset - int(before))
