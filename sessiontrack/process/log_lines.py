"""The log format: one line per event on standard error, for the journal or a terminal.

A line never contains a line break, a control character or a token, so a client can neither forge an entry nor
control the reader's terminal.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sessiontrack import clock

FORMATS = ("text", "json")
# The id of the current request; "" outside of one.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
# API tokens, and the beginning of a JWT, anywhere in a text.
TOKEN = re.compile(r"st_[\w-]{40,}|eyJ[\w-]{8,}(?:\.[\w-]*)*")
# Characters that need quotes around the value.
NOT_IN_WORDS = re.compile(r'[ "=\\]')
# Priorities that journald reads from the beginning of a line.
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
Fields = Mapping[str, Any]


def one_line(text: str) -> str:
    """The text without control characters, invisible characters and tokens; a line break becomes `\\n`."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return TOKEN.sub("[token]", text) if "st_" in text or "eyJ" in text else text


class TextLines(logging.Formatter):
    """`WARNING sessiontrack.cli: what happened`; fields as `name=value`, quoted if necessary."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        if isinstance(record.msg, Mapping):
            return " ".join(f"{name}={_word(value)}" for name, value in record.msg.items())
        request_id = REQUEST_ID.get()
        about = f" id={request_id}" if request_id else ""
        return f"{record.levelname} {record.name}{about}: {one_line(_message(self, record))}"


class JsonLines(logging.Formatter):
    """One JSON object per line, in ASCII; `at` is in whole UTC epoch seconds."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        line: dict[str, Any] = {"at": clock.now(), "level": record.levelname.lower()}
        if isinstance(record.msg, Mapping):
            line |= {name: _hidden(value) for name, value in record.msg.items()}
        else:
            request_id = REQUEST_ID.get()
            line |= {"logger": record.name, "message": _hidden(_message(self, record))}
            line |= {"id": request_id} if request_id else {}
        return json.dumps(line)


class _StandardError(logging.Handler):
    """Writes to the current standard error, which programs and tests may replace."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._is_journal = "JOURNAL_STREAM" in os.environ

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line with one call, so that the lines of several processes do not mix."""
        try:
            line = self.format(record)
            if self._is_journal:
                line = f"<{_priority(record.levelno)}>{line}"
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def configure(format_name: str) -> None:
    """Log to standard error in this format, unless another handler is installed."""
    root = logging.getLogger()
    for handler in root.handlers:
        if not isinstance(handler, _StandardError):
            return
        root.removeHandler(handler)
    root.addHandler(_StandardError(JsonLines() if format_name == "json" else TextLines()))
    logging.getLogger("sessiontrack").setLevel(logging.INFO)


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The message with its stack trace."""
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{formatter.formatException(record.exc_info)}"
    return text


def _word(value: object) -> str:
    text = one_line(str(value))
    is_word = text and not NOT_IN_WORDS.search(text)
    return text if is_word else json.dumps(text, ensure_ascii=False)


def _hidden(value: Any) -> Any:
    return TOKEN.sub("[token]", value) if isinstance(value, str) else value


def _priority(level: int) -> int:
    return next((priority for least, priority in PRIORITIES if level >= least), 7)
