"""A realistic home-office network for an empty database, the same for the same seed and end."""

import random
from dataclasses import dataclass

from sessiontrack.database import Statement, Transaction
from sessiontrack.demo import network, people
from sessiontrack.exceptions import Conflict
from sessiontrack.values.timestamps import SiteTime

DAYS = 60
COUNTS = (
    Statement("SELECT count(*) FROM device"),
    Statement("SELECT count(*) FROM device_session"),
    Statement("SELECT count(*) FROM event"),
    Statement("SELECT count(*) FROM user_session"),
)


@dataclass(frozen=True)
class Filled:
    """The numbers of rows."""

    devices: int
    device_sessions: int
    events: int
    user_sessions: int


def fill(tx: Transaction, now: int, site: SiteTime, seed: int, password_hash: str) -> Filled:
    """Create the devices and users with their sessions and events of the days before now.

    Args:
        password_hash: for all users, of an unknown password, so that no one can sign in yet.
    Raises:
        Conflict: devices or user sessions exist already, or a user has one of the names.
    """
    if any(tx.value(count) for count in COUNTS):
        raise Conflict("The database is not empty: demo fills only one without devices and user sessions.")
    network.fill(tx, now, site, random.Random(f"network {seed}"), DAYS)
    people.fill(tx, now, site, random.Random(f"people {seed}"), DAYS, password_hash)
    return Filled(*(tx.value(count) for count in COUNTS))
