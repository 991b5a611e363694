"""The page of presence in a browser: the timeline on its canvas, and the table."""

import re
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.application import PASSWORD
from tests.support.server import Server
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, visiting, wait_in

URL = "/ui/presence"
WEEK = 7 * 86_400
AXIS, ROW = 46, 34
CLOSED, OPEN, MISSING = (0, 115, 183), (0, 166, 89), (243, 156, 18)
# The colour in the middle of a row's bar at an instant; null if it is not visible.
COLOR = """([index, at]) => {
  const timeline = document.querySelector("st-timeline");
  const canvas = timeline.querySelector("canvas");
  const scroller = timeline.querySelector(".tl-scroll");
  const x = timeline.view.x(at);
  const y = 46 + index * 34 + 17 - scroller.scrollTop;
  if (x < 0 || x >= canvas.clientWidth || y < 46 || y >= canvas.clientHeight) return null;
  const ratio = canvas.width / canvas.clientWidth;
  return [...canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3);
}"""
# The stripes of one colour that a row has up to the line of now: red, green, blue, width.
STRIPES = """(index) => {
  const timeline = document.querySelector("st-timeline");
  const canvas = timeline.querySelector("canvas");
  const tops = Array.from(document.querySelectorAll(".tl-name"), (each) => each.getBoundingClientRect().top);
  const height = tops[1] - tops[0];
  const y = 46 + index * height + (height === 50 ? 33 : height / 2);
  const ratio = canvas.width / canvas.clientWidth;
  const end = Math.round(timeline.view.x(timeline.view.now) * ratio) - ratio;
  const { data } = canvas.getContext("2d").getImageData(0, y * ratio, end, 1);
  const stripes = [];
  for (let at = 0; at < data.length; at += 4) {
    const color = [...data.slice(at, at + 3)];
    if (stripes.at(-1)?.slice(0, 3).join() === color.join()) stripes.at(-1)[3] += 1 / ratio;
    else stripes.push([...color, 1 / ratio]);
  }
  return stripes;
}"""
# Rows of short sessions: [from, to, kind] in pixels from that of now, and the colours that are to be seen.
SHORT: tuple[tuple[list[tuple[int, int, int]], list[tuple[int, ...]]], ...] = (
    ([(0, 1, 1)], [OPEN]),
    ([(0, 1, 0)], [CLOSED]),
    ([(0, 1, 3)], [MISSING]),
    ([(-1, 0, 0), (0, 1, 1)], [CLOSED, OPEN]),
    ([(-2, -1, 0), (0, 1, 0)], [CLOSED, CLOSED]),
    ([(-3, -2, 0), (-2, -1, 3), (-1, 1, 1)], [CLOSED, MISSING, OPEN]),
    ([(-200, -1, 3), (-1, 0, 0), (0, 1, 1)], [MISSING, CLOSED, OPEN]),
    ([(-60, -59, 0)], [CLOSED]),
)
KNOWN = {
    **{"owner": "", "vendor": "", "ip": "", "status": "connected"},
    **{"connected_since": None, "last_seen": None},
}
VIEW = """() => {
  const { from, to, span, isLive } = document.querySelector("st-timeline").view;
  return { from, to, span, isLive };
}"""
# The colour that most of the upper edge has: a mark of the axis may be anywhere in it.
GROUND = """() => {
  const canvas = document.querySelector("st-timeline canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 3, canvas.width, 1);
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const color = [...data.slice(at, at + 3)].join();
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one)[0][0].split(",").map(Number);
}"""
# Days in the past with 23 hours in Paris, and those after them.
SHORT_DAYS = (("2025-03-30", "2025-03-31"), ("2026-03-29", "2026-03-30"))
SHORT_DAYS_SINCE = 1_774_915_200  # 2026-03-31
SITE_CLOCK = """(all) => all.map((at) => new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Paris", hour: "2-digit", minute: "2-digit",
}).format(new Date(1000 * at)))"""
# Chromium's advice for frequent reads of a canvas, which only tests do.
READ_OFTEN = "willReadFrequently"


