"""What the database itself forbids, independent of the code: the design's "Data"."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from sessiontrack.database import db
from tests.support import databases
from tests.support.engine import IS_POSTGRES

DEVICE = "INSERT INTO device (id, mac, first_seen_at) VALUES (1, 'AA:BB:CC:DD:EE:FF', 0)"
SESSION = (
    "INSERT INTO device_session (device_id, conn_type, disc_type, connected_at, disconnected_at,"
    " still_connected) VALUES (1, 'Connected', 'Disconnected', {})"
)
EVENT = "INSERT INTO event (device_id, at, type, voided) VALUES (1, {})"
USER_SESSION = (
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, visible_seconds,"
    " ended_at) VALUES ({})"
)
VIEW_TIME = "INSERT INTO view_time (session_id, view, tab, seconds) VALUES (1, 'maps', {})"
VISIT = (
    "INSERT INTO view_visit (session_id, view, tab, since_at, until_at, seconds) VALUES (1, 'maps', '', {})"
)
USER = 'INSERT INTO "user" (username, password_hash, role, created_at) VALUES ({}, 0)'
TOKEN = "INSERT INTO api_token (user_id, name, role, secret_hash, created_at) VALUES ({}, 0)"

WEBHOOK = "INSERT INTO webhook (id, name, url, secret, created_at) VALUES (1, 'pager', 'u', 's', 0)"
DELIVERY = (
    "INSERT INTO webhook_delivery (public_id, webhook_id, type, body, created_at, due_at, state, finished_at)"
    " VALUES ('p', 1, 'test', '', 0, 0, {})"
)


@pytest.fixture
def bare(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Any]:
    """A copy of the migrated database, opened with the driver only."""
    copy = tmp_path / "copy"
    shutil.copytree(template[0], copy)
    with databases.connection_to(copy) as connection:
        if not IS_POSTGRES:
            connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(DEVICE)
        connection.execute(WEBHOOK)
        connection.execute(USER_SESSION.format("1, 'u', 'login:1', 'admin', 100, 160, 60, NULL"))
        yield connection


# Each statement is valid alone; the last one must be refused if the table says so.
FORBIDDEN = [
    ("end_after_start", [], SESSION.format("100, 99, false")),
    ("one_end_known|begin_at", [], SESSION.format("NULL, NULL, false")),
    ("open_has_start_only", [], SESSION.format("100, 200, true")),
    ("open_has_start_only", [], SESSION.format("NULL, 200, true")),
    ("UNIQUE", [SESSION.format("100, NULL, true")], SESSION.format("200, NULL, true")),
    ("UNIQUE", [SESSION.format("100, 200, false")], SESSION.format("100, 300, false")),
    ("UNIQUE", [EVENT.format("100, 'Connected', false")], EVENT.format("100, 'Connected', false")),
    ("FOREIGN KEY", [], SESSION.replace("(1,", "(77,").format("100, 200, false")),
    ("FOREIGN KEY", [], EVENT.replace("(1,", "(77,").format("100, 'Connected', false")),
    ("UNIQUE", [], "INSERT INTO device (mac, first_seen_at) VALUES ('AA:BB:CC:DD:EE:FF', 0)"),
    ("mac_is_canonical", [], "INSERT INTO device (mac, first_seen_at) VALUES ('AABBCCDDEEFF', 0)"),
    ("known_role", [], USER.format("'root', 'x', 'root'")),
    ("known_role", [], USER.format("'root', 'x', 'Admin'")),
    ("UNIQUE", [], USER.format("'admin', 'x', 'admin'")),
    ("known_role", [], TOKEN.format("1, 'a', 'owner', 'h'")),
    ("UNIQUE", [TOKEN.format("1, 'a', 'admin', 'h'")], TOKEN.format("1, 'b', 'admin', 'h'")),
    ("not_negative", [], VIEW_TIME.format("'', -1")),
    ("seconds_within_visit", [], VISIT.format("100, 110, 11")),
    ("seconds_within_visit", [], VISIT.format("100, 110, 0")),
    ("UNIQUE", [VISIT.format("100, 110, 5")], VISIT.format("100, 120, 5")),
    ("UNIQUE", [VIEW_TIME.format("'', 1")], VIEW_TIME.format("'', 2")),
    ("known_state", [], DELIVERY.format("'lost', 100")),
    ("finished_when_over", [], DELIVERY.format("'pending', 100")),
    ("finished_when_over", [], DELIVERY.format("'dead', NULL")),
    ("UNIQUE", [DELIVERY.format("'pending', NULL")], DELIVERY.format("'pending', NULL")),
    ("FOREIGN KEY", [], "INSERT INTO webhook_event (webhook_id, type) VALUES (77, 'flapping')"),
    ("visible_within_session", [], "UPDATE user_session SET visible_seconds = 61"),
    ("visible_within_session", [], "UPDATE user_session SET visible_seconds = -1"),
    ("visible_within_session", [], "UPDATE user_session SET started_at = 101"),
    ("ping_after_start", [], "UPDATE user_session SET last_ping = 99, visible_seconds = 0"),
    ("UNIQUE", [], USER_SESSION.format("2, 'v', 'login:1', 'admin', 100, 160, 0, NULL")),
    ("UNIQUE", [], USER_SESSION.format("2, 'u', 'login:2', 'admin', 100, 160, 0, NULL")),
]
ALLOWED = [
    ("ends where it starts", [SESSION.format("100, 100, false")]),
    ("missing disconnection", [SESSION.format("100, NULL, false")]),
    ("missing connection", [SESSION.format("NULL, 100, false")]),
    ("one open", [SESSION.format("100, NULL, false"), SESSION.format("200, NULL, true")]),
    (
        "voided twice",
        [EVENT.format("100, 'Connected', true")] * 2 + [EVENT.format("100, 'Connected', false")],
    ),
    ("as long as it lasts", ["UPDATE user_session SET visible_seconds = 60"]),
    (
        "one active and one ended",
        [USER_SESSION.format("2, 'v', 'login:1', 'admin', 0, 60, 0, 60")],
    ),
]


@pytest.mark.parametrize(("named", "before", "statement"), FORBIDDEN)
def test_the_database_forbids(bare: Any, named: str, before: list[str], statement: str) -> None:
    for each in before:
        bare.execute(each)
    in_postgres = {"UNIQUE": "unique constraint", "FOREIGN KEY": "foreign key constraint"}.get(named, named)
    expected = in_postgres if IS_POSTGRES else named
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError), match=expected):
        bare.execute(statement)


@pytest.mark.parametrize(("why", "statements"), ALLOWED)
def test_the_database_allows(bare: Any, why: str, statements: list[str]) -> None:
    for each in statements:
        assert bare.execute(each).rowcount == 1


# Overlapping sessions, which on SQLite only the code prevents, under its single writer.
OVERLAPPING = [
    [SESSION.format("100, 200, false"), SESSION.format("199, 300, false")],
    [SESSION.format("100, 200, false"), SESSION.format("120, 130, false")],
    [SESSION.format("100, NULL, true"), SESSION.format("5000, 6000, false")],
]
BESIDE = [
    [SESSION.format("100, 200, false"), SESSION.format("200, 300, false")],
    [SESSION.format("100, 200, false"), SESSION.format("NULL, 150, false")],
    [SESSION.format("100, 200, false"), SESSION.format("200, NULL, true")],
]


@pytest.mark.postgres
@pytest.mark.parametrize("statements", OVERLAPPING)
def test_postgres_forbids_sessions_that_overlap_when_the_transaction_ends(
    bare: Any, statements: list[str]
) -> None:
    bare.execute("BEGIN")
    for each in statements:
        bare.execute(each)
    with pytest.raises(psycopg.errors.ExclusionViolation, match="ex_device_session_overlap"):
        bare.execute("COMMIT")


@pytest.mark.postgres
@pytest.mark.parametrize("statements", BESIDE)
def test_postgres_allows_sessions_side_by_side(bare: Any, statements: list[str]) -> None:
    for each in statements:
        bare.execute(each)


@pytest.mark.sqlite("its PRAGMA: other engines never leave them unchecked")
def test_a_database_of_the_application_checks_foreign_keys(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
