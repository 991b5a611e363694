"""When logins and API tokens were last used, to the hour: noted in memory, and stored now and then.

A request that only reads must not wait for a writer, nor fail where nothing can be written. So it leaves a
note, and the thread that prunes writes all notes of its process down.
"""

from collections.abc import Mapping
from threading import Lock

from sessiontrack.database import Statement, Transaction
from sessiontrack.services.api_tokens import login_key

EVERY_SECONDS = 3600
MOST_REMEMBERED = 4096
TOKEN = login_key(0).removesuffix("0")
# What a clock that was ahead has stored gives way.
_IS_OLDER = "(last_used_at IS NULL OR last_used_at <= :at - 3600 OR last_used_at > :at)"
STORE_TOKEN = Statement(f"UPDATE api_token SET last_used_at = :at WHERE id = :token_id AND {_IS_OLDER}")
STORE_LOGIN = Statement(f"UPDATE login SET last_used_at = :at WHERE id = :login_id AND {_IS_OLDER}")


class Uses:
    """The notes of one process."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._noted: dict[str, int] = {}
        self._lock = Lock()

    def note(self, key: str, now: int) -> None:
        """A login or a token, by what its user session is known by, is used; costs nothing within an hour."""
        known = self._known.get(key)
        if known is not None and known <= now < known + EVERY_SECONDS:
            return
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
                self._noted.clear()
            self._known[key] = self._noted[key] = now

    def noted(self) -> dict[str, int]:
        """What is to be stored: instants by login key."""
        with self._lock:
            return dict(self._noted)

    def forget(self, stored: Mapping[str, int]) -> None:
        """It was stored; what was noted since is kept."""
        with self._lock:
            self._noted = {key: at for key, at in self._noted.items() if stored.get(key) != at}


def store(tx: Transaction, noted: Mapping[str, int]) -> None:
    """Write down when each was used; a user that a proxy names has neither a login nor a token."""
    # In order: PostgreSQL locks each.
    for key, at in sorted(noted.items()):
        number = key.removeprefix(TOKEN)
        if number != key:
            tx.run(STORE_TOKEN, token_id=int(number), at=at)
        else:
            tx.run(STORE_LOGIN, login_id=key, at=at)
