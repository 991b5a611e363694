"""Imports go one way, and what a room must not know it does not import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sessiontrack"
# The rooms from the ground up, as ARCHITECTURE.md draws them: each may import those below it, and itself.
FLOORS = [
    {"clock", "exceptions", "version"},
    {"values", "process"},
    {"config", "database", "senders", "sources", "web"},
    {"base", "models", "schemas"},
    {"presence", "queries"},
    {"services", "migrations"},
    {"backups", "demo", "doctor", "http", "listeners", "monitoring"},
    {"background", "blueprints", "deployment"},
    {"application"},
    {"__init__"},
    {"keeping", "startup"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
WEB_AND_TABLES = {"flask", "marshmallow", "sqlalchemy", "flask_sqlalchemy"}
FORBIDDEN = {
    "clock": WEB_AND_TABLES,
    "exceptions": WEB_AND_TABLES,
    "values": WEB_AND_TABLES,
    "sources": WEB_AND_TABLES,
    "senders": WEB_AND_TABLES,
    "schemas": {"flask", "sqlalchemy", "flask_sqlalchemy"},
    "presence": {"flask", "marshmallow"},
    "services": {"flask", "marshmallow", "flask_jwt_extended", "apispec"},
    "queries": {"flask", "marshmallow", "flask_jwt_extended", "apispec"},
    "models": {"flask", "marshmallow"},
}


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)


@cache
def _imports(path: Path) -> frozenset[str]:
    """What a module imports, as dotted names: `from a import b` is a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _rooms_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in _imports(path))
    rooms = {parts[1] for parts in names if parts[0] == "sessiontrack" and len(parts) > 1}
    return {room if room in LEVEL else "__init__" for room in rooms}


def test_every_module_has_its_floor() -> None:
    assert {_room(path) for path in _modules()} <= set(LEVEL)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_lead_down(path: Path) -> None:
    room = _room(path)
    upward = {other for other in _rooms_imported(path) if LEVEL[other] > LEVEL[room]}
    assert upward == set() or path == PACKAGE / "migrations" / "__main__.py"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_does_not_know_what_it_must_not(path: Path) -> None:
    foreign = {name.split(".")[0] for name in _imports(path)}
    assert foreign & FORBIDDEN.get(_room(path), set()) == set()


def test_only_the_clock_asks_the_time() -> None:
    asking = {"time.time", "datetime.now", "datetime.utcnow", "time.time_ns"}
    names = {each.partition(".")[2] for each in asking}
    found = {
        path.name
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node) in asking
    }
    assert found == {"clock.py"}


def test_queries_never_write() -> None:
    words = ("INSERT", "UPDATE ", "DELETE", "insert(", "update(", "delete(", "write_transaction")
    found = [
        (path.name, word)
        for path in (PACKAGE / "queries").glob("*.py")
        for word in words
        if word in path.read_text()
    ]
    assert found == []


RUNS_SQL = {"Statement", "text", "execute", "executemany", "executescript", "exec_driver_sql"}
# Names that a database gives of its own tables, columns and indexes, quoted; choices of a few; whole numbers.
NO_CONSTANTS = {
    "sources/app_db.py": {"columns", "table"},
    "database/engines/sqlite.py": {"self._synchronous", "int(self._timeout)", "name", "check", "int(most)"},
    "keeping/moving/sqlite.py": {"name"},
    "database/kept_sums.py": {"rows", "table", "gone", "columns", "noted"},
    "database/transactions.py": {"kind", "name"},
    "services/retention.py": {"condition", "old", "at", "of"},
    "database/index_sums.py": {"table", "wanted", "each", "entries"},
    "database/database_file.py": {"name", "'integrity' if thorough else 'quick'"},
}


def _last_name(function: ast.expr) -> str | None:
    """That of `a.b.name` or of `name`."""
    return getattr(function, "attr", getattr(function, "id", None))


def _inserted_into_sql(path: Path) -> Iterator[str]:
    """What f-strings put into SQL that is not one of the capital names of constants."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and _last_name(node.func) in RUNS_SQL:
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue) and not ast.unparse(part.value).isupper():
                    yield ast.unparse(part.value)
                assert not isinstance(part, ast.BinOp) or not isinstance(part.op, ast.Mod), path


def test_sql_is_made_of_fixed_text_and_parameters() -> None:
    found = {path.relative_to(PACKAGE).as_posix(): set(_inserted_into_sql(path)) for path in _modules()}
    assert {name: inserted for name, inserted in found.items() if inserted} == NO_CONSTANTS


def test_tests_of_values_import_neither_the_application_nor_a_browser() -> None:
    asked = "import pytest, sys; pytest.main(['tests/values', '--collect-only', '-q']); print(*sys.modules)"
    root = Path(__file__).parents[1]
    modules = subprocess.run(
        [sys.executable, "-c", asked], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split()
    assert "sessiontrack.values.macs" in modules
    assert not {"sessiontrack.application", "sqlalchemy", "playwright"} & set(modules)
