"""`sessiontrack check`: finds each error by its name, and `--repair` repairs what it can."""

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sessiontrack.database import db
from sessiontrack.keeping import soundness
from sessiontrack.queries.invariants import INVARIANTS
from sessiontrack.services.repairs import REPAIRS
from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke, run
from tests.support.database_files import DATABASE, PAGE, ask, copy_of, damage, make_foreign, run_in

pytestmark = pytest.mark.sqlite("writes into the file what no constraint lets in")

# Valid rows, the same for every test: two devices, a closed and an open session, events, a user session.
ROWS = (
    "INSERT INTO device (id, mac, first_seen_at)"
    " VALUES (1, '02:00:00:00:00:01', 100), (2, '02:00:00:00:00:02', 100)",
    "INSERT INTO device_session (id, device_id, conn_type, disc_type, connected_at, disconnected_at,"
    " still_connected, ip, ip_key)"
    " VALUES (1, 1, 'Connected', 'Disconnected', 100, 200, false, '10.0.0.1', '40a000001'),"
    " (2, 1, 'Connected', 'Disconnected', 300, NULL, true, '10.0.0.1', '40a000001'),"
    " (3, 2, 'Connected', 'Disconnected', 100, NULL, false, '', '')",
    "INSERT INTO event (id, device_id, at, type, session_id, ip, ip_key) VALUES"
    " (1, 1, 100, 'New Device', NULL, '', ''), (2, 1, 100, 'Connected', 1, '10.0.0.1', '40a000001'),"
    " (3, 1, 200, 'Disconnected', 1, '', ''), (4, 1, 300, 'Connected', 2, '', '')",
    "INSERT INTO user_session (id, public_id, login_key, username, started_at, last_ping, visible_seconds,"
    " ended_at) VALUES (1, 'u', 'login:1', 'admin', 100, 160, 60, 160),"
    " (2, 'v', 'login:1', 'admin', 200, 260, 30, NULL)",
    "INSERT INTO view_time (session_id, view, tab, seconds)"
    " VALUES (1, 'maps', '', 40), (1, 'list', 'all', 20), (2, 'maps', '', 30)",
    "INSERT INTO view_visit (session_id, since_at, until_at, view, tab, seconds) VALUES"
    " (1, 100, 140, 'maps', '', 40), (1, 140, 160, 'list', 'all', 20), (2, 220, 260, 'maps', '', 30)",
    "INSERT INTO source (id, name) VALUES (1, 'scanner')",
    "INSERT INTO scan (source_id, at, seen_count, trusted) VALUES (1, 150, 1, true)",
    "INSERT INTO sighting_run (id, device_id, source_id, ip, first_at, last_at)"
    " VALUES (1, 1, 1, '', 100, 150)",
    "INSERT INTO webhook (id, name, url, secret, created_at, failures, resting_until)"
    " VALUES (1, 'pager', 'https://pager.example/', 'whsec_', 100, 1, 130)",
    "INSERT INTO webhook_delivery (id, public_id, webhook_id, type, body, created_at, due_at, state,"
    " attempts, finished_at) VALUES (1, 'a', 1, 'test', '{}', 100, 100, 'delivered', 1, 101),"
    " (2, 'b', 1, 'test', '{}', 110, 140, 'pending', 2, NULL),"
    " (3, 'c', 1, 'test', '{}', 120, 120, 'dead', 0, 90)",
)
SESSION = (
    "INSERT INTO device_session (id, device_id, conn_type, disc_type, connected_at, disconnected_at,"
    " still_connected, source) VALUES ({}, 'Connected', 'Disconnected', {}, {}, {}, {})"
)
DROP = "DROP INDEX {}"


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    folder = tmp_path / "instance"
    shutil.copytree(template[0], folder)
    run_in(folder / DATABASE, *ROWS)
    return folder


def spoil(instance: Path, *statements: str) -> None:
    """Make a change that the database would forbid."""
    loose = ("PRAGMA ignore_check_constraints = ON", "PRAGMA foreign_keys = OFF")
    run_in(instance / DATABASE, *loose, *statements)


