"""The page of one device in a browser: properties, period, history, and changes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.application import PASSWORD
from tests.support.server import Server
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, dialog, visiting

MAC = "DA:41:7E:0C:93:5A"
PAGE = f"/ui/devices/{MAC}"
OTHER = "00:00:0C:00:00:02"
LONG = "A name that somebody has copied from somewhere, with everything that was written around it " * 2


@pytest.fixture
def own(
    template: tuple[Path, dict[str, str]], instance: Path, browser: Browser
) -> Iterator[tuple[Visit, Server]]:
    """A separate server with two devices to change; the administrator is signed in."""
    with Server(instance, workers=1) as server:
        token = template[1]["admin"]
        for mac, days in ((MAC, (1, 2, 3)), (OTHER, (5,))):
            for day in days:
                body = {"mac": mac, "ip": "192.168.1.9", "start_time": f"2025-08-0{day}T10:00:00"}
                body["end_time"] = f"2025-08-0{day}T12:00:00"
                assert server.call("POST", "/sessions/create", body, token).status == 200
        with visiting(browser, f"http://127.0.0.1:{server.port}") as visit:
            visit.log_in("admin", PASSWORD)
            yield visit, server


def device(visit: Visit, mac: str = MAC) -> dict[str, object]:
    found: dict[str, object] = visit.page.request.get(f"{visit.base}/devices/{mac}").json()["device"]
    return found


def press(visit: Visit, name: str) -> None:
    visit.page.get_by_role("button", name=name, exact=True).click()


def test_a_connected_device_names_the_source_that_says_so(
    own: tuple[Visit, Server], template: tuple[Path, dict[str, str]]
) -> None:
    visit, server = own
    body = {"source": "attic", "devices": [{"mac": MAC}]}
    assert server.call("POST", "/presence/scans", body, template[1]["admin"]).status == 200
    visit.open(PAGE)
    held = visit.page.locator(".facts div").filter(has_text="Connected according to").locator("dd")
    expect(held).to_contain_text("attic · Last seen")
    visit.open(f"/ui/devices/{OTHER}")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(OTHER)
    expect(held).to_have_count(0)


def test_the_list_leads_to_it_and_it_leads_back(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/devices")
    page.get_by_role("link", name="Anna's phone").click()
    page.wait_for_url(f"{signed_in.base}{PAGE}")
    signed_in.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text("Anna's phone")
    expect(page.locator(".sidebar [aria-current=page]")).to_have_text("Devices")
    page.locator("main").get_by_role("link", name="Devices").click()
    page.wait_for_url(f"{signed_in.base}/ui/devices")


def test_its_facts_are_those_of_the_api(signed_in: Visit) -> None:
    signed_in.open(PAGE)
    facts = signed_in.page.locator(".facts")
    told = device(signed_in)
    expect(facts).to_contain_text(MAC)
    expect(facts).to_contain_text(str(told["ip"]))
    expect(facts).to_contain_text("private address")
    expect(facts).to_contain_text("as in the settings")
    expect(signed_in.page.get_by_text("All times are in Europe/Paris.")).to_be_visible()


def test_the_period_changes_everything_and_is_in_the_address(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    page.get_by_label("Period").select_option("7 days")
    page.wait_for_url(re.compile("period=7"))
    signed_in.settle()
    told = page.request.get(f"{signed_in.base}/devices/{MAC}/statistics?period=7%20days").json()
    expect(page.locator(".tile").nth(1).locator("dd").first).to_have_text(str(told["sessions"]))
    expect(page.locator(".pager-range")).to_contain_text(f"of {told['sessions']}")
    signed_in.open(page.url.removeprefix(signed_in.base))
    expect(page.get_by_label("Period")).to_have_value("7 days")


def test_the_heat_map_is_a_table_with_the_shares_of_the_week(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    week = page.request.get(f"{signed_in.base}/devices/{MAC}/statistics").json()["week"]
    table = page.get_by_role("table", name=re.compile("Share of each hour of the week"))
    expect(table.get_by_role("columnheader")).to_have_count(24)
    expect(table.get_by_role("rowheader")).to_have_count(7)
    expected = [str(round(share * 100)) for share in week[2]]
    shown = table.get_by_role("row").nth(3).get_by_role("cell").all_text_contents()
    assert [each.strip() for each in shown] == expected
    press(signed_in, "Show percentages")
    page.wait_for_url(re.compile("numbers=true"))
    expect(table.get_by_role("cell").nth(30)).to_be_visible()


def test_its_history_is_its_sessions_or_its_events(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    expect(page.get_by_role("columnheader", name="Duration")).to_be_visible()
    page.get_by_role("button", name="Duration").click()
    page.wait_for_url(re.compile("sort=duration_seconds"))
    page.get_by_role("button", name=re.compile("^All events")).click()
    page.wait_for_url(re.compile("view=all$"))
    signed_in.settle()
    expect(page.get_by_role("columnheader", name="Event")).to_be_visible()
    totals = page.request.get(
        f"{signed_in.base}/sessions/totals?period=30%20days&format=named&mac={MAC}"
    ).json()
    expect(page.locator(".pager-range")).to_contain_text(f"of {totals['all']}")
    page.get_by_role("searchbox").fill("disconnected")
    page.wait_for_url(re.compile("q=disconnected"))
    signed_in.settle()
    assert set(page.locator("td[data-kind=state]").all_inner_texts()) == {"Disconnected"}


def test_what_people_say_of_it_is_edited(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.allowed.append(FAILED_LOAD)
    visit.open(PAGE)
    press(visit, "Edit")
    form = dialog(visit)
    form.get_by_label("Name").fill(LONG[:200])
    form.get_by_label("Owner").fill("<b>Anna</b>")
    form.get_by_label("Grace time").fill("400")
    form.get_by_label("Unit").select_option("days")
    form.get_by_label("Alert when it goes down").check()
    press(visit, "Save")
    # Refused: the page shows the reason, and keeps the input.
    expect(form.get_by_role("alert")).to_be_visible()
    expect(form.get_by_label("Owner")).to_have_value("<b>Anna</b>")
    grace = form.get_by_label("Grace time")
    expect(grace).to_be_focused()
    expect(grace).to_have_attribute("aria-invalid", "true")
    expect(grace).to_have_accessible_description("At least a minute, at most 366 days.")
    assert device(visit)["owner"] == ""
    assert visit.violations() == []
    form.get_by_label("Unit").select_option("hours")
    grace.fill("2")
    expect(form.get_by_role("alert")).to_have_count(0)
    form.get_by_label("Grace time").press("Enter")
    expect(visit.page.get_by_text("Saved.")).to_be_visible()
    visit.settle()
    changed = device(visit)
    assert (changed["owner"], changed["grace"], changed["alert_down"]) == ("<b>Anna</b>", "2 hours", True)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(LONG[:200].strip())
    expect(visit.page.locator(".facts")).to_contain_text("<b>Anna</b>")
    visit.page.set_viewport_size({"width": 360, "height": 800})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    press(visit, "Edit")
    dialog(visit).get_by_label("Grace time").fill("")
    press(visit, "Save")
    expect(visit.page.locator(".facts")).to_contain_text("as in the settings")
    assert device(visit)["grace"] is None


def test_only_what_was_touched_is_changed(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.open(PAGE)
    press(visit, "Edit")
    csrf = next(
        each["value"] for each in visit.page.context.cookies() if each["name"] == "sessiontrack_access_csrf"
    )
    visit.page.request.patch(
        f"{visit.base}/devices/{MAC}", data={"owner": "Ben"}, headers={"X-CSRF-TOKEN": str(csrf)}
    )
    dialog(visit).get_by_label("Name").fill("Phone")
    press(visit, "Save")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Phone")
    assert device(visit)["owner"] == "Ben"


def test_giving_up_changes_nothing(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.open(PAGE)
    before = device(visit)
    press(visit, "Edit")
    dialog(visit).get_by_label("Name").fill("Other")
    visit.page.keyboard.press("Escape")
    press(visit, "Delete sessions")
    dialog(visit).get_by_role("button", name="Cancel").click()
    press(visit, "Delete device")
    dialog(visit).get_by_role("button", name="Cancel").click()
    press(visit, "Merge")
    dialog(visit).get_by_role("button", name="Cancel").click()
    expect(dialog(visit)).to_have_count(0)
    assert device(visit) == before


def test_another_address_is_merged(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.allowed.append(FAILED_LOAD)
    visit.open(PAGE)
    press(visit, "Merge")
    dialog(visit).get_by_label("Other MAC address").fill("00:00:0C:00:00:99")
    press(visit, "Continue")
    expect(dialog(visit).get_by_role("alert")).to_contain_text("No device has the MAC address")
    dialog(visit).get_by_label("Other MAC address").fill(OTHER.lower())
    press(visit, "Continue")
    expect(dialog(visit)).to_contain_text(f"Merge {OTHER} into {MAC}?")
    expect(dialog(visit)).to_contain_text("Its session moves")
    dialog(visit).get_by_role("button", name="Merge").click()
    expect(visit.page.locator(".facts")).to_contain_text(OTHER)
    assert device(visit)["aliases"] == [OTHER]
    visit.open(f"/ui/devices/{OTHER}?period=all")
    expect(visit.page.locator(".pager-range")).to_contain_text("of 4")


def test_deleting_its_sessions_says_what_will_be_lost(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.open(f"{PAGE}?period=all")
    expect(visit.page.locator(".pager-range")).to_contain_text("of 3")
    press(visit, "Delete sessions")
    expect(dialog(visit)).to_contain_text("All 3 sessions are lost for good")
    expect(dialog(visit).get_by_role("button", name="Cancel")).to_be_focused()
    press(visit, "Delete 3 sessions")
    expect(visit.page.get_by_role("heading", name="Nothing in this period")).to_be_visible()
    press(visit, "Delete sessions")
    expect(visit.page.get_by_text("There are no sessions to delete.")).to_be_visible()


def test_deleting_it_says_what_will_be_lost_and_leads_to_the_list(own: tuple[Visit, Server]) -> None:
    visit, _ = own
    visit.allowed.append(FAILED_LOAD)
    visit.open(PAGE)
    press(visit, "Delete device")
    expect(dialog(visit)).to_contain_text(f"Delete {MAC}?")
    expect(dialog(visit)).to_contain_text("All 3 of its sessions and its events are lost for good.")
    expect(dialog(visit)).to_contain_text("If it is seen again, it is a new device.")
    expect(dialog(visit).get_by_role("button", name="Cancel")).to_be_focused()
    dialog(visit).get_by_role("button", name="Delete device").click()
    visit.page.wait_for_url(f"{visit.base}/ui/devices")
    expect(visit.page.get_by_role("link", name=OTHER)).to_be_visible()
    assert visit.page.request.get(f"{visit.base}/devices/{MAC}").status == 404


def test_a_viewer_sees_it_and_can_change_nothing(visit: Visit) -> None:
    visit.log_in("viewer", PASSWORD)
    visit.open(PAGE)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Anna's phone")
    for name in ("Edit", "Merge", "Delete sessions", "Delete device"):
        expect(visit.page.get_by_role("button", name=name)).to_have_count(0)


def test_one_that_is_not_known_says_so(signed_in: Visit) -> None:
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open("/ui/devices/00:00:0C:00:00:99")
    expect(signed_in.page.get_by_role("heading", name="Unknown device")).to_be_visible()
    signed_in.page.get_by_role("link", name="To the list of devices").click()
    expect(signed_in.page.get_by_text("Anna's phone")).to_be_visible()


def test_below_a_sub_path_the_way_there_and_back_stays_below_it(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open("/ui/devices")
        visit.page.get_by_role("link", name="Anna's phone").click()
        visit.page.wait_for_url(f"{subpath}{PAGE}")
        visit.settle()
        visit.page.locator("main").get_by_role("link", name="Devices").click()
        visit.page.wait_for_url(f"{subpath}/ui/devices")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("admin", PASSWORD)
        for state in ("", "?view=all&numbers=true"):
            visit.open(PAGE + state)
            assert visit.violations_in_both_themes() == []
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for button in ("Edit", "Merge", "Delete sessions", "Delete device"):
            press(visit, button)
            expect(dialog(visit)).to_be_visible()
            assert visit.violations_in_both_themes() == []
            visit.page.keyboard.press("Escape")
            expect(dialog(visit)).to_have_count(0)


def test_in_french_nothing_is_left_in_english(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, locale="fr-FR") as visit:
        visit.log_in("admin", PASSWORD)
        visit.open(PAGE)
        expect(visit.page.get_by_role("heading", name="Heures de la semaine")).to_be_visible()
        expect(visit.page.locator("main")).not_to_contain_text("devices.")
        expect(visit.page.get_by_role("rowheader").first).to_have_text("lun.")


def test_a_switch_says_who_is_told_when_it_comes_or_goes(
    own: tuple[Visit, Server], template: tuple[Path, dict[str, str]]
) -> None:
    visit, server = own
    page, token = visit.page, template[1]["admin"]
    visit.open(PAGE)
    switch = page.get_by_role("switch", name="Tell me when this device comes or goes")
    note = page.locator("#device-tell")
    expect(switch).not_to_be_checked()
    expect(note).to_have_text("Nobody is notified.")
    switch.check()
    expect(note).to_contain_text("There is no webhook yet that could be notified.")
    expect(page.get_by_role("link", name="Add one")).to_have_attribute("href", re.compile("/ui/alerts$"))
    expect(switch).to_be_focused()
    assert device(visit)["alert_down"] is True
    assert visit.violations() == []
    assert server.call("PATCH", f"/devices/{MAC}", {"tags": ["Hall"]}, token).status == 200
    # One is told of it by its tag; the others of another event, or of other devices.
    for name, event, tag in (
        ("phone", "Down Reconnected", "hall"),
        ("other", "New Device", "hall"),
        ("elsewhere", "Device Down", "attic"),
    ):
        hook = {"name": name, "url": "https://8.8.8.8/hook", "events": [event], "tags": [tag]}
        assert server.call("POST", "/webhooks", hook, token).status == 200
    visit.open(PAGE)
    expect(switch).to_be_checked()
    expect(note).to_have_text(re.compile("these are notified: phone.$"))
    switch.press("Space")
    expect(note).to_have_text("Nobody is notified.")
    assert device(visit)["alert_down"] is False


@pytest.mark.parametrize(("role", "switches"), [("operator", 1), ("viewer", 0)])
def test_an_operator_has_the_switch_and_a_viewer_the_fact(visit: Visit, role: str, switches: int) -> None:
    visit.log_in(role, PASSWORD)
    visit.open(PAGE)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Anna's phone")
    expect(visit.page.get_by_role("switch")).to_have_count(switches)
    expect(visit.page.locator("dt", has_text="Alert when it goes down")).to_have_count(1 - switches)


def test_a_switch_that_cannot_be_set_goes_back(signed_in: Visit) -> None:
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open(PAGE)
    switch = signed_in.page.get_by_role("switch")
    refused = {"success": False, "error": "storage_unavailable", "message": "The database is busy."}
    signed_in.page.route(
        "**/devices/*",
        lambda route: (
            route.fulfill(status=503, json=refused) if route.request.method == "PATCH" else route.continue_()
        ),
    )
    switch.click()
    expect(signed_in.page.locator(".toast")).to_contain_text("The database is busy.")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
