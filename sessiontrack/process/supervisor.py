"""What a service says to systemd: that it is ready, that it still does its work, that it ends.

By the protocol of sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names. Where nobody supervises,
nothing is said.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

UNWATCHED_SECONDS = 1.0


class Supervisor:
    """Whoever started this service and wants to know how it is; a context manager that says when it ends.

    The variables are taken out of the environment: what this process starts is not the service.
    """

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        watched = os.environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        is_asked = microseconds.isdigit() and int(microseconds) > 0 and watched
        # None: nobody waits for signs of life.
        self.watchdog_seconds = int(microseconds) / 1_000_000 if is_asked else None
        self._pid = os.getpid()
        self._ends = threading.Event()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()

    def ready(self, status: str = "") -> None:
        """It serves."""
        self._tell("READY=1", f"STATUS={status}" if status else "")

    def alive(self) -> None:
        """It still does its work."""
        if self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")

    def expect_within(self, seconds: float) -> None:
        """Its next sign of life may take that long."""
        if self.watchdog_seconds is not None and seconds > self.watchdog_seconds:
            self.watchdog_seconds = seconds
            self._tell(f"WATCHDOG_USEC={int(seconds * 1_000_000)}")

    def stopping(self) -> None:
        """It begins to end; said once, and by none of its forks."""
        if not self._ends.is_set() and os.getpid() == self._pid:
            self._ends.set()
            self._tell("STOPPING=1")

    def watch(self, works: Callable[[float], bool]) -> None:
        """From a thread: say ready once it works, and then, as often as is asked for, that it still does.

        Args:
            works: tries it, for as many seconds at most.
        """
        if self._address:
            threading.Thread(target=self._watch, args=(works,), name="watchdog", daemon=True).start()

    def _watch(self, works: Callable[[float], bool]) -> None:
        # Three tries before the time is over: one that is lost to a busy moment ends nothing.
        pause = (self.watchdog_seconds or UNWATCHED_SECONDS * 3) / 3
        while not works(pause):
            if self._ends.wait(0.05):
                return
        self.ready()
        while self.watchdog_seconds is not None and not self._ends.wait(pause):
            if works(pause):
                self.alive()

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.connect(self._address)
            connection.send("\n".join(filter(None, lines)).encode())
