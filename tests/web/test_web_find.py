"""One search over everything, opened by a key or a button, and the list of keys."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.application import PASSWORD
from tests.support.web import PHONE, Visit, WebServer, visiting


def found(page: Page, group: str) -> Locator:
    heading = page.get_by_role("heading", name=group, exact=True)
    return page.get_by_role("dialog").locator("section").filter(has=heading).get_by_role("link")


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_a_key_opens_it_and_enter_leads_to_the_first_device(signed_in: Visit, keys: str) -> None:
    page = signed_in.page
    signed_in.open("/ui/now")
    page.keyboard.press(keys)
    search = page.get_by_role("searchbox", name="Find devices")
    expect(search).to_be_focused()
    search.fill("anna's ph")
    expect(found(page, "Devices")).to_have_count(1)
    assert signed_in.violations() == []
    search.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anna's phone")


def test_it_finds_addresses_people_pages_and_settings(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/now")
    page.get_by_role("button", name="Find").click()
    search = page.get_by_role("searchbox", name="Find devices")
    # Before anything is typed: the pages.
    expect(found(page, "Pages").filter(has_text="Events")).to_be_visible()
    search.fill("da417e0c93")
    expect(found(page, "Devices")).to_contain_text("Anna's phone")
    search.fill("anna")
    expect(found(page, "People")).to_have_text(["anna"])
    search.fill("sett")
    expect(found(page, "Pages")).to_have_text("Settings")
    search.fill("timezone")
    expect(found(page, "Settings")).to_have_text("TIMEZONE")
    search.fill("no such thing")
    expect(page.get_by_role("dialog")).to_contain_text("Nothing matches.")
    search.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_arrows_go_through_what_is_found(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/now")
    page.keyboard.press("/")
    links = found(page, "Pages")
    expect(links.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox", name="Find devices")).to_be_focused()


def test_a_question_mark_shows_the_keys(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/events")
    # Not while somebody types.
    page.get_by_role("searchbox").press("/")
    page.get_by_role("searchbox").press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_have_value("/?")
    page.locator("body").click(position={"x": 700, "y": 5})
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Ctrl K")
    assert signed_in.violations() == []


def test_a_viewer_on_a_phone_finds_no_settings(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, PHONE) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open("/ui/now")
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.get_by_role("button", name="Find").click()
        visit.page.get_by_role("searchbox", name="Find devices").fill("anna")
        expect(found(visit.page, "People")).to_have_text(["anna"])
        assert not any(each.endswith("/settings") for each in asked)
        assert visit.violations() == []


def test_a_page_that_is_not_there_has_it_too(signed_in: Visit) -> None:
    signed_in.allowed.append("404 (NOT FOUND)")
    signed_in.open("/ui/nowhere")
    signed_in.page.get_by_role("button", name="Find").click()
    signed_in.page.get_by_role("searchbox", name="Find devices").fill("anna's ph")
    found(signed_in.page, "Devices").click()
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("Anna's phone")
