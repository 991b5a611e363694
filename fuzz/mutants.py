"""Whether tests notice a wrong line: `python -m fuzz.mutants --seconds 600`, or with names of modules.

Each mutant is a pure module with one operator, number or condition changed. Its tests run in a process forked
for it, so that imports cost once; a mutant whose tests pass was not noticed, and is printed.
"""

import argparse
import ast
import copy
import importlib.util
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import hypothesis  # noqa: F401
import marshmallow  # noqa: F401
import pytest

ROOT = Path(__file__).parent.parent
# Module -> the tests that are its own. They run in seconds, and open no database.
TARGETS = {
    f"values.{path.stem.removeprefix('test_')}": path
    for path in sorted((ROOT / "tests" / "values").glob("test_*.py"))
} | {
    "presence.rules": ROOT / "tests" / "presence" / "test_rules.py",
    "schemas.device_sessions": ROOT / "tests" / "device_sessions" / "test_schemas.py",
}
# A mutant that takes so many times as long as the module itself, and a second, will not end.
PATIENCE = 5

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    **{
        ast.Lt: ast.LtE,
        ast.LtE: ast.Lt,
        ast.Gt: ast.GtE,
        ast.GtE: ast.Gt,
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
    },
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv},
    **{ast.And: ast.Or, ast.Or: ast.And},
}


class Mutant(NamedTuple):
    """A module with one change."""

    line: int
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    # How many results a function keeps, or whether a class is frozen, is nothing that it answers.
    aside = {
        id(each)
        for node in ast.walk(tree)
        for top in getattr(node, "decorator_list", ())
        for each in ast.walk(top)
    }
    for place, node in enumerate(ast.walk(tree)):
        for number, _ in enumerate(() if id(node) in aside else _changes(node)):
            changed = copy.deepcopy(tree)
            target = next(each for at, each in enumerate(ast.walk(changed)) if at == place)
            before = ast.unparse(target) if hasattr(target, "lineno") else ""
            list(_changes(target))[number]()
            line = getattr(target, "lineno", 0)
            yield Mutant(
                line, f"{before[:70]}  ->  {ast.unparse(target)[:70]}", ast.fix_missing_locations(changed)
            )


def _changes(node: ast.AST) -> Iterator:
    """What may be changed at a node; each is made by calling it."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if (other := _SWAPS.get(type(operator))) is not None:
                yield lambda place=place, other=other: node.ops.__setitem__(place, other())
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        # A union of types is no sum of numbers.
        if (other := _SWAPS.get(type(node.op))) is not None:
            yield lambda: setattr(node, "op", other())
    elif isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        yield lambda: setattr(node, "value", node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield lambda: setattr(node, "value", ast.Constant(None))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Mutated(MetaPathFinder, Loader):
    """Imports one module as its mutant."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


def _path(name: str) -> Path:
    return ROOT / "sessiontrack" / f"{name.replace('.', '/')}.py"


def passes(name: str, tree: ast.Module, most_seconds: float) -> bool:
    """Whether a module's tests pass with the module so, within so many seconds of CPU."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return status == 0
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(most_seconds) + 1,) * 2)
        sys.meta_path.insert(0, _Mutated(f"sessiontrack.{name}", _path(name), tree))
        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:randomly"]
        code = int(pytest.main([*options, str(TARGETS[name])]))
    finally:
        os._exit(code)


def _seconds() -> float:
    """CPU that ended children have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Try the modules, and print how many mutants of each were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", choices=[[], *TARGETS], metavar="module")
    parser.add_argument("--seconds", type=float, default=600, help="of CPU in all; then a part is left out")
    asked = parser.parse_args()
    every: list[tuple[str, float, Mutant]] = []
    for name in asked.modules or TARGETS:
        source, before = _path(name).read_text(), _seconds()
        if not passes(name, ast.parse(source), 60):
            sys.exit(f"{TARGETS[name]} fails without any mutant.")
        patience = 1 + PATIENCE * (_seconds() - before)
        every += [(name, patience, each) for each in mutants(source)]
    # The same part at each run.
    random.Random(1).shuffle(every)
    tried, noticed, survivors = Counter[str](), Counter[str](), []
    for name, patience, each in every:
        if _seconds() > asked.seconds:
            break
        tried[name] += 1
        if passes(name, each.tree, patience):
            survivors.append(f"{name}:{each.line}: {each.change}")
        else:
            noticed[name] += 1
    print("| module | mutants | tried | noticed |\n|---|---|---|---|")
    total = Counter(name for name, _, _ in every)
    for name in total:
        print(f"| {name} | {total[name]} | {tried[name]} | {noticed[name]} |")
    print(f"| all | {total.total()} | {tried.total()} | {noticed.total()} |")
    print("\n".join(["", "Not noticed:", *sorted(survivors)]))


if __name__ == "__main__":
    main()
