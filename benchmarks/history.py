"""Measure imports and exports of history: `python -m benchmarks.history --sessions 1000000`.

A NetAlertX-like database of that many sessions, each with its events, is imported into an empty install,
imported again, and exported; each by the `sessiontrack` command in a process of its own, whose seconds and
peak memory (RSS) are printed as a Markdown table.
"""

import argparse
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.dataset import Shape, stretches
from sessiontrack.values.records import EVENTS, SESSIONS

TABLES = """
CREATE TABLE Devices (devMac STRING (50) PRIMARY KEY NOT NULL COLLATE NOCASE, devName STRING (50),
    devOwner STRING (30), devVendor STRING (250), devFavorite BOOLEAN, devAlertDown INTEGER,
    devFirstConnection DATETIME, devLastConnection DATETIME, devLastIP STRING (50), devIsArchived BOOLEAN);
CREATE TABLE Sessions (ses_MAC STRING (50), ses_IP STRING (50), ses_EventTypeConnection STRING (30),
    ses_DateTimeConnection DATETIME, ses_EventTypeDisconnection STRING (30),
    ses_DateTimeDisconnection DATETIME, ses_StillConnected BOOLEAN, ses_AdditionalInfo STRING (250));
CREATE TABLE Events (eve_MAC STRING (50) NOT NULL, eve_IP STRING (50) NOT NULL,
    eve_DateTime DATETIME NOT NULL,
    eve_EventType STRING (30) NOT NULL, eve_AdditionalInfo STRING (250), eve_PendingAlertEmail BOOLEAN,
    eve_PairEventRowid INTEGER);
"""
COMMAND = [sys.executable, "-c", "from sessiontrack.cli import main; main()"]


def make_app_db(path: Path, shape: Shape) -> None:
    """The database of another tool with a long history."""
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.executemany(
        "INSERT INTO Devices (devMac, devName, devOwner, devIsArchived) VALUES (?, ?, '(unknown)', 0)",
        ((shape.mac(d).lower(), f"device {d}") for d in range(shape.devices)),
    )
    connection.executemany(
        "INSERT INTO Sessions VALUES (?, ?, 'Connected', ?, ?, ?, ?, '')",
        (
            (
                shape.mac(device).lower(),
                shape.ip(device),
                _text(began),
                "<missing event>" if ended is None else "Disconnected",
                None if ended is None else _text(ended),
                is_open,
            )
            for began, device, ended, is_open in stretches(shape)
        ),
    )
    connection.executemany("INSERT INTO Events VALUES (?, ?, ?, ?, '', 0, NULL)", _events(shape))
    connection.commit()
    connection.close()


def _events(shape: Shape) -> Iterator[tuple[str, str, str, str]]:
    for began, device, ended, _ in stretches(shape):
        yield shape.mac(device).lower(), shape.ip(device), _text(began), "Connected"
        if ended is not None:
            yield shape.mac(device).lower(), shape.ip(device), _text(ended), "Disconnected"


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def measure(instance: Path, *arguments: str) -> tuple[float, float]:
    """The seconds and the peak MiB of one command."""
    environment = {**os.environ, "SESSIONTRACK_INSTANCE": str(instance)}
    began = time.monotonic()
    process = os.posix_spawnp(COMMAND[0], [*COMMAND, *arguments], environment)
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"sessiontrack {' '.join(arguments)} failed.")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int)
    given = parser.parse_args()
    shape = Shape.of(given.sessions, given.devices)
    folder = Path(tempfile.mkdtemp(prefix="sessiontrack-history-"))
    try:
        app_db, instance = folder / "app.db", folder / "instance"
        make_app_db(app_db, shape)
        steps = [("import", ("import", "netalertx", str(app_db)))]
        steps.append(("import again", steps[0][1]))
        for kind in (SESSIONS, EVENTS):
            for file_format in ("csv", "ndjson"):
                file = str(folder / f"{kind}.{file_format}")
                what = ("export", kind, "--format", file_format, "--output", file)
                steps.append((f"export {kind}, {file_format}", what))
        restored = folder / "restored"
        measured = [(name, *measure(instance, *arguments)) for name, arguments in steps]
        csv_file = str(folder / f"{SESSIONS}.csv")
        measured.append(("import sessions, csv", *measure(restored, "import", "csv", SESSIONS, csv_file)))
    finally:
        shutil.rmtree(folder)
    print("| step | seconds | peak MiB |\n|---|---|---|")
    for name, seconds, peak in measured:
        print(f"| {name} | {seconds:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