def plot(visit: Visit) -> Locator:
    return visit.page.locator(".tl-plot")


def view(visit: Visit) -> dict[str, Any]:
    """The visible part of time."""
    found: dict[str, Any] = visit.page.evaluate(VIEW)
    return found


def color(visit: Visit, index: int, at: float) -> tuple[int, ...] | None:
    if READ_OFTEN not in visit.allowed:
        visit.allowed.append(READ_OFTEN)
    found = visit.page.evaluate(COLOR, [index, at])
    return found and tuple(found)


def wait_until(page: Page, expression: str) -> None:
    """Like page.wait_for_function, whose eval in the page the policy forbids."""
    wait_in(page, lambda: page.evaluate(expression), expression)


def frame(visit: Visit) -> None:
    """Wait until the requested data is on the canvas."""
    visit.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def rows(visit: Visit, **query: Any) -> list[dict[str, Any]]:
    """The devices in the order of the rows."""
    found = visit.page.request.get(f"{visit.base}/devices", params={"limit": 1000, **query})
    devices: list[dict[str, Any]] = found.json()["devices"]
    return devices


def sessions(visit: Visit, days: int = 6, **query: Any) -> list[dict[str, Any]]:
    """The sessions of the last days, with their rows, and their drawn ends as epoch seconds."""
    now = time.time()
    start, end = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(each)) for each in (now - days * 86_400, now)
    )
    params = {"start": start, "end": end, "limit": 1000, **query}
    found = visit.page.request.get(f"{visit.base}/presence/sessions", params=params).json()["sessions"]
    index = {device["mac"]: place for place, device in enumerate(rows(visit))}
    in_seconds = "(texts) => texts.map((text) => Date.parse(text) / 1000)"
    for each in found:
        each["from"], each["to"] = visit.page.evaluate(in_seconds, [each["start"], each["end"]])
        each["row"] = index[each["mac"]]
    return [each for each in found if each["from"] > now - days * 86_400]


def one(visit: Visit, kind: str, least: int = 3600, **query: Any) -> dict[str, Any]:
    """A session of this kind in one of the rows visible at first."""
    return next(
        each
        for each in sessions(visit, **query)
        if each["kind"] == kind and each["to"] - each["from"] >= least and each["row"] < 12
    )


def point_at(visit: Visit, session: dict[str, Any]) -> tuple[float, float]:
    """The position of the middle of a session in the window."""
    box = plot(visit).bounding_box()
    assert box
    seen = view(visit)
    middle = (max(session["from"], seen["from"]) + min(session["to"], seen["to"])) / 2
    x = (middle - seen["from"]) / seen["span"] * box["width"]
    return box["x"] + x, box["y"] + AXIS + session["row"] * ROW + ROW / 2


@pytest.fixture
def timeline(signed_in: Visit) -> Visit:
    """The completely loaded timeline."""
    signed_in.open(URL)
    return signed_in


def test_the_upper_corners_of_the_card_have_its_border(timeline: Visit) -> None:
    """What is in it has corners too, and would cover the curve."""
    radius = """each => getComputedStyle(each).borderTopLeftRadius"""
    card = timeline.page.locator("st-timeline.card, .card:has(> st-timeline)").first
    outer, inner = (float(each.evaluate(radius)[:-2]) for each in (card, timeline.page.locator(".tl-scroll")))
    assert outer > 1
    assert inner == outer - 1


