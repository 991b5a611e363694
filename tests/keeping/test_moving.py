"""`sessiontrack migrate-database`: it copies everything unchanged, or nothing.

The source is on the back end of the test run; on PostgreSQL everything moves there and back.
"""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Table

from sessiontrack.database import Statement, db, read_transaction
from sessiontrack.database.kept_sums import APART
from sessiontrack.exceptions import DamagedDatabase, InvalidSetting, SessiontrackError
from sessiontrack.keeping.moving import move as moving
from sessiontrack.keeping.moving import sqlite
from sessiontrack.keeping.moving.move import move
from sessiontrack.keeping.moving.settings_file import set_database_url
from sessiontrack.queries.history import COLUMNS, export_rows
from sessiontrack.startup import prepare
from sessiontrack.values.record_files import encode
from sessiontrack.values.records import KINDS
from tests.support import databases, rows
from tests.support.application import NOW, Clients
from tests.support.command import assert_one_line, invoke
from tests.support.database_files import make_foreign, run_in
from tests.support.moving import content, fill_everything, open_url, tables
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS, join, wait_until

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def no_bar(label: str, total: int | None) -> AbstractContextManager[moving.Tell]:
    return nullcontext(lambda done: None)


@pytest.fixture
def source(clients: Clients) -> str:
    """The URL of a database with rows in every table."""
    fill_everything(clients.app)
    with clients.app.app_context():
        db.engine.dispose()
    return databases.any_url_of(Path(clients.app.instance_path))


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., str]:
    """Makes URLs of empty databases."""

    def make(engine: str, name: str = "target") -> str:
        if engine == "sqlite":
            return f"sqlite:///{tmp_path / name}.sqlite3"
        (tmp_path / name).mkdir()
        return str(databases.url_of(tmp_path / name))

    return make


def exported(app: Flask, kind: str) -> bytes:
    with app.app_context(), read_transaction() as tx:
        return b"".join(encode(export_rows(tx, kind, None, NOW), COLUMNS[kind], "csv"))


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_goes_there_and_back(
    clients: Clients,
    source: str,
    place: Callable[..., str],
    make_clients: Callable[..., Clients],
    engine: str,
) -> None:
    there, back = place(engine), place("sqlite", "back")
    before = content(source)
    assert [name for name, found in before.items() if not found] == [APART]
    first = invoke(clients.app.instance_path, "migrate-database", source, there)
    assert first.exit_code == 0, first.output
    second = invoke(clients.app.instance_path, "migrate-database", there, back)
    assert second.exit_code == 0, second.output
    # Nothing was written to the source, and checksums depend on the data, not on the back end.
    assert content(there) == content(back) == content(source) == before
    assert first.stdout == second.stdout
    for name, found in before.items():
        assert [each.split()[0] for each in first.stdout.splitlines() if f" {name} " in each] == [
            f"{len(found):,}"
        ]
    moved = make_clients(DATABASE_URL=there)
    for kind in KINDS:
        wanted = exported(clients.app, kind)
        assert wanted.count(b"\n") > 20
        assert exported(moved.app, kind) == wanted
    # Tokens work, new ids follow the old ones, and the constraints hold.
    for path in ("/auth/me", "/sessions/list", "/devices", "/webhooks"):
        # A connected device was last seen just now.
        with time_machine.travel(NOW, tick=False):
            assert moved.admin.ok("GET", path) == clients.admin.ok("GET", path)
    body = {"mac": "DE:DE:DE:DE:DE:DE", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}
    assert moved.operator.ok("POST", "/sessions/create", body)["success"]
    assert (
        invoke(clients.app.instance_path, "check", DATABASE_URL=there).exit_code
        == invoke(clients.app.instance_path, "check").exit_code
    )