def checked(instance: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the number of errors by name."""
    result = invoke(instance, "check", "--json", *options)
    said = json.loads(result.stdout)
    wrong = {each["name"]: each["count"] for each in said["checked"] if each["count"]}
    assert said["sound"] == (not wrong)
    assert result.exit_code == (1 if wrong else 0)
    return result.exit_code, wrong


def test_a_sound_database_is_told_so(instance: Path) -> None:
    result = invoke(instance, "check")
    assert result.exit_code == 0, result.output
    assert "wrong" not in result.output
    assert result.stdout.count("\n") == len(INVARIANTS) + 4
    assert checked(instance) == (0, {})
    assert checked(instance, "--repair") == (0, {})


def test_every_invariant_is_named_once_and_every_repair_is_of_one() -> None:
    names = [each.name for each in INVARIANTS]
    assert len(set(names)) == len(names)
    assert set(REPAIRS) == set(names) - {"MAC addresses"}


SESSIONS = "SELECT id, connected_at, disconnected_at, still_connected FROM device_session ORDER BY id"
LINKS = "SELECT id, session_id, voided FROM event ORDER BY id"
STAYS = "SELECT id, started_at, last_ping, visible_seconds, ended_at FROM user_session ORDER BY id"
VISITS = "SELECT session_id, since_at, until_at, seconds FROM view_visit ORDER BY session_id, since_at"
SOUND_VISITS = [(1, 100, 140, 40), (1, 140, 160, 20), (2, 220, 260, 30)]
DELIVERIES = "SELECT id, state, attempts, finished_at FROM webhook_delivery ORDER BY id"
SOUND_DELIVERIES = [(1, "delivered", 1, 101), (2, "pending", 2, None), (3, "dead", 0, 90)]
VIEWS = "SELECT session_id, view, tab, seconds FROM view_time ORDER BY session_id, view"
SOUND_SESSIONS = [(1, 100, 200, 0), (2, 300, None, 1), (3, 100, None, 0)]
# The damage to the file; the findings of check; a query, and its result after the repair.
DAMAGES: list[tuple[list[str], dict[str, int], str, list[tuple[Any, ...]]]] = [
    (
        ["UPDATE device_session SET disconnected_at = 50 WHERE id = 1"],
        {"ends": 1, "event links": 1},
        SESSIONS,
        [(1, 100, None, 0), *SOUND_SESSIONS[1:]],
    ),
    (
        ["UPDATE device_session SET disconnected_at = 400 WHERE id = 2"],
        {"ends": 1},
        SESSIONS,
        [SOUND_SESSIONS[0], (2, 300, 400, 0), SOUND_SESSIONS[2]],
    ),
    (
        [
            SESSION.format("9, 2", 50, 150, "false", "NULL"),
            "UPDATE device SET first_seen_at = 50 WHERE id = 2",
        ],
        {"overlaps": 1},
        SESSIONS,
        [*SOUND_SESSIONS[:2], (9, 50, 150, 0)],
    ),
    (
        [SESSION.format("9, 1", 150, 180, "false", "NULL")],
        {"overlaps": 1},
        SESSIONS,
        SOUND_SESSIONS,
    ),
    (
        [
            SESSION.format("9, 1", 180, 350, "false", "NULL"),
            "INSERT INTO event (id, device_id, at, type, session_id) VALUES (9, 1, 350, 'Disconnected', 9)",
        ],
        {"overlaps": 2},
        SESSIONS,
        [(1, 100, None, 1), SOUND_SESSIONS[2]],
    ),
    (
        [DROP.format("uq_device_session_open"), SESSION.format("9, 1", 500, "NULL", "true", "NULL")],
        {"overlaps": 1, "schema": 1},
        SESSIONS,
        SOUND_SESSIONS,
    ),
    (
        [DROP.format("uq_device_session_start"), SESSION.format("9, 2", 100, 170, "false", "NULL")],
        {"overlaps": 1, "schema": 1},
        SESSIONS,
        [*SOUND_SESSIONS[:2], (3, 100, 170, 0)],
    ),
    (
        [SESSION.format("9, 2", 500, "NULL", "true", "'presence'")],
        {"open sessions": 1},
        SESSIONS,
        [*SOUND_SESSIONS, (9, 500, None, 0)],
    ),
    (
        ["UPDATE event SET voided = true WHERE id = 2"],
        {"event links": 1},
        LINKS,
        [(1, None, 0), (2, None, 1), (3, 1, 0), (4, 2, 0)],
    ),
    (
        ["UPDATE event SET device_id = 2 WHERE id = 2"],
        {"event links": 1},
        LINKS,
        [(1, None, 0), (2, None, 0), (3, 1, 0), (4, 2, 0)],
    ),
    (
        ["UPDATE event SET session_id = 2 WHERE id = 3"],
        {"event links": 1},
        LINKS,
        [(1, None, 0), (2, 1, 0), (3, None, 0), (4, 2, 0)],
    ),
    (
        ["UPDATE event SET session_id = 77 WHERE id = 3"],
        {"event.session_id": 1},
        LINKS,
        [(1, None, 0), (2, 1, 0), (3, None, 0), (4, 2, 0)],
    ),
    (
        [
            DROP.format("uq_event_unvoided"),
            "INSERT INTO event (id, device_id, at, type) VALUES (9, 1, 100, 'New Device')",
        ],
        {"repeated events": 1, "schema": 1},
        LINKS,
        [(1, None, 0), (2, 1, 0), (3, 1, 0), (4, 2, 0), (9, None, 1)],
    ),
    (["DELETE FROM device WHERE id = 2"], {"device_session.device_id": 1}, SESSIONS, SOUND_SESSIONS[:2]),
    (
        ["DELETE FROM user_session WHERE id = 2"],
        # A trigger has deleted its views, whatever references are broken.
        {"view_visit.session_id": 1, "visit times": 1},
        VIEWS,
        [(1, "list", "all", 20), (1, "maps", "", 40)],
    ),
    (
        ["DELETE FROM source"],
        {"scan.source_id": 1, "sighting_run.source_id": 1},
        "SELECT count(*) FROM scan",
        [(0,)],
    ),
    (
        ["UPDATE device SET first_seen_at = 150 WHERE id = 1"],
        {"first seen": 1},
        "SELECT first_seen_at FROM device WHERE id = 1",
        [(100,)],
    ),
    (
        ["UPDATE event SET source = 'presence', at = 90 WHERE id = 1"],
        {"first events": 1},
        "SELECT at FROM event WHERE id = 1",
        [(100,)],
    ),
    (
        [
            "UPDATE device_session SET source = 'presence' WHERE id = 2",
            "UPDATE event SET source = 'presence', session_id = NULL WHERE id = 4",
        ],
        {"events of sessions": 1},
        "SELECT session_id FROM event WHERE id = 4",
        [(2,)],
    ),
    (
        ["INSERT INTO underived_device (device_id, since_at, error) VALUES (2, 100, 'a bug of ours')"],
        {"derivation": 1},
        "SELECT count(*) FROM underived_device",
        [(0,)],
    ),
    (
        ["INSERT INTO device_alias (mac, device_id) VALUES ('02:00:00:00:00:02', 1)"],
        {"further addresses": 1},
        "SELECT * FROM device_alias",
        [],
    ),
    (
        [
            "UPDATE device_session SET ip = '10.0.0.9' WHERE id = 1",
            "UPDATE event SET ip_key = 'x' WHERE id = 2",
        ],
        {"sort keys": 2},
        "SELECT ip_key FROM device_session WHERE id = 1 UNION ALL SELECT ip_key FROM event WHERE id = 2",
        [("40a000009",), ("40a000001",)],
    ),
    (
        ["UPDATE user_session SET last_ping = 90, ended_at = 160 WHERE id = 1"],
        {"user sessions": 1, "visits": 1},
        STAYS,
        [(1, 100, 100, 0, 160), (2, 200, 260, 30, None)],
    ),
    (
        ["UPDATE user_session SET ended_at = 150 WHERE id = 1"],
        {"user sessions": 1},
        STAYS,
        [(1, 100, 160, 60, 160), (2, 200, 260, 30, None)],
    ),
    (
        ["UPDATE user_session SET visible_seconds = -5 WHERE id = 2"],
        {"user sessions": 1, "tab times": 1},
        STAYS,
        [(1, 100, 160, 60, 160), (2, 200, 260, 30, None)],
    ),
    (
        ["UPDATE user_session SET visible_seconds = 50 WHERE id = 2"],
        {"tab times": 1},
        STAYS,
        [(1, 100, 160, 60, 160), (2, 200, 260, 30, None)],
    ),
    (
        ["UPDATE view_time SET seconds = 70 WHERE view = 'maps' AND session_id = 1"],
        {"tab times": 1},
        VIEWS,
        [(1, "list", "all", 20), (1, "maps", "", 40), (2, "maps", "", 30)],
    ),
    (
        ["UPDATE view_time SET seconds = -1 WHERE session_id = 2"],
        {"user sessions": 1, "tab times": 1, "visit times": 1},
        STAYS,
        [(1, 100, 160, 60, 160), (2, 200, 260, 0, None)],
    ),
    (
        ["UPDATE view_visit SET until_at = 150 WHERE session_id = 1 AND since_at = 100"],
        {"visits": 1},
        VISITS,
        [(*SOUND_VISITS[0][:2], 150, 40), SOUND_VISITS[2]],
    ),
    (["UPDATE view_visit SET until_at = 270 WHERE session_id = 2"], {"visits": 1}, VISITS, SOUND_VISITS[:2]),
    (["UPDATE view_visit SET since_at = 90 WHERE since_at = 100"], {"visits": 1}, VISITS, SOUND_VISITS[1:]),
    (["UPDATE view_visit SET seconds = 0 WHERE since_at = 140"], {"visits": 1}, VISITS, SOUND_VISITS[::2]),
    (
        ["UPDATE view_visit SET seconds = 21 WHERE since_at = 140"],
        {"visits": 1, "visit times": 1},
        VISITS,
        SOUND_VISITS[::2],
    ),
    (
        [
            "UPDATE view_visit SET tab = 'other' WHERE since_at = 140",
            "UPDATE view_visit SET seconds = 31 WHERE since_at = 220",
        ],
        {"visit times": 2},
        VISITS,
        SOUND_VISITS[:1],
    ),
    (
        ["UPDATE webhook_delivery SET finished_at = NULL WHERE id = 1"],
        {"deliveries": 1},
        DELIVERIES,
        [(1, "pending", 0, None), *SOUND_DELIVERIES[1:]],
    ),
    (
        [
            "UPDATE webhook_delivery SET attempts = 0 WHERE id = 1",
            "UPDATE webhook_delivery SET attempts = -1 WHERE id = 2",
            "UPDATE webhook_delivery SET state = 'lost' WHERE id = 3",
        ],
        {"deliveries": 3},
        DELIVERIES,
        [(number, "pending", 0, None) for number in (1, 2, 3)],
    ),
    (
        ["DELETE FROM webhook"],
        {"webhook_delivery.webhook_id": 3},
        DELIVERIES,
        [],
    ),
    (
        ["UPDATE webhook SET failures = 0"],
        {"receivers": 1},
        "SELECT failures, resting_until FROM webhook",
        [(0, 0)],
    ),
    (
        [DROP.format("uq_user_session_login"), "UPDATE user_session SET ended_at = NULL WHERE id = 1"],
        {"active user sessions": 1, "schema": 1},
        STAYS,
        [(1, 100, 160, 60, 160), (2, 200, 260, 30, None)],
    ),
    (
        [
            "UPDATE row_count SET rows = 7 WHERE counted = 'device_session'",
            "DELETE FROM row_count WHERE counted = 'user_session'",
        ],
        {"counts": 2},
        "SELECT counted, stretch, rows FROM row_count WHERE counted LIKE '%session' ORDER BY counted",
        [("device_session", 0, 3), ("user_session", 0, 2)],
    ),
    (
        ["UPDATE sighting_run SET last_at = 50"],
        {"sighting runs": 1},
        "SELECT first_at, last_at FROM sighting_run",
        [(100, 100)],
    ),
    (
        ["UPDATE sighting_run SET last_at = NULL", "DELETE FROM scan"],
        {"runs that go on": 1},
        "SELECT first_at, last_at FROM sighting_run",
        [(100, 100)],
    ),
    (
        [DROP.format("ix_event_at"), DROP.format("ix_device_session_short")],
        {"schema": 2},
        "SELECT count(*) FROM sqlite_master WHERE name IN ('ix_event_at', 'ix_device_session_short')",
        [(2,)],
    ),
]


@pytest.mark.parametrize(("done", "found", "query", "mended"), DAMAGES, ids=lambda each: str(each)[:60])
def test_what_is_wrong_is_found_and_mended(
    instance: Path, done: list[str], found: dict[str, int], query: str, mended: list[tuple[Any, ...]]
) -> None:
    spoil(instance, *done)
    assert checked(instance) == (1, found)
    # A check without repair changes nothing.
    assert checked(instance) == (1, found)
    result = invoke(instance, "check", "--repair")
    assert result.exit_code == 0, result.output
    assert " mended" in result.stdout
    assert ask(instance / DATABASE, query) == mended
    assert checked(instance) == (0, {})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE row_count SET stretch = stretch + 1 WHERE counted = 'event'",
        "UPDATE user_sum SET seconds = seconds + 1 WHERE bits = 22",
        "UPDATE user_sum SET view = view || '/' WHERE bits = 24",
        "UPDATE user_day SET username = username || 'x'",
        "UPDATE user_day SET sessions = sessions + 1, seconds = seconds - 1",
        "UPDATE text_count SET info = 'another' WHERE counted = 'event'",
        "UPDATE text_count SET device_id = device_id + 7 WHERE counted = 'device_session'",
        "UPDATE presence_change SET ended = 1 - ended",
        "DELETE FROM presence_change",
    ],
)
def test_each_kept_sum_is_counted_again(instance: Path, statement: str) -> None:
    spoil(instance, statement)
    code, found = checked(instance)
    assert (code, list(found)) == (1, ["counts"])
    assert checked(instance, "--repair") == (0, {})


def test_every_repair_was_tried_above() -> None:
    tried = {name for _, found, *_ in DAMAGES for name in found}
    # References that the same two statements as above repair, and the generated columns below.
    alike = {name for name in REPAIRS if "." in name}
    assert set(REPAIRS) - alike - tried == {"generated columns"}


def test_a_session_without_any_end_is_none(instance: Path) -> None:
    """No statement can create one, as begin_at is never null: so the table is replaced for a moment."""
    retyped(instance, "NULL", "UPDATE device_session SET connected_at = NULL WHERE id = 3")
    assert "ends" in checked(instance)[1]
    assert invoke(instance, "check", "--repair").exit_code == 0
    assert ask(instance / DATABASE, SESSIONS) == SOUND_SESSIONS[:2]


def test_generated_columns_that_say_something_else_are_computed_anew(instance: Path) -> None:
    retyped(instance, "", "UPDATE device_session SET begin_at = 7, end_at = 9 WHERE id = 1")
    assert "generated columns" in checked(instance)[1]
    assert invoke(instance, "check", "--repair").exit_code == 0
    assert ask(instance / DATABASE, "SELECT begin_at, end_at FROM device_session WHERE id = 1") == [
        (100, 200)
    ]


def retyped(instance: Path, null: str, statement: str) -> None:
    """Run it while begin_at and end_at are ordinary columns."""
    file = instance / DATABASE
    ((sql,),) = ask(file, "SELECT sql FROM sqlite_master WHERE name = 'device_session'")
    plain = sql.replace("GENERATED ALWAYS AS (coalesce(connected_at, disconnected_at)) STORED", "")
    start = plain.index("GENERATED ALWAYS AS (CASE")
    plain = plain[:start] + plain[plain.index("STORED", start) + len("STORED") :]
    plain = plain.replace("begin_at INTEGER  NOT NULL", "begin_at INTEGER")
    write = "UPDATE sqlite_master SET sql = ? WHERE name = 'device_session'"
    for text, then in ((plain, statement), (sql, None)):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(write, (text,))
        if then is not None:
            spoil(instance, then)


def test_an_address_in_another_notation_is_told_and_left(instance: Path) -> None:
    spoil(instance, "UPDATE device SET mac = '02:00:00:00:00:aa' WHERE id = 2")
    result = invoke(instance, "check", "--repair")
    assert result.exit_code == 1
    assert "1 wrong      MAC addresses" in result.stdout
    assert "02:00:00:00:00:aa" in result.stdout
    assert "sessiontrack restore" in result.stdout


def test_a_value_that_no_invariant_knows_of_is_told_and_left(instance: Path) -> None:
    evidence = (
        "INSERT INTO device_evidence (device_id, source_id, at, kind, ip) VALUES (1, 1, 100, 'heard', '')"
    )
    spoil(instance, evidence, "UPDATE view_visit SET seconds = 0 WHERE session_id = 2")
    assert checked(instance) == (1, {"visits": 1, "values": 1})
    assert checked(instance, "--repair") == (1, {"values": 1})
    assert "CHECK constraint failed in device_evidence" in invoke(instance, "check").stdout


def test_two_active_tokens_of_a_name_are_for_a_person_to_decide(instance: Path) -> None:
    again = (
        "INSERT INTO api_token (user_id, name, role, secret_hash, created_at)"
        " SELECT user_id, name, role, 'other', created_at FROM api_token WHERE name = 'viewer''s'"
    )
    spoil(instance, DROP.format("uq_api_token_name"), again)
    assert checked(instance, "--repair") == (1, {"schema": 1})


def break_index(file: Path, name: str, source: str, replacement: str) -> None:
    """Change an index's condition, so that its pages no longer match."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?", (source, replacement, name)
        )


