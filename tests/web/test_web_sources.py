"""The page of sources in a browser: what feeds us, and how to add a source; the warning on the page Now."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from sessiontrack.process.own_command import own_command
from tests.support.application import PASSWORD
from tests.support.web import PHONE, Visit, WebServer, visiting

PAGE = "/ui/sources"
AGO = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 7200))
FINE = {
    "name": "arp",
    "kind": "scan",
    "last_look": AGO,
    "rhythm_seconds": 60,
    "quiet_seconds": 900,
    "silent_since": None,
    "failing_since": None,
    "reason": "",
    "archived": False,
    "seen": 17,
}
SILENT = {**FINE, "name": "attic", "silent_since": AGO}
FAILING = {**FINE, "name": "router", "failing_since": AGO, "reason": "connection refused", "seen": 1}
RETIRED = {**FINE, "name": "attic of old", "archived": True}
HOOK = {**FINE, "name": "dhcp:ap", "kind": "hook", "rhythm_seconds": None, "last_look": None}


@pytest.fixture
def told(signed_in: Visit) -> Page:
    """Pages to which the server tells of five sources."""

    def answer(route: Route) -> None:
        route.fulfill(json={"success": True, "sources": [FINE, SILENT, FAILING, HOOK, RETIRED]})

    signed_in.page.route("**/presence/sources", answer)
    return signed_in.page


def test_each_source_says_whether_it_is_in_order_and_why_not(signed_in: Visit, told: Page) -> None:
    signed_in.open(PAGE)
    rows = told.locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_contain_text("In order")
    expect(rows.nth(0)).to_contain_text("every 1m")
    expect(rows.nth(0)).to_contain_text("17 devices at its last look")
    expect(rows.nth(1)).to_contain_text("Silent")
    expect(rows.nth(1)).to_contain_text("Not heard of since")
    expect(rows.nth(2)).to_contain_text("Failing")
    expect(rows.nth(2)).to_contain_text("connection refused")
    expect(rows.nth(3)).to_contain_text("never")
    expect(rows.nth(4)).to_contain_text("Archived")
    expect(rows.nth(4)).not_to_contain_text("In order")
    assert signed_in.violations() == []


def test_now_warns_of_sources_in_trouble_and_leads_to_them(signed_in: Visit, told: Page) -> None:
    signed_in.open("/ui/now")
    notice = told.locator(".now-sources")
    expect(notice).to_contain_text("“attic” has not been heard of since")
    expect(notice).to_contain_text("“router” has been failing since")
    expect(notice).not_to_contain_text("arp")
    assert signed_in.violations() == []
    notice.get_by_role("link", name="See the sources").click()
    expect(told.get_by_role("heading", name="Sources", exact=True)).to_be_visible()


def test_now_says_nothing_where_all_is_in_order(signed_in: Visit) -> None:
    signed_in.page.route(
        "**/presence/sources", lambda route: route.fulfill(json={"success": True, "sources": [FINE]})
    )
    with signed_in.page.expect_response("**/presence/sources"):
        signed_in.open("/ui/now")
    expect(signed_in.page.locator(".now-sources")).to_have_count(0)


def test_a_source_that_was_retired_is_archived_and_taken_back(own: Visit) -> None:
    page = own.page
    scan = {"source": "attic", "devices": [{"mac": "AA:BB:CC:00:00:01"}]}
    token = own.page.request.post(
        f"{own.base}/auth/login", data={"username": "admin", "password": PASSWORD}
    ).json()["access_token"]
    sent = page.request.post(
        f"{own.base}/presence/scans", data=scan, headers={"Authorization": f"Bearer {token}"}
    )
    assert sent.ok, sent.text()
    own.open(PAGE)
    row = page.locator("tbody tr")
    expect(row).to_contain_text("In order")
    page.get_by_role("button", name="Archive attic").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("left when it last saw them")).to_be_checked()
    assert own.violations() == []
    dialog.get_by_role("button", name="Archive").click()
    expect(row).to_contain_text("Archived")
    expect(page.get_by_text("attic is archived; 1 device is connected no more.")).to_be_visible()
    assert own.violations() == []
    page.get_by_role("button", name="Take back attic").click()
    expect(row).to_contain_text("In order")


def test_an_empty_list_says_what_to_do(signed_in: Visit) -> None:
    signed_in.page.route(
        "**/presence/sources", lambda route: route.fulfill(json={"success": True, "sources": []})
    )
    signed_in.open(PAGE)
    expect(signed_in.page.get_by_role("heading", name="No sources yet")).to_be_visible()


def test_a_token_made_on_the_spot_is_in_the_commands_and_works(own: Visit) -> None:
    page = own.page
    own.open(PAGE)
    command = page.locator(".sources-commands code").first
    expect(command).to_have_text(f"{own_command()} scan network --every 60s")
    page.get_by_role("button", name="Another host").click()
    expect(command).to_have_text(f"sessiontrack scan network --every 60s --url {own.base} --token st_…")
    expect(page.get_by_text("the name that each host has for itself")).to_be_visible()
    page.clock.set_fixed_time("2026-07-01T10:00:05Z")
    page.get_by_role("button", name="Make a token").click()
    expect(command).to_have_text(re.compile(r"--token st_[\w-]+"))
    names = [each["name"] for each in page.request.get(f"{own.base}/auth/tokens").json()]
    assert "source 2026-07-01 12:00:05" in names
    token = command.inner_text().rpartition(" ")[2]
    page.get_by_role("button", name="A script").click()
    expect(command).to_contain_text(
        f'curl -X POST {own.base}/presence/scans -H "Authorization: Bearer {token}"'
    )
    with_token = {"Authorization": f"Bearer {token}"}
    me = page.request.get(f"{own.base}/auth/me", headers=with_token).json()
    assert me["role"] == "operator"
    expect(page.get_by_text("the name that each host has for itself")).to_be_hidden()
    page.get_by_role("button", name="This host").click()
    expect(command).to_have_text(f"{own_command()} scan network --every 60s")
    page.get_by_role("button", name="RADIUS").click()
    expect(page.locator(".sources-commands")).to_contain_text(f"{own_command()} listen radius --host 0.0.0.0")
    assert own.violations() == []


def test_what_is_only_for_leases_is_set_apart(signed_in: Visit) -> None:
    signed_in.open(f"{PAGE}?add=openwrt")
    lines = signed_in.page.locator(".sources-commands li")
    expect(lines.nth(-3)).to_have_text(re.compile("^Only if you want names"))
    expect(lines.nth(-3).locator("code")).to_have_count(0)
    expect(lines.last.locator("code")).to_contain_text("/etc/hotplug.d/dhcp/")
    assert signed_in.violations() == []


def test_a_viewer_sees_the_sources_and_makes_no_token(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, PHONE) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(PAGE)
        expect(visit.page.get_by_role("heading", name="Add a source")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Make a token")).to_have_count(0)
        visit.page.get_by_role("button", name="Another host").click()
        expect(visit.page.get_by_text("an administrator can make one here")).to_be_visible()
        assert visit.violations() == []
