"""The page "Report": a month on one page."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.support.application import PASSWORD
from tests.support.command import run
from tests.support.server import Server
from tests.support.web import PHONE, Visit, WebServer, visiting

CHOSEN = "() => document.querySelector('.month-turn select').value"


def span_of(visit: Visit) -> dict[str, str]:
    """The month that is shown, as the page asks for it."""
    href = visit.page.get_by_role("link", name="CSV").first.get_attribute("href") or ""
    query = parse_qs(urlsplit(href).query)
    return {name: query[name][0] for name in ("start", "end")}


def rows_of(visit: Visit, href: str | None) -> list[dict[str, str]]:
    """The rows of a file that the page links to."""
    answer = visit.page.request.get(visit.base + (href or ""))
    assert answer.ok, answer.text()
    return list(csv.DictReader(io.StringIO(answer.body().decode("utf-8-sig"))))


@pytest.mark.parametrize("size", [(1440, 900), PHONE], ids=["desktop", "phone"])
def test_a_month_on_one_page(browser: Browser, web_server: WebServer, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        page = visit.page
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/month")
        if size == PHONE:
            page.locator("#menu summary").click()
            page.locator("#menu").get_by_role("link", name="Report").click()
        visit.settle()
        # The last whole month, which is in the demo's history, whatever day it is.
        month = page.get_by_label("Month", exact=True).input_value()
        span = span_of(visit)
        assert span["start"] == f"{month}-01"

        told = page.request.get(f"{visit.base}/presence/shares", params=span).json()["devices"]
        names = {each["name"] for each in told}
        expect(page.locator("tbody tr")).to_have_count(len(told))
        expect(page.locator("tbody tr").first).to_contain_text("%")
        expect(page.locator(".tile").first).to_contain_text(str(len(told)))
        file = page.get_by_role("link", name="CSV").nth(0).get_attribute("href")
        assert {row["name"] for row in rows_of(visit, file)} == names
        absences = page.locator(".month-card").filter(has_text="Longest absences")
        expect(absences.get_by_role("listitem").first.locator("strong")).to_have_text(re.compile(r"\d[dhm]$"))
        # A heading stands in one line with its button.
        for head in absences.locator(".section-head").all():
            title, button = (head.locator(each).bounding_box() for each in ("h2", ".button"))
            assert title is not None
            assert button is not None
            apart = title["y"] + title["height"] / 2 - button["y"] - button["height"] / 2
            assert abs(apart) <= 1.5
        assert rows_of(visit, absences.get_by_role("link", name="CSV").get_attribute("href"))
        fresh = page.locator(".month-card").filter(has_text="New devices")
        found = rows_of(visit, fresh.get_by_role("link", name="CSV").get_attribute("href"))
        newest = [row["first_seen"] for row in found]
        assert newest == sorted(newest, reverse=True)
        new = sum(each[:10] >= span["start"] for each in newest)
        expect(page.locator(".tile").nth(1)).to_contain_text(str(new))
        expect(fresh.get_by_role("listitem")).to_have_count(min(new, 9))
        people = page.locator(".month-card").filter(has_text="Time per person")
        found = rows_of(visit, people.get_by_role("link", name="CSV").get_attribute("href"))
        expect(people.get_by_role("link", name="anna")).to_be_visible()
        assert "anna" in {row["username"] for row in found}
        assert visit.violations() == []

        # On paper: no buttons, the month as text.
        page.emulate_media(media="print")
        expect(page.get_by_role("link", name="CSV").first).to_be_hidden()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.emulate_media(media="screen")

        page.get_by_role("button", name="Next month").click()
        visit.settle()
        expect(page.get_by_role("button", name="Next month")).to_be_disabled()
        assert page.evaluate(CHOSEN) > month
        page.get_by_role("button", name="Previous month").click()
        visit.settle()
        assert page.evaluate(CHOSEN) == month
        people.get_by_role("link", name="anna").click()
        expect(page).to_have_url(re.compile(f"/ui/people\\?show=views&users=anna&from={month}-01&to="))


def test_a_month_before_everything_says_so(signed_in: Visit) -> None:
    signed_in.open("/ui/month?month=1999-01")
    expect(signed_in.page.get_by_role("heading", name="No device was known in this month")).to_be_visible()
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("January 1999")
    assert signed_in.violations_in_both_themes() == []
    # Where nothing was known in the last whole month, the present one is shown.
    signed_in.page.clock.set_fixed_time("1999-06-15T12:00:00Z")
    signed_in.open("/ui/month")
    expect(signed_in.page.get_by_role("heading", level=1)).to_have_text("June 1999")
    expect(signed_in.page.get_by_role("button", name="Next month")).to_be_disabled()


def test_a_month_keeps_a_device_that_is_archived_since(browser: Browser, tmp_path: Path) -> None:
    """One that was imported, which makes no `New Device`; a month is over, whatever is done today."""
    mac, ended = "AA:BB:CC:00:00:01", "2025-10-07T12:00:00Z"
    stored = tmp_path / "stored.csv"
    stored.write_text(f"mac,connected_at,disconnected_at\n{mac},2025-10-07T10:00:00Z,{ended}\n")
    with (
        Server(tmp_path / "instance", ADMIN_PASSWORD=PASSWORD) as server,
        visiting(browser, f"http://127.0.0.1:{server.port}") as visit,
    ):
        run(tmp_path / "instance", "import", "csv", "sessions", str(stored))
        run(tmp_path / "instance", "device", "set", mac, "--name", "Camera", "--archive")
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/month?month=2025-10")
        expect(visit.page.locator("tbody tr")).to_have_count(1)
        expect(visit.page.locator("tbody tr")).to_contain_text("Camera")
        expect(visit.page.locator(".tile").nth(0)).to_contain_text("1")
        expect(visit.page.locator(".tile").nth(1)).to_contain_text("1")
        fresh = visit.page.locator(".month-card").filter(has_text="New devices")
        expect(fresh.get_by_role("listitem")).to_contain_text("Camera")


@pytest.mark.parametrize(("devices", "says"), [(25, 0), (26, 1)])
def test_on_paper_it_says_where_the_rows_of_a_long_table_are(
    browser: Browser, web_server: WebServer, devices: int, says: int
) -> None:
    with visiting(browser, web_server.base) as visit:
        visit.page.route(
            "**/presence/totals?*", lambda route: route.fulfill(json={"known": devices, "new": 0})
        )
        visit.log_in("admin", PASSWORD)
        visit.open("/ui/month")
        expect(visit.page.locator(".tile").first).to_contain_text(str(devices))
        visit.page.emulate_media(media="print")
        printed = visit.page.get_by_text("Of this table, the rows that the page shows are printed")
        expect(printed.filter(visible=True)).to_have_count(says)