def test_bars_have_the_colours_of_the_contract(timeline: Visit) -> None:
    closed, still = one(timeline, "closed"), one(timeline, "open")
    assert color(timeline, closed["row"], (closed["from"] + closed["to"]) / 2) == CLOSED
    assert color(timeline, still["row"], (still["from"] + still["to"]) / 2) == OPEN
    legend = timeline.page.get_by_role("list", name="What the colours mean")
    expect(legend).to_contain_text("Complete")
    expect(legend).to_contain_text("Disconnection missing")
    names = [each["name"] for each in rows(timeline)]
    shown = timeline.page.locator(".tl-name strong").all_inner_texts()
    assert len(shown) > 10
    assert shown == names[: len(shown)]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_long_name_is_whole_and_in_its_row(signed_in: Visit, size: tuple[int, int]) -> None:
    long = "Access point 12, second floor, north" if size == DESKTOP else "Access point 12, second floor"

    def rename(route: Route) -> None:
        answer = route.fetch()
        devices = [{**each, "name": long} for each in answer.json()["devices"]]
        route.fulfill(response=answer, json={**answer.json(), "devices": devices})

    page = signed_in.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.route("**/presence/timeline?*", rename)
    signed_in.open(URL)
    expect(page.locator(".tl-name strong").first).to_have_text(long)
    # A line more is more than the letters that hang out of the lines.
    cut = (
        "(all) => all.filter((each) => each.scrollHeight > each.clientHeight + 6"
        " || each.scrollWidth > each.clientWidth"
        " || each.offsetHeight > each.closest('.tl-name').offsetHeight).length"
    )
    assert page.locator(".tl-name strong, .tl-name strong *").evaluate_all(cut) == 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("where", ["screen", "paper"])
def test_each_short_session_is_seen_and_none_is_below_the_line_of_now(
    signed_in: Visit, size: tuple[int, int], where: str
) -> None:
    """In a week on a screen, ten minutes are less than a pixel."""

    def draw(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        start, end = (datetime.fromisoformat(query[name][0]).timestamp() for name in ("start", "end"))
        width, now = int(query["width"][0]), time.time()
        last = int((now - start) * width / (end - start))
        devices = []
        for number, (bars, _) in enumerate(SHORT):
            device = {**KNOWN, "mac": f"02:00:00:00:00:{number:02}", "name": f"{number}"}
            clipped = [(max(0, last + first), min(width, last + after), kind) for first, after, kind in bars]
            devices.append({**device, "bars": [each for each in clipped if each[0] < each[1]]})
        headers = {"X-Total-Count": str(len(SHORT))}
        route.fulfill(json={"success": True, "now": int(now), "devices": devices}, headers=headers)

    page = signed_in.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.route("**/presence/timeline?*", draw)
    signed_in.allowed.append(READ_OFTEN)
    signed_in.open(URL)
    frame(signed_in)
    if where == "paper":
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for number, (_, shown) in enumerate(SHORT):
        drawn = [
            each for each in page.evaluate(STRIPES, number) if tuple(each[:3]) in (CLOSED, OPEN, MISSING)
        ]
        assert [tuple(each[:3]) for each in drawn] == shown, number
        assert min(each[3] for each in drawn) >= 2, number


def test_a_device_without_a_name_shows_its_whole_address(signed_in: Visit) -> None:
    def take_names(route: Route) -> None:
        answer = route.fetch()
        devices = [{**each, "name": "", "owner": ""} for each in answer.json()["devices"]]
        route.fulfill(response=answer, json={**answer.json(), "devices": devices})

    signed_in.page.route("**/presence/timeline?*", take_names)
    signed_in.open(URL)
    shown = signed_in.page.locator(".tl-name strong")
    widths = shown.evaluate_all("(all) => all.map((each) => [each.scrollWidth, each.clientWidth])")
    assert len(widths) > 10
    assert all(re.fullmatch("[0-9A-F:]{17}", text) for text in shown.all_inner_texts())
    assert all(needed <= given for needed, given in widths), widths


@pytest.mark.parametrize("kind", ["missing connection", "missing disconnection"])
def test_a_missing_end_fades_and_the_known_one_does_not(signed_in: Visit, kind: str) -> None:
    signed_in.open(URL)
    session = next(each for each in sessions(signed_in, days=50) if each["kind"] == kind)
    middle = (session["from"] + session["to"]) / 2
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(middle + 3600))
    signed_in.open(f"{URL}?span=7200&until={until}")
    signed_in.page.locator(".tl-scroll").evaluate(
        "(each, top) => (each.scrollTop = top)", session["row"] * ROW
    )
    signed_in.settle()
    frame(signed_in)
    margin = (session["to"] - session["from"]) / 20
    known, unknown = session["from"] + margin, session["to"] - margin
    if kind == "missing connection":
        known, unknown = unknown, known
    assert color(signed_in, session["row"], known) == MISSING
    assert color(signed_in, session["row"], unknown) not in (MISSING, CLOSED, OPEN, None)


