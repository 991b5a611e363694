"""Another tool's SQLite database -> records: NetAlertX's app.db and Pi.Alert's pialert.db.

Three tables, Devices, Sessions and Events, whose columns were spelled in several ways over the years: dev_MAC
and devMac, ses_MAC and sesMac. Columns are found without regard to case and underscores; all but a few may be
missing. The database is opened read-only.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sessiontrack.exceptions import InvalidInput, UnreadableHistory
from sessiontrack.sources.history_rows import checked_session, voided_type
from sessiontrack.sources.history_values import CACHED, LONGEST_INFO, Values, one_line
from sessiontrack.values.device_types import TYPES
from sessiontrack.values.placeholders import known
from sessiontrack.values.records import (
    DEVICES,
    EVENTS,
    NOT_TAKEN,
    SESSIONS,
    DeviceRecord,
    EventRecord,
    Fault,
    Item,
    Record,
    Section,
    SessionRecord,
    Skipped,
)

MISSING = "<missing event>"
INTERNET = "internet"  # the row of the uplink, which is no device
LONGEST_VALUE = 1024 * 1024
MOST_NOTES = 1000


class _Column(NamedTuple):
    """A column by the names it has had, lower case and without underscores."""

    names: tuple[str, ...]
    is_needed: bool = False


_Columns = Mapping[str, _Column]
TABLES: Mapping[str, tuple[str, _Columns]] = {
    DEVICES: (
        "devices",
        {
            "mac": _Column(("devmac",), True),
            "name": _Column(("devname",)),
            "owner": _Column(("devowner",)),
            "vendor": _Column(("devvendor",)),
            "alert_down": _Column(("devalertdown", "devalertdevicedown")),
            "favourite": _Column(("devfavorite",)),
            "archived": _Column(("devisarchived", "devarchived")),
            "first": _Column(("devfirstconnection",)),
            "last": _Column(("devlastconnection",)),
            "type": _Column(("devtype", "devdevicetype")),
            "notes": _Column(("devcomments",)),
        },
    ),
    SESSIONS: (
        "sessions",
        {
            "mac": _Column(("sesmac",), True),
            "ip": _Column(("sesip",)),
            "conn_type": _Column(("seseventtypeconnection",)),
            "start": _Column(("sesdatetimeconnection",), True),
            "disc_type": _Column(("seseventtypedisconnection",)),
            "end": _Column(("sesdatetimedisconnection",), True),
            "still": _Column(("sesstillconnected",)),
            "info": _Column(("sesadditionalinfo",)),
        },
    ),
    EVENTS: (
        "events",
        {
            "mac": _Column(("evemac",), True),
            "ip": _Column(("eveip",)),
            "at": _Column(("evedatetime",), True),
            "type": _Column(("eveeventtype",), True),
            "info": _Column(("eveadditionalinfo",)),
            "pending": _Column(("evependingalertemail",)),
        },
    ),
}


class AppDatabase:
    """Another tool's database, open for reading; to be closed.

    Attributes:
        total: how many rows there are.
    Raises:
        UnreadableHistory: it is not one, cannot be read, or lacks a table or a needed column.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise UnreadableHistory(f"There is no file {path}.")
        try:
            self._connection = self._opened()
        except sqlite3.Error as error:
            raise UnreadableHistory(f"{path} cannot be opened: {error}.") from error
        try:
            self._connection.execute("BEGIN")
            self._selects = {kind: self._select(kind) for kind in TABLES}
            self._counts = {kind: self._count(table) for kind, (table, _) in self._selects.items()}
            self.total = sum(self._counts.values())
        except sqlite3.Error as error:
            self.close()
            raise self._unreadable(error) from error
        except UnreadableHistory:
            self.close()
            raise

    def _opened(self) -> sqlite3.Connection:
        """Open it; one in WAL mode needs a file beside it, which may not be possible to make.

        Raises:
            UnreadableHistory: what is not written back yet, in its -wal, cannot be read there.
        """
        connection = self._connected("mode=ro")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise self._unreadable(error) from error
            log = self._path.with_name(f"{self._path.name}-wal")
            if log.exists() and log.stat().st_size:
                raise UnreadableHistory(
                    f"{self._path} is in a folder that cannot be written, and has a -wal:"
                    " copy it with its -wal to another folder."
                ) from error
            # Nothing but the file itself is needed, as long as nobody writes it.
            connection = self._connected("mode=ro&immutable=1")
        return connection

    def _connected(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None
        )
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def close(self) -> None:
        self._connection.close()

    def sections(self, values: Values) -> Iterator[Section]:
        """Its rows, devices first.

        Raises (while it is read):
            UnreadableHistory: the file is damaged.
        """
        rows = _Rows(values)
        readers: Mapping[str, Callable[[Any], Record]] = {
            DEVICES: rows.device,
            SESSIONS: rows.session,
            EVENTS: rows.event,
        }
        for kind, reader in readers.items():
            yield Section(kind, self._items(kind, reader), self._counts[kind])

    def _items(self, kind: str, reader: Callable[[Any], Record]) -> Iterator[Item]:
        table, columns = self._selects[kind]
        try:
            rows = self._connection.execute(f"SELECT {columns} FROM {table}")
            for number, row in enumerate(rows, start=1):
                mac = row[0]
                if isinstance(mac, str) and mac.strip().lower() == INTERNET:
                    yield Skipped(number)
                    continue
                try:
                    yield number, reader(row)
                except InvalidInput as error:
                    yield Fault(kind, number, error.message)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _select(self, kind: str) -> tuple[str, str]:
        """The table as SQL writes it, and what to select of it: a column that is missing is NULL."""
        wanted, columns = TABLES[kind]
        # A view could be made to go on for ever; a table has an end.
        tables = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        names = [name for (name,) in tables if _plain(name) == wanted]
        if not names:
            raise UnreadableHistory(
                f"{self._path} has no table {wanted.capitalize()}: it is not NetAlertX's or Pi.Alert's."
            )
        table = _quoted(names[0])
        present = {_plain(row[1]): row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")}
        selected = []
        for column in columns.values():
            found = next((present[name] for name in column.names if name in present), None)
            if found is None and column.is_needed:
                raise UnreadableHistory(
                    f"{self._path}: the table {wanted.capitalize()} has no column like {column.names[0]}."
                )
            selected.append("NULL" if found is None else _quoted(found))
        return table, ", ".join(selected)

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def _unreadable(self, error: sqlite3.Error) -> UnreadableHistory:
        return UnreadableHistory(f"{self._path} cannot be read as an SQLite database: {error}.")


@dataclass
class Ended:
    """Sessions that were still open in the other tool's database: how many end, and at which instant."""

    count: int = 0
    at: int | None = None


def ended_sections(database: AppDatabase, done: Ended, values: Values) -> Iterator[Section]:
    """What it tells, but what is still open ends at the last instant of any device, session or event.

    Of a device that is the session that began last; others that lack an end stay as they are. The database is
    read twice.

    Args:
        done: takes what is ended, while it is read.
    """
    until = 0
    last: dict[str, int] = {}
    for section in database.sections(values):
        for item in section.items:
            if isinstance(item, NOT_TAKEN):
                continue
            record = item[1]
            if isinstance(record, DeviceRecord):
                until = max(until, record.last_seen_at or 0)
            elif isinstance(record, EventRecord):
                until = max(until, record.at)
            elif isinstance(record, SessionRecord):
                until = max(until, record.connected_at or 0, record.disconnected_at or 0)
                last[record.mac] = max(record.connected_at or 0, last.get(record.mac, 0))

    def ended(item: Item) -> Item:
        if isinstance(item, NOT_TAKEN):
            return item
        number, record = item
        if not isinstance(record, SessionRecord) or not record.still_connected:
            return item
        if record.connected_at != last[record.mac]:
            return item
        done.count += 1
        done.at = until
        return number, record._replace(still_connected=False, disconnected_at=until)

    for section in database.sections(values):
        yield section._replace(items=map(ended, section.items))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _known(value: Any) -> Any:
    """None for what is missing."""
    return None if isinstance(value, str) and value.strip().lower() in ("", MISSING) else value


def _name(value: Any) -> Any:
    text = one_line(value)
    return known(text) if isinstance(text, str) else text


def _kind(value: Any) -> str:
    """Their type is free text: it is taken where it is one of ours."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if text in TYPES else ""


def _notes(value: Any) -> Any:
    text = _name(value)
    return text[:MOST_NOTES] if isinstance(text, str) else text


class _Rows:
    """Reads rows. All but the times come again and again, so that is read once.

    What is wrong with a row is what is wrong with the first of its columns, in the order below.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        remembered = lru_cache(CACHED, typed=True)
        self._read_parts = remembered(self._session_parts)
        self._read_type_and_ip = remembered(self._event_type_and_ip)
        self._read_flag = remembered(values.flag)
        self._read_voided = remembered(lambda text: voided_type(values, text))

    def device(self, row: Any) -> DeviceRecord:
        mac, name, owner, vendor, alert_down, favourite, archived, first, last, kind, notes = row
        values = self._values
        return DeviceRecord(
            values.mac(mac, "MAC"),
            values.instant(_known(first), "FirstConnection"),
            values.instant(_known(last), "LastConnection"),
            {
                "name": values.text(_name(name), "Name"),
                "owner": values.text(_name(owner), "Owner"),
                "vendor": values.text(_name(vendor), "Vendor"),
                "alert_down": values.flag(alert_down, "AlertDown"),
                "archived": values.flag(archived, "IsArchived"),
                "favourite": values.flag(favourite, "Favorite"),
                "kind": _kind(kind),
                "notes": values.text(_notes(notes), "Comments", LONGEST_INFO),
            },
        )

    def session(self, row: Any) -> SessionRecord:
        mac, ip, conn_type, start, disc_type, end, still, info = row
        values = self._values
        # Said of an event that is missing, the time is another event's, if there is one.
        connected_at = None if conn_type == MISSING else values.instant(_known(start), "DateTimeConnection")
        ended = None if disc_type == MISSING else _known(end)
        disconnected_at = values.instant_after(ended, "DateTimeDisconnection", connected_at)
        is_open, mac, ip, conn_type, disc_type = self._read_parts(still, mac, ip, conn_type, disc_type)
        return checked_session(
            SessionRecord(
                mac,
                connected_at,
                disconnected_at,
                is_open and connected_at is not None and disconnected_at is None,
                ip,
                conn_type,
                disc_type,
                self._info(info),
            )
        )

    def _session_parts(
        self, still: Any, mac: Any, ip: Any, conn_type: Any, disc_type: Any
    ) -> tuple[bool, str, str, str, str]:
        values = self._values
        return (
            values.flag(still, "StillConnected"),
            values.mac(mac, "MAC"),
            values.ip(one_line(ip), "IP"),
            values.event_type(_known(conn_type), "EventTypeConnection", "Connected"),
            values.event_type(_known(disc_type), "EventTypeDisconnection", "Disconnected"),
        )

    def event(self, row: Any) -> EventRecord:
        mac, ip, at, event_type, info, pending = row
        mac = self._values.mac(mac, "MAC")
        at = self._values.known_instant(_known(at), "DateTime")
        event_type, ip = self._read_type_and_ip(event_type, ip)
        info = self._info(info)
        pending = self._read_flag(pending, "PendingAlertEmail")
        event_type, is_voided = self._read_voided(event_type)
        return EventRecord(mac, at, event_type, ip, info, is_voided, pending)

    def _event_type_and_ip(self, event_type: Any, ip: Any) -> tuple[str, str]:
        values = self._values
        return values.text(event_type, "EventType", 128, least=1), values.ip(one_line(ip), "IP")

    def _info(self, info: Any) -> str:
        # Not remembered: it may be long, and mostly there is none.
        if info is None or info == "":
            return ""
        return self._values.text(one_line(info), "AdditionalInfo", LONGEST_INFO)
