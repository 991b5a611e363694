"""A database with rows in every table, and the content of a database on either back end."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import Boolean, make_url

from sessiontrack.database import Statement, db
from sessiontrack.keeping.moving.move import LEFT_BEHIND
from tests.keeping.test_history_roundtrip import TEXTS, fill
from tests.support import rows
from tests.support.application import NOW

# Characters that are special in COPY's format, and some that only look special.
DIFFICULT = "tab\t end\r\n \\N \\t \\\\ \b\f\v \x01\x7f Zoë \U0001f600 \u2028"
DEVICE = "(SELECT min(id) FROM device)"
USER = """(SELECT min(id) FROM "user")"""
STAY = "(SELECT min(id) FROM user_session)"
WEBHOOK = "(SELECT min(id) FROM webhook)"
MORE = (
    "INSERT INTO covered_session (device_id, connected_at, disconnected_at, conn_type, disc_type, info)"
    " VALUES ((SELECT max(id) FROM device), :now, :now, 'Connected', 'Disconnected', :text)",
    "INSERT INTO earlier_report (session_id, ip, conn_type, disc_type)"
    " VALUES ((SELECT max(id) FROM device_session), '10.0.0.1', 'Connected', 'Disconnected')",
    "INSERT INTO underived_device (device_id, since_at, error)"
    " VALUES ((SELECT max(id) FROM device), :now, :text)",
    "INSERT INTO set_aside (what, at, source, mac, details, set_aside_at)"
    " VALUES ('seen', :now, :text, NULL, '{}', :now)",
    "INSERT INTO derived_by (id, grace_seconds, least_percent) VALUES (1, 600, 20)",
    f"INSERT INTO device_alias (mac, device_id) VALUES ('AA:AA:AA:AA:AA:AA', {DEVICE})",
    "INSERT INTO source (name, pruned_at) VALUES (:text, :now)",
    "INSERT INTO scan (source_id, at, seen_count, trusted) SELECT id, :now, 3, true FROM source",
    "INSERT INTO sighting_run (device_id, source_id, ip, first_at, last_at, settled)"
    f" SELECT {DEVICE}, id, '10.0.0.1', 5, :now, true FROM source",
    "INSERT INTO device_evidence (device_id, source_id, at, kind, ip, info)"
    f" SELECT {DEVICE}, id, :now, 'seen', '', :text FROM source",
    "INSERT INTO webhook (name, url, secret, created_at, last_error)"
    " VALUES (:text, 'https://example.org', 's', :now, :text)",
    f"INSERT INTO webhook_event (webhook_id, type) VALUES ({WEBHOOK}, :text)",
    "INSERT INTO webhook_delivery (public_id, webhook_id, type, body, created_at, due_at)"
    f" VALUES ('1', {WEBHOOK}, 'Connected', :text, :now, :now)",
    f"INSERT INTO flapping_device (device_id, since_at, withheld) VALUES ({DEVICE}, :now, true)",
    "INSERT INTO login (id, user_id, address, created_at, expires_at, revoked_at)"
    f" VALUES ('x', {USER}, '10.0.0.1', :now, :now, :now)",
    f"INSERT INTO login_address (user_id, address, first_at, last_at) VALUES ({USER}, '::1', :now, :now)",
    "INSERT INTO login_throttle (key, attempts, ends_at) VALUES (:text, 5, :now)",
    "INSERT INTO view_visit (session_id, since_at, until_at, view, tab, seconds)"
    f" VALUES ({STAY}, :now, :now + 9, :text, '', 4)",
    "INSERT INTO task_claim (name, due_at) VALUES ('prune', :now)",
    "INSERT INTO write_probe (id, number) VALUES (1, 7)",
    "INSERT INTO clock_floor (id, at, accepted) VALUES (1, :now, 0)",
    "INSERT INTO source_failure (name, since_at, failed_at, reason) VALUES (:text, :now, :now, :text)",
    "INSERT INTO last_write (login_key, position) VALUES ('x', 1)",
)


def fill_everything(app: Flask) -> None:
    """Insert some rows into every table, beside the template's users and tokens."""
    fill(app)
    with rows.writing(app) as tx:
        for sql in MORE:
            tx.run(Statement(sql), **{name: value for name, value in VALUES.items() if f":{name}" in sql})
        device_id = rows.add_device(tx, "BB:BB:BB:BB:BB:BB", name=DIFFICULT)
        rows.add_session(tx, device_id, NOW, NOW + 60, info=DIFFICULT)
        rows.add_event(tx, device_id, NOW, TEXTS[0], info=DIFFICULT, voided=True)
        # A row number whose row has been deleted.
        gone = rows.add_device(tx, "CC:CC:CC:CC:CC:CC")
        tx.run(Statement("DELETE FROM device WHERE id = :id"), id=gone)


VALUES: dict[str, Any] = {"now": NOW, "text": DIFFICULT}


def content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of every table that moves, with generated columns."""
    found = {}
    with closing(open_url(url)) as connection:
        for table in db.metadata.sorted_tables:
            if table.name in LEFT_BEHIND:
                continue
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
            cursor = connection.execute(f'SELECT {names} FROM "{table.name}" ORDER BY {key}')
            is_truth = [isinstance(column.type, Boolean) for column in table.columns]
            found[table.name] = [
                tuple(bool(v) if b else v for v, b in zip(row, is_truth, strict=True))
                for row in cursor.fetchall()
            ]
    return found


def open_url(url: str) -> Any:
    """The driver's own connection."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite3.connect(str(parsed.database))
    shown = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(shown, autocommit=True)


def tables(url: str) -> set[str]:
    """The tables that other connections see."""
    schema = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    if url.startswith("sqlite"):
        if not Path(str(make_url(url).database)).exists():
            return set()
        schema = "SELECT name FROM sqlite_master WHERE type = 'table'"
    with closing(open_url(url)) as connection:
        return {name for (name,) in connection.execute(schema).fetchall()}
