"""The marks of the timeline's axis, compared with Python's time zones."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route

BROWSER = Path(__file__).parents[2] / "sessiontrack" / "web" / "browser"
HOST = "http://modules.invalid"
HOUR, DAY = 3600, 86_400
TICKS = """async ([zone, from, to, width]) => {
  const [{ Calendar }, { ticks, weekends }] = await Promise.all([
    import("/timeline/calendar.js"),
    import("/timeline/ticks.js"),
  ]);
  const calendar = new Calendar(zone, "en-GB");
  return { ...ticks(calendar, from, to, width), weekends: weekends(calendar, from, to) };
}"""
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Auckland",
)
# Around both changes of the clock in Europe and America, and a new year.
STARTS = [
    int(datetime(*day, 17, 23, tzinfo=UTC).timestamp())
    for day in ((2026, 3, 7), (2026, 10, 24), (2025, 12, 30))
]
SPANS = (600, 2 * HOUR, DAY, 3 * DAY, 8 * DAY, 30 * DAY, 365 * DAY, 10 * 365 * DAY)


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    """A page that can import the browser's modules unbundled."""

    def serve(route: Route) -> None:
        path = BROWSER / urlsplit(route.request.url).path.lstrip("/")
        if path.is_file():
            route.fulfill(body=path.read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page = browser.new_page()
    page.route(f"{HOST}/**", serve)
    page.goto(f"{HOST}/")
    yield page
    page.close()


RANGE = """async ([from, to]) => {
  const { Calendar } = await import("/timeline/calendar.js");
  const calendar = new Calendar("Europe/Paris", "en-GB");
  return calendar.range(Date.parse(from) / 1000, Date.parse(to) / 1000);
}"""


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-27T00:00+01:00", "2026-11-28T00:00+01:00", "Fri, 27 Nov 2026"),
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", "Sun, 25 Oct 2026"),
        ("2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00", "1-31 Oct 2026"),
        ("2026-11-27T08:00+01:00", "2026-11-27T20:30+01:00", "Fri, 27 Nov 2026, 08:00-20:30"),
        ("2026-11-16T12:00+01:00", "2026-11-23T12:00+01:00", "16-23 Nov 2026"),
    ],
)
def test_a_range_names_its_days(modules: Page, start: str, end: str, said: str) -> None:
    shown: str = modules.evaluate(RANGE, [start, end])
    assert re.sub(r"\s*\u2013\s*", "-", shown) == said


def marks(page: Page, zone: str, start: int, span: int, width: int = 800) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(TICKS, [zone, start, start + span, width])
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_marks_are_where_the_calendar_has_them(modules: Page, zone: str) -> None:
    site = ZoneInfo(zone)
    for start in STARTS:
        for span in SPANS:
            found = marks(modules, zone, start, span)
            instants = [each["at"] for each in found["minor"]]
            # None is missing at the left edge, and their number is readable.
            assert instants[0] <= start
            assert 3 <= len(instants) <= 40
            assert all(one < other for one, other in pairwise(instants))
            step = min(other - one for one, other in pairwise(instants))
            for at, label in ((each["at"], each["label"]) for each in found["minor"]):
                local = datetime.fromtimestamp(at, site)
                if step < 20 * HOUR:
                    assert label == f"{local:%H:%M}"
                else:
                    assert (local.hour, local.minute) == (0, 0), (span, local)
            for each in found["major"]:
                local = datetime.fromtimestamp(each["at"], site)
                assert (local.hour, local.minute) == (0, 0), (span, local)


def test_a_day_of_23_hours_has_a_mark_less(modules: Page) -> None:
    start = int(datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Paris")).timestamp())
    found = marks(modules, "Europe/Paris", start, 23 * HOUR, width=2000)
    labels = [each["label"] for each in found["minor"]]
    assert labels[:4] == ["00:00", "01:00", "03:00", "04:00"]
    assert len(labels) == 23


def test_a_day_of_25_hours_is_as_long_as_it_is(modules: Page) -> None:
    start = int(datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Paris")).timestamp())
    found = marks(modules, "Europe/Paris", start, 26 * HOUR, width=2000)
    assert found["major"][1]["at"] - found["major"][0]["at"] == 25 * HOUR


def test_weekends_begin_and_end_at_midnight(modules: Page) -> None:
    site = ZoneInfo("Europe/Paris")
    start = int(datetime(2026, 3, 27, 12, tzinfo=site).timestamp())
    (weekend,) = marks(modules, "Europe/Paris", start, 5 * DAY)["weekends"]
    assert [datetime.fromtimestamp(at, site).isoformat()[:16] for at in weekend] == [
        "2026-03-28T00:00",
        "2026-03-30T00:00",
    ]


def test_the_zone_can_be_any(modules: Page) -> None:
    found = marks(modules, "Asia/Kathmandu", STARTS[0], DAY)
    assert all((each["at"] + 5 * HOUR + 2700) % HOUR == 0 for each in found["minor"])


# What is painted into a canvas that notes the boxes of its texts and of the shapes in two colours.
PAINTED = """async (at) => {
  const [{ Calendar }, { View }, { paint, AXIS }] = await Promise.all([
    import("/timeline/calendar.js"),
    import("/timeline/view.js"),
    import("/timeline/painter.js"),
  ]);
  const real = document.createElement("canvas").getContext("2d");
  const found = { texts: [], shapes: [] };
  const box = (left, top, right, bottom) => ({ left, top, right, bottom });
  const shape = (xs, ys) => {
    if (real.fillStyle !== "#ff0000") return;
    found.shapes.push(box(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)));
  };
  let path = [];
  const noted = {
    fillText: (text, x, y) => found.texts.push(box(x, y - 6, x + real.measureText(text).width, y + 6)),
    fillRect: (x, y, width, height) => shape([x, x + width], [y, y + height]),
    beginPath: () => (path = []),
    moveTo: (x, y) => path.push([x, y]),
    lineTo: (x, y) => path.push([x, y]),
    arc: (x, y, radius) => path.push([x - radius, y - radius], [x + radius, y + radius]),
    fill: () => shape(path.map(([x]) => x), path.map(([, y]) => y)),
  };
  const context = new Proxy(real, {
    get: (_, name) => noted[name] ?? real[name].bind?.(real) ?? real[name],
    set: (_, name, value) => ((real[name] = value), true),
  });
  const names = ["text", "muted", "line", "sunken", "surface"];
  paint(context, {
    view: new View(7 * 86400, null, at, 800),
    height: 300,
    ratio: 1,
    calendar: new Calendar("Europe/Paris", "en-GB"),
    colors: { now: "#ff0000", ...Object.fromEntries(names.map((name) => [name, "#000000"])) },
    font: "12px sans-serif",
    now: at,
    knownUntil: at,
    unknown: [],
    rows: [],
    rowHeight: 34,
    hover: null,
    selected: -1,
    mark: null,
  });
  return found;
}"""


def test_the_mark_of_now_touches_no_label(modules: Page) -> None:
    midnight = int(datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp())
    for at in range(midnight, midnight + DAY, HOUR // 2):
        painted = modules.evaluate(PAINTED, at)
        assert len(painted["texts"]) > 10
        assert painted["shapes"]
        for shape in painted["shapes"]:
            for text in painted["texts"]:
                across = min(shape["right"], text["right"]) - max(shape["left"], text["left"])
                down = min(shape["bottom"], text["bottom"]) - max(shape["top"], text["top"])
                assert min(across, down) <= 0
