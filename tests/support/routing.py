"""Caches werkzeug's compiled rules per process: compiling takes most of the setup of a test application."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_compile = Rule._compile_builder
_known: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


def _compiled(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """The compiled function, which depends only on the rule's text and gets the rule as an argument."""
    if rule.defaults:
        return _compile(rule, append_unknown)
    key = rule.rule, tuple(rule._trace), append_unknown
    if key not in _known:
        _known[key] = _compile(rule, append_unknown)
    return _known[key]


def remember_rules() -> None:
    """Cache compiled rules from now on in this process."""
    Rule._compile_builder = _compiled