def test_pointing_at_a_bar_tells_its_session_and_a_click_opens_the_device(timeline: Visit) -> None:
    session = one(timeline, "closed", least=4 * 3600)
    timeline.page.mouse.move(*point_at(timeline, session))
    tip = timeline.page.get_by_role("tooltip")
    expect(tip).to_contain_text(session["name"])
    expect(tip).to_contain_text(session["ip"])
    expect(tip).to_contain_text(session["connected_at"][11:16])
    expect(tip).to_contain_text(session["disconnected_at"][11:16])
    timeline.page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    timeline.allowed.append("404 (NOT FOUND)")
    timeline.page.mouse.click(*point_at(timeline, session))
    timeline.page.wait_for_url(f"**/ui/devices/{session['mac']}")


def test_the_wheel_scrolls_moves_and_zooms_at_the_pointer(timeline: Visit) -> None:
    page, before = timeline.page, view(timeline)
    session = one(timeline, "closed", least=4 * 3600)
    x, y = point_at(timeline, session)
    page.mouse.move(x, y)
    page.mouse.wheel(0, 100)
    wait_until(page, "document.querySelector('.tl-scroll').scrollTop > 50")
    assert view(timeline)["span"] == before["span"]
    page.mouse.wheel(0, -300)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_url(re.compile(r"span=\d+"))
    closer = view(timeline)
    assert closer["span"] < before["span"] * 0.8
    place, width = "(x) => document.querySelector('st-timeline').view.at(x)", plot(timeline).bounding_box()
    assert width
    at = page.evaluate(place, x - width["x"])
    assert abs(at - (session["from"] + session["to"]) / 2) < closer["span"] / 100
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Shift")
    wait_until(page, f"document.querySelector('st-timeline').view.from < {closer['from'] - 60}")
    assert view(timeline)["span"] == pytest.approx(closer["span"])


def test_dragging_moves_time_and_rows_and_opens_nothing(timeline: Visit) -> None:
    page, before = timeline.page, view(timeline)
    box = plot(timeline).bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 220, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("until="))
    after = view(timeline)
    assert before["from"] - after["from"] == pytest.approx(200 / box["width"] * WEEK, abs=600)
    assert not after["isLive"]
    assert page.locator(".tl-scroll").evaluate("(each) => each.scrollTop") == pytest.approx(80, abs=2)
    assert urlsplit_path(page.url) == URL
    page.get_by_role("button", name="Now", exact=True).click()
    wait_until(page, "document.querySelector('st-timeline').view.isLive")
    assert "until" not in page.url


def urlsplit_path(url: str) -> str:
    return "/" + url.split("/", 3)[3].partition("?")[0]


def test_panning_shows_what_was_loaded_beside_at_once(timeline: Visit) -> None:
    """No gaps, even if no more answers come."""
    page = timeline.page
    timeline.allowed.append(FAILED_LOAD)
    timeline.settle()
    device = next(each for each in rows(timeline) if each["name"] == "Router")
    index = [each["mac"] for each in rows(timeline)].index(device["mac"])
    page.locator(".tl-scroll").evaluate("(each, top) => (each.scrollTop = top)", index * ROW)
    page.route("**/presence/timeline**", lambda route: route.abort())
    for _ in range(5):
        page.evaluate("document.querySelector('st-timeline').move(-0.2)")
        frame(timeline)
        seen = view(timeline)
        shown = [color(timeline, index, seen["from"] + seen["span"] * part / 10) for part in range(1, 10)]
        assert sum(each in (CLOSED, OPEN) for each in shown) >= 8, shown
    # A closer view is drawn from coarse data first.
    page.evaluate("document.querySelector('st-timeline').zoom(0.3)")
    frame(timeline)
    seen = view(timeline)
    assert color(timeline, index, seen["from"] + seen["span"] / 2) in (CLOSED, OPEN)


