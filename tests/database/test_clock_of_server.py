"""The wall clock of a real server jumps during pings, logins, scans and webhook retries.

libfaketime gives the server's processes and the commands another time, read from a file; their monotonic
clock is the true one, as after a jump of the real clock.
"""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import PASSWORD
from tests.support.calls import answers
from tests.support.command import invoke
from tests.support.receiver import Receiver, answer
from tests.support.server import COMMAND, Server, environment
from tests.support.waiting import join, wait_until

HOUR, DAY = 3600, 86_400
TEN_YEARS = 3652 * DAY
JUMPS = (0, -HOUR, HOUR, TEN_YEARS, -DAY, 0)
# Monday, 2025-10-20 12:00 UTC; and both clock changes in Berlin, a second before.
BASE = 1_760_961_600
AUTUMN, SPRING = 1_761_440_399, 1_774_745_999
OLD = "AA:BB:CC:00:00:01"
ADD = ("webhook", "add", "--event", "New Device", "hook")
SETTINGS = {"WEBHOOK_ALLOW": "127.0.0.0/8", "RETENTION_DEVICE_SESSIONS": "1 year"}


# libfaketime 0.9.10 fails in Python 3.11's sleep if the monotonic clock is the true one.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


class WrongClock:
    """The time of a server and its commands."""

    def __init__(self, folder: Path) -> None:
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self._file = folder / "clock"
        (folder / "sitecustomize.py").write_text(SLEEP)
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # gunicorn marks living workers by a file's times.
            "NO_FAKE_STAT": "1",
            "FAKE_UTIME": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
        }

    def set(self, instant: int) -> None:
        self.ahead = instant - int(time.time())
        new = self._file.with_suffix(".new")
        new.write_text(f"{self.ahead:+d}\n")
        os.replace(new, self._file)

    def now(self) -> int:
        return int(time.time()) + self.ahead


class JumpingServer(Server):
    def __init__(self, instance: Path, clock: WrongClock, workers: int = 2, **settings: str) -> None:
        super().__init__(instance, workers, **settings)
        self._environment |= clock.variables


class HeldServer(JumpingServer):
    """One whose clock cannot be right is up, and not ready."""

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.output()
        return answers(self.port, "/healthz")


class Household:
    """Clients that write all the time; `answers` counts the statuses of each."""

    def __init__(self, server: Server, tokens: dict[str, str], clock: WrongClock) -> None:
        self._server, self._tokens, self._clock = server, tokens, clock
        self.answers: Counter[tuple[str, int]] = Counter()
        self.macs: list[str] = []
        self._step = 0

    def move_to(self, server: Server) -> None:
        self._server = server

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._is_over = threading.Event()
        whats = (self._ping, self._scan, self._create, self._sign_in)
        threads = [threading.Thread(target=self._go_on, args=(what,)) for what in whats]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                join(thread)

    def work_a_while(self) -> None:
        """Wait until each client has had another answer."""
        before = self._answered()
        wait_until(
            lambda: all(now > then for now, then in zip(self._answered(), before, strict=True)),
            lambda: f"an answer to each: {self.answers}",
            pause=0.05,
        )

    def _answered(self) -> list[int]:
        """The number of answers of each client, by the name of its first call."""
        counted = list(self.answers.items())
        names = ("ping", "scan", "create", "login")
        return [sum(count for (called, _), count in counted if called == name) for name in names]

    def _go_on(self, what: Callable[[], None]) -> None:
        while not self._is_over.wait(0.1):
            what()

    def _call(self, name: str, role: str | None, method: str, path: str, body: Any = None) -> Any:
        token = None if role is None else self._tokens.get(role, role)
        answer = self._server.call(method, path, body, token)
        self.answers[name, answer.status] += 1
        return answer

    def _ping(self) -> None:
        body = {"visible": True, "path": ["clock", "tab"]}
        if self._call("ping", "viewer", "POST", "/api/v2/keepalive", body).status == 409:
            self._call("start", "viewer", "POST", "/api/v2/sessionstart")

    def _scan(self) -> None:
        self._step += 1
        mac = f"AA:BB:CC:01:00:{self._step % 256:02X}"
        body = {"source": "scanner", "devices": [{"mac": OLD}, {"mac": mac}]}
        if self._call("scan", "operator", "POST", "/presence/scans", body).status == 200:
            self.macs.append(mac)

    def _create(self) -> None:
        start = IN_UTC.format_offset(self._clock.now() - 5)
        body = {"mac": "AA:BB:CC:00:00:02", "ip": "10.0.0.2", "start_time": start}
        self._call("create", "operator", "POST", "/sessions/create", body)

    def _sign_in(self) -> None:
        body = {"username": "viewer", "password": PASSWORD}
        token = self._call("login", None, "POST", "/auth/login", body).json["access_token"]
        self._call("me", token, "GET", "/auth/me")
        self._call("logout", token, "POST", "/auth/logout")


