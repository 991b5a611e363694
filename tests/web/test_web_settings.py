"""The settings page in a browser: users, API tokens, retention, and configuration with its sources."""

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from sessiontrack.process.own_command import own_command
from sessiontrack.version import VERSION
from tests.support.application import PASSWORD
from tests.support.web import DESKTOP, FAILED_LOAD, PHONE, Visit, WebServer, can_sign_in, dialog, visiting

SETTINGS = "/ui/settings"
SECTIONS = ("users", "tokens", "retention", "configuration", "backups", "doctor", "about")


def row(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("row").filter(has=visit.page.get_by_text(name, exact=True))


def test_a_user_is_added_changed_disabled_and_removed(own: Visit) -> None:
    page = own.page
    own.open(SETTINGS)
    page.get_by_role("button", name="Add a user").click()
    dialog(own).get_by_label("User name").fill("anna")
    dialog(own).get_by_label("Password").fill("first words")
    dialog(own).get_by_role("radio", name="Operator").check()
    dialog(own).get_by_role("button", name="Add a user").click()
    expect(row(own, "anna")).to_contain_text("Operator")
    assert can_sign_in(own, "anna", "first words")

    page.get_by_role("button", name="Change the role of anna").click()
    dialog(own).get_by_role("radio", name="Viewer").check()
    dialog(own).get_by_role("button", name="Save").click()
    expect(row(own, "anna")).to_contain_text("Viewer")

    page.get_by_role("button", name="Set a password for anna").click()
    dialog(own).get_by_label("Password").fill("other words")
    dialog(own).get_by_role("button", name="Save").click()
    expect(dialog(own)).to_have_count(0)
    assert not can_sign_in(own, "anna", "first words")
    assert can_sign_in(own, "anna", "other words")

    page.get_by_role("button", name="Disable anna").click()
    dialog(own).get_by_role("button", name="Disable").click()
    expect(row(own, "anna")).to_contain_text("Disabled")
    assert not can_sign_in(own, "anna", "other words")
    page.get_by_role("button", name="Enable anna").click()
    expect(row(own, "anna")).to_contain_text("Active")
    assert can_sign_in(own, "anna", "other words")

    page.get_by_role("button", name="Remove anna").click()
    expect(dialog(own)).to_contain_text("Past user sessions stay under the name")
    dialog(own).get_by_role("button", name="Cancel").click()
    expect(row(own, "anna")).to_have_count(1)
    page.get_by_role("button", name="Remove anna").click()
    dialog(own).get_by_role("button", name="Remove").click()
    expect(row(own, "anna")).to_have_count(0)


def test_what_is_refused_is_said_in_the_form_which_stays(own: Visit) -> None:
    own.allowed.append(FAILED_LOAD)
    own.open(SETTINGS)
    own.page.get_by_role("button", name="Add a user").click()
    dialog(own).get_by_label("User name").fill("viewer")
    for password, shown in (
        ("short", "too short"),
        ("password1", "fair"),
        ("correct horse battery", "strong"),
    ):
        dialog(own).get_by_label("Password").fill(password)
        expect(dialog(own).get_by_role("status")).to_have_text(shown)
    dialog(own).get_by_label("Password").fill("password1")
    dialog(own).get_by_role("button", name="Add a user").click()
    expect(dialog(own).get_by_role("alert")).to_contain_text("none of the 1,000 most common passwords")
    dialog(own).get_by_label("Password").fill("some words")
    dialog(own).get_by_role("button", name="Add a user").click()
    expect(dialog(own).get_by_role("alert")).to_have_text("A user of this name exists already.")
    expect(dialog(own).get_by_label("User name")).to_have_value("viewer")
    own.page.keyboard.press("Escape")
    expect(dialog(own)).to_have_count(0)


@pytest.mark.parametrize("action", ["Change the role of", "Disable", "Remove"])
def test_the_last_administrator_stays_one(own: Visit, action: str) -> None:
    own.allowed.append(FAILED_LOAD)
    own.open(SETTINGS)
    own.page.get_by_role("button", name=f"{action} admin").click()
    if action == "Change the role of":
        dialog(own).get_by_role("radio", name="Viewer").check()
    dialog(own).locator("button[value=yes]").click()
    expect(dialog(own).get_by_role("alert")).to_contain_text("admin is the last administrator.")
    assert can_sign_in(own, "admin", PASSWORD)


def test_whoever_gives_themselves_a_password_signs_in_again(own: Visit) -> None:
    own.open(SETTINGS)
    own.page.get_by_role("button", name="Set a password for admin").click()
    expect(dialog(own)).to_contain_text("sign in again with the new password")
    dialog(own).get_by_label("Password").fill("new words")
    dialog(own).get_by_role("button", name="Save").click()
    own.page.wait_for_url(re.compile(r"/ui/login\?next=/ui/settings"))


def test_a_token_is_issued_shown_once_copied_used_and_revoked(own: Visit) -> None:
    page = own.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    own.open(f"{SETTINGS}?section=tokens")
    page.get_by_role("button", name="Issue a token").click()
    dialog(own).get_by_label("Name").fill("the portal")
    dialog(own).get_by_label("Expires").select_option("in 30 days")
    dialog(own).get_by_role("button", name="Issue a token").click()
    secret = page.locator("#new-token").inner_text()
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == secret
    expect(dialog(own)).to_contain_text(f'curl -H "Authorization: Bearer {secret}" {own.base}/auth/me')
    page.get_by_role("button", name="I have copied it").click()
    expect(row(own, "the portal")).to_contain_text("Viewer")
    assert secret not in page.content()

    headers = {"Authorization": f"Bearer {secret}"}
    issued = page.request.get(f"{own.base}/auth/tokens").json()[-1]
    assert issued["expires_at"] == issued["created_at"] + 30 * 86_400
    asked = page.request.get(f"{own.base}/auth/me", headers=headers)
    assert asked.json() == {"username": "admin", "role": "viewer", "kind": "token"}
    page.get_by_role("button", name="Revoke the token “the portal”").click()
    dialog(own).get_by_role("button", name="Revoke").click()
    expect(row(own, "the portal")).to_contain_text("Revoked")
    assert page.request.get(f"{own.base}/auth/me", headers=headers).status == 401


def test_without_a_clipboard_the_token_is_copied_as_by_hand(own: Visit) -> None:
    page = own.page
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    own.open(f"{SETTINGS}?section=tokens")
    page.evaluate(
        "document.addEventListener('copy', () => window.copied = String(document.activeElement.value))"
    )
    page.get_by_role("button", name="Issue a token").click()
    dialog(own).get_by_label("Name").fill("over plain HTTP")
    dialog(own).get_by_role("button", name="Issue a token").click()
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_have_count(1)
    assert page.evaluate("window.copied") == page.locator("#new-token").inner_text()


def test_a_token_cannot_do_more_than_its_user_and_names_are_unique(own: Visit) -> None:
    own.allowed.append(FAILED_LOAD)
    page = own.page
    own.open(f"{SETTINGS}?section=tokens")
    page.get_by_role("button", name="Issue a token").click()
    dialog(own).get_by_label("Name").fill("too much")
    dialog(own).get_by_role("combobox", name="User").select_option("viewer")
    dialog(own).get_by_role("radio", name="Administrator").check()
    dialog(own).get_by_role("button", name="Issue a token").click()
    expect(dialog(own).get_by_role("alert")).to_contain_text("A token cannot do more than its user.")
    dialog(own).get_by_role("radio", name="Viewer").check()
    dialog(own).get_by_label("Name").fill("viewer's")
    dialog(own).get_by_role("button", name="Issue a token").click()
    expect(dialog(own).get_by_role("alert")).to_contain_text("A token of this name is in use.")


def test_retention_says_how_long_and_from_where(own: Visit) -> None:
    own.open(f"{SETTINGS}?section=retention")
    facts = own.page.locator(".facts-list > div")
    expect(facts.filter(has_text="Events")).to_contain_text("1 year")
    expect(facts.filter(has_text="Events")).to_contain_text("File")
    expect(facts.filter(has_text="Device sessions")).to_contain_text("kept for ever")
    expect(facts.filter(has_text="Size of the database")).to_contain_text("no limit")
    own.choose(language="de")
    own.page.reload()
    expect(facts.filter(has_text="RETENTION_EVENTS")).to_contain_text("1 Jahr")


def test_the_configuration_is_searched_sorted_and_filtered_and_tells_no_secret(own: Visit) -> None:
    page = own.page
    own.open(f"{SETTINGS}?section=configuration&size=100")
    expect(row(own, "timezone")).to_contain_text("Europe/Paris")
    expect(row(own, "timezone")).to_contain_text("Environment")
    expect(row(own, "timezone")).to_contain_text("default: UTC")
    expect(row(own, "radius_clients")).to_contain_text("secret, not shown")
    page.get_by_role("button", name="Set here").click()
    page.wait_for_url(re.compile("changed=true"))
    expect(row(own, "retention_events")).to_contain_text("File")
    expect(row(own, "threads")).to_have_count(0)
    page.get_by_role("searchbox").fill("time zone")
    page.wait_for_url(re.compile("q=time"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Users").click()
    assert page.url == f"{own.base}{SETTINGS}"


def test_each_setting_has_the_line_that_changes_it(own: Visit) -> None:
    page = own.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    own.open(f"{SETTINGS}?section=configuration&size=100")
    lines = {
        # The environment goes before the file, which is found through INSTANCE.
        "timezone": "SESSIONTRACK_TIMEZONE=Europe/Paris",
        "retention_events": f"{own_command()} settings set RETENTION_EVENTS '1 year'",
        "threads": f"{own_command()} settings set THREADS 8",
        "radius_clients": f"{own_command()} settings set RADIUS_CLIENTS VALUE",
        "trusted_proxies": f"{own_command()} settings set TRUSTED_PROXIES VALUE",
    }
    for name, line in lines.items():
        expect(row(own, name)).to_contain_text(line)
    page.get_by_role("button", name="Copy the line that changes RETENTION_EVENTS").click()
    expect(row(own, "retention_events").get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == lines["retention_events"]
    own.open(f"{SETTINGS}?section=retention")
    expect(page.locator(".facts-list")).to_contain_text(lines["retention_events"])


def test_the_doctors_findings_are_on_the_page_the_worst_first(own: Visit) -> None:
    page = own.page
    own.open(f"{SETTINGS}?section=doctor")
    findings = page.locator(".findings dl > div")
    expect(findings.filter(has_text="schema")).to_contain_text("OK")
    answer = {"success": True, "state": "wrong"}
    answer |= {
        "checks": [
            {"name": "schema", "state": "ok", "code": "schema.ok", "values": {"revision": "0001"}},
            {"name": "disk", "state": "wrong", "code": "disk.full", "values": {"mib": 1000, "percent": 1}},
            {
                "name": "backup",
                "state": "warning",
                "code": "backup.old",
                "values": {"time": "2020-06-25T22:30:00+00:00", "days": 1234},
            },
        ]
    }
    page.route("**/doctor", lambda route: route.fulfill(json=answer))
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="Something is wrong")).to_be_visible()
    expect(findings).to_have_count(3)
    expect(findings.nth(1)).to_contain_text("the last one is of Fri, 26 Jun 2020, 00:30, 1,234 days ago")
    expect(findings.first).to_contain_text("1,000 MiB free (1%): writes will soon be refused; make room.")
    own.choose(language="fr")
    own.open(f"{SETTINGS}?section=doctor")
    expect(findings.first).to_contain_text("Disque")
    expect(findings.first).to_contain_text("(1\u00a0%)")
    expect(findings.first).to_contain_text("les écritures seront bientôt refusées")
    expect(findings.nth(1)).to_contain_text("ven. 26 juin 2020, 00:30")


@pytest.mark.sqlite("without the programs of PostgreSQL")
def test_a_backup_is_made_and_downloaded_with_the_password(own: Visit) -> None:
    own.allowed.append(FAILED_LOAD)
    page = own.page
    own.open(f"{SETTINGS}?section=backups")
    page.get_by_role("button", name="Back up now").click()
    download = page.get_by_role(
        "button", name=re.compile(r"Download sessiontrack-\d{8}T\d{6}Z-asked\.sqlite3")
    )
    expect(download).to_have_count(1)
    expect(page.get_by_role("button", name="Back up now")).to_be_enabled()
    download.click()
    expect(dialog(own)).to_contain_text("all users with their password hashes")
    dialog(own).get_by_label("Your password").fill("not this one")
    dialog(own).get_by_role("button", name="Download", exact=True).click()
    expect(dialog(own).get_by_role("alert")).to_have_text("This is not your password.")
    assert own.violations() == []
    dialog(own).get_by_label("Your password").fill(PASSWORD)
    with page.expect_download() as found:
        dialog(own).get_by_role("button", name="Download", exact=True).click()
    assert found.value.path().read_bytes().startswith(b"SQLite format 3")
    # Whoever has signed in anew goes on.
    own.open(f"{SETTINGS}?section=backups")
    expect(download).to_have_count(1)


def test_about_names_the_version_and_the_licences(own: Visit) -> None:
    own.open(f"{SETTINGS}?section=about")
    expect(own.page.locator(".facts-list")).to_contain_text(f"sessiontrack {VERSION}")
    link = own.page.get_by_role("link", name="licenses.txt")
    assert "BSD 3-Clause" in own.page.request.get(own.base + str(link.get_attribute("href"))).text()


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_settings_are_for_administrators(visit: Visit, who: str) -> None:
    visit.allowed.append("403 (FORBIDDEN)")
    visit.log_in(who, PASSWORD)
    visit.open(SETTINGS)
    expect(visit.page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
    visit.open("/ui/devices")
    expect(visit.page.get_by_role("link", name="Settings")).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (360, 740)], ids=["desktop", "phone", "narrow"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    browser: Browser, web_server: WebServer, size: tuple[int, int]
) -> None:
    with visiting(browser, web_server.base, size) as visit:
        visit.choose(theme="light")
        visit.log_in("admin", PASSWORD)
        for section in SECTIONS:
            visit.open(f"{SETTINGS}?section={section}")
            assert visit.violations_in_both_themes() == []
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for section, button in (("tokens", "Issue a token"), ("users", "Add a user")):
            visit.open(f"{SETTINGS}?section={section}")
            visit.page.get_by_role("button", name=button).click()
            expect(dialog(visit)).to_be_visible()
            assert visit.violations_in_both_themes() == []


def test_in_french_and_below_a_sub_path(browser: Browser, subpath: str) -> None:
    with visiting(browser, subpath) as visit:
        visit.choose(language="fr")
        visit.log_in("admin", PASSWORD)
        visit.open(f"{SETTINGS}?section=tokens")
        expect(visit.page.get_by_role("heading", name="Réglages")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Émettre un jeton")).to_be_visible()
        visit.open(f"{SETTINGS}?section=configuration&q=fuseau")
        expect(row(visit, "timezone")).to_contain_text("Fuseau horaire du site")
        visit.open(f"{SETTINGS}?section=nothing")
        expect(visit.page.get_by_role("button", name="Ajouter un utilisateur")).to_be_visible()
