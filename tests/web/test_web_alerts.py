"""The page of alerts in a browser: webhooks are added, tested, watched, changed and removed."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from sessiontrack.values.webhook_events import EVENT_TYPES
from sessiontrack.web.catalogues import LANGUAGES
from tests.support.application import PASSWORD
from tests.support.legible import WIDE_FONT, WIDTHS, illegible
from tests.support.receiver import Receiver, answer, once
from tests.support.server import Server
from tests.support.web import FAILED_LOAD, PHONE, Visit, WebServer, visiting

PAGE = "/ui/alerts"
AT = 1754042400
HOOK = {
    **{"id": 1, "name": "Phone of the night watch", "url": "https://ntfy.example.org:8443/..."},
    **{"format": "home-assistant", "quiet_from": None, "quiet_to": None},
    **{"created_at": AT, "last_delivered_at": AT, "last_error": "", "failures": 0, "dropped": 0},
    **{"pending": 0, "dead": 0, "events": list(EVENT_TYPES), "tags": []},
}
WORSE = {
    **HOOK,
    **{"id": 2, "name": "pager", "failures": 3, "pending": 17, "dead": 4, "dropped": 2},
    **{"last_error": "answered 503", "events": ["Device Down", "login from a new address"]},
    **{"quiet_from": "22:00", "quiet_to": "07:00", "tags": ["office", "printers of the night watch"]},
}
DELIVERY = {
    **{"id": "6d7d5c1e-4a3e-4a0c-9a55-6a1a6a0b7c21", "webhook": "pager", "type": "login from a new address"},
    **{"state": "dead", "attempts": 16, "status": 503, "error": "answered 503", "created_at": AT},
    **{"next_at": None, "finished_at": AT},
}
WAITING = {**DELIVERY, "id": "2", "state": "pending", "next_at": AT, "finished_at": None}
TAKEN = {**DELIVERY, "id": "3", "state": "delivered", "status": 204, "error": ""}


@pytest.fixture
def alerting(browser: Browser, instance: Path) -> Iterator[Visit]:
    """The administrator's window on a server that may call receivers of this host."""
    with (
        Server(instance, workers=1, WEBHOOK_ALLOW="127.0.0.0/8") as server,
        visiting(browser, f"http://127.0.0.1:{server.port}") as visit,
    ):
        visit.log_in("admin", PASSWORD)
        visit.open(PAGE)
        yield visit


def telling(rows: list[dict[str, Any]]) -> Callable[[Route], None]:
    """Answers with these rows in the server's place."""
    return lambda route: route.fulfill(json=rows, headers={"X-Total-Count": str(len(rows))})


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def add(page: Page, name: str, url: str) -> None:
    page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_role("textbox", name="Address").fill(url)
    dialog.get_by_role("button", name="Add", exact=True).click()


def test_a_webhook_is_added_tested_changed_and_removed(alerting: Visit) -> None:
    page = alerting.page
    expect(page.get_by_role("heading", name="Nobody is notified yet")).to_be_visible()
    with Receiver() as hook:
        add(page, "pager", hook.url)
        expect(page.get_by_role("dialog").locator("code")).to_have_text(re.compile("^whsec_"))
        assert alerting.violations() == []
        press(page, "Done")
        row = page.locator("tbody tr")
        expect(row).to_contain_text("Not used yet")
        expect(row).to_contain_text("everything")
        press(page, "Test pager")
        expect(page.locator(".toast").last).to_contain_text("Delivered: pager has taken the test (204).")
        expect(row).to_contain_text("In order")
        assert [each.json["type"] for each in hook.received] == ["test"]
    press(page, "Edit pager")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("night pager")
    for each in ("New device", "Device flapping", "Login from a new address", "Source silent", "Source back"):
        dialog.get_by_label(each).uncheck()
    dialog.get_by_label("Only devices with one of these tags").fill("printers, office")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("night pager")
    expect(row).to_contain_text("only devices tagged office, printers")
    expect(row).to_contain_text("Device down, Back after down")
    assert alerting.violations() == []
    press(page, "Remove night pager")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Nobody is notified yet")).to_be_visible()


