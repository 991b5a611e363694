"""What people come for, done as a person does it, on a desktop and a phone: at most four clicks each."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.support.application import PASSWORD
from tests.support.server import Server
from tests.support.web import PHONE, Visit, WebServer, visiting

MOST_CLICKS = 4
PHONE_OF_ANNA = "Anna's phone"
TABLET = "4A:C6:1B:E7:50:D2"
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

    def type(self, target: Locator, text: str, *, has_focus: bool = False) -> None:
        """has_focus: the page has put it there, so nobody needs to click."""
        if has_focus:
            expect(target).to_be_focused()
        else:
            self.clicks += 1
        target.fill(text)

    def go(self, name: str) -> None:
        """To a page of the navigation."""
        self.click(self.page.locator("nav.sidebar").get_by_role("link", name=name, exact=True))

    def go_to_settings(self) -> None:
        """A phone has that page in the menu."""
        if self.is_on_phone:
            self.click(self.page.locator("#menu summary"))
            self.click(self.page.locator("#menu").get_by_role("link", name="Settings", exact=True))
        else:
            self.go("Settings")

    def find(self, text: str) -> None:
        """By the search over everything, which a phone has no key for; the one hit of that name."""
        if self.is_on_phone:
            self.click(self.page.get_by_role("button", name="Find"))
        else:
            self.page.keyboard.press("/")
        self.type(self.page.get_by_role("searchbox", name="Find devices"), text, has_focus=True)
        self.click(
            self.page.get_by_role("dialog").get_by_role("link", name=re.compile(f"^{re.escape(text)}"))
        )

    def press(self, name: str) -> None:
        """A button of the page."""
        self.click(self.page.locator("main").get_by_role("button", name=name, exact=True))

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def agree(self) -> None:
        """Enter, in the last field of a form."""
        self.page.keyboard.press("Enter")
        expect(self.dialog).to_have_count(0)


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def person(request: pytest.FixtureRequest, browser: Browser, web_server: WebServer) -> Iterator[Person]:
    """The administrator, at the first page."""
    with visiting(browser, web_server.base, request.param) as visit:
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/now")
        person = Person(visit, is_on_phone=request.param == PHONE)
        yield person
        assert 0 < person.clicks <= MOST_CLICKS


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def owner(request: pytest.FixtureRequest, browser: Browser, demo: Path, tmp_path: Path) -> Iterator[Person]:
    """The administrator, on a server whose data the test may change."""
    folder = tmp_path / "instance"
    copytree(demo, folder)
    with (
        Server(folder, workers=1, TIMEZONE="Europe/Paris") as server,
        visiting(browser, f"http://127.0.0.1:{server.port}", request.param) as visit,
    ):
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/now")
        owner = Person(visit, is_on_phone=request.param == PHONE)
        yield owner
        assert 0 < owner.clicks <= MOST_CLICKS


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


def test_a_device_is_renamed(owner: Person) -> None:
    owner.find(PHONE_OF_ANNA)
    owner.press("Edit")
    owner.type(owner.dialog.get_by_label("Name", exact=True), "Anna's old phone", has_focus=True)
    owner.agree()
    expect(owner.page.get_by_role("heading", level=1)).to_have_text("Anna's old phone")


def test_a_device_gets_a_grace_time(owner: Person) -> None:
    owner.find(PHONE_OF_ANNA)
    owner.press("Edit")
    owner.type(owner.dialog.get_by_label("Grace time"), "45")
    owner.agree()
    expect(owner.page.locator(".facts > div").filter(has_text="Grace time")).to_contain_text("45m")


def test_two_devices_are_merged(owner: Person) -> None:
    owner.find(PHONE_OF_ANNA)
    owner.press("Merge")
    owner.type(owner.dialog.get_by_label("Other MAC address"), TABLET, has_focus=True)
    owner.page.keyboard.press("Enter")
    owner.click(owner.dialog.get_by_role("button", name="Merge", exact=True))
    expect(owner.page.locator(".facts")).to_contain_text(TABLET)


def test_the_sessions_of_a_device_are_deleted(owner: Person) -> None:
    owner.find(PHONE_OF_ANNA)
    owner.press("Delete sessions")
    owner.click(owner.dialog.get_by_role("button", name=re.compile("^Delete")))
    expect(owner.page.locator(".tile").filter(has_text="Sessions").locator("dd").first).to_have_text("0")


def test_how_long_somebody_was_on_a_page_last_week(person: Person) -> None:
    person.find("anna")
    person.press("Time per page")
    person.choose(person.page.get_by_label("Period"), "last week")
    pages = person.page.locator("section").filter(has_text="Time per page").locator(".bars > li > .bar")
    expect(pages.filter(has_text="overview")).to_contain_text(re.compile(r"\d+[hms]"))


def test_a_token_is_issued(owner: Person) -> None:
    owner.go_to_settings()
    owner.press("API tokens")
    owner.press("Issue a token")
    owner.type(owner.dialog.get_by_label("Name"), "backup script", has_focus=True)
    owner.page.keyboard.press("Enter")
    expect(owner.page.locator("#new-token")).to_have_text(re.compile("^st_"))


def test_a_user_is_added(owner: Person) -> None:
    owner.go_to_settings()
    owner.press("Add a user")
    owner.type(owner.dialog.get_by_label("User name"), "greta", has_focus=True)
    owner.type(owner.dialog.get_by_label("Password"), "some good words")
    owner.agree()
    expect(owner.page.get_by_role("row").filter(has_text="greta")).to_contain_text("Viewer")


def test_why_an_event_is_voided(person: Person) -> None:
    person.go("Events")
    person.click(person.page.get_by_role("button", name=re.compile("^Voided")))
    person.choose(person.page.get_by_label("Period"), "30 days")
    person.click(person.page.locator("tbody").get_by_role("button", name=re.compile("why", re.I)).first)
    expect(person.dialog).to_contain_text("What “voided” means")
