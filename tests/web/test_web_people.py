"""The page "People" in a browser: user sessions with filters, charts, and one session by view."""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, visiting

PEOPLE = "/ui/people"
SESSIONS = "/api/v2/sessions"
# Of the demo's site.
DAY_OF = "at => new Intl.DateTimeFormat('sv', {timeZone: 'Europe/Paris'}).format(new Date(at * 1000))"


def asked(visit: Visit, path: str) -> Any:
    answer = visit.page.request.get(visit.base + path)
    assert answer.ok, answer.text()
    return answer.json()


def names(visit: Visit) -> list[str]:
    return visit.page.locator("tbody td[data-kind=main] a").all_inner_texts()


def longest(visit: Visit) -> dict[str, Any]:
    """The demo's ended session with the most visible time."""
    found: list[dict[str, Any]] = asked(visit, f"{SESSIONS}?active=false&usernames[]=anna")
    return max(found, key=lambda each: each["visible_duration"])


def test_it_lists_user_sessions_now_and_before(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PEOPLE)
    assert names(signed_in) == [each["username"] for each in asked(signed_in, f"{SESSIONS}?limit=25")]
    page.get_by_role("button", name="Now").click()
    page.wait_for_url(re.compile("active=now"))
    signed_in.settle()
    expect(page.get_by_text("Active").first).to_be_visible()
    expect(page.get_by_text("Ended")).to_have_count(0)
    page.get_by_role("button", name="Before").click()
    expect(page.get_by_text("Ended").first).to_be_visible()
    expect(page.get_by_text("Active")).to_have_count(0)


