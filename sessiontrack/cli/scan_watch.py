"""Repeats a look until a signal comes, whatever the outcome of a single one."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count

import click

from sessiontrack.cli.scan_delivery import Target
from sessiontrack.exceptions import ScanFails, SessiontrackError
from sessiontrack.process.supervisor import Supervisor
from sessiontrack.sources.formats import FORMAT_OF_PROGRAM

SLACK_SECONDS = 60
# After so many failed looks in a row the process fails, and systemd restarts it.
MOST_FAILURES = 5
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def guessed_format(command: Sequence[str]) -> str | None:
    """By the first word that is a program with a format of its own, also behind sudo or ssh or in quotes."""
    words = (word for argument in command for word in re.split(r"[\s;&|()]+", argument))
    programs = (os.path.basename(word) for word in words)
    return next((FORMAT_OF_PROGRAM[each] for each in programs if each in FORMAT_OF_PROGRAM), None)


class _Ended(BaseException):
    """A signal says to stop. No Exception: what catches failed looks must not catch this."""


def ending_signals() -> list[signal.Signals]:
    """Those that end a watch; SIGHUP not where it is ignored, as nohup has it.

    SIGINT is ignored too in what a script runs in the background, and ends it nevertheless.
    """
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [each for each in SIGNALS if each is not signal.SIGHUP or not is_ignored]


@contextmanager
def _until_signalled() -> Iterator[None]:
    signals = ending_signals()

    def end(number: int, *_: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    before = {each: signal.signal(each, end) for each in signals}
    try:
        yield
    except _Ended as ended:
        if ended.args == (signal.SIGHUP,):
            with suppress(OSError):  # the terminal that is gone
                click.echo("Note: ended by SIGHUP; it reads its settings when it is started again.", err=True)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@dataclass(frozen=True)
class Watch:
    """Whose looks, how often, and how long one may take; in seconds, times None: for ever."""

    source: str
    every: int
    longest: int
    times: int | None

    def run(self, make_target: Callable[[], Target], look: Callable[[Target], None]) -> None:
        """Look again and again; what goes wrong with one look is one line."""
        with Supervisor() as supervisor, _until_signalled():
            target = make_target()
            # Between two signs of life lie one look and one pause.
            supervisor.expect_within(self.longest + self.every + SLACK_SECONDS)
            supervisor.ready()
            due = time.monotonic()
            failures = 0
            for number in count(1):
                problem = self._once(target, look)
                failures = failures + 1 if problem else 0
                self._report(supervisor, problem, failures)
                if number == self.times:
                    return
                # After one that took longer than that, the next one begins at once; none is made up for.
                due = max(due + self.every, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))

    def _once(self, target: Target, look: Callable[[Target], None]) -> str | None:
        """Why the look failed."""
        try:
            look(target)
        except SessiontrackError as error:
            target.fail(self.source, error.message)
            problem = " ".join(error.message.split())
            click.echo(f"Note: {problem}", err=True)
            return problem
        return None

    def _report(self, supervisor: Supervisor, problem: str | None, failures: int) -> None:
        """To systemd: how it is; after so many failures the unit fails, and systemd starts it again.

        Raises:
            ScanFails: it was started by systemd, and so many looks in a row have failed.
        """
        if problem is None:
            supervisor.status("The last look worked.")
        else:
            supervisor.status(f"Failed looks in a row: {failures}. {problem}")
            if failures >= MOST_FAILURES and supervisor.is_there:
                raise ScanFails(f"{failures} looks in a row have failed; the last one: {problem}")
        supervisor.alive()
