"""Where the text of a scan comes from: a file, standard input, or a command that is run."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from sessiontrack import clock
from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.formats import Format, Reading

# A scheduled job's PATH often lacks them, and ip and arp-scan live there.
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
COMMAND_SECONDS = 300
LAST_CHARACTERS = 200
MOST_BYTES = 256 * 1024 * 1024


def read_file(file: str, format_: Format) -> Reading:
    """A file, as of the instant at which it was last written; `-` is standard input, as of now.

    Raises:
        UnreadableObservations: it cannot be read, or is too large.
    """
    if file == "-":
        if sys.stdin.isatty():
            raise click.UsageError("Give a FILE, or pipe something into standard input.")
        return Reading(_decoded(_limited(sys.stdin.buffer, "standard input")), clock.now())
    path = Path(file)
    try:
        # Before the file itself: what moves from it meanwhile is then read twice, and not missed.
        raw, at = _content(path)
        older = tuple((each.name, _decoded(_content(each)[0])) for each in format_.beside(path))
    except OSError as error:
        raise UnreadableObservations(f"{file} cannot be read: {error.strerror}.") from error
    return Reading(_decoded(raw), clock.now() if at is None else at, at is None, older)


def _content(path: Path) -> tuple[bytes, int | None]:
    """The bytes, and when they were written; a pipe has no such instant."""
    with path.open("rb") as opened:
        status = os.fstat(opened.fileno())
        raw = _limited(opened, str(path))
    return raw, int(status.st_mtime) if stat.S_ISREG(status.st_mode) else None


def _limited(stream: BinaryIO, name: str) -> bytes:
    raw = stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise UnreadableObservations(f"{name} is longer than {MOST_BYTES // 1024**2} MiB.")
    return raw


def _decoded(raw: bytes) -> str:
    """What is not UTF-8 spoils the name or the line that it is in, and no more."""
    return raw.decode("utf-8-sig", "replace")


def run_command(words: Sequence[str], seconds: float = COMMAND_SECONDS) -> Reading:
    """What a command prints, as of now.

    Raises:
        UnreadableObservations: it is not here, fails, or takes longer than these seconds.
    """
    name, *arguments = words
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
    program = shutil.which(name, path=path)
    if program is None:
        raise UnreadableObservations(f"There is no command {name} here.")
    shown = " ".join(words)
    release = _hold_signals()
    try:
        # A group of its own, so that what the command has started ends with it.
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except OSError as error:
        release()
        raise UnreadableObservations(f"{shown} did not work: {error.strerror}.") from error
    with process:
        try:
            release()
            printed, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise UnreadableObservations(f"{shown} took longer than {seconds:g} seconds.") from error
        except BaseException:
            _kill(process)
            raise
    if process.returncode:
        reason = _last_words(said) or _last_words(printed) or "it said nothing"
        raise UnreadableObservations(f"{shown} failed with exit code {process.returncode}: {reason}")
    return Reading(_decoded(printed), clock.now())


def _last_words(raw: bytes) -> str:
    """The end of what a command printed, where programs say why they end; one line."""
    words = " ".join(raw[-4 * LAST_CHARACTERS :].decode("utf-8", "replace").split())
    return words if len(words) <= LAST_CHARACTERS else f"...{words[-LAST_CHARACTERS:]}"


def _hold_signals() -> Callable[[], None]:
    """Keep back what would end this process; what this gives lets it through again.

    One that came while a command is being started would end us, and leave the command running.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    arrived: list[int] = []
    before = {
        each: signal.signal(each, lambda number, frame: arrived.append(number))
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }

    def release() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in arrived:
            signal.raise_signal(number)

    return release


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End it and what it has started; it has ended when this returns, after an interrupt too."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.wait()
