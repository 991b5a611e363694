"""Each list as CSV: where the server has no file of it, the browser makes one of what the columns show."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from tests.support.web import Visit

TABLES = (
    "/ui/presence?as=table",
    "/ui/devices",
    "/ui/devices/DA:41:7E:0C:93:5A",
    "/ui/events",
    "/ui/people",
    "/ui/people?show=views",
    "/ui/people?show=days",
    "/ui/month",
    "/ui/account",
    "/ui/settings?section=users",
    "/ui/settings?section=configuration",
)
HOSTILE = {
    "name": '=cmd|"/c calc"',
    "kind": "scan",
    "last_look": None,
    "rhythm_seconds": 60,
    "quiet_seconds": 900,
}
HOSTILE |= {"silent_since": None, "failing_since": None, "reason": "", "archived": False, "seen": 1}


def download(page: Page) -> Download:
    with page.expect_download() as found:
        page.get_by_role("main").get_by_text("CSV").first.click()
    return found.value


def rows(file: Download) -> list[list[str]]:
    text = Path(file.path()).read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.parametrize("path", TABLES)
def test_every_list_has_its_file(signed_in: Visit, path: str) -> None:
    signed_in.open(path)
    file = download(signed_in.page)
    assert re.fullmatch(r"sessiontrack-[\w-]+\.csv", file.suggested_filename)
    head, *others = rows(file)
    assert others
    assert {len(each) for each in others} == {len(head)}


def test_it_has_all_rows_in_the_order_that_is_shown(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/presence?as=table&sort=name")
    total = int(re.findall(r"\d+", page.locator(".pager-range").inner_text().replace(",", ""))[-1])
    head, *found = rows(download(page))
    assert head[:3] == ["Device", "State", "Connection"]
    assert len(found) == total > 25
    assert [each[0] for each in found] == sorted((each[0] for each in found), key=str.casefold)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", found[0][2])


def test_it_has_no_buttons_and_no_formula(signed_in: Visit) -> None:
    page = signed_in.page
    page.route(
        "**/presence/sources", lambda route: route.fulfill(json={"success": True, "sources": [HOSTILE]})
    )
    signed_in.open("/ui/sources")
    head, (name, *_) = rows(download(page))
    assert "Actions" not in head
    assert name.startswith("'=cmd|")


def test_a_list_that_cannot_be_read_any_more_says_so(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append("Failed to load resource")
    signed_in.open("/ui/account")
    page.route("**/auth/logins*", lambda route: route.fulfill(status=500, json={"error": "server_error"}))
    page.get_by_role("button", name="CSV").click()
    expect(page.locator(".toast[data-kind=error]")).to_be_visible()


def test_an_empty_list_has_no_file(signed_in: Visit) -> None:
    signed_in.page.route(
        "**/presence/sources", lambda route: route.fulfill(json={"success": True, "sources": []})
    )
    signed_in.open("/ui/sources")
    expect(signed_in.page.get_by_text("No sources yet")).to_be_visible()
    expect(signed_in.page.get_by_role("button", name="CSV")).to_have_count(0)
