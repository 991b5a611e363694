"""Time spent in the parts of a request, for the `Server-Timing` header; measured only if it is enabled."""

import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from types import TracebackType

HEADER = "Server-Timing"
_NOTHING = nullcontext()


class _Part(AbstractContextManager[None]):
    """The time of one part; while it runs, the time so far."""

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


# The parts of this thread's request; None if timing is off.
_PARTS: ContextVar[dict[str, _Part] | None] = ContextVar("sessiontrack_timing", default=None)


def begin() -> None:
    """Start measuring the request on this thread."""
    total = _Part()
    total.__enter__()
    _PARTS.set({"total": total})


def end() -> None:
    """Stop measuring."""
    _PARTS.set(None)


def part(name: str) -> AbstractContextManager[None]:
    """Add the time of this block to the part; parts of the same name must not nest."""
    parts = _PARTS.get()
    return _NOTHING if parts is None else parts.setdefault(name, _Part())


def header() -> str:
    """The header's value: milliseconds of each part so far."""
    parts = _PARTS.get() or {}
    return ", ".join(f"{name};dur={found.so_far() * 1000:.2f}" for name, found in parts.items())
