"""The only place that asks the time."""

import time

# An operation that waited to write has a reading that may be this much older than what others have written.
WAITED_SECONDS = 60


def now() -> int:
    """The present instant in whole UTC epoch seconds; an operation reads it once and hands it down."""
    return int(time.time())
