"""Limits attempts to sign in, per name and per address, for all workers and across restarts.

An IPv6 address counts as its /64 network, which one subscriber has for itself. Where a user signed in from an
address before, their attempts from there are counted by themselves: an attack on the name from elsewhere
does not lock them out. What one limit refuses does not count for the other.

In the database and counted before the password is looked at, so that a hundred attempts at once are a
hundred attempts; a limiter that counts answers, each worker for itself, lets most of those through.
"""

from sqlalchemy import delete, func, or_, select

from sessiontrack.clock import WAITED_SECONDS
from sessiontrack.database import Statement, Transaction
from sessiontrack.models import LoginThrottle
from sessiontrack.models.columns import bind, unlocked
from sessiontrack.services.login_addresses import place_of
from sessiontrack.values.ips import subscriber_network
from sessiontrack.values.names import fold

COUNT = Statement(
    "INSERT INTO login_throttle (key, attempts, ends_at) VALUES (:key, 1, :ends_at)"
    " ON CONFLICT (key) DO UPDATE SET"
    " attempts = CASE WHEN login_throttle.ends_at <= :now THEN 1 ELSE login_throttle.attempts + 1 END,"
    " ends_at = CASE WHEN login_throttle.ends_at <= :now THEN excluded.ends_at"
    " ELSE login_throttle.ends_at END"
    " RETURNING attempts, ends_at"
)
IS_KNOWN = Statement(
    'SELECT 1 FROM login_address a JOIN "user" u ON u.id = a.user_id'
    " WHERE u.username = :username AND a.address = :address"
)
TAKE_BACK = Statement("UPDATE login_throttle SET attempts = attempts - 1 WHERE key = :key AND attempts > 0")
FORGET = Statement("DELETE FROM login_throttle WHERE key = :key")
# Each attempt that is counted costs a hash, so there are far fewer in a window.
MOST_ROWS = 10_000
COUNT_ROWS = Statement("SELECT count(*) FROM login_throttle")
OLDEST = select(LoginThrottle.key).order_by(LoginThrottle.ends_at).limit(bind("surplus"))
FORGET_OLDEST = Statement(
    delete(LoginThrottle).where(LoginThrottle.key.in_(OLDEST.with_for_update(skip_locked=True)))
)
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
        0 where it may go on, else the seconds to wait.
    """
    forget_over(tx, now, window_seconds)
    surplus = tx.value(COUNT_ROWS) + 2 - MOST_ROWS
    if surplus > 0:
        tx.run(FORGET_OLDEST, surplus=surplus)
    name_limit, address_limit = limits
    address_key = _address_key(address)
    if wait := _count(tx, now, address_key, address_limit, window_seconds):
        return wait
    wait = _count(tx, now, _name_key(tx, username, address), name_limit, window_seconds)
    if wait:
        # Behind one address there may be others.
        tx.run(TAKE_BACK, key=address_key)
    return wait


def _count(tx: Transaction, now: int, key: str, most: int, window_seconds: int) -> int:
    attempts, ends_at = tx.row(COUNT, key=key, now=now, ends_at=now + window_seconds) or (1, now)
    return int(max(1, ends_at - now)) if attempts > most else 0


def forgive(tx: Transaction, username: str, address: str) -> None:
    """The attempt was right: it does not count."""
    # In the order in which they are counted: PostgreSQL locks each.
    tx.run(TAKE_BACK, key=_address_key(address))
    tx.run(FORGET, key=_name_key(tx, username, address))


def count_over(tx: Transaction, now: int, window_seconds: int) -> int:
    """How many counts are of a stretch of time that is over."""
    found: int = tx.value(COUNT_OLD, now=now, latest=now + window_seconds + WAITED_SECONDS)
    return found


def forget_over(tx: Transaction, now: int, window_seconds: int) -> int:
    """Forget those."""
    return tx.run(FORGET_OLD, now=now, latest=now + window_seconds + WAITED_SECONDS)


def _address_key(address: str) -> str:
    return f"address {subscriber_network(address)}"


def _name_key(tx: Transaction, username: str, address: str) -> str:
    place = place_of(address)
    is_known = tx.value(IS_KNOWN, username=username, address=place) is not None
    # Names that look alike are one name.
    name = fold(username)
    return f"name {name} from {place}" if is_known else f"name {name}"
