"""What a check finds, and what it may look at."""

from dataclasses import dataclass
from enum import IntEnum

from flask import Flask

from sessiontrack.config import Settings


class State(IntEnum):
    """The worst of them is the exit code."""

    OK = 0
    WARNING = 1
    WRONG = 2


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


def ok(name: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(name, State.OK, message)


def warning(name: str, message: str) -> Finding:
    """It works, and should be looked after."""
    return Finding(name, State.WARNING, message)


def wrong(name: str, message: str) -> Finding:
    """It does not work, or lets others in."""
    return Finding(name, State.WRONG, message)
