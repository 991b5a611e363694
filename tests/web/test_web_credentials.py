"""Pages opened as http://user:password@host/, as people do where nginx signs them in by `auth_basic`."""

import json
import re

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.support.application import PASSWORD
from tests.support.web import Visit, WebServer, visiting

USERINFO = "http://x:y@"
WIDGETS = ("now", "timeline", "people")


def go(visit: Visit, path: str) -> None:
    visit.page.goto(visit.base.replace("http://", USERINFO) + path)
    # Else the page would be as any other.
    assert visit.page.evaluate("document.URL").startswith(USERINFO)


def open_portal(visit: Visit, body: str) -> Request:
    """Open a page of another product, as a viewer; its first ping, which was taken."""
    text = f"<!doctype html><html lang=en><title>Portal</title><link rel=icon href=data:,>{body}"
    visit.log_in("viewer", PASSWORD)
    visit.page.route("**/portal", lambda route: route.fulfill(body=text, content_type="text/html"))
    with visit.page.expect_response("**/api/v2/keepalive") as pinged:
        go(visit, "/portal")
    assert pinged.value.status == 200
    return pinged.value.request


def test_pages_ask_for_their_data(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.log_in("admin", PASSWORD)
        go(visit, "/ui/devices")
        expect(visit.page.get_by_role("link", name="Anna's phone").first).to_be_visible()
        with visit.page.expect_response(lambda answer: "search=printer" in answer.url):
            visit.page.get_by_role("searchbox").fill("printer")
        visit.page.wait_for_url(re.compile("printer"))
        assert visit.page.evaluate("document.URL").startswith(USERINFO)
        with visit.page.expect_response("**/api/v2/sessionstart") as started:
            go(visit, "/ui/now")
        assert started.value.status == 200
        expect(visit.page.locator("main li").first).to_be_visible()


def test_a_download_comes(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.log_in("viewer", PASSWORD)
        go(visit, "/ui/devices")
        with visit.page.expect_download() as file:
            visit.page.get_by_role("link", name="CSV").click()
        assert file.value.suggested_filename.endswith(".csv")


@pytest.mark.parametrize("path", ["/ui/sources?add=openwrt", "/ui/presence?at=2026-01-01T12:00:00Z"])
def test_no_command_and_no_link_to_be_copied_has_the_password(
    browser: Browser, web_server: WebServer, path: str
) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.log_in("admin", PASSWORD)
        go(visit, path)
        copied = visit.page.locator("st-copy")
        expect(copied.first).to_be_visible()
        texts = copied.evaluate_all("all => all.map((each) => each.text ?? each.getAttribute('text') ?? '')")
        assert any(web_server.base in each for each in texts)
        assert [each for each in texts if "x:y@" in each] == []


def test_the_api_page_tries_a_call(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.log_in("admin", PASSWORD)
        go(visit, "/ui/api")
        call = visit.page.locator('[data-path="/devices/totals"]')
        block = visit.page.locator(".opblock-get").filter(has=call)
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        with visit.page.expect_response("**/devices/totals*") as answered:
            block.get_by_role("button", name="Execute").click()
        assert answered.value.status == 200


@pytest.mark.parametrize("base", ["", ' base="/"'], ids=["by the script", "by base"])
def test_widgets_and_tracker_ask_for_theirs(browser: Browser, web_server: WebServer, base: str) -> None:
    body = "".join(f"<sessiontrack-{each}{base}></sessiontrack-{each}>" for each in WIDGETS)
    text = (
        f"<script src=/static/embed.js defer></script>{body}"
        '<script type=module>import { track } from "/static/tracker.js"; track();</script>'
    )
    with visiting(browser, web_server.base) as visit:
        open_portal(visit, text)
        expect(visit.page.locator("sessiontrack-now li").first).to_be_visible()
        expect(
            visit.page.locator("sessiontrack-timeline").get_by_text("Anna's phone", exact=True)
        ).to_be_visible()
        expect(visit.page.locator("sessiontrack-people").get_by_role("heading")).to_be_visible()


def test_the_tracker_without_modules_asks_too(browser: Browser, web_server: WebServer) -> None:
    text = (
        "<script src=/static/tracker.classic.js></script><script>sessiontrack.track({ base: '/' });</script>"
    )
    with visiting(browser, web_server.base) as visit:
        ping = open_portal(visit, text)
        assert json.loads(ping.post_data or "") == {"visible": False}
