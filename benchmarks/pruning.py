"""What does it cost to prune the oldest year of a history? `python -m benchmarks.pruning --sessions 1e6`.

Prunes a copy of the history in this process, while nobody else writes, and prints the CPU seconds of each
kind and the microseconds a row.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from benchmarks.dataset import LAST_DAY, Shape, make_dataset
from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import db
from sessiontrack.services.retention import IN_TURN, Kind

DAY = 86_400


def prune(instance: Path, keep_days: int) -> dict[str, tuple[int, float]]:
    """Prune what is older; the rows of each kind, and the CPU seconds that they took."""
    keep = f"{keep_days} days"
    limits = {f"RETENTION_{name}": keep for name in ("DEVICE_SESSIONS", "EVENTS", "USER_SESSIONS")}
    app = create_app({"INSTANCE": instance, **limits})
    took: dict[str, tuple[int, float]] = {}
    of_a_kind = housekeeping._prune_kind

    def timed(plan: object, kind: Kind, *others: object) -> int:
        began = time.process_time()
        removed: int = of_a_kind(plan, kind, *others)  # type: ignore[arg-type]
        took[kind.name] = removed, time.process_time() - began
        return removed

    with app.app_context(), patch.object(housekeeping, "_prune_kind", timed):
        housekeeping.prune(settings_of(app), LAST_DAY, at_once=True)
        db.engine.dispose()
    return {kind.name: took[kind.name] for kind in IN_TURN}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=float, default=1e6)
    parser.add_argument("--days", type=int, default=365, help="of the oldest history, what is pruned")
    given = parser.parse_args()
    shape = Shape.of(int(given.sessions))
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-pruning-"))
    try:
        instance = folder / "instance"
        shutil.copytree(make_dataset(shape), instance)
        found = prune(instance, shape.days - given.days)
    finally:
        shutil.rmtree(folder)
    print("| pruned | rows | CPU s | us a row |\n|---|---|---|---|")
    for name, (rows, seconds) in found.items():
        print(f"| {name} | {rows:,} | {seconds:.1f} | {seconds / max(1, rows) * 1e6:.1f} |")
    print(f"| all | | {sum(seconds for _, seconds in found.values()):.1f} | |")


if __name__ == "__main__":
    main()
