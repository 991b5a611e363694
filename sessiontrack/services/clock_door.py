"""What needs the time is recorded only while the clock can be right.

A box without a battery boots in the past, and a wrong time source jumps ahead: what was recorded then would
be wrong for good. So nothing is recorded while the clock is before the newest instant that is sure, or has
jumped ahead by more than a day and no time source confirms it, unless an administrator says that it is right.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sessiontrack import clock
from sessiontrack.config import Settings
from sessiontrack.database import Statement, Transaction, look_up, write_transaction
from sessiontrack.exceptions import ClockUnsure
from sessiontrack.process import kernel_clock
from sessiontrack.queries.figures import latest_instant
from sessiontrack.values.timestamps import IN_UTC
from sessiontrack.version import BUILT_AT

log = logging.getLogger(__name__)
JUMP_SECONDS = 86_400
# Time sources set a clock back by a little.
TOLERANCE_SECONDS = 300
# A box may have been switched off for so long.
LONGEST_OFF_SECONDS = 2 * 365 * 86_400
STORE_SECONDS = 60
ASK_AGAIN_SECONDS = 5.0
FLOOR = Statement("SELECT at, accepted FROM clock_floor")
RAISE = Statement(
    "INSERT INTO clock_floor (id, at, accepted) VALUES (1, :at, 0)"
    " ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE clock_floor.at < excluded.at"
)
ACCEPT = Statement(
    "INSERT INTO clock_floor (id, at, accepted) VALUES (1, :at, 1)"
    " ON CONFLICT (id) DO UPDATE SET at = excluded.at, accepted = clock_floor.accepted + 1"
)


@dataclass(frozen=True)
class Floor:
    """The newest instant that is sure, and how often the clock was accepted."""

    at: int
    accepted: int


def find_floor(tx: Transaction) -> Floor:
    """Of what was recorded, where no clock was ever found right."""
    row = tx.row(FLOOR)
    return Floor(latest_instant(tx) or 0, 0) if row is None else Floor(int(row[0]), int(row[1]))


def least_of(floor: Floor) -> int:
    """No clock was right before it, whatever was recorded: when the program was built.

    0 where a clock was accepted: an administrator knows better.
    """
    return 0 if floor.accepted else BUILT_AT


def accept_clock(tx: Transaction, now: int) -> None:
    """An administrator says that the clock is right: it is the floor from now on, even if that was later."""
    tx.run(ACCEPT, at=now)


def open_door(settings: Settings) -> "ClockDoor | None":
    """For a process that begins now; None where the settings want none. Within the application's context."""
    if settings.wait_for_clock == "off":
        return None
    with look_up() as tx:
        floor = find_floor(tx)
    now = clock.now()
    door = ClockDoor(floor, now, settings.clock_jump_wait, least=least_of(floor))
    door.problem(now)
    return door


def pass_once(settings: Settings) -> None:
    """For a command that records something and ends. Within the application's context.

    Raises:
        ClockUnsure: the clock cannot be right.
    """
    if (door := open_door(settings)) is not None:
        door.pass_through(clock.now())


class ClockDoor:
    """Lets through what needs the time; one for each process, threads share it.

    Attributes:
        times_wrong: how often it was found that the clock cannot be right.
    Args:
        now: the clock when the process began.
        hold_seconds: after so long a jump ahead is believed although no time source confirms it.
        least: no clock was right before it, whatever was recorded.
        confirms: whether a time source has set the clock to that instant.
    """

    def __init__(
        self,
        floor: Floor,
        now: int,
        hold_seconds: int,
        *,
        least: int = 0,
        uptime: Callable[[], float] = kernel_clock.uptime,
        confirms: Callable[[int], bool] = kernel_clock.confirms,
    ) -> None:
        self._lock = threading.Lock()
        self._floor, self._accepted = floor.at, floor.accepted
        self._least = least
        self._stored = floor.at
        self._hold_seconds = hold_seconds
        self._uptime, self._confirms = uptime, confirms
        self._base = now - uptime()
        self._jumped_at: float | None = None
        self._asked_at = float("-inf")
        self._reason: str | None = None
        self.times_wrong = 0

    def pass_through(self, now: int) -> None:
        """Before something is recorded; outside of a transaction.

        Raises:
            ClockUnsure: the clock cannot be right.
        """
        if (reason := self.problem(now)) is not None:
            raise ClockUnsure(reason)
        with self._lock:
            sure = min(now, int(self._base + self._uptime()))
            self._floor = max(self._floor, sure)
            is_due = self._floor - self._stored >= STORE_SECONDS
            if is_due:
                self._stored = self._floor
        if is_due:
            with write_transaction() as tx:
                tx.run(RAISE, at=self._stored)

    def problem(self, now: int) -> str | None:
        """Why the clock cannot be right, in one sentence; None where it can."""
        with self._lock:
            reason = self._find_problem(now)
            if reason is not None and self._is_accepted_since(now):
                reason = None
            if (reason is None) != (self._reason is None):
                self.times_wrong += reason is not None
                log.warning("%s", reason or "The clock can be right again; recording goes on.")
            self._reason = reason
            return reason

    def _find_problem(self, now: int) -> str | None:
        expected = self._base + self._uptime()
        ahead = now - expected
        floor = max(self._floor, self._least)
        least = floor - TOLERANCE_SECONDS
        # It was wrong for sure, and this is what was waited for.
        is_mended = expected < least <= now <= floor + LONGEST_OFF_SECONDS
        if ahead <= JUMP_SECONDS:
            self._jumped_at = None
        elif is_mended or self._may_jump(now):
            self._base, self._jumped_at = now - self._uptime(), None
        else:
            return _jumped(int(ahead), now)
        if now >= least:
            return None
        return _before(now, floor)

    def _may_jump(self, now: int) -> bool:
        uptime = self._uptime()
        if self._jumped_at is None:
            self._jumped_at, self._asked_at = uptime, float("-inf")
        if uptime - self._jumped_at >= self._hold_seconds:
            return True
        if uptime - self._asked_at < ASK_AGAIN_SECONDS:
            return False
        self._asked_at = uptime
        return self._confirms(now)

    def _is_accepted_since(self, now: int) -> bool:
        with look_up() as tx:
            floor = find_floor(tx)
        if floor.accepted == self._accepted:
            return False
        self._accepted, self._floor, self._stored, self._least = floor.accepted, floor.at, floor.at, 0
        self._base, self._jumped_at = now - self._uptime(), None
        return True


REMEDY = "Nothing is recorded until it is right; if it is, call: sessiontrack clock accept"


def _jumped(ahead: int, now: int) -> str:
    days, shown = ahead // 86_400, IN_UTC.format_minute(now)
    return f"The clock jumped ahead by {days} days, to {shown} UTC, and no time source confirms it. {REMEDY}"


def _before(now: int, floor: int) -> str:
    shown, least = IN_UTC.format_minute(now), IN_UTC.format_minute(floor)
    return f"The clock says {shown} UTC, and cannot be before {least} UTC. {REMEDY}"
