"""The page "Now" in a browser: it updates itself, pauses while hidden, and shows an unreachable server."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, visiting, wait_in

NOW = "/ui/now"
# Its polling interval.
AGAIN_MS = 5000
CALL = "**/presence/now?*"
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def changing(change: Callable[[dict[str, Any]], None]) -> Callable[[Route], None]:
    """The server's answer with one change."""

    def handle(route: Route) -> None:
        headers = {k: v for k, v in route.request.headers.items() if k != "if-none-match"}
        answer = route.fetch(headers=headers)
        found = answer.json()
        change(found)
        route.fulfill(response=answer, json=found)

    return handle


def test_the_tiles_count_devices_and_lead_to_them(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/")
    assert page.url == f"{signed_in.base}{NOW}"
    totals = page.request.get(f"{signed_in.base}/devices/totals?format=named").json()
    assert totals["connected"] > 0
    for status in ("connected", "disconnected", "new", "down"):
        tile = page.locator(f".now-tile[data-status={status}]")
        expect(tile.locator(".now-number")).to_have_text(str(totals[status]))
    page.locator(".now-tile[data-status=connected]").click()
    page.wait_for_url(f"{signed_in.base}/ui/devices?status=connected")


def test_it_shows_who_is_in_the_ui_on_which_page_and_since_when(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(NOW)
    found = page.request.get(f"{signed_in.base}/presence/now").json()
    anna = next(each for each in found["people"] if each["username"] == "anna")
    row = page.locator(".now-people li").filter(has_text="anna")
    for part in anna["last_visible_path"]:
        expect(row).to_contain_text(part, ignore_case=True)
    shown = page.evaluate("iso => Date.parse(iso) / 1000", row.locator("time").get_attribute("datetime"))
    assert shown == anna["start"]


def test_a_person_with_many_sessions_is_one_row(signed_in: Visit) -> None:
    def twice(found: dict[str, Any]) -> None:
        one = {**found["people"][0], "username": "zoe"}
        found["people"] = [
            {**one, "last_visible_ping": None, "last_visible_path": []},
            {**one, "last_visible_path": ["reports"]},
            {**one, "last_visible_ping": 5, "last_visible_path": ["earlier"]},
        ]
        found["people"][1]["last_visible_ping"] = 9
        found["people_total"] = 3

    signed_in.page.route(CALL, changing(twice))
    signed_in.open(NOW)
    expect(signed_in.page.locator(".now-people li")).to_have_count(1)
    expect(signed_in.page.locator(".now-people li")).to_contain_text("reports")
    expect(signed_in.page.locator(".now-people li")).to_contain_text("and 2 more sessions")
    expect(signed_in.page.locator(".now-people h2")).to_contain_text("1")


def test_it_shows_the_latest_events_in_site_time(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(NOW)
    latest = page.request.get(f"{signed_in.base}/presence/now").json()["events"][0]
    first = page.locator(".now-events li").first
    expect(first).to_contain_text(latest["name"])
    expect(first).to_contain_text(latest["at"][11:16])
    expect(page.locator(".now-events li")).to_have_count(12)
    expect(page.get_by_text("All times are in Europe/Paris.")).to_be_visible()


def test_it_follows_by_itself(signed_in: Visit) -> None:
    page = signed_in.page
    page.clock.install()
    signed_in.open(NOW)
    expect(page.get_by_text("Live")).to_be_visible()

    def happen(found: dict[str, Any]) -> None:
        found["devices"]["down"] = 7
        found["events"][0] |= {"type": "Device Down", "name": "Front door camera", "voided": True}
        found["people"] = [{**found["people"][0], "username": "zoe", "last_visible_path": []}]

    page.route(CALL, changing(happen))
    page.clock.run_for(AGAIN_MS)
    expect(page.locator(".now-tile[data-status=down]")).to_contain_text("7")
    first = page.locator(".now-events li").first
    expect(first).to_contain_text("Front door camera")
    expect(first).to_contain_text("Voided: Device down")
    expect(page.locator(".now-people li")).to_contain_text("zoe")
    expect(page.locator(".now-people li")).to_contain_text("no page visible yet")


def test_while_nothing_changes_the_answer_is_304(signed_in: Visit) -> None:
    page, statuses = signed_in.page, []

    def note(response: Response) -> None:
        if "/presence/now" in response.url:
            statuses.append(response.status)

    page.on("response", note)
    page.clock.install()
    signed_in.open(NOW)

    def is_unchanged() -> bool:
        page.clock.run_for(AGAIN_MS)
        signed_in.settle()
        return 304 in statuses

    # The page's own user session begins in between, which is a change.
    wait_in(page, is_unchanged, lambda: f"an answer 304: {statuses}")
    expect(signed_in.page.get_by_text("Live")).to_be_visible()
    expect(signed_in.page.locator(".now-number").first).not_to_be_empty()


def test_it_rests_while_its_tab_is_hidden(signed_in: Visit) -> None:
    page = signed_in.page
    page.clock.install()
    signed_in.open(NOW)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/presence/now" in request.url else None)
    page.clock.run_for(6000)
    signed_in.settle()
    assert asked
    page.evaluate(HIDE, True)
    asked.clear()
    page.clock.run_for(60_000)
    signed_in.settle()
    assert asked == []
    with page.expect_request(CALL):
        page.evaluate(HIDE, False)


def test_a_server_that_gives_no_answer_is_away_too(signed_in: Visit) -> None:
    """As of a host that is down."""
    page = signed_in.page
    page.clock.install()
    signed_in.open(NOW)
    expect(page.locator(".now-live")).to_have_attribute("data-state", "live")
    asked: list[Route] = []
    page.route(CALL, lambda route: asked.append(route))
    page.clock.run_for(AGAIN_MS)
    wait_in(page, lambda: asked, "the call")
    page.clock.run_for(20_000)
    expect(page.locator(".now-live")).to_have_attribute("data-state", "away")
    expect(page.locator(".away")).not_to_be_empty()
    page.unroute_all(behavior="ignoreErrors")
    page.clock.run_for(AGAIN_MS)
    expect(page.locator(".now-live")).to_have_attribute("data-state", "live")


def test_a_server_that_is_away_is_said_and_found_again(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    page.clock.install()
    signed_in.open(NOW)
    page.route("**/*", lambda route: route.abort())
    page.clock.run_for(AGAIN_MS)
    expect(page.get_by_text("No answer since")).to_be_visible()
    expect(page.locator(".now-number").first).to_be_visible()
    page.unroute("**/*")
    page.clock.run_for(AGAIN_MS)
    expect(page.get_by_text("Live")).to_be_visible()


def test_what_cannot_be_loaded_at_first_says_why(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    body = {"success": False, "error": "server_error", "message": "Something went wrong here."}
    page.route(CALL, lambda route: route.fulfill(status=500, json=body))
    signed_in.open(NOW)
    expect(page.get_by_role("heading", name="Something went wrong here.")).to_be_visible()
    page.unroute(CALL)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Live")).to_be_visible()


def test_the_curve_is_read_by_keyboard_point_by_point(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(NOW)
    history = page.request.get(f"{signed_in.base}/presence/online-history?step=10 minutes").json()["points"]
    curve = page.get_by_role("slider", name="Connected devices, last 24 hours")
    expect(curve.locator("canvas")).to_be_visible()
    curve.focus()
    page.keyboard.press("Home")
    expect(curve).to_have_attribute("aria-valuenow", "0")
    text = curve.get_attribute("aria-valuetext") or ""
    assert text.endswith(f"{history[0]['connected']} devices")
    assert history[0]["at"][11:16] in text
    page.keyboard.press("ArrowRight")
    expect(curve).to_have_attribute("aria-valuenow", "1")
    expect(page.locator(".curve-reading")).to_contain_text(history[1]["at"][11:16])
    page.keyboard.press("Escape")
    expect(page.locator(".curve-reading")).to_be_empty()


def recording_since(page: Page, number: int) -> None:
    """Let recording have begun at this point of the curve."""

    def young(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        route.fulfill(response=answer, json={**found, "recorded_since": found["points"][number]["at"]})

    page.route("**/presence/online-history?*", young)


def test_the_curve_begins_where_recording_did(signed_in: Visit) -> None:
    page = signed_in.page
    recording_since(page, 100)
    signed_in.open(NOW)
    curve = page.get_by_role("slider", name="Connected devices, last 24 hours")
    expect(curve.locator("canvas")).to_be_visible()
    curve.focus()
    page.keyboard.press("Home")
    expect(curve).to_have_attribute("aria-valuetext", re.compile("· nothing recorded$"))
    points = page.evaluate("document.querySelector('st-curve').points.map(([, value]) => value === null)")
    assert (points.index(False), any(points[100:])) == (100, False)


def test_the_first_number_of_the_curve_is_a_point(signed_in: Visit) -> None:
    """A line from it to itself would not be seen."""
    page = signed_in.page
    recording_since(page, -1)
    signed_in.open(NOW)
    expect(page.locator("st-curve canvas")).to_be_visible()
    colored = """() => {
      const canvas = document.querySelector("st-curve canvas");
      const { color } = getComputedStyle(document.querySelector(".curve-line"));
      const wanted = color.match(/[0-9.]+/g).map(Number);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] === 255 && [0, 1, 2].every((each) => data[at + each] === wanted[each])) found += 1;
      }
      return found;
    }"""
    assert page.evaluate(colored) > 10


def test_large_numbers_beside_the_curve_are_whole(signed_in: Visit) -> None:
    page = signed_in.page

    def large(route: Route) -> None:
        answer = route.fetch()
        points = [{**each, "connected": 12_000} for each in answer.json()["points"]]
        route.fulfill(response=answer, json={**answer.json(), "points": points})

    page.route("**/presence/online-history?*", large)
    signed_in.open(NOW)
    expect(page.locator("st-curve canvas")).to_be_visible()
    beside = page.locator("st-curve .u-over").evaluate("(each) => each.offsetLeft")
    needed = page.evaluate(
        "() => Object.assign(document.createElement('canvas').getContext('2d'),"
        " {font: '12px system-ui, sans-serif'}).measureText('12,000').width"
    )
    assert beside >= needed + 8


def test_the_curve_has_the_colours_of_the_theme(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.choose(theme="light")
    signed_in.open(NOW)
    drawn = "document.querySelector('st-curve canvas').toDataURL()"
    light = page.evaluate(drawn)
    page.locator("#menu summary").click()
    page.get_by_text("Dark", exact=True).click()
    page.wait_for_function(f"light => {drawn} !== light", arg=light)


def test_without_devices_it_says_how_to_get_some(signed_in: Visit) -> None:
    def empty(found: dict[str, Any]) -> None:
        found["devices"] = dict.fromkeys(found["devices"], 0)
        found["events"] = []

    signed_in.page.route(CALL, changing(empty))
    signed_in.open(NOW)
    expect(signed_in.page.get_by_text("sessiontrack scan network --every 60s")).to_be_visible()
    expect(signed_in.page.get_by_text("Nothing has happened yet.")).to_be_visible()


def test_more_people_than_there_is_room_for_are_counted(signed_in: Visit) -> None:
    def crowd(found: dict[str, Any]) -> None:
        found["people"] = [{**found["people"][0], "username": f"person {n}"} for n in range(200)]
        found["people_total"] = 1234

    signed_in.page.route(CALL, changing(crowd))
    signed_in.open(NOW)
    expect(signed_in.page.locator(".now-people li")).to_have_count(8)
    expect(signed_in.page.get_by_text("and 1,226 more")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_long_and_hostile_text_stays_text_in_its_place(
    browser: Browser, web_server: WebServer, width: int
) -> None:
    hostile = "<img src=x onerror=alert(1)>" + "M" * 200

    def rename(found: dict[str, Any]) -> None:
        found["events"][0] |= {"name": hostile, "owner": hostile, "type": "Something of one's own"}
        found["people"][0] |= {"username": hostile[:64], "last_visible_path": [hostile, hostile]}

    with visiting(browser, web_server.base, (width, 800)) as visit:
        visit.log_in("admin", PASSWORD)
        visit.page.route(CALL, changing(rename))
        visit.open(NOW)
        expect(visit.page.locator(".now-events li").first).to_contain_text(hostile)
        expect(visit.page.get_by_text("Something of one's own")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_below_a_sub_path_it_follows_too(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.choose(language="fr")
        visit.open(NOW)
        expect(visit.page.get_by_text("En direct")).to_be_visible()
        visit.page.get_by_role("link", name="Connectés").first.click()
        visit.page.wait_for_url(f"{subpath}/ui/devices?status=connected")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("admin", PASSWORD)
        visit.open(NOW)
        assert visit.violations_in_both_themes() == []


@pytest.mark.parametrize("width", [360, 768, 1920, 3840])
def test_nothing_is_wider_than_the_window(browser: Browser, web_server: WebServer, width: int) -> None:
    with visiting(browser, web_server.base, (width, 900)) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(NOW)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
