"""In a company: docs/start.md, line by line, with radclient, another tool's database, and Prometheus."""

import csv
import json
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sessiontrack import clock
from tests.support import app_db
from tests.support.calls import call
from tests.support.journey import Journey
from tests.support.ports import free_port
from tests.support.waiting import SECONDS, wait_until

PHONE = app_db.MAC.upper()
SCRAPE = Path(__file__).parents[2] / "deploy" / "prometheus" / "scrape.yml"


def _netalertx(path: Path) -> None:
    """One named device, in the last week of the last calendar month and on a day of the month before."""
    first = datetime.fromtimestamp(clock.now(), UTC).replace(day=1, hour=12, minute=0)
    days = [(first - timedelta(days=n, hours=2), first - timedelta(days=n)) for n in (40, *range(7, 0, -1))]
    app_db.make(
        path,
        devices=[app_db.device("aa:bb:cc:00:00:01", "Anna's laptop")],
        sessions=[
            *(app_db.session(str(begin)[:19], str(end)[:19], mac="aa:bb:cc:00:00:01") for begin, end in days),
            app_db.session(str(days[-1][0])[:19], None, disc=app_db.MISSING, still=1),
        ],
    )


def _prometheus(folder: Path, target: int) -> tuple[subprocess.Popen[bytes], int]:
    """Prometheus with the shipped configuration, for this server and this token."""
    port = free_port()
    text = SCRAPE.read_text()
    for there, here in {
        "https": "http",
        "/etc/prometheus/sessiontrack.token": str(folder / "prometheus.token"),
        "sessiontrack.example.org": f"127.0.0.1:{target}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    (folder / "prometheus.yml").write_text(f"global: {{scrape_interval: 1s}}\n{text}")
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", *words, f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return process, port


def _asked(port: int, query: str) -> list[str]:
    """The values of an expression; none while Prometheus does not answer yet."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/v1/query?query={query}", timeout=SECONDS
        ) as answer:
            return [each["value"][1] for each in json.load(answer)["data"]["result"]]
    except OSError:
        return []


def test_in_a_company(tmp_path: Path) -> None:
    port, radius_port = free_port(), free_port()
    folder = tmp_path / "checkout"
    changes = {
        ":8000": f":{port}",
        "sessiontrack serve": f"sessiontrack serve --port {port}",
        "listen radius --host 127.0.0.1": f"listen radius --host 127.0.0.1 --port {radius_port}",
        "127.0.0.1:1813": f"127.0.0.1:{radius_port}",
    }
    with Journey(folder, "In a company", changes) as journey:
        _netalertx(folder / "app.db")
        journey.run("sessiontrack init")
        journey.run("settings set TIMEZONE")
        assert "sessions  9     9 " in journey.run("--dry-run")
        journey.run("backup before-import")
        journey.run("import netalertx app.db")
        journey.run("settings set RADIUS_CLIENTS")
        journey.start("sessiontrack serve")
        journey.start("listen radius")
        journey.run("radclient")
        journey.run("source list")
        journey.run("export sessions")
        journey.run("token add report")
        # What was imported is over, also what was open there.
        assert journey.run("status=connected").count('"mac"') == 1
        journey.run("user add vera")
        journey.run("user add otto")
        journey.run("token add prometheus")
        token = (folder / "prometheus.token").read_text().strip()
        assert token.startswith("st_")
        process, prometheus_port = _prometheus(folder, port)
        try:
            found = wait_until(
                lambda: _asked(
                    prometheus_port, "sessiontrack_devices{state='connected'}".replace("'", "%22")
                ),
                lambda: (folder / "prometheus.log").read_text(),
                pause=0.1,
            )
        finally:
            process.terminate()
            process.wait(SECONDS)
        # The one that radclient told of; what was imported is over, also what was open there.
        assert found == ["1"]
        sessions = call(port, "GET", f"/sessions/{PHONE}?period=all", token=token).json["sessions"]
        assert [each["ses_StillConnected"] for each in sessions] == [True, False]
        journey.run("first=")
        journey.run("last=")
        journey.run("shares.csv")
        journey.run("session-events.csv")
        journey.run("backup instance/backups")
        assert journey.is_over
        shares = list(csv.DictReader((folder / "shares.csv").read_text("utf-8-sig").splitlines()))
        assert sorted(row["name"] for row in shares) == ["", "Anna's laptop"]
        rows = list(csv.DictReader((folder / "sessions.csv").read_text("utf-8-sig").splitlines()))
        # Neither what was before the last calendar month, nor what is of this one.
        assert sorted(row["name"] for row in rows) == ["", *["Anna's laptop"] * 7]
