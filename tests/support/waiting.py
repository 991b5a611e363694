"""Waiting for events: a deadline in a test detects hanging, and does not depend on speed."""

import os
import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

# Longer than anything takes on a slow, shared machine.
SECONDS = 300
# Settings of an application for which a machine that stands still for seconds is no reason to refuse.
PATIENT = {"BUSY_TIMEOUT_SECONDS": str(SECONDS), "READ_TIMEOUT_SECONDS": str(SECONDS)}
T = TypeVar("T")


def wait_until(holds: Callable[[], T], awaited: str | Callable[[], str], pause: float = 0.01) -> T:
    """Poll; return the first true answer.

    Args:
        awaited: what is waited for, for the message of a hanging test.
    """
    # This clock is not one that tests stop.
    deadline = os.times().elapsed + SECONDS
    while not (found := holds()):
        if os.times().elapsed > deadline:
            raise AssertionError(f"{SECONDS} s without {awaited if isinstance(awaited, str) else awaited()}")
        time.sleep(pause)
    return found


def join(*threads: Thread) -> None:
    """Wait until they have ended."""
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive(), f"{SECONDS} s without the end of {thread.name}"
