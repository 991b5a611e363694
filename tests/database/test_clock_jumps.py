"""What a box lives through whose clock has no battery: a boot in 1970 or years behind, and jumps of a minute.

A real server under libfaketime. What was there before is asked once the clock is right again: tokens, user
sessions, limits on logins, claims, backups, webhooks.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.database.test_clock_of_server import (
    BASE,
    DAY,
    HOUR,
    SETTINGS,
    HeldServer,
    JumpingServer,
    WrongClock,
    command,
)
from tests.support.application import PASSWORD
from tests.support.command import invoke
from tests.support.engine import IS_POSTGRES
from tests.support.receiver import Receiver, answer
from tests.support.server import Server
from tests.support.waiting import wait_until

LIMITED = {**SETTINGS, "LOGIN_ATTEMPTS_PER_NAME": "2"}
MAC = "AA:BB:CC:00:00:07"
# The first two are boots, of a clock without a battery; the others begin and end while the server runs.
CLOCKS = {
    "boot in 1970": (3600, True),
    "boot years behind": (BASE - 3 * 365 * DAY, True),
    "an hour ahead": (BASE + HOUR, False),
    "in 2040": (2_208_988_800, False),
}


@dataclass
class Box:
    """A box with one worker; `wrong` is where its clock is for a while."""

    instance: Path
    tokens: dict[str, str]
    clock: WrongClock
    hook: Receiver
    visible: int = 0
    login: dict[str, str] = field(default_factory=dict)

    def call(self, server: Server, method: str, path: str, body: Any = None, token: str = "admin") -> Any:
        return server.call(method, path, body, self.tokens.get(token, token) or None)

    def sign_in(self, server: Server, username: str, password: str = PASSWORD) -> Any:
        return self.call(server, "POST", "/auth/login", {"username": username, "password": password}, "")

    def ping(self, server: Server) -> int:
        body = {"visible": True, "path": ["clock"]}
        status: int = self.call(server, "POST", "/api/v2/keepalive", body, self.login["access_token"]).status
        return status

    def scan(self, server: Server) -> int:
        body = {"source": "arp", "devices": [{"mac": MAC}]}
        status: int = self.call(server, "POST", "/presence/scans", body, "operator").status
        return status

    def backup(self) -> None:
        if IS_POSTGRES:
            # A server has pg_dump.
            return
        command(self.instance, self.clock, "backup", str(self.instance / "backups"), "--keep", "2")

    def backups(self) -> set[str]:
        return {each.name for each in (self.instance / "backups").glob("*.sqlite3")}


def lives_before(box: Box, server: Server) -> None:
    assert box.scan(server) == 200
    box.login = box.sign_in(server, "viewer").json
    assert box.ping(server) == 200
    box.backup()
    box.backup()
    # The receiver fails, so this one waits.
    assert box.call(server, "POST", "/webhooks/1/test", {}).status == 200
    wait_until(lambda: len(box.hook.received) == 1, server.output)


def lives_while_it_is_wrong(box: Box, server: Server, is_held: bool) -> None:
    """Reads go on, logins too; what needs the time is refused where the clock cannot be right."""
    assert box.call(server, "GET", "/auth/me").status == 200
    assert box.call(server, "GET", "/sessions/list").json["sessions"] != []
    assert box.scan(server) == (503 if is_held else 200)
    wrong = [box.sign_in(server, "operator", "wrong password").status for _ in range(3)]
    assert wrong == [401, 401, 429]
    assert box.sign_in(server, "admin").status == 200
    # Nobody takes what is signed at such a time.
    assert box.call(server, "POST", "/webhooks/1/test", {}).status == (503 if is_held else 200)
    box.backup()
    assert " 0 device sessions" in command(box.instance, box.clock, "prune")


def lives_after(box: Box, server: Server) -> None:
    queued = len(box.call(server, "GET", "/webhooks/1/deliveries").json)
    # The login of before, in the same user session; no second of the jump was credited.
    assert box.call(server, "POST", "/auth/refresh", None, box.login["refresh_token"]).status == 200
    assert box.call(server, "GET", "/auth/me", token=box.login["access_token"]).status == 200
    assert box.ping(server) in (200, 409)
    stays = box.call(server, "GET", "/api/v2/sessions?usernames[]=viewer").json
    assert all(0 <= each["visible_duration"] <= 300 for each in stays)
    assert all(BASE - DAY < each["start"] <= each["last_ping"] < BASE + DAY for each in stays)
    # Who was locked out by then is not for years.
    assert box.sign_in(server, "operator").status == 200
    assert box.scan(server) == 200
    (session,) = box.call(server, "GET", f"/sessions/{MAC}?period=all").json["sessions"]
    assert session["ses_StillConnected"]
    seen = box.call(server, "GET", f"/devices/{MAC}").json["device"]
    assert seen["first_seen"] == seen["connected_since"]
    assert session["ses_DurationSeconds"] < DAY
    # The newest two are kept, whatever the clock said when they were made.
    before = box.backups()
    box.backup()
    kept, new = (0, 0) if IS_POSTGRES else (2, 1)
    assert (len(box.backups()), len(box.backups() - before)) == (kept, new)
    assert " 0 device sessions" in command(box.instance, box.clock, "prune")

    def is_told() -> bool:
        if len({each.json["id"] for each in box.hook.received[1:]}) == queued:
            return True
        # What failed is tried again after some time, and not in 2040.
        box.clock.set(min(box.clock.now() + 300, BASE + 3 * HOUR))
        return False

    wait_until(is_told, server.output, pause=0.2)
    assert box.call(server, "GET", "/webhooks/1/deliveries?state=dead").json == []


@pytest.fixture
def make_box(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Callable[[Receiver], Box]:
    def make(hook: Receiver) -> Box:
        shutil.copytree(template[0], tmp_path / "instance")
        box = Box(tmp_path / "instance", template[1], WrongClock(tmp_path), hook)
        (box.instance / "backups").mkdir()
        box.clock.set(BASE)
        added = invoke(box.instance, "webhook", "add", "--event", "flapping", "hook", hook.url, **LIMITED)
        assert added.exit_code == 0, added.output
        return box

    return make


@pytest.mark.parametrize("name", CLOCKS)
def test_a_wrong_clock_for_a_while_leaves_nothing_behind(
    make_box: Callable[[Receiver], Box], name: str
) -> None:
    wrong, is_boot = CLOCKS[name]
    with Receiver(script=[answer(500)]) as hook:
        box = make_box(hook)
        is_held = name != "an hour ahead"
        server: Server
        with JumpingServer(box.instance, box.clock, workers=1, **LIMITED) as server:
            lives_before(box, server)
            if not is_boot:
                box.clock.set(wrong)
                lives_while_it_is_wrong(box, server, is_held)
                box.clock.set(BASE + 60)
                lives_after(box, server)
        if is_boot:
            box.clock.set(wrong)
            with HeldServer(box.instance, box.clock, workers=1, **LIMITED) as server:
                lives_while_it_is_wrong(box, server, is_held)
                # The first answer of NTP.
                box.clock.set(BASE + 60)
                lives_after(box, server)
        assert "Traceback" not in server.output()
    checked = invoke(box.instance, "check")
    assert checked.exit_code == 0, checked.output
