"""Whether a time source keeps this machine's clock right, by the word of the kernel or of systemd."""

import ctypes
import os
import shutil
import subprocess
from datetime import UTC, datetime

TIME_ERROR = 5  # of adjtimex(2): not synchronised
SAME_SECONDS = 60
ASK_SECONDS = 5.0


class _Timex(ctypes.Structure):
    """The beginning of struct timex; `rest` is more than what follows on every machine."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("before", ctypes.c_long * 4),
        ("status", ctypes.c_int),
        ("between", ctypes.c_long * 3),
        ("seconds", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


def uptime() -> float:
    """Seconds that go on evenly, whatever is done to the clock."""
    return os.times().elapsed


def is_synchronised() -> bool | None:
    """None where neither can be asked."""
    asked = _ask_kernel() or _ask_systemd()
    return None if asked is None else asked[0]


def confirms(now: int) -> bool:
    """Whether a time source has set the clock, and to this instant."""
    asked = _ask_kernel() or _ask_systemd()
    return asked is not None and asked[0] and abs(asked[1] - now) <= SAME_SECONDS


def _ask_kernel() -> tuple[bool, int] | None:
    """Whether it is synchronised, and its time; None where that is forbidden, as in our own units."""
    found = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else (state != TIME_ERROR, int(found.seconds))


def _ask_systemd() -> tuple[bool, int] | None:
    program = shutil.which("timedatectl")
    if program is None:
        return None
    words = [program, "show", "--property=NTPSynchronized", "--property=TimeUSec"]
    try:
        environment = {"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C"}
        ran = subprocess.run(words, capture_output=True, text=True, timeout=ASK_SECONDS, env=environment)
        told = dict(line.partition("=")[::2] for line in ran.stdout.splitlines())
        at = datetime.strptime(told["TimeUSec"], "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        return told["NTPSynchronized"] == "yes", int(at.timestamp())
    except (OSError, subprocess.TimeoutExpired, KeyError, ValueError):
        return None
