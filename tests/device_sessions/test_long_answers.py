"""A long answer is sent while it is read: its length does not show in the memory that it takes."""

import sys
import tracemalloc
from collections.abc import Callable

import pytest

from sessiontrack.database import Statement, write_transaction
from tests.support.application import Clients

MIB = 1 << 20
# Two and six times what an answer may hold as a whole (answers.WHOLE), so that it is sent in pieces.
SHORT, LONG = 20_000, 60_000
DEVICES = 20
HOUR = 3600
START = 1_750_000_000
ADD_DEVICES = Statement("INSERT INTO device (id, mac, first_seen_at) VALUES (:id, :mac, 0)")
ADD_SESSIONS = Statement(
    "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :count)"
    " INSERT INTO device_session (device_id, connected_at, disconnected_at, ip, conn_type, disc_type)"
    f" SELECT 1 + n % {DEVICES}, {START} + n * 60, {START} + n * 60 + 30, '10.0.0.1', 'Connected',"
    " 'Disconnected' FROM number"
)
ADD_EVENTS = Statement(
    "INSERT INTO event (device_id, at, type, ip, session_id) SELECT device_id, connected_at, 'Connected',"
    " ip, id FROM device_session"
)
CALLS = {
    "list": "/sessions/list",
    "calendar": "/sessions/calendar?start=2025-01-01&end=2026-01-01",
    "events, CSV": "/sessions/session-events.csv?type=all&period=3%20years",
}


@pytest.fixture
def filled(clients: Clients) -> Callable[[int], None]:
    def fill(count: int) -> None:
        with clients.app.app_context(), write_transaction() as tx:
            tx.run(Statement("DELETE FROM event"))
            tx.run(Statement("DELETE FROM device"))
            tx.run_many(
                ADD_DEVICES, [{"id": n, "mac": f"02:00:00:00:00:{n:02X}"} for n in range(1, DEVICES + 1)]
            )
            tx.run(ADD_SESSIONS, count=count)
            tx.run(ADD_EVENTS)

    return fill


def read(clients: Clients, path: str) -> tuple[int, int, int]:
    """The bytes of the answer, those of its largest piece, and what was held at most to make it."""
    answer = clients.viewer.get(path)
    assert answer.status_code == 200
    size = largest = 0
    # What a tracer holds is not the answer's.
    tracer = sys.gettrace()
    sys.settrace(None)
    tracemalloc.start()
    try:
        for piece in answer.response:
            size += len(piece)
            largest = max(largest, len(piece))
        return size, largest, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sys.settrace(tracer)
        answer.close()


@pytest.mark.parametrize("path", CALLS.values(), ids=CALLS.keys())
def test_three_times_the_rows_take_no_more_memory(
    clients: Clients, filled: Callable[[int], None], path: str
) -> None:
    found = []
    for count in (SHORT, LONG):
        filled(count)
        found.append(read(clients, path))
    (short, _, short_peak), (long, largest, long_peak) = found
    assert long > 2.9 * short
    assert long_peak < short_peak + MIB / 2
    assert long_peak < long / 2
    assert largest < long / 2
