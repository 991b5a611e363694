"""What people come for, done as a person does it, on a desktop and a phone: at most four clicks each."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.support.application import PASSWORD
from tests.support.web import PHONE, Visit, WebServer, visiting

MOST_CLICKS = 4
WIDE = (1440, 900)


class Person:
    """Counts what a person clicks or chooses; typing into a field is one click, and the typing."""

    def __init__(self, visit: Visit, *, is_on_phone: bool) -> None:
        self.visit = visit
        self.is_on_phone = is_on_phone
        self.page = visit.page
        self.clicks = 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()

    def choose(self, target: Locator, value: str) -> None:
        self.clicks += 1
        target.select_option(value)

    def type(self, target: Locator, text: str) -> None:
        self.clicks += 1
        target.fill(text)

    def go(self, name: str) -> None:
        """To a page of the navigation."""
        self.click(self.page.locator("nav.sidebar").get_by_role("link", name=name, exact=True))


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def person(request: pytest.FixtureRequest, browser: Browser, web_server: WebServer) -> Iterator[Person]:
    """The administrator, at the first page."""
    with visiting(browser, web_server.base, request.param) as visit:
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/now")
        person = Person(visit, is_on_phone=request.param == PHONE)
        yield person
        assert 0 < person.clicks <= MOST_CLICKS


def test_who_was_there_yesterday_at_eight_in_the_evening(person: Person) -> None:
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    person.go("Presence")
    # On a phone the controls are folded away.
    if person.is_on_phone:
        person.click(person.page.get_by_role("button", name="Filter and period"))
    person.type(person.page.get_by_label("Who was there at"), f"{yesterday}T20:00")
    expect(person.page.locator("#instant-title")).to_contain_text("devices and")
    expect(person.page.locator("#instant-title")).to_contain_text("20:00")


def test_when_a_phone_left(person: Person) -> None:
    person.page.keyboard.press("/")
    person.type(person.page.get_by_role("searchbox", name="Find devices"), "Anna's phone")
    person.click(person.page.get_by_role("dialog").get_by_role("link", name="Anna's phone"))
    expect(person.page.locator(".latest li").nth(1).get_by_title("Who was there then")).to_have_count(2)


def test_the_missing_disconnections_of_last_month_as_csv(person: Person) -> None:
    person.go("Events")
    person.click(person.page.get_by_role("button", name="Disconnection missing", exact=True))
    person.choose(person.page.get_by_label("Period"), "last month")
    with person.page.expect_download() as download:
        person.click(person.page.get_by_role("link", name="Download CSV"))
    assert download.value.path().read_text("utf-8-sig").startswith("id,mac,name,")


def test_which_source_is_silent(person: Person) -> None:
    silent = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 7200))
    source = {"name": "attic", "kind": "scan", "last_look": silent, "rhythm_seconds": 60}
    source |= {"quiet_seconds": 900, "silent_since": silent, "failing_since": None, "reason": "", "seen": 3}
    person.page.route(
        "**/presence/sources", lambda route: route.fulfill(json={"success": True, "sources": [source]})
    )
    person.visit.open("/ui/now")
    person.click(person.page.get_by_role("link", name="See the sources"))
    expect(person.page.locator("tbody tr").filter(has_text="attic")).to_contain_text("Silent")
