"""Errors of calls in the page's language: at the field of a form, and where a page cannot be loaded."""

import json

import pytest
from playwright.sync_api import Browser, expect

from sessiontrack.http.errors import CODES, STATUSES
from sessiontrack.web.catalogues import LANGUAGES, texts
from tests.support.application import PASSWORD
from tests.support.web import FAILED_LOAD, WebServer, visiting

DEVICE = "/ui/devices/DA:41:7E:0C:93:5A"
GRACE = {
    "en": "At least a minute, at most 366 days.",
    "fr": "Au moins une minute, au plus 366 jours.",
    "de": "Mindestens eine Minute, höchstens 366 Tage.",
}


def test_every_code_of_the_api_has_its_words() -> None:
    codes = {code for _, code in STATUSES.values()} | {code for code, _ in CODES.values()}
    for language in LANGUAGES:
        assert {f"error.code.{code}" for code in codes} <= set(texts(language)), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_value_is_said_at_its_field(browser: Browser, web_server: WebServer, language: str) -> None:
    with visiting(browser, web_server.base, locale=language) as visit:
        visit.allowed.append(FAILED_LOAD)
        visit.choose(language=language)
        visit.log_in("admin", PASSWORD)
        visit.open(DEVICE)
        visit.page.locator(".page-actions button").first.click()
        form = visit.page.locator("dialog form")
        grace = form.locator("[name=grace]")
        grace.fill("400")
        form.locator("[name=grace_unit]").select_option("days")
        form.locator("button[value=yes]").click()
        expect(grace).to_be_focused()
        expect(grace).to_have_attribute("aria-invalid", "true")
        expect(grace).to_have_accessible_description(GRACE[language])
        expect(form.get_by_role("alert")).to_have_text(GRACE[language])
        # What is typed next is not yet wrong.
        grace.fill("2")
        expect(form.get_by_role("alert")).to_have_count(0)
        assert grace.get_attribute("aria-describedby") is None


@pytest.mark.parametrize(("language", "said"), [("fr", "trop de temps"), ("de", "zu lange dauern")])
def test_what_cannot_be_loaded_is_said_in_the_pages_language(
    browser: Browser, web_server: WebServer, language: str, said: str
) -> None:
    body = {"success": False, "error": "query_too_slow", "message": "This takes too long."}
    with visiting(browser, web_server.base, locale=language) as visit:
        visit.allowed.append(FAILED_LOAD)
        visit.choose(language=language)
        visit.log_in("admin", PASSWORD)
        visit.page.route(
            "**/devices?*",
            lambda route: route.fulfill(status=503, content_type="application/json", body=json.dumps(body)),
        )
        visit.open("/ui/devices")
        expect(visit.page.get_by_role("heading", level=2)).to_contain_text(said)
