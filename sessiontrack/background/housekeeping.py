"""Pruning, by the command or by one of the serving workers."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from flask import Flask

from sessiontrack import clock
from sessiontrack.config import Settings, settings_of
from sessiontrack.database import Statement, read_transaction, write_transaction
from sessiontrack.database.maintenance import database_sizes, others_wait_to_write, used_bytes
from sessiontrack.database.transactions import pruning
from sessiontrack.exceptions import Conflict, StorageUnavailable
from sessiontrack.models.kept import KEPT
from sessiontrack.presence.forgetting import forget
from sessiontrack.services import claims, login_throttle, logins, retention, uses
from sessiontrack.services.claims import Held
from sessiontrack.services.presence import PresenceRules, in_force
from sessiontrack.services.retention import IN_TURN, KINDS, Kind, Limits, Plan
from sessiontrack.values.timestamps import EARLIEST

log = logging.getLogger(__name__)
PRUNING = "prune"
# Between two checks whether pruning is due, in each worker.
LOOK_SECONDS = 60.0
# Rows that are removed at a time: as many as keep other writers waiting for this long. By one transaction at
# most the greater number, too: the pages that it changes go to the disk while others wait.
LEAST_ROWS, MOST_ROWS = 500, 2000
LEAST_SECONDS, MOST_SECONDS = 0.01, 0.02
# A reader that never ends keeps the WAL from being written back; a larger WAL is logged.
LARGE_WAL_BYTES = 256 * 1024 * 1024
SOURCES = Statement("SELECT name FROM source ORDER BY name")


@dataclass(frozen=True)
class Pruned:
    """The rows removed of each kind; held_until: none were removed, because the clock jumped ahead."""

    removed: dict[str, int]
    held_until: int | None = None


def limits_of(settings: Settings) -> Limits:
    """The retention limits of this install."""
    return Limits(
        settings.retention_device_sessions,
        settings.retention_events,
        settings.retention_user_sessions,
        settings.retention_max_bytes,
        settings.timezone,
        settings.presence_late,
        settings.session_alive_seconds,
    )


class Preview(NamedTuple):
    """What a run would remove: how many rows of each kind, and of history from before which instant.

    An instant is None where nothing limits that kind.
    """

    counts: dict[str, int]
    cutoffs: dict[str, int | None]


def preview(settings: Settings, now: int) -> Preview:
    """What a run would remove, by one plan."""
    with read_transaction() as tx:
        plan = retention.make_plan(tx, now, limits_of(settings), used_bytes())
        found = retention.count_prunable(tx, plan)
        found["logins"] = logins.count_over(tx, now)
        found["login_attempts"] = login_throttle.count_over(tx, now, settings.login_window_seconds)
    return Preview(found, {name: None if at <= EARLIEST else at for name, at in plan.cutoffs.items()})


def prune(
    settings: Settings,
    now: int,
    *,
    every: int | None = None,
    at_once: bool = False,
    tell: Callable[[int], None] = lambda done: None,
) -> Pruned | None:
    """Remove data past its retention, unless another process is doing so.

    A batch is a transaction of its own if other writers wait, and followed by a pause of the same length for
    them. As long as nobody waits, several share one.

    Args:
        every: run only if the last run is that many seconds ago; None: run now.
        at_once: run even if the clock has jumped ahead since the last check.
    Returns:
        None if it is not due, or another process does it.
    """
    holder = f"{socket.gethostname()} {os.getpid()} {threading.get_native_id()}"
    with write_transaction() as tx:
        held = claims.take_claim(tx, now, PRUNING, holder, every)
    if held is None:
        return None
    if held.held_until is not None and not at_once:
        pruned = Pruned(dict.fromkeys((kind.name for kind in KINDS), 0), held.held_until)
    else:
        held = Held(held.name, held.holder, None)
        pruned = _prune(settings, now, held, tell)
    with write_transaction() as tx:
        claims.finish_claim(tx, now, held, settings.prune_every)
    return pruned


def _prune(settings: Settings, now: int, held: Held, tell: Callable[[int], None]) -> Pruned:
    with read_transaction() as tx:
        plan = retention.make_plan(tx, now, limits_of(settings), used_bytes())
    removed = dict.fromkeys((kind.name for kind in KINDS), 0)
    with pruning():
        for kind in IN_TURN:
            told = partial(_tell_more, tell, sum(removed.values()))
            removed[kind.name] = _prune_kind(plan, kind, held, told)
    with write_transaction() as tx:
        removed["logins"] = logins.forget_over(tx, now)
        # Not by the clock of the run's beginning: by that, attempts since then would be of a clock ahead.
        removed["login_attempts"] = login_throttle.forget_over(tx, clock.now(), settings.login_window_seconds)
    # Last: evidence removed now releases sessions for the next run, so the preview matches this run.
    with read_transaction() as tx:
        sources = [name for (name,) in tx.rows(SOURCES)]
    for source in sources:
        with write_transaction() as tx:
            claims.renew_claim(tx, clock.now(), held)
            rules = in_force(tx, PresenceRules.of(settings))
            forget(tx, source, now, now - rules.late, rules.grace)
    return Pruned(removed)


def _tell_more(tell: Callable[[int], None], before: int, done: int) -> None:
    tell(before + done)


def _prune_kind(plan: Plan, kind: Kind, held: Held, tell: Callable[[int], None]) -> int:
    removed, batch = 0, LEAST_ROWS
    after = (EARLIEST, 0)
    while True:
        with read_transaction() as tx:
            stretch = retention.find_prunable(tx, plan, kind, after)
        if stretch is None:
            return removed
        ids = stretch.ids
        while ids:
            began = time.monotonic()
            left, batches = MOST_ROWS, 0
            with write_transaction() as tx:
                claims.renew_claim(tx, clock.now(), held)
                is_waited_for = False
                while ids and left and not is_waited_for:
                    rows = min(batch, left)
                    removed += retention.prune_rows(tx, plan, kind, ids[:rows])
                    ids, left, batches = ids[rows:], left - rows, batches + 1
                    is_waited_for = others_wait_to_write()
            tell(removed)
            seconds = time.monotonic() - began
            batch = next_batch(batch, seconds / batches)
            if is_waited_for or others_wait_to_write():
                time.sleep(seconds)
        after = stretch.last


def next_batch(rows: int, seconds: float) -> int:
    """How many rows to remove at a time, after so many took so long."""
    if seconds > MOST_SECONDS:
        return max(LEAST_ROWS, rows // 2)
    return min(MOST_ROWS, rows * 2) if seconds < LEAST_SECONDS else rows


def start(app: Flask) -> threading.Thread:
    """Prune in a thread, until this process ends."""
    thread = threading.Thread(
        target=_keep_house, args=(app, threading.Event()), name="housekeeping", daemon=True
    )
    thread.start()
    return thread


def _keep_house(app: Flask, end: threading.Event) -> None:
    while True:
        with app.app_context():
            look(settings_of(app))
            store_uses(app.extensions["sessiontrack.uses"])
        if end.wait(LOOK_SECONDS):
            return


def store_uses(noted_in: uses.Uses) -> None:
    """Write down when logins and tokens were used; log any error, and try again at the next check."""
    noted = noted_in.noted()
    if not noted:
        return
    try:
        with write_transaction() as tx:
            uses.store(tx, noted)
    except StorageUnavailable as error:
        log.warning("Not stored when tokens were used: %s", error)
    except Exception:
        # The thread goes on: it prunes, too.
        log.exception("Not stored when tokens were used.")
    else:
        noted_in.forget(noted)


def look(settings: Settings) -> None:
    """Prune if it is due; log any error, and try again at the next check."""
    try:
        _look(settings)
    except Conflict:
        log.warning("Pruning took longer than its claim; another worker continues it.")
    except StorageUnavailable as error:
        log.warning("Not pruned: %s", error)
    except Exception:
        log.exception("Not pruned.")


def _look(settings: Settings) -> None:
    _, wal = database_sizes()
    if wal is not None and wal > LARGE_WAL_BYTES:
        log.warning(
            "The database's WAL has %s bytes: a long-running reader keeps it from being written back.",
            f"{wal:,}",
        )
    with write_transaction() as tx:
        tx.fold_sums(KEPT)
    if not settings.prune_every:
        return
    now = clock.now()
    with read_transaction() as tx:
        if not claims.is_due(tx, now, PRUNING, settings.prune_every):
            return
    done = prune(settings, now, every=settings.prune_every)
    if done is None:
        return
    if done.held_until is not None:
        log.warning("The clock is more than a week ahead of the last check: nothing is pruned for a day.")
    elif any(done.removed.values()):
        shown = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in done.removed.items() if count
        )
        log.info("Pruned: %s.", shown)
