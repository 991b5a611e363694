"""A read-only replica of PostgreSQL; it may lag, and it may be unreachable."""

import threading
import time

from sqlalchemy import Engine, PoolProxiedConnection

from sessiontrack.database.engines.postgres import PostgreSQL
from sessiontrack.exceptions import SessiontrackError

# How long it is not used after it could not be reached or failed.
PAUSE_SECONDS = 5
# The log position it has replayed. Queried before the transaction, whose snapshot is then at least that new;
# queried within it, the position could be newer than the snapshot. A promoted replica reports its own log.
SEEN = (
    "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    " ELSE pg_current_wal_lsn() END, '0/0')::bigint"
)


class Replica:
    """Gives connections to the replica if it can be reached and is recent enough."""

    def __init__(self, engine: Engine, back_end: PostgreSQL) -> None:
        self.engine = engine
        self._back_end = back_end
        self._lock = threading.Lock()
        self._asked_again_at = 0.0

    def begun(self, position: int, seconds: int | None = None) -> PoolProxiedConnection | None:
        """A connection on which a reading transaction has begun; None where there is none just now.

        Args:
            position: what it must have seen of the other one's log.
            seconds: how long a statement may take; None: however long.
        """
        if time.monotonic() < self._asked_again_at:
            return None
        connection = None
        try:
            connection = self.engine.raw_connection()
            cursor = connection.cursor()
            cursor.execute(SEEN)
            ((seen,),) = cursor.fetchall()
            if seen is not None and seen >= position:
                cursor.execute(self._back_end.limited(self._back_end.begin_reading, seconds))
                return connection
            connection.close()
        except Exception:
            self.leave_alone()
            if connection is not None:
                connection.invalidate()
        return None

    def meaning_of(self, error: Exception) -> SessiontrackError | None:
        """What an error of the driver's means for the caller, apart from the replica's own faults."""
        return self._back_end.meaning_of(error)

    def failed(self, error: Exception) -> bool:
        """Whether the replica caused the error: it cancelled the query, is not migrated yet, or is gone."""
        from psycopg import Error

        is_its = isinstance(error, Error)
        if is_its:
            self.leave_alone()
        return is_its

    def leave_alone(self) -> None:
        """Do not use it for a while, and then only on new connections."""
        with self._lock:
            self._asked_again_at = time.monotonic() + PAUSE_SECONDS
        self.engine.dispose()
