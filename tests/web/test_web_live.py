"""Pages that stay open: they follow what happens, without taking the reader's place away."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.support.web import FAILED_LOAD, Visit

DEVICE = "/ui/devices/DA:41:7E:0C:93:5A"
EVERY_MS = 5000
# What each page asks anew.
PAGES = {
    "/ui/devices": "/devices?",
    DEVICE: "/statistics?",
    "/ui/events": "/sessions/session-events?",
    "/ui/presence": "/presence/timeline?",
    "/ui/presence?as=table": "/presence/sessions?",
    "/ui/people": "/api/v2/sessions?",
}


@pytest.fixture
def happen(signed_in: Visit) -> Callable[[], None]:
    """What makes the server's answer about the present another one."""
    answer = signed_in.page.request.get(f"{signed_in.base}/presence/now?limit=12")
    body: dict[str, Any] = answer.json()
    at = answer.headers["x-server-time"]

    def tell(route: Route) -> None:
        tag = f'"{body["people_total"]}"'
        headers = {"ETag": tag, "X-Server-Time": at}
        if route.request.headers.get("if-none-match") == tag:
            route.fulfill(status=304, headers=headers)
        else:
            route.fulfill(json=body, headers=headers)

    def change() -> None:
        body["people_total"] += 1
        body["devices"]["connected"] += 1

    signed_in.page.route("**/presence/now?*", tell)
    signed_in.page.clock.install()
    return change


@pytest.mark.parametrize("path", PAGES)
def test_an_open_page_follows_what_happens(signed_in: Visit, happen: Callable[[], None], path: str) -> None:
    page = signed_in.page
    signed_in.open(path)
    happen()
    with page.expect_request(lambda request: PAGES[path] in request.url):
        page.clock.run_for(EVERY_MS)


def test_nothing_is_loaded_while_nothing_happens(signed_in: Visit, happen: Callable[[], None]) -> None:
    page = signed_in.page
    signed_in.open("/ui/devices")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    for _ in range(3):
        with page.expect_response("**/presence/now?*"):
            page.clock.run_for(EVERY_MS)
    signed_in.settle()
    assert [each for each in loaded if "/devices" in each] == []


def test_changed_rows_are_marked_and_the_reader_stays_where_she_is(
    signed_in: Visit, happen: Callable[[], None]
) -> None:
    page = signed_in.page
    page.set_viewport_size({"width": 1280, "height": 500})
    signed_in.open("/ui/devices")
    rows = page.locator("tbody tr")
    last = rows.last.get_by_role("link")
    last.focus()
    before = page.evaluate("scrollY")
    assert before > 0

    def rename(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        found["devices"][20]["owner"] = "Somebody else"
        route.fulfill(response=answer, json=found)

    page.route("**/devices?*", rename)
    happen()
    page.clock.run_for(EVERY_MS)
    changed = page.locator("tr[data-changed]")
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text("Somebody else")
    expect(last).to_be_focused()
    assert page.evaluate("scrollY") == before
    page.clock.run_for(EVERY_MS)
    expect(changed).to_have_count(0)


def test_what_is_shown_stays_when_the_server_does_not_answer(
    signed_in: Visit, happen: Callable[[], None]
) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open("/ui/devices")
    count = page.locator("tbody tr").count()
    page.route("**/devices?*", lambda route: route.abort())
    happen()
    with page.expect_request("**/devices?*"):
        page.clock.run_for(EVERY_MS)
    expect(page.locator(".away")).not_to_be_empty()
    assert page.locator("tbody tr").count() == count


@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "/ui/people?show=views",
        "/ui/people?show=days",
        "/ui/presence?at=2026-01-01T00:00",
        "/ui/people/SESSION",
    ],
)
def test_a_server_that_is_back_only_for_a_moment_takes_nothing_away(signed_in: Visit, path: str) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    newest = page.request.get(f"{signed_in.base}/api/v2/sessions?limit=1").json()
    signed_in.open(path.replace("SESSION", newest[0]["_id"]))
    page.route("**/*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.evaluate("dispatchEvent(new Event('st-back'))")
    expect(page.locator(".away")).not_to_be_empty()
    signed_in.settle()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_what_cannot_be_known_is_hatched_and_nothing_is_covered(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open("/ui/presence")
    unknown = page.locator(".tl-unknown")
    expect(unknown).to_be_hidden()
    page.route("**/*", lambda route: route.abort())
    page.get_by_label("Period").select_option("365 days")
    expect(unknown).to_be_visible()
    expect(unknown).to_have_text("Hatched: not known, because the server does not answer.")
    expect(page.locator(".away")).not_to_be_empty()
    assert page.evaluate(
        """() => {
          scrollTo(0, document.body.scrollHeight);
          const boxOf = (each) => document.querySelector(each).getBoundingClientRect();
          const [rows, note] = [boxOf(".tl-scroll"), boxOf(".tl-unknown")];
          const [foot, banner] = [boxOf(".foot"), boxOf(".away")];
          const isBelow = rows.bottom <= note.top + 1 && foot.bottom <= banner.top + 1;
          return isBelow && banner.bottom <= innerHeight + 1;
        }"""
    )
    page.unroute("**/*")
    # The shell asks by itself whether the server is back.
    expect(unknown).to_be_hidden()
