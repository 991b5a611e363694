"""Where the time of a request goes, for the answer's `Server-Timing`; measured only where it is wanted."""

import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from types import TracebackType

HEADER = "Server-Timing"
_NOTHING = nullcontext()


class _Part(AbstractContextManager[None]):
    """Time that is spent on one thing; what is asked for meanwhile is told so far."""

    def __init__(self) -> None:
        self.began = 0.0
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds += time.perf_counter() - self.began
        self.began = 0.0

    def so_far(self) -> float:
        return self.seconds + (time.perf_counter() - self.began if self.began else 0.0)


# None where nobody asks; the parts of the request that this thread answers.
_PARTS: ContextVar[dict[str, _Part] | None] = ContextVar("sessiontrack_timing", default=None)


def begin() -> None:
    """Measure the request that begins now on this thread."""
    total = _Part()
    total.__enter__()
    _PARTS.set({"total": total})


def end() -> None:
    """Measure no more."""
    _PARTS.set(None)


def part(name: str) -> AbstractContextManager[None]:
    """What happens in it is time spent on that; parts of one name do not hold each other."""
    parts = _PARTS.get()
    return _NOTHING if parts is None else parts.setdefault(name, _Part())


def header() -> str:
    """The header's value: milliseconds of each part up to now."""
    parts = _PARTS.get() or {}
    return ", ".join(f"{name};dur={found.so_far() * 1000:.2f}" for name, found in parts.items())
