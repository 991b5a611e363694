"""The outcome of a source's looks: a failure is remembered until a look works."""

from sessiontrack.database import Statement, Transaction

LONGEST_REASON = 255
PUT = Statement(
    "INSERT INTO source_failure (name, since_at, failed_at, reason) VALUES (:name, :now, :now, :reason)"
    " ON CONFLICT (name) DO UPDATE SET failed_at = excluded.failed_at, reason = excluded.reason"
)
LAST = Statement("SELECT reason, failed_at FROM source_failure WHERE name = :name")
REMOVE = Statement("DELETE FROM source_failure WHERE name = :name")


def record_failure(tx: Transaction, now: int, source: str, reason: str) -> None:
    """A look could not be made, or not be read."""
    tx.run(PUT, name=source, now=now, reason=" ".join(reason.split())[:LONGEST_REASON])


def last_failure(tx: Transaction, source: str) -> tuple[str, int]:
    """Why the last look failed, and when; an empty reason where it worked."""
    reason, failed_at = tx.row(LAST, name=source) or ("", 0)
    return reason, failed_at


def record_success(tx: Transaction, source: str) -> None:
    """A look was taken in."""
    tx.run(REMOVE, name=source)
