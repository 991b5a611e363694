"""Debian's Chromium against the real server, and the errors that no page may cause in it."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Playwright,
    Request,
    expect,
)

from tests.support import databases
from tests.support.command import run
from tests.support.server import Server
from tests.support.waiting import SECONDS, wait_until

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Playwright's defaults, 5 s and 30 s, would depend on the machine's speed.
TIMEOUT = 1000 * SECONDS
expect.set_options(timeout=TIMEOUT)
SETTLED = Path(__file__).with_name("settled.js").read_text("utf-8")
DESKTOP = (1280, 900)
PHONE = (390, 844)
# Without a GPU and Chromium's sandbox, as in a container.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
# Chromium's message for any answer of 400 and more.
FAILED_LOAD = "Failed to load resource"
# As the menu does it.
USE_THEME = """(theme) => {
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("st-theme"));
}"""
HERE_NOW = (
    "UPDATE user_session SET last_ping = ? WHERE ended_at IS NULL AND login_key LIKE 'demo-%' AND last_ping >"
    " (SELECT max(last_ping) - 60 FROM user_session WHERE login_key LIKE 'demo-%')"
)


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium, of the kind without windows: it takes a third less CPU.

    Playwright's own is never downloaded.
    """
    program = shutil.which("chromium-headless-shell")
    assert program, "The tests of the web UI need Chromium: apt-get install chromium-headless-shell"
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS, timeout=TIMEOUT)


def wait_in(page: Page, holds: Callable[[], object], awaited: str | Callable[[], str]) -> None:
    """Like `wait_until`, but the browser's events are processed meanwhile."""

    def ask() -> object:
        page.wait_for_timeout(20)
        return holds()

    wait_until(ask, awaited, pause=0)


def settle(page: Page) -> None:
    """Wait until no answer, short pause or drawing is due in the page and its frames, and nothing is busy."""

    def is_settled() -> bool:
        try:
            return all(
                frame.evaluate("window.settled()") and not frame.locator("[aria-busy=true]").count()
                for frame in page.frames
            )
        except Error:  # It is leaving for another page.
            return False

    wait_in(page, is_settled, lambda: f"{page.url} to settle")


@dataclass
class Visit:
    """A browser window on one server, and the errors in it.

    allowed: parts of the console messages that this test expects.
    """

    page: Page
    base: str
    allowed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open the page, and wait until it has loaded."""
        self.page.goto(self.base + path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is loading any more, and no list is busy."""
        settle(self.page)

    def log_in(self, username: str, password: str) -> None:
        """Sign in with the login page's call, without the page."""
        answer = self.page.request.post(
            f"{self.base}/auth/login?cookies=1",
            data=json.dumps({"username": username, "password": password}),
        )
        assert answer.ok, answer.text()

    def expire_login(self) -> None:
        """Let the access token be over, in one step: a poll between two would find half of it gone."""
        names = ("sessiontrack_access", "sessiontrack_access_csrf")
        domain = urlsplit(self.base).hostname or ""
        self.page.context.add_cookies(
            [{"name": name, "value": "", "domain": domain, "path": "/", "expires": 1} for name in names]
        )

    def choose(self, **cookies: str) -> None:
        """Set the theme or the language, as chosen before."""
        path = urlsplit(self.base).path or "/"
        root = self.base.removesuffix(path)
        domain = urlsplit(root).hostname or ""
        self.page.context.add_cookies(
            [
                {"name": f"sessiontrack_{name}", "value": value, "domain": domain, "path": path}
                for name, value in cookies.items()
            ]
        )

    def violations(self) -> list[str]:
        """axe-core's findings on the current page."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        return self._axe("{resultTypes: ['violations']}")

    def violations_in_both_themes(self) -> list[str]:
        """The same of a page in the light theme, and its contrasts, all that differs, in the dark one."""
        found = self.violations()
        self.page.evaluate(USE_THEME, "dark")
        found += self._axe("{runOnly: ['color-contrast'], resultTypes: ['violations']}")
        self.page.evaluate(USE_THEME, "light")
        return found

    def _axe(self, options: str) -> list[str]:
        found = self.page.evaluate(f"axe.run(document, {options})")
        return [
            f"{each['id']}: {node['html']} {node.get('failureSummary', '')}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def assert_clean(self) -> None:
        """Check that there was no console error, no policy violation, and no request to another host."""
        unexpected = [each for each in self.wrong if not any(part in each for part in self.allowed)]
        assert unexpected == []


@contextmanager
def visiting(browser: Browser, base: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Iterator[Visit]:
    """A new window without cookies; at the end it must have had no errors."""
    options = {"locale": "en-GB", "reduced_motion": "reduce", **options}
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(TIMEOUT)
    try:
        context.add_init_script(SETTLED)
        visit = Visit(context.new_page(), base)
        _watch(context, visit)
        yield visit
        visit.assert_clean()
    finally:
        context.close()


def _watch(context: BrowserContext, visit: Visit) -> None:
    host = urlsplit(visit.base).netloc

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visit.wrong.append(f"{message.text} ({message.location.get('url')})")

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc.rpartition("@")[2] != host:
            visit.wrong.append(f"a request left the host: {request.url}")

    context.on("console", on_console)
    context.on("request", on_request)
    context.on("weberror", lambda error: visit.wrong.append(f"thrown: {error.error}"))


@dataclass(frozen=True)
class WebServer:
    """The real server with the demo's home office; `admin`, `operator` and `viewer` sign in with PASSWORD."""

    server: Server
    instance: Path
    tokens: dict[str, str]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def bring_people_back(self) -> None:
        """Ping for the users that the demo left in the UI, so that they are active now."""
        databases.rows(self.instance, HERE_NOW, int(time.time()))


def dialog(visit: Visit) -> Locator:
    """The dialog that is open."""
    return visit.page.get_by_role("dialog")


def can_sign_in(visit: Visit, username: str, password: str) -> bool:
    """Whether the server takes this password."""
    body = {"username": username, "password": password}
    return visit.page.request.post(f"{visit.base}/auth/login", data=body).ok


def fill_with_demo(instance: Path, **settings: str) -> None:
    """The demo's home office, always the same, up to now."""
    filled = run(instance, "demo", "--seed", "1", **{"TIMEZONE": "Europe/Paris", **settings})
    assert filled.returncode == 0, filled.stderr
