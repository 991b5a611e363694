"""The floor: the cost of the same answers without the application.

One WSGI callable behind the application's own gunicorn settings, with the application's own SQL text on a
bare sqlite3 connection per thread, the same PRAGMAs and orjson. It has no schemas, no tokens, no streaming
and no checks. The first part of the path selects the floor:

- `/plain/...`: the reads: rows fetched, formatted in plain Python, put into dicts, written by orjson.
- `/flask/...`: the writes, behind Flask, the application's fair lock and BEGIN IMMEDIATE.
"""

import argparse
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from flask import Flask, Response, request

from benchmarks import floor_rows, floor_sql
from benchmarks.dataset import DATABASE
from sessiontrack.cli.serve import _Server
from sessiontrack.database.engines.writer_lock import WriterLock
from sessiontrack.process.served_settings import ServedSettings
from sessiontrack.process.supervisor import Supervisor
from sessiontrack.values.ips import ip_sort_key

ALIVE_SECONDS = 86_400
BUSY_SECONDS = 5
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "journal_size_limit = 67108864",
    "cache_size = -512",
)


class Database:
    """A connection per thread, and the fair lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = WriterLock(Path(f"{path}-writer"), BUSY_SECONDS)
        self._local = threading.local()

    def connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            for pragma in PRAGMAS:
                found.execute(f"PRAGMA {pragma}")
            self._local.connection = found
        return found

    def rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self.connection().execute(sql, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        connection = self.connection()
        with self._lock.held():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise


class Reads:
    """The reads: `/plain/...`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix("/plain/")
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        body = self.answer(path, asked, int(time.time()))
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def answer(self, path: str, asked: dict[str, str], now: int) -> bytes:
        if path == "api/v2/sessions":
            values = {"limit": int(asked["limit"]), "offset": 0}
            found = self._database.rows(floor_sql.USER_SESSIONS, values)
            self._database.rows("SELECT count(*) FROM user_session", {})
            return orjson.dumps(floor_rows.user_sessions(found, now - ALIVE_SECONDS))
        question = floor_sql.question(path, asked, now)
        rows = self._database.rows(question.sql, question.values) if question.sql else []
        found = [floor_rows.FORMATS[question.kind](row, now) for row in rows]
        return orjson.dumps(question.body(found, self._counted(question)))

    def _counted(self, question: "floor_sql.Question") -> list[int]:
        return [self._database.rows(sql, values)[0][0] for sql, values in question.counts]


def writing_app(database: Database, login_keys: dict[str, str]) -> Flask:
    """The writes, as a Flask application of three calls."""
    app = Flask(__name__)

    def answer(body: object) -> Response:
        return Response(orjson.dumps(body), mimetype="application/json")

    def login_key() -> str:
        return login_keys[request.headers["Authorization"].removeprefix("Bearer ")]

    @app.get("/readyz")
    def ready() -> Response:
        return answer({"success": True})

    @app.post("/flask/api/v2/keepalive")
    def keepalive() -> Response:
        now, body = int(time.time()), orjson.loads(request.get_data())
        view, _, tab = body["path"].strip("[]").partition(",")
        values = {"login_key": login_key(), "now": now, "expired_at": now - ALIVE_SECONDS}
        values |= {"view": view, "tab": tab}
        with database.write() as run:
            if run(floor_sql.CREDIT_SESSION, values).rowcount != 1:
                raise LookupError("no active session")
            run(floor_sql.CREDIT_VIEW, values)
        described = {"description": "Session keepalive", "time": now}
        return answer({**described, "visible": body["visible"], "paths": body["path"]})

    @app.post("/flask/sessions/create")
    def create() -> Response:
        body = orjson.loads(request.get_data())
        mac, ip = body["mac"], body["ip"]
        start, end = floor_sql.instant(body["start_time"]), floor_sql.instant(body["end_time"])
        with database.write() as run:
            run(floor_sql.ADD_DEVICE, {"mac": mac, "vendor": "", "at": start})
            (device_id,) = run(floor_sql.FIND_DEVICE, {"mac": mac}).fetchone()
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
                "itself": 0,
            }
            if run(floor_sql.AT_START, values).fetchone():
                raise LookupError("there already")
            run(floor_sql.EARLIER_OPEN, values).fetchone()
            if run(floor_sql.OVERLAPPING, values).fetchone():
                raise LookupError("overlaps")
            ((session_id,),) = run(floor_sql.ADD_SESSION, values).fetchall()
            values["session_id"] = session_id
            run(floor_sql.KNOWN_SINCE, values).fetchone()
            run(floor_sql.ADD_EVENT, {**values, "type": "Connected"})
            run(floor_sql.ADD_EVENT, {**values, "at": end, "type": "Disconnected"})
        return answer({"success": True, "message": f"Session created for MAC {mac}", "id": session_id})

    return app


class Floor:
    """The WSGI application."""

    def __init__(self, folder: Path, login_keys: dict[str, str]) -> None:
        database = Database(folder / DATABASE)
        self._reads = Reads(database)
        self._writes = writing_app(database, login_keys)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path.startswith("/plain/"):
            return self._reads(environ, start_response)
        return self._writes.wsgi_app(environ, start_response)


class _FloorServer(_Server):
    """The application's gunicorn settings, with another application."""

    def load(self) -> Any:
        return self._flask

    def _announce(self, server: object) -> None:
        """The floor has no settings to tell of."""

    def _begin_work(self, worker: object) -> None:
        """The floor neither prunes nor delivers webhooks."""


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
    with Supervisor() as supervisor:
        served = ServedSettings(chosen.folder)
        _FloorServer(app, "127.0.0.1", chosen.port, chosen.workers, chosen.threads, supervisor, served).run()


if __name__ == "__main__":
    main()
