"""Checks on PostgreSQL: errors are found and repaired; the server's own tasks are left to it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.keeping.test_check import DAMAGES, ROWS
from tests.support import databases
from tests.support.command import assert_one_line, invoke

pytestmark = pytest.mark.postgres
# Left out: errors of SQLite's file, and errors that constraints other than CHECK forbid: broken references
# (marked
# by a dot), and overlapping sessions or, in that constraint, sessions that end before they begin.
FORBIDDEN = {"overlaps", "schema", "counts"}
BACKWARD = {"ends": 1, "event links": 1}
# Drop each CHECK: a restored dump, or a user of psql, may lack it.
WITHOUT_CHECKS = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
    WHERE contype = 'c' AND connamespace = current_schema()::regnamespace AND conrelid <> 0
  LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname); END LOOP;
END $$
"""
POSSIBLE = [
    damage
    for damage in DAMAGES
    if not FORBIDDEN & damage[1].keys()
    and damage[1] != BACKWARD
    and not any("." in name for name in damage[1])
]


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    folder = tmp_path / "instance"
    shutil.copytree(template[0], folder)
    for statement in ROWS:
        databases.rows(folder, statement)
    return folder


def checked(instance: Path, *options: str) -> dict[str, int]:
    """The number of errors by name."""
    said = json.loads(invoke(instance, "check", "--json", *options).stdout)
    return {each["name"]: each["count"] for each in said["checked"] if each["count"]}


def test_what_is_sound_is_told_so(instance: Path) -> None:
    assert checked(instance) == {}
    assert len(POSSIBLE) > 10


@pytest.mark.parametrize(("done", "found", "query", "mended"), POSSIBLE, ids=lambda each: str(each)[:60])
def test_what_is_wrong_is_found_and_mended(
    instance: Path, done: list[str], found: dict[str, int], query: str, mended: list[tuple[Any, ...]]
) -> None:
    for statement in (WITHOUT_CHECKS, *done):
        databases.rows(instance, statement)
    assert checked(instance) == found
    assert checked(instance, "--repair") == {}
    assert databases.rows(instance, query) == mended


def test_what_the_server_looks_after_nobody_claims_to_have_looked_at(instance: Path) -> None:
    said = json.loads(invoke(instance, "check", "--json").stdout)
    assert said["sound"] is True
    assert not {"pages", "indexes"} & {each["name"] for each in said["checked"]}
    assert "integrity" not in invoke(instance, "doctor").stdout
    assert invoke(instance, "vacuum").stdout.startswith("0 bytes won; ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vacuum", "--incremental"), "on PostgreSQL run sessiontrack vacuum without it"),
        (("prune",), "RETENTION_MAX_BYTES is for SQLite"),
    ],
)
def test_what_is_sqlites_alone_is_refused_in_one_line(
    instance: Path, arguments: tuple[str, ...], words: str
) -> None:
    limited = {"RETENTION_MAX_BYTES": "1 GB"} if arguments == ("prune",) else {}
    result = invoke(instance, *arguments, **limited)
    assert result.exit_code == 1
    assert_one_line(result.stderr, words)


def test_a_restore_is_its_own(instance: Path, tmp_path: Path) -> None:
    result = invoke(instance, "restore", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "pg_restore" in result.stderr
    assert not (tmp_path / "file").exists()
