"""Repeating a command for as long as nobody says to stop, whatever becomes of a single run."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import click

from sessiontrack.cli.scan_delivery import Target
from sessiontrack.cli.scan_input import run_command
from sessiontrack.exceptions import SessiontrackError
from sessiontrack.process.supervisor import Supervisor
from sessiontrack.sources.formats import FORMAT_OF_PROGRAM, Reading

SLACK_SECONDS = 60
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def guessed_format(command: Sequence[str]) -> str | None:
    """By the first word that is a program with a format of its own, also behind sudo or ssh."""
    programs = (os.path.basename(word) for word in command)
    return next((FORMAT_OF_PROGRAM[each] for each in programs if each in FORMAT_OF_PROGRAM), None)


class _Ended(BaseException):
    """A signal says to stop. No Exception: whatever survives failures must not survive this."""


@contextmanager
def _until_signalled() -> Iterator[None]:
    def end(*_: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended

    before = {each: signal.signal(each, end) for each in SIGNALS}
    try:
        yield
    except _Ended:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@dataclass(frozen=True)
class Watch:
    """A command, and how often it is run; every and timeout in seconds, times None: for ever."""

    command: Sequence[str]
    every: int
    timeout: int
    times: int | None

    def run(self, make_target: Callable[[], Target], take: Callable[[Target, Reading], None]) -> None:
        """Run it, and hand what it prints to `take`; what goes wrong with a run is one line."""
        with Supervisor() as supervisor, _until_signalled():
            target = make_target()
            # Between two signs of life lie one run of the command and one pause.
            supervisor.expect_within(self.timeout + self.every + SLACK_SECONDS)
            supervisor.ready()
            due = time.monotonic()
            for number in count(1):
                self._once(target, take)
                supervisor.alive()
                if number == self.times:
                    return
                # After a run that took longer than that, the next one begins at once; none is made up for.
                due = max(due + self.every, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))

    def _once(self, target: Target, take: Callable[[Target, Reading], None]) -> None:
        try:
            take(target, run_command(self.command, self.timeout))
        except SessiontrackError as error:
            click.echo(f"Note: {' '.join(error.message.split())}", err=True)
