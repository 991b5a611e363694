"""What a frame costs while a year of 1,000 people is scrolled: `python -m benchmarks.web --frames`.

The CPU time of each thread of the browser, by its trace: it does not depend on what else the machine does, as
frames a second do. Chromium draws without a GPU, so that its raster and its display are work of the CPU.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route

PEOPLE, DAYS, FRAMES = 1000, 366, 240
CATEGORIES = ("toplevel", "devtools.timeline", "blink.user_timing", "__metadata")
# Pixels a frame, there and back: as a finger does, and a year in two seconds.
SPEEDS = (24, 150)
SCROLL = """([frames, speed]) => new Promise((done) => {
  const scroller = document.querySelector(".days .table-scroll");
  let left = frames;
  let before;
  const gaps = [];
  const step = (at) => {
    if (before !== undefined) gaps.push(at - before);
    before = at;
    if (left === 0) return performance.mark("scrolled"), done(gaps);
    scroller.scrollLeft += left > frames / 2 ? speed : -speed;
    left -= 1;
    requestAnimationFrame(step);
  };
  performance.mark("scrolling");
  requestAnimationFrame(step);
})"""
MAIN = "CrRendererMain"
THREADS = {
    "page: main thread": (MAIN,),
    "page: compositor": ("Compositor",),
    "raster": ("CompositorTileWorker", "ThreadPoolForeg"),
    "display": ("VizCompositor", "CrGpuMain"),
}
PARTS = {
    "script": ("FunctionCall", "FireAnimationFrame", "EventDispatch", "RunMicrotasks", "v8.callFunction"),
    "style": ("UpdateLayoutTree",),
    "layout": ("Layout",),
    "paint": ("PrePaint", "Paint", "Layerize", "Commit"),
}


def report_frames(browser: Browser, window: Page, base: str) -> None:
    """Print the CPU time of a frame by thread, and of the page's main thread by its kind."""
    days = [(date(2025, 1, 1) + timedelta(days=number)).isoformat() for number in range(DAYS)]
    names = [f"user {number}" for number in range(PEOPLE)]
    row = {"sessions": 1, "visible_duration": 900, "tab_duration": {}}

    def answer(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)["usernames[]"]
        route.fulfill(json=[{**row, "username": name, "day": day} for name in asked for day in days])

    window.route(
        "**/session-stats?*", lambda route: route.fulfill(json=[{**row, "username": n} for n in names])
    )
    window.route("**/session-days?*", answer)
    window.goto(f"{base}/ui/people?show=days&period=1+year", wait_until="networkidle")
    window.evaluate(SCROLL, [30, SPEEDS[0]])
    found = []
    for speed in SPEEDS:
        browser.start_tracing(page=window, categories=list(CATEGORIES))
        gaps = window.evaluate(SCROLL, [FRAMES, speed])
        events = json.loads(browser.stop_tracing())["traceEvents"]
        found.append({"frames a second": FRAMES * len(gaps) * 1000 / sum(gaps), **dict(_costs(events))})
    heads = " | ".join(f"{speed} px" for speed in SPEEDS)
    print(f"\n| {PEOPLE} people, {DAYS} days: CPU ms of a frame | {heads} |\n|---|---|---|")
    for name in found[0]:
        print(f"| {name} | {' | '.join(f'{each[name] / FRAMES:.1f}' for each in found)} |")


def _costs(events: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    names = {
        (each["pid"], each["tid"]): each["args"]["name"] for each in events if each["name"] == "thread_name"
    }
    begin, end = (
        next(each["ts"] for each in events if each["name"] == mark) for mark in ("scrolling", "scrolled")
    )
    of_thread = defaultdict(list)
    for each in events:
        if each["ph"] == "X" and begin <= each["ts"] <= end:
            of_thread[each["pid"], each["tid"]].append(each)
    for name, beginnings in THREADS.items():
        found = [own for thread, own in of_thread.items() if names.get(thread, "").startswith(beginnings)]
        yield name, sum(_outermost(own) for own in found)
        if beginnings != (MAIN,):
            continue
        for part, of_part in PARTS.items():
            yield f"- {part}", sum(_outermost(e for e in own if e["name"] in of_part) for own in found)


def _outermost(events: Iterable[dict[str, Any]]) -> float:
    """The CPU milliseconds of events that are in no other one of them."""
    total, until = 0.0, 0
    for each in sorted(events, key=lambda each: (each["ts"], -each["dur"])):
        if each["ts"] >= until:
            total += each.get("tdur", 0) / 1000
            until = each["ts"] + each["dur"]
    return total
