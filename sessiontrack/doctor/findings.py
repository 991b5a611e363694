"""What a check finds, and what it may look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from flask import Flask

from sessiontrack.config import Settings


class State(IntEnum):
    """The worst of them is the exit code."""

    OK = 0
    WARNING = 1
    WRONG = 2


# As programs are answered.
WORDS = {State.OK: "ok", State.WARNING: "warning", State.WRONG: "wrong"}


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and a sentence that says what to do where it is not right."""

    name: str
    state: State
    message: str


@dataclass(frozen=True)
class Patient:
    """This install; within the application's context where there is one.

    app: None where the install was never started, or its database cannot be opened.
    fast: leave out what reads the whole database.
    """

    settings: Settings
    app: Flask | None
    now: int
    fast: bool = False


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The worst state, and each finding; there is at least one."""
    checks = [{"name": each.name, "state": WORDS[each.state], "message": each.message} for each in findings]
    return {"state": WORDS[max(each.state for each in findings)], "checks": checks}


def ok(name: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(name, State.OK, message)


def warning(name: str, message: str) -> Finding:
    """It works, and should be looked after."""
    return Finding(name, State.WARNING, message)


def wrong(name: str, message: str) -> Finding:
    """It does not work, or lets others in."""
    return Finding(name, State.WRONG, message)