def test_the_keyboard_moves_zooms_and_tells_what_a_bar_is(timeline: Visit) -> None:
    page, before = timeline.page, view(timeline)
    page.get_by_role("button", name="Zoom out").focus()
    page.keyboard.press("Tab")
    while not plot(timeline).evaluate("(each) => each === document.activeElement"):
        page.keyboard.press("Tab")
    tip, status = page.get_by_role("tooltip"), page.locator("st-timeline [role=status]")
    first, second, third = (each["name"] for each in rows(timeline)[:3])
    expect(tip).to_contain_text(first)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(tip).to_contain_text(third)
    expect(status).to_contain_text(third)
    page.keyboard.press("Shift+ArrowLeft")
    expect(status).to_contain_text(re.compile(r"\d\d:\d\d"))
    page.keyboard.press("ArrowUp")
    expect(tip).to_contain_text(second)
    page.keyboard.press("+")
    wait_until(page, f"document.querySelector('st-timeline').view.span < {before['span']}")
    page.keyboard.press("ArrowLeft")
    wait_until(page, "!document.querySelector('st-timeline').view.isLive")
    page.keyboard.press("n")
    wait_until(page, "document.querySelector('st-timeline').view.isLive")
    page.keyboard.press("End")
    expect(page.locator(".tl-name").last).to_contain_text(rows(timeline)[-1]["name"])
    page.keyboard.press("Home")
    timeline.allowed.append("404 (NOT FOUND)")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ui/devices/{rows(timeline)[0]['mac']}")


def test_two_fingers_zoom_and_one_tells_before_it_opens(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, has_touch=True) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(URL)
        before, box = view(visit), plot(visit).bounding_box()
        assert box
        devtools = visit.page.context.new_cdp_session(visit.page)

        def touch(kind: str, *places: float) -> None:
            points = [{"x": box["x"] + x, "y": box["y"] + 200, "id": n} for n, x in enumerate(places)]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 300, 400)
        for apart in (120, 160, 200):
            touch("touchMove", 350 - apart / 2, 350 + apart / 2)
        touch("touchEnd")
        wait_until(visit.page, f"document.querySelector('st-timeline').view.span < {before['span'] * 0.7}")
        visit.open(URL)
        session = one(visit, "closed", least=4 * 3600)
        visit.page.touchscreen.tap(*point_at(visit, session))
        expect(visit.page.get_by_role("tooltip")).to_contain_text(session["name"])
        assert urlsplit_path(visit.page.url) == URL
        visit.allowed.append("404 (NOT FOUND)")
        visit.page.touchscreen.tap(*point_at(visit, session))
        visit.page.wait_for_url(f"**/ui/devices/{session['mac']}")


