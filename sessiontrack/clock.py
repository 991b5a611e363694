"""The only place that asks the time."""

import time


def now() -> int:
    """The present instant in whole UTC epoch seconds; an operation reads it once and hands it down."""
    return int(time.time())
