"""The page of events in a browser: types, period, search, order, download, explanations."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, PHONE, Visit, WebServer, visiting

PAGE = "/ui/events"
TYPES = {
    "all": "All events",
    "sessions": "Sessions",
    "missing": "Missing ends",
    "voided": "Voided",
    "new": "New devices",
    "down": "Down",
}
# In how many lines each word of an element stands.
LINES_OF_WORDS = """(element) => {
  const text = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
  return [...text.data.matchAll(/\\S+/g)].map(({ 0: word, index }) => {
    const range = document.createRange();
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    return range.getClientRects().length;
  });
}"""


def test_each_type_has_its_count_and_its_rows(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(f"{PAGE}?period=30+days")
    totals = page.request.get(f"{signed_in.base}/sessions/totals?period=30%20days&format=named").json()
    types = page.get_by_role("group", name="What is listed")
    for name, label in TYPES.items():
        types.get_by_role("button", name=re.compile(f"^{label}")).click()
        signed_in.settle()
        expect(types.locator("[aria-pressed=true]")).to_have_text(re.compile(rf"{label}\s*{totals[name]}"))
        expect(page.locator(".pager-range")).to_contain_text(f"of {totals[name]:,}")
        assert f"type={name}" in page.url or name == "all"


def test_its_state_is_in_the_address(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    page.get_by_label("Period").select_option("30 days")
    page.get_by_role("searchbox").fill("anna")
    page.wait_for_url(re.compile("q=anna"))
    page.get_by_role("button", name="Time", exact=True).click()
    page.wait_for_url(re.compile("sort=order_time"))
    signed_in.settle()
    first = page.locator("tbody tr").first.inner_text()
    assert "Anna" in first
    signed_in.open(page.url.removeprefix(signed_in.base))
    expect(page.get_by_role("searchbox")).to_have_value("anna")
    expect(page.get_by_label("Period")).to_have_value("30 days")
    expect(page.locator("tbody tr").first).to_have_text(re.compile("Anna"))
    page.get_by_role("button", name="Next page").click()
    page.wait_for_url(re.compile("page=2"))
    page.go_back()
    expect(page.locator(".pager-range")).to_contain_text(re.compile("^\\s*1.25"))


def test_a_row_leads_to_its_device(signed_in: Visit) -> None:
    signed_in.open(f"{PAGE}?q=anna%27s+phone")
    signed_in.page.get_by_role("link", name="Anna's phone").first.click()
    signed_in.page.wait_for_url(re.compile("/ui/devices/DA:41:7E:0C:93:5A"))


def test_what_a_radius_session_says_is_not_cut_within_a_word(signed_in: Visit) -> None:
    page = signed_in.page
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})

    def say(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for row in body["events"]:
            row["info"] = "NAS floor 1, user ben@corp.example, session 5F00A7"
        route.fulfill(response=answer, json=body)

    page.route("**/sessions/session-events?*", say)
    signed_in.open(f"{PAGE}?type=sessions")
    info = page.locator("tbody tr").first.get_by_text("NAS floor 1")
    assert info.evaluate(LINES_OF_WORDS) == [1] * 7


def test_the_file_has_the_rows_that_are_shown(signed_in: Visit, tmp_path: Path) -> None:
    page = signed_in.page
    signed_in.open(f"{PAGE}?type=sessions&q=anna&sort=duration_seconds")
    total = int(re.findall(r"of (\d+)", page.locator(".pager-range").inner_text())[0])
    # The login is renewed before the browser downloads the file itself.
    signed_in.expire_login()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download CSV").click()
    # The last seven days, by their days.
    named = r"sessiontrack-sessions-\d{4}-\d\d-\d\d-to-\d{4}-\d\d-\d\d\.csv"
    assert re.fullmatch(named, started.value.suggested_filename)
    started.value.save_as(tmp_path / "events.csv")
    with (tmp_path / "events.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == total > 3
    assert {row["owner"] for row in rows} == {"Anna"}
    seconds = [int(row["duration_seconds"]) for row in rows]
    assert seconds == sorted(seconds)


def test_what_the_words_mean_is_told(browser: Browser, web_server: WebServer) -> None:
    """Also by touch."""
    with visiting(browser, web_server.base, PHONE, has_touch=True, is_mobile=True) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(PAGE)
        text = visit.page.get_by_text("An event that turned out to be wrong")
        expect(text).to_be_hidden()
        visit.page.get_by_text("What do “voided” and “missing” mean?").tap()
        expect(text).to_be_visible()
        visit.page.get_by_text("What do “voided” and “missing” mean?").tap()
        expect(text).to_be_hidden()


@pytest.mark.parametrize(
    ("type", "said"),
    [
        ("all", "sessiontrack scan network --every 60s"),
        ("sessions", "sessiontrack scan network --every 60s"),
        ("missing", "No end is missing"),
        ("voided", "Nothing was voided"),
        ("new", "No new devices"),
        ("down", "No device went down"),
    ],
)
def test_without_anything_it_says_what_that_means(signed_in: Visit, type: str, said: str) -> None:
    def none(route: Route) -> None:
        route.fulfill(json={"success": True, "events": [], "total": 0})

    signed_in.page.route("**/session-events?*", none)
    signed_in.open(f"{PAGE}?type={type}")
    expect(signed_in.page.get_by_text(said)).to_be_visible()


def test_below_a_sub_path_the_file_is_found(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(PAGE)
        with visit.page.expect_download() as started:
            visit.page.get_by_role("link", name="Download CSV").click()
        assert started.value.url.startswith(f"{subpath}/sessions/session-events.csv")


@pytest.mark.parametrize("size", [(360, 800), PHONE, DESKTOP], ids=["small", "phone", "desktop"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("viewer", PASSWORD)
        for state in ("", "?type=missing&period=all", "?type=voided&period=all"):
            visit.open(PAGE + state)
            expect(visit.page.locator(".pills [aria-pressed=true]")).to_be_in_viewport(ratio=0.9)
            visit.page.locator(".about summary").press("Enter")
            expect(visit.page.get_by_text("An event that turned out to be wrong")).to_be_visible()
            assert visit.violations_in_both_themes() == []
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
