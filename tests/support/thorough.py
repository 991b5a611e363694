"""The number of examples of a test: few in a test run, many for `make fuzz`."""

import os

# Set by `make fuzz`, which tries new examples each time.
FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))


def made_up(number: int) -> int:
    """This number of examples, or many times more."""
    return number * FACTOR