@pytest.mark.parametrize("size", [(1440, 900), PHONE], ids=["desktop", "phone"])
def test_the_period_is_chosen_as_on_other_pages_and_gestures_leave_it(
    browser: Browser, web_server: WebServer, size: tuple[int, int]
) -> None:
    with visiting(browser, web_server.base, size) as visit:
        page = visit.page
        visit.log_in("viewer", PASSWORD)
        visit.open(URL)
        if size == PHONE:
            page.get_by_role("button", name="Filter and period").click()
        choice = page.get_by_label("Period")
        expect(choice).to_have_value("7 days")
        for name, seconds in (("24 hours", 86_400), ("30 days", 30 * 86_400), ("365 days", 365 * 86_400)):
            choice.select_option(name)
            wait_until(page, f"document.querySelector('st-timeline').view.span === {seconds}")
            assert view(visit)["isLive"]
        page.go_back()
        expect(choice).to_have_value("30 days")
        choice.select_option("yesterday")
        wait_until(page, "!document.querySelector('st-timeline').view.isLive")
        seen = view(visit)
        # A day at the site, with the clocks changed or not.
        assert page.evaluate(SITE_CLOCK, [seen["from"], seen["to"]]) == ["00:00", "00:00"]
        assert seen["span"] == pytest.approx(86_400, abs=3600)
        visit.settle()
        told = page.request.get(f"{visit.base}/presence/totals", params=day_of(seen)).json()
        words = f"{told['there']} of {told['known']} devices were there"
        expect(page.locator(".presence-range p")).to_contain_text(words)
        # What the timeline tells of its own way there changes nothing.
        expect(choice).to_have_value("yesterday")
        page.get_by_role("button", name="Zoom in").click()
        expect(choice).to_have_value("As shown")
        page.wait_for_url(re.compile(r"span=\d+&until="))
        assert "period=" not in page.url
        page.get_by_role("button", name="Earlier").click()
        wait_until(page, f"document.querySelector('st-timeline').view.from < {seen['from']}")
        choice.select_option("From … to …")
        # The day on which daylight saving time began in Paris: it starts at 23:00 UTC and has no 02:00.
        day, after = SHORT_DAYS[time.time() > SHORT_DAYS_SINCE]
        page.get_by_label("From", exact=True).fill(f"{day}T00:00")
        page.get_by_label("To", exact=True).fill(f"{after}T00:00")
        wait_until(page, "document.querySelector('st-timeline').view.span === 23 * 3600")
        page.wait_for_url(re.compile(f"from={day}T00%3A00&to={after}T00%3A00"))
        assert "span=" not in page.url
        address = page.url
        visit.open(address.removeprefix(visit.base))
        assert time.strftime("%H:%M", time.gmtime(view(visit)["from"])) == "23:00"
        assert page.url == address
        if size == PHONE:
            page.get_by_role("button", name="Filter and period").click()
        assert visit.violations() == []
        page.get_by_role("button", name="Now", exact=True).click()
        wait_until(page, "document.querySelector('st-timeline').view.isLive")
        choice.select_option("today")
        wait_until(page, "document.querySelector('st-timeline').view.from >= 0")
        page.wait_for_url(re.compile("period=today"))


def day_of(seen: dict[str, Any]) -> dict[str, str]:
    """A visible part of time as the API takes it."""
    ends = {"start": seen["from"], "end": seen["to"]}
    return {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for name, at in ends.items()}


def test_search_and_status_choose_the_rows_and_are_in_the_address(timeline: Visit) -> None:
    page = timeline.page
    page.get_by_role("searchbox").fill("anna")
    page.wait_for_url(re.compile("q=anna"))
    expect(page.locator(".tl-count")).to_have_text("3 devices")
    page.get_by_role("button", name="Connected").first.click()
    page.wait_for_url(re.compile("status=connected"))
    timeline.settle()
    found = [each["name"] for each in rows(timeline, search="anna", status="connected")]
    assert page.locator(".tl-name strong").all_inner_texts() == found
    timeline.open(page.url.removeprefix(timeline.base))
    assert page.locator(".tl-name strong").all_inner_texts() == found
    page.get_by_label("Sort by").select_option("-last_seen")
    page.wait_for_url(re.compile("order=-last_seen"))
    page.get_by_role("searchbox").fill("nobody")
    page.get_by_role("button", name="Clear search and filters").click()
    expect(page.locator(".tl-count")).to_have_text("25 devices")


