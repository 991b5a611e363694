"""The outbox: one worker at a time delivers to a receiver, in order, and comes back later where that fails.

A worker that is killed loses the claim; the next one begins with what was not finished. So each
delivery arrives at least once. All waiting is limited, also where the clock was set back meanwhile.
"""

import secrets
from dataclasses import dataclass
from random import SystemRandom

from sessiontrack.clock import WAITED_SECONDS
from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.senders.messages import Message, SendResult
from sessiontrack.services.claims import CLAIM_SECONDS
from sessiontrack.values.quiet_hours import minute_of_day
from sessiontrack.values.timestamps import SiteTime

# Longer than any attempt takes: resolving, three connections, the answer.
MOST_ATTEMPTS = 16
FIRST_WAIT = 10
LONGEST_WAIT = 3600
# A receiver in trouble is left alone for this long at most, unless it asks for more.
LONGEST_REST = 300
LONGEST_RETRY_AFTER = 86_400
EXPIRED_SECONDS = 3 * 86_400
KEEP_DELIVERED_SECONDS = 86_400
KEEP_DEAD_SECONDS = 14 * 86_400
TIDY_AT_ONCE = 5000
_JITTER = SystemRandom()

# An instant in the future counts as far as a wait can reach; past that the clock was set back.
_DUE = "NOT (d.due_at > :now AND d.due_at <= :now + 86400)"
_FREE = (
    f"NOT (w.claimed_until > :now AND w.claimed_until <= :now + {CLAIM_SECONDS + WAITED_SECONDS})"
    " AND NOT (w.resting_until > :now AND w.resting_until <= :now + 86400)"
)
# In its quiet hours a receiver is sent tests only, whose sender waits for them.
_HEARD = (
    "(d.type = 'test' OR NOT COALESCE(CASE WHEN w.quiet_from < w.quiet_to"
    " THEN :minute >= w.quiet_from AND :minute < w.quiet_to"
    " ELSE :minute >= w.quiet_from OR :minute < w.quiet_to END, false))"
)
DUE_WEBHOOKS = Statement(
    f"SELECT w.id FROM webhook w WHERE {_FREE} AND EXISTS (SELECT 1 FROM webhook_delivery d"
    f" WHERE d.webhook_id = w.id AND d.state = 'pending' AND {_DUE} AND {_HEARD})"
    " ORDER BY w.claimed_until, w.id"
)
CLAIM = Statement(
    f"UPDATE webhook AS w SET claimed_by = :holder, claimed_until = :until WHERE id = :webhook_id AND {_FREE}"
)
KEEP_CLAIM = Statement(
    "UPDATE webhook SET claimed_until = :until WHERE id = :webhook_id AND claimed_by = :holder"
    " RETURNING url, secret, format, resting_until"
)
RELEASE = Statement(
    "UPDATE webhook SET claimed_by = '', claimed_until = :now WHERE id = :webhook_id AND claimed_by = :holder"
)
NEXT = Statement(
    "SELECT d.id, d.public_id, d.body, d.attempts FROM webhook_delivery d"
    " JOIN webhook w ON w.id = d.webhook_id"
    f" WHERE d.webhook_id = :webhook_id AND d.state = 'pending' AND {_DUE} AND {_HEARD}"
    " ORDER BY d.due_at, d.id LIMIT 1"
)
# Counted before it is sent: a delivery that kills the program is not tried for ever.
ATTEMPT = Statement(
    "UPDATE webhook_delivery SET attempts = attempts + 1"
    " WHERE id = :delivery_id AND state = 'pending' AND attempts = :attempts"
)
_MINE = "WHERE id = :delivery_id AND state = 'pending' AND attempts = :attempts"
FINISH = Statement(
    "UPDATE webhook_delivery SET state = :state, status = :status, error = :error, finished_at = :now "
    + _MINE
)
DEFER = Statement(f"UPDATE webhook_delivery SET status = :status, error = :error, due_at = :due_at {_MINE}")
WELL = Statement(
    "UPDATE webhook SET failures = 0, resting_until = 0, last_error = '', last_delivered_at = :now"
    " WHERE id = :webhook_id"
)
UNWELL = Statement(
    "UPDATE webhook SET failures = failures + 1, last_error = :error WHERE id = :webhook_id"
    " RETURNING failures"
)
REST = Statement("UPDATE webhook SET resting_until = :until WHERE id = :webhook_id")
COMPLAIN = Statement("UPDATE webhook SET last_error = :error WHERE id = :webhook_id")

RETRY_DEAD = Statement(
    "UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = :now, created_at = :now,"
    " finished_at = NULL WHERE webhook_id = :webhook_id AND state = 'dead'"
)
RETRY_ONE = Statement(
    "UPDATE webhook_delivery SET state = 'pending', due_at = :now, created_at = :now, finished_at = NULL,"
    " attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END"
    " WHERE webhook_id = :webhook_id AND public_id = :public_id"
)
WAKE = Statement("UPDATE webhook SET resting_until = 0, failures = 0 WHERE id = :webhook_id")
EXPIRE = Statement(
    "UPDATE webhook_delivery SET state = 'dead', finished_at = :now,"
    " error = CASE WHEN error = '' THEN 'not delivered in time' ELSE error END"
    " WHERE state = 'pending' AND created_at < :before"
)
BEGIN_ANEW = Statement(
    "UPDATE webhook_delivery SET created_at = :now"
    " WHERE state = 'pending' AND (created_at < :before OR created_at > :now)"
)
FORGET = Statement(
    "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery"
    " WHERE state = :state AND finished_at < :before LIMIT :most)"
)


@dataclass(frozen=True)
class Claim:
    """The right to deliver to one receiver, until it is released or another one's turn has come."""

    webhook_id: int
    holder: str


