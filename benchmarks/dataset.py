"""A history of any size, the same for the same figures, written through bare sqlite3."""

import hashlib
import heapq
import os
import random
import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import UUID

from sessiontrack import create_app, migrations
from sessiontrack.database import db
from sessiontrack.values.ips import ip_sort_key

DATA = Path(__file__).parent / "data"
DATABASE = "sessiontrack.sqlite3"
DAY = 86_400
LAST_DAY = 1_793_491_200  # 2026-11-01T00:00:00Z, the end of every history
BATCH = 50_000
MOST_USER_SESSIONS = 1_000_000
USERS = 200
SESSIONS_A_DAY = 1.1  # per device, in every history, so that answers have the same number of rows
LEAST_SECONDS = 60  # of a session and of the gap behind it
INSERT_SESSION = (
    "INSERT INTO device_session (id, device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type) VALUES (?, ?, ?, ?, ?, ?, ?, 'Connected', 'Disconnected')"
)
INSERT_EVENT = (
    "INSERT INTO event (device_id, at, type, ip, ip_key, session_id, voided) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
INSERT_USER_SESSION = (
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, last_visible_ping,"
    " last_view, last_tab, visible_seconds, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_VIEW_TIME = "INSERT INTO view_time (session_id, view, tab, seconds) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True)
class Shape:
    """The size of the history, up to LAST_DAY.

    2 % of the sessions last longer than a day, 1 % lack their end; one device in twenty is still connected,
    and one in a hundred has been for most of the time.
    """

    sessions: int
    devices: int
    days: int

    @classmethod
    def of(cls, sessions: int, devices: int | None = None, days: int | None = None) -> "Shape":
        """250 to 2,500 devices, and as many days as needed at the same number of sessions a day."""
        most = 250 if sessions < 1_000_000 else 1000 if sessions < 10_000_000 else 2500
        devices = devices or min(most, sessions)
        return cls(sessions, devices, days or max(2, round(sessions / devices / SESSIONS_A_DAY)))

    @property
    def first_day(self) -> int:
        return LAST_DAY - self.days * DAY

    @property
    def user_sessions(self) -> int:
        return min(self.sessions, MOST_USER_SESSIONS)

    def mac(self, device: int) -> str:
        return f"02:00:00:00:{device >> 8:02X}:{device & 255:02X}"

    def ip(self, device: int) -> str:
        return f"10.0.{device >> 8}.{device & 255}"


Stretch = tuple[int, int, int | None, bool]  # began, device, ended, still connected


def make_dataset(shape: Shape) -> Path:
    """The instance folder with that history; made once, and again when this file changes."""
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder = DATA / f"dataset-{shape.sessions}-{shape.devices}-{shape.days}-{made_by}"
    if folder.exists():
        _migrate(folder)
        return folder
    draft = folder.with_suffix(f".draft{os.getpid()}")
    _migrate(draft)
    connection = sqlite3.connect(draft / DATABASE, isolation_level=None)
    # An interrupted draft is discarded, so writes need not be durable before the end.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -1048576")
    connection.execute("PRAGMA threads = 4")
    _fill(connection, shape)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    draft.rename(folder)
    return folder


def _migrate(folder: Path) -> None:
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        migrations.upgrade(db.engine)
        db.engine.dispose()


def _fill(connection: sqlite3.Connection, shape: Shape) -> None:
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('device_session', 'event', 'user_session')"
    ).fetchall()
    # One sort at the end is faster than ten million insertions into each index.
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO device (id, mac, name, owner, first_seen_at) VALUES (?, ?, ?, ?, ?)",
        (
            (d + 1, shape.mac(d), f"device {d}", f"owner {d % 7}", shape.first_day)
            for d in range(shape.devices)
        ),
    )
    connection.execute("COMMIT")
    ips = [(shape.ip(d), ip_sort_key(shape.ip(d))) for d in range(shape.devices)]
    numbered = enumerate(stretches(shape), start=1)
    known: set[int] = set()
    while batch := list(islice(numbered, BATCH)):
        connection.execute("BEGIN")
        connection.executemany(
            INSERT_SESSION,
            ((number, d + 1, began, ended, is_open, *ips[d]) for number, (began, d, ended, is_open) in batch),
        )
        connection.executemany(INSERT_EVENT, _events(batch, ips, known))
        connection.execute("COMMIT")
    _add_user_sessions(connection, shape)
    for _, sql in indexes:
        connection.execute(sql)


