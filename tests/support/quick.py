"""Selects the quick tests: those that start no process, open no browser, generate no input, and are short."""

import dis
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

# Modules that make a test slow: they start processes, or generate calls.
SLOW_MODULES = ("playwright", "schemathesis", "subprocess", "multiprocessing")
# Files that are not even imported. Their tests take a third of a second and more each: all calls with large
# bodies, long answers, whole databases, commands that wait.
LONG = {
    "test_check",
    "test_clock",
    "test_demo",
    "test_flat_calls",
    "test_flat_plans",
    "test_histories_of_older_versions",
    "test_history_machine",
    "test_hostile_bodies",
    "test_long_answers",
    "test_migrations",
    "test_moving",
    "test_openapi_validity",
    "test_provision",
    "test_prune",
    "test_row_counts",
    "test_scan_watch",
    "test_schemathesis",
    "test_slow_reads",
    "test_sources_call",
    "test_sources_hostile",
    "test_strange_paths",
    "test_two_writers",
    "test_user_days",
    "test_user_stats",
}

# Passwords are hashed as outside of tests: a tenth of a second and more each.
SLOW_FIXTURES = {"real_hashes"}
LOAD_GLOBAL, EXTENDED_ARG = dis.opmap["LOAD_GLOBAL"], dis.opmap["EXTENDED_ARG"]


def is_quick(item: pytest.Item) -> bool:
    """Whether neither the test, in a file that is not LONG, its fixtures nor their helpers are slow."""
    if not isinstance(item, pytest.Function) or hasattr(item.obj, "hypothesis"):
        return False
    if item.get_closest_marker("long") or SLOW_FIXTURES & set(item.fixturenames):
        return False
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    functions = [item.function, *(definition.func for found in fixtures for definition in found[-1:])]
    return not any(_is_slow(function) for function in functions if isinstance(function, FunctionType))


@cache
def _is_slow(thing: Any) -> bool:
    """Whether a function or class of the tests uses a slow module, directly or through helpers."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if _module_of(each).partition(".")[0] in SLOW_MODULES:
            return True
        if _module_of(each).startswith("tests."):
            waiting += _used(each)
    return False


def _module_of(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) or ""


@cache
def _used(thing: Any) -> tuple[Any, ...]:
    """The objects that a function, or the methods of a class, use by name, also from modules of the tests."""
    return tuple(_found(thing))


def _found(thing: Any) -> Iterator[Any]:
    if isinstance(thing, type):
        yield from (each for each in vars(thing).values() if isinstance(each, FunctionType))
        yield from thing.__mro__[1:]
    wrapped = getattr(thing, "__wrapped__", None)
    if wrapped is not None:
        yield wrapped
    if isinstance(thing, FunctionType):
        for code in _codes(thing.__code__):
            for found in (thing.__globals__[name] for name in _names(code) & thing.__globals__.keys()):
                yield found
                if isinstance(found, ModuleType):
                    yield from (getattr(found, name) for name in code.co_names if hasattr(found, name))


def _names(code: CodeType) -> set[str]:
    """The names of a module that it reads. `dis.get_instructions()` says it in ten times the time."""
    found, argument = set(), 0
    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument = argument << 8 | low
        if operation == LOAD_GLOBAL:
            found.add(code.co_names[argument >> 1])
        if operation != EXTENDED_ARG:
            argument = 0
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Its code, and that of its inner functions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