@dataclass(frozen=True)
class Attempt:
    """A delivery that is to be tried now, for the so manieth time."""

    webhook_id: int
    row_id: int
    number: int
    message: Message


def is_due(tx: Transaction, now: int, site: SiteTime) -> bool:
    """Whether there is something that claim_webhook would find."""
    return tx.row(DUE_WEBHOOKS, now=now, minute=minute_of_day(site, now)) is not None


def claim_webhook(tx: Transaction, now: int, site: SiteTime) -> Claim | None:
    """Take a receiver for which something is due and to which no worker delivers; None where there is none.

    Of several, the one that was taken least lately.

    Args:
        site: in whose time quiet hours are.
    """
    for (webhook_id,) in tx.rows(DUE_WEBHOOKS, now=now, minute=minute_of_day(site, now)):
        claim = Claim(webhook_id, secrets.token_hex(16))
        if tx.run(CLAIM, webhook_id=webhook_id, holder=claim.holder, now=now, until=now + CLAIM_SECONDS):
            return claim
    return None


def take(tx: Transaction, now: int, site: SiteTime, claim: Claim) -> Attempt | None:
    """The next delivery, oldest first; None where there is none for now, or another one has the claim."""
    kept = tx.row(KEEP_CLAIM, webhook_id=claim.webhook_id, holder=claim.holder, until=now + CLAIM_SECONDS)
    if kept is None:
        return None
    url, secret, format_, resting_until = kept
    is_resting = now < resting_until <= now + LONGEST_RETRY_AFTER
    minute = minute_of_day(site, now)
    found = None if is_resting else tx.row(NEXT, webhook_id=claim.webhook_id, now=now, minute=minute)
    if found is None:
        return None
    row_id, public_id, body, attempts = found
    tx.run(ATTEMPT, delivery_id=row_id, attempts=attempts)
    message = Message(url, secret, public_id, body.encode(), format_)
    return Attempt(claim.webhook_id, row_id, attempts + 1, message)


def release(tx: Transaction, now: int, claim: Claim) -> None:
    """Let another one have its turn."""
    tx.run(RELEASE, webhook_id=claim.webhook_id, holder=claim.holder, now=now)


def record_answer(tx: Transaction, now: int, webhook_id: int) -> None:
    """The receiver took what was sent to it."""
    tx.run(WELL, webhook_id=webhook_id, now=now)


def record(tx: Transaction, now: int, attempt: Attempt, outcome: SendResult) -> str:
    """Keep what came of an attempt; one that another worker has repeated meanwhile changes nothing.

    Returns:
        the state that the delivery is in: delivered, dead, pending.
    """
    mine = {"delivery_id": attempt.row_id, "attempts": attempt.number}
    said = {"status": outcome.status, "error": outcome.error}
    if outcome.is_taken:
        tx.run(FINISH, **mine, **said, state="delivered", now=now)
        record_answer(tx, now, attempt.webhook_id)
        return "delivered"
    # Less by chance than it could be, so that not all come back at once.
    luck = _JITTER.uniform(0.5, 1)
    if outcome.is_receivers_trouble:
        failures = tx.value(UNWELL, webhook_id=attempt.webhook_id, error=outcome.error) or 1
        rest = max(min(_wait(failures, luck), LONGEST_REST), _asked_for(outcome))
        tx.run(REST, webhook_id=attempt.webhook_id, until=now + rest)
    else:
        tx.run(COMPLAIN, webhook_id=attempt.webhook_id, error=outcome.error)
    if outcome.is_final or attempt.number >= MOST_ATTEMPTS:
        tx.run(FINISH, **mine, **said, state="dead", now=now)
        return "dead"
    wait = max(_wait(attempt.number, luck), _asked_for(outcome))
    tx.run(DEFER, **mine, **said, due_at=now + wait)
    return "pending"


def _wait(failures: int, luck: float) -> int:
    """Twice as long after each failure, up to a limit."""
    return round(min(LONGEST_WAIT, FIRST_WAIT << min(failures - 1, 20)) * luck)


def _asked_for(outcome: SendResult) -> int:
    return min(outcome.retry_after, LONGEST_RETRY_AFTER)


def retry_dead(tx: Transaction, now: int, webhook_id: int) -> int:
    """Try its dead deliveries anew, beginning now; how many."""
    tx.run(WAKE, webhook_id=webhook_id)
    return tx.run(RETRY_DEAD, webhook_id=webhook_id, now=now)


def retry_one(tx: Transaction, now: int, webhook_id: int, public_id: str) -> int:
    """Send a delivery again, whatever its state, with the id that it has; how many, which is 1.

    Raises:
        NotFound: the webhook has no such delivery, or it was forgotten.
    """
    retried = tx.run(RETRY_ONE, webhook_id=webhook_id, public_id=public_id, now=now)
    if not retried:
        raise NotFound(f"Webhook {webhook_id} has no delivery {public_id}.")
    tx.run(WAKE, webhook_id=webhook_id)
    return retried


def begin_anew(tx: Transaction, now: int) -> None:
    """After the clock was wrong: let deliveries that would be given up count as waiting since now."""
    tx.run(BEGIN_ANEW, now=now, before=now - EXPIRED_SECONDS)


def tidy(tx: Transaction, now: int) -> None:
    """Give up what could not be delivered for days, and forget what has been over for long."""
    tx.run(EXPIRE, now=now, before=now - EXPIRED_SECONDS)
    for state, kept in (("delivered", KEEP_DELIVERED_SECONDS), ("dead", KEEP_DEAD_SECONDS)):
        tx.run(FORGET, state=state, before=now - kept, most=TIDY_AT_ONCE)
