"""werkzeug's rules, compiled once a process: that would be most of the work of a test's application."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_compile = Rule._compile_builder
_known: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


def _compiled(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """A function that depends on the rule's text alone, and is given the rule when it is called."""
    if rule.defaults:
        return _compile(rule, append_unknown)
    key = rule.rule, tuple(rule._trace), append_unknown
    if key not in _known:
        _known[key] = _compile(rule, append_unknown)
    return _known[key]


def remember_rules() -> None:
    """From now on in this process."""
    Rule._compile_builder = _compiled
