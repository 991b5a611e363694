"""A product's web UI with the tracker, in Chromium; the server's clock follows the browser's."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Frame
from werkzeug.serving import WSGIRequestHandler, make_server

from sessiontrack import clock
from tests.support.application import NOW, Clients
from tests.support.web import TIMEOUT

WSGI = Callable[..., Iterable[bytes]]
# The product's pages; their only script is the tracker.
HOST_PAGE = """<!doctype html><html lang="en"><title>A product</title><link rel="icon" href="data:,">
<script type="module" src="/product/start.js"></script>"""
START = """import {{ track }} from "/static/tracker.js"; window.tracker = track({options});"""
EMPTY = "<!doctype html><html lang='en'><title>Tabs</title><link rel='icon' href='data:,'><body>"
# Tabs are frames of one page whose time is simulated and skips idle periods.
DESK = Path(__file__).with_name("desk.js").read_text("utf-8")


@dataclass
class Product:
    """The server, which also serves the product's pages at `/product/...`.

    now: the server's clock, in seconds: the browser's at the last call, plus `ahead`.
    asked: the tracker's calls so far: (instant, call, body, status).
    away: while true, the server answers like a proxy whose server is down.
    is_over: the test is over, and calls of closing pages are no longer answered or noted.
    """

    wsgi: WSGI
    options: dict[str, Any]
    now: float = NOW
    ahead: float = 0
    asked: list[tuple[float, str, Any, int]] = field(default_factory=list)
    away: bool = False
    is_over: bool = False
    base: str = ""
    one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/product/"):
            script = path.endswith(".js")
            kind = "text/javascript" if script else "text/html"
            start("200 OK", [("Content-Type", kind)])
            page = EMPTY if path.endswith("/desk") else HOST_PAGE
            return [(START.format(options=json.dumps(self.options)) if script else page).encode()]
        if not path.startswith(("/api/", "/auth/")):
            return self.wsgi(environ, start)
        with self.one_by_one:
            if self.is_over:
                start("502 Bad Gateway", [("Content-Type", "text/html")])
                return [b"over"]
            if sent := environ.get("HTTP_X_NOW"):
                self.now = float(sent) / 1000 + self.ahead
            return self._noted(environ, start, path)

    def _noted(self, environ: dict[str, Any], start: Callable[..., Any], path: str) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        said: list[int] = []

        def note(status: str, *rest: Any) -> Any:
            said.append(int(status[:3]))
            return start(status, *rest)

        if self.away:
            note("502 Bad Gateway", [("Content-Type", "text/html")])
            answer: Iterable[bytes] = [b"away"]
        else:
            answer = list(self.wsgi(environ, note))
        self.asked.append((self.now, path.rpartition("/")[2], json.loads(body or b"null"), said[0]))
        return answer

    def last_ping(self) -> float:
        """When the server last got a report of the visible path."""
        return max(
            (at for at, call, _, status in self.asked if call != "sessionstart" and status == 200),
            default=self.now,
        )


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def served(app: Flask, monkeypatch: pytest.MonkeyPatch | None, **options: Any) -> Iterator[Product]:
    """That application on its own port; with `monkeypatch`, its clock is the browser's."""
    product = Product(app.wsgi_app, {"interval": 60, **options})
    if monkeypatch is not None:
        monkeypatch.setattr(clock, "now", lambda: int(product.now))
    app.wsgi_app = product  # type: ignore[method-assign]
    server = make_server("127.0.0.1", 0, product, threaded=True, request_handler=_Quiet)
    product.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield product
    finally:
        # Let calls of closing pages finish before the database is removed.
        with product.one_by_one:
            product.is_over = True
        app.wsgi_app = product.wsgi  # type: ignore[method-assign]
        server.shutdown()
        thread.join()
        server.server_close()


