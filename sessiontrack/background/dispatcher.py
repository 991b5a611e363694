"""Delivers the outbox from a thread in each worker of `serve`.

Every worker of every host polls; the claim on a receiver decides which one delivers to it. Without webhooks,
polling is one read of an empty table every ten seconds.
"""

import logging
import socket
import time
from threading import Event, Thread

from flask import Flask

from sessiontrack import clock
from sessiontrack.config import settings_of
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.queries.sources import list_sources
from sessiontrack.queries.webhooks import has_webhooks
from sessiontrack.senders.messages import SendResult
from sessiontrack.senders.targets import Resolver
from sessiontrack.services import deliveries, sources
from sessiontrack.services.announcing import settle_flapping
from sessiontrack.services.clock_door import ClockDoor
from sessiontrack.services.deliveries import Attempt, Claim
from sessiontrack.services.flapping import FlappingRules

LOOK_SECONDS = 1
IDLE_SECONDS = 10
TROUBLE_SECONDS = 30
TIDY_SECONDS = 30
# Then another receiver gets its turn.
MOST_AT_ONCE = 50
logger = logging.getLogger(__name__)


class Dispatcher:
    """Delivers from one thread; any number of dispatchers may run, on any number of hosts."""

    def __init__(self, app: Flask, resolve: Resolver = socket.getaddrinfo) -> None:
        settings = settings_of(app)
        self._app = app
        self._allowed, self._site = settings.webhook_allow, settings.timezone
        self._flapping = FlappingRules.of(settings)
        self._resolve = resolve
        self._stop = Event()
        self._thread: Thread | None = None
        self._tidied_at = 0
        self._times_wrong = 0
        self._silence = sources.SilenceWatch()

    def start(self) -> None:
        """Run in a thread until `stop`."""
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self, wait_seconds: float) -> None:
        """Stop the thread; the next holder of the claim repeats a delivery that takes longer than that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        wait: float = LOOK_SECONDS
        while not self._stop.wait(wait):
            try:
                wait = LOOK_SECONDS if self.look() else IDLE_SECONDS
            except StorageUnavailable as error:
                logger.warning("Webhooks wait: %s", error.message)
                wait = TROUBLE_SECONDS
            except Exception:
                # The thread must survive an error in one delivery: no one would notice its end.
                logger.exception("Delivering webhooks failed.")
                wait = TROUBLE_SECONDS

    def look(self) -> bool:
        """Deliver what is due; False if there are no webhooks."""
        with self._app.app_context():
            with read_transaction() as tx:
                if not has_webhooks(tx):
                    return False
            if self._can_be_right(clock.now()):
                self._tidy()
                self._deliver_due()
        return True

    def _can_be_right(self, now: int) -> bool:
        """Whether the clock can. All waits for it: receivers refuse what is signed at a wrong time.

        What waits then may look as if it had waited for years.
        """
        door: ClockDoor | None = self._app.extensions.get("sessiontrack.clock_door")
        if door is None:
            return True
        if door.problem(now) is not None:
            return False
        if self._times_wrong != door.times_wrong:
            with write_transaction() as tx:
                deliveries.begin_anew(tx, now)
            self._times_wrong = door.times_wrong
        return True

    def _tidy(self) -> None:
        now = clock.now()
        if abs(now - self._tidied_at) < TIDY_SECONDS:
            return
        self._tidied_at = now
        with write_transaction() as tx:
            settle_flapping(tx, now, self._flapping)
            deliveries.tidy(tx, now)
        self._tell_of_sources(now)

    def _tell_of_sources(self, now: int) -> None:
        with read_transaction() as tx:
            found = list_sources(tx, now, counts=False)
        if news := self._silence.news(found, time.monotonic()):
            with write_transaction() as tx:
                sources.tell(tx, now, news)

    def _deliver_due(self) -> None:
        while not self._stop.is_set():
            with read_transaction() as tx:
                if not deliveries.is_due(tx, clock.now(), self._site):
                    return
            with write_transaction() as tx:
                claim = deliveries.claim_webhook(tx, clock.now(), self._site)
            if claim is None or not self._deliver(claim):
                return

    def _deliver(self, claim: Claim) -> int:
        """Deliver to one receiver; return the number of attempts."""
        # Imported here: installs without webhooks need not load an HTTP client at each start.
        from sessiontrack.senders.formats import shaped
        from sessiontrack.senders.webhook import post

        done: tuple[Attempt, SendResult] | None = None
        for number in range(MOST_AT_ONCE + 1):
            is_last = number == MOST_AT_ONCE or self._stop.is_set()
            with write_transaction() as tx:
                if done is not None:
                    _record(deliveries.record(tx, clock.now(), *done), *done)
                attempt = None if is_last else deliveries.take(tx, clock.now(), self._site, claim)
                if attempt is None:
                    deliveries.release(tx, clock.now(), claim)
            if attempt is None:
                return number
            message = shaped(attempt.message, self._site)
            done = attempt, post(message, clock.now(), self._allowed, self._resolve)
        return number


def _record(state: str, attempt: Attempt, outcome: SendResult) -> None:
    """Log a delivery that will not be retried."""
    if state == "dead":
        logger.warning(
            "Webhook delivery %s is dead after %d attempts: %s",
            attempt.message.delivery_id,
            attempt.number,
            outcome.error,
        )
