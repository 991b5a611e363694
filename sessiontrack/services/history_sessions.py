"""The sessions of an imported history, laid beside those that are stored.

They are staged in a temporary table, so that a file may have them in any order, and read back device by
device from the earliest on, next to the stored ones: a row is looked at once, and little is held at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, Column, String, Text

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.database.statements import temporary_table
from sessiontrack.models.device_session import DERIVED
from sessiontrack.models.kept import addition_to
from sessiontrack.services.events import correct_event
from sessiontrack.values.ips import ip_sort_key
from sessiontrack.values.records import SessionRecord
from sessiontrack.values.timestamps import FOREVER, SiteTime

BATCH = 2000
Each = TypeVar("Each")
# The same few addresses come a million times.
ip_key = lru_cache(65_536)(ip_sort_key)

MAKE_STAGED, CLEAR_STAGED = temporary_table(
    "imported_session",
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("row_number", BigInteger, nullable=False),
    Column("device_id", BigInteger, nullable=False),
    Column("connected_at", BigInteger),
    Column("disconnected_at", BigInteger),
    Column("still_connected", Boolean, nullable=False),
    Column("ip", String(45), nullable=False),
    Column("ip_key", String(33), nullable=False),
    Column("conn_type", String(64), nullable=False),
    Column("disc_type", String(64), nullable=False),
    Column("info", Text, nullable=False),
    Column("begin_at", BigInteger, nullable=False),
    Column("until_at", BigInteger, nullable=False),
)
MAKE_CHOSEN, CLEAR_CHOSEN = temporary_table(
    "chosen_session",
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("still_connected", Boolean, nullable=False),
)
STAGE = Statement(
    "INSERT INTO imported_session (id, row_number, device_id, connected_at, disconnected_at,"
    " still_connected, ip, ip_key, conn_type, disc_type, info, begin_at, until_at) VALUES (:id, :row_number,"
    " :device_id, :connected_at, :disconnected_at, :still_connected, :ip, :ip_key, :conn_type, :disc_type,"
    " :info, :begin_at, :until_at)"
)
CHOOSE = Statement("INSERT INTO chosen_session (id, still_connected) VALUES (:id, :still_connected)")
# An open session reaches on for ever, one with a missing end is the instant of the other. Of those that begin
# together a whole one comes first, so that it counts.
STAGED = Statement(
    "SELECT device_id, begin_at, until_at, connected_at, disconnected_at, still_connected, ip, conn_type,"
    " disc_type, id, row_number FROM imported_session ORDER BY device_id, begin_at,"
    " CASE WHEN disconnected_at IS NULL AND NOT still_connected THEN 1 ELSE 0 END, until_at, id"
)
STORED = Statement(
    f"SELECT device_id, begin_at, coalesce(end_at, {FOREVER}), connected_at, disconnected_at,"
    " still_connected, ip, conn_type, disc_type, id, NULL FROM device_session"
    f" WHERE coalesce(source, '') <> '{DERIVED}'"
    " AND device_id IN (SELECT DISTINCT device_id FROM imported_session)"
    f" ORDER BY device_id, begin_at, coalesce(end_at, {FOREVER}), id"
)
LAST_ID = Statement("SELECT coalesce(max(id), 0) FROM device_session")
LOSE_END = Statement("UPDATE device_session SET still_connected = false WHERE id = :session_id")
CLOSE = Statement(
    "UPDATE device_session SET still_connected = false, disconnected_at = :end, disc_type = :disc_type,"
    " conn_type = :conn_type, ip = :ip, ip_key = :ip_key WHERE id = :session_id"
)
REMEMBER = Statement(
    "INSERT INTO earlier_report (session_id, ip, conn_type, disc_type)"
    " SELECT id, ip, conn_type, disc_type FROM device_session WHERE id = :session_id"
    " ON CONFLICT (session_id) DO NOTHING"
)
INSERT = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, info) SELECT s.device_id, s.connected_at, s.disconnected_at, c.still_connected,"
    " s.ip, s.ip_key, s.conn_type, s.disc_type, s.info FROM chosen_session c"
    " JOIN imported_session s ON s.id = c.id ORDER BY c.id"
)
ADDED = addition_to(
    "device_session",
    "ix_device_session_device",
    "ix_device_session_begin",
    "ix_device_session_short",
    "ix_device_session_long",
    "ix_device_session_middle",
    "ix_device_session_missing",
)
# Devices of which something is derived, and since when something is imported of them; each is looked at once,
# not for each of its rows.
CONCERNED = Statement(
    "SELECT i.device_id, i.since FROM (SELECT device_id, min(begin_at) AS since FROM imported_session"
    " GROUP BY device_id) AS i WHERE EXISTS (SELECT 1 FROM sighting_run r WHERE r.device_id = i.device_id)"
    " OR EXISTS (SELECT 1 FROM device_evidence e WHERE e.device_id = i.device_id)"
    " OR EXISTS (SELECT 1 FROM device_session s"
    f" WHERE s.device_id = i.device_id AND s.source = '{DERIVED}')"
)
FIRST_ADDED = Statement(
    "SELECT s.device_id, min(s.begin_at) FROM chosen_session c JOIN imported_session s ON s.id = c.id"
    " GROUP BY s.device_id"
)
# The events that were there before their session. The plus keeps SQLite from going through all events that
# have none, and for each of them through the sessions of its device.
LINK_CONNECTED = Statement(
    "UPDATE event SET session_id = s.id FROM device_session s WHERE s.id > :last_id"
    " AND event.device_id = s.device_id AND event.at = s.connected_at AND event.type = s.conn_type"
    " AND NOT event.voided AND +event.session_id IS NULL"
)
LINK_DISCONNECTED = Statement(
    "UPDATE event SET session_id = s.id FROM device_session s WHERE s.id > :last_id"
    " AND event.device_id = s.device_id AND event.at = s.disconnected_at AND event.type = s.disc_type"
    " AND NOT event.voided AND +event.session_id IS NULL"
)
LINK_CLOSED = Statement(
    "UPDATE event SET session_id = :session_id WHERE device_id = :device_id AND at = :end"
    " AND type = :disc_type AND NOT voided AND session_id IS NULL"
)


# How the reason ends where a session is known with another end or address.
DIFFERS = "and differs from it."
# Takes the id of a session's device, its row number, and when it was and what is wrong with it.
Refuse = Callable[[int, int, str], None]


@dataclass
class Written:
    """What became of the rows that were not refused."""

    added: int = 0
    changed: int = 0
    present: int = 0
    # Of all that the file has, without an end afterwards: only a report ends them.
    still_open: int = 0
    # By device, when the first session began that was added.
    first: dict[int, int] = field(default_factory=dict)


@dataclass
class _Stretch:
    """A reported session, stored or imported; an open one loses its end to a later one."""

    device_id: int
    begin: int
    end: int
    start: int | None
    disconnected: int | None
    is_open: bool
    rest: Row  # ip, conn_type, disc_type
    id: int
    row: int | None

    @classmethod
    def read(cls, row: Row) -> "_Stretch":
        device_id, begin, end, start, disconnected, is_open, *rest, its_id, number = row
        return cls(device_id, begin, end, start, disconnected, bool(is_open), tuple(rest), its_id, number)

    def lose_end(self) -> None:
        self.is_open, self.end = False, self.begin

    @property
    def lacks_end(self) -> bool:
        """Whether its disconnection is missing, and not still to come."""
        return self.start is not None and self.disconnected is None and not self.is_open

    def began_with(self, other: "_Stretch") -> bool:
        """Whether both are the same session, if they are one at all."""
        if self.start is None or other.start is None:
            return self.start is other.start and self.disconnected == other.disconnected
        return self.start == other.start

    def named(self, site: SiteTime) -> str:
        """Where it is from, and its times, for people."""
        name = f"session {self.id} here" if self.row is None else f"row {self.row}"
        return f"{name}, {self.span(site)}"

    def span(self, site: SiteTime) -> str:
        """Its times, for people."""
        end = "now" if self.end == FOREVER else site.format_offset(self.end)
        return f"{site.format_offset(self.begin)} to {end}"


class SessionImport:
    """Stages sessions, then writes those that fit; what is refused is said in site time."""

    def __init__(self, tx: Transaction, site: SiteTime) -> None:
        self._tx = tx
        self._site = site
        self._count = 0
        for statement in (MAKE_STAGED, MAKE_CHOSEN, CLEAR_STAGED, CLEAR_CHOSEN):
            tx.run(statement)

    def stage(self, sessions: Iterable[tuple[int, int, SessionRecord]]) -> None:
        """(row number, device id, session) of some; in any order."""
        self._tx.run_many(STAGE, (self._staged(*each) for each in sessions))

    def _staged(self, row_number: int, device_id: int, record: SessionRecord) -> dict[str, Any]:
        self._count += 1
        _, start, end, is_open, ip, conn_type, disc_type, info = record
        return {
            "id": self._count,
            "row_number": row_number,
            "device_id": device_id,
            "connected_at": start,
            "disconnected_at": end,
            "still_connected": is_open,
            "ip": ip,
            "ip_key": ip_key(ip),
            "conn_type": conn_type,
            "disc_type": disc_type,
            "info": info,
            "begin_at": end if start is None else start,
            "until_at": FOREVER if is_open else (start if end is None else end),
        }

    def concerned(self) -> dict[int, tuple[int, int]]:
        """Devices of which something is derived, with the stretch of time that is imported of them."""
        return {device_id: (since, FOREVER) for device_id, since in self._tx.rows(CONCERNED)}

    def write(self, refuse: Refuse) -> Written:
        """Write what fits; call `refuse` for each other one."""
        last_id = self._tx.value(LAST_ID)
        sweep = _Sweep(refuse, self._site)
        chosen = 0
        with closing(self._tx.stream(STORED)) as stored, closing(self._tx.stream(STAGED)) as staged:
            rows = map(_Stretch.read, staged)
            for batch in batches(_chosen(sweep, rows, _Peekable(map(_Stretch.read, stored))), BATCH):
                chosen += self._tx.run_many(CHOOSE, batch)
        for statement, changes in ((LOSE_END, sweep.lost), (REMEMBER, sweep.closed), (CLOSE, sweep.closed)):
            if changes:
                self._tx.run_many(statement, changes)
        for each in sweep.closed:
            types = (each["old_type"], each["conn_type"])
            correct_event(self._tx, each["device_id"], each["session_id"], each["start"], types, each["ip"])
        with self._tx.adding(ADDED, chosen):
            sweep.written.added = self._tx.run(INSERT)
        sweep.written.first = dict(self._tx.rows(FIRST_ADDED))
        self._tx.run(LINK_CONNECTED, last_id=last_id)
        self._tx.run(LINK_DISCONNECTED, last_id=last_id)
        if sweep.closed:
            self._tx.run_many(LINK_CLOSED, sweep.closed)
        self._tx.run(CLEAR_STAGED)
        self._tx.run(CLEAR_CHOSEN)
        return sweep.written


class _Peekable:
    """Stored sessions in their order, the next one visible."""

    def __init__(self, stretches: Iterator[_Stretch]) -> None:
        self._rest = stretches
        self.next = next(stretches, None)

    def take(self) -> _Stretch | None:
        taken, self.next = self.next, next(self._rest, None)
        return taken

    def of(self, device_id: int) -> _Stretch | None:
        """The next one, if it is this device's; those of devices before it are passed over."""
        while self.next is not None and self.next.device_id < device_id:
            self.take()
        return self.next if self.next is not None and self.next.device_id == device_id else None