class Person:
    """A user with tabs of the product, at most one of them visible, and an exact clock.

    now: the time of that clock.
    truth: milliseconds that each path was visible.
    forfeited: of those, the ones between the last ping and a sleep of the machine, which cannot be reported.
    switches: changes of the visible path, by path.
    """

    def __init__(
        self, browser: Browser, product: Product, latency: int = 0, throttle: int = 1, seed: int = 1
    ) -> None:
        self.product = product
        self.now: float = NOW
        self.context: BrowserContext = browser.new_context()
        self.context.set_default_timeout(TIMEOUT)
        self.context.add_init_script(DESK)
        self.thrown: list[str] = []
        self.context.on("weberror", lambda error: self.thrown.append(str(error.error)))
        self.desk = self.context.new_page()
        self.desk.goto(f"{product.base}/product/desk")
        given = {"now": NOW * 1000, "latency": latency, "throttle": throttle}
        self.desk.evaluate("(given) => Object.assign(desk, given)", given)
        self.desk.evaluate("(given) => desk.seed(given)", seed)
        self.tabs: list[Frame] = []
        self.paths: dict[Frame, tuple[str, ...]] = {}
        self.watched: Frame | None = None
        self.truth: Counter[tuple[str, ...]] = Counter()
        self.forfeited: Counter[tuple[str, ...]] = Counter()
        self.switches: Counter[tuple[str, ...]] = Counter()
        self._opened = 0

    @property
    def sight(self) -> tuple[str, ...] | None:
        return None if self.watched is None else self.paths[self.watched]

    def open(self, path: str, *, shown: bool = True) -> Frame:
        """Open a new tab, visible or in the background."""
        if shown:
            self.hide()
        self._opened += 1
        name = f"tab{self._opened}"
        self._desk("open", name, f"/product/{path}", "yes" if shown else "no")
        tab = self.desk.frame(name)
        assert tab is not None
        self.tabs.append(tab)
        self.paths[tab] = (f"/product/{path}",)
        if shown:
            self.watched = tab
            self._count(self.paths[tab])
        return tab

    def go(self, tab: Frame, path: str) -> None:
        """Follow a link: the page unloads, and another one loads."""
        self._switch(tab)
        self._desk("go", tab.name, f"/product/{path}")
        self.paths[tab] = (f"/product/{path}",)
        self._switch(tab)

    def run(self, tab: Frame, script: str, path: tuple[str, ...]) -> None:
        """Act in the page, which then shows that path."""
        self._switch(tab)
        self.paths[tab] = path
        self._switch(tab)
        self.do(tab, script)

    def do(self, tab: Frame, script: str) -> None:
        tab.evaluate(script)
        # The events of a changed address come after the script.
        self._desk("run", 0)

    def hide(self) -> None:
        """Hide all tabs."""
        if self.watched is not None:
            tab, self.watched = self.watched, None
            self._count(self.paths[tab])
            self.do(tab, "show(false)")

    def show(self, tab: Frame, *, shown_first: bool = False) -> None:
        """Switch to a tab; the events of the hidden and the shown tab come in either order."""
        if tab is self.watched:
            return
        before, self.watched = self.watched, tab
        if before is not None:
            self._count(self.paths[before])
        self._count(self.paths[tab])
        both = [(tab, "show(true)")]
        if before is not None:
            both.insert(1 if shown_first else 0, (before, "show(false)"))
        for each, script in both:
            each.evaluate(script)
        self._desk("run", 0)

    def close(self, tab: Frame) -> None:
        self._lose(tab)
        self._desk("close", tab.name)

    def crash(self, tab: Frame) -> None:
        """Kill its process: no event, no timer, no answer."""
        self._lose(tab)
        self._desk("crash", tab.name)

    def freeze(self, tab: Frame) -> None:
        """Let the browser freeze a hidden tab, to save power."""
        self._desk("freeze", tab.name)

    def thaw(self, tab: Frame) -> None:
        self._desk("thaw", tab.name)

    def wait(self, seconds: float) -> None:
        """Let time pass, for the browser and for the server."""
        self.now += seconds
        if self.sight:
            self.truth[self.sight] += round(seconds * 1000)
        self._desk("run", round(seconds * 1000))

    def sleep(self, seconds: int) -> None:
        """Close the lid: nothing runs, and no path is visible."""
        if self.sight:
            self.forfeited[self.sight] += round((self.now - self.product.last_ping()) * 1000)
            self._count(self.sight)
        self.now += seconds
        self._desk("sleep", seconds * 1000)

    def _desk(self, what: str, *given: Any) -> None:
        self.desk.evaluate("([what, given]) => desk[what](...given)", [what, given])

    def _lose(self, tab: Frame) -> None:
        if tab is self.watched:
            self._count(self.paths[tab])
            self.watched = None
        self.tabs.remove(tab)

    def _switch(self, tab: Frame) -> None:
        if tab is self.watched:
            self._count(self.paths[tab])

    def _count(self, path: tuple[str, ...]) -> None:
        self.switches[path] += 1


def credited(clients: Clients) -> Counter[tuple[str, ...]]:
    """Seconds by path, over all user sessions."""
    found: Counter[tuple[str, ...]] = Counter()
    for session in clients.admin.ok("GET", "/api/v2/sessions"):
        for view, seconds in session["tab_duration"].items():
            if isinstance(seconds, dict):
                for tab, part in seconds.items():
                    found[(view, tab) if tab else (view,)] += part
            else:
                found[(view,)] += seconds
    return found