def test_the_same_is_there_as_a_table(timeline: Visit) -> None:
    page = timeline.page
    # Where there is room for all columns.
    page.set_viewport_size({"width": 1600, "height": 900})
    page.get_by_role("button", name="Table", exact=True).click()
    page.wait_for_url(re.compile("as=table"))
    timeline.settle()
    table = page.get_by_role("table", name="Sessions, each with its device")
    heads = ["Device", "State", "Connection", "Disconnection", "Duration", "IP address", "MAC address"]
    assert table.get_by_role("columnheader").all_inner_texts() == heads
    newest = sorted(sessions(timeline, days=7), key=lambda each: (-each["from"], each["id"]))[:5]
    shown = table.locator("tbody tr")
    for number, session in enumerate(newest):
        expect(shown.nth(number)).to_contain_text(session["name"])
        expect(shown.nth(number)).to_contain_text(session["mac"])
    table.get_by_role("button", name="Duration").click()
    page.wait_for_url(re.compile("sort=duration"))
    page.get_by_label("Period").select_option("24 hours")
    page.wait_for_url(re.compile("period=24\\+hours"))
    timeline.settle()
    total = page.locator(".pager-range").inner_text()
    assert total.endswith(f"of {len(sessions_of_view(timeline, 86_400))}")
    page.get_by_role("button", name="Timeline", exact=True).click()
    expect(plot(timeline)).to_be_visible()
    assert "sort=" not in page.url


def sessions_of_view(visit: Visit, span: int) -> list[dict[str, Any]]:
    """The sessions that a live view shows."""
    end = time.time() + span * 0.03
    start, after = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(each)) for each in (end - span, end))
    params = {"start": start, "end": after, "limit": 1000}
    found: list[dict[str, Any]] = visit.page.request.get(
        f"{visit.base}/presence/sessions", params=params
    ).json()["sessions"]
    return found


def test_another_theme_is_drawn_at_once(timeline: Visit) -> None:
    page = timeline.page
    timeline.allowed.append(READ_OFTEN)
    light = page.evaluate(GROUND)
    page.locator("#menu summary").click()
    page.get_by_text("Dark", exact=True).click()
    frame(timeline)
    dark = page.evaluate(GROUND)
    assert sum(light) > 700
    assert sum(dark) < 150


@pytest.mark.parametrize("ratio", [1, 1.5, 2])
def test_each_pixel_of_the_screen_is_drawn(browser: Browser, web_server: WebServer, ratio: float) -> None:
    with visiting(browser, web_server.base, device_scale_factor=ratio) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(URL)
        measured = "(each) => [each.width, each.height, each.clientWidth, each.clientHeight]"
        width, height, shown_width, shown_height = visit.page.locator("st-timeline canvas").evaluate(measured)
        assert abs(width - shown_width * ratio) <= 1
        assert abs(height - shown_height * ratio) <= 1
        # An edge is sharp: beside the bar's colour there is the background, and nothing in between.
        session = one(visit, "closed", least=4 * 3600)
        edge = view(visit)["span"] / width
        near = [color(visit, session["row"], session["from"] + step * edge) for step in range(-4, 5)]
        assert sum(each != CLOSED for each in near) >= 2
        assert len(set(near)) <= 3


def test_a_thousand_rows_are_as_few_as_are_seen(signed_in: Visit) -> None:
    page = signed_in.page

    def many(route: Route) -> None:
        query = dict(each.split("=") for each in route.request.url.partition("?")[2].split("&"))
        width, offset = int(query["width"]), int(query["offset"])
        assert width <= 8192
        devices = [
            {
                "mac": f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}",
                "name": f"Device {n:04}",
                "owner": "A very long owner's name that nobody has room for" if n == 2 else "",
                "ip": "10.0.0.1",
                "status": "connected",
                "bars": [[each, each + 2, 0] for each in range(0, width - 2, 4)],
            }
            for n in range(offset, min(1000, offset + int(query["limit"])))
        ]
        answer = {"success": True, "now": int(time.time()), "width": width, "devices": devices}
        route.fulfill(json=answer, headers={"X-Total-Count": "1000"})

    page.route("**/presence/timeline?**", many)
    signed_in.open(URL)
    expect(page.locator(".tl-count")).to_have_text("1,000 devices")
    assert page.locator(".tl-name").count() < 40
    scroller = page.locator(".tl-scroll")
    scroller.evaluate("(each) => (each.scrollTop = each.scrollHeight)")
    expect(page.locator(".tl-name").last).to_contain_text("Device 0999")
    assert page.locator(".tl-name").count() < 40
    bottom = page.locator(".tl-name").last.bounding_box()
    box = scroller.bounding_box()
    assert bottom
    assert box
    assert bottom["y"] + bottom["height"] == pytest.approx(box["y"] + box["height"], abs=2)


