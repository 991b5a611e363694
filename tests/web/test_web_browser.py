"""The web UI in a browser: signing in and out, devices, themes, languages, a sub-path, the keyboard."""

import re

import pytest
from playwright.sync_api import Browser, Route, expect

from sessiontrack.web.catalogues import LANGUAGES
from sessiontrack.web.pages import PAGES
from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, visiting

DEVICES = "/ui/devices"


def fill_in(visit: Visit, username: str, password: str) -> None:
    visit.page.get_by_label("User name").fill(username)
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button", name="Sign in").click()


def names(visit: Visit) -> list[str]:
    return visit.page.locator("tbody td[data-kind=main] strong").all_inner_texts()


def test_signing_in_leads_to_where_one_wanted_to_go(visit: Visit) -> None:
    visit.open(f"{DEVICES}?status=connected")
    fill_in(visit, "viewer", PASSWORD)
    visit.page.wait_for_url(f"{visit.base}{DEVICES}?status=connected")
    expect(visit.page.get_by_role("heading", name="Devices")).to_be_visible()
    expect(visit.page.locator("#menu summary")).to_be_visible()


def test_a_wrong_password_says_what_one_can_do(visit: Visit) -> None:
    visit.allowed.append(FAILED_LOAD)
    visit.open("/ui/login")
    fill_in(visit, "somebody", "wrong")
    expect(visit.page.get_by_role("alert")).to_contain_text("sessiontrack user passwd somebody")
    expect(visit.page.get_by_label("Password")).to_be_focused()


def test_nothing_typed_is_said_without_asking_the_server(visit: Visit) -> None:
    visit.open("/ui/login")
    fill_in(visit, "admin", "")
    expect(visit.page.get_by_role("alert")).to_have_text("Type a user name and a password.")


def test_too_many_attempts_say_how_long_to_wait(visit: Visit) -> None:
    visit.allowed.append(FAILED_LOAD)
    visit.open("/ui/login")
    for _ in range(4):
        with visit.page.expect_response(lambda response: "/auth/login" in response.url):
            fill_in(visit, "throttled", "wrong")
    expect(visit.page.get_by_role("alert")).to_have_text(
        re.compile(r"Too many failed attempts. You can try again in \d+ seconds.")
    )


def test_a_server_that_is_away_is_said_and_found_again(signed_in: Visit) -> None:
    signed_in.allowed.append(FAILED_LOAD)
    signed_in.page.clock.install()
    signed_in.open(DEVICES)
    signed_in.page.route("**/devices**", lambda route: route.abort())
    signed_in.page.get_by_role("searchbox").fill("phone")
    expect(signed_in.page.get_by_text("The server does not answer, so this page")).to_be_visible()
    signed_in.page.unroute("**/devices**")
    # The interval between two attempts.
    signed_in.page.clock.run_for(5000)
    expect(signed_in.page.locator(".away")).to_be_empty()
    expect(signed_in.page.get_by_text("Anna's phone")).to_be_visible()


def test_signing_out_ends_the_login(signed_in: Visit) -> None:
    signed_in.open(DEVICES)
    signed_in.page.locator("#menu summary").click()
    signed_in.page.get_by_role("button", name="Sign out").click()
    signed_in.page.wait_for_url(re.compile("/ui/login"))
    assert signed_in.page.request.get(f"{signed_in.base}/auth/me").status == 401
    signed_in.open(DEVICES)
    assert "/ui/login" in signed_in.page.url


def test_an_access_token_that_has_run_out_is_renewed_unnoticed(signed_in: Visit) -> None:
    signed_in.open(DEVICES)
    signed_in.expire_login()
    signed_in.page.get_by_role("searchbox").fill("phone")
    signed_in.page.wait_for_url(re.compile("q=phone"))
    signed_in.settle()
    assert len(names(signed_in)) > 3
    assert all("phone" in name for name in names(signed_in))


def test_a_login_that_has_ended_leads_to_the_login_page(signed_in: Visit) -> None:
    with signed_in.page.expect_response("**/api/v2/sessionstart"):
        signed_in.open(DEVICES)
    signed_in.page.context.clear_cookies()
    signed_in.page.get_by_role("searchbox").fill("phone")
    signed_in.page.wait_for_url(re.compile(r"/ui/login\?next=%2Fui%2Fdevices%3Fq%3Dphone"))


