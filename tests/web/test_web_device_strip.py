"""The page of a device: its own timeline and latest sessions, its neighbours, when it is usually there."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.application import PASSWORD
from tests.support.web import Visit, WebServer, visiting

MAC = "DA:41:7E:0C:93:5A"
PAGE = f"/ui/devices/{MAC}"
PARIS = ZoneInfo("Europe/Paris")
DAY, NIGHT, NEVER = [0.0] * 8 + [1.0] * 9 + [0.0] * 7, [1.0] * 7 + [0.0] * 11 + [1.0] * 6, [0.0] * 24
Week = list[list[Any]]


def test_it_opens_with_its_own_timeline_and_latest_sessions(signed_in: Visit) -> None:
    page = signed_in.page
    with page.expect_request("**/presence/timeline?*") as request:
        signed_in.open(PAGE)
    assert f"mac={MAC.replace(':', '%3A')}" in request.value.url
    expect(page.locator(".tl-name strong")).to_have_text("Anna's phone")
    assert page.evaluate("document.querySelector('st-timeline').view.span") == 7 * 86_400
    latest = page.locator(".latest li")
    expect(latest).to_have_count(5)
    page.get_by_role("button", name="Zoom in").click()
    signed_in.settle()
    span = page.evaluate("document.querySelector('st-timeline').view.span")
    assert span == pytest.approx(3.5 * 86_400)
    # The heading says what is in sight.
    heading = page.locator("#device-strip")
    expect(heading).not_to_contain_text("7 days")
    page.get_by_role("button", name="Zoom out").click()
    expect(heading).to_have_text("The last 7 days")
    page.get_by_role("button", name="Earlier").first.click()
    expect(heading).not_to_contain_text("7 days")
    page.locator(".strip-buttons").get_by_role("button", name="Now").click()
    expect(heading).to_have_text("The last 7 days")
    assert signed_in.violations() == []


def test_an_end_of_a_session_leads_to_who_was_there_then(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    page.locator(".latest li").nth(1).get_by_title("Who was there then").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Presence")
    signed_in.settle()
    expect(page.locator("#instant-title")).to_contain_text("devices and")
    # From its connection on it was there.
    expect(page.locator("st-instant").get_by_role("link", name="Anna's phone")).to_be_visible()
    expect(page.get_by_label("Who was there at")).not_to_have_value("")


def test_a_click_on_its_time_axis_leads_there_too(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PAGE)
    page.locator(".tl-plot").click(position={"x": 200, "y": 20})
    expect(page.locator("#instant-title")).to_contain_text("and")


def test_its_neighbours_are_those_of_the_list(signed_in: Visit) -> None:
    page = signed_in.page
    devices = page.request.get(f"{signed_in.base}/devices?limit=1000").json()["devices"]
    signed_in.open(f"/ui/devices/{devices[0]['mac']}")
    expect(page.get_by_role("link", name="Previous device")).to_have_count(0)
    page.get_by_role("link", name=f"Next device: {devices[1]['name']}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(devices[1]["name"])
    expect(page.get_by_role("link", name=f"Next device: {devices[2]['name']}")).to_be_visible()
    page.get_by_role("link", name=f"Previous device: {devices[0]['name']}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(devices[0]["name"])


@pytest.mark.parametrize(
    ("week", "text"),
    [
        ([DAY] * 5 + [NEVER] * 2, "Usually here Mon-Fri 08-17."),
        ([NIGHT] * 5 + [[1.0] * 24] * 2, "Usually here Mon-Fri 18-07, Sat-Sun all day."),
        ([NIGHT] * 7, "Usually here every day 18-07."),
        ([[1.0] * 24] * 7, "Usually here every day all day."),
        ([DAY] * 2 + [[None] * 24] * 5, "Usually here Mon-Fri 08-17."),
    ],
)
def test_when_it_is_usually_there_in_words(signed_in: Visit, week: Week, text: str) -> None:
    _tell(signed_in, week)
    signed_in.open(PAGE)
    expect(signed_in.page.locator(".device-usual")).to_have_text(
        text.replace("-", "\N{EN DASH}\N{WORD JOINER}")
    )


@pytest.mark.parametrize("week", [[NEVER] * 7, [[None] * 24] * 7])
def test_where_no_hour_is_usual_nothing_is_said(signed_in: Visit, week: Week) -> None:
    _tell(signed_in, week)
    signed_in.open(PAGE)
    expect(signed_in.page.locator(".latest")).to_be_visible()
    expect(signed_in.page.locator(".device-usual")).to_have_count(0)


def test_of_less_than_two_weeks_nothing_is_usual(signed_in: Visit) -> None:
    """A minute on a Sunday afternoon is no habit."""
    page = signed_in.page
    short = {"observed_seconds": 14 * 86_400 - 1}
    _tell(signed_in, [[1.0] * 24] * 7, **short)
    signed_in.open(PAGE)
    expect(page.locator(".latest")).to_be_visible()
    # The device has been known for long: the period is short.
    expect(page.locator(".device-usual")).to_have_count(0)
    page.unroute("**/statistics?*")
    new = page.evaluate("new Date(Date.now() - 60_000).toISOString()")
    _tell(signed_in, [[1.0] * 24] * 7, **short, first_seen=new)
    signed_in.open(PAGE)
    expect(page.locator(".device-usual")).to_have_text(
        "When it is usually here can be said once it has been known for two weeks."
    )


def _tell(visit: Visit, week: Week, **more: object) -> None:
    def answer(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, body=json.dumps({**found.json(), "week": week, **more}))

    visit.page.route("**/statistics?*", answer)


def test_a_session_says_each_day_once_and_its_length_without_what_it_has_none_of(signed_in: Visit) -> None:
    now = datetime.now(PARIS).replace(microsecond=0)
    noon = now.replace(hour=12, minute=0, second=0) - timedelta(days=3)
    ends = {
        "2d": now - timedelta(minutes=1),
        "54m": noon + timedelta(minutes=54),
        "1d 5m": noon + timedelta(days=1),
    }
    seconds = {"2d": 2 * 86_400 + 7, "54m": 54 * 60, "1d 5m": 86_400 + 300}

    def answer(route: Route) -> None:
        known = route.fetch().json()
        events = [
            {
                **known["events"][0],
                "id": number,
                "connected_at": noon.isoformat(),
                "disconnected_at": ends[length].isoformat(),
                "still_connected": False,
                "duration_seconds": seconds[length],
            }
            for number, length in enumerate(ends)
        ]
        route.fulfill(json={**known, "events": events})

    signed_in.page.route("**/sessions/session-events?*limit=5*", answer)
    signed_in.open(PAGE)
    rows = signed_in.page.locator(".latest li")
    for row, (length, end) in zip(rows.all(), ends.items(), strict=True):
        expect(row.locator("small").first).to_have_text(length)
        begin_shown, end_shown = row.locator("time").all_inner_texts()
        assert "," in begin_shown
        assert ("," in end_shown) == (end.date() != noon.date())


def test_shares_are_written_as_the_language_does(browser: Browser, web_server: WebServer) -> None:
    for language, written in (("en", r"\d%$"), ("fr", r"\d[\u00a0\u202f]%$"), ("de", r"\d\u00a0%$")):
        with visiting(browser, web_server.base, locale=language) as visit:
            visit.choose(language=language)
            visit.log_in("admin", PASSWORD)
            visit.open(PAGE)
            share = visit.page.locator(".tile dd").first.inner_text()
            least, most = re.split(r"(?<=%)\s+", visit.page.locator(".heat-legend p").inner_text().strip())
            for each in (share, least, most):
                assert re.search(written, each), ascii(each)
