"""A PostgreSQL that follows another one, for reading; it may lag, and it may be away."""

import threading
import time

from sqlalchemy import Engine, PoolProxiedConnection

from sessiontrack.database.engines.postgres import PostgreSQL

# For how long nobody asks it again after it could not be reached or could not answer.
PAUSE_SECONDS = 5
# What it has taken over of the other one's log. Asked before the transaction, whose state is that or a later
# one; within it the answer could be of later than the state. One that was promoted follows nobody.
SEEN = (
    "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    " ELSE pg_current_wal_lsn() END, '0/0')::bigint"
)


class Replica:
    """Gives connections to it, where it can be reached and has seen enough."""

    def __init__(self, engine: Engine, ways: PostgreSQL) -> None:
        self.engine = engine
        self._ways = ways
        self._lock = threading.Lock()
        self._asked_again_at = 0.0

    def begun(self, position: int) -> PoolProxiedConnection | None:
        """A connection on which a reading transaction has begun; None where there is none just now.

        Args:
            position: what it must have seen of the other one's log.
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
                cursor.execute(self._ways.begin_reading)
                return connection
            connection.close()
        except Exception:
            self.leave_alone()
            if connection is not None:
                connection.invalidate()
        return None

    def failed(self, error: Exception) -> bool:
        """Whether it was its fault: it dropped the state, has not been migrated yet, or is gone."""
        from psycopg import Error

        is_its = isinstance(error, Error)
        if is_its:
            self.leave_alone()
        return is_its

    def leave_alone(self) -> None:
        """Ask it again after a while, and then on connections that are new: it could not answer."""
        with self._lock:
            self._asked_again_at = time.monotonic() + PAUSE_SECONDS
        self.engine.dispose()
