"""The views of a user session in the order of time."""

from collections.abc import Iterator
from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.values.paths import as_list

ONE = Statement("SELECT id FROM user_session WHERE public_id = :public_id")
ONE_OWN = Statement("SELECT id FROM user_session WHERE public_id = :public_id AND username = :only")
VISITS = Statement(
    "SELECT view, tab, since_at, until_at, seconds FROM view_visit WHERE session_id = :session_id"
    " ORDER BY since_at LIMIT :limit OFFSET :offset"
)
COUNT = Statement("SELECT count(*) FROM view_visit WHERE session_id = :session_id")


def find_session(tx: Transaction, public_id: str, only: str | None) -> int | None:
    """The row of a user session; `only`: where it is that user's."""
    if only is None:
        found: int | None = tx.value(ONE, public_id=public_id)
    else:
        found = tx.value(ONE_OWN, public_id=public_id, only=only)
    return found


def list_visits(tx: Transaction, session_id: int, limit: int, offset: int) -> Iterator[dict[str, Any]]:
    """What was in sight in a session, oldest first."""
    for view, tab, since, until, seconds in tx.rows(
        VISITS, session_id=session_id, limit=limit, offset=offset
    ):
        yield {"path": as_list(view, tab), "since": since, "until": until, "visible_duration": seconds}


def count_visits(tx: Transaction, session_id: int) -> int:
    """How many there are."""
    return int(tx.value(COUNT, session_id=session_id))
