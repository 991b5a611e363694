"""A history of any size, always the same for the same figures, written through bare sqlite3."""

import hashlib
import heapq
import random
import shutil
import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sessiontrack import create_app, migrations
from sessiontrack.db import db
from sessiontrack.ips import ip_sort_key

DATA = Path(__file__).parent / "data"
DATABASE = "sessiontrack.sqlite3"
DAY = 86_400
FIRST_DAY = 1_704_067_200  # 2024-01-01T00:00:00Z
BATCH = 50_000
LEAST_SECONDS = 60  # of a session and of the gap behind it
INSERT_SESSION = (
    "INSERT INTO device_session (id, device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type) VALUES (?, ?, ?, ?, ?, ?, ?, 'Connected', 'Disconnected')"
)
INSERT_EVENT = "INSERT INTO event (device_id, at, type, ip, ip_key, session_id) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Shape:
    """How much history there is. 2 % of the sessions last longer than a day, 1 % lack their end."""

    sessions: int
    devices: int
    days: int

    @classmethod
    def of(cls, sessions: int, devices: int | None = None, days: int | None = None) -> "Shape":
        """250 devices and a year, or as many years as it takes to have room for the sessions."""
        devices = devices or min(250, sessions)
        return cls(sessions, devices, days or 365 * max(1, sessions // (devices * 4000)))

    def mac(self, device: int) -> str:
        return f"02:00:00:00:{device >> 8:02X}:{device & 255:02X}"

    def ip(self, device: int) -> str:
        return f"10.0.{device >> 8}.{device & 255}"


Stretch = tuple[int, int, int | None, bool]  # began, device, ended, still connected


def make_dataset(shape: Shape) -> Path:
    """The instance folder with that history; made once, and again when it would come out otherwise."""
    made_by = hashlib.sha256(
        Path(__file__).read_bytes() + str(migrations.newest_revision()).encode()
    ).hexdigest()[:8]
    folder = DATA / f"dataset-{shape.sessions}-{shape.devices}-{shape.days}-{made_by}"
    if folder.exists():
        return folder
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    app = create_app({"INSTANCE": draft})
    with app.app_context():
        migrations.upgrade(db.engine)
        db.engine.dispose()
    connection = sqlite3.connect(draft / DATABASE, isolation_level=None)
    # The draft is thrown away if this is interrupted, so nothing needs to be safe before its end.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    _fill(connection, shape)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    draft.rename(folder)
    return folder


def _fill(connection: sqlite3.Connection, shape: Shape) -> None:
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('device_session', 'event')"
    ).fetchall()
    # Sorting once at the end is faster than ten million insertions into each index.
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO device (id, mac, name, owner, first_seen_at) VALUES (?, ?, ?, ?, ?)",
        ((d + 1, shape.mac(d), f"device {d}", f"owner {d % 7}", FIRST_DAY) for d in range(shape.devices)),
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
    for _, sql in indexes:
        connection.execute(sql)


def _events(
    batch: list[tuple[int, Stretch]], ips: list[tuple[str, str]], known: set[int]
) -> Iterator[tuple[object, ...]]:
    for number, (began, device, ended, _) in batch:
        if device not in known:
            known.add(device)
            yield device + 1, began, "New Device", *ips[device], None
        yield device + 1, began, "Connected", *ips[device], number
        if ended is not None:
            yield device + 1, ended, "Disconnected", *ips[device], number


def stretches(shape: Shape) -> Iterator[Stretch]:
    """The sessions of all devices, by their beginning."""
    return heapq.merge(*(_stretches(shape, device) for device in range(shape.devices)))


def _stretches(shape: Shape, device: int) -> Iterator[Stretch]:
    """A device's sessions, oldest first, none of them overlapping."""
    chance = random.Random(shape.sessions * 1_000_003 + device)
    how_many = len(range(device, shape.sessions, shape.devices))
    lengths = array("q", (_length(chance) for _ in range(how_many)))
    gaps = array("d", (chance.expovariate(1) for _ in range(how_many)))
    idle = shape.days * DAY - sum(lengths) - LEAST_SECONDS * how_many
    if idle < 0:
        raise ValueError("So many sessions do not fit; take more days or devices.")
    per_gap = idle / (sum(gaps) + 1)
    at = FIRST_DAY
    for index, (length, gap) in enumerate(zip(lengths, gaps, strict=True)):
        at += int(gap * per_gap)
        is_last = index == how_many - 1
        if is_last and device % 20 == 0:
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
