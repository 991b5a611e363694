"""No name, time or label is cut off or lies on another one, at any width, on any page, in any language."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from sessiontrack.web.catalogues import LANGUAGES
from tests.programs.screenshots import LATEST_SESSION, PATHS
from tests.support import databases
from tests.support.application import PASSWORD
from tests.support.legible import ILLEGIBLE, WIDE_FONT, WIDTHS, illegible
from tests.support.server import Server
from tests.support.web import FAILED_LOAD, PHONE, Visit, WebServer, visiting

# A window of 1280 by 900, as a page sees it at 200 %.
ZOOMED = (640, 450)
PHONE_MAC = "DA:41:7E:0C:93:5A"
# A page of A4 between its margins, in CSS pixels.
PAPER = 718
VISIBLE = "all => all.filter((each) => each.checkVisibility()).map((each) => each.textContent.trim())"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_can_be_read_at_every_width(
    browser: Browser, web_server: WebServer, language: str
) -> None:
    found = {}
    with visiting(browser, web_server.base, (WIDTHS[0], 900), locale=language) as visit:
        visit.allowed.append("404 (NOT FOUND)")
        visit.choose(language=language)
        visit.page.add_init_script(WIDE_FONT)
        visit.log_in("admin", PASSWORD)
        session = visit.page.request.get(visit.base + LATEST_SESSION).json()[0]["_id"]
        for path in PATHS:
            visit.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            visit.open(path.format(session=session))
            assert visit.page.evaluate("document.documentElement.lang") == language
            assert "DejaVu" in visit.page.evaluate("getComputedStyle(document.body).fontFamily")
            found[path] = illegible(visit.page)
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.fixture
def nameless(demo: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server with the demo's data, whose devices are known by their MAC addresses only."""
    folder = tmp_path / "instance"
    shutil.copytree(demo, folder)
    databases.rows(folder, "UPDATE device SET name = '', owner = ''")
    with Server(folder, workers=1, TIMEZONE="Europe/Paris") as server:
        yield f"http://127.0.0.1:{server.port}"


