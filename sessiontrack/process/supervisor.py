"""Notify systemd that the service is ready, alive or stopping.

The protocol is sd_notify(3): a datagram to the socket in NOTIFY_SOCKET; without that variable nothing is
sent.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

UNWATCHED_SECONDS = 1.0


class Supervisor:
    """The service manager, as a context manager that sends "stopping" at its end.

    The variables are removed from the environment: child processes are not the service.
    """

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        watched = os.environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        is_asked = microseconds.isdigit() and int(microseconds) > 0 and watched
        # None: the watchdog is off.
        self.watchdog_seconds = int(microseconds) / 1_000_000 if is_asked else None
        self._pid = os.getpid()
        self._ends = threading.Event()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()

    @property
    def is_there(self) -> bool:
        """Whether a service manager started this process."""
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        """Report that the service does its work."""
        self._send("READY=1", f"STATUS={status}" if status else "")

    def status(self, text: str) -> None:
        """Report how it is, for `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Report that the service works."""
        if self.watchdog_seconds is not None:
            self._send("WATCHDOG=1")

    def expect_within(self, seconds: float) -> None:
        """Extend the watchdog: the next sign of life may take that long."""
        if self.watchdog_seconds is not None and seconds > self.watchdog_seconds:
            self.watchdog_seconds = seconds
            self._send(f"WATCHDOG_USEC={int(seconds * 1_000_000)}")

    def stopping(self) -> None:
        """Report that the service stops; once, and not from forked processes."""
        if not self._ends.is_set() and os.getpid() == self._pid:
            self._ends.set()
            self._send("STOPPING=1")

    def watch(self, works: Callable[[float], bool]) -> None:
        """Start a thread that reports "ready" once the service works, and then "alive" as often as required.

        Args:
            works: probes the service, for at most that many seconds.
        """
        if self._address:
            threading.Thread(target=self._watch, args=(works,), name="watchdog", daemon=True).start()

    def _watch(self, works: Callable[[float], bool]) -> None:
        # Three probes per watchdog period: one that fails in a busy moment does no harm.
        pause = (self.watchdog_seconds or UNWATCHED_SECONDS * 3) / 3
        # A first probe that gets lost must not make the start wait for its whole time.
        patience = min(UNWATCHED_SECONDS, pause)
        while not works(patience):
            if self._ends.wait(0.05):
                return
            patience = min(2 * patience, pause)
        self.ready()
        while self.watchdog_seconds is not None and not self._ends.wait(pause):
            if works(pause):
                self.alive()

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.connect(self._address)
            connection.send("\n".join(filter(None, lines)).encode())
