"""Whether this install is ready: the database is current, and a test write commits."""

import logging
import threading
import time

from sessiontrack import migrations
from sessiontrack.database import db, write_transaction
from sessiontrack.exceptions import StorageUnavailable, TakesNoWrites
from sessiontrack.services.write_probe import probe

log = logging.getLogger(__name__)
REMEMBERED_SECONDS = 1.0


class Readiness:
    """Checks at most once a second, however often it is asked; needs an application context."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._problem: str | None = None

    def problem(self) -> str | None:
        """The reason why it is not ready, in one sentence; None if it is ready.

        While one thread checks, which may wait for the write lock, the others get the last result.
        """
        if self._looking.acquire(blocking=self._looked_at == float("-inf")):
            try:
                if time.monotonic() - self._looked_at >= REMEMBERED_SECONDS:
                    self._problem = _look()
                    self._looked_at = time.monotonic()
            finally:
                self._looking.release()
        return self._problem


def _look() -> str | None:
    try:
        if migrations.current_revision(db.engine) != migrations.newest_revision():
            return "The database is not migrated; start sessiontrack serve."
        with write_transaction() as tx:
            probe(tx)
    except StorageUnavailable as error:
        reason = error.__cause__
        if reason is None or isinstance(reason, OSError):
            return error.message
        # The driver's message may name hosts and files; the caller has not signed in.
        log.warning("The database cannot be written: %s", error.reason)
        if isinstance(error, TakesNoWrites):
            return error.message
        return "The database cannot be written; the log says why."
    return None
