"""Run `sessiontrack import` and `export` on an application's database, and read what is stored."""

import json
from typing import Any

from flask import Flask

from sessiontrack.database import Row, Statement
from tests.support.command import assert_one_line, invoke
from tests.support.rows import writing

DEVICES = Statement(
    "SELECT mac, name, owner, vendor, alert_down, can_flap, archived, favourite, grace_seconds,"
    " first_seen_at, last_seen_at FROM device ORDER BY mac"
)
SESSIONS = Statement(
    "SELECT mac, connected_at, disconnected_at, still_connected, ip, ip_key, conn_type, disc_type, info,"
    " source FROM device_session JOIN device ON device.id = device_id ORDER BY mac, begin_at, end_at"
)
EVENTS = Statement(
    "SELECT mac, at, type, e.ip, e.ip_key, e.info, voided, pending_alert, s.begin_at, s.end_at FROM event e"
    " JOIN device ON device.id = e.device_id LEFT JOIN device_session s ON s.id = e.session_id"
    " ORDER BY mac, at, type, voided, e.info"
)
USER_SESSIONS = Statement(
    "SELECT public_id, login_key, username, started_at, last_ping, last_visible_ping, last_view, last_tab,"
    " visible_seconds, ended_at, view, tab, seconds FROM user_session"
    " LEFT JOIN view_time ON session_id = id ORDER BY public_id, view, tab"
)


def stored(app: Flask) -> dict[str, list[Row]]:
    """The whole history, without row ids."""
    statements = {"devices": DEVICES, "sessions": SESSIONS, "events": EVENTS, "user-sessions": USER_SESSIONS}
    with writing(app) as tx:
        return {kind: tx.rows(statement) for kind, statement in statements.items()}


def run_import(app: Flask, *arguments: str, text: str | None = None, **settings: str) -> Any:
    """The import's report, in its machine-readable form."""
    done = invoke(app.instance_path, "import", *arguments, "--json", text=text, **settings)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def counts(said: Any, kind: str) -> dict[str, int]:
    """What became of the rows of one kind, without what is 0."""
    return {name: count for name, count in said["counts"][kind].items() if count and name != "still_open"}


def assert_refused(app: Flask, *arguments: str, words: str, text: str | None = None) -> None:
    """Check that the whole import is refused with one line and changes nothing."""
    before = stored(app)
    done = invoke(app.instance_path, "import", *arguments, text=text)
    assert done.exit_code == 1, done.output
    assert_one_line(done.stderr, words)
    assert stored(app) == before


def run_export(app: Flask, *arguments: str) -> str:
    done = invoke(app.instance_path, "export", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
