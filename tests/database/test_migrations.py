"""Migrations: applied completely or not at all."""

import logging
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import accumulate
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from sessiontrack import create_app, migrations
from sessiontrack.database import db
from sessiontrack.database.transactions import database_engine
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.migrations import revisions
from sessiontrack.startup import prepare
from tests.support import databases
from tests.support.engine import IS_POSTGRES
from tests.support.server import environment
from tests.support.waiting import SECONDS

# PostgreSQL's definition of every column, constraint and index.
IN_POSTGRES = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
    || a.attidentity::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT conname || ' of ' || conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


def schema(folder: Path) -> dict[str, list[str]]:
    """Every table and index by name, as a set of clauses: order, spaces and quotes do not matter."""
    if IS_POSTGRES:
        return {name: [text] for name, text in databases.rows(folder, IN_POSTGRES)}
    found = databases.rows(folder, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: _clauses(sql) for name, sql in found}


def _clauses(sql: str) -> list[str]:
    inside = sql if sql.startswith("CREATE INDEX") else sql.partition("(")[2].rstrip().removesuffix(")")
    # Clauses are separated by commas outside of parentheses; columns added later have no line break.
    plain = re.sub(r'[\s"]+', "", inside)
    depths = accumulate((char == "(") - (char == ")") for char in plain)
    marked = ("\n" if char == "," and not depth else char for char, depth in zip(plain, depths, strict=True))
    return sorted("".join(marked).splitlines())


def test_models_and_migrated_schema_do_not_differ(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_defaults_checks_and_partial_indexes_do_not_differ_either(app: Flask, tmp_path: Path) -> None:
    """Alembic does not compare everything: the models' schema must equal the migrated one word for word."""
    made = create_app({"INSTANCE": tmp_path / "made"})
    with made.app_context():
        if IS_POSTGRES:
            databases.rows(tmp_path / "made", "CREATE EXTENSION btree_gist")
        db.create_all(bind_key=None)
        with db.engine.begin() as connection:
            database_engine().after_migrating(connection)
        db.engine.dispose()
    migrated = schema(Path(app.instance_path))
    for name in [name for name in migrated if "alembic_version" in name]:
        del migrated[name]
    assert schema(tmp_path / "made") == migrated
    assert len(migrated) > 20


def test_upgrading_twice_is_fine(app: Flask) -> None:
    with app.app_context():
        before = schema(Path(app.instance_path))
        migrations.upgrade(db.engine)
        assert migrations.current_revision(db.engine) == migrations.newest_revision()
    assert schema(Path(app.instance_path)) == before


def test_many_that_start_at_once_make_one_schema_and_one_admin(tmp_path: Path) -> None:
    apps = [create_app({"INSTANCE": tmp_path}) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        admins = list(pool.map(prepare, apps))
    for app in apps:
        with app.app_context():
            db.engine.dispose()
    (admin,) = [each for each in admins if each is not None]
    assert (tmp_path / "initial-admin-password").read_text() == f"{admin.password}\n"


@pytest.mark.sqlite("holds the lock of the file")
def test_a_start_waits_for_the_migration_of_another_one_longer_than_requests_wait(tmp_path: Path) -> None:
    app = create_app({"INSTANCE": tmp_path, "BUSY_TIMEOUT_SECONDS": 1})
    with closing(sqlite3.connect(tmp_path / "sessiontrack.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(prepare, app)
            with pytest.raises(TimeoutError):
                started.result(timeout=1.5)
            other.execute("COMMIT")
            assert started.result(timeout=SECONDS) is not None


KILLED_HALFWAY = """
import os, signal, sys
from alembic.operations import Operations
from sessiontrack import create_app
from sessiontrack.startup import prepare

create_index, calls = Operations.create_index, []

def kill_at_the_tenth(self, *args, **kwargs):
    calls.append(args)
    if len(calls) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return create_index(self, *args, **kwargs)

Operations.create_index = kill_at_the_tenth
prepare(create_app({"INSTANCE": sys.argv[1]}))
"""


def test_killed_halfway_leaves_nothing_and_the_next_start_makes_all(
    tmp_path: Path, template: tuple[Path, dict[str, str]]
) -> None:
    folder = Path(__file__).parents[2]
    command = [sys.executable, "-c", KILLED_HALFWAY, str(tmp_path)]
    killed = subprocess.run(command, cwd=folder, env=environment(tmp_path), timeout=SECONDS)
    assert killed.returncode == -signal.SIGKILL
    assert schema(tmp_path) == {}
    app = create_app({"INSTANCE": tmp_path})
    assert prepare(app) is not None
    with app.app_context():
        db.engine.dispose()
    shutil.copytree(template[0], tmp_path / "copy")
    assert schema(tmp_path) == schema(tmp_path / "copy")


def test_a_migration_made_by_the_command_runs_once_and_is_known_then(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    shutil.copytree(root / "sessiontrack", tmp_path / "sessiontrack", ignore=shutil.ignore_patterns("static"))
    model = tmp_path / "sessiontrack" / "models" / "write_probe.py"
    model.write_text(model.read_text() + "    note: Mapped[str | None]\n")
    variables = environment(tmp_path / "instance") | {"PYTHONPATH": str(tmp_path)}
    variables.pop("SESSIONTRACK_DATABASE_URL", None)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-W", "ignore", *arguments]
        ran = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    newest = migrations.newest_revision()
    assert newest is not None
    number = f"{int(newest) + 1:04}"
    run("-m", "sessiontrack.migrations", "Add a note")
    (made,) = (tmp_path / "sessiontrack" / "migrations" / "versions").glob(f"{number}_*.py")
    assert made.name == f"{number}_add_a_note.py"
    assert 'sa.Column("note"' in made.read_text().replace("'", '"')
    migrate = ("-c", "from sessiontrack.cli import main; main()", "migrate")
    # The second start recognises the revision and does nothing.
    run(*migrate)
    run(*migrate)
    with closing(sqlite3.connect(tmp_path / "instance" / "sessiontrack.sqlite3")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(number,)]
        assert "note" in {name for _, name, *_ in connection.execute("PRAGMA table_info(write_probe)")}


def test_the_log_says_why_a_start_takes_long(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app({"INSTANCE": tmp_path / "older"})
    with app.app_context():
        with db.engine.begin() as connection:
            command.upgrade(revisions._config(connection), "0001")
        caplog.set_level(logging.INFO)
        prepare(app)
        prepare(app)
        db.engine.dispose()
    said = [each.getMessage() for each in caplog.records if each.name == revisions.__name__]
    assert said[0].startswith(f"The database is migrated from 0001 to {migrations.newest_revision()};")
    assert [each.rpartition(",")[0] for each in said[1:]] == ["The database is migrated"]


def test_a_newer_database_is_refused(template: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    shutil.copytree(template[0], tmp_path / "newer")
    databases.rows(tmp_path / "newer", "UPDATE alembic_version SET version_num = '9999'")
    app = create_app({"INSTANCE": tmp_path / "newer"})
    with pytest.raises(StorageUnavailable, match="newer version"):
        prepare(app)
    with app.app_context():
        assert migrations.current_revision(db.engine) == "9999"
        db.engine.dispose()


def test_every_script_comes_after_the_one_before_and_none_goes_back() -> None:
    scripts = list(ScriptDirectory(Path(migrations.__file__).parent).walk_revisions())
    assert [script.revision for script in scripts] == sorted((s.revision for s in scripts), reverse=True)
    assert not any(hasattr(script.module, "downgrade") for script in scripts)


def test_the_newest_revision_is_alembics_head() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(revisions._config()).get_heads() == [migrations.newest_revision()]