def test_an_index_that_does_not_hold_what_its_table_does_is_made_anew(instance: Path) -> None:
    file = instance / DATABASE
    run_in(file, "DELETE FROM event WHERE id = 1")
    # Built while no row matched its condition, which then matches all.
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP INDEX ix_event_at")
        connection.execute("CREATE INDEX ix_event_at ON event (at) WHERE type = 'nothing'")
    break_index(file, "ix_event_at", " WHERE type = 'nothing'", "")
    # By that index there are fewer events than counted.
    assert checked(instance) == (1, {"indexes": 4, "counts": 1})
    assert checked(instance, "--repair") == (0, {})
    assert ask(file, "PRAGMA integrity_check") == [("ok",)]


def test_a_unique_index_that_its_table_contradicts_is_made_once_it_can_be(instance: Path) -> None:
    file = instance / DATABASE
    with closing(sqlite3.connect(file)) as connection, connection:
        ((sql,),) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'uq_event_unvoided'"
        ).fetchall()
        connection.execute("DROP INDEX uq_event_unvoided")
        connection.execute(f"{sql} AND type = 'nothing'")
        connection.execute("INSERT INTO event (id, device_id, at, type) VALUES (9, 1, 100, 'New Device')")
    break_index(file, "uq_event_unvoided", " AND type = 'nothing'", "")
    assert checked(instance)[1]["indexes"] > 0
    assert checked(instance, "--repair") == (0, {})
    assert ask(file, "SELECT voided FROM event WHERE id = 9") == [(1,)]
    assert ask(file, "SELECT sql FROM sqlite_master WHERE name = 'uq_event_unvoided'") == [(sql,)]