def test_an_address_in_place_of_a_name_is_never_broken_within_a_byte(browser: Browser, nameless: str) -> None:
    found = {}
    with visiting(browser, nameless, locale="fr") as visit:
        visit.page.add_init_script(WIDE_FONT)
        visit.log_in("admin", PASSWORD)
        for path in ("/ui/now", "/ui/devices", f"/ui/devices/{PHONE_MAC}", "/ui/events", "/ui/month"):
            visit.open(path)
            expect(visit.page.get_by_text(PHONE_MAC, exact=True).first).to_be_visible()
            found[path] = illegible(visit.page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_axe_finds_nothing_at_200_percent_and_in_forced_colours(
    browser: Browser, web_server: WebServer
) -> None:
    found = {}
    with visiting(browser, web_server.base, ZOOMED, forced_colors="active", device_scale_factor=2) as visit:
        visit.log_in("admin", PASSWORD)
        session = visit.page.request.get(visit.base + LATEST_SESSION).json()[0]["_id"]
        # One of each page; who is signed in is led away from the login page.
        pages = {path.partition("?")[0]: path for path in reversed(PATHS)}
        for path in (pages[each] for each in sorted(pages.keys() - {"/ui/login", "/ui/nothing"})):
            visit.open(path.format(session=session))
            assert visit.page.evaluate("matchMedia('(forced-colors: active)').matches")
            found[path] = visit.violations()
            if visit.page.evaluate("document.documentElement.scrollWidth") > ZOOMED[0]:
                found[path].append("wider than the window")
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("path", ["/ui/devices", "/ui/people", "/ui/now"])
def test_what_opens_below_a_button_is_in_the_window(signed_in: Visit, path: str) -> None:
    page = signed_in.page
    signed_in.open(path)
    opened = 0
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for summary in page.locator("summary:visible").all():
            summary.click()
            panel = summary.locator("xpath=following-sibling::*").bounding_box()
            assert panel is not None
            assert 0 <= panel["x"] <= panel["x"] + panel["width"] <= width
            opened += 1
            summary.click()
    assert opened >= len(WIDTHS)


def test_what_cannot_be_read_is_found(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.open("/ui/login")
        assert visit.page.evaluate(ILLEGIBLE) == []
        # As no style element may: the page's policy forbids it.
        visit.page.evaluate(
            "() => Object.assign(document.querySelector('h1').style, {width: '3rem', overflow: 'hidden'})"
        )
        assert any("cut by h1" in each for each in visit.page.evaluate(ILLEGIBLE))
        visit.page.evaluate(
            "() => Object.assign(document.querySelector('.login p').style,"
            " {position: 'relative', top: '3rem'})"
        )
        assert any("on each other" in each for each in visit.page.evaluate(ILLEGIBLE))


def test_what_cannot_be_read_in_a_shadow_tree_is_found(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.open("/ui/login")
        visit.page.evaluate(
            """() => {
              const host = document.querySelector(".login p");
              const line = document.createElement("span");
              line.textContent = "DA:41:7E:0C:93:5A";
              Object.assign(line.style, { display: "block", width: "4rem", overflowWrap: "anywhere" });
              host.attachShadow({ mode: "open" }).append(line);
            }"""
        )
        assert visit.page.evaluate(ILLEGIBLE) == ["in two lines: “DA:41:7E:0C:93:5A”"]
        # What is around the tree can cut what is in it.
        visit.page.evaluate(
            "Object.assign(document.querySelector('.login p').style, {width: '2rem', overflow: 'hidden'})"
        )
        assert any("cut by p" in each for each in visit.page.evaluate(ILLEGIBLE))


def test_on_a_phone_the_first_row_is_in_the_upper_third_and_rows_are_low(
    browser: Browser, web_server: WebServer
) -> None:
    height = PHONE[1]
    with visiting(browser, web_server.base, PHONE) as visit:
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/presence")
        first = visit.page.locator(".tl-name").first.bounding_box()
        assert first is not None
        assert first["y"] <= height / 3
        visit.page.get_by_role("button", name="Filter and period").click()
        expect(visit.page.get_by_role("searchbox")).to_be_visible()
        expect(visit.page.get_by_label("Period")).to_be_visible()
        visit.open("/ui/devices")
        heights = visit.page.locator("tbody tr").evaluate_all("all => all.map((each) => each.offsetHeight)")
        assert max(heights) <= 72
        small = visit.page.locator("button, select, input, .sidebar a").evaluate_all(
            "all => all.filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)"
            ".map((each) => each.outerHTML)"
        )
        assert small == []


@pytest.mark.parametrize("path", ["/ui/nothing", "/ui/settings"])
def test_an_error_page_keeps_the_navigation_of_whoever_is_signed_in(visit: Visit, path: str) -> None:
    visit.allowed.append(FAILED_LOAD)
    visit.open("/ui/nothing")
    expect(visit.page.get_by_role("navigation")).to_have_count(0)
    visit.log_in("viewer", PASSWORD)
    visit.open(path)
    expect(visit.page.get_by_role("navigation").get_by_role("link", name="Devices")).to_be_visible()
    expect(visit.page.get_by_role("link", name="To the first page")).to_be_visible()
    assert visit.violations() == []


def test_a_printed_page_is_a_report(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/events?period=7+days")
    page.emulate_media(media="print")
    for hidden in (".sidebar", ".topbar", ".pager-buttons", ".button"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".only-print")).to_contain_text("127.0.0.1")
    expect(page.get_by_label("Period")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    signed_in.open("/ui/settings?section=users")
    expect(page.locator("tbody tr").first).to_be_visible()
    assert page.get_by_role("main").get_by_role("button").evaluate_all(VISIBLE) == ["Users"]
    signed_in.open("/ui/devices")
    expect(page.locator("tbody input").first).to_be_hidden()


def test_a_printed_timeline_has_all_rows_and_fits_the_paper(signed_in: Visit) -> None:
    page = signed_in.page
    page.set_viewport_size({"width": 1280, "height": 600})
    signed_in.open("/ui/presence")
    wide = page.locator("st-timeline canvas").bounding_box()
    assert page.locator(".tl-name").count() < 25
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".tl-name")).to_have_count(25)
    assert page.locator("st-timeline").evaluate("(each) => each.offsetWidth") <= PAPER
    # On one page, below its head: the edge of a page would divide names from bars.
    assert page.locator("st-timeline").evaluate("(each) => each.offsetHeight") <= PAPER * 1.2
    assert page.locator(".tl-sticky").evaluate("(each) => getComputedStyle(each).contain") == "size"
    rows = page.locator(".tl-name").evaluate_all("all => all.map((each) => each.offsetHeight)")
    assert len(set(rows)) == 1
    assert 2 * 13 <= rows[0] < 34
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("st-timeline canvas").bounding_box() == wide
    assert page.locator(".tl-name").count() < 25


@pytest.mark.parametrize(
    ("total", "said"),
    [(50, None), (51, "The first 50 of 51 devices; a search or a filter prints others.")],
)
def test_a_printed_timeline_says_that_there_are_more_devices(
    signed_in: Visit, total: int, said: str | None
) -> None:
    page = signed_in.page

    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, headers={**real.headers, "X-Total-Count": str(total)})

    page.route("**/presence/timeline?*", answer)
    signed_in.open("/ui/presence")
    note = page.locator(".tl-unprinted")
    expect(note).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(note).to_be_visible(visible=said is not None)
    if said:
        expect(note).to_have_text(said)
    page.unroute_all(behavior="wait")


def test_a_printed_month_of_days_fits_the_paper(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/people?show=days&period=31+days")
    page.emulate_media(media="print")
    days = page.locator("st-days table")
    shown, known = days.evaluate("(each) => [each.rows[0].cells.length, Number(each.ariaColCount)]")
    assert shown == known > 28
    assert days.evaluate("(each) => each.offsetWidth") <= PAPER
