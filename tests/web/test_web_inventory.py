"""The list of devices as an inventory in a browser: added, selected, edited, merged; tags, columns, CSV."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.application import PASSWORD
from tests.support.command import run
from tests.support.web import FAILED_LOAD, PHONE, Visit, WebServer, dialog, visiting

PAGE = "/ui/devices"
MACS = [f"00:00:0C:00:00:0{n}" for n in range(1, 4)]


@pytest.fixture
def stocked(own: Visit) -> Visit:
    """The page on a server with three devices, to be changed."""
    own.open(PAGE)
    for number, mac in enumerate(MACS):
        call(own, "POST", "/devices", {"mac": mac, "name": f"Device {number}", "tags": ["office"][:number]})
    own.open(PAGE)
    return own


def call(visit: Visit, method: str, path: str, body: Any = None) -> Any:
    headers = {"X-CSRF-TOKEN": visit.page.evaluate("document.cookie.match(/access_csrf=([^;]*)/)[1]")}
    answer = visit.page.request.fetch(f"{visit.base}{path}", method=method, data=body, headers=headers)
    assert answer.ok, answer.text()
    return answer.json()


def test_a_device_is_added_by_hand(own: Visit) -> None:
    page = own.page
    own.open(PAGE)
    page.get_by_role("button", name="Add a device").click()
    dialog(own).get_by_label("MAC address").fill("nothing")
    dialog(own).get_by_role("button", name="Add a device").click()
    expect(dialog(own).get_by_role("alert")).to_be_visible()
    assert own.violations() == []
    dialog(own).get_by_label("MAC address").fill("aabb.cc00.0001")
    dialog(own).get_by_label("Name").fill("Laptop to come")
    dialog(own).get_by_label("Type").select_option("Laptop")
    dialog(own).get_by_label("Tags").fill("new, , office ")
    own.allowed.append(FAILED_LOAD)
    dialog(own).get_by_role("button", name="Add a device").click()
    expect(page.get_by_role("link", name="Laptop to come")).to_be_visible()
    found = call(own, "GET", "/devices/AA:BB:CC:00:00:01")["device"]
    assert (found["type"], found["tags"]) == ("laptop", ["new", "office"])


def test_several_are_edited_at_once(stocked: Visit) -> None:
    page = stocked.page
    for number in (0, 1):
        page.get_by_role("checkbox", name=f"Select Device {number}").check()
    expect(page.get_by_text("2 devices selected")).to_be_visible()
    page.get_by_role("region", name="Selected devices").get_by_role("button", name="Edit").click()
    dialog(stocked).get_by_label("Owner").fill("Anna")
    dialog(stocked).get_by_label("Add tags").fill("attic")
    dialog(stocked).get_by_label("Remove tags").fill("office")
    dialog(stocked).get_by_label("Grace time").fill("45")
    dialog(stocked).get_by_label("Alert when it goes down").select_option("yes")
    assert stocked.violations() == []
    dialog(stocked).get_by_role("button", name="Save").click()
    expect(page.get_by_text("2 devices changed.")).to_be_visible()
    found = call(stocked, "GET", "/devices")["devices"]
    told = [(each["owner"], each["tags"], each["alert_down"]) for each in found]
    assert told == [("Anna", ["attic"], True), ("Anna", ["attic"], True), ("", ["office"], False)]
    assert [each["grace"] for each in found] == ["45 minutes", "45 minutes", None]
    expect(page.get_by_text("devices selected")).to_have_count(0)


def test_what_is_refused_is_said_at_its_field_in_the_pages_language(stocked: Visit) -> None:
    stocked.allowed.append(FAILED_LOAD)
    stocked.choose(language="fr")
    stocked.open(PAGE)
    stocked.page.get_by_role("button", name="Ajouter un appareil").click()
    address = dialog(stocked).get_by_label("Adresse MAC")
    address.fill("nothing")
    dialog(stocked).get_by_role("button", name="Ajouter un appareil").click()
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(address).to_be_focused()
    expect(dialog(stocked)).not_to_contain_text("address")
    stocked.page.keyboard.press("Escape")
    stocked.page.locator("tbody input").first.check()
    stocked.page.locator(".devices-bulk").get_by_role("button", name="Modifier").click()
    grace = dialog(stocked).get_by_label("Délai de grâce")
    grace.fill("999999")
    dialog(stocked).get_by_label("Unité").select_option("days")
    dialog(stocked).get_by_role("button", name="Enregistrer").click()
    expect(grace).to_have_accessible_description("Au moins une minute, au plus 366 jours.")
    assert stocked.violations() == []


def test_several_are_merged(stocked: Visit) -> None:
    page = stocked.page
    page.get_by_role("checkbox", name="Select Device 0").check()
    page.get_by_role("button", name="Select the whole page").click()
    expect(page.get_by_text("3 devices selected")).to_be_visible()
    page.get_by_role("button", name="Merge", exact=True).click()
    dialog(stocked).get_by_label("They become").select_option(MACS[1])
    dialog(stocked).locator("[value=yes]").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert call(stocked, "GET", f"/devices/{MACS[0]}")["device"]["aliases"] == [MACS[0], MACS[2]]


def test_several_are_edited_on_a_phone(stocked: Visit) -> None:
    page = stocked.page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    stocked.open(PAGE)
    boxes = page.get_by_role("checkbox", name="Select Device")
    expect(boxes).to_have_count(0)
    page.get_by_role("button", name="Select several").click()
    expect(boxes).to_have_count(3)
    # Anywhere on the row: it does not lead to the device now.
    rows = page.locator("tbody tr")
    heights = rows.evaluate_all("all => all.map((each) => each.offsetHeight)")
    assert max(heights) <= 72
    for number in (0, 1):
        rows.nth(number).click(position={"x": 200, "y": 12})
    expect(page.get_by_text("2 devices selected")).to_be_visible()
    assert stocked.violations() == []
    page.locator(".devices-bulk").get_by_role("button", name="Edit").click()
    dialog(stocked).get_by_label("Owner").fill("Anna")
    dialog(stocked).get_by_role("button", name="Save").click()
    expect(page.get_by_text("2 devices changed.")).to_be_visible()
    assert [each["owner"] for each in call(stocked, "GET", "/devices")["devices"]] == ["Anna", "Anna", ""]
    page.get_by_role("button", name="Select several").click()
    expect(boxes).to_have_count(0)
    rows.first.click(position={"x": 200, "y": 12})
    page.wait_for_url("**/ui/devices/*")


def test_a_tag_filters_the_list_and_its_file(stocked: Visit) -> None:
    page = stocked.page
    page.get_by_role("combobox", name="Tag").select_option("office")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert "tag=office" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == 3
    assert stocked.violations() == []


def test_the_columns_are_the_readers_choice_and_are_kept(stocked: Visit) -> None:
    page = stocked.page
    # Where there is room for all that is chosen.
    page.set_viewport_size({"width": 1600, "height": 900})
    heads = page.get_by_role("columnheader")
    expect(heads.filter(has_text="MAC address")).to_be_visible()
    expect(heads.filter(has_text="Vendor")).to_have_count(0)
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="MAC address").uncheck()
    page.get_by_role("checkbox", name="Vendor").check()
    for _ in range(2):
        expect(heads.filter(has_text="MAC address")).to_have_count(0)
        expect(heads.filter(has_text="Vendor")).to_be_visible()
        stocked.open(PAGE)


def test_type_tags_and_notes_are_edited_on_the_page_of_a_device(stocked: Visit) -> None:
    page = stocked.page
    stocked.open(f"{PAGE}/{MACS[0]}")
    page.get_by_role("button", name="Edit").click()
    dialog(stocked).get_by_label("Type").select_option("Printer")
    dialog(stocked).get_by_label("Tags").fill("attic, big")
    dialog(stocked).get_by_label("Notes").fill("behind the shelf")
    dialog(stocked).get_by_role("button", name="Save").click()
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Printer")
    expect(facts).to_contain_text(re.compile("attic\\s+big"))
    expect(facts).to_contain_text("behind the shelf")


def test_a_viewer_selects_and_adds_nothing(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, PHONE) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(PAGE)
        expect(visit.page.get_by_role("link", name="CSV")).to_be_visible()
        expect(visit.page.get_by_role("checkbox", name="Select")).to_have_count(0)
        expect(visit.page.get_by_role("button", name="Add a device")).to_have_count(0)
        assert visit.violations() == []


def test_where_nobody_has_a_name_the_user_that_radius_said_is_shown_and_found(
    own: Visit, instance: Path, tmp_path: Path
) -> None:
    """And a search that finds no device leads to where it may find something."""
    page, head = own.page, "mac,connected_at,disconnected_at,still_connected,info"
    for mac, hour, info in (
        ("AA:BB:CC:00:00:01", 8, "NAS floor 1, user user76@corp.example, session 1"),
        (
            "AA:BB:CC:00:00:01",
            9,
            "NAS floor 2, user user75@corp.example; NAS floor 1, user user77@corp.example",
        ),
    ):
        stored = f'{head}\n{mac},2025-08-01T0{hour}:00:00Z,2025-08-01T0{hour}:30:00Z,false,"{info}"\n'
        (tmp_path / f"{hour}.csv").write_text(stored)
        run(instance, "import", "csv", "sessions", str(tmp_path / f"{hour}.csv"))
    own.open(f"{PAGE}?q=user77")
    expect(page.locator("tbody tr")).to_contain_text("user77@corp.example")
    expect(page.locator("tbody tr")).not_to_contain_text("user75")
    own.open(f"{PAGE}?q=user76")
    expect(page.get_by_role("heading", name="Nothing matches.")).to_be_visible()
    assert own.violations() == []
    expect(page.get_by_role("link", name="Search in archived devices")).to_be_visible()
    page.get_by_role("link", name="Search in all sessions").click()
    expect(page.locator("tbody tr")).to_contain_text("user76@corp.example")