def test_what_cannot_be_loaded_says_why_and_is_tried_again(signed_in: Visit) -> None:
    signed_in.allowed.append(FAILED_LOAD)
    body = '{"success": false, "error": "server_error", "message": "Something went wrong here."}'

    def fail(route: Route) -> None:
        route.fulfill(status=500, content_type="application/json", body=body)

    signed_in.page.route("**/presence/timeline?**", fail)
    signed_in.open(URL)
    expect(signed_in.page.get_by_role("heading", name="Something went wrong here.")).to_be_visible()
    signed_in.page.unroute("**/presence/timeline?**")
    signed_in.page.get_by_role("button", name="Try again").click()
    expect(signed_in.page.locator(".tl-count")).to_have_text("25 devices")
    expect(signed_in.page.get_by_role("heading", name="Something went wrong here.")).to_be_hidden()


@pytest.mark.parametrize(
    "query",
    [
        "span=-1",
        "span=x&until=y",
        "until=9999-01-01",
        "status=none&order=none",
        "as=none",
        "span=99999999999",
    ],
)
def test_an_address_that_makes_no_sense_shows_presence_all_the_same(signed_in: Visit, query: str) -> None:
    signed_in.open(f"{URL}?{query}")
    expect(signed_in.page.locator(".tl-count")).to_have_text("25 devices")


@pytest.fixture(scope="module")
def empty(template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server without devices."""
    folder = tmp_path_factory.mktemp("empty") / "instance"
    shutil.copytree(template[0], folder)
    with Server(folder, workers=1) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize("path", [URL, f"{URL}?as=table"])
def test_without_devices_it_says_how_to_get_some(browser: Browser, empty: str, path: str) -> None:
    with visiting(browser, empty) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(path)
        expect(visit.page.get_by_text("sessiontrack scan network --every 60s")).to_be_visible()


def test_below_a_sub_path_all_of_it_works(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(URL)
        href = visit.page.locator(".tl-name").first.get_attribute("href")
        assert href == f"/sessiontrack/ui/devices/{rows(visit)[0]['mac']}"
        session = one(visit, "closed", least=4 * 3600)
        visit.page.mouse.move(*point_at(visit, session))
        expect(visit.page.get_by_role("tooltip")).to_contain_text(session["ip"])


def test_it_speaks_french(signed_in: Visit) -> None:
    signed_in.choose(language="fr")
    signed_in.open(URL)
    expect(signed_in.page.locator(".tl-count")).to_have_text("25 appareils")
    session = one(signed_in, "open")
    signed_in.page.mouse.move(*point_at(signed_in, session))
    expect(signed_in.page.get_by_role("tooltip")).to_contain_text("toujours connecté")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", [URL, f"{URL}?as=table", f"{URL}?q=nothing"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, path: str, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("admin", PASSWORD)
        visit.open(path)
        manual = visit.page.locator("summary", has_text="Mouse, touch and keys")
        if manual.count():
            manual.click()
        assert visit.violations_in_both_themes() == []


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_nothing_is_wider_than_the_window(browser: Browser, web_server: WebServer, width: int) -> None:
    with visiting(browser, web_server.base, (width, 900)) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.choose(language="fr")
        for path in (URL, f"{URL}?as=table", f"{URL}?span=7200"):
            visit.open(path)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
