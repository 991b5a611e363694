"""The script of docs/history.md that cron runs each month."""

import csv
import subprocess
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.pages import blocks
from tests.support.server import Server
from tests.support.waiting import SECONDS


@pytest.mark.parametrize("has_token", [True, False])
def test_last_month_is_in_three_files_or_cron_mails_why_not(tmp_path: Path, has_token: bool) -> None:
    (script,) = blocks("history.md", "Last month as a table", "shell")
    token, reports = tmp_path / "report.token", tmp_path / "reports"
    with Server(tmp_path / "instance") as server:
        added = run(tmp_path / "instance", "token", "add", "report", "--role", "viewer", "--quiet")
        token.write_text(added.stdout if has_token else "st_unknown")
        for there, here in {
            ":8000": f":{server.port}",
            "/etc/sessiontrack/report.token": str(token),
            "/srv/reports": str(reports),
        }.items():
            assert there in script
            script = script.replace(there, here)
        ran = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    found = sorted(reports.glob("*.csv"))
    if not has_token:
        assert (ran.returncode != 0, "401" in ran.stderr, found) == (True, True, [])
        return
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [each.name.partition("-")[0] for each in found] == ["people", "sessions", "shares"]
    heads = [next(csv.reader(each.read_text("utf-8-sig").splitlines())) for each in found]
    assert [{"username"} <= set(heads[0]), {"info", "name"} <= set(heads[1])] == [True, True]
    assert {"first_seen", "share"} <= set(heads[2])