def _events(
    batch: list[tuple[int, Stretch]], ips: list[tuple[str, str]], known: set[int]
) -> Iterator[tuple[object, ...]]:
    for number, (began, device, ended, _) in batch:
        if device not in known:
            known.add(device)
            yield device + 1, began, "New Device", *ips[device], None, False
        # Some of each type of `session-events`.
        yield device + 1, began, "Connected", *ips[device], number, number % 200 == 7
        if ended is not None:
            kind = "Device Down" if number % 200 == 11 else "Disconnected"
            yield device + 1, ended, kind, *ips[device], number, False


def _add_user_sessions(connection: sqlite3.Connection, shape: Shape) -> None:
    """User sessions, evenly spread over the same time, each with the seconds of one to three views."""
    chance = random.Random(shape.user_sessions)
    apart = shape.days * DAY / shape.user_sessions
    numbers = iter(range(1, shape.user_sessions + 1))
    while batch := list(islice(numbers, BATCH)):
        sessions, views = [], []
        for number in batch:
            began = shape.first_day + int(number * apart) - DAY // 2
            length = chance.randint(30, 7200)
            spent = [length // (4 + number % 3)] * (1 + number % 3)
            name, view = f"user{chance.randrange(USERS)}", f"/view/{number % 50}"
            # As time_ordered_uuid() makes them.
            public_id = str(UUID(int=began * 1000 << 80 | chance.getrandbits(128) & (1 << 80) - 1))
            last_ping = began + length
            known = (number, public_id, f"login-{number}", name)
            sessions.append((*known, began, last_ping, last_ping, view, "tab-0", sum(spent), last_ping))
            views += [(number, view, f"tab-{tab}", seconds) for tab, seconds in enumerate(spent)]
        connection.execute("BEGIN")
        connection.executemany(INSERT_USER_SESSION, sessions)
        connection.executemany(INSERT_VIEW_TIME, views)
        connection.execute("COMMIT")


def stretches(shape: Shape) -> Iterator[Stretch]:
    """The sessions of all devices, by their beginning."""
    return heapq.merge(*(_stretches(shape, device) for device in range(shape.devices)))


def _stretches(shape: Shape, device: int) -> Iterator[Stretch]:
    """A device's sessions, oldest first, without overlap."""
    chance = random.Random(shape.sessions * 1_000_003 + device)
    how_many = len(range(device, shape.sessions, shape.devices))
    lengths = array("q", (_length(chance) for _ in range(how_many)))
    gaps = array("d", (chance.expovariate(1) for _ in range(how_many)))
    is_open_long = device % 100 == 50
    # A device that has been connected for most of the time has its other sessions before that.
    room = shape.days * DAY * 4 // 10 if is_open_long else shape.days * DAY
    idle = room - sum(lengths) - LEAST_SECONDS * how_many
    if idle < 0:
        raise ValueError("So many sessions do not fit; take more days or devices.")
    per_gap = idle / (sum(gaps) + 1)
    at = shape.first_day
    for index, (length, gap) in enumerate(zip(lengths, gaps, strict=True)):
        at += int(gap * per_gap)
        is_last = index == how_many - 1
        if is_last and (device % 20 == 0 or is_open_long):
            yield at, device, None, True
        elif chance.random() < 0.01:
            yield at, device, None, False
        else:
            yield at, device, at + length, False
        at += length + LEAST_SECONDS


def _length(chance: random.Random) -> int:
    if chance.random() < 0.02:
        return chance.randint(DAY + 1, DAY * 3 // 2)
    return min(LEAST_SECONDS + int(chance.expovariate(1 / 1800)), 8 * 3600)
