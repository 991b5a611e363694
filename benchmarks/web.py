"""Measure the web UI in a browser: `python -m benchmarks.web`.

Debian's Chromium, headless and without a GPU, opens each page of a server with a year of history of 100
and of 1,000 devices, 180 sessions each. It needs the bundle (`make web`).
"""

import argparse
import gzip
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from werkzeug.security import generate_password_hash

from benchmarks.dataset import DATA, LAST_DAY, Shape, make_dataset
from benchmarks.frames import report_frames
from benchmarks.open_pages import report_open_pages
from benchmarks.servers import serve
from sessiontrack import create_app
from sessiontrack.database import db, write_transaction
from sessiontrack.services import users
from sessiontrack.web.bundle import STATIC, Bundle
from sessiontrack.web.pages import PAGES

DEVICES = (100, 1000)
SESSIONS_A_DEVICE = 180
DAYS = 365
PASSWORD = "correct horse"
SIZE = {"width": 1280, "height": 900}
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
FRAMES = 240
# The server's time for the page and for its API calls: from the last byte of a request to the first byte of
# the answer. Concurrent requests are added up.
SERVER_MS = """() => {
  const waited = ({requestStart, responseStart}) => responseStart - requestStart;
  const [page] = performance.getEntriesByType("navigation");
  const asked = performance.getEntriesByType("resource").filter((each) => each.initiatorType === "fetch");
  return {page: waited(page), calls: asked.reduce((sum, each) => sum + waited(each), 0), count: asked.length};
}"""
LOADED = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .filter((each) => each.initiatorType !== "fetch").reduce((sum, each) => sum + each.encodedBodySize, 0)"""
# The longest time for which a page could not answer a click, 0 for less than 50 ms; and its first paint.
WATCHED = """window.longest = 0;
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) longest = Math.max(longest, each.duration);
}).observe({type: "longtask", buffered: true});"""
FELT = """() => ({
  longest,
  painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
})"""
# Beside PAGES, what shows much at once.
VIEWS = {
    "people: pages of a year": "/people?show=views&period=365+days",
    "people: days of a year": "/people?show=days&period=365+days",
}
COMPLETE = "() => performance.getEntriesByName('st-timeline-complete')[0]?.startTime ?? null"
# Moves the timeline once per frame; the result is the milliseconds between frames.
FRAME_MS = """([frames, kind]) => new Promise((done) => {
  const timeline = document.querySelector("st-timeline");
  const plot = timeline.querySelector(".tl-plot");
  const scroller = timeline.querySelector(".tl-scroll");
  const found = [];
  let before;
  const step = (at) => {
    if (before !== undefined) found.push(at - before);
    before = at;
    if (found.length >= frames) return done(found);
    const there = Math.floor(found.length / 60) % 2 ? 1 : -1;
    if (kind === "pan") plot.dispatchEvent(new WheelEvent("wheel", {deltaX: there * 14, cancelable: true}));
    else if (kind === "zoom") {
      const wheel = {deltaY: there * 12, ctrlKey: true, cancelable: true, clientX: 800};
      plot.dispatchEvent(new WheelEvent("wheel", wheel));
    } else scroller.scrollTop -= there * 24;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    """Measure the web UI in a browser."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=list(DEVICES))
    parser.add_argument("--loads", type=int, default=7, help="of each page, for each figure")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--pages", action="store_true", help="no more than the table of pages")
    only.add_argument("--frames", action="store_true", help="no more than what a frame costs")
    chosen = parser.parse_args()
    print(f"date {datetime.now(UTC):%Y-%m-%d}, cores {os.cpu_count()}, load {os.getloadavg()[0]:.1f}")
    _report_first_load()
    with sync_playwright() as playwright, launched(playwright) as browser:
        for devices in chosen.devices:
            shape = Shape(devices * SESSIONS_A_DEVICE, devices, DAYS)
            _measure(browser, shape, chosen)


def _report_first_load() -> None:
    """The gzipped bytes of the bundle's files that a page needs."""
    bundle = Bundle()
    print("\n| page | JavaScript, KiB gzipped | style | texts |\n|---|---|---|---|")
    for name, texts in (("login", ("login",)), *((page.name, (page.texts, *page.also)) for page in PAGES)):
        entries = [bundle.entry(each) for each in ("main", f"pages/{name}")]
        scripts = {file for entry in entries for file in (entry.file, *entry.needs)}
        styles = {bundle.entry("style").file, *(entry.style for entry in entries if entry.style)}
        catalogues = {bundle.entry(f"catalogues/en/{each}").file for each in ("common", *texts)}
        print(f"| {name} | {_kib(scripts)} | {_kib(styles)} | {_kib(catalogues)} |")


def _kib(files: set[str]) -> str:
    return f"{sum(len(gzip.compress((STATIC / each).read_bytes(), 9)) for each in files) / 1024:.1f}"


def _measure(browser: Browser, shape: Shape, chosen: argparse.Namespace) -> None:
    run = DATA / f"web-{os.getpid()}"
    shutil.copytree(make_dataset(shape), run / "app")
    try:
        with ExitStack() as stack:
            _add_user(run / "app")
            server = serve(stack, "web", run / "app", 2, 8)
            base = f"http://127.0.0.1:{server.port}"
            print(f"\n{shape.devices} devices, {shape.sessions} sessions in {shape.days} days")
            if not chosen.frames:
                _report_pages(browser, base, shape, chosen.loads)
            if chosen.pages:
                return
            with signed_in(browser, base) as window:
                report_frames(browser, window, base)
            if chosen.frames:
                return
            _report_timeline(browser, base, shape, chosen.loads)
            report_open_pages(server.port, server.process.pid, _token(browser, base))
    finally:
        shutil.rmtree(run)


def _add_user(folder: Path) -> None:
    app = create_app({"INSTANCE": folder})
    with app.app_context():
        with write_transaction() as tx:
            users.add_user(tx, int(time.time()), "bench", generate_password_hash(PASSWORD), "admin")
        db.engine.dispose()


@contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium.

    Raises:
        SystemExit: it is not installed.
    """
    program = shutil.which("chromium-headless-shell")
    if program is None:
        raise SystemExit("This needs Chromium: apt-get install chromium-headless-shell")
    browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
    yield browser
    browser.close()


@contextmanager
def signed_in(browser: Browser, base: str) -> Iterator[Page]:
    """A new window with an empty cache."""
    context = browser.new_context(viewport=SIZE, locale="en-GB", reduced_motion="reduce")
    body = json.dumps({"username": "bench", "password": PASSWORD})
    answer = context.request.post(f"{base}/auth/login?cookies=1", data=body)
    if not answer.ok:
        raise SystemExit(answer.text())
    yield context.new_page()
    context.close()


def _token(browser: Browser, base: str) -> str:
    context = browser.new_context()
    body = json.dumps({"username": "bench", "password": PASSWORD})
    token: str = context.request.post(f"{base}/auth/login", data=body).json()["access_token"]
    context.close()
    return token


def _report_pages(browser: Browser, base: str, shape: Shape, loads: int) -> None:
    heads = (
        "loaded, KiB",
        "server ms: the page",
        "calls",
        "how many calls",
        "first paint, ms",
        "longest task",
    )
    print(f"\n| page | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    for name, address in (*((page.name, page.path) for page in PAGES), *VIEWS.items()):
        found: list[dict[str, Any]] = []
        with signed_in(browser, base) as window:
            window.add_init_script(WATCHED)
            path = address.replace("<mac:mac>", shape.mac(0))
            if "<uuid:session>" in path:
                session = window.request.get(f"{base}/api/v2/sessions?limit=1").json()[0]["_id"]
                path = path.replace("<uuid:session>", session)
            for number in range(loads + 1):
                window.goto(f"{base}/ui{path}", wait_until="networkidle")
                if number == 0:
                    size = window.evaluate(LOADED)
                else:
                    found.append({**window.evaluate(SERVER_MS), **window.evaluate(FELT)})
        figures = ("page", "calls", "count", "painted", "longest")
        cells = [f"{median(each[figure] for each in found):.0f}" for figure in figures]
        print(f"| {name} | {size / 1024:.0f} | {' | '.join(cells)} |", flush=True)


def _report_timeline(browser: Browser, base: str, shape: Shape, loads: int) -> None:
    print("\n| timeline | first painted, ms: median / worst | answers loaded for it, KiB |\n|---|---|---|")
    end = datetime.fromtimestamp(LAST_DAY, UTC)
    for span in ("year", "week"):
        address = f"{base}/ui/presence?span={span}&until={end:%Y-%m-%dT%H:%M:%SZ}"
        for cache in ("cold", "warm"):
            times, size = _first_paints(browser, base, address, loads, is_warm=cache == "warm")
            cells = f"{median(times):.0f} / {max(times):.0f} | {size / 1024:.0f}"
            print(f"| a {span}, {cache} cache | {cells} |", flush=True)
    print("\n| movement | frames/s | ms between frames: median / p95 / worst | ms of script a frame |")
    print("|---|---|---|---|")
    address = f"{base}/ui/presence?span=year&until={end:%Y-%m-%dT%H:%M:%SZ}"
    with signed_in(browser, base) as window:
        window.goto(address, wait_until="networkidle")
        devtools = window.context.new_cdp_session(window)
        devtools.send("Performance.enable")
        for kind in ("pan", "zoom", "scroll"):
            before = _script_seconds(devtools)
            frames = sorted(window.evaluate(FRAME_MS, [FRAMES, kind]))
            script = (_script_seconds(devtools) - before) * 1000 / FRAMES
            rate = 1000 * len(frames) / sum(frames)
            spread = f"{median(frames):.1f} / {frames[len(frames) * 95 // 100]:.1f} / {frames[-1]:.1f}"
            print(f"| {kind} | {rate:.0f} | {spread} | {script:.1f} |", flush=True)
            window.wait_for_load_state("networkidle")


def _script_seconds(devtools: Any) -> float:
    metrics = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    found: float = metrics["ScriptDuration"]
    return found


def _first_paints(
    browser: Browser, base: str, address: str, loads: int, *, is_warm: bool
) -> tuple[list[float], int]:
    """The milliseconds from the click until all visible bars are on the canvas."""
    times: list[float] = []
    size = 0
    with ExitStack() as stack:
        window = stack.enter_context(signed_in(browser, base)) if is_warm else None
        if window:
            window.goto(address, wait_until="networkidle")
        for _ in range(loads):
            with ExitStack() as once:
                page = window or once.enter_context(signed_in(browser, base))
                page.goto(address)
                while (painted := page.evaluate(COMPLETE)) is None:
                    page.wait_for_timeout(20)
                times.append(painted)
                size = page.evaluate(
                    "() => performance.getEntriesByType('resource').filter((each) => each.name.includes("
                    "'/presence/timeline')).reduce((sum, each) => sum + each.encodedBodySize, 0)"
                )
    return times, size


if __name__ == "__main__":
    main()
