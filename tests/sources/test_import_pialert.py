"""`sessiontrack import pialert`: the same tables in Pi.Alert's spelling."""

from pathlib import Path

from flask import Flask

from tests.support import app_db
from tests.support.app_db import MISSING, PIALERT, device, event, session
from tests.support.history import counts, run_import, stored

MAC = "AA:BB:CC:DD:EE:FF"
TEN = 1_754_042_400  # 2025-08-01T10:00:00Z
IP = ("192.168.1.10", "4c0a8010a")


def test_pialert_brings_devices_sessions_and_events_in_site_time(app: Flask, tmp_path: Path) -> None:
    path = app_db.make(
        tmp_path / "pialert.db",
        PIALERT,
        devices=[
            device(alert_down=1, archived=1, favourite=1, first="2025-08-01 12:00:00"),
            device("Internet", name="Internet"),
        ],
        sessions=[session("2025-08-01 12:00:00", "", conn="New Device", disc=MISSING, still=1)],
        events=[event("2025-08-01 12:00:00", "New Device", pending=1)],
    )
    said = run_import(app, "pialert", str(path), TIMEZONE="Europe/Berlin")
    assert counts(said, "devices") == {"read": 2, "added": 1, "skipped": 1}
    found = stored(app)
    assert found["devices"] == [(MAC, "phone", "anna", "Acme", 1, 1, 1, 1, None, TEN, None)]
    assert found["sessions"] == [(MAC, TEN, None, 1, *IP, "New Device", "Disconnected", "", None)]
    assert found["events"] == [(MAC, TEN, "New Device", *IP, "", 0, 1, TEN, None)]
    assert counts(run_import(app, "pialert", str(path), TIMEZONE="Europe/Berlin"), "sessions") == {
        "read": 1,
        "present": 1,
    }


def test_pialert_times_may_be_in_utc(app: Flask, tmp_path: Path) -> None:
    path = app_db.make(tmp_path / "pialert.db", PIALERT, events=[event("2025-08-01 10:00:00.123")])
    run_import(app, "pialert", str(path), "--naive-times", "utc", TIMEZONE="Europe/Berlin")
    assert stored(app)["events"][0][1] == TEN