def schema(url: str) -> set[tuple[Any, ...]]:
    with closing(open_url(url)) as connection:
        if url.startswith("sqlite"):
            return set(connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
        return set(
            connection.execute(
                "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid),"
                " convalidated"
                " FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL"
                " SELECT 'index', tablename, indexname, indexdef, true FROM pg_indexes"
                " WHERE schemaname = 'public' UNION ALL"
                " SELECT 'column', table_name, column_name, concat_ws(' ', data_type, column_default,"
                " is_nullable, collation_name, is_identity, generation_expression), true"
                " FROM information_schema.columns WHERE table_schema = 'public'"
            ).fetchall()
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_the_schema_is_that_of_an_install(
    source: str, place: Callable[..., str], engine: str, tmp_path: Path
) -> None:
    """The dropped indexes and constraints exist again, as migrations create them."""
    target, fresh = place(engine), place(engine, "fresh")
    move(source, target, no_bar)
    assert invoke(tmp_path / "instance", "migrate", DATABASE_URL=fresh).exit_code == 0
    assert schema(target) == schema(fresh)


@pytest.mark.postgres
def test_numbers_go_on_after_the_last_one_that_was_given(source: str, place: Callable[..., str]) -> None:
    """Also if its row was deleted, on either back end."""
    target, file = place("postgresql"), place("sqlite")
    move(source, target, no_bar)
    move(target, file, no_bar)
    add = "INSERT INTO device (mac, first_seen_at) VALUES ('EE:EE:EE:EE:EE:EE', 0) RETURNING id"
    numbers = []
    for url in (source, target, file):
        with closing(open_url(url)) as connection:
            numbers.append(connection.execute(add).fetchone()[0])
    highest = max(row[0] for row in content(target)["device"]) - 1
    assert numbers == [highest + 1] * 3


def refused(instance: Path, from_url: str, to_url: str, *words: str) -> None:
    """One line, exit code 1, and both databases are unchanged."""
    before = [(tables(url), tables(url) and content(url)) for url in (from_url, to_url) if ":" in url]
    result = invoke(instance, "migrate-database", from_url, to_url)
    assert result.exit_code == 1
    assert_one_line(result.stderr, *words)
    assert [(tables(url), tables(url) and content(url)) for url in (from_url, to_url) if ":" in url] == before
    assert list(instance.parent.glob("*.moving*")) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_that_is_not_empty_is_refused(
    source: str, place: Callable[..., str], engine: str, tmp_path: Path
) -> None:
    target = place(engine)
    assert invoke(tmp_path / "instance", "migrate", DATABASE_URL=target).exit_code == 0
    # This process counts as the other program, until the command's application is released.
    gc.collect()
    refused(tmp_path / "instance", source, target, "is not empty", "nothing was changed")


def test_a_file_that_is_something_else_is_refused(source: str, tmp_path: Path) -> None:
    make_foreign(tmp_path / "foreign")
    (tmp_path / "text").write_text("These are notes. " * 100)
    for name, words in (("foreign", "another program"), ("text", "is not empty")):
        content = (tmp_path / name).read_bytes()
        result = invoke(tmp_path / "instance", "migrate-database", source, f"sqlite:///{tmp_path / name}")
        assert result.exit_code == 1
        assert_one_line(result.stderr, words, "nothing was changed")
        assert (tmp_path / name).read_bytes() == content


def test_an_empty_file_is_filled(source: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    move(source, f"sqlite:///{tmp_path / 'empty'}", no_bar)
    assert content(f"sqlite:///{tmp_path / 'empty'}") == content(source)
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o600


def test_the_same_database_twice_is_refused(source: str, tmp_path: Path) -> None:
    refused(tmp_path / "instance", source, source, "same database")
    if source.startswith("sqlite"):
        (tmp_path / "link").symlink_to(source.removeprefix("sqlite:///"))
        refused(tmp_path / "instance", source, f"sqlite:///{tmp_path / 'link'}", "same database")


@pytest.mark.sqlite("which works without the driver")
def test_without_the_driver_it_says_what_to_install(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = "postgresql+psycopg://someone@127.0.0.1:1/x"
    result = invoke(tmp_path, "migrate-database", source, url)
    assert result.exit_code == 1
    assert_one_line(result.stderr, f"Error: {url}: PostgreSQL needs", "pip install 'psycopg[binary]'")
    assert "DATABASE_URL" not in result.stderr


@pytest.mark.parametrize(
    ("from_url", "to_url", "words"),
    [
        ("sqlite:////nowhere/at/all", "sqlite:///{new}", "There is no database /nowhere/at/all"),
        ("{source}", "sqlite:////nowhere/at/all", "/nowhere/at/all"),
        ("{source}", "mysql://someone:s3cret@host/name", "mysql"),
        ("someone:s3cret@host", "{source}", "named like"),
        ("{source}", "sqlite://", "must name a file"),
        ("postgresql://someone:s3cret@127.0.0.1:1/x", "sqlite:///{new}", "cannot be used"),
        ("{source}", "postgresql://someone:s3cret@127.0.0.1:1/x", "cannot be used"),
        ("{source}", "postgresql+psycopg://someone:s3cret@host:port/x", "named like"),
    ],
)
def test_what_names_no_database_is_refused(
    source: str, tmp_path: Path, from_url: str, to_url: str, words: str
) -> None:
    new = tmp_path / "new"
    urls = [url.format(source=source, new=new) for url in (from_url, to_url)]
    result = invoke(tmp_path / "instance", "migrate-database", *urls)
    assert result.exit_code == 1
    assert_one_line(result.stderr, words)
    assert "s3cret" not in result.output
    assert not new.exists()


@pytest.mark.parametrize(
    ("revision", "words"), [("0004", "sessiontrack migrate"), ("9999", "newer version"), (None, "")]
)
def test_a_source_of_another_version_is_refused(
    source: str, tmp_path: Path, revision: str | None, words: str
) -> None:
    with closing(open_url(source)) as connection, connection:
        if revision is None:
            connection.execute("DROP TABLE alembic_version")
        else:
            connection.execute(f"UPDATE alembic_version SET version_num = '{revision}'")
    refused(tmp_path / "instance", source, f"sqlite:///{tmp_path / 'new'}", words)


class Altered(Exception):
    """An error that a test raises in the middle of a move."""


def alter(monkeypatch: pytest.MonkeyPatch, engine: str, change: Callable[[bytes], bytes]) -> None:
    """Let the target store other data than it gets."""
    kind: Any = sqlite.SQLiteTarget if engine == "sqlite" else moving.postgres.PostgresTarget
    real = kind.write

    def write(self: Any, table: Table, blocks: Iterable[bytes]) -> None:
        real(self, table, (change(block) for block in blocks))

    monkeypatch.setattr(kind, "write", write)


def raise_altered(block: bytes) -> bytes:
    if b"BB:BB:BB" in block:
        raise Altered
    return block


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda block: block.replace(b"10.0.0.9", b"10.0.0.8"), DamagedDatabase),
        (lambda block: block.replace(b"Device Down\t", b"Device  Down\t"), DamagedDatabase),
        (raise_altered, Altered),
    ],
    ids=["other", "longer", "cut short"],
)
def test_what_is_not_the_same_or_cut_short_leaves_nothing(
    source: str,
    place: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    change: Callable[[bytes], bytes],
    error: type[Exception],
) -> None:
    target = place(engine)
    alter(monkeypatch, engine, change)
    with pytest.raises(error):
        move(source, target, no_bar)
    assert tables(target) == set()
    monkeypatch.undo()
    move(source, target, no_bar)
    assert content(target) == content(source)


def test_what_the_lines_lose_the_engines_sums_tell(
    source: str, place: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a row were written and read back with the same encoding error, its checksum would not show it."""
    real = moving._Passing.by

    def by(self: Any, blocks: Iterable[bytes]) -> Iterator[bytes]:
        return real(self, (block.replace(b"Device Down", b"Down") for block in blocks))

    monkeypatch.setattr(moving._Passing, "by", by)
    target = place("sqlite")
    with pytest.raises(DamagedDatabase, match="device_session"):
        move(source, target, no_bar)
    assert tables(target) == set()


OVERLAP = (
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, conn_type, disc_type)"
    " SELECT device_id, connected_at, disconnected_at + 1, 'Connected', 'Disconnected' FROM device_session"
    " WHERE disconnected_at > connected_at"
)


@pytest.mark.sqlite("lets rows be put in that break its rules")
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("DROP INDEX uq_device_session_start;" + OVERLAP, "UNIQUE constraint"),
        ("UPDATE event SET device_id = 999", "refers to no row of device"),
        ("UPDATE device SET name = x'00ff'", "neither a whole number nor text"),
        ("UPDATE device SET first_seen_at = 'yesterday'", "yesterday"),
    ],
)
def test_what_breaks_the_targets_rules_is_not_taken(
    source: str, tmp_path: Path, broken: str, words: str
) -> None:
    run_in(Path(source.removeprefix("sqlite:///")), "PRAGMA foreign_keys = OFF", *broken.split(";"))
    refused(tmp_path / "instance", source, f"sqlite:///{tmp_path / 'new'}", words, "sessiontrack check")


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("DROP INDEX uq_device_session_start;" + OVERLAP, "uq_device_session_start"),
        ("UPDATE event SET device_id = 999", "fk_event_device_id"),
        ("UPDATE device SET name = 'x' || char(0) || 'y'", "0x00"),
        ("UPDATE device SET first_seen_at = 'yesterday'", "yesterday"),
    ],
)
def test_what_breaks_postgres_rules_is_not_taken(
    source: str, place: Callable[..., str], tmp_path: Path, broken: str, words: str
) -> None:
    file, target = tmp_path / "file", place("postgresql")
    move(source, f"sqlite:///{file}", no_bar)
    run_in(file, "PRAGMA foreign_keys = OFF", *broken.split(";"))
    refused(tmp_path / "instance", f"sqlite:///{file}", target, words, "sessiontrack check")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_written_meanwhile_is_not_in_the_copy_and_does_not_disturb(
    clients: Clients, source: str, place: Callable[..., str], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    target, before = place(engine), content(source)
    written = []

    def write_too(block: bytes) -> bytes:
        if not written:
            body = {"mac": "DE:DE:DE:DE:DE:DE", "ip": "10.0.0.5", "start_time": "2025-08-01 10:00"}
            written.append(clients.operator.ok("POST", "/sessions/create", body))
        return block

    alter(monkeypatch, engine, write_too)
    move(source, target, no_bar)
    assert written
    assert content(target) == before != content(source)


def test_who_moves_is_told_that_the_source_is_in_use(
    clients: Clients, source: str, place: Callable[..., str]
) -> None:
    databases.close_connections()
    words: list[str] = []
    move(source, place("sqlite", "first"), no_bar, words.append)
    assert words == []
    prepare(clients.app)
    assert clients.viewer.get("/devices").status_code == 200
    move(source, place("sqlite", "second"), no_bar, words.append)
    assert len(words) == 1
    assert "is in use: later writes will not be in the copy" in words[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_of_two_at_once_one_is_refused(source: str, place: Callable[..., str], engine: str) -> None:
    target = place(engine)
    met, outcomes = threading.Barrier(2, timeout=SECONDS), []

    def one() -> None:
        met.wait()
        try:
            outcomes.append(len(move(source, target, no_bar)) > 0)
        except SessiontrackError as error:
            outcomes.append("is not empty" in error.message or "in use" in error.message)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert outcomes == [True, True]
    assert content(target) == content(source)


def is_going_on(target: str) -> bool:
    if target.startswith("sqlite"):
        return Path(target.removeprefix("sqlite:///") + ".moving").exists()
    with closing(open_url(target)) as connection:
        sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
        sql += " (SELECT oid FROM pg_database WHERE datname = current_database())"
        return bool(connection.execute(sql).fetchone()[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_midway_nothing_is_there_and_again_it_is_all(
    source: str, place: Callable[..., str], engine: str, tmp_path: Path
) -> None:
    target = place(engine)
    command = [COMMAND, "migrate-database", source, target]
    process = subprocess.Popen(command, env=environment(tmp_path / "instance", DATABASE_URL="sqlite:///x"))
    wait_until(lambda: is_going_on(target), "the move's beginning", pause=0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert tables(target) == set()
    assert invoke(tmp_path / "instance", "migrate-database", source, target).exit_code == 0
    assert content(target) == content(source)
    assert list(tmp_path.glob("*.moving*")) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_are_read_as_they_are_written_a_few_at_a_time(
    clients: Clients, place: Callable[..., str], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, "AA:AA:AA:AA:AA:AA")
        sql = "INSERT INTO event (device_id, at, type, info) VALUES (:device_id, :at, 'Connected', :info)"
        values = ({"device_id": device_id, "at": n, "info": "x" * 1000} for n in range(3000))
        tx.run_many(Statement(sql), values)
    target, back = place(engine), place("sqlite", "back")
    steps: list[tuple[str, int]] = []
    real = moving._Passing.by

    def by(self: Any, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in real(self, blocks):
            steps.append(("read", len(block)))
            yield block
            steps.append(("taken", len(block)))

    monkeypatch.setattr(moving._Passing, "by", by)
    move(databases.any_url_of(Path(clients.app.instance_path)), target, no_bar)
    move(target, back, no_bar)
    assert len(steps) > 30
    assert {name for name, _ in steps[::2]} == {"read"}
    assert {name for name, _ in steps[1::2]} == {"taken"}
    assert max(size for _, size in steps) < 1_000_000


def test_it_tells_how_far_it_is(source: str, place: Callable[..., str]) -> None:
    told: list[tuple[str, int | None, list[int]]] = []

    def bar(label: str, total: int | None) -> AbstractContextManager[moving.Tell]:
        told.append((label, total, []))
        return nullcontext(told[-1][2].append)

    total = sum(each.rows for each in move(source, place("sqlite"), bar))
    assert [(label, of) for label, of, _ in told] == [
        ("Copying", total),
        ("Making indexes", None),
        ("Verifying", total),
    ]
    for _, of, done in told[::2]:
        assert done == sorted(done)
        assert done[-1] == of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "database_url = {0}\n"),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Berlin"\ndatabase_url = {0}\n'),
        (
            '# DATABASE_URL = ""\nDatabase_URL= "sqlite:////old"  # here\ntrusted_proxies = [\n "::1"]\n',
            '# DATABASE_URL = ""\ndatabase_url = {0}\ntrusted_proxies = [\n "::1"]\n',
        ),
    ],
)
def test_it_lets_the_settings_file_name_the_copy(
    source: str, tmp_path: Path, before: str | None, after: str
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    path = folder / "sessiontrack.toml"
    if before is not None:
        path.write_text(before)
    target = f"sqlite:///{tmp_path / 'copy.sqlite3'}"
    result = invoke(folder, "migrate-database", source, target, "--switch")
    assert result.exit_code == 0, result.output
    assert path.read_text() == after.format(f'"{target}"')
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.glob(".*")) == []
    assert invoke(folder, "check").exit_code in (0, 1)
    assert (tmp_path / "copy.sqlite3").exists()


def test_it_says_which_line_the_settings_file_needs(source: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'copy.sqlite3'}"
    result = invoke(tmp_path / "other", "migrate-database", source, target)
    path = tmp_path / "other" / "sessiontrack.toml"
    assert f'{path} has the line  database_url = "{target}"' in result.stderr
    assert not path.exists()


@pytest.mark.parametrize("text", ["[section]\n", 'timezone = """\ndatabase_url = 1\n"""', "="])
def test_a_settings_file_that_cannot_name_it_stays_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sessiontrack.toml"
    path.write_text(text)
    with pytest.raises(InvalidSetting, match="as simple as expected"):
        set_database_url(tmp_path, "sqlite:////x")
    assert path.read_text() == text
