"""The floor: what the same answers cost with nothing around them.

One WSGI callable behind the application's own gunicorn settings. It runs the application's SQL text on a
bare sqlite3 connection a thread, with the same PRAGMAs, the same fair lock and BEGIN IMMEDIATE, and writes
with orjson. It has no Flask, looks at no token, and believes whatever it is sent.
"""

import argparse
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from benchmarks.dataset import DATABASE, DAY
from sessiontrack.cli.serve import _Server
from sessiontrack.db import Statement
from sessiontrack.ips import ip_sort_key
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.periods import format_duration
from sessiontrack.queries import calendar, device_sessions
from sessiontrack.services import device_sessions as session_rules
from sessiontrack.services import devices, events, user_sessions
from sessiontrack.timestamps import IN_UTC
from sessiontrack.writer_lock import WriterLock

ALIVE_SECONDS = 300
BUSY_SECONDS = 5
DIALECT = SQLiteDialect_pysqlite(paramstyle="named")
COLORS = {(True, False): calendar.OPEN_COLOR, (False, False): calendar.CLOSED_COLOR}


def sql_of(statement: Statement) -> str:
    """The text that the application runs."""
    text, fixed = statement.for_dialect(DIALECT)
    if fixed:
        raise ValueError(f"The floor does not know the fixed parameters {fixed}")
    return text


class _Overhears:
    """Stands in for a transaction to learn which statement a query runs, and with which parameters."""

    def stream(self, statement: Statement, /, **parameters: Any) -> Iterator[Any]:
        self.sql = statement.for_dialect(DIALECT)
        return iter(())


def _overheard(query: Callable[[Any], Iterator[Any]]) -> tuple[str, dict[str, Any]]:
    tx = _Overhears()
    list(query(tx))
    return tx.sql


LIST_FILTER = device_sessions.SessionFilter(mac="", start=0, end=0)
LIST, LIST_FIXED = _overheard(lambda tx: device_sessions.list_sessions(tx, LIST_FILTER, None, 0, 0, IN_UTC))
CALENDAR, CALENDAR_FIXED = _overheard(
    lambda tx: calendar.list_calendar(tx, calendar.CalendarFilter(0, 1), None, 0, 0, IN_UTC)
)
END_EXPIRED = sql_of(user_sessions.END_EXPIRED)
START = sql_of(user_sessions.START)
CREDIT_SESSION = sql_of(user_sessions.CREDIT_SESSION)
CREDIT_VIEW = sql_of(user_sessions.CREDIT_VIEW)
ADD_DEVICE = sql_of(devices.INSERT)
FIND_DEVICE = sql_of(devices.LOCK)
SEEN_EARLIER = sql_of(devices.SEEN_EARLIER)
AT_START = sql_of(session_rules.AT_START)
LOSE_EARLIER_OPEN = sql_of(session_rules.LOSE_EARLIER_OPEN)
OVERLAPPING = sql_of(session_rules.OVERLAPPING)
ADD_SESSION = sql_of(session_rules.INSERT)
ADD_EVENT = sql_of(events.INSERT)


