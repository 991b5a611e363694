"""Two of the fifty rounds of `make crash`."""

from pathlib import Path

import pytest

from tests.programs import crash

pytestmark = pytest.mark.sqlite("kills whoever has the file open; a server's own log is not ours")


def test_killed_in_the_middle_of_writing_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    written, missing, refused = crash.run(tmp_path, rounds=2, seconds=1)
    assert (missing, refused) == ([], [])
    assert written >= 2 * crash.LEAST_WRITES
    # Each start printed only its address: no manual repair was needed.
    log = (tmp_path / "server.log").read_text()
    assert log.count("Serving on") == 2
    assert "Traceback" not in log