# After a jump, a token from the past or the future is refused; a start in the future is refused, too.
EXPECTED = {
    *(("ping", 200), ("ping", 409), ("start", 200), ("scan", 200)),
    *(("create", 200), ("create", 400), ("create", 409)),
    # A clock that cannot be right records nothing.
    *(("ping", 503), ("start", 503), ("scan", 503), ("create", 503)),
    *(("login", 200), ("me", 200), ("me", 401), ("logout", 200), ("logout", 401)),
}


def command(instance: Path, clock: WrongClock, *arguments: str) -> str:
    result = subprocess.run(
        [COMMAND, *arguments],
        env=environment(instance, **SETTINGS) | clock.variables,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_real_servers_clock_jumps_and_another_time_zone_has_its_nights(
    template: tuple[Path, dict[str, str]], instance: Path, tmp_path: Path
) -> None:
    tokens = template[1]
    clock = WrongClock(tmp_path)
    clock.set(BASE)
    with Receiver(script=[answer(500)] * 2) as hook:
        added = invoke(instance, *ADD, hook.url, **SETTINGS)
        assert added.exit_code == 0, added.output
        began = time.monotonic()
        with JumpingServer(instance, clock, **SETTINGS) as server:
            household = Household(server, tokens, clock)
            with household.at_work():
                for jump in JUMPS:
                    clock.set(BASE + jump)
                    household.work_a_while()
                    if jump == TEN_YEARS:
                        assert " 0 device sessions" in command(instance, clock, "prune")
            assert_all_are_told(server, tokens["admin"], clock, hook, household.macs)
            before = stays_of(server, tokens)
        # The nights are months ahead, and nothing confirms that.
        nights = {"TIMEZONE": "Europe/Berlin", "WAIT_FOR_CLOCK": "off"}
        with JumpingServer(instance, clock, **nights, **SETTINGS) as server:
            assert stays_of(server, tokens) == before
            household.move_to(server)
            with household.at_work():
                for night in (AUTUMN, SPRING):
                    clock.set(night)
                    # In the second before the hour, and in the next one.
                    household.work_a_while()
                    time.sleep(1.3)
                    household.work_a_while()
            visible = sum(each["visible_duration"] for each in stays_of(server, tokens))
            # No jump has credited time that did not pass; each period may be rounded up.
            assert visible <= time.monotonic() - began + len(JUMPS) + 2
            assert all(each["last_ping"] >= each["start"] for each in stays_of(server, tokens))
            output = server.output()
    assert set(household.answers) <= EXPECTED, household.answers
    assert {each for each in EXPECTED if each[1] == 200} <= set(household.answers)
    assert "Traceback" not in output
    checked = invoke(instance, "check")
    assert checked.exit_code == 0, checked.output


def assert_all_are_told(
    server: Server, token: str, clock: WrongClock, hook: Receiver, macs: list[str]
) -> None:
    """A jump makes waiting longer or shorter, and ages waiting deliveries; dead ones are still listed."""
    assert server.call("POST", "/webhooks/1/retry", {}, token).status == 200

    def is_told() -> bool:
        if not set(macs) - {each.json["device"]["mac"] for each in hook.received}:
            return True
        # A receiver that failed rests this long.
        clock.set(clock.now() + 300)
        return False

    wait_until(is_told, server.output, pause=0.2)


def stays_of(server: Server, tokens: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", "/api/v2/sessions", token=tokens["admin"]).json
    return found


def test_a_minute_in_2040_and_a_boot_in_1970_record_nothing(
    template: tuple[Path, dict[str, str]], instance: Path, tmp_path: Path
) -> None:
    token = template[1]["operator"]
    clock = WrongClock(tmp_path)

    def scan(server: Server) -> tuple[int, str]:
        told = server.call("POST", "/presence/scans", {"source": "arp", "devices": [{"mac": OLD}]}, token)
        return told.status, told.json.get("error", "")

    def device(server: Server) -> dict[str, Any]:
        found: dict[str, Any] = server.call("GET", f"/devices/{OLD}", token=token).json["device"]
        return {name: found[name] for name in ("connected_since", "first_seen")}

    clock.set(BASE)
    with JumpingServer(instance, clock, workers=1) as server:
        assert scan(server) == (200, "")
        before = device(server)
        clock.set(2_208_988_800)  # 2040
        assert scan(server) == (503, "clock_unsure")
        assert server.call("GET", "/readyz").json["error"] == "clock_unsure"
        assert device(server) == before
        clock.set(BASE + 60)
        assert scan(server) == (200, "")
        assert device(server) == before
    clock.set(86_400)  # 1970
    with HeldServer(instance, clock, workers=1) as server:
        assert scan(server) == (503, "clock_unsure")
        # As root would on a box whose clock is right after all.
        clock.set(BASE - TEN_YEARS)
        assert scan(server) == (503, "clock_unsure")
        assert "is right" in command(instance, clock, "clock", "accept")
        assert scan(server)[0] == 200
