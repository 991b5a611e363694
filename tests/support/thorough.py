"""How many times a test tries: what a test run has time for, or many times more for `make fuzz`."""

import os

# Of `make fuzz`, which tries other ones each time.
FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))


def made_up(number: int) -> int:
    """So many, or many times more."""
    return number * FACTOR
