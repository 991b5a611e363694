"""What a check finds, and what it may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from flask import Flask

from sessiontrack.config import Settings
from sessiontrack.web.catalogues import translate

Value = str | int | float


class State(IntEnum):
    """The worst of them is the exit code."""

    OK = 0
    WARNING = 1
    WRONG = 2


# As programs are answered.
WORDS = {State.OK: "ok", State.WARNING: "warning", State.WRONG: "wrong"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how it is; the catalogues have a sentence for each code."""

    name: str
    state: State
    code: str
    values: Mapping[str, Value]

    @property
    def message(self) -> str:
        """In English: how it is, and what to do where it is not right."""
        return translate("en", f"doctor.{self.code}", **self.values)


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
    checks = [
        {
            "name": each.name,
            "state": WORDS[each.state],
            "code": each.code,
            "values": each.values,
            "message": each.message,
        }
        for each in findings
    ]
    return {"state": WORDS[max(each.state for each in findings)], "checks": checks}


def ok(code: str, **values: Value) -> Finding:
    """It is as it should be."""
    return Finding(_name(code), State.OK, code, values)


def warning(code: str, **values: Value) -> Finding:
    """It works, and should be looked after."""
    return Finding(_name(code), State.WARNING, code, values)


def wrong(code: str, **values: Value) -> Finding:
    """It does not work, or lets others in."""
    return Finding(_name(code), State.WRONG, code, values)


def unexamined(name: str, error: object) -> Finding:
    """It could not be looked at."""
    return Finding(name, State.WRONG, "unexamined", {"error": str(error)})


def _name(code: str) -> str:
    """What was looked at: a code begins with it."""
    return code.partition(".")[0].replace("-", " ")
