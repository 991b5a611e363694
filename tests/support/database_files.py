"""Database files for tests: filled, inspected, damaged."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

DATABASE = "sessiontrack.sqlite3"
PAGE = 4096


def ask(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql, values).fetchall()


def run_in(file: Path, *statements: str) -> None:
    """Run statements directly on the file, without the application's rules."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def fill(file: Path, devices: int = 300) -> None:
    """Fill one file with about a hundred pages."""
    with closing(sqlite3.connect(file)) as connection:
        with connection:
            for n in range(1, devices + 1):
                mac = f"02:00:00:00:{n // 256:02X}:{n % 256:02X}"
                connection.execute(
                    "INSERT INTO device (id, mac, name, first_seen_at) VALUES (?, ?, ?, 0)",
                    (n, mac, "x" * 200),
                )
                connection.execute(
                    "INSERT INTO device_session (device_id, conn_type, disc_type, connected_at,"
                    " disconnected_at) VALUES (?, 'Connected', 'Disconnected', 100, 200)",
                    (n,),
                )
        connection.execute("PRAGMA journal_mode = DELETE")


def copy_of(template: Path, folder: Path) -> Path:
    """Create an instance folder with a filled database; return its file."""
    shutil.copytree(template, folder)
    fill(folder / DATABASE)
    return folder / DATABASE


def _text(content: bytes) -> bytes:
    return b"These are the notes of a meeting.\n" * 1000


def _zeroed_header(content: bytes) -> bytes:
    return bytes(100) + content[100:]


def _zeros(content: bytes) -> bytes:
    return bytes(len(content))


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2 // PAGE * PAGE]


def _cut_in_a_page(content: bytes) -> bytes:
    return content[:6000]


def _random_pages(content: bytes) -> bytes:
    """Overwrite five pages with noise, but not the first one with the schema."""
    made = bytearray(content)
    noise = random.Random(1)
    for page in noise.sample(range(1, len(content) // PAGE), 5):
        made[page * PAGE : (page + 1) * PAGE] = noise.randbytes(PAGE)
    return bytes(made)


DAMAGES = {
    "text": _text,
    "zeroed header": _zeroed_header,
    "zeros": _zeros,
    "truncated": _truncated,
    "cut in a page": _cut_in_a_page,
    "random pages": _random_pages,
}


def damage(file: Path, how: str) -> bytes:
    """Damage the file; return its content."""
    made = DAMAGES[how](file.read_bytes())
    file.write_bytes(made)
    return made


def make_foreign(file: Path) -> bytes:
    """Create another program's database; return its content."""
    run_in(file, "CREATE TABLE alembic_version (version_num TEXT)", "CREATE TABLE invoice (id INTEGER)")
    return file.read_bytes()
