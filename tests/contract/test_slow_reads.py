"""A question that takes the database too long is given up, and what to narrow is said."""

from collections.abc import Callable

import pytest

from sessiontrack.database import Statement, Transaction, look_up, read_transaction
from sessiontrack.database.transactions import limit_reads
from sessiontrack.exceptions import QueryTooSlow
from sessiontrack.queries import events
from tests.support.application import Clients
from tests.support.refusals import refused

# Counts for hours, on either engine.
ENDLESS = Statement(
    "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000000000)"
    " SELECT count(*) FROM number"
)


def count_for_ever(tx: Transaction, *_: object, **__: object) -> dict[str, int]:
    return {"all": int(tx.value(ENDLESS))}


def test_a_read_that_takes_too_long_says_what_to_narrow(
    clients: Clients, make_clients: Callable[..., Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = make_clients(READ_TIMEOUT_SECONDS=1)
    with monkeypatch.context() as patched:
        patched.setattr(events, "count_totals", count_for_ever)
        answer = impatient.viewer.get("/sessions/totals")
        assert "shorter period" in refused(answer, 503, "query_too_slow")["message"]
        # To try again cannot help.
        assert "Retry-After" not in answer.headers
    assert impatient.viewer.ok("GET", "/sessions/totals") == [0] * 6
    with clients.app.app_context():
        limit_reads(1)
        with pytest.raises(QueryTooSlow), read_transaction() as tx:
            count_for_ever(tx)
        # What comes after it on the same connection is not limited.
        with look_up() as tx:
            assert tx.value(Statement("SELECT 1")) == 1