def test_the_list_is_searched_sorted_filtered_and_its_state_is_in_the_address(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(DEVICES)
    assert len(names(signed_in)) == 25
    page.get_by_role("searchbox").fill("anna")
    page.wait_for_url(re.compile(r"q=anna"))
    signed_in.settle()
    # By owner too.
    assert set(names(signed_in)) == {"Anna's laptop", "Anna's phone", "Office printer"}
    page.get_by_role("button", name="Device", exact=True).click()
    expect(page.get_by_role("columnheader", name="Device")).to_have_attribute("aria-sort", "descending")
    page.wait_for_url(re.compile(r"sort=-name"))
    page.get_by_role("button", name="Connected", exact=False).first.click()
    page.wait_for_url(re.compile(r"status=connected"))
    address = page.url
    signed_in.open(address.removeprefix(signed_in.base))
    expect(page.get_by_role("searchbox")).to_have_value("anna")


def test_what_is_being_typed_stays_as_it_is(signed_in: Visit) -> None:
    page, field = signed_in.page, signed_in.page.get_by_role("searchbox")
    signed_in.open(DEVICES)
    field.press_sequentially("office ")
    page.wait_for_url(re.compile(r"q=office$"))
    signed_in.settle()
    # The pause is over, and the trailing space is still there.
    field.press_sequentially("printer")
    page.wait_for_url(re.compile(r"q=office(\+|%20)printer"))
    expect(field).to_have_value("office printer")


def test_going_back_shows_what_was_there_before(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(DEVICES)
    page.get_by_role("button", name="Archived").click()
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Anna's phone")).to_be_visible()
    page.go_forward()
    page.get_by_role("button", name="Clear search and filters").click()
    expect(page.get_by_text("Anna's phone")).to_be_visible()


def test_a_page_beyond_the_last_is_the_last(signed_in: Visit) -> None:
    signed_in.open(f"{DEVICES}?page=99")
    assert len(names(signed_in)) == 25
    expect(signed_in.page.get_by_text(re.compile("1.25 of 25"))).to_be_visible()


def test_what_cannot_be_loaded_says_why_and_is_tried_again(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.allowed.append(FAILED_LOAD)
    body = '{"success": false, "error": "server_error", "message": "Something went wrong here."}'

    def fail(route: Route) -> None:
        route.fulfill(status=500, content_type="application/json", body=body)

    page.route("**/devices?*", fail)
    signed_in.open(DEVICES)
    expect(page.get_by_role("heading", name="Something went wrong here.")).to_be_visible()
    page.unroute("**/devices?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Anna's phone")).to_be_visible()


def test_without_devices_it_says_how_to_get_some(signed_in: Visit) -> None:
    def none(route: Route) -> None:
        route.fulfill(json={"success": True, "devices": []}, headers={"X-Total-Count": "0"})

    signed_in.page.route("**/devices?*", none)
    signed_in.open(DEVICES)
    expect(signed_in.page.get_by_text("sessiontrack scan network --every 60s")).to_be_visible()


def test_text_from_outside_stays_text(signed_in: Visit) -> None:
    hostile = "<img src=x onerror=alert(1)>"

    def rename(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        found["devices"][0]["name"] = hostile
        route.fulfill(response=answer, json=found)

    signed_in.page.route("**/devices?*", rename)
    signed_in.open(DEVICES)
    expect(signed_in.page.get_by_text(hostile)).to_be_visible()


def test_times_are_in_site_time_with_the_zone_named(browser: Browser, web_server: WebServer) -> None:
    with visiting(browser, web_server.base, timezone_id="America/New_York") as visit:
        visit.log_in("viewer", PASSWORD)
        visit.open(DEVICES)
        expect(visit.page.get_by_text("All times are in Europe/Paris.")).to_be_visible()
        shown = visit.page.locator("time").first
        device = visit.page.request.get(f"{visit.base}/devices?limit=1").json()["devices"][0]
        assert device["first_seen"][11:16] in shown.inner_text()
        assert "Europe/Paris" in (shown.get_attribute("title") or "")


def test_theme_and_language_are_remembered(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(DEVICES)
    light = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.locator("#menu summary").click()
    page.get_by_text("Dark", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != light
    page.get_by_text("Français").click()
    expect(page.get_by_role("heading", name="Appareils")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.lang") == "fr"


def test_the_keyboard_is_enough(signed_in: Visit) -> None:
    page = signed_in.page
    signed_in.open(DEVICES)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for name in ("Columns", "CSV", "Add a device"):
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_contain_text(name)
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.locator("#menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_below_a_sub_path_all_of_it_works(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.open("/")
        fill_in(visit, "operator", PASSWORD)
        visit.page.wait_for_url(f"{subpath}/ui{PAGES[0].path}")
        visit.open(DEVICES)
        assert len(names(visit)) == 25
        assert {cookie["path"] for cookie in visit.page.context.cookies()} == {"/sessiontrack"}
        visit.page.locator("#menu summary").click()
        visit.page.get_by_text("Dark", exact=True).click()
        visit.page.get_by_role("button", name="Sign out").click()
        visit.page.wait_for_url(f"{subpath}/ui/login")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", ["/ui/login", "/ui/nothing", DEVICES, f"{DEVICES}?q=nothing"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, path: str, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.allowed.append("404 (NOT FOUND)")
        visit.choose(theme="light")
        if path != "/ui/login":
            visit.log_in("admin", PASSWORD)
        visit.open(path)
        assert visit.violations_in_both_themes() == []
        if visit.page.locator("#menu").count():
            visit.page.locator("#menu summary").click()
            expect(visit.page.get_by_text("Language", exact=True)).to_be_visible()
            assert visit.violations_in_both_themes() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tests_own_look_at_contrasts_finds_too_little_in_either_theme(
    signed_in: Visit, theme: str
) -> None:
    signed_in.choose(theme="light")
    signed_in.open(DEVICES)
    # What is nearly the colour behind it, in one of the themes.
    near = {"light": "#eee", "dark": "#222"}[theme]
    style = f"document.styleSheets[0].insertRule('[data-theme={theme}] h1 {{ color: {near} }}', 0)"
    signed_in.page.evaluate(f"{style}; document.querySelector('h1').style.transition = 'none'")
    found = signed_in.violations_in_both_themes()
    assert [each.partition(":")[0] for each in found] == ["color-contrast"]


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920, 3840])
def test_nothing_is_wider_than_the_window(browser: Browser, web_server: WebServer, width: int) -> None:
    with visiting(browser, web_server.base, (width, 900)) as visit:
        visit.log_in("viewer", PASSWORD)
        for path in (DEVICES, "/ui/login"):
            visit.open(path)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_on_a_phone_every_page_fits_in_every_language(
    browser: Browser, web_server: WebServer, language: str
) -> None:
    with visiting(browser, web_server.base, (360, 800), locale=language) as visit:
        visit.open("/ui/login")
        assert visit.page.evaluate("document.documentElement.lang") == language
        visit.log_in("admin", PASSWORD)
        for page in PAGES:
            if page.icon:
                visit.open(f"/ui{page.path}")
                assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360, page.name


@pytest.mark.parametrize("path", ["/ui/login", "/ui/nothing"])
def test_a_page_of_one_card_has_it_in_the_middle(visit: Visit, path: str) -> None:
    visit.allowed.append(FAILED_LOAD)
    visit.open(path)
    card = visit.page.locator("main").bounding_box()
    assert card is not None
    assert abs(card["x"] + card["width"] / 2 - DESKTOP[0] / 2) <= 1
    # As far from the top as from the bottom, but for the line there.
    assert abs(card["y"] + card["height"] / 2 - DESKTOP[1] / 2) <= 0.05 * DESKTOP[1]


@pytest.mark.parametrize(
    ("language", "nothing", "wrong", "away"),
    [
        ("fr", "Saisissez un nom", "est faux", "Le serveur ne répond pas"),
        ("de", "Geben Sie Benutzername und Kennwort ein.", "ist falsch", "Der Server antwortet nicht"),
    ],
)
def test_the_login_page_tells_errors_in_the_pages_language(
    browser: Browser, web_server: WebServer, language: str, nothing: str, wrong: str, away: str
) -> None:
    with visiting(browser, web_server.base, locale=language) as visit:
        visit.allowed.append(FAILED_LOAD)
        visit.open("/ui/login")
        submit = visit.page.locator("#login [type=submit]")
        alert = visit.page.get_by_role("alert")
        submit.click()
        expect(alert).to_contain_text(nothing)
        visit.page.locator("[name=username]").fill(f"nobody-{language}")
        visit.page.locator("[name=password]").fill("wrong")
        submit.click()
        expect(alert).to_contain_text(wrong)
        visit.page.route("**/auth/login?*", lambda route: route.abort())
        submit.click()
        expect(alert).to_contain_text(away)