def test_pages_that_cannot_be_read_are_not_mended(
    template: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    content = file.read_bytes()
    # Only the last pages: the check needs the first ones to run.
    before = content[: -5 * PAGE] + random.Random(1).randbytes(5 * PAGE)
    file.write_bytes(before)
    for options in ([], ["--repair"]):
        result = invoke(tmp_path / "instance", "check", *options)
        assert result.exit_code == 1
        assert "pages" in result.stdout
        assert "sessiontrack restore" in result.stdout
    # Except for the mark of the journal mode and the counters beside it.
    assert file.read_bytes()[PAGE:] == before[PAGE:]


@pytest.mark.parametrize("how", ["text", "zeroed header", "truncated"])
def test_what_is_no_database_is_one_line(
    template: tuple[Path, dict[str, str]], tmp_path: Path, how: str
) -> None:
    file = copy_of(template[0], tmp_path / "instance")
    damage(file, how)
    result = invoke(tmp_path / "instance", "check")
    assert result.exit_code == 1
    assert_one_line(result.stderr, str(file), "sessiontrack restore")


def test_other_databases_are_one_line_each(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    make_foreign(tmp_path / "foreign" / DATABASE)
    assert_one_line(invoke(tmp_path / "foreign", "check").stderr, "another program")
    assert_one_line(invoke(tmp_path / "none", "check").stderr, "no database")
    run_in(instance / DATABASE, "UPDATE alembic_version SET version_num = '0001'")
    assert_one_line(invoke(instance, "check").stderr, "older version", "migrate")
    run_in(instance / DATABASE, "UPDATE alembic_version SET version_num = '9999'")
    assert_one_line(invoke(instance, "check").stderr, "newer version")


def test_it_can_be_asked_while_a_server_writes(clients: Clients) -> None:
    body = {"mac": "02:00:00:00:00:07", "ip": "10.0.0.1", "start_time": "2025-08-01T10:00:00"}
    clients.operator.ok("POST", "/sessions/create", body)
    result = run(Path(clients.app.instance_path), "check", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["sound"] is True


def test_the_application_may_ask_by_itself(app: Flask) -> None:
    with app.app_context():
        assert [each for each in soundness.examine() if each.count] == []
        db.engine.dispose()
