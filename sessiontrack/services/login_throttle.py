"""How often somebody may try to sign in, per name and per address, for all workers and across restarts.

An IPv6 address counts as its /64 network, which one subscriber has for itself.

In the database and counted before the password is looked at, so that a hundred attempts at once are a
hundred attempts; a limiter that counts answers, each worker for itself, lets most of those through.
"""

from sqlalchemy import delete, func, or_, select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import LoginThrottle
from sessiontrack.models.columns import bind, unlocked
from sessiontrack.values.ips import subscriber_network

COUNT = Statement(
    "INSERT INTO login_throttle (key, attempts, ends_at) VALUES (:key, 1, :ends_at)"
    " ON CONFLICT (key) DO UPDATE SET"
    " attempts = CASE WHEN login_throttle.ends_at <= :now THEN 1 ELSE login_throttle.attempts + 1 END,"
    " ends_at = CASE WHEN login_throttle.ends_at <= :now THEN excluded.ends_at"
    " ELSE login_throttle.ends_at END"
    " RETURNING attempts, ends_at"
)
TAKE_BACK = Statement("UPDATE login_throttle SET attempts = attempts - 1 WHERE key = :key AND attempts > 0")
FORGET = Statement("DELETE FROM login_throttle WHERE key = :key")
# One that ends later than any made now was made by a clock that was ahead, or for a longer window.
IS_OLD = or_(LoginThrottle.ends_at <= bind("now"), LoginThrottle.ends_at > bind("latest"))
COUNT_OLD = Statement(select(func.count()).where(IS_OLD))
FORGET_OLD = Statement(
    delete(LoginThrottle).where(LoginThrottle.key.in_(unlocked(LoginThrottle.key, IS_OLD)))
)


def count_attempt(
    tx: Transaction, now: int, username: str, address: str, limits: tuple[int, int], window_seconds: int
) -> int:
    """Count one attempt to sign in.

    Args:
        limits: attempts in one window for a name, and for an address.
    Returns:
        0 where it may go on, else the seconds to wait. What its name's limit refuses does not count
        against the address: behind one address there may be others.
    """
    forget_over(tx, now, window_seconds)
    for key, most in zip(_keys(username, address), limits, strict=True):
        attempts, ends_at = tx.row(COUNT, key=key, now=now, ends_at=now + window_seconds) or (1, now)
        if attempts > most:
            return int(max(1, ends_at - now))
    return 0


def forgive(tx: Transaction, username: str, address: str) -> None:
    """The attempt was right: it counts against nobody."""
    name_key, address_key = _keys(username, address)
    tx.run(FORGET, key=name_key)
    tx.run(TAKE_BACK, key=address_key)


def count_over(tx: Transaction, now: int, window_seconds: int) -> int:
    """How many counts are of a stretch of time that is over."""
    found: int = tx.value(COUNT_OLD, now=now, latest=now + window_seconds)
    return found


def forget_over(tx: Transaction, now: int, window_seconds: int) -> int:
    """Forget those."""
    return tx.run(FORGET_OLD, now=now, latest=now + window_seconds)


def _keys(username: str, address: str) -> tuple[str, str]:
    return f"name {username}", f"address {subscriber_network(address)}"
