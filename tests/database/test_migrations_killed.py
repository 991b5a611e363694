"""Migrations killed at twenty points, from an empty file and from the oldest schema, and restarted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command

from sessiontrack import create_app, migrations
from sessiontrack.database import db
from sessiontrack.migrations.revisions import _config
from sessiontrack.startup import prepare
from tests.database.test_migrations import schema
from tests.support.database_files import DATABASE, ask, run_in
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.sqlite("begins with a file of the oldest schema")
POINTS = 20

# One interpreter forks a child for each point, killed before the statement at that part of the way.
KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sessiontrack import create_app, migrations
from sessiontrack.database import db

counted, kill_at = [0], [None]

@event.listens_for(Engine, "before_cursor_execute")
def count(*args):
    counted[0] += 1
    if counted[0] == kill_at[0]:
        os.kill(os.getpid(), signal.SIGKILL)

def upgrade(folder):
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        counted[0] = 0
        migrations.upgrade(db.engine)
        db.engine.dispose()

whole, *folders = sys.argv[1:]
upgrade(whole)
total = counted[0]
for number, folder in enumerate(folders):
    kill_at[0] = 1 + number * (total - 1) // (len(folders) - 1)
    child = os.fork()
    if child == 0:
        upgrade(folder)
        os._exit(0)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        sys.exit(f"not killed at {kill_at[0]} of {total}")
print(total)
"""


def make_older(folder: Path) -> None:
    """The first schema, with a row that every later one must keep."""
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        with db.engine.begin() as connection:
            command.upgrade(_config(connection), "0001")
        db.engine.dispose()
    run_in(folder / DATABASE, "INSERT INTO device (mac, first_seen_at) VALUES ('02:00:00:00:00:01', 5)")


@pytest.mark.parametrize("is_older", [False, True], ids=["empty", "oldest"])
def test_killed_at_twenty_points_it_is_old_or_new_and_the_next_start_finishes(
    tmp_path: Path, template: tuple[Path, dict[str, str]], is_older: bool
) -> None:
    first, *others = folders = [tmp_path / str(number) for number in range(POINTS + 1)]
    first.mkdir()
    if is_older:
        make_older(first)
    for folder in others:
        shutil.copytree(first, folder)
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, folders)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= POINTS
    current = schema(template[0])
    for folder in folders[1:]:
        found = schema(folder)
        assert ask(folder / DATABASE, "PRAGMA integrity_check") == [("ok",)]
        if is_older:
            assert ask(folder / DATABASE, "SELECT version_num FROM alembic_version") == [("0001",)]
        else:
            assert found == {}
        app = create_app({"INSTANCE": folder, "ADMIN_PASSWORD": "a password"})
        prepare(app)
        with app.app_context():
            assert migrations.current_revision(db.engine) == migrations.newest_revision()
            db.engine.dispose()
        assert schema(folder) == current
        if is_older:
            assert ask(folder / DATABASE, "SELECT mac FROM device") == [("02:00:00:00:00:01",)]