class Floor:
    """The WSGI application."""

    def __init__(self, folder: Path, login_keys: dict[str, str]) -> None:
        self._database = folder / DATABASE
        self._lock = WriterLock(Path(f"{self._database}-writer"), BUSY_SECONDS)
        self._local = threading.local()
        self._login_keys = login_keys
        self._calls = {
            "/readyz": self.ready,
            "/api/v2/sessionstart": self.start,
            "/api/v2/keepalive": self.keepalive,
            "/sessions/create": self.create,
            "/sessions/list": self.list_,
            "/sessions/calendar": self.calendar,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = orjson.dumps(self._calls[environ["PATH_INFO"]](environ))
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def ready(self, environ: WSGIEnvironment) -> object:
        return {"success": True}

    def start(self, environ: WSGIEnvironment) -> object:
        now, login_key = int(time.time()), self._login_key(environ)
        values = {"login_key": login_key, "now": now, "expired_at": now - ALIVE_SECONDS}
        with self._write() as run:
            run(END_EXPIRED, values)
            run(START, {**values, "public_id": login_key, "username": login_key})
        return {"description": "Session Start"}

    def keepalive(self, environ: WSGIEnvironment) -> object:
        now, body = int(time.time()), _body(environ)
        view, _, tab = body["path"].strip("[]").partition(",")
        values = {
            "login_key": self._login_key(environ),
            "now": now,
            "expired_at": now - ALIVE_SECONDS,
            "view": view,
            "tab": tab,
        }
        with self._write() as run:
            if run(CREDIT_SESSION, values).rowcount != 1:
                raise LookupError("no active session")
            run(CREDIT_VIEW, values)
        described = {"description": "Session keepalive", "time": now}
        return {**described, "visible": body["visible"], "paths": body["path"]}

    def create(self, environ: WSGIEnvironment) -> object:
        body = _body(environ)
        mac, ip = body["mac"], body["ip"]
        start, end = _instant(body["start_time"]), _instant(body["end_time"])
        with self._write() as run:
            run(ADD_DEVICE, {"mac": mac, "vendor": "", "at": start})
            (device_id,) = run(FIND_DEVICE, {"mac": mac}).fetchone()
            values = {
                "device_id": device_id,
                "at": start,
                "start": start,
                "end": end,
                "still_connected": False,
                "ip": ip,
                "ip_key": ip_sort_key(ip),
                "conn_type": "Connected",
                "disc_type": "Disconnected",
                "source": None,
            }
            run(SEEN_EARLIER, values)
            if run(AT_START, values).fetchone():
                raise LookupError("there already")
            run(LOSE_EARLIER_OPEN, values)
            if run(OVERLAPPING, values).fetchone():
                raise LookupError("overlaps")
            ((session_id,),) = run(ADD_SESSION, values).fetchall()
            values["session_id"] = session_id
            run(ADD_EVENT, {**values, "type": "Connected"})
            run(ADD_EVENT, {**values, "at": end, "type": "Disconnected"})
        return {"success": True, "message": f"Session created for MAC {mac}", "id": session_id}

    def list_(self, environ: WSGIEnvironment) -> object:
        asked, now = dict(parse_qsl(environ["QUERY_STRING"])), int(time.time())
        start, end = _instant(asked["start_date"]), _instant(asked["end_date"]) + DAY - 1
        page = {"limit": EVERYTHING, "offset": 0}
        values = {**LIST_FIXED, **page, "mac": asked["mac"], "start": start, "end": end}
        found = []
        for session_id, mac, connected_at, disconnected_at, is_open, ip, info in self._rows(LIST, values):
            seconds = None
            if connected_at is not None and (is_open or disconnected_at is not None):
                seconds = (now if is_open else disconnected_at) - connected_at
            found.append(
                {
                    "id": session_id,
                    "ses_MAC": mac,
                    "ses_Connection": "<missing event>"
                    if connected_at is None
                    else IN_UTC.format_minute(connected_at),
                    "ses_Disconnection": ("..." if is_open else "<missing event>")
                    if disconnected_at is None
                    else IN_UTC.format_minute(disconnected_at),
                    "ses_Duration": "..." if seconds is None else format_duration(seconds),
                    "ses_IP": ip,
                    "ses_Info": info,
                    "ses_StillConnected": bool(is_open),
                    "ses_DateTimeConnection": None
                    if connected_at is None
                    else IN_UTC.format_offset(connected_at),
                    "ses_DateTimeDisconnection": None
                    if disconnected_at is None
                    else IN_UTC.format_offset(disconnected_at),
                    "ses_DurationSeconds": seconds,
                }
            )
        return {"success": True, "sessions": found}

    def calendar(self, environ: WSGIEnvironment) -> object:
        asked, now = dict(parse_qsl(environ["QUERY_STRING"])), int(time.time())
        window = {"start": _instant(asked["start"]), "end": _instant(asked["end"]) + DAY, "now": now}
        values = {**CALENDAR_FIXED, **window, "limit": EVERYTHING, "offset": 0}
        found = []
        for mac, ip, connected_at, disconnected_at, is_open, begin, end in self._rows(CALENDAR, values):
            is_missing = not is_open and (connected_at is None or disconnected_at is None)
            connection = "<missing event>" if connected_at is None else IN_UTC.format_minute(connected_at)
            if disconnected_at is not None:
                disconnection = IN_UTC.format_minute(disconnected_at)
            else:
                disconnection = "<still connected>" if is_open else "<missing event>"
            found.append(
                {
                    "resourceId": mac,
                    "title": "",
                    "start": IN_UTC.format_second(begin),
                    "end": IN_UTC.format_second(end),
                    "color": COLORS.get((bool(is_open), is_missing), calendar.MISSING_COLOR),
                    "tooltip": f"Connection: {connection}\nDisconnection: {disconnection}\nIP: {ip}",
                    "className": "no-border",
                }
            )
        return {"success": True, "sessions": found}

    def _login_key(self, environ: WSGIEnvironment) -> str:
        return self._login_keys[environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")]

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._database, timeout=BUSY_SECONDS, isolation_level=None)
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "foreign_keys = ON",
                "journal_size_limit = 67108864",
                "cache_size = -512",
            ):
                found.execute(f"PRAGMA {pragma}")
            self._local.connection = found
        return found

    def _rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._connection().execute(sql, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        connection = self._connection()
        with self._lock.held():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise


def _body(environ: WSGIEnvironment) -> Any:
    return orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class _FloorServer(_Server):
    """The application's own gunicorn settings, with another application."""

    def load(self) -> Any:
        return self._flask


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    chosen = parser.parse_args()
    login_keys = orjson.loads((chosen.folder / "login-keys.json").read_bytes())
    app: Any = Floor(chosen.folder, login_keys)
    _FloorServer(app, "127.0.0.1", chosen.port, chosen.workers, chosen.threads).run()


if __name__ == "__main__":
    main()
