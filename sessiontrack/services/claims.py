"""Claims: one worker of many does a task, by one guarded UPDATE; a killed worker's claim expires.

Each condition also holds for a clock that went back: an instant further ahead than any that is set now was
set by a clock that was wrong.
"""

from dataclasses import dataclass

from sessiontrack.clock import WAITED_SECONDS
from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.values.timestamps import FOREVER

CLAIM_SECONDS = 120
DAY_SECONDS = 86_400
# Longer than any period between two looks of a service that runs.
AHEAD_SECONDS = 8 * DAY_SECONDS

MAKE = Statement("INSERT INTO task_claim (name) VALUES (:name) ON CONFLICT (name) DO NOTHING")
IS_DUE = Statement(
    "SELECT count(*) FROM task_claim WHERE name = :name AND due_at > :now"
    f" AND due_at <= :now + :every + {WAITED_SECONDS}"
)
TAKE = Statement(
    "UPDATE task_claim SET holder = :holder, expires_at = :now + :seconds"
    f" WHERE name = :name AND (expires_at <= :now OR expires_at > :now + :seconds + {WAITED_SECONDS})"
    f" AND (due_at <= :due OR due_at > :now + :every + {WAITED_SECONDS}) RETURNING looked_at, held_until"
)
RENEW = Statement(
    "UPDATE task_claim SET expires_at = :now + :seconds"
    " WHERE name = :name AND holder = :holder AND expires_at > 0"
)
FINISH = Statement(
    "UPDATE task_claim SET expires_at = 0, due_at = :due, looked_at = :now, held_until = :held_until"
    " WHERE name = :name AND holder = :holder"
)


@dataclass(frozen=True)
class Held:
    """A claim that was taken; held_until: nothing is to be removed before, for the clock jumped ahead."""

    name: str
    holder: str
    held_until: int | None


def is_due(tx: Transaction, now: int, name: str, every: int) -> bool:
    """Whether it is time to do it; asked without becoming the writer."""
    return not tx.value(IS_DUE, name=name, now=now, every=every)


def take_claim(tx: Transaction, now: int, name: str, holder: str, every: int | None) -> Held | None:
    """Take it, unless another worker has it; with `every`, only where it is due."""
    tx.run(MAKE, name=name)
    row = tx.row(
        TAKE,
        name=name,
        holder=holder,
        now=now,
        seconds=CLAIM_SECONDS,
        due=FOREVER if every is None else now,
        every=0 if every is None else every,
    )
    if row is None:
        return None
    looked_at, held_until = row
    if looked_at is not None and now - looked_at > AHEAD_SECONDS:
        return Held(name, holder, now + DAY_SECONDS)
    is_held = held_until is not None and now < held_until <= now + DAY_SECONDS
    return Held(name, holder, held_until if is_held else None)


def renew_claim(tx: Transaction, now: int, held: Held) -> None:
    """Have it for longer.

    Raises:
        Conflict: it expired, and another worker has it now.
    """
    if not tx.run(RENEW, name=held.name, holder=held.holder, now=now, seconds=CLAIM_SECONDS):
        raise Conflict("Another worker does this now.")


def finish_claim(tx: Transaction, now: int, held: Held, every: int) -> None:
    """Give it back; it is due again after that."""
    tx.run(FINISH, name=held.name, holder=held.holder, now=now, due=now + every, held_until=held.held_until)