def test_filters_are_those_of_the_api_and_in_the_address(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(PEOPLE)
    page.locator(".people-users summary").click()
    page.get_by_label("ben").check()
    page.get_by_label("clara").check()
    page.wait_for_url(re.compile("users=ben%2Cclara"))
    page.keyboard.press("Escape")
    # The first and the last day of five sessions in the middle.
    some = asked(signed_in, f"{SESSIONS}?usernames[]=ben&usernames[]=clara&limit=5&offset=20")
    first, last = (page.evaluate(DAY_OF, some[n]["start"]) for n in (-1, 0))
    page.get_by_label("Period").select_option("custom")
    page.get_by_label("From", exact=True).fill(f"{first}T00:00")
    with page.expect_request("**/api/v2/sessions?*started_after=*started_before=*"):
        page.get_by_label("To", exact=True).fill(f"{last}T23:59")
        page.get_by_label("To", exact=True).press("Tab")
    signed_in.settle()
    expected = asked(
        signed_in,
        f"{SESSIONS}?usernames[]=ben&usernames[]=clara&started_after={first}T00:00&started_before={last}T23:59",
    )
    assert 5 <= len(expected) < 25
    expect(page.locator("tbody td[data-kind=main] a")).to_have_text([each["username"] for each in expected])
    file = page.get_by_role("link", name="CSV").get_attribute("href")
    assert len(signed_in.page.request.get(signed_in.base + str(file)).text().splitlines()) == 1 + len(
        expected
    )
    address = page.url.removeprefix(signed_in.base)
    assert parse_qs(urlsplit(address).query)["from"] == [f"{first}T00:00"]
    signed_in.open(address)
    assert names(signed_in) == [each["username"] for each in expected]
    # The other lists of the page have the same period.
    page.get_by_role("button", name="Time per page").click()
    expect(page.get_by_label("From", exact=True)).to_have_value(f"{first}T00:00")
    page.get_by_role("button", name="Sessions", exact=True).click()
    page.get_by_role("button", name="Before").click()
    page.get_by_label("From", exact=True).fill("2001-01-01T00:00")
    page.get_by_label("To", exact=True).fill("2001-01-02T00:00")
    page.get_by_label("To", exact=True).press("Tab")
    page.get_by_role("button", name="Clear search and filters").click()
    expect(page.locator("tbody tr")).to_have_count(25)


def test_time_per_page_is_a_chart_of_the_period(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(f"{PEOPLE}?users=anna")
    page.get_by_role("button", name="Time per page").click()
    signed_in.settle()
    (stats,) = asked(signed_in, "/api/v2/session-stats?period=30 days&usernames[]=anna")
    views = page.locator(".people-columns section").first.locator(".bars > li > .bar")
    # Pages that this web UI has too are named as there.
    shown = {each.lower() for each in views.locator(".bar-name").all_inner_texts()}
    assert shown == set(stats["tab_duration"])
    devices = stats["tab_duration"]["devices"]
    expect(page.locator(".bars-part .bar-name").filter(has_text=re.compile("^all$"))).to_have_count(1)
    expect(views.locator("rect").first).to_have_attribute("width", "100%")
    hours = sum(devices.values()) // 3600
    expect(views.filter(has_text="devices")).to_contain_text(f"{hours}h" if hours else "m")
    with page.expect_request("**/api/v2/session-stats?period=7+days*"):
        page.get_by_label("Period").select_option("Last 7 days")
    assert "period=7+days" in page.url


def test_day_by_day_shows_sessions_and_time_of_each_person(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(f"{PEOPLE}?show=days&users=anna,ben")
    days = asked(signed_in, "/api/v2/session-days?period=30 days&usernames[]=anna&usernames[]=ben")
    assert page.locator("tbody th").all_inner_texts() == ["anna", "ben"]
    for row, name in enumerate(("anna", "ben")):
        own = [each for each in days if each["username"] == name]
        cells = page.locator("tbody tr").nth(row).locator("td[data-level]")
        expect(cells).to_have_count(len(own))
        # The latest day first.
        expect(cells.first).to_contain_text(str(own[-1]["sessions"]))


def test_a_year_of_many_people_comes_in_pages_and_only_what_is_in_sight_is_drawn(signed_in: Visit) -> None:
    page = signed_in.page
    days = [(date(2025, 1, 1) + timedelta(days=number)).isoformat() for number in range(366)]
    stats = [
        {"username": f"user {number}", "sessions": 366, "visible_duration": 60, "tab_duration": {}}
        for number in range(1000)
    ]

    def answer(route: Route) -> None:
        names = parse_qs(urlsplit(route.request.url).query)["usernames[]"]
        route.fulfill(
            json=[
                {"username": name, "day": day, "sessions": 1, "visible_duration": 60}
                for name in sorted(names)
                for day in days
            ]
        )

    page.route("**/session-stats?*", lambda route: route.fulfill(json=stats))
    page.route("**/session-days?*", answer)
    signed_in.open(f"{PEOPLE}?show=days&period=1+year")
    # Numbers in names are in the order of numbers.
    assert page.locator("tbody th").all_inner_texts() == [f"user {number}" for number in range(25)]
    expect(page.locator(".pager-range")).to_have_text(re.compile("^1.25 of 1,000$"))
    first_day = page.locator("thead th", has_text=re.compile(r"\b1 January 2025"))
    expect(first_day).to_have_count(0)
    assert page.locator("td[data-level]").count() <= 25 * 64
    page.locator(".days .table-scroll").evaluate("each => each.scrollTo(each.scrollWidth, 0)")
    expect(first_day).to_have_count(1)
    expect(page.locator("thead th", has_text=re.compile(r"\b1 January 2026"))).to_have_count(0)
    assert page.locator("td[data-level]").count() <= 25 * 64
    assert page.locator(".days table").get_attribute("aria-colcount") == "367"
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("tbody th").first).to_have_text("user 25")
    assert "page=2" in page.url


@pytest.mark.parametrize("size", [(1440, 900), PHONE], ids=["desktop", "phone"])
def test_a_press_on_a_bar_a_name_or_a_day_narrows_what_is_below(
    browser: Browser, web_server: WebServer, size: tuple[int, int]
) -> None:
    with visiting(browser, web_server.base, size) as visit:
        page = visit.page
        visit.log_in("admin", PASSWORD)
        visit.open(f"{PEOPLE}?show=views")
        chips = page.get_by_role("list", name="What is shown").get_by_role("button")
        pages, people = (page.locator(".people-columns section").nth(number) for number in (0, 1))
        rows = page.locator(".people-times tbody tr")
        people.get_by_role("button", name="anna").click()
        expect(chips).to_have_text(["anna"])
        visit.settle()
        (stats,) = asked(visit, "/api/v2/session-stats?period=30 days&usernames[]=anna")
        tabs = {view: each if isinstance(each, dict) else {} for view, each in stats["tab_duration"].items()}
        expect(rows).to_have_count(sum(max(1, len(each)) for each in tabs.values()))
        pages.get_by_role("button", name="devices").click()
        expect(chips).to_have_text(["anna", "devices"])
        expect(rows).to_have_count(len(tabs["devices"]))
        expect(rows.first).to_contain_text("devices")
        assert visit.violations() == []
        file = page.get_by_role("link", name="CSV").get_attribute("href") or ""
        lines = page.request.get(visit.base + file).text().splitlines()
        assert len(lines) == 1 + len(tabs["devices"])
        chips.last.click()
        expect(chips).to_have_text(["anna"])
        chips.first.click()
        expect(chips).to_have_count(0)

        page.get_by_role("button", name="Day by day").click()
        page.locator("tbody th").get_by_role("button", name="ben").click()
        expect(chips).to_have_text(["ben"])
        expect(page.locator("tbody th")).to_have_text(["ben"])
        page.locator("td[data-level]").first.click()
        expect(chips).to_have_count(2)
        # A session of that day may have begun on the day before.
        table = page.locator("st-table")
        expect(table.locator("tbody tr, .empty").first).to_be_visible()
        day = parse_qs(urlsplit(page.url).query)["day"][0]
        began = [
            each
            for each in asked(visit, f"{SESSIONS}?usernames[]=ben&started_after={day}T00:00")
            if page.evaluate(DAY_OF, each["start"]) == day
        ]
        expect(table.locator("tbody tr")).to_have_count(len(began))
        file = page.get_by_role("link", name="CSV").get_attribute("href") or ""
        assert f"ben,{day}," in page.request.get(visit.base + file).text()
        assert visit.violations() == []


def test_one_session_is_a_timeline_of_its_views(signed_in: Visit) -> None:
    page = signed_in.page
    session = longest(signed_in)
    views = asked(signed_in, f"{SESSIONS}/{session['_id']}/views")
    assert len(views) > 2
    signed_in.open(f"{PEOPLE}/{session['_id']}")
    expect(page.get_by_role("heading", name="anna")).to_be_visible()
    expect(page.locator(".people-track rect")).to_have_count(len(views))
    rows = page.locator(".people-visits li")
    expect(rows).to_have_count(len(views))
    for part in views[0]["path"]:
        expect(rows.first).to_contain_text(part, ignore_case=True)
    length = session["last_ping"] - session["start"]
    width = page.locator(".people-track rect").first.get_attribute("width") or ""
    assert float(width.removesuffix("%")) == pytest.approx(
        100 * (views[0]["until"] - views[0]["since"]) / length
    )


def test_pages_of_this_web_ui_are_named_in_words(signed_in: Visit) -> None:
    page = signed_in.page
    session = longest(signed_in)
    paths = [["device"], ["user-session"], ["settings"], ["settings", "general"], ["/view/da7ac9b9"]]
    views = [
        {"path": path, "since": 1000 + 10 * n, "until": 1010 + 10 * n, "visible_duration": 10}
        for n, path in enumerate(paths)
    ]
    page.route("**/views?*", lambda route: route.fulfill(json=views, headers={"X-Total-Count": "5"}))
    signed_in.open(f"{PEOPLE}/{session['_id']}")
    names = ["A device", "A user session", "Settings", "settings \u203a general", "/view/da7ac9b9"]
    expect(page.locator(".people-visits strong")).to_have_text(names)


def test_neighbouring_pages_never_have_the_same_colour(signed_in: Visit) -> None:
    page = signed_in.page
    session = longest(signed_in)
    # Ten pages for eight colours; then the first one after the ninth, which would have its colour.
    order = [*range(10), 8, 0, 8, 1, 9, 0]
    views = [
        {"path": [f"page {view}"], "since": 1000 + 10 * n, "until": 1010 + 10 * n, "visible_duration": 10}
        for n, view in enumerate(order)
    ]
    page.route("**/views?*", lambda route: route.fulfill(json=views, headers={"X-Total-Count": "16"}))
    signed_in.open(f"{PEOPLE}/{session['_id']}")
    rects = page.locator(".people-track rect")
    expect(rects).to_have_count(len(order))
    colors = [each.get_attribute("data-color") for each in rects.all()]
    assert [one for one, other in pairwise(colors) if one == other] == []
    expect(page).to_have_title(re.compile("^anna, "))


def test_the_longest_pages_of_a_chart_have_colours_of_their_own(signed_in: Visit) -> None:
    page = signed_in.page
    # As many as there are colours, in no order, and some that are hardly seen.
    seconds = {
        f"page {n}": length for n, length in enumerate((1, 500, 2, 800, 300, 3, 700, 400, 4, 600, 100, 200))
    }
    row = {"username": "anna", "sessions": 1, "visible_duration": 3610, "tab_duration": seconds}
    page.route("**/session-stats?*", lambda route: route.fulfill(json=[row]))
    signed_in.open(f"{PEOPLE}?show=views")
    rects = page.locator(".people-columns section").first.locator("rect")
    expect(rects).to_have_count(len(seconds))
    longest = [each.get_attribute("data-color") for each in rects.all()[:8]]
    assert len(set(longest)) == 8


def test_the_list_leads_to_a_session_and_back(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(f"{PEOPLE}?active=before&users=anna")
    page.locator("tbody td[data-kind=main] a").first.click()
    page.wait_for_url(re.compile(r"/ui/people/[0-9a-f-]{36}$"))
    expect(page.get_by_text("From page to page")).to_be_visible()
    page.go_back()
    page.wait_for_url(re.compile("active=before"))
    signed_in.open("/ui/now")
    page.locator(".now-people li a").first.click()
    page.wait_for_url(re.compile(r"/ui/people/[0-9a-f-]{36}$"))


def test_a_session_without_order_or_that_is_gone_says_so(signed_in: Visit) -> None:
    page = signed_in.page
    session = longest(signed_in)
    page.route("**/views?*", lambda route: route.fulfill(json=[], headers={"X-Total-Count": "0"}))
    signed_in.open(f"{PEOPLE}/{session['_id']}")
    expect(page.get_by_text("The order of the pages is not known")).to_be_visible()
    expect(page.locator(".bars > li").first).to_be_visible()
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open(f"{PEOPLE}/0c8f1f3e-8a51-4c0e-9d53-6f6f2a4b9f10")
    expect(page.get_by_text("There is no such session")).to_be_visible()


def test_without_people_it_says_how_they_come(signed_in: Visit) -> None:
    page = signed_in.page
    page.route("**/api/v2/sessions?*", lambda route: route.fulfill(json=[], headers={"X-Total-Count": "0"}))
    page.route("**/api/v2/session-*", lambda route: route.fulfill(json=[]))
    for show in ("sessions", "views", "days"):
        signed_in.open(f"{PEOPLE}?show={show}")
        expect(page.get_by_text("POST /api/v2/sessionstart")).to_be_visible()


@pytest.mark.parametrize("address", ["?show=nothing&active=nothing&users=%25,nobody", "?show=views&period=x"])
def test_a_mistyped_address_is_no_fault_of_the_page(signed_in: Visit, address: str) -> None:
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.open(PEOPLE + address)
    expect(signed_in.page.locator(".empty")).to_be_visible()


def test_hostile_names_stay_text(signed_in: Visit) -> None:
    hostile = "<img src=x onerror=alert(1)>" + "M" * 400
    row = {"username": hostile[:64], "sessions": 1, "visible_duration": 60}
    stats = {**row, "tab_duration": {hostile: {hostile: 60}}, "first_seen": 1, "last_seen": 61}
    days = {**row, "day": "2025-08-01"}
    signed_in.page.route("**/session-stats?*", lambda route: route.fulfill(json=[stats]))
    signed_in.page.route("**/session-days?*", lambda route: route.fulfill(json=[days]))
    for show in ("views", "days"):
        signed_in.open(f"{PEOPLE}?show={show}")
        expect(signed_in.page.locator(".card").get_by_text(hostile[:64]).first).to_be_visible()
        assert signed_in.page.evaluate("document.documentElement.scrollWidth") <= DESKTOP[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (360, 800)], ids=["desktop", "phone", "narrow"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    browser: Browser, web_server: WebServer, size: tuple[int, int]
) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("admin", PASSWORD)
        session = longest(visit)
        for path in ("", "?show=views", "?show=days", f"/{session['_id']}"):
            visit.open(PEOPLE + path)
            assert visit.violations_in_both_themes() == []
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_below_a_sub_path_in_french(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.log_in("viewer", PASSWORD)
        visit.choose(language="fr")
        visit.open(PEOPLE)
        visit.page.locator("tbody td[data-kind=main] a").first.click()
        visit.page.wait_for_url(re.compile(f"{subpath}/ui/people/"))
        visit.page.get_by_role("link", name="Personnes").last.click()
        visit.page.wait_for_url(f"{subpath}/ui/people")
