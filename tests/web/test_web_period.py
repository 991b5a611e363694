"""The one choice of a period: days of the site's calendar, lengths of time, from one time to another."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.web import Visit

# In Paris it is Tuesday, 3 March, half past midnight.
NOW = "2026-03-02T23:30:00Z"
NAMED = {
    "today": ("2026-03-03", "2026-03-03"),
    "yesterday": ("2026-03-02", "2026-03-02"),
    "this week": ("2026-03-02", "2026-03-08"),
    "last week": ("2026-02-23", "2026-03-01"),
    "this month": ("2026-03-01", "2026-03-31"),
    "last month": ("2026-02-01", "2026-02-28"),
}
CALLS = {
    "/ui/events": "/sessions/session-events?",
    "/ui/people?show=views": "/api/v2/session-stats?",
    "/ui/people?show=days": "/api/v2/session-stats?",
    "/ui/devices/DA:41:7E:0C:93:5A": "/statistics?",
}


def asked(url: str) -> dict[str, str]:
    """The period that a call asks for."""
    query = parse_qs(urlsplit(url).query)
    return {name: query[name][0] for name in ("period", "start", "end") if name in query}


@pytest.mark.parametrize("path", CALLS)
def test_named_days_are_those_of_the_site(signed_in: Visit, path: str) -> None:
    page = signed_in.page
    page.clock.set_fixed_time(NOW)
    signed_in.open(path)
    for name, (start, end) in NAMED.items():
        with page.expect_request(re.compile(re.escape(CALLS[path]))) as request:
            page.get_by_label("Period").select_option(name)
        assert asked(request.value.url) == {"start": start, "end": end}, name
        signed_in.settle()
    with page.expect_request(re.compile(re.escape(CALLS[path]))) as request:
        page.get_by_label("Period").select_option("365 days")
    assert asked(request.value.url) == {"period": "365 days"}


def test_from_one_time_to_another(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/events")
    page.get_by_label("Period").select_option("From … to …")
    page.get_by_label("From", exact=True).fill("2026-02-01T08:00")
    with page.expect_request(re.compile("/sessions/session-events\\?")) as request:
        page.get_by_label("To", exact=True).fill("2026-02-01T18:30")
    wanted = {"start": "2026-02-01T08:00", "end": "2026-02-01T18:30"}
    assert asked(request.value.url) == wanted
    file = page.get_by_role("link", name="Download CSV").get_attribute("href") or ""
    assert asked(file) == wanted
    # The address leads here again.
    with page.expect_request(re.compile("/sessions/session-events\\?")) as request:
        page.reload()
    assert asked(request.value.url) == wanted
    expect(page.get_by_label("To", exact=True)).to_have_value("2026-02-01T18:30")
    assert signed_in.violations() == []


def test_each_missing_end_has_its_list(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open("/ui/events?period=all")
    total = 0
    for name, label in (("connection", "Connection missing"), ("disconnection", "Disconnection missing")):
        page.get_by_role("button", name=label, exact=True).click()
        signed_in.settle()
        told = page.request.get(
            f"{signed_in.base}/sessions/session-events?type=missing_{name}&period=all&format=json"
        ).json()
        total += told["total"]
        expect(page.locator(".pager-range")).to_contain_text(f"of {told['total']}")
        href = page.get_by_role("link", name="Download CSV").get_attribute("href") or ""
        assert f"type=missing_{name}" in href
    named = page.request.get(f"{signed_in.base}/sessions/totals?period=all&format=named").json()
    assert total == named["missing"] > 1
