"""The page of the own account in a browser: password and logins, for every role."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, can_sign_in, visiting

ACCOUNT = "/ui/account"
NEW = "battery staple"


def open_from_menu(visit: Visit) -> None:
    visit.open("/ui/now")
    visit.page.locator("#menu summary").click()
    visit.page.get_by_role("link", name="Account", exact=True).click()
    visit.page.wait_for_url(re.compile(ACCOUNT))


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_everybody_changes_the_own_password(own: Visit, role: str) -> None:
    page = own.page
    own.allowed.append(FAILED_LOAD)
    own.log_in(role, PASSWORD)
    open_from_menu(own)
    expect(page.get_by_text(f"Signed in as {role}, {role.capitalize()}.")).to_be_visible()
    page.get_by_role("button", name="Change the password").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Present password").fill("not this one")
    dialog.get_by_label("New password").fill(NEW)
    expect(dialog.get_by_role("status")).to_have_text("good")
    dialog.get_by_role("button", name="Change the password").click()
    expect(dialog.get_by_role("alert")).to_have_text("This is not your present password.")
    assert own.violations() == []
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_role("button", name="Change the password").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("status").get_by_text("The password is changed")).to_have_count(1)
    # Still signed in here.
    own.open(ACCOUNT)
    expect(page.get_by_role("row").filter(has_text="This one")).to_have_count(1)
    assert not can_sign_in(own, role, PASSWORD)
    assert can_sign_in(own, role, NEW)


def test_own_logins_are_listed_and_the_others_ended(own: Visit, browser: Browser) -> None:
    page = own.page
    open_from_menu(own)
    end = page.get_by_role("button", name="Sign out elsewhere")
    expect(page.get_by_role("row").filter(has_text="This one")).to_contain_text("127.0.0.1")
    expect(end).to_be_disabled()
    with visiting(browser, own.base) as elsewhere:
        elsewhere.log_in("admin", PASSWORD)
        own.open(ACCOUNT)
        expect(page.get_by_role("row").filter(has_text="Elsewhere")).to_have_count(1)
        end.click()
        page.get_by_role("dialog").get_by_role("button", name="Sign out elsewhere").click()
        expect(page.get_by_role("row").filter(has_text="Elsewhere")).to_have_count(0)
        expect(page.get_by_role("row").filter(has_text="This one")).to_have_count(1)
        elsewhere.page.goto(elsewhere.base + ACCOUNT)
        elsewhere.page.wait_for_url(re.compile("/ui/login"))


def test_one_login_is_ended_and_the_others_stay(own: Visit, browser: Browser) -> None:
    page = own.page
    with visiting(browser, own.base, PHONE) as phone, visiting(browser, own.base) as tablet:
        for each in (phone, tablet):
            each.log_in("admin", PASSWORD)
        own.open(ACCOUNT)
        others = page.get_by_role("row").filter(has_text="Elsewhere")
        expect(others).to_have_count(2)
        expect(page.get_by_role("button", name="Sign out the login from 127.0.0.1")).to_have_count(2)
        others.first.get_by_role("button").click()
        page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
        expect(others).to_have_count(1)
        expect(page.get_by_role("status").get_by_text("One login has ended.")).to_have_count(1)
        answers = [each.page.request.get(f"{each.base}/auth/me").status for each in (phone, tablet)]
        assert sorted(answers) == [200, 401]


def test_a_login_that_has_ended_meanwhile_is_gone(own: Visit, browser: Browser) -> None:
    page = own.page
    own.allowed.append(FAILED_LOAD)
    with visiting(browser, own.base) as elsewhere:
        elsewhere.log_in("admin", PASSWORD)
        own.open(ACCOUNT)
        page.get_by_role("button", name="Sign out the login from 127.0.0.1").click()
        assert elsewhere.page.request.post(f"{own.base}/auth/logout", headers={"Origin": own.base}).ok
        page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("row").filter(has_text="Elsewhere")).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, web_server: WebServer, size: tuple[int, int]) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("viewer", PASSWORD)
        visit.open(ACCOUNT)
        assert visit.violations_in_both_themes() == []
        visit.page.get_by_role("button", name="Change the password").click()
        assert visit.violations_in_both_themes() == []
