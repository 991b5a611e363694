"""Limits the logins in progress in this process: hashing takes a core for a third of a second.

One password at a time is hashed, and some requests wait; more are refused with 429, so that there are always
threads left for users who are signed in already.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from flask import Flask, current_app

from sessiontrack.exceptions import RateLimited

EXTENSION = "sessiontrack.login_places"
RETRY_SECONDS = 1


class LoginPlaces:
    """Limits concurrent password hashing.

    Args:
        most: how many there are.
    """

    def __init__(self, most: int) -> None:
        self._places = BoundedSemaphore(most)
        self._turn = Lock()

    @contextmanager
    def place(self) -> Iterator[Lock]:
        """Take a place; gives what to hold while a password is hashed.

        Raises:
            RateLimited: all are taken.
        """
        if not self._places.acquire(blocking=False):
            raise RateLimited("Many are signing in just now; try again in a second.", RETRY_SECONDS)
        try:
            yield self._turn
        finally:
            self._places.release()


def login_places() -> LoginPlaces:
    """Those of the application that answers."""
    found: LoginPlaces = current_app.extensions[EXTENSION]
    return found


def init_app(app: Flask, threads: int) -> None:
    """As many places as leave a quarter of the threads to others."""
    app.extensions[EXTENSION] = LoginPlaces(max(1, threads * 3 // 4))
