"""Backups of a PostgreSQL database: what its own `pg_dump` writes, in one file that `pg_restore` reads."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from sessiontrack.backups.copies import ASKED, PART, alone_in, is_asked, stamp
from sessiontrack.database import database_file
from sessiontrack.exceptions import InvalidInput, StorageUnavailable
from sessiontrack.process.whole_file import discarding, writing

# The names of dumps in a folder; other files are left alone.
DATED = re.compile(rf"sessiontrack-[0-9]{{8}}T[0-9]{{6}}Z({ASKED})?\.dump")
# How each file of pg_dump's custom format begins.
MAGIC = b"PGDMP"


@dataclass(frozen=True)
class Dump:
    """A dump that was made; `removed` lists the older ones that were deleted."""

    path: Path
    size_bytes: int
    removed: list[Path]


def dump(url: URL, target: Path, now: int, keep: int | None, kind: str = "") -> Dump:
    """Let pg_dump copy the database as it is at one instant, and pg_restore read the copy's list.

    Args:
        url: the database; its password goes to pg_dump by the environment, which others cannot read.
        target: a file, or an existing folder for a file with a dated name.
        now: UTC epoch seconds.
        keep: how many dumps of this kind to keep in the folder, including this one; None for all.
        kind: of the name in a folder, ASKED or none.
    Raises:
        InvalidInput: the target exists and is no dump.
        StorageUnavailable: the programs are not there, or pg_dump fails.
        Unwritable: not into that folder.
    """
    with writing(target):
        return _dump(url, target, now, keep, kind)


def _dump(url: URL, target: Path, now: int, keep: int | None, kind: str) -> Dump:
    file = target / f"sessiontrack-{stamp(now)}{kind}.dump" if target.is_dir() else target
    _refuse_other_file(file)
    with alone_in(file.parent):
        draft = file.with_name(file.name + PART)
        with writing(draft), discarding(draft):
            draft.unlink(missing_ok=True)
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            password = {} if url.password is None else {"PGPASSWORD": str(url.password)}
            place = URL.create(
                "postgresql", url.username, None, url.host, url.port, url.database, url.query
            ).render_as_string()
            words = ["--format=custom", "--no-password", f"--file={draft}", f"--dbname={place}"]
            _run("pg_dump", *words, **password)
            _run("pg_restore", "--list", str(draft))
            database_file.sync(draft)
            draft.replace(file)
        database_file.sync(file.parent)
        removed = _remove_old(file, keep) if target.is_dir() and keep is not None else []
    return Dump(file, file.stat().st_size, removed)


def _run(program: str, *words: str, **environment: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise StorageUnavailable(
            f"A backup of PostgreSQL needs its {program}, which is not there (Debian: postgresql-client)."
        )
    ran = subprocess.run(
        [found, *words], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
        raise StorageUnavailable(f"{program} failed: {said[0]}")


def _refuse_other_file(file: Path) -> None:
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent}.")
    if not file.exists():
        return
    try:
        with file.open("rb") as opened:
            is_ours = opened.read(len(MAGIC)) == MAGIC
    except OSError:
        is_ours = False
    if not is_ours:
        raise InvalidInput(f"{file} already exists and is not a dump of PostgreSQL; it was not changed.")


def _remove_old(made: Path, keep: int) -> list[Path]:
    """Delete the oldest dumps by name, but never the one that was just made."""
    dated = (each for each in made.parent.iterdir() if DATED.fullmatch(each.name))
    older = sorted(each for each in dated if each != made and is_asked(each) == is_asked(made))
    removed = older[: max(0, len(older) - keep + 1)]
    for each in removed:
        each.unlink(missing_ok=True)
    return removed
