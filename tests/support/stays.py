"""User sessions for tests, created by the services."""

from flask import Flask

from sessiontrack.database import write_transaction
from sessiontrack.services import user_sessions

ALIVE = 300
# Seconds after the last ping, and the path that was visible since then, or None.
Ping = tuple[int, tuple[str, str] | None]


def stay(app: Flask, username: str, key: str, start: int, *pings: Ping, ends: bool = False) -> None:
    """One user session: started, pinged, and signed out at its last ping if it ends."""
    with app.app_context(), write_transaction() as tx:
        user_sessions.start_session(tx, start, key, username, ALIVE)
        at = start
        for seconds, path in pings:
            at += seconds
            if path is None:
                user_sessions.keep_alive(tx, at, key, ALIVE)
            else:
                user_sessions.credit_view(tx, at, key, path, ALIVE)
        if ends:
            user_sessions.end_session(tx, at, key, ALIVE)