def batches(items: Iterable[Each], size: int) -> Iterator[list[Each]]:
    """The items in lists of that many, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _chosen(sweep: "_Sweep", rows: Iterator[_Stretch], stored: _Peekable) -> Iterator[dict[str, Any]]:
    for device_id, stretches in groupby(rows, key=lambda each: each.device_id):
        for chosen in sweep.device(device_id, stretches, stored):
            sweep.written.still_open += chosen.is_open
            yield {"id": chosen.id, "still_connected": chosen.is_open}
    sweep.written.still_open += len(sweep.open_here)


class _Sweep:
    """Goes along each device's time, and decides for every imported session."""

    def __init__(self, refuse: Refuse, site: SiteTime) -> None:
        self._refuse = refuse
        self._site = site
        self.written = Written()
        self.lost: list[dict[str, Any]] = []
        self.closed: list[dict[str, Any]] = []
        # Stored sessions that are open in the file too.
        self.open_here: set[int] = set()

    def device(self, device_id: int, rows: Iterable[_Stretch], stored: _Peekable) -> Iterator[_Stretch]:
        """The imported sessions of a device that are to be written, each when its end is certain."""
        before: _Stretch | None = None  # of those that began earlier, the one that reaches furthest
        here: list[_Stretch] = []  # those that begin just now
        held: _Stretch | None = None  # chosen and open, until a later one is chosen
        for row in rows:
            if not here or here[0].begin != row.begin:
                before, here = _furthest(before, here), []
                while (each := stored.of(device_id)) is not None and each.begin <= row.begin:
                    stored.take()
                    if each.begin == row.begin:
                        here.append(each)
                    else:
                        before = _furthest(before, [each])
            following = stored.of(device_id)
            same = next((each for each in here if each.began_with(row)), None)
            if same is not None:
                self._repeat(row, same, following)
                continue
            if row.is_open and following is not None:
                row.lose_end()
            hit = _hit(row, before, following)
            if hit is not None:
                self._refuse(
                    row.device_id, row.row or 0, f"{row.span(self._site)}, overlaps {hit.named(self._site)}."
                )
                continue
            if before is not None and before.is_open:
                if before.row is None:
                    self.lost.append({"session_id": before.id})
                    self.open_here.discard(before.id)
                    self.written.changed += 1
                before.lose_end()
            if held is not None:
                yield held
                held = None
            here.append(row)
            if row.is_open:
                held = row
            else:
                yield row
        if held is not None:
            yield held

    def _repeat(self, row: _Stretch, same: _Stretch, following: _Stretch | None) -> None:
        """The same session again; one without an end may have been completed since."""
        is_equal = (row.disconnected, row.is_open, row.rest) == (same.disconnected, same.is_open, same.rest)
        if is_equal or row.is_open or row.lacks_end:
            self.written.present += 1
            if row.is_open and same.is_open and same.row is None:
                self.open_here.add(same.id)
        elif (same.is_open or same.lacks_end) and same.row is None and _hit(row, None, following) is None:
            self._close(row, same)
        else:
            reason = f"{row.span(self._site)}, began with {same.named(self._site)}, {DIFFERS}"
            self._refuse(row.device_id, row.row or 0, reason)

    def _close(self, row: _Stretch, same: _Stretch) -> None:
        ip, conn_type, disc_type = row.rest
        self.closed.append(
            {
                "session_id": same.id,
                "device_id": row.device_id,
                "start": row.start,
                "end": row.disconnected,
                "old_type": same.rest[1],
                "ip": ip,
                "ip_key": ip_key(ip),
                "conn_type": conn_type,
                "disc_type": disc_type,
            }
        )
        self.written.changed += 1
        same.is_open, same.end, same.disconnected, same.rest = False, row.end, row.disconnected, row.rest


def _furthest(before: _Stretch | None, others: list[_Stretch]) -> _Stretch | None:
    for each in others:
        if before is None or each.end >= before.end:
            before = each
    return before


def _hit(row: _Stretch, before: _Stretch | None, following: _Stretch | None) -> _Stretch | None:
    """The session that it overlaps; one that is still open gives way to a later one instead."""
    if before is not None and before.end > row.begin and not before.is_open:
        return before
    if following is not None and following.begin < row.end:
        return following
    return None