def test_a_receiver_of_another_kind_gets_what_it_takes(alerting: Visit) -> None:
    page = alerting.page
    with Receiver() as hook:
        page.get_by_role("button", name="Add a webhook").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Name").fill("phone")
        dialog.get_by_role("combobox", name="Receiver").select_option("ntfy")
        expect(dialog).to_contain_text("The address ends in the topic.")
        address = dialog.get_by_role("textbox", name="Address")
        expect(address).to_have_attribute("placeholder", "https://ntfy.sh/long-random-topic")
        address.fill(f"http://127.0.0.1:{hook.server_port}/home")
        assert alerting.violations() == []
        dialog.get_by_role("button", name="Add", exact=True).click()
        # No secret to copy: ntfy verifies no signature.
        expect(page.locator("tbody tr")).to_contain_text("ntfy: http://127.0.0.1")
        expect(dialog).to_have_count(0)
        press(page, "Test phone")
        expect(page.locator(".toast").last).to_contain_text("Delivered: phone has taken the test")
        (received,) = hook.received
        assert (received.path, received.json["topic"]) == ("/", "home")
    press(page, "Edit phone")
    dialog.get_by_role("combobox", name="Receiver").select_option("json")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("tbody tr small").first).to_have_text(re.compile("^http://127.0.0.1"))


def test_quiet_hours_are_set_refused_and_cleared(alerting: Visit) -> None:
    page = alerting.page
    alerting.allowed.append("400 (BAD REQUEST)")
    with Receiver() as hook:
        add(page, "pager", hook.url)
        press(page, "Done")
    press(page, "Edit pager")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From", exact=True).fill("22:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".field-error")).to_contain_text("A beginning and another time as the end")
    expect(dialog.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")
    assert alerting.violations() == []
    dialog.get_by_label("To", exact=True).fill("07:00")
    dialog.get_by_role("button", name="Save").click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text(re.compile("everything, quiet 22:00.07:00"))
    press(page, "Edit pager")
    expect(dialog.get_by_label("From", exact=True)).to_have_value("22:00")
    for each in ("From", "To"):
        dialog.get_by_label(each, exact=True).fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("quiet")


def test_what_was_given_up_is_seen_and_sent_again(alerting: Visit) -> None:
    page = alerting.page
    is_seen = threading.Event()
    with Receiver(script=[answer(410), once(is_seen, answer(410))]) as hook:
        add(page, "pager", hook.url)
        press(page, "Done")
        press(page, "Test pager")
        expect(page.locator(".toast[data-kind=error]")).to_contain_text(
            "pager has not taken the test: answered 410."
        )
        expect(page.locator("tbody tr")).to_contain_text("1 given up")
        page.get_by_role("link", name="pager").click()
        row = page.locator("tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("Given up")
        expect(row).to_contain_text("answered 410")
        assert alerting.violations() == []
        press(page, "Send the dead one again")
        expect(row).to_contain_text("Waiting")
        is_seen.set()
        expect(row).to_contain_text("Given up")
        page.get_by_role("button", name=re.compile("^Send again: Test")).click()
        expect(row).to_contain_text("Delivered")
        expect(row).to_contain_text("answered 204")
        assert len({each.json["id"] for each in hook.received}) == 1
    page.get_by_role("button", name="Given up").click()
    expect(page.get_by_role("heading", name="No deliveries")).to_be_visible()


def test_what_is_wrong_is_said_at_its_field(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append("400 (BAD REQUEST)")
    signed_in.open(PAGE)
    add(page, "pager", "http://127.0.0.1:9/")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Address")).to_have_attribute("aria-invalid", "true")
    expect(dialog.locator(".field-error")).to_contain_text("not a public address")
    for each in dialog.get_by_role("checkbox").all():
        each.uncheck()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose at least one event.")
    assert signed_in.violations() == []


def test_a_webhook_that_is_not_there_is_said_so(signed_in: Visit) -> None:
    signed_in.open(f"{PAGE}?webhook=77")
    expect(signed_in.page.get_by_role("heading", name="There is no such webhook")).to_be_visible()


def test_the_page_is_an_administrators(visit: Visit) -> None:
    visit.allowed.append(FAILED_LOAD)
    visit.log_in("operator", PASSWORD)
    visit.open(PAGE)
    expect(visit.page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
    expect(visit.page.get_by_role("link", name="Alerts")).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_can_be_read_at_every_width(browser: Browser, web_server: WebServer, language: str) -> None:
    with visiting(browser, web_server.base, PHONE, locale=language) as visit:
        visit.choose(language=language)
        visit.page.add_init_script(WIDE_FONT)
        visit.log_in("admin", PASSWORD)
        for path, told in (
            (re.compile(r"/webhooks(\?|$)"), [HOOK, WORSE]),
            (re.compile("/webhooks/2/deliveries"), [DELIVERY, WAITING, TAKEN]),
        ):
            visit.page.route(path, telling(told))
        for path, rows in ((PAGE, 2), (f"{PAGE}?webhook=2", 3)):
            visit.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            visit.open(path)
            expect(visit.page.locator("tbody tr")).to_have_count(rows)
            assert visit.violations() == []
            assert illegible(visit.page) == {}
